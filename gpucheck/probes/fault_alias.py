"""Addresses that share cells: one distance between all partners, or pages paired in no order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.model.units import gib
from gpucheck.probes.fault_extent import Extent
from gpucheck.probes.walk_journal import VECTOR_BYTES
from gpucheck.probes.walk_spots import PAGE_SHIFT, PAGE_VECTORS

I64s = NDArray[np.int64]

PAGE_BYTES = PAGE_VECTORS * VECTOR_BYTES
"""Frame that drivers map; inside one, order is physical."""
_FITS = 0.98
_LOOSE, _LOOSE_PAGES = 0.4, 8
"""How far the counters may be off where other faults are mixed in and many pages agree; alone they are exact."""
_EXACT, _EXACT_PAGES = 0.002, 4
_LEAST_SOUND = 0.25
_MOST_PAIRS = 16
_START_OVER = "addresses beyond the true size start over"
_IN_ANOTHER_ORDER = "in another order inside a page"
_MOST_TRIED = 8192


@dataclass(frozen=True)
class Wrap:
    """Addresses start over after ``period`` vectors, in words ``inside`` pages too where their order differs.

    ``order`` is what each round more xors to the place inside a whole page, None where that is not known.
    """

    period: int
    inside: str = ""
    order: int | None = 0

    def cells(self, index: I64s) -> I64s:
        """The lowest address of the cell that each reaches; the same as given where that is not known."""
        if self.order is None:
            return index
        place, twist = index % self.period, index // self.period * self.order % PAGE_VECTORS
        return np.where(place < self.period // PAGE_VECTORS * PAGE_VECTORS, place ^ twist, place)


def name(extent: Extent) -> MemoryFault:
    """Tell a wraparound, whose distance is the true size, from pages that share frames."""
    wrap = find_wrap(extent)
    if wrap:
        what = f"pages beyond the true size start over, {wrap.inside}" if wrap.inside else _START_OVER
        return extent.fault("wraparound", distance_bytes=wrap.period * VECTOR_BYTES, detail=what)
    found = pairs(extent.rows.index, extent.rows.source)
    return extent.fault(
        "shuffled_alias",
        pairs=in_bytes(found),
        detail=f"{len(found)} pairs of pages seen to share frames; {gib(_kept(extent) * VECTOR_BYTES)} keep their own",
    )


def find_wrap(extent: Extent) -> Wrap | None:
    """The length after which addresses start over, None where pages share frames in no such order."""
    rows = extent.rows
    lower, upper = np.minimum(rows.index, rows.source), np.maximum(rows.index, rows.source)
    wrap = _wrap(extent, lower, upper)
    if wrap:
        return wrap
    paged = _common((upper >> PAGE_SHIFT) - (lower >> PAGE_SHIFT), _rounds(extent, lower, upper)) * PAGE_VECTORS
    return Wrap(paged, _IN_ANOTHER_ORDER, None) if paged and _plausible(extent, paged) else None


def pairs(index: I64s, source: I64s) -> I64s:
    """Return the different pairs of pages among the addresses of which one answered for the other; shape (n, 2)."""
    pages = np.sort(np.stack([index >> PAGE_SHIFT, source >> PAGE_SHIFT], axis=1), axis=1)
    found: I64s = np.unique(pages, axis=0)
    return found


def in_bytes(found: I64s) -> tuple[tuple[int, int], ...]:
    """The first of the pairs, by where the pages begin."""
    return tuple((int(a) * PAGE_BYTES, int(b) * PAGE_BYTES) for a, b in found[:_MOST_PAIRS])


def _wrap(extent: Extent, lower: I64s, upper: I64s) -> Wrap | None:
    """Find it by the distances of single vectors.

    Of addresses that share a cell all but one lose their value, so the counters say what the length is about, and the
    length itself follows from partners of which one lies in the first round, where the pages of the walk are frames.
    """
    shared = int(np.gcd.reduce(upper - lower))
    if shared >= PAGE_VECTORS and _plausible(extent, shared):
        return Wrap(shared)
    rounds = _rounds(extent, lower, upper)
    first = np.flatnonzero(lower < 0.9 * _size(extent))
    if not first.size:
        return None
    values, counts = np.unique(rounds[first], return_counts=True)
    first = first[rounds[first] == values[counts.argmax()]]
    if first.size > _MOST_TRIED:  # at random: rows lie in runs, and every nth of them could be alike in some bit
        first = np.random.default_rng(first.size).choice(first, _MOST_TRIED, replace=False)
    order = _order(lower[first], upper[first])
    period = _common(upper[first] - (lower[first] ^ order), rounds[first])
    if not period or not _plausible(extent, period):
        return None
    if not order and ((upper - lower) % period == 0).mean() >= _FITS:
        return Wrap(period)
    # The order may be that of the page after so many rounds and another one after more: then pages alone agree.
    same = lower % period >> PAGE_SHIFT == upper % period >> PAGE_SHIFT
    sectors = f" (sectors xor {order * VECTOR_BYTES // 256:#x})" if order else ""
    by_round = order if int(rounds[first][0]) == 1 else None
    return Wrap(period, _IN_ANOTHER_ORDER + sectors, by_round) if same.mean() >= _FITS else None


def _order(lower: I64s, upper: I64s) -> int:
    """What must be xored to the place inside a page so that all partners are equally far apart; 0 without such.

    Bit by bit from the lowest: a bit that is xored moves partners up or down, and that differs two bits higher.
    """
    order = 0
    for bit in range(PAGE_SHIFT):
        modulus = (4 << bit) - 1
        tried = (order, order | 1 << bit)
        fits = [_share((upper - (lower ^ candidate)) & modulus) for candidate in tried]
        order = tried[1] if fits[1] > fits[0] and fits[1] >= _FITS else order
        if max(fits) < _FITS:
            return 0
    return order


def _common(distances: I64s, rounds: I64s) -> int:
    """The one distance of nearly all partners, by the number of rounds between them; 0 without one."""
    values, counts = np.unique(distances / rounds, return_counts=True)
    value = float(values[counts.argmax()])
    return int(value) if counts.max() >= _FITS * distances.size and value.is_integer() else 0


def _share(values: I64s) -> float:
    _, counts = np.unique(values, return_counts=True)
    return float(counts.max() / values.size)


def _rounds(extent: Extent, lower: I64s, upper: I64s) -> I64s:
    """How many times the memory is passed between partners, by their pages: the order inside one must not count."""
    whole = _size(extent) >= PAGE_VECTORS
    distances = ((upper >> PAGE_SHIFT) - (lower >> PAGE_SHIFT)) << PAGE_SHIFT if whole else upper - lower
    return np.maximum(1, np.rint(distances / max(1, _size(extent))).astype(np.int64))


def _kept(extent: Extent) -> int:
    return extent.vectors - extent.wrong_vectors - extent.elsewhere


def _size(extent: Extent) -> int:
    """How many vectors there are, about, if as large a share of them as of all addresses is wrong in other ways."""
    return round(_kept(extent) / max(_LEAST_SOUND, 1 - extent.elsewhere / extent.vectors))


def _plausible(extent: Extent, period: int) -> bool:
    """Whether so many vectors kept their value, and the first page lost its own, as it must where addresses wrap."""
    exact = _EXACT * extent.vectors + _EXACT_PAGES * PAGE_VECTORS
    many = np.unique(extent.rows.index >> PAGE_SHIFT).size >= _LOOSE_PAGES
    slack = max(exact, _LOOSE * _size(extent)) if many and not extent.alone else exact
    return extent.first_vector < PAGE_VECTORS and abs(period - _size(extent)) <= slack
