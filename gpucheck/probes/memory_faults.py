"""From wrong vectors to what is wrong with the memory. Pure: log rows and region counters in, faults out.

The log holds the first 4096 wrong vectors of each chunk, from anywhere; the counters of the regions are exact. So
*what* a fault is comes from the rows, and *how much* of the memory it takes from the counters, shared out among the
kinds as the rows of each region are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.probes import fault_alias, fault_bits, fault_bus, walk_rows
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import REGION_VECTORS, VECTOR_BYTES, Observed, U32s, region_sizes
from gpucheck.probes.walk_rows import Origin, Rows

Family = tuple[Origin, ...]
Parts = dict[Family, Extent]

_ALIAS: Family = (Origin.ALIAS,)
_BUS: Family = (Origin.CONSTANT, Origin.GARBAGE)
_FLIPPED: Family = (Origin.FLIPPED,)
_FAMILIES = (_ALIAS, _BUS, _FLIPPED, (Origin.STALE,))
_ALIKE_VECTORS = REGION_VECTORS // 16
_SPOILT_SHARE, _SPOILT_BYTES = 0.05, 4 << 20
"""So much beside aliases is what the walk's own log wrote through a second address."""


def worst_regions(observed: Sequence[Observed]) -> U32s:
    """For each region the most vectors that were wrong in any one pass."""
    worst: U32s = np.stack([seen.regions for seen in observed]).max(axis=0)
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


def classify(observed: Sequence[Observed], vectors: int, asked: Sequence[Observed] = ()) -> tuple[MemoryFault, ...]:
    """Name the faults behind the wrong vectors of all passes, the largest first; none for sound memory.

    ``asked`` is what single vectors of these gave back when they were written and read again.
    """
    passes, observed = len(observed), [*observed, *asked]
    worst = worst_regions(observed)
    if not worst.any():
        return ()
    rows = walk_rows.read(observed, vectors)
    if not len(rows):
        return (_unlogged(worst),)
    parts = _extents(rows, worst, observed, vectors)
    wrap, comb = None, None
    if _ALIAS in parts:
        wrap = fault_alias.find_wrap(parts[_ALIAS])
        comb = fault_bus.beneath(parts[_BUS], worst, wrap.period) if wrap and _BUS in parts else None
        parts = _shared_out_by(comb, wrap, parts, worst) if comb and wrap else parts
    faults = [
        fault for family, extent in parts.items() for fault in _family(family, extent, observed, passes, wrap, comb)
    ]
    return tuple(sorted(faults, key=lambda fault: -fault.wrong_bytes))


def _family(
    family: Family,
    extent: Extent,
    observed: Sequence[Observed],
    passes: int,
    wrap: fault_alias.Wrap | None,
    comb: fault_bus.Comb | None,
) -> list[MemoryFault]:
    match family[0]:
        case Origin.ALIAS:
            return [fault_alias.name(extent)]
        case Origin.FLIPPED:
            return fault_bits.name(extent, observed, wrap.cells if wrap else None, passes)
        case Origin.STALE:
            return [extent.fault("lost_write", detail="the value of an earlier pass was still there")]
        case _:
            return fault_bus.channels(extent, comb) if comb else fault_bus.name(extent)


def _shared_out_by(comb: fault_bus.Comb, wrap: fault_alias.Wrap, parts: Parts, worst: U32s) -> Parts:
    """Count what is dead by the comb, and leave the rest of each region to the addresses that share cells."""
    alias, bus = parts[_ALIAS], parts[_BUS]
    dead = np.minimum(comb.of_regions(bus.vectors, wrap.period), worst).astype(np.float64)
    others = sum((part.mass for family, part in parts.items() if family not in (_ALIAS, _BUS)), np.zeros(worst.size))
    shared = (alias.mass > 0) | (worst >= fault_bus.FULL * region_sizes(alias.vectors))
    rest = np.where(shared, np.maximum(worst - dead - others, 0), 0)
    counted = len(parts) == len((_ALIAS, _BUS))
    elsewhere = round(float(worst.sum(dtype=np.int64) - rest.sum()))
    return parts | {
        _ALIAS: replace(alias, mass=rest, elsewhere=elsewhere, counted=counted),
        _BUS: replace(bus, mass=dead, counted=True),
    }


def _extents(rows: Rows, worst: U32s, observed: Sequence[Observed], vectors: int) -> Parts:
    parts = [(family, rows.of(*family)) for family in _FAMILIES]
    parts = [(family, part) for family, part in parts if len(part)]
    complete = all(seen.complete for seen in observed)
    shares = _share_out([part.index for _, part in parts], worst)
    others = [round(float(worst.sum(dtype=np.int64) - mass.sum())) for mass in shares]
    extents = {
        f: Extent(part, mass, complete, vectors, elsewhere=elsewhere)
        for (f, part), mass, elsewhere in zip(parts, shares, others, strict=True)
    }
    if len(extents) == 1:
        lowest = [seen.lowest for seen in observed if seen.lowest is not None]
        highest = [seen.highest for seen in observed if seen.highest is not None]
        return {family: extent.within(min(lowest), max(highest)) for family, extent in extents.items()}
    return _without_spoilt(extents)


def _without_spoilt(extents: Parts) -> Parts:
    """Drop the little that an overlapping address did to the walk's own log, where addresses overlap."""
    aliases = sum(extent.wrong_bytes for family, extent in extents.items() if family == _ALIAS)
    limit = min(_SPOILT_SHARE * aliases, _SPOILT_BYTES)
    return {
        family: extent
        for family, extent in extents.items()
        if family in (_ALIAS, _FLIPPED) or extent.wrong_bytes > limit
    }


def _share_out(indices: list[NDArray[np.int64]], worst: U32s) -> list[NDArray[np.float64]]:
    """Split each region's count as its logged rows are split; one without rows follows the last like it that has some.

    Like it is one of about the same count: rows come from regions that stand out, and not for the others beside them.
    """
    counts = np.stack([np.bincount(index // REGION_VECTORS, minlength=worst.size) for index in indices])[
        :, : worst.size
    ]
    logged = counts.sum(axis=0) > 0
    model = _last(logged)
    alike = worst // _ALIKE_VECTORS
    for kind in np.unique(alike[logged]):
        same = alike == kind
        model[same] = _last(logged & same)[same]
    counts = counts[:, np.where(logged, np.arange(worst.size), model)]
    shares = counts / counts.sum(axis=0) * worst
    return list(shares)


def _last(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each place the last one before it that is chosen, the first of all where there is none before."""
    first = int(np.argmax(chosen))
    last: NDArray[np.int64] = np.maximum.accumulate(np.where(chosen, np.arange(chosen.size), first))
    return last


def fleeting(seen: Observed, tier: str, passes: Sequence[Observed], vectors: int) -> tuple[MemoryFault, ...]:
    """What an early tier met and no full pass did; nothing where it met nothing.

    Single bits are followed into the passes: where these never wrote the other value, the bit may be stuck.
    """
    if not seen.wrong_vectors:
        return ()
    rows = walk_rows.read([seen], vectors)
    if seen.complete and (rows.origin == Origin.FLIPPED).all():
        extent = Extent(rows, seen.regions.astype(np.float64), True, vectors)
        faults = fault_bits.name(extent, [seen, *passes])
        return tuple(f.model_copy(update={"detail": f"{f.detail}; seen in the {tier} alone"}) for f in faults)
    detail = f"wrong in the {tier} once, and right in every full pass"
    return (_unlogged(seen.regions).model_copy(update={"detail": detail}),)


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
