"""Choosing among the SKUs that share a device id or a name: pure functions of declared facts and profiles."""

import re

from gpucheck.catalog.names import CardName, is_cut, is_cut_to, parse_name, squash_name, undetailed
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import DriverFacts, Evidence, NvmlFacts, PciFacts
from gpucheck.model.measured import MemoryWalk
from gpucheck.model.modification import Modification
from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB

LOWEST, HIGHEST = 0.92, 1.001
"""Of a nominal capacity, what drivers report: they reserve some, and those before 510 subtract more."""
_REAL_SHARE = 0.9
"""A capacity of which the walk found less than this is forged, whatever workshop is known for it."""

Candidates = tuple[Profile, ...]


class Declared:
    """The few declared facts that matching looks at. Sizes in MiB, clocks in MHz; ``None`` where not known."""

    def __init__(self, evidence: Evidence) -> None:
        nvml = evidence.declared
        bus = evidence.pci if isinstance(evidence.pci, PciFacts) else None
        stated = nvml.device_id if nvml else None
        if bus and stated is not None and bus.device_id != stated:
            bus = None  # NVML's account is what people are shown; that the bus contradicts it is a check's to find
        self.device_id = stated if stated is not None else bus.device_id if bus else None
        self.name = (nvml.name if nvml else None) or _other_name(bus, evidence.driver)
        self.subsystem = _subsystem(bus) or _subsystem(nvml)
        total = nvml.memory_total_bytes if nvml and not nvml.mig_enabled else None
        self.total_mib = total / MIB if total else None
        self.memory_clock_mhz = nvml.memory_clock_max_mhz if nvml else None
        walk = evidence.memory_walk
        self.forged = isinstance(walk, MemoryWalk) and walk.distinct_bytes < _REAL_SHARE * walk.tested_bytes


def _other_name(bus: PciFacts | None, driver: DriverFacts | Unavailable) -> str | None:
    """What the kernel driver calls the card, else the product that a PCI id list names in brackets."""
    if isinstance(driver, DriverFacts) and driver.model:
        return driver.model
    listed = re.search(r"\[([^\[\]]{2,80})\]$", (bus.name or "").strip()) if bus else None
    return listed[1] if listed else None


def has_capacity(profile: Profile, total_mib: float) -> bool:
    """Whether a driver may report the total for the SKU: near a capacity that it is sold with."""
    return _rank(profile, total_mib) < 2


def is_called(profile: Profile, wanted: str) -> bool:
    """Whether one of the SKU's names, squashed, is the wanted one."""
    return any(squash_name(name) == wanted for name in names_of(profile))


def may_be_cut_to(profile: Profile, shown: str) -> bool:
    """Whether a table may show what a driver calls the SKU so; by lists' names where the driver's is not on record."""
    names = profile.nvml_names or tuple(undetailed(name) for name in names_of(profile))
    return any(is_cut_to(name, shown) for name in names)


def starts_so(profile: Profile, wanted: str) -> bool:
    """Whether one of the SKU's names, squashed, begins with the wanted text."""
    return any(squash_name(name).startswith(wanted) for name in names_of(profile))


def may_print(profile: Profile, asked: CardName) -> bool:
    """Whether a driver may print the name for the SKU, by any of its names."""
    return any(asked.prints_for(parse_name(name)) for name in names_of(profile))


def names_of(profile: Profile) -> tuple[str, ...]:
    """Every name of one product; pci.ids also has names for several at once, with a slash, which are none."""
    others = tuple(name for name in profile.other_names if "/" not in name)
    return (*profile.nvml_names, profile.name, *others)


def narrow(candidates: Candidates, facts: Declared) -> Candidates:
    """Leave out what subsystem, name, capacity and memory clock exclude; never leave out all."""
    left = _by_subsystem(candidates, facts)
    left = _by_name(left, facts)
    left = _by_capacity(left, facts)
    left = _by_clock(left, facts)
    left = _by_printed_name(left, facts)
    return _prefer_unruled(left, facts)


def settle(left: Candidates, facts: Declared) -> tuple[Profile | None, str]:
    """Return the one SKU, or the first where the rest differ from it in name only; with a note why.

    A name that a table cut off singles out none whose drivers print different ones.
    """
    first = left[0]
    if len(left) == 1:
        return first, ""
    names = ", ".join(profile.name for profile in left)
    unnamed = facts.name is not None and facts.device_id is None and is_cut(facts.name) and not printed_by_all(left)
    if unnamed or len({_build(profile) for profile in left}) > 1:
        return None, f"nothing tells these apart: {names}"
    return first, f"the same in all that counts: {names}"


