"""Drawing of the latency of dependent loads by how much memory they wander over."""

from typing import NamedTuple

from gpucheck.model.evidence import CudaFacts
from gpucheck.model.measured import Latency
from gpucheck.model.report import CardReport
from gpucheck.render.html.drawing import TOP, Axis, Mark, horizontal, round_steps, size, vertical

MOST_POINTS = 300
MOST_LEVELS = 6
_LETTER, _LINE = 5.2, 11.0
"""Room that a letter of the drawing's size takes at most, and a line of them."""
NAMES = {
    "l1": "L1 cache",
    "l2": "L2 cache",
    "l2_far": "L2, far half",
    "dram": "memory",
    "dram_tlb": "memory, past the TLB",
}


class Level(NamedTuple):
    """One level of the hierarchy: its band and its name in the drawing, its figures with their units."""

    name: str
    x: float
    width: float
    line: float
    label: tuple[float, float]
    at_end: bool
    up_to: str
    nanoseconds: str
    cycles: str


class LatencyDrawing(NamedTuple):
    """The curve with its texts. ``knee`` is where loads leave the second-level cache: from, width."""

    points: tuple[tuple[float, float], ...]
    levels: tuple[Level, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    knee: tuple[float, float] | None
    declared: float | None
    summary: str


def latency_drawing(card: CardReport) -> LatencyDrawing | None:
    """Return the curve of a card, ``None`` where it was not measured or holds fewer than two points to draw."""
    seen = card.evidence.latency
    if not isinstance(seen, Latency):
        return None
    points = sorted((p.footprint_bytes, p.nanoseconds) for p in seen.points if p.footprint_bytes > 0 < p.nanoseconds)
    points = points[:: -(-len(points) // MOST_POINTS) or 1]
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return None
    across = horizontal(points[0][0], points[-1][0], logarithmic=True)
    up = vertical(max(time for _, time in points) * 1.15)
    placed = tuple((across.at(footprint), up.at(time)) for footprint, time in points)
    return LatencyDrawing(
        points=placed,
        levels=_levels(seen, across, up),
        across=_footprints(across),
        up=tuple(Mark(up.at(step), f"{step:,.0f}") for step in round_steps(up.high, 4)),
        knee=_knee(seen, across),
        declared=_declared(card, across),
        summary=_summary(card, seen),
    )


def _levels(seen: Latency, across: Axis, up: Axis) -> tuple[Level, ...]:
    found: list[Level] = []
    left = across.start
    for level in seen.levels[:MOST_LEVELS]:
        right = max(left, across.at(level.largest_footprint_bytes))
        name, line = NAMES[level.level], up.at(level.nanoseconds)
        wide = len(name) * _LETTER
        at_end = left + 3 + wide > across.end
        first = across.end - wide if at_end else left + 3
        found.append(
            Level(
                name=name,
                x=left,
                width=round(right - left, 2),
                line=line,
                label=(across.end if at_end else round(left + 3, 2), _clear(first, line, found, across)),
                at_end=at_end,
                up_to=size(level.largest_footprint_bytes),
                nanoseconds=f"{level.nanoseconds:,.0f} ns",
                cycles=f"{level.cycles:,.0f}",
            )
        )
        left = right
    return tuple(found)


def _clear(first: float, line: float, before: list[Level], across: Axis) -> float:
    """Where a name is written: above its line, else so far below as no earlier name is in its way."""
    place = max(line - 5, TOP - 3.0)
    for other in before:
        end = across.end if other.at_end else other.label[0] + len(other.name) * _LETTER
        if first < end + 3 and abs(other.label[1] - place) < _LINE:
            place = other.label[1] + _LINE
    return round(place, 2)


def _footprints(axis: Axis) -> tuple[Mark, ...]:
    """Powers of two, as many as have room."""
    first, last = (int(x).bit_length() for x in (axis.low, axis.high))
    step = max(1, -(-(last - first) // 5))
    powers = [1 << n for n in range(first - 1, last, step)]
    return tuple(Mark(axis.at(power), size(power)) for power in powers if axis.low <= power <= axis.high)


def _knee(seen: Latency, across: Axis) -> tuple[float, float] | None:
    if not seen.l2_least_bytes or not seen.l2_most_bytes:
        return None
    left, right = across.at(seen.l2_least_bytes), across.at(seen.l2_most_bytes)
    return left, round(max(right - left, 1.5), 2)


def _declared(card: CardReport, across: Axis) -> float | None:
    cuda = card.evidence.cuda
    stated = cuda.l2_cache_bytes if isinstance(cuda, CudaFacts) else None
    return across.at(stated) if stated and stated > 0 else None


def _summary(card: CardReport, seen: Latency) -> str:
    how = "simulated" if card.simulated else "measured"
    times = ", ".join(f"{NAMES[level.level]} {level.nanoseconds:,.0f} ns" for level in seen.levels[:MOST_LEVELS])
    knee = ""
    if seen.l2_capacity_bytes and seen.l2_least_bytes and seen.l2_most_bytes:
        knee = (
            f" Loads leave the L2 cache at about {size(seen.l2_capacity_bytes)}, "
            f"between {size(seen.l2_least_bytes)} and {size(seen.l2_most_bytes)}."
        )
    return f"Time of one load by how much memory the loads wander over ({how}){f': {times}' if times else ''}.{knee}"
