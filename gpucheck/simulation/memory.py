"""The memory of a simulated card as its cells behave, faults included. Positions and lengths count 16-byte vectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gpucheck.simulation import addresses as lines
from gpucheck.simulation.addresses import VECTOR, AddressMap, I64s
from gpucheck.simulation.faults import (
    DeadChannel,
    Limbo,
    Paged,
    Retention,
    ShuffledAlias,
    SlowRegion,
    Stuck,
    Transition,
    Wraparound,
)
from gpucheck.simulation.samples import Samples, Stripes, U64s, choose, mix
from gpucheck.simulation.soldered import Soldered

ALL_ONES = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
WEAK_SHARE = 4
"""One in so many vectors of a region with poor retention has a weak bit."""

Rows = slice | NDArray[np.int64]


class Part(Protocol):
    """Vectors that a kernel meets in one go; none of them shares a cell with another."""

    @property
    def offsets(self) -> I64s:
        """Distance of each from the start of the launch."""

    @property
    def weights(self) -> I64s:
        """How many vectors each stands for."""

    def read(self) -> tuple[U64s, U64s]:
        """Low and high words."""

    def write(self, low: U64s, high: U64s) -> None:
        """Store low and high words."""


@dataclass(frozen=True)
class Words:
    """Two masks for each cell, one for each half of the vector: shape (2, cells)."""

    mask: U64s
    value: U64s


class CardMemory:
    """Cells, address lines and faults of one card that claims ``total`` vectors."""

    def __init__(self, soldered: Soldered, total: int, seed: int) -> None:
        self._faults = soldered.faults
        self._map = _address_map(soldered, total, seed)
        self._stripes = Stripes.of(f for f in self._faults if isinstance(f, DeadChannel))
        self._samples = choose(self._map, edges=self._edges(), exact=self._exact(), stripes=self._stripes, seed=seed)
        cells = self._samples.cells
        self._content = np.zeros((2, cells.size), np.uint64)
        self._open = self._open_bus(cells)
        self._stuck = self._bits(cells, Stuck)
        self._sticky = self._bits(cells, Transition)
        if self._sticky:
            self._content |= self._sticky.value
        self._weak = self._weak_bits(cells, seed)
        self._cost = self._cumulated_cost(self._samples)
        self._epoch = 0

    @property
    def held_bytes(self) -> int:
        """Host memory that the simulation itself takes."""
        samples = self._samples
        arrays = [self._content, self._open, self._weak, self._cost, *vars(samples).values()]
        arrays += [part for words in (self._stuck, self._sticky) if words for part in (words.mask, words.value)]
        return sum(array.nbytes for array in {id(a): a for a in arrays if a is not None}.values())

    def tick(self) -> None:
        """Let time pass: what is written before can decay, what is written after cannot yet."""
        self._epoch += 1

    def parts(self, start: int, length: int) -> Iterator["SparsePart"]:
        """Yield the simulated vectors of a range of addresses, in the order in which a walk meets shared cells."""
        samples = self._samples
        first, last = np.searchsorted(samples.address, [start, start + length])
        offsets, weights = samples.address[first:last] - start, samples.weight[first:last]
        if samples.cell is None or samples.turn is None:
            yield SparsePart(self, offsets, weights, slice(int(first), int(last)))
            return
        turn = samples.turn[first:last]
        for number in np.unique(turn):
            chosen = turn == number
            yield SparsePart(self, offsets[chosen], weights[chosen], samples.cell[first:last][chosen])

    def slowness(self, start: int, length: int) -> float:
        """Mean time for a vector in a range of addresses, against memory at full rate."""
        if self._cost is None:
            return 1.0
        first, last = np.searchsorted(self._samples.address, [start, start + length])
        vectors, cost = self._cost[:, last] - self._cost[:, first]
        return float(cost / vectors) if vectors else 1.0

    def read(self, rows: Rows) -> tuple[U64s, U64s]:
        """Return what cells answer."""
        self._decay(rows)
        content = self._content[:, rows]
        if self._stuck:
            mask, value = self._stuck.mask[:, rows], self._stuck.value[:, rows]
            content = (content & ~mask) | value
        if self._open is not None:
            content = np.where(self._open[rows], ALL_ONES, content)
        return content[0], content[1]

    def write(self, rows: Rows, low: U64s, high: U64s) -> None:
        """Store words in cells, as far as they take them."""
        wanted = np.stack([low, high])
        if self._sticky:
            held = self._content[:, rows]
            locked = self._sticky.mask[:, rows] & (held ^ self._sticky.value[:, rows])
            wanted = (wanted & ~locked) | (held & locked)
        self._content[:, rows] = wanted

    def _decay(self, rows: Rows) -> None:
        if self._weak is None:
            return
        weak = self._weak[:, rows]
        luck = mix(self._samples.cells[rows], self._epoch) % np.uint64(4)
        self._content[:, rows] &= ~np.where(luck > 0, weak, np.uint64(0))

    def _edges(self) -> list[int]:
        """Positions where behaviour changes, and the start, where a log begins; none for flawless memory."""
        edges = [0] if self._faults else []
        for fault in self._faults:
            if isinstance(fault, Limbo | Paged | Wraparound):
                edges.append((fault.real_bytes or 0) // VECTOR)
            elif isinstance(fault, SlowRegion | Retention):
                edges += [fault.start_bytes // VECTOR, (fault.start_bytes + fault.length_bytes) // VECTOR]
        return edges

    def _exact(self) -> list[int]:
        faults = [f for f in self._faults if isinstance(f, Stuck | Transition)]
        return [int(cell) for fault in faults for cell in self._cells_of(fault)]

    def _cells_of(self, fault: Stuck | Transition) -> I64s:
        """Cells of a fault's addresses; those beyond the memory wrap where the address lines do."""
        cells = np.array(fault.addresses, np.int64) // VECTOR
        wraps = any(isinstance(f, Wraparound) for f in self._faults)
        return cells % self._map.physical_end if wraps else cells

    def _open_bus(self, cells: I64s) -> NDArray[np.bool_] | None:
        limbo = [(f.real_bytes or 0) // VECTOR for f in self._faults if isinstance(f, Limbo)]
        if not limbo and self._stripes is None:
            return None
        beyond = cells >= min(limbo, default=self._map.physical_end)
        return beyond | self._stripes.covers(cells) if self._stripes else beyond

    def _bits(self, cells: I64s, kind: type[Stuck] | type[Transition]) -> Words | None:
        faults = [fault for fault in self._faults if isinstance(fault, kind)]
        if not faults:
            return None
        words = Words(np.zeros((2, cells.size), np.uint64), np.zeros((2, cells.size), np.uint64))
        for fault in faults:
            wanted = self._cells_of(fault)
            row = np.searchsorted(cells, wanted).clip(max=cells.size - 1)
            found = cells[row] == wanted
            half = np.array(fault.addresses, np.int64) // 8 % 2
            bit = np.uint64(1 << fault.bit)
            np.bitwise_or.at(words.mask, (half[found], row[found]), bit)
            np.bitwise_or.at(words.value, (half[found], row[found]), bit * np.uint64(fault.value))
        return words

    def _weak_bits(self, cells: I64s, seed: int) -> U64s | None:
        inside = np.zeros(cells.size, np.bool_)
        for fault in self._faults:
            if isinstance(fault, Retention):
                inside |= _within(cells, fault)
        if not inside.any():
            return None
        luck = mix(cells, seed ^ 0xDECA)
        inside &= luck % np.uint64(WEAK_SHARE) == 0
        bit = luck >> np.uint64(57)
        weak = np.uint64(1) << (bit % np.uint64(64))
        return np.where(inside & (bit // np.uint64(64) == np.array([[0], [1]])), weak, np.uint64(0))

    def _cumulated_cost(self, samples: Samples) -> NDArray[np.float64] | None:
        """Running totals over the addresses: vectors, and their cost in full-rate vectors. Shape (2, addresses + 1)."""
        slow = [f for f in self._faults if isinstance(f, SlowRegion | Paged)]
        if not slow:
            return None
        at = samples.cells if samples.cell is None else samples.cells[samples.cell]
        factor = np.ones(at.size)
        for fault in slow:
            hit = _within(at, fault) if isinstance(fault, SlowRegion) else at >= (fault.real_bytes or 0) // VECTOR
            factor[hit] *= fault.factor
        return np.cumsum(np.pad([samples.weight, samples.weight / factor], ((0, 0), (1, 0))), axis=1)


@dataclass(frozen=True)
class SparsePart:
    """Vectors of the card's memory, each standing for many; keeps the contract of ``Part``."""

    memory: CardMemory
    offsets: I64s
    weights: I64s
    rows: Rows

    def read(self) -> tuple[U64s, U64s]:
        """Low and high words."""
        return self.memory.read(self.rows)

    def write(self, low: U64s, high: U64s) -> None:
        """Store low and high words."""
        self.memory.write(self.rows, low, high)


def _within(cells: I64s, fault: SlowRegion | Retention) -> NDArray[np.bool_]:
    start = fault.start_bytes // VECTOR
    return (cells >= start) & (cells < start + fault.length_bytes // VECTOR)


def _address_map(soldered: Soldered, total: int, seed: int) -> AddressMap:
    for fault in soldered.faults:
        real = (fault.real_bytes or 0) // VECTOR if isinstance(fault, Wraparound | ShuffledAlias) else total
        if real < total:
            shuffles = isinstance(fault, ShuffledAlias)
            return lines.shuffled(total, real, seed) if shuffles else lines.wrapped(total, real)
    return lines.straight(total)
