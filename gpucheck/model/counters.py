"""Counters of errors: which numbers count something, and which are a register full of ones.

A register that is full stays at all ones, and one that was never set or cannot be read shows the same, as an absent PCI
device does. nvidia-smi prints that as if it were a count, and adds it up with others.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpucheck.model.evidence import NvmlFacts

ALL_ONES = "all ones, so the counter is full or was not read"

COUNTERS = (
    "pcie_replay_count",
    "row_remap_correctable",
    "row_remap_uncorrectable",
    "row_remap_banks_exhausted",
    "retired_pages_single_bit",
    "retired_pages_double_bit",
    "ecc_uncorrected_volatile",
    "ecc_uncorrected_aggregate",
    "ecc_corrected_aggregate",
)
"""Fields of ``NvmlFacts`` that count errors or what was done about them."""

_SHORT, _WORD = 0xFFFF, 0xFFFFFFFF
_MOST_SUMMED = 8


def all_ones(number: int) -> bool:
    """Whether a count is 16 bits of ones, a sum of a few such, or has 32 or 64 bits of ones in it.

    No register of a card counts errors beyond 32 bits, so that a larger number is a sum with a full one.
    """
    return number >= _WORD or (0 < number <= _MOST_SUMMED * _SHORT and number % _SHORT == 0)


def counted(number: int | None) -> int | None:
    """A number that counts something, else None."""
    return None if number is None or all_ones(number) else number


def unread(facts: "NvmlFacts") -> tuple[str, ...]:
    """Counters of a card that were all ones, whether the source said so or left the number as it was."""
    return tuple(name for name in COUNTERS if _is_unread(facts, name))


def _is_unread(facts: "NvmlFacts", name: str) -> bool:
    number, gone = getattr(facts, name), facts.missing.get(name)
    return all_ones(number) if number is not None else gone is not None and gone.detail.endswith(ALL_ONES)
