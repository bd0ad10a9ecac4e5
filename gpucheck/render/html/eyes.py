"""What only eyes can see on a card of this model: where memory chips sit, which numbers are printed, what feeds it.

Where chips sit follows from the profile: a chip of GDDR5 to GDDR7 has 32 data lines, so a bus of 384 bits takes twelve,
and twice as many where two share a channel (JEDEC's standards). HBM lies beside the die, under the same lid. NVIDIA
prints ``P`` and the project code on boards of its own design, board partners print their own numbers (part numbers and
project codes in real captures). A slot feeds 75 W at most (PCI Express card electromechanical specification).
"""

from collections.abc import Iterator

from gpucheck.model.profile import Profile
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.report import CardReport
from gpucheck.model.units import MIB, mib
from gpucheck.model.vbios import VbiosFacts

TRACES = (
    "Traces of work: flux, scratches or fresh solder around the die and the memory chips, sanded markings, chips of "
    "different makers or dates side by side."
)
SLOT_WATTS = 75
_CHANNEL_BITS = 32
_IN_A_SLOT = ("desktop", "oem", "workstation", "pcie", "mining")
_SIDES = {False: "all on the die's side of the board", True: "on both sides of the board"}


def for_eyes(card: CardReport, profile: Profile | None) -> tuple[str, ...]:
    """Return what to look at, one sentence or two each; ``profile`` is that of the declared SKU, where it is known."""
    return (
        *(_memory(profile) if profile else ()),
        *_sides_stated(card),
        *_numbers(card),
        *(_power(profile) if profile else ()),
        *_die(card, profile),
        TRACES,
    )


def _memory(profile: Profile) -> Iterator[str]:
    layouts = {(layout.type, layout.bus_width_bits) for layout in profile.memory}
    if all(type_.startswith("HBM") for type_, _ in layouts):
        yield f"Memory: that of {profile.name} is beside the die, on one package; no chips of it are on the board."
        return
    told = list(dict.fromkeys(_layouts(profile)))
    if told and None not in told:
        yield f"Memory chips: {profile.name} has {' or '.join(filter(None, told))}."
    else:
        yield f"Memory chips: on which sides {profile.name} has them is not on record; compare with pictures of it."


def _layouts(profile: Profile) -> Iterator[str | None]:
    """One text for each legal size, ``None`` where its chips may sit either way."""
    several = len(profile.memory_sizes_bytes) > 1
    for layout in profile.memory:
        for size_mib in layout.sizes_mib:
            both = layout.is_clamshell(size_mib)
            if both is None or layout.bus_width_bits is None or layout.uneven:
                yield None
                continue
            count = layout.bus_width_bits // _CHANNEL_BITS * (1 + both)
            yield f"{count}, {_SIDES[both]}" + (f" (with {mib(size_mib * MIB)})" if several else "")


def _sides_stated(card: CardReport) -> Iterator[str]:
    seen = card.evidence.registers
    if isinstance(seen, RegisterFacts) and seen.clamshell is not None:
        how = "simulated" if seen.source == "simulated" else "declared"
        where = "both sides" if seen.clamshell else "one side"
        yield f"The card's registers say that this board has memory chips on {where} ({how}): see whether that is so."


def _numbers(card: CardReport) -> Iterator[str]:
    facts, rom = card.evidence.declared, card.evidence.vbios
    how = "simulated" if card.simulated else "declared"
    project = rom.project if isinstance(rom, VbiosFacts) else None
    if project:
        printed = f"P{project}" if project[:1] == "G" and project[1:].isdecimal() else project
        yield (
            f"Number on the board: the firmware is for project {project} ({how}). A board of NVIDIA's own design has "
            f"{printed} printed on it; board partners print numbers of their own."
        )
    if facts and facts.board_part_number:
        yield f"Part number on the label: {facts.board_part_number} ({how})."
    if facts and facts.serial:
        yield f"Serial number on the label: {facts.serial} ({how})."


def _power(profile: Profile) -> Iterator[str]:
    watts = profile.power_default_watts
    if watts is None or watts <= SLOT_WATTS or profile.form_factor not in _IN_A_SLOT:
        return
    yield (
        f"Power: {profile.name} takes {watts} W by its reference data, and a slot gives {SLOT_WATTS} W at most: "
        "the board must have a power connector of its own, and every contact of it should be clean and unmelted."
    )


def _die(card: CardReport, profile: Profile | None) -> Iterator[str]:
    if profile is None:
        return
    rom = card.evidence.vbios
    sku = rom.chip_sku if isinstance(rom, VbiosFacts) else None
    how = "simulated" if card.simulated else "declared"
    die = profile.die.name
    more = f", and the firmware is for {die}-{sku[:3]} ({how})" if sku else ""
    yield f"Marking of the die, seen only with the cooler off: {profile.name} has {die} by its reference data{more}."
