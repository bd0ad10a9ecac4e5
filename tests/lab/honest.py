"""Honest cards: every SKU of the catalog, in the boards, hosts and states in which people really have them.

Where the spreads come from:

* power limits: default limits of 27 genuine GeForce and workstation cards lie between 1.0 and 1.28 of the usual one
  (captures of nvidia-smi), the least allowed between a hundredth and all of it, the largest up to 1.4 times;
* rates: read and copy tests of genuine cards reach 0.86 to 0.98 of the peak (gpu-benches, nvbandwidth, reports), and
  one scan differs from the next by a percent or two; overclocked memory by up to a tenth;
* drivers: branches that captures show, from the first that knows a generation to the last;
* desktops hold 0.3 to 2.5 GiB (captures), programs of others up to a third of a card.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from gpucheck.model.attestation import ATTESTING_DIES
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.profile import Profile
from gpucheck.model.units import GIB, MIB
from tests.cards import catalog
from tests.lab.card import Draw, LabCard, Table

SHARED_SILICON = 8
"""Cards in a row that share one scan of the silicon."""

_BRANCHES = {
    "Fermi": ("390.157",),
    "Kepler": ("390.157", "470.256.02"),
    "Maxwell": ("470.256.02", "535.54.03", "550.54.14", "580.95.05"),
    "Pascal": ("470.256.02", "535.54.03", "550.54.14", "580.95.05"),
    "Volta": ("470.256.02", "535.54.03", "580.95.05"),
    "Turing": ("470.256.02", "525.60.13", "550.54.14", "580.95.05", "590.48.01"),
    "Ampere": ("510.47.03", "535.54.03", "560.35.03", "580.95.05", "590.48.01"),
    "Ada": ("525.60.13", "550.54.14", "580.95.05", "590.48.01"),
    "Hopper": ("525.60.13", "550.54.14", "580.95.05", "590.48.01"),
    "Blackwell": ("570.86.10", "580.95.05", "590.48.01"),
}
_PARTNERS = (0x1043, 0x1458, 0x1462, 0x19DA, 0x3842, 0x10DE, 0x1569, 0x10B0, 0x1B4C, 0x7377, 0x196E, 0x1028, 0x103C)
_SOURCES = ("pci", "driver", "vbios", "integrity", "resource_manager", "registers", "attestation")
_PROBES = ("throughput", "fingerprint", "latency", "bandwidth", "slab_map", "memory_walk", "host_link", "census")
_DENIED = Unavailable(unavailable=Reason.NO_PERMISSION, detail="the host denies it")


@dataclass(frozen=True)
class Parts:
    """What a stratum adds to a card."""

    silicon: Table
    declared: Table
    environment: Table
    changes: tuple[tuple[str, Any], ...] = ()
    unmeasured: bool = False


@dataclass(frozen=True)
class Stratum:
    """One circumstance of honest cards."""

    name: str
    fits: Callable[[Profile], bool]
    silicon: Callable[[Draw, Profile], Table]
    """Drawn once for cards in a row: physical facts and settings of the host that reach the kernels."""
    rest: Callable[[Draw, Profile], Parts]


def _nothing(_chance: Draw, _profile: Profile) -> Table:
    return {}


def _plain(_chance: Draw, _profile: Profile) -> Parts:
    return Parts({}, {}, {})


def _any(_profile: Profile) -> bool:
    return True


def _desktop(profile: Profile) -> bool:
    return profile.form_factor in ("desktop", "oem", "workstation")


@cache
def every_sku() -> tuple[Profile, ...]:
    """The catalog, in its order."""
    return tuple(catalog().all_profiles())


@cache
def marked() -> frozenset[int]:
    """Subsystem ids by which the catalog knows something: another SKU, or a modification."""
    own = {pair[1] for p in every_sku() for pairs in p.subsystems.values() for pair in pairs}
    return frozenset(own | {0x146D, 0x167C})


def partner(chance: Draw, profile: Profile) -> Table:
    """Board, firmware build, limits and driver of one partner's card."""
    declared: Table = {}
    if _desktop(profile) and profile.sku_class == "geforce":
        if not profile.subsystems:
            declared["subsystem_vendor_id"] = chance.pick(_PARTNERS)
            declared["subsystem_id"] = _subsystem(chance)
        if profile.power_default_watts:
            watts = float(round(profile.power_default_watts * chance.pick((1, 1, 1, 1.04, 1.08, 1.13, 1.28))))
            most = float(round(watts * chance.between(1, 1.4)))
            least = float(round(watts * chance.between(0.02, 1)))
            declared |= {"power_default_watts": watts, "power_max_watts": most, "power_min_watts": least}
            declared["power_limit_watts"] = float(round(least + (most - least) * chance.random()))
    family = next(iter(profile.die.vbios_families), None)
    if family and chance.likely(0.8):
        tail = [int(chance.random() * 256) for _ in range(3)]
        declared["vbios_version"] = ".".join([family, *(f"{byte:02X}" for byte in tail)])
    return declared


