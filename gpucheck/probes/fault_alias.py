"""Addresses that share cells: one distance between all partners, or pages paired in no order."""

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.evidence import MemoryFault
from gpucheck.model.units import gib
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import VECTOR_BYTES

PAGE_BYTES = 2 << 20
"""Frame that drivers map; inside one, order is physical."""
_PAGE = PAGE_BYTES // VECTOR_BYTES
_SEEN, _FITS = 0.01, 0.98
_TOLERANCE = 0.05
_MOST_PAIRS = 16


def name(extent: Extent) -> MemoryFault:
    """Tell a wraparound, whose distance is the true size, from pages that share frames."""
    rows = extent.rows
    exact = _common(np.abs(rows.source - rows.index))
    if exact and _explains(extent, exact):
        return _wraparound(extent, exact, "addresses beyond the true size start over")
    paged = _common(np.abs(rows.source // _PAGE - rows.index // _PAGE))
    if paged and _explains(extent, paged * _PAGE):
        return _wraparound(
            extent, paged * _PAGE, "pages beyond the true size start over, in another order inside a page"
        )
    pairs = _pairs(rows.index // _PAGE, rows.source // _PAGE)
    return extent.fault(
        "shuffled_alias",
        pairs=tuple((int(a) * PAGE_BYTES, int(b) * PAGE_BYTES) for a, b in pairs[:_MOST_PAIRS]),
        detail=f"{len(pairs)} pairs of pages seen to share frames; {gib(_distinct(extent))} keep their own",
    )


def _common(distances: NDArray[np.int64]) -> int:
    """The distance of which all others are multiples, 0 where there is none."""
    values, counts = np.unique(distances[distances > 0], return_counts=True)
    frequent = values[counts >= _SEEN * distances.size]
    if not frequent.size:
        return 0
    smallest = int(frequent[0])
    fits = (distances > 0) & (distances % smallest == 0)
    return smallest if fits.mean() >= _FITS else 0


def _explains(extent: Extent, distance: int) -> bool:
    """With addresses that start over after ``distance``, all but one round of the memory is overwritten."""
    lost = extent.vectors - distance
    return abs(extent.wrong_vectors - lost) <= _TOLERANCE * extent.vectors


def _wraparound(extent: Extent, distance: int, detail: str) -> MemoryFault:
    return extent.fault("wraparound", distance_bytes=distance * VECTOR_BYTES, detail=detail)


def _pairs(pages: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    both = np.stack([np.minimum(pages, others), np.maximum(pages, others)], axis=1)
    pairs: NDArray[np.int64] = np.unique(both, axis=0)
    return pairs


def _distinct(extent: Extent) -> int:
    return (extent.vectors - extent.wrong_vectors) * VECTOR_BYTES
