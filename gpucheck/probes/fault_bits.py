"""Single bits: stuck, unable to change, or lost over time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.probes.fault_extent import Extent

_SCATTERED_VECTORS, _SCATTERED_BITS = 16, 12
_MOST_FAULTS = 8
_SURE_CELLS = 3
"""Stuck bits agree with the first pattern half the time: all of so many would be a chance of one in eight."""


@dataclass(frozen=True)
class _Group:
    """Flips of one bit of the 64-bit word to one value; ``rows`` are positions among the extent's rows."""

    bit: int
    value: int
    rows: NDArray[np.int64]


def name(extent: Extent) -> list[MemoryFault]:
    """One fault for each bit and value, or one for all where bits are hit without system."""
    groups = _groups(extent)
    vectors, bits = np.unique(extent.rows.index).size, len({group.bit for group in groups})
    if vectors >= _SCATTERED_VECTORS and bits >= _SCATTERED_BITS:
        return [extent.fault("retention", detail=f"scattered bits were lost, at {bits} of 64 places in the word")]
    if len(groups) > _MOST_FAULTS:
        return [extent.fault("corruption", detail=f"{bits} different bits were wrong")]
    return [_fault(extent, group) for group in groups]


def _groups(extent: Extent) -> list[_Group]:
    flips = np.ascontiguousarray(extent.rows.flips).view(np.uint8)
    flipped = np.unpackbits(flips, axis=1, bitorder="little").astype(np.bool_)
    values = np.unpackbits(np.ascontiguousarray(extent.rows.got).view(np.uint8), axis=1, bitorder="little")
    row, place = np.nonzero(flipped)
    key = place % 64 * 2 + values[row, place]
    return [_Group(int(k) // 2, int(k) % 2, np.unique(row[key == k])) for k in np.unique(key)]


def _fault(extent: Extent, group: _Group) -> MemoryFault:
    chosen = np.zeros(len(extent.rows), np.bool_)
    chosen[group.rows] = True
    part = extent.of(chosen)
    if _cannot_change(part):
        wanted = 1 - group.value
        detail = f"the bit was right at first, but could not change from {group.value} to {wanted}"
        return part.fault("transition", bit=group.bit, value=wanted, detail=detail)
    detail = f"the bit reads {group.value} whatever is written"
    if len(np.unique(part.rows.index)) == 1:
        detail += "; a single cell that cannot change would look the same"
    return part.fault("stuck", bit=group.bit, value=group.value, detail=detail)


def _cannot_change(part: Extent) -> bool:
    """Wrong with the very pattern that had been right, or never wrong at first and then wrong in many cells.

    A cell that was used before the walk may have changed for good already; it looks stuck and says nothing against it.
    """
    cells = part.rows.index
    at_first, again = (np.unique(cells[part.rows.walk_pass == number]) for number in (0, 2))
    turned = np.setdiff1d(again, at_first).size
    if at_first.size:
        return bool(turned >= _SURE_CELLS)
    return turned > 0 or np.unique(cells).size >= _SURE_CELLS