def _subsystem(chance: Draw) -> int:
    while (number := 0x1000 + int(chance.random() * 0x8000)) in marked():
        pass
    return number


def driver(chance: Draw, profile: Profile) -> str:
    """A driver that knows the generation."""
    return chance.pick(_BRANCHES.get(profile.die.architecture, ("580.95.05",)))


def _in_parts(chance: Draw, _profile: Profile) -> Parts:
    """Sources and probes absent in any combination, for any reason."""
    gone = [name for name in (*_SOURCES, *_PROBES) if chance.likely(0.25)]
    reasons = [chance.pick(list(Reason)) for _ in gone]
    absent = [Unavailable(unavailable=reason, detail="not to be had here") for reason in reasons]
    return Parts({}, {}, {}, tuple(zip(gone, absent, strict=True)))


def _narrow_slot(chance: Draw, profile: Profile) -> Parts:
    """A riser or a slot with fewer lanes, or an older one. Newer cards state the slot's generation as their own."""
    own_lanes, own = profile.pcie_lanes or 16, profile.pcie_generation or 3
    lanes = min(own_lanes, chance.pick((1, 2, 4, 8)))
    generation = min(own, chance.pick((2, 3, 4)))
    lowered = generation if profile.die.architecture in ("Ampere", "Ada", "Hopper", "Blackwell") else own
    link = {
        "nvml__pcie_lanes_max": lanes,
        "nvml__pcie_lanes_current": lanes,
        "nvml__pcie_generation_max": generation,
        "nvml__pcie_generation_device_max": lowered,
        "pci__link_lanes_max": own_lanes,
        "pci__link_lanes_current": lanes,
        "pci__link_generation_max": lowered,
        "pci__link_generation_current": generation,
        "pci__port_link_lanes_max": lanes,
        "pci__port_link_generation_max": generation,
    }
    return Parts({}, {}, {}, tuple(link.items()))


def _slow_link(chance: Draw, profile: Profile) -> Table:
    lanes = min(profile.pcie_lanes or 16, chance.pick((1, 4, 8)))
    return {"pcie_lanes": lanes, "pcie_generation": 2, "link_replays_per_gib": chance.pick((0.0, 0.0, 900.0))}


def _worn(chance: Draw, profile: Profile) -> Parts:
    """Counters of a card with a past. A few remapped rows are what remapping is for."""
    counts = {"pcie_replay_count": int(chance.random() * 3000)}
    if profile.ecc == "yes" and profile.die.capability_numbers >= (8, 0) and profile.sku_class == "datacenter":
        counts |= {"row_remap_correctable": chance.pick((0, 1, 5)), "row_remap_uncorrectable": chance.pick((0, 2))}
    errors = {"pci__aer_correctable": {"BadTLP": int(chance.random() * 20_000), "RxErr": chance.pick((0, 7, 400))}}
    return Parts({}, counts, {}, tuple(errors.items()))


