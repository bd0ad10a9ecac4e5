"""Rates of the walk's windows, and which regions are far below the rest. Pure: times in, regions out."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import SlowRegion
from gpucheck.model.units import MIB

Floats = NDArray[np.float64]

WINDOW_BYTES, FAST_WINDOW_BYTES = 256 * MIB, 512 * MIB
"""The timer ticks every half microsecond, and a launch begins and ends in a few: where 256 MiB take a tenth of a
millisecond, a window is twice as long."""
_FAST_BYTES_PER_SECOND = 2e12
SLOW = 0.9
"""Windows below this share of the reference are reported; what it means is for a check to say."""
_START_UP_SECONDS = 20e-6
"""What a launch may take before it streams; forgiven to windows too short to hide it."""
_REMNANT_BYTES = 32 * MIB
_FEW = 5
_FORGIVEN = 1.3
"""Short windows whose ratio such forgiveness changes by less are as sure as others."""
_BIMODAL = 1.2
_JUMP = 1.25
FAR_ABOVE = 4.0
"""No window of a sound card is so much faster than the median: where two are, the others are not the card's own."""
_NOISE = 0.03
"""A share of a piece that noise could make up is not cut off or added."""


def window_bytes(bytes_per_second: float) -> int:
    """Length of a window of memory that is about so fast."""
    return FAST_WINDOW_BYTES if bytes_per_second > _FAST_BYTES_PER_SECOND else WINDOW_BYTES


@dataclass(frozen=True)
class Timed:
    """Windows of the walk in order: first byte and size of each, and its best seconds over the passes."""

    first_bytes: NDArray[np.int64]
    size_bytes: NDArray[np.int64]
    seconds: Floats

    @property
    def rates(self) -> Floats:
        """Bytes per second of each window."""
        rates: Floats = self.size_bytes / np.maximum(self.seconds, 1e-9)
        return rates

    @property
    def full(self) -> NDArray[np.bool_]:
        """Which windows have the whole length, and so a sure rate."""
        full: NDArray[np.bool_] = self.size_bytes >= self.size_bytes.max()
        return full


@dataclass(frozen=True)
class Rated:
    """Pieces of the walk end to end, each with its rate against the normal one; ``sure`` where that can be trusted."""

    first_bytes: NDArray[np.int64]
    size_bytes: NDArray[np.int64]
    seconds: Floats
    ratio: Floats
    sure: NDArray[np.bool_]

    def replaced(self, number: int, by: "Rated") -> "Rated":
        """The same with one piece replaced by its parts."""
        columns = {
            name: np.concatenate([column[:number], getattr(by, name), column[number + 1 :]])
            for name, column in vars(self).items()
        }
        return Rated(**columns)


def reference(timed: Timed) -> float:
    """Median rate of the full windows; the fast ones' where more than half of the memory is slow.

    The fastest window alone is no measure: its time may be an accident. The next one is.
    """
    rates = np.sort(timed.rates[timed.full])
    middle, fast = float(rates[rates.size // 2]), float(np.quantile(rates, 0.9, method="nearest"))
    if rates.size > 2 and rates[-2] > FAR_ABOVE * middle:
        return float(rates[-2])
    return fast if fast > _BIMODAL * middle else middle


def rated(timed: Timed, normal: float) -> Rated:
    """Rate each window against ``normal``; short ones are forgiven the time that a launch takes to start.

    Behind a slow window that is not forgiven, as a short one that seems slow there is; but a remnant, whose time is all
    start, is no slower than what lies before it.
    """
    expected, seconds = timed.size_bytes / normal, np.maximum(timed.seconds, 1e-9)
    ratio: Floats = (expected + np.where(timed.full, 0.0, _START_UP_SECONDS)) / seconds
    for number in np.flatnonzero(~timed.full[1:]) + 1:
        if ratio[number - 1] < SLOW and expected[number] / seconds[number] < SLOW:
            bare, remnant = expected[number] / seconds[number], timed.size_bytes[number] < _REMNANT_BYTES
            ratio[number] = np.clip(ratio[number - 1], bare, ratio[number]) if remnant else bare
    sure: NDArray[np.bool_] = timed.full | (expected / seconds * _FORGIVEN >= ratio)
    return Rated(timed.first_bytes, timed.size_bytes, timed.seconds, ratio, sure)


@dataclass
class _Segment:
    """Neighbouring pieces of about one rate, from ``start`` to ``end`` in bytes; ``ratio`` is 1 for normal ones."""

    pieces: slice
    start: int
    end: int
    ratio: float

    @property
    def count(self) -> int:
        return int(self.pieces.stop - self.pieces.start)


def slow_regions(pieces: Rated) -> tuple[SlowRegion, ...]:
    """Join neighbouring slow pieces to regions; one that is far faster or slower than the last begins another.

    A piece that two kinds of memory share is like neither; its time tells how much of it each has, and so where one
    ends and the other begins.
    """
    segments = _settled(pieces, _segments(pieces))
    return tuple(_region(pieces, segment) for segment in segments if segment.ratio < SLOW)


def narrow(pieces: Rated) -> list[int]:
    """Pieces of short slow runs, and those beside them: too few are slow throughout to tell by how much. Ascending."""
    found: set[int] = set()
    slow = np.concatenate([[False], pieces.ratio < SLOW, [False]])
    for first, last in np.flatnonzero(np.diff(slow.astype(np.int8))).reshape(-1, 2).tolist():
        if int(pieces.sure[first:last].sum()) < _FEW:
            found |= set(range(first - 1, last + 1))
    return sorted(n for n in found if 0 <= n < pieces.sure.size and pieces.sure[n])


def _segments(pieces: Rated) -> list[_Segment]:
    slow = pieces.ratio < SLOW
    jumps = np.abs(np.diff(np.log(np.maximum(pieces.ratio, 1e-9)))) > np.log(_JUMP)
    cuts = (slow[1:] != slow[:-1]) | (slow[1:] & jumps & pieces.sure[1:] & pieces.sure[:-1])
    edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), slow.size]
    return [_segment(pieces, slice(a, b)) for a, b in pairwise(edges)]