def printed_by_all(profiles: Candidates) -> tuple[str, ...]:
    """Names that drivers print for each of the SKUs, as the first of them spells it."""
    first, *others = profiles
    known = [{squash_name(name) for name in profile.nvml_names} for profile in others]
    return tuple(name for name in first.nvml_names if all(squash_name(name) in names for names in known))


def modification_among(known: list[Modification], candidates: Candidates, facts: Declared) -> Modification | None:
    """Return the modification that subsystem or capacity point to; none where the memory was found not to be there."""
    if facts.forged:
        return None
    for each in known:
        if each.subsystem_decides and facts.subsystem in each.subsystems:
            return each
    total = facts.total_mib
    if total is None or any(has_capacity(profile, total) for profile in candidates):
        return None
    return next((m for m in known if any(abs(total - size) <= size * 0.005 for size in m.memory_mib)), None)


def _subsystem(facts: NvmlFacts | PciFacts | None) -> tuple[int, int] | None:
    if facts is None or facts.subsystem_vendor_id is None or facts.subsystem_id is None:
        return None
    return facts.subsystem_vendor_id, facts.subsystem_id


def _rank(profile: Profile, total_mib: float) -> int:
    """0 at a total that drivers really report, 1 near a nominal capacity, 2 elsewhere."""
    if any(abs(total_mib - size) <= size * 0.003 for size in profile.reported_mib):
        return 0
    sizes = (size for layout in profile.memory for size in layout.sizes_mib)
    return 1 if any(LOWEST * size <= total_mib <= HIGHEST * size for size in sizes) else 2


def _rule(profile: Profile, facts: Declared) -> tuple[tuple[int, int], ...]:
    return profile.subsystems.get(facts.device_id, ()) if facts.device_id is not None else ()


def _by_subsystem(left: Candidates, facts: Declared) -> Candidates:
    return tuple(p for p in left if facts.subsystem in _rule(p, facts)) or left


def _by_name(left: Candidates, facts: Declared) -> Candidates:
    if len(left) == 1 or not facts.name or facts.device_id is None:
        # Without a device id the name chose the candidates already, with all that a driver calls so.
        return left
    wanted = squash_name(facts.name)
    exact = tuple(p for p in left if is_called(p, wanted) or wanted in map(squash_name, p.other_names))
    # A list's name may stand for several; it is the own name of one of them.
    exact = tuple(sorted(exact, key=lambda p: squash_name(p.name) != wanted))
    asked = parse_name(facts.name)
    return exact or tuple(p for p in left if any(asked.means(parse_name(n)) for n in names_of(p))) or left


def _by_capacity(left: Candidates, facts: Declared) -> Candidates:
    if len(left) == 1 or facts.total_mib is None:
        return left
    ranks = [_rank(profile, facts.total_mib) for profile in left]
    best = min(ranks)
    if best == 2:
        return left
    return tuple(profile for profile, rank in zip(left, ranks, strict=True) if rank == best)


def _by_clock(left: Candidates, facts: Declared) -> Candidates:
    clock = facts.memory_clock_mhz
    if len(left) == 1 or not clock:
        return left
    return tuple(p for p in left if any(abs(clock - built) <= 0.02 * clock for built in _memory_clocks(p))) or left


def _memory_clocks(profile: Profile) -> list[float]:
    """Maximum memory clocks in MHz, of every layout: half the data rate."""
    stated = [] if profile.memory_clock_max_mhz is None else [float(profile.memory_clock_max_mhz)]
    return stated + [layout.data_rate_gbps * 500 for layout in profile.memory if layout.data_rate_gbps]


def _by_printed_name(left: Candidates, facts: Declared) -> Candidates:
    """Where the name alone decides, what drivers print is worth more than what lists say; not where no list knows."""
    if len(left) == 1 or not facts.name or facts.device_id is not None:
        return left
    wanted = squash_name(facts.name)
    printed = [any(squash_name(name) == wanted for name in profile.nvml_names) for profile in left]
    if not any(printed):
        return left
    return tuple(p for p, exact in zip(left, printed, strict=True) if exact or not p.nvml_names)


def _prefer_unruled(left: Candidates, facts: Declared) -> Candidates:
    """A SKU with a list of its subsystems is not meant where the card's is known and not on the list."""
    if len(left) == 1 or facts.subsystem is None:
        return left
    rules = [_rule(profile, facts) for profile in left]
    if any(facts.subsystem in rule for rule in rules):
        return left
    return tuple(profile for profile, rule in zip(left, rules, strict=True) if not rule) or left


def _build(profile: Profile) -> tuple[object, ...]:
    layouts = frozenset((layout.sizes_mib, layout.type, layout.bus_width_bits) for layout in profile.memory)
    return profile.die.name, profile.sm_counts, layouts
