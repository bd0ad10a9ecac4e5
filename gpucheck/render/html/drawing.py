"""What drawings are made of: scales, marks at round values, lengths of memory. All drawings are ``WIDTH`` wide.

Numbers may come from a document that someone tampered with: scales clamp, and what cannot be drawn is left out.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from gpucheck.model.units import GIB, KIB, MIB

WIDTH, HEIGHT = 340, 134
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 12, 18
MOST_MARKS = 6


class Mark(NamedTuple):
    """A round value on an axis: where, in the drawing's own units, and its text."""

    at: float
    text: str


class Axis(NamedTuple):
    """Maps values from ``low`` to ``high`` to places from ``start`` to ``end``; what lies outside goes to the edge."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value."""
        low, high, value = (self._scaled(x) for x in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.0
        return round(self.start + min(1.0, max(0.0, share)) * (self.end - self.start), 2)

    def _scaled(self, value: float) -> float:
        return math.log2(max(value, 1.0)) if self.logarithmic else value


def horizontal(low: float, high: float, *, logarithmic: bool = False) -> Axis:
    """From the left to the right of a drawing."""
    return Axis(low, high, LEFT, WIDTH - RIGHT, logarithmic)


def vertical(high: float, height: int = HEIGHT) -> Axis:
    """From zero at the bottom of a drawing to ``high`` at its top."""
    return Axis(0.0, high, height - BOTTOM, TOP)


def round_steps(high: float, most: int = MOST_MARKS) -> list[float]:
    """Return zero and the multiples of a round number up to ``high``: 1, 2 or 5 times a power of ten."""
    if not 0 < high < math.inf:
        return [0.0]
    raw = high / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= raw * 0.999)
    return [step * number for number in range(int(high / step + 1e-9) + 1)]


def address_marks(axis: Axis) -> list[Mark]:
    """Marks in GiB, or MiB where there is less than two of those."""
    unit, name = (GIB, "GiB") if axis.high >= 2 * GIB else (MIB, "MiB")
    steps = _binary_steps(axis.high / unit)
    return [
        Mark(axis.at(step * unit), f"{step:,.0f} {name}" if step == steps[-1] else f"{step:,.0f}") for step in steps
    ]


def _binary_steps(high: float) -> list[float]:
    step = 1.0
    while high / step > MOST_MARKS:
        step *= 2
    return [step * number for number in range(int(high / step + 1e-9) + 1)]


def size(size_bytes: float) -> str:
    """A size with the largest binary unit that leaves a number of at least one."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size_bytes >= unit:
            return (
                f"{size_bytes / unit:,.4g} {name}" if size_bytes < 1000 * unit else f"{size_bytes / unit:,.0f} {name}"
            )
    return f"{size_bytes:,.0f} bytes"


def merged(lengths: Sequence[int], values: Sequence[float], most: int) -> list[tuple[int, int, float]]:
    """Return (first byte, length, smallest value) of at most ``most`` runs of neighbours: a slow one never vanishes."""
    usable = [(length, value) for length, value in zip(lengths, values, strict=False) if length > 0 and value >= 0]
    per = -(-len(usable) // most) or 1
    found, first = [], 0
    for start in range(0, len(usable), per):
        group = usable[start : start + per]
        total = sum(length for length, _ in group)
        found.append((first, total, min(value for _, value in group)))
        first += total
    return found