def _segment(pieces: Rated, part: slice) -> _Segment:
    start = int(pieces.first_bytes[part.start])
    end = int(pieces.first_bytes[part.stop - 1] + pieces.size_bytes[part.stop - 1])
    return _Segment(part, start, end, min(1.0, float(np.median(pieces.ratio[_core(pieces, part)]))))


def _core(pieces: Rated, part: slice) -> NDArray[np.int64]:
    """Those of some neighbouring pieces that speak for all: sure ones before others, inner ones before outer ones."""
    numbers = np.arange(part.start, part.stop)
    sure = numbers[pieces.sure[part]]
    inner = sure[(sure > part.start) & (sure < part.stop - 1)]
    return inner if inner.size else sure if sure.size else numbers


def _settled(pieces: Rated, segments: list[_Segment]) -> list[_Segment]:
    """Share out single pieces between their neighbours, then move the borders to normal memory to where they are."""
    first, last = segments[0].start, segments[-1].end
    size = pieces.sure.size
    segments = [_Segment(slice(0, 0), first, first, 1.0), *segments, _Segment(slice(size, size), last, last, 1.0)]
    gone = set()
    for left, mixed, right in zip(segments, segments[1:], segments[2:], strict=False):
        low, high = sorted((_level(left), _level(right)))
        if (
            mixed.count == 1
            and low < mixed.ratio < min(high, SLOW)
            and (high - low) > _NOISE
            and pieces.sure[mixed.pieces].all()
        ):
            share = round((mixed.end - mixed.start) * _share(mixed.ratio, low, high))
            left.end = right.start = mixed.start + share if _level(left) == low else mixed.end - share
            gone.add(id(mixed))
    kept = [segment for segment in segments if id(segment) not in gone]
    for left, right in pairwise(kept):
        _move_border(pieces, left, right)
    return [segment for segment in kept if segment.end > segment.start]


def _level(segment: _Segment) -> float:
    return 1.0 if segment.ratio >= SLOW else segment.ratio


def _share(ratio: float, low: float, high: float) -> float:
    """How much of a piece is as slow as ``low``, when the rest is as fast as ``high``: times add up."""
    return float(np.clip((1 / ratio - 1 / high) / (1 / low - 1 / high), 0.0, 1.0))


def _move_border(pieces: Rated, left: _Segment, right: _Segment) -> None:
    """Between slow and normal memory: the outermost slow piece may be partly normal, the next one partly slow."""
    slow, normal = (left, right) if left.ratio < right.ratio else (right, left)
    if slow.ratio >= SLOW or normal.ratio < SLOW or slow.count < 3:
        return
    inside = slow.pieces.stop - 1 if slow is left else slow.pieces.start
    outside = normal.pieces.start if slow is left else normal.pieces.stop - 1
    if left.end not in (int(pieces.first_bytes[inside]), _end(pieces, slice(inside, inside + 1))):
        return  # a piece that both share has told where the border is
    gain = 0
    for piece, sign in ((inside, -1), (outside, 1)) if normal.count else ((inside, -1),):
        share = _share(float(pieces.ratio[piece]), slow.ratio, 1.0)
        part = 1 - share if sign < 0 else share
        if part > _NOISE / (1 / slow.ratio - 1) and part > _NOISE and pieces.sure[piece]:
            gain += sign * round(part * int(pieces.size_bytes[piece]))
    left.end += gain if slow is left else -gain
    right.start = left.end


def _end(pieces: Rated, part: slice) -> int:
    return int(pieces.first_bytes[part.stop - 1] + pieces.size_bytes[part.stop - 1])


def _region(pieces: Rated, segment: _Segment) -> SlowRegion:
    core = _core(pieces, segment.pieces)
    size, seconds = pieces.size_bytes[core], pieces.seconds[core]
    return SlowRegion(
        first_byte=segment.start,
        length_bytes=segment.end - segment.start,
        bytes_per_second=float(size.sum() / seconds.sum()),
        ratio=round(float(np.average(pieces.ratio[core], weights=size)), 4),
    )
