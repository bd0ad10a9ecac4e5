"""What a curve of latency by footprint says: the levels of the memory hierarchy, and where loads leave the last cache.

Latency never falls as the footprint grows, so the curve is first made monotone, which takes most of the noise out. A
level is a stretch over which it stays within a few percent. The second-level cache may have a far half (GA100, GH100);
its level is short, as it ends where the cache does, at twice the near half. Memory stays level over far more than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import LatencyLevel, LatencyPoint
from gpucheck.model.units import MIB

Floats = NDArray[np.float64]
Name = Literal["l1", "l2", "l2_far", "dram", "dram_tlb"]

_LEVEL = 0.06
"""Rise within which a stretch is one level."""
_APART = 1.15
"""Levels closer than this are one."""
_DENSE, _SPARSE = (3, 0.25), (2, 0.9)
"""A level needs so many points over so many octaves; fewer points do where they lie far apart."""
_L1_CYCLES = 140
"""First-level caches answer in 28 to 90 cycles, second-level ones in 185 to 370 (gpu-benches, arXiv 1804.06826)."""
_FAR, _FAR_OCTAVES = 5.0, 1.25
"""The far half ends at about twice the near half's end, never at so many times, and is no wider than this: it is level
from where the near half's hits have died out, 1.3 to 1.5 times its size."""
_MEMORY_BYTES = 512 * MIB
"""No cache is so large: what is level beyond it is memory."""
_STARTS, _COUNTS, _ENDS = 0.1, 0.25, 0.75
"""Shares of loads that miss: up to which a footprint still fits, where the capacity is read, and where it is passed."""
_PAST_CAPACITY = 1.04
"""A quarter of the loads miss where the footprint exceeds the cache by so much: 1.03 to 1.08 in published curves."""


@dataclass(frozen=True)
class Reading:
    """Levels from the nearest on. The capacity of the second-level cache lies between ``least`` and ``most`` bytes."""

    levels: tuple[LatencyLevel, ...] = ()
    capacity: int | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class _Curve:
    """Points in ascending order: octaves of the footprint, logarithm of the cycles, the same made monotone."""

    points: Sequence[LatencyPoint]
    octaves: Floats
    logs: Floats
    monotone: Floats


@dataclass(frozen=True)
class _Stretch:
    """Points ``first`` to ``last`` of a curve, both included."""

    first: int
    last: int


def read(points: Sequence[LatencyPoint]) -> Reading:
    """Read levels and the capacity of the second-level cache; nothing where the curve shows no knee."""
    if len(points) < 4:
        return Reading()
    curve = _curve(points)
    levels = _named(curve, _stretches(curve))
    by_name = {level.level: level for level in levels}
    cache, memory = by_name.get("l2_far") or by_name.get("l2"), by_name.get("dram")
    if cache is None or memory is None:
        return Reading(levels)
    return _knee(curve, levels, cache.cycles, memory.cycles)


def _curve(points: Sequence[LatencyPoint]) -> _Curve:
    ordered = sorted(points, key=lambda p: p.footprint_bytes)
    logs = np.log([max(p.cycles, 1e-9) for p in ordered])
    return _Curve(ordered, np.log2([p.footprint_bytes for p in ordered]), logs, _monotone(logs))


