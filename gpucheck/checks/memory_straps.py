"""Whether the memory chips that the firmware is set to make up the memory that the card has.

What it checks: the entry of the firmware's memory table that the board's straps select: its density and type, times the
chips on the bus, against the memory that was proven or is declared, and against the number of chips that the SKU is
sold with.
Why it matters: memory is enlarged by denser chips, or by chips on both sides of another board; the straps have to be
set for them, or the card does not start.
How it can be fooled: firmware for the altered card is consistent with it. That the SKU was never sold so remains.
A failure does not mean: that the memory is not there; the walk tells that. Cards that mix densities are passed over,
and so are a saved ROM that is not the one that runs, a part of a card, and a board whose entry is not known: where the
straps are not read, every entry must be of one kind.
References: nouveau's ``M0203`` and straps; densities on 45 public images; the ROM of a 10 GB RTX 3080 already lists
chips of 16 gigabits, which is why that card takes 20 GB without other firmware.
"""

from dataclasses import dataclass

from gpucheck.checks.base import Case, Missing, Outcome, absence, check, not_applicable, of_the_whole_card
from gpucheck.checks.memory_size import fits
from gpucheck.checks.vbios_agreement import rom_of, runs_on
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.profile import Profile
from gpucheck.model.units import GIB, gib
from gpucheck.model.vbios import MemoryChoice, VbiosFacts

_CHIP_BITS = 32
_WIDE_CHIPS = "GDDR"
"""What comes in chips of that width alone; plain DDR3 and DDR4 come in 8 and 16 bits, and in several ranks."""
_SMALLEST_GIB = {"GDDR6": 1, "GDDR6X": 1, "GDDR7": 2}
"""The smallest chips of each type that were ever made for cards."""
_LARGE_CHIPS_SINCE = 2022
_TOLERANCE = 0.09
"""What drivers keep from the whole at most (``memory_size``), and a little for rounding."""


@dataclass(frozen=True)
class _Build:
    """Memory as it is built: bytes in all, bytes of one chip, channels of 32 bits."""

    total_bytes: int
    chip_bytes: int
    channels: int

    @property
    def chips(self) -> int:
        """Chips that make up the whole."""
        return round(self.total_bytes / self.chip_bytes)

    @property
    def whole(self) -> bool:
        """One chip or two for each channel give just this much."""
        sizes = (self.channels * self.chip_bytes, 2 * self.channels * self.chip_bytes)
        return any(-0.001 <= 1 - self.total_bytes / size <= _TOLERANCE for size in sizes)


@check(
    id="memory-straps",
    title="Memory straps against memory",
    severity=Severity.HIGH,
    edge=("memory straps", "device id"),
)
def memory_straps(case: Case) -> Outcome:
    """Count the chips that the straps stand for."""
    if case.partitioned:
        return of_the_whole_card("ROM", case)
    profiles = case.profiles
    if any(layout.uneven or layout.type.startswith("HBM") for p in profiles for layout in p.memory):
        return not_applicable("The memory is stacked, or built of unequal parts; the straps do not count its chips.")
    choice, told = _choice(case)
    if not (choice.type or "").startswith(_WIDE_CHIPS):
        return not_applicable(f"Chips of {choice.type} come in several widths, so the bus does not tell their number.")
    build = _Build(_total(case), round((choice.density_gbit or 0) * GIB / 8), _channels(case))
    observed = f"{build.chips} chips of {gib(build.chip_bytes)} ({choice.type}, {told})"
    if not build.whole:
        return _torn(build, observed)
    legal = sorted({size for p in profiles for size in p.memory_sizes_bytes})
    if any(fits(p, build.total_bytes) for p in profiles) or build.total_bytes < legal[0]:
        expected = " or ".join(gib(size) for size in legal)
        return Outcome(Status.PASS, "The straps stand for the memory that the card has.", observed, expected)
    return _enlarged(case, build, legal[-1], observed)


