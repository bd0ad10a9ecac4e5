"""Single bits: stuck, unable to change, or lost over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import REGION_SHIFT, Observed

_SCATTERED_VECTORS, _SCATTERED_BITS = 16, 12
_MOST_FAULTS = 8


@dataclass(frozen=True)
class _Group:
    """Flips of one bit of the 64-bit word to one value; ``rows`` are positions among the extent's rows, with repeats.

    ``half`` tells for each which word of the vector it was.
    """

    bit: int
    value: int
    rows: NDArray[np.int64]
    half: NDArray[np.int64]


def name(extent: Extent, observed: Sequence[Observed]) -> list[MemoryFault]:
    """One fault for each bit and value, or one for all where bits are hit without system."""
    groups = _groups(extent)
    vectors, bits = np.unique(extent.rows.index).size, len({group.bit for group in groups})
    if vectors >= _SCATTERED_VECTORS and bits >= _SCATTERED_BITS:
        return [extent.fault("retention", detail=f"scattered bits were lost, at {bits} of 64 places in the word")]
    histories = [_history(extent, group, observed) for group in groups]
    if len(groups) > _MOST_FAULTS:
        unstable = any(history.lost for history in histories)
        detail = f"{bits} different bits were wrong{', and right again' * unstable}"
        return [extent.fault("retention" if unstable else "corruption", detail=detail)]
    return [_fault(extent, group, history) for group, history in zip(groups, histories, strict=True)]


def _groups(extent: Extent) -> list[_Group]:
    flips = np.ascontiguousarray(extent.rows.flips).view(np.uint8)
    flipped = np.unpackbits(flips, axis=1, bitorder="little").astype(np.bool_)
    values = np.unpackbits(np.ascontiguousarray(extent.rows.got).view(np.uint8), axis=1, bitorder="little")
    row, place = np.nonzero(flipped)
    key = place % 64 * 2 + values[row, place]
    return [_Group(int(k) // 2, int(k) % 2, row[key == k], place[key == k] // 64) for k in np.unique(key)]


@dataclass(frozen=True)
class _History:
    """Whether some bit was once right with the value that it had not at another time: before that, or after it."""

    failed: bool
    lost: bool


def _history(extent: Extent, group: _Group, observed: Sequence[Observed]) -> _History:
    """Follow each bit through the passes: a stuck one is never right where its other value was written.

    Where the log overflowed it says nothing of the bits that it does not name.
    """
    keys = extent.rows.index[group.rows] * 2 + group.half
    cells = np.unique(keys)
    at = (cells // 2).astype(np.uint64)
    wrong = np.zeros((len(observed), cells.size), np.bool_)
    right = np.zeros_like(wrong)
    for number, seen in enumerate(observed):
        wrong[number] = np.isin(cells, keys[extent.rows.walk_pass[group.rows] == number])
        wanted = np.stack(seen.values.of(at))[cells % 2, np.arange(cells.size)] >> np.uint64(group.bit) & np.uint64(1)
        right[number] = _told(seen, at) & ~wrong[number] & (wanted != group.value)
    failed = (np.logical_or.accumulate(right, axis=0) & wrong).any()
    lost = (np.logical_or.accumulate(wrong, axis=0) & right).any()
    return _History(bool(failed), bool(lost))


def _told(seen: Observed, at: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether the log names every wrong vector of the regions of these."""
    region = np.uint64(REGION_SHIFT)
    logged = np.bincount((seen.rows[:, 0] >> region).astype(np.int64), minlength=seen.regions.size)
    told: NDArray[np.bool_] = (logged == seen.regions)[at >> region]
    return told


def _fault(extent: Extent, group: _Group, history: _History) -> MemoryFault:
    chosen = np.zeros(len(extent.rows), np.bool_)
    chosen[group.rows] = True
    part, wanted = extent.of(chosen), 1 - group.value
    if history.lost:
        return part.fault("retention", bit=group.bit, detail=f"the bit read {group.value} once and {wanted} later")
    if history.failed:
        detail = f"the bit was right at first, but could not change from {group.value} to {wanted}"
        return part.fault("transition", bit=group.bit, value=wanted, detail=detail)
    detail = f"the bit reads {group.value} whatever is written"
    if len(np.unique(part.rows.index)) == 1:
        detail += "; a single cell that cannot change would look the same"
    return part.fault("stuck", bit=group.bit, value=group.value, detail=detail)
