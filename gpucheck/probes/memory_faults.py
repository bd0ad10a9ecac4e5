"""From wrong vectors to what is wrong with the memory. Pure: log rows and region counters in, faults out.

The log holds the first 4096 wrong vectors of each chunk, from anywhere; the counters of the regions are exact. So
*what* a fault is comes from the rows, and *how much* of the memory it takes from the counters, shared out among the
kinds as the rows of each region are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.probes import fault_alias, fault_bits, fault_bus, walk_rows
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import REGION_VECTORS, VECTOR_BYTES, Observed, U32s, region_sizes
from gpucheck.probes.walk_rows import Origin, Rows

_FAMILIES: tuple[tuple[Origin, ...], ...] = (
    (Origin.ALIAS,),
    (Origin.CONSTANT, Origin.GARBAGE),
    (Origin.FLIPPED,),
    (Origin.STALE,),
)
_SPOILT_SHARE, _SPOILT_BYTES = 0.05, 4 << 20
"""So much beside aliases is what the walk's own log wrote through a second address."""


def worst_regions(observed: Sequence[Observed]) -> U32s:
    """For each region the most vectors that were wrong in any one pass."""
    worst: U32s = np.max([seen.regions for seen in observed], axis=0)
    return worst


def wrong_vectors(observed: Sequence[Observed], vectors: int) -> int:
    """How many vectors were wrong in any pass: exactly where every one is logged, else no fewer than can be told.

    Where addresses share cells the same vectors are wrong in every pass, and the worst pass has them all; single bits
    that flip are others each time, and add up.
    """
    if all(seen.complete for seen in observed):
        return int(np.unique(np.concatenate([seen.rows[:, 0] for seen in observed])).size)
    worst, sizes = worst_regions(observed).astype(np.int64), region_sizes(vectors).astype(np.int64)
    rows = walk_rows.read(observed, vectors)
    flipped = rows.origin == Origin.FLIPPED
    region = rows.index // REGION_VECTORS
    flips, others = (np.bincount(region[chosen], minlength=worst.size) for chosen in (flipped, ~flipped))
    total = np.sum([seen.regions for seen in observed], axis=0, dtype=np.int64)
    return int(np.where(flips > others, np.minimum(total, sizes), worst).sum())


def classify(observed: Sequence[Observed], vectors: int) -> tuple[MemoryFault, ...]:
    """Name the faults behind the wrong vectors of all passes, the largest first; none for sound memory."""
    worst = worst_regions(observed)
    if not worst.any():
        return ()
    rows = walk_rows.read(observed, vectors)
    if not len(rows):
        return (_unlogged(worst),)
    extents = _extents(rows, worst, observed, vectors)
    faults = [fault for family, extent in extents for fault in _family(family, extent, observed)]
    return tuple(sorted(faults, key=lambda fault: -fault.wrong_bytes))


def _family(family: tuple[Origin, ...], extent: Extent, observed: Sequence[Observed]) -> list[MemoryFault]:
    match family[0]:
        case Origin.ALIAS:
            return [fault_alias.name(extent)]
        case Origin.FLIPPED:
            return fault_bits.name(extent, observed)
        case Origin.STALE:
            return [extent.fault("lost_write", detail="the value of an earlier pass was still there")]
        case _:
            return fault_bus.name(extent)


def _extents(
    rows: Rows, worst: U32s, observed: Sequence[Observed], vectors: int
) -> list[tuple[tuple[Origin, ...], Extent]]:
    parts = [(family, rows.of(*family)) for family in _FAMILIES]
    parts = [(family, part) for family, part in parts if len(part)]
    complete = all(seen.complete for seen in observed)
    shares = _share_out([part.index for _, part in parts], worst)
    others = [round(float(worst.sum(dtype=np.int64) - mass.sum())) for mass in shares]
    extents = [
        (f, Extent(part, mass, complete, vectors, elsewhere=elsewhere))
        for (f, part), mass, elsewhere in zip(parts, shares, others, strict=True)
    ]
    if len(extents) == 1:
        lowest = [seen.lowest for seen in observed if seen.lowest is not None]
        highest = [seen.highest for seen in observed if seen.highest is not None]
        family, extent = extents[0]
        return [(family, extent.within(min(lowest), max(highest)))]
    return _without_spoilt(extents)


def _without_spoilt(
    extents: list[tuple[tuple[Origin, ...], Extent]],
) -> list[tuple[tuple[Origin, ...], Extent]]:
    """Drop the little that an overlapping address did to the walk's own log, where addresses overlap."""
    aliases = sum(extent.wrong_bytes for family, extent in extents if family[0] is Origin.ALIAS)
    limit = min(_SPOILT_SHARE * aliases, _SPOILT_BYTES)
    return [
        (family, extent)
        for family, extent in extents
        if family[0] in {Origin.ALIAS, Origin.FLIPPED} or extent.wrong_bytes > limit
    ]


def _share_out(indices: list[NDArray[np.int64]], worst: U32s) -> list[NDArray[np.float64]]:
    """Split each region's count as its logged rows are split; a region without rows follows the last that has some."""
    counts = np.stack([np.bincount(index // REGION_VECTORS, minlength=worst.size) for index in indices])[
        :, : worst.size
    ]
    logged = counts.sum(axis=0) > 0
    nearest = np.maximum.accumulate(np.where(logged, np.arange(worst.size), 0))
    nearest[: int(np.argmax(logged))] = int(np.argmax(logged))
    counts = counts[:, nearest]
    shares = counts / counts.sum(axis=0) * worst
    return list(shares)


def fleeting(seen: Observed, tier: str) -> MemoryFault | None:
    """What an early tier met and no full pass did; None where it met nothing."""
    if not seen.wrong_vectors:
        return None
    return _unlogged(seen.regions).model_copy(
        update={"detail": f"wrong in the {tier} once, and right in every full pass"}
    )


def _unlogged(worst: U32s) -> MemoryFault:
    hit = np.flatnonzero(worst)
    region = REGION_VECTORS * VECTOR_BYTES
    return MemoryFault(
        kind="corruption",
        wrong_bytes=int(worst.sum(dtype=np.int64)) * VECTOR_BYTES,
        first_byte=int(hit[0]) * region,
        last_byte=(int(hit[-1]) + 1) * region - 1,
        detail="counted, but the log of them was lost",
    )
