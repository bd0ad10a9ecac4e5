"""Drawing of the reading rate of every part of the memory."""

from collections.abc import Sequence
from typing import NamedTuple

from gpucheck.model.lent import lent, link_rate
from gpucheck.model.measured import MemoryWalk, SlabMap, SlowRegion
from gpucheck.model.report import CardReport
from gpucheck.model.units import percent, rate
from gpucheck.render.html.drawing import Axis, Mark, address_marks, horizontal, merged, round_steps, size, vertical

MOST_BARS = 150
MOST_REGIONS = 8


class Bar(NamedTuple):
    """A stretch of memory: place and height in the drawing's units."""

    x: float
    y: float
    width: float
    height: float
    slow: bool


class SlabDrawing(NamedTuple):
    """The map with its texts. ``regions`` says in words what the drawing shows of slow memory."""

    bars: tuple[Bar, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    median: float | None
    summary: str
    regions: tuple[str, ...]


class _Windows(NamedTuple):
    lengths: Sequence[int]
    rates: Sequence[float]
    window_bytes: int
    regions: Sequence[SlowRegion]
    origin: str


def slab_drawing(card: CardReport) -> SlabDrawing | None:
    """Return the map of a card, of its memory walk where no map was made; ``None`` where neither timed a window."""
    windows = _windows(card)
    runs = merged(windows.lengths, windows.rates, MOST_BARS) if windows else []
    top = max((value for _, _, value in runs), default=0.0)
    if windows is None or top <= 0:
        return None
    across, up = horizontal(0, sum(length for _, length, _ in runs)), vertical(top * 1.08)
    median = sorted(windows.rates)[len(windows.rates) // 2]
    return SlabDrawing(
        bars=tuple(_bar(run, across, up, windows.regions) for run in runs),
        across=tuple(address_marks(across)),
        up=tuple(Mark(up.at(step), f"{step / 1e9:,.0f}") for step in round_steps(top, 4)),
        median=up.at(median),
        summary=_summary(card, windows, median),
        regions=_told(windows.regions, lent(windows.regions, sum(windows.lengths), link_rate(card.evidence))),
    )


def _windows(card: CardReport) -> _Windows | None:
    seen, walk = card.evidence.slab_map, card.evidence.memory_walk
    if isinstance(seen, SlabMap):
        return _Windows(
            seen.window_lengths_bytes, seen.bytes_per_second, seen.window_bytes, seen.slow_regions, "reading"
        )
    if isinstance(walk, MemoryWalk) and walk.window_bytes_per_second:
        rates = walk.window_bytes_per_second
        return _Windows((walk.window_bytes,) * len(rates), rates, walk.window_bytes, walk.slow_regions, "checking")
    return None


def _bar(run: tuple[int, int, float], across: Axis, up: Axis, regions: Sequence[SlowRegion]) -> Bar:
    first, length, value = run
    left, right, top = across.at(first), across.at(first + length), up.at(value)
    slow = any(r.first_byte < first + length and first < r.first_byte + r.length_bytes for r in regions)
    return Bar(left, top, round(max(right - left, 0.4), 2), round(up.start - top, 2), slow)


def _summary(card: CardReport, windows: _Windows, median: float) -> str:
    how = "simulated" if card.simulated else "measured"
    slow = f"{len(windows.regions)} slow" if windows.regions else "no slow"
    ends = "region" if len(windows.regions) == 1 else "regions" if windows.regions else "region"
    return (
        f"Rate of {windows.origin} {len(windows.rates):,} windows of {size(windows.window_bytes)}, one after the other "
        f"({how}): median {rate(median)}, slowest {rate(min(windows.rates))}, {slow} {ends}."
    )


def _told(regions: Sequence[SlowRegion], hosts: Sequence[SlowRegion]) -> tuple[str, ...]:
    told = [
        f"{size(r.length_bytes)} from {size(r.first_byte)} on: {rate(r.bytes_per_second)}, {percent(r.ratio)} of the "
        f"median{', no faster than a host bus could be' if r in hosts else ''}"
        for r in regions[:MOST_REGIONS]
    ]
    rest = len(regions) - len(told)
    return (*told, f"{rest:,} further slow regions") if rest else tuple(told)