def _monotone(values: Floats) -> Floats:
    """Nearest ascending sequence: neighbours that fall are pooled to their mean (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values.tolist():
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            other, number = pools.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        pools.append((mean, count))
    return np.repeat([mean for mean, _ in pools], [count for _, count in pools])


def _stretches(curve: _Curve) -> list[_Stretch]:
    """Level stretches in order: the widest first, then the widest of what is left; close ones joined."""
    found = _widest(curve, 0, len(curve.points) - 1)
    joined: list[_Stretch] = []
    for stretch in found:
        if joined and _cycles(curve, stretch) < _APART * _cycles(curve, joined[-1]):
            stretch = _Stretch(joined.pop().first, stretch.last)  # noqa: PLW2901
        joined.append(stretch)
    return joined


def _widest(curve: _Curve, first: int, last: int) -> list[_Stretch]:
    """Find the widest level stretch between two points, and those before and behind it."""
    ends = np.searchsorted(curve.monotone, curve.monotone + _LEVEL, side="right") - 1
    choices = [_Stretch(i, min(int(ends[i]), last)) for i in range(first, last + 1)]
    best = max((c for c in choices if _counts(curve, c)), key=lambda c: _width(curve, c), default=None)
    if best is None:
        return []
    return [*_widest(curve, first, best.first - 1), best, *_widest(curve, best.last + 1, last)]


def _counts(curve: _Curve, stretch: _Stretch) -> bool:
    number, width = stretch.last - stretch.first + 1, _width(curve, stretch)
    return any(number >= points and width >= octaves for points, octaves in (_DENSE, _SPARSE))


def _width(curve: _Curve, stretch: _Stretch) -> float:
    return float(curve.octaves[stretch.last] - curve.octaves[stretch.first])


def _cycles(curve: _Curve, stretch: _Stretch) -> float:
    return float(np.exp(np.median(curve.logs[stretch.first : stretch.last + 1])))


def _named(curve: _Curve, stretches: list[_Stretch]) -> tuple[LatencyLevel, ...]:
    names = _names(curve, stretches)
    return tuple(_level(curve, stretch, name) for stretch, name in zip(stretches, names, strict=True))


def _names(curve: _Curve, stretches: list[_Stretch]) -> list[Name]:
    first = len(stretches) > 1 and _cycles(curve, stretches[0]) < _L1_CYCLES
    names: list[Name] = ["l1"] if first else []
    rest = stretches[len(names) :]
    if len(rest) == 1:
        return [*names, "dram" if curve.points[rest[0].last].footprint_bytes > _MEMORY_BYTES else "l2"]
    named: list[Name] = ["l2", "l2_far", "dram"] if len(rest) > 2 and _far(curve, *rest[:2]) else ["l2", "dram"]
    further: list[Name] = ["dram_tlb"] * max(0, len(rest) - len(named))
    return [*names, *named[: len(rest)], *further]


def _far(curve: _Curve, near: _Stretch, other: _Stretch) -> bool:
    """Whether a level behind the second-level cache's first is its far half, rather than memory."""
    ends = curve.points[other.last].footprint_bytes <= _FAR * curve.points[near.last].footprint_bytes
    return ends and _width(curve, other) <= _FAR_OCTAVES


def _level(curve: _Curve, stretch: _Stretch, name: Name) -> LatencyLevel:
    part = curve.points[stretch.first : stretch.last + 1]
    return LatencyLevel(
        level=name,
        largest_footprint_bytes=part[-1].footprint_bytes,
        cycles=round(_cycles(curve, stretch), 1),
        nanoseconds=round(float(np.median([p.nanoseconds for p in part])), 1),
    )


def _knee(curve: _Curve, levels: tuple[LatencyLevel, ...], cache: float, memory: float) -> Reading:
    """Where loads begin to miss, where a quarter does, and where three quarters do."""
    missing = (np.exp(curve.monotone) - cache) / (memory - cache)
    footprints = [p.footprint_bytes for p in curve.points]
    fits, passed = np.flatnonzero(missing <= _STARTS), np.flatnonzero(missing >= _ENDS)
    if not fits.size or not passed.size:
        return Reading(levels)
    least, most = footprints[int(fits[-1])], footprints[int(passed[0])]
    capacity = round(_crossing(curve.octaves, missing, _COUNTS) / _PAST_CAPACITY)
    return Reading(levels, min(max(capacity, least), most), least, most)


def _crossing(octaves: Floats, missing: Floats, share: float) -> float:
    """Footprint at which the share of misses is reached, between two points in proportion."""
    for (x, low), (y, high) in pairwise(zip(octaves.tolist(), missing.tolist(), strict=True)):
        if low < share <= high:
            return float(2 ** (x + (y - x) * (share - low) / (high - low)))
    return float(2 ** octaves[-1])