def _with_defect(chance: Draw, profile: Profile) -> Table:
    """Some cells that do not keep what is written. The card is what it is; it is broken."""
    most = profile.memory_sizes_bytes[-1]
    cells = sorted({int(chance.random() * (most // 2 // 64)) * 64 for _ in range(3)})
    kind = chance.pick(("stuck", "transition", "retention", "hot"))
    if kind == "hot":
        return {"load_errors": float(chance.pick((1, 50)))}
    if kind == "retention":
        return {"memory_fault": [{"kind": kind, "start_bytes": cells[0] // 4096 * 4096, "length_bytes": 2 * MIB}]}
    return {
        "memory_fault": [
            {"kind": kind, "addresses": cells, "bit": chance.pick((3, 17, 40)), "value": chance.pick((0, 1))}
        ]
    }


def _display(chance: Draw, profile: Profile) -> Table:
    most = min(2.5 * GIB, profile.memory_sizes_bytes[-1] / 4)
    return {"display_in_use_bytes": int(chance.between(0.1, 1) * most) // 4096 * 4096}


def _others(chance: Draw, profile: Profile) -> Table:
    most = profile.memory_sizes_bytes[-1] // MIB
    return {"processes": [int(most * chance.between(0.05, 0.3))], "busy_share": chance.between(0.1, 0.7, 2)}


def _memory_runs_faster(chance: Draw, profile: Profile) -> Table:
    rate = profile.memory[0].data_rate_gbps
    return {"memory_data_rate_gbps": round(rate * chance.between(1.0, 1.1), 2)} if rate else {}


def _heat(chance: Draw, _profile: Profile) -> Table:
    return {"throttles": chance.pick(("thermal", "power", "hardware")), "throttled_rate": chance.between(0.4, 0.95, 2)}


def _noisy(chance: Draw, _profile: Profile) -> Table:
    return {"noise": chance.between(0.002, 0.03)}


def _ecc(chance: Draw, _profile: Profile) -> Parts:
    return Parts({}, {"ecc_enabled": chance.likely(0.5)}, {})


def _bar(chance: Draw, _profile: Profile) -> Parts:
    return Parts({}, {"bar1_bytes": chance.pick((256 * MIB, 128 * MIB))}, {})


def _container(chance: Draw, _profile: Profile) -> Parts:
    """A container sees no modules' texts, and often no PCI tree of the host."""
    hidden = [(name, _DENIED) for name in ("driver", "integrity", "pci") if chance.likely(0.5)]
    return Parts({}, {}, {}, (("host__container", True), *hidden))


def _without_rights(chance: Draw, _profile: Profile) -> Parts:
    hidden = [name for name in _SOURCES if chance.likely(0.6)]
    return Parts({}, {}, {}, tuple((name, _DENIED) for name in hidden))


def _own_rom(chance: Draw, profile: Profile) -> Parts:
    """The card's own ROM was read; some owners run another partner's."""
    rom: Table = {"form": chance.pick(("flash", "option_rom"))}
    if profile.sku_class == "geforce" and _desktop(profile) and chance.likely(0.3):
        rom |= {"subsystem_vendor_id": chance.pick(_PARTNERS), "subsystem_id": _subsystem(chance)}
    return Parts({}, {"vbios": rom}, {})


def _as_root(chance: Draw, profile: Profile) -> Parts:
    """Everything that can be read was read."""
    parts = _own_rom(chance, profile)
    return replace(parts, environment={"root": True})


def _attests(_chance: Draw, _profile: Profile) -> Parts:
    return Parts({}, {"attestation": {"state": "valid"}}, {})


def _off_the_bus(_chance: Draw, _profile: Profile) -> Parts:
    """A card that no longer answers: honest, and in need of repair."""
    return Parts({}, {"pci": {"off_bus": True}}, {}, unmeasured=True)


def _on_an_adapter(_chance: Draw, _profile: Profile) -> Parts:
    return Parts({}, {}, {"chassis": "desktop"})


def _memory_not_trained(chance: Draw, _profile: Profile) -> Parts:
    """Errors that bad joints leave on a card which is what it says."""
    declared = {"resource_manager": {"calibration_failed": chance.likely(0.5)}, "pci": {"link_errors": 20_000}}
    return Parts({}, declared, {})


def _from_a_file(_chance: Draw, _profile: Profile) -> Parts:
    return Parts({}, {}, {}, unmeasured=True)


def _virtual_gpu(chance: Draw, profile: Profile) -> Parts:
    share = chance.pick((2, 4, 8))
    size = profile.memory_sizes_bytes[-1] // share
    name = f"GRID {profile.name.split()[0]}-{max(1, size // GIB)}Q"
    facts = {"nvml__virtualization": "VGPU", "nvml__memory_total_bytes": size, "nvml__name": name}
    return Parts({}, {}, {"virtualized": True}, tuple(facts.items()), unmeasured=True)


def _environment(**settings: Any) -> Callable[[Draw, Profile], Parts]:
    return lambda _chance, _profile: Parts({}, {}, dict(settings))


STRATA: tuple[tuple[Stratum, int], ...] = (
    (Stratum("partners' boards and drivers", _any, _nothing, _plain), 8),
    (Stratum("noisy measurements", _any, _noisy, _plain), 4),
    (Stratum("ECC on or off", lambda p: p.ecc == "yes", _nothing, _ecc), 2),
    (Stratum("no resizable BAR", lambda p: p.sku_class != "datacenter", _nothing, _bar), 2),
    (Stratum("MIG", lambda p: p.name.startswith(("A100", "A30", "H100", "H200")), _nothing, _environment(mig=True)), 1),
    (Stratum("virtual GPU", lambda p: p.sku_class == "datacenter", _nothing, _virtual_gpu), 1),
    (Stratum("virtual machine", _any, _nothing, _environment(virtualized=True)), 2),
    (Stratum("container", _any, _nothing, _container), 2),
    (Stratum("WSL", _desktop, _nothing, _environment(wsl=True)), 2),
    (Stratum("Windows", lambda p: _desktop(p) or p.form_factor == "laptop", _nothing, _environment(windows=True)), 3),
    (Stratum("laptops", lambda p: p.form_factor == "laptop", _noisy, _plain), 2),
    (Stratum("risers and narrow slots", _desktop, _slow_link, _narrow_slot), 3),
    (Stratum("display in use", _desktop, _display, _plain), 3),
    (Stratum("others at work", _any, _others, _plain), 2),
    (Stratum("throttling", _any, _heat, _plain), 2),
    (Stratum("dies that attest", lambda p: p.die.name in ATTESTING_DIES, _nothing, _attests), 1),
    (Stratum("lost from the bus", _any, _nothing, _off_the_bus), 1),
    (Stratum("modules on adapters", lambda p: p.form_factor == "sxm", _nothing, _on_an_adapter), 1),
    (Stratum("bad joints", _any, _nothing, _memory_not_trained), 1),
    (Stratum("overclocked memory", _desktop, _memory_runs_faster, _plain), 3),
    (Stratum("worn", _any, _nothing, _worn), 2),
    (Stratum("partly defective", _any, _with_defect, _plain), 3),
    (Stratum("missing permissions", _any, _nothing, _without_rights), 2),
    (Stratum("sources absent in any combination", _any, _nothing, _in_parts), 4),
    (Stratum("with its own ROM", _any, _nothing, _own_rom), 3),
    (Stratum("everything read, as root", _any, _nothing, _as_root), 3),
    (Stratum("declared facts alone", _any, _nothing, _from_a_file), 3),
)
"""Each with its share of the population."""
_STRIDE = 293
"""From one SKU to the next: a prime, so that any stretch of the population is spread over the catalog."""
_HOST = ("display_in_use_bytes", "processes", "busy_share", "link_replays_per_gib")


@cache
def _fitting(name: str) -> tuple[Profile, ...]:
    stratum = next(stratum for stratum, _ in STRATA if stratum.name == name)
    return tuple(profile for profile in every_sku() if stratum.fits(profile))


def _circumstance(chance: Draw, run: int) -> tuple[Stratum, Profile]:
    """Every other run draws a circumstance first, so that rare ones are met; the rest go through the whole catalog."""
    if run % 2:
        stratum = chance.choices([each for each, _ in STRATA], [share for _, share in STRATA])[0]
        return stratum, chance.pick(_fitting(stratum.name))
    skus = every_sku()
    profile = skus[run // 2 * _STRIDE % len(skus)]
    fitting = [(each, share) for each, share in STRATA if each.fits(profile)]
    return chance.choices([each for each, _ in fitting], [share for _, share in fitting])[0], profile


def honest_card(seed: int, number: int) -> LabCard:
    """Card ``number`` of the population. Runs of ``SHARED_SILICON`` share stratum, SKU and silicon."""
    run = number // SHARED_SILICON
    shared, own = Draw(f"{seed}/honest/{run}"), Draw(f"{seed}/honest/{number}/own")
    stratum, profile = _circumstance(shared, run)
    physical = stratum.silicon(shared, profile)
    host = {key: physical.pop(key) for key in _HOST if key in physical}
    parts = stratum.rest(own, profile)
    declared = {"profile": profile.id, **partner(own, profile), **parts.declared}
    environment = {"driver_version": driver(own, profile), **host, **parts.environment}
    silicon = {"profile": profile.id, "noise": 0.004, **physical, **parts.silicon}
    return LabCard(number, stratum.name, silicon, declared, environment, parts.changes, parts.unmeasured)
