"""How single cells behave, faults included: what they hold, what they take, what they answer. Positions in vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.simulation.addresses import VECTOR, I64s
from gpucheck.simulation.faults import Fault, Limbo, Retention, SlowRegion, Stuck, Transition, Wraparound
from gpucheck.simulation.samples import Stripes, U64s, mix

ALL_ONES = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
WEAK_SHARE = 4
"""One in so many vectors of a region with poor retention has a weak bit."""

Rows = slice | NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """Two masks for each cell, one for each half of the vector: shape (2, cells)."""

    mask: U64s
    value: U64s


@dataclass(frozen=True)
class Damage:
    """What is wrong with the cells of a card. ``end`` is the first cell that no address reaches."""

    faults: Sequence[Fault]
    stripes: Stripes | None
    end: int
    seed: int

    def cells_of(self, fault: Stuck | Transition) -> I64s:
        """Cells of a fault's addresses; those beyond the memory wrap where the address lines do."""
        cells = np.array(fault.addresses, np.int64) // VECTOR
        wraps = any(isinstance(f, Wraparound) for f in self.faults)
        return cells % self.end if wraps else cells


class Cells:
    """Some cells by ascending position, and what they hold."""

    def __init__(self, positions: I64s, damage: Damage) -> None:
        self.positions = positions
        self._damage = damage
        self._content = np.zeros((2, positions.size), np.uint64)
        self._open = self._open_bus()
        self._stuck = self._bits(Stuck)
        self._sticky = self._bits(Transition)
        if self._sticky:
            self._content |= self._sticky.value
        self._weak = self._weak_bits()

    @property
    def arrays(self) -> list[NDArray[np.generic]]:
        """Everything that takes room on the host."""
        words = [part for pair in (self._stuck, self._sticky) if pair for part in (pair.mask, pair.value)]
        return [array for array in (self.positions, self._content, self._open, self._weak, *words) if array is not None]

    def read(self, rows: Rows, epoch: int) -> tuple[U64s, U64s]:
        """Return what cells answer; what was written in an earlier ``epoch`` may have decayed."""
        self._decay(rows, epoch)
        content = self._content[:, rows]
        if self._stuck:
            mask, value = self._stuck.mask[:, rows], self._stuck.value[:, rows]
            content = (content & ~mask) | value
        if self._open is not None:
            content = np.where(self._open[rows], ALL_ONES, content)
        return content[0], content[1]

    def write(self, rows: Rows, low: U64s, high: U64s) -> None:
        """Store words in cells, as far as they take them, one after the other where a cell gets several."""
        if isinstance(rows, slice) and not self._sticky:
            self._content[0, rows], self._content[1, rows] = low, high
            return
        wanted = np.stack([low, high])
        refused = self._refused(rows, wanted)
        if not isinstance(rows, slice) and (np.diff(rows) <= 0).any():
            order = np.argsort(rows, kind="stable")
            first = np.flatnonzero(np.diff(rows[order], prepend=-1))
            last = order[np.append(first[1:], rows.size) - 1]
            rows, wanted = rows[last], wanted[:, last]
            refused = None if refused is None else np.bitwise_or.reduceat(refused[:, order], first, axis=1)
        if self._sticky and refused is not None:
            wanted = (wanted & ~refused) | (~self._sticky.value[:, rows] & refused)
        self._content[:, rows] = wanted

    def _refused(self, rows: Rows, wanted: U64s) -> U64s | None:
        """Bits that have or get the value from which they cannot change any more."""
        if not self._sticky:
            return None
        mask, value = self._sticky.mask[:, rows], self._sticky.value[:, rows]
        lost: U64s = mask & ((self._content[:, rows] ^ value) | (wanted ^ value))
        return lost

    def _decay(self, rows: Rows, epoch: int) -> None:
        if self._weak is None:
            return
        luck = mix(self.positions[rows], epoch) % np.uint64(4)
        self._content[:, rows] &= ~np.where(luck > 0, self._weak[:, rows], np.uint64(0))

    def _open_bus(self) -> NDArray[np.bool_] | None:
        limbo = [(f.real_bytes or 0) // VECTOR for f in self._damage.faults if isinstance(f, Limbo)]
        stripes = self._damage.stripes
        if not limbo and stripes is None:
            return None
        beyond = self.positions >= min(limbo, default=self._damage.end)
        return beyond | stripes.covers(self.positions) if stripes else beyond

    def _bits(self, kind: type[Stuck] | type[Transition]) -> Words | None:
        faults = [fault for fault in self._damage.faults if isinstance(fault, kind)]
        cells = self.positions
        if not faults or not cells.size:
            return None
        words = Words(np.zeros((2, cells.size), np.uint64), np.zeros((2, cells.size), np.uint64))
        for fault in faults:
            wanted = self._damage.cells_of(fault)
            row = np.searchsorted(cells, wanted).clip(max=cells.size - 1)
            found = cells[row] == wanted
            half = np.array(fault.addresses, np.int64) // 8 % 2
            bit = np.uint64(1 << fault.bit)
            np.bitwise_or.at(words.mask, (half[found], row[found]), bit)
            np.bitwise_or.at(words.value, (half[found], row[found]), bit * np.uint64(fault.value))
        return words

    def _weak_bits(self) -> U64s | None:
        inside = np.zeros(self.positions.size, np.bool_)
        for fault in self._damage.faults:
            if isinstance(fault, Retention):
                inside |= within(self.positions, fault)
        if not inside.any():
            return None
        luck = mix(self.positions, self._damage.seed ^ 0xDECA)
        inside &= luck % np.uint64(WEAK_SHARE) == 0
        bit = luck >> np.uint64(57)
        weak = np.uint64(1) << (bit % np.uint64(64))
        return np.where(inside & (bit // np.uint64(64) == np.array([[0], [1]])), weak, np.uint64(0))


def within(cells: I64s, fault: SlowRegion | Retention) -> NDArray[np.bool_]:
    """Which cells lie in the region of a fault."""
    start = fault.start_bytes // VECTOR
    return (cells >= start) & (cells < start + fault.length_bytes // VECTOR)
