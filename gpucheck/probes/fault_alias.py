"""Addresses that share cells: one distance between all partners, or pages paired in no order."""

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.model.units import gib
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import VECTOR_BYTES

PAGE_BYTES = 2 << 20
"""Frame that drivers map; inside one, order is physical."""
_PAGE = PAGE_BYTES // VECTOR_BYTES
_FITS = 0.98
_TOLERANCE = 0.05
_MOST_PAIRS = 16


def name(extent: Extent) -> MemoryFault:
    """Tell a wraparound, whose distance is the true size, from pages that share frames."""
    rows = extent.rows
    exact = _period(extent, np.abs(rows.source - rows.index))
    if exact:
        return _wraparound(extent, exact, "addresses beyond the true size start over")
    paged = _period(extent, np.abs(rows.source // _PAGE - rows.index // _PAGE) * _PAGE)
    if paged % _PAGE == 0 and paged:
        return _wraparound(extent, paged, "pages beyond the true size start over, in another order inside a page")
    pairs = _pairs(rows.index // _PAGE, rows.source // _PAGE)
    return extent.fault(
        "shuffled_alias",
        pairs=tuple((int(a) * PAGE_BYTES, int(b) * PAGE_BYTES) for a, b in pairs[:_MOST_PAIRS]),
        detail=f"{len(pairs)} pairs of pages seen to share frames; {gib(_distinct(extent))} keep their own",
    )


def _period(extent: Extent, distances: NDArray[np.int64]) -> int:
    """The length after which addresses start over, 0 where no such length explains what was counted.

    Addresses that start over after D overwrite all but D vectors, so the counters say roughly what D is; partners can
    be several rounds apart.
    """
    kept = max(1, extent.vectors - extent.wrong_vectors)
    rounds = np.maximum(1, np.rint(distances / kept).astype(np.int64))
    values, counts = np.unique(distances / rounds, return_counts=True)
    period = float(values[counts.argmax()])
    common = counts.max() >= _FITS * distances.size and period.is_integer()
    return int(period) if common and abs(period - kept) <= _TOLERANCE * extent.vectors else 0


def _wraparound(extent: Extent, distance: int, detail: str) -> MemoryFault:
    return extent.fault("wraparound", distance_bytes=distance * VECTOR_BYTES, detail=detail)


def _pairs(pages: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    both = np.stack([np.minimum(pages, others), np.maximum(pages, others)], axis=1)
    pairs: NDArray[np.int64] = np.unique(both, axis=0)
    return pairs


def _distinct(extent: Extent) -> int:
    return (extent.vectors - extent.wrong_vectors) * VECTOR_BYTES
