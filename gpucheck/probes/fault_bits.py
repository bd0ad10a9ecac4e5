"""Single bits: stuck, unable to change, or lost over time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import REGION_SHIFT, VECTOR_BYTES, Observed

Cells = Callable[[NDArray[np.int64]], NDArray[np.int64]]

_SCATTERED_VECTORS, _SCATTERED_BITS = 16, 12
_NEAR_VECTORS, _NEAR_BITS, _LEAST_BITS = 6, 5, 3
_GAP_REGIONS = 64
"""Wrong vectors so many MiB apart are of different faults."""
_WORD_BITS, _LEAST_SYSTEM = 64, 8
_FEW_CELLS = 8
"""Half of the cells that cannot change show it in three passes: so many would not all hide it."""
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


def name(
    extent: Extent, observed: Sequence[Observed], cells: Cells | None = None, passes: int | None = None
) -> list[MemoryFault]:
    """One fault for each bit and value, and one for each place where bits are hit without system.

    ``cells`` tells the lowest address that reaches the cell of each, where addresses share cells; ``passes`` how many
    of what was observed covered all of the memory, where not each did.
    """
    passes = len(observed) if passes is None else passes
    faults, single, mass = [], np.ones(len(extent.rows), np.bool_), extent.mass
    for place in _places(extent):
        weak = _weak(extent, place, observed)
        if weak.any():
            inside = np.where(place.regions, extent.mass * (weak.sum() / place.rows.sum()), 0)
            faults.append(_forgetful(extent if weak.all() else extent.share(weak, inside)))
            single, mass = single & ~weak, mass - inside
    rest = extent if single.all() else extent.share(single, mass)
    return [*faults, *(_by_bit(rest, observed, cells, passes) if single.any() else ())]


def _by_bit(extent: Extent, observed: Sequence[Observed], cells: Cells | None, passes: int) -> list[MemoryFault]:
    groups = _groups(extent)
    histories = [_history(extent, group, observed) for group in groups]
    if len(groups) > _MOST_FAULTS:
        unstable = any(history.lost for history in histories)
        detail = f"{len({group.bit for group in groups})} different bits were wrong{', and right again' * unstable}"
        return [extent.fault("retention" if unstable else "corruption", detail=detail)]
    faults = [_fault(extent, g, history, passes) for g, history in zip(groups, histories, strict=True)]
    if cells is None:
        return faults
    return [_at_cells(f, cells(extent.rows.index[group.rows])) for f, group in zip(faults, groups, strict=True)]


def _at_cells(fault: MemoryFault, cells: NDArray[np.int64]) -> MemoryFault:
    """The same fault at the lowest addresses of its cells, where others reach them too."""
    first, last = int(cells.min()) * VECTOR_BYTES, int(cells.max() + 1) * VECTOR_BYTES - 1
    if first >= fault.first_byte and last >= fault.last_byte:
        return fault
    detail = f"{fault.detail}; all addresses that reach these cells show it"
    return fault.model_copy(update={"first_byte": first, "last_byte": last, "detail": detail})


@dataclass(frozen=True)
class _Place:
    """Regions near each other in which bits are wrong; which of all regions these are, and which of the rows."""

    regions: NDArray[np.bool_]
    rows: NDArray[np.bool_]


def _places(extent: Extent) -> list[_Place]:
    """Cut where nothing is wrong over many regions."""
    region = extent.rows.index >> REGION_SHIFT
    wrong = np.union1d(np.flatnonzero(extent.mass >= 1), region)
    number = np.zeros(extent.mass.size, np.int64)
    number[wrong[1:][np.diff(wrong) > _GAP_REGIONS]] = 1
    number = np.cumsum(number)
    return [_Place(number == n, number[region] == n) for n in np.unique(number[region])]


def _weak(extent: Extent, place: _Place, observed: Sequence[Observed]) -> NDArray[np.bool_]:
    """Rows of a place whose bits are hit without system, but for those of a bit that is wrong far too often for that.

    Many are told by their number; a few by lying side by side, or by being right again.
    """
    part = extent.of(place.rows)
    groups, index = _groups(part), np.unique(part.rows.index)
    bits, near = len({group.bit for group in groups}), index[-1] - index[0] < 1 << REGION_SHIFT
    many = index.size >= _SCATTERED_VECTORS and bits >= _SCATTERED_BITS
    some = near and index.size >= _NEAR_VECTORS and bits >= _NEAR_BITS
    lost = [_history(part, group, observed).lost for group in groups] if near else []
    few = (bits >= _LEAST_BITS and any(lost)) or (bits > 1 and near and all(lost))
    if not (many or some or few):
        return np.zeros_like(place.rows)
    weak = np.ones(len(part.rows), np.bool_)
    usual = [np.unique(part.rows.index[group.rows]).size for group in groups]
    for group, count in zip(groups, usual, strict=True):
        others = sum(n for g, n in zip(groups, usual, strict=True) if g.value == group.value) - count
        mean = others / (_WORD_BITS - 1)
        if count >= max(_LEAST_SYSTEM, 2 * mean + 4 * mean**0.5 + 3):
            weak[group.rows] = False
    chosen = place.rows.copy()
    chosen[place.rows] = weak
    return chosen


def _forgetful(extent: Extent) -> MemoryFault:
    bits = len({group.bit for group in _groups(extent)})
    fault = extent.fault("retention", detail=f"scattered bits were lost, at {bits} of 64 places in the word")
    return fault.model_copy(update={"estimated": not extent.complete})


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


def _fault(extent: Extent, group: _Group, history: _History, passes: int) -> MemoryFault:
    chosen = np.zeros(len(extent.rows), np.bool_)
    chosen[group.rows] = True
    part, wanted = extent.of(chosen), 1 - group.value
    if history.lost:
        return part.fault("retention", bit=group.bit, detail=f"the bit read {group.value} once and {wanted} later")
    if history.failed:
        detail = f"the bit was right at first, but could not change from {group.value} to {wanted}"
        return part.fault("transition", bit=group.bit, value=wanted, detail=detail)
    detail, doubt = f"the bit reads {group.value} whatever is written", _doubt(len(np.unique(part.rows.index)), passes)
    return part.fault("stuck", bit=group.bit, value=group.value, detail=detail, doubt=doubt)


def _doubt(cells: int, passes: int) -> str:
    """What else than stuck the bit may be; nothing where enough cells were asked often enough."""
    if cells == 1:
        return "a single cell that cannot change would look the same"
    if passes == 1:
        return "in a single pass cells that cannot change would look the same"
    return "a few cells that can change one way only would look the same" if cells < _FEW_CELLS else ""
