"""Nobody answers: channels that are dead, addresses beyond the memory's end, or plain corruption."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.model.units import MIB
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import REGION_VECTORS, VECTOR_BYTES, region_sizes
from gpucheck.probes.walk_rows import Origin

GRANULES = tuple(VECTOR_BYTES << shift for shift in range(20))
"""Channels take turns at a power of two of bytes, so these are tried first, up to 8 MiB."""
_ODD_GRANULES = tuple(VECTOR_BYTES * odd << shift for odd in (3, 5, 7) for shift in range(18))
_LONGEST_PERIOD_BYTES = 16 * MIB
_MOST_CHANNELS = 256
_MOST_ROWS = 65536
_ROWS_PER_CHANNEL = 6
_DENSITY_TOLERANCE = 0.05
_FILLED = 0.9
_LEAST_LIMBO_BYTES = 2 * MIB
_LEAST_RUNS = 6
"""So often must whole regions be wrong and right again before that is a channel, and not where memory ends."""
FULL, _LEAST_LIMBO_REGIONS, _LEAST_PARTLY = 0.98, 2, 8


@dataclass(frozen=True)
class Comb:
    """Granules of ``granule_bytes`` are wrong where their number modulo ``channels`` is one of ``dead``."""

    granule_bytes: int
    channels: int
    dead: tuple[int, ...]

    @property
    def density(self) -> float:
        """Share of the memory that is wrong."""
        return len(self.dead) / self.channels

    def below(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many wrong vectors lie below each position."""
        granule = self.granule_bytes // VECTOR_BYTES
        rounds, rest = np.divmod(cells, granule * self.channels)
        begun = (np.clip(rest - n * granule, 0, granule) for n in self.dead)
        return rounds * granule * len(self.dead) + sum(begun, np.zeros_like(rest))

    def of_regions(self, vectors: int, period: int) -> NDArray[np.int64]:
        """How many wrong vectors each region has, where addresses start over after ``period`` vectors."""
        edges = np.minimum(np.arange(region_sizes(vectors).size + 1) * REGION_VECTORS, vectors)
        whole = self.below(np.array([period]))[0]
        wrong: NDArray[np.int64] = np.diff(edges // period * whole + self.below(edges % period))
        return wrong


def beneath(extent: Extent, worst: NDArray[np.uint32], period: int) -> Comb | None:
    """Find dead channels in memory whose addresses start over after ``period`` vectors.

    Channels are wired to cells, and in the first round these are the addresses. Where addresses share cells all is
    wrong, so the share that is dead shows in the regions that are not.
    """
    sizes = region_sizes(extent.vectors)
    full = np.pad(worst >= FULL * sizes, 1)
    partly = ~(full[:-2] | full[1:-1] | full[2:])  # a region beside a full one may have a share of what that is
    if partly.sum() < _LEAST_PARTLY:
        return None
    density = float(worst[partly].sum(dtype=np.int64)) / float(sizes[partly].sum(dtype=np.int64))
    return find_comb(extent.rows.index[extent.rows.index < period], density)


def channels(extent: Extent, comb: Comb) -> list[MemoryFault]:
    """One fault for each dead channel of a comb."""
    return [_channel(extent, comb, dead, _what(extent)) for dead in comb.dead]


def name(extent: Extent) -> list[MemoryFault]:
    """Tell dead channels from limbo from the rest. Before the end of memory, channels may be dead as well."""
    what = _what(extent)
    coarse = find_comb(extent.rows.index, _density(extent)) if _comes_and_goes(extent) else None
    if coarse:
        return channels(extent, coarse)
    end = _end_of_memory(extent)
    if end:
        before, behind = extent.cut(end)
        return [*(name(before) if len(before.rows) else ()), _limbo(behind, what)]
    if _is_limbo(extent):
        return [_limbo(extent, what)]
    comb = find_comb(extent.rows.index, _density(extent))
    if comb:
        return channels(extent, comb)
    return [extent.fault("corruption", detail=f"reads return {what}")]


def _limbo(extent: Extent, what: str) -> MemoryFault:
    return extent.fault("limbo", detail=f"nothing that is written here stays; reads return {what}")


def _end_of_memory(extent: Extent) -> int:
    """The vector from which on all to the end is wrong, where some is wrong before it too; else 0.

    In the region where memory ends, as large a share is wrong before the end as in the regions before. It may be almost
    full, so that the next one counts with it.
    """
    partly = np.flatnonzero(extent.mass < FULL * region_sizes(extent.vectors))
    edge = int(partly[-1]) if partly.size else 0
    if not extent.mass[:edge].any() or edge > extent.mass.size - 1 - _LEAST_LIMBO_REGIONS:
        return 0
    density = float(extent.mass[:edge].sum()) / (edge * REGION_VECTORS)
    both, size = float(extent.mass[edge : edge + 2].sum()), 2 * REGION_VECTORS
    behind = (both - density * size) / max(1 - density, 1 - FULL)
    return edge * REGION_VECTORS + size - round(min(max(0.0, behind), size))


def find_comb(index: NDArray[np.int64], density: float) -> Comb | None:
    """Find the period with which wrong vectors return, given the share of the vectors that are wrong at all.

    Of all periods that explain that share the shortest is the true one.
    """
    rows = index[:_MOST_ROWS] * VECTOR_BYTES
    comb = _find_comb(rows, density, GRANULES) or _find_comb(rows, density, _ODD_GRANULES)
    return comb and _fewest(comb)


def _fewest(comb: Comb) -> Comb:
    """The same with one dead channel where neighbours that are dead make up just one of fewer, wider channels."""
    first, run = comb.dead[0], len(comb.dead)
    neighbours = comb.dead == tuple(range(first, first + run))
    if not neighbours or first % run or comb.channels % run:
        return comb
    return Comb(comb.granule_bytes * run, comb.channels // run, (first // run,))


def _find_comb(wrong_bytes: NDArray[np.int64], density: float, sizes: tuple[int, ...]) -> Comb | None:
    granules = [np.unique(wrong_bytes // granule) for granule in sizes]
    for channels in range(2, _MOST_CHANNELS + 1):
        if not _can_be(channels, density):
            continue
        for granule, wrong in zip(sizes, granules, strict=True):
            if granule * channels > _LONGEST_PERIOD_BYTES:
                continue
            comb = _comb(wrong, granule, channels)
            if comb and abs(comb.density - density) <= _DENSITY_TOLERANCE * density:
                return comb
    return None


def _can_be(channels: int, density: float) -> bool:
    """Whether some number of dead channels explains the share."""
    return abs(round(density * channels) / channels - density) <= _DENSITY_TOLERANCE * density


def _comb(granules: NDArray[np.int64], granule: int, channels: int) -> Comb | None:
    counts = np.bincount(granules % channels, minlength=channels)
    dead = np.flatnonzero(counts > 0.25 * granules.size / channels)
    enough = granules.size >= _ROWS_PER_CHANNEL * dead.size
    if not enough or dead.size > channels // 2 or counts[dead].sum() < 0.98 * granules.size:
        return None
    return Comb(granule, channels, tuple(int(n) for n in dead))


def _channel(extent: Extent, comb: Comb, dead: int, what: str) -> MemoryFault:
    numbers = extent.rows.index * VECTOR_BYTES // comb.granule_bytes % comb.channels
    part = extent.share(numbers == dead, extent.mass / len(comb.dead)) if len(comb.dead) > 1 else extent
    return part.fault(
        "dead_channel",
        channel=dead,
        channels=comb.channels,
        granule_bytes=comb.granule_bytes,
        detail=f"every {comb.channels}th granule returns {what}; the number counts from the walk's start",
    )


def _comes_and_goes(extent: Extent) -> bool:
    """Whether most of what is wrong fills regions that lie apart, as channels do that take turns at a MiB or more."""
    if extent.filled < _FILLED:
        return False
    full = extent.mass >= FULL * region_sizes(extent.vectors)
    return int(np.count_nonzero(np.diff(full.astype(np.int8)) == 1)) >= _LEAST_RUNS


def _is_limbo(extent: Extent) -> bool:
    span = extent.last_vector - extent.first_vector + 1
    at_end = extent.last_vector >= extent.vectors - 1
    if extent.wrong_vectors >= 0.98 * span and (at_end or span * VECTOR_BYTES >= _LEAST_LIMBO_BYTES):
        return True
    return extent.filled >= _FILLED


def _density(extent: Extent) -> float:
    return extent.wrong_vectors / (extent.last_vector - extent.first_vector + 1)


def _what(extent: Extent) -> str:
    """What the bus shows, in words."""
    rows = extent.rows
    if not (rows.origin == Origin.CONSTANT).mean() >= 0.5:
        return "random values"
    values, counts = np.unique(rows.got[rows.origin == Origin.CONSTANT], return_counts=True)
    value = int(values[counts.argmax()])
    return {0: "zeros", 0xFFFF_FFFF_FFFF_FFFF: "ones"}.get(value, f"a value left over on the bus (0x{value:016x})")