def _enlarged(case: Case, build: _Build, most: int, observed: str) -> Outcome:
    """More chips, or denser ones, than the SKU is sold with. Two for a channel where it has one: another board."""
    both_sides = build.chips > build.channels and all(map(_one_sided, case.profiles))
    sold = f"{build.channels}, on one side" if both_sides else f"{gib(most)} at most"
    sides = ", on both sides of the board" if both_sides else ""
    return Outcome(
        Status.FAIL,
        f"The memory straps say {build.chips} chips of {gib(build.chip_bytes)}{sides}; {case.sku} is sold with {sold}.",
        observed=observed,
        expected=sold,
        remedy="Count the memory chips, on both sides of the board; ask who altered it and what warranty is left.",
        confidence=Confidence.MEDIUM,
        evidence=("vbios.memory", "resource_manager.memory_strap"),
        kinds=(Kind.MEMORY_ALTERED, Kind.TRANSPLANTED) if both_sides else (Kind.MEMORY_ALTERED,),
    )


def _one_sided(profile: Profile) -> bool:
    """Whether all boards of the SKU are known to carry one chip for each channel.

    There are no smaller chips of the type; or it came when chips of twice that size were common, from 2022 on. An RTX
    3090 of 2020 has 24 small ones on both sides, and its board takes 24 large ones.
    """
    sizes = [
        (layout.type, max(layout.sizes_mib) / 1024 / ((layout.bus_width_bits or 0) / _CHIP_BITS or 1))
        for layout in profile.memory
    ]
    late = profile.released is not None and profile.released.year >= _LARGE_CHIPS_SINCE
    return all(size <= (2 if late else 1) * _SMALLEST_GIB.get(kind, 0) for kind, size in sizes)


def _torn(build: _Build, observed: str) -> Outcome:
    one, two = build.channels * build.chip_bytes, 2 * build.channels * build.chip_bytes
    return Outcome(
        Status.FAIL,
        f"The straps select chips of {gib(build.chip_bytes)}, of which {build.channels} or {2 * build.channels} fit on "
        f"the bus; that gives {gib(one)} or {gib(two)}, and the card has {gib(build.total_bytes)}.",
        observed=observed,
        expected=f"{gib(one)} or {gib(two)}",
        remedy="Run the memory walk: firmware and memory of this card were not made for each other.",
        confidence=Confidence.MEDIUM,
        evidence=("vbios.memory", "memory_walk.distinct_bytes"),
        kinds=(Kind.MEMORY_ALTERED,),
    )


def _choice(case: Case) -> tuple[MemoryChoice, str]:
    """The table's entry for this board, and how it was told. Raises ``Missing`` where that cannot be known."""
    rom = rom_of(case)
    if not runs_on(case, rom):
        raise Missing("the ROM that was read is not known to be the one that runs", "vbios.version")
    strap, told = _strap(case)
    chosen = [choice for choice in rom.memory if choice.strap == strap]
    kinds = {(choice.type, choice.density_gbit) for choice in rom.memory}
    if not chosen and len(kinds) == 1 and rom.memory[0].density_gbit:
        return rom.memory[0], "the only kind in the ROM's table"
    if not chosen or not chosen[0].density_gbit:
        raise Missing(_untold(rom, strap), "vbios.memory")
    return chosen[0], told


def _untold(rom: VbiosFacts, strap: int | None) -> str:
    if not any(choice.density_gbit for choice in rom.memory):
        return absence(rom.missing.get("memory"), "the firmware's memory table names no density that is known")
    why = "the strap selects no entry of known density" if strap is not None else "the straps are not known"
    return f"{why}, and the firmware's table lists several kinds of memory"


def _strap(case: Case) -> tuple[int | None, str]:
    evidence = case.evidence
    for name, section in (("registers", evidence.registers), ("resource manager", evidence.resource_manager)):
        if not isinstance(section, Unavailable) and section.memory_strap is not None:
            return section.memory_strap, f"strap {section.memory_strap} by {name}"
    if not isinstance(evidence.vbios, Unavailable) and evidence.vbios.memory_strap is not None:
        return evidence.vbios.memory_strap, f"strap {evidence.vbios.memory_strap} by the ROM"
    return None, ""


def _total(case: Case) -> int:
    """What is really there, as far as that is known: what the walk found where it is forged, else what is declared."""
    walk = case.evidence.memory_walk
    if not isinstance(walk, Unavailable) and walk.forged:
        return walk.real_bytes
    return case.number("memory_total_bytes")


def _channels(case: Case) -> int:
    width = case.number("memory_bus_width_bits")
    if width < _CHIP_BITS or width % _CHIP_BITS:
        raise Missing(f"a bus of {width} bits has no whole chips", "nvml.memory_bus_width_bits")
    return width // _CHIP_BITS
