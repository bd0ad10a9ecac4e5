"""The memory of a simulated card as its cells behave, faults included. Positions and lengths count 16-byte vectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gpucheck.probes.walk_spots import PAGE_SHIFT, PAGE_VECTORS, places
from gpucheck.simulation import addresses as lines
from gpucheck.simulation.addresses import VECTOR, AddressMap, I64s
from gpucheck.simulation.cells import Cells, Damage, Rows, within
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
from gpucheck.simulation.samples import Samples, Stripes, U64s, at_every_page, choose
from gpucheck.simulation.soldered import Soldered


class Part(Protocol):
    """Vectors that a kernel meets in one go, by ascending address. Of those that share a cell the last write stays."""

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
class Pieces:
    """Spots as a kernel of the walk visits them: one of ``2 ** shift`` vectors in each page, the first ``page``."""

    page: int
    seed: int
    shift: int
    scatter: bool

    def starts(self, pages: int) -> I64s:
        """Where the spots of so many pages begin, counted from the start of the launch."""
        numbers = np.arange(pages, dtype=np.int64)
        inside = places(numbers + self.page, self.seed, self.shift, scatter=self.scatter).astype(np.int64)
        return (numbers << PAGE_SHIFT) + inside

    def hold(self, offsets: I64s, pages: int) -> NDArray[np.bool_]:
        """Which vectors of a launch over so many pages lie in a spot."""
        held: NDArray[np.bool_] = offsets >> self.shift == (self.starts(pages) >> self.shift)[offsets >> PAGE_SHIFT]
        return held


@dataclass(frozen=True)
class _Field:
    """Some vectors of the card that stand for all of them, and their cells."""

    samples: Samples
    cells: Cells


class CardMemory:
    """Cells, address lines and faults of one card that claims ``total`` vectors."""

    def __init__(self, soldered: Soldered, total: int, seed: int) -> None:
        self._faults = soldered.faults
        self._map = _address_map(soldered, total, seed)
        stripes = Stripes.of(f for f in self._faults if isinstance(f, DeadChannel))
        self._damage = Damage(self._faults, stripes, self._map.physical_end, seed)
        samples = choose(self._map, edges=self._edges(), exact=self._exact(), stripes=stripes, seed=seed)
        self._whole = _Field(samples, Cells(samples.cells, self._damage))
        self._marked: dict[tuple[int, int], _Field] = {}
        self._cost = self._cumulated_cost(samples)
        self._epoch = 0

    @property
    def held_bytes(self) -> int:
        """Host memory that the simulation itself takes."""
        arrays: list[NDArray[Any] | None] = [self._cost]
        for field in (self._whole, *self._marked.values()):
            arrays += [*vars(field.samples).values(), *field.cells.arrays]
        return sum(array.nbytes for array in {id(a): a for a in arrays if a is not None}.values())

    def tick(self) -> None:
        """Let time pass: what is written before can decay, what is written after cannot yet."""
        self._epoch += 1

    def parts(self, start: int, length: int, *, in_turns: bool = False) -> Iterator["SparsePart"]:
        """Yield the simulated vectors of a range of addresses.

        A kernel that writes what it has just read needs them ``in_turns``: each time only such as share no cell, in the
        order in which a walk meets them.
        """
        return self._parts(self._whole, start, length, None, in_turns=in_turns)

    def spots(self, start: int, length: int, pieces: Pieces) -> Iterator["SparsePart"]:
        """Yield the simulated vectors of the spots in whole pages of a range.

        Spots that lie at one place in all pages are simulated vector by vector, so that two in one frame always meet;
        of others those samples are met that lie in them.
        """
        length = length // PAGE_VECTORS * PAGE_VECTORS
        if not pieces.scatter:
            yield from self._parts(self._marks(start, pieces), start, length, pieces)
        else:
            yield from self._parts(self._whole, start, length, pieces)

    def _marks(self, start: int, pieces: Pieces) -> _Field:
        place = int(places(np.zeros(1, np.int64), pieces.seed, pieces.shift, scatter=False)[0])
        key = ((start + place) % PAGE_VECTORS, pieces.shift)
        if key not in self._marked:
            samples = at_every_page(self._map, *key)
            self._marked = {key: _Field(samples, Cells(samples.cells, self._damage))}
        return self._marked[key]

    def _parts(
        self, field: _Field, start: int, length: int, pieces: Pieces | None, *, in_turns: bool = False
    ) -> Iterator["SparsePart"]:
        samples = field.samples
        first, last = samples.address.searchsorted((start, start + length)).tolist()
        offsets, weights = samples.address[first:last] - start, samples.weight[first:last]
        held = pieces.hold(offsets, length >> PAGE_SHIFT) if pieces and pieces.scatter else None
        if held is None and samples.cell is None:
            yield SparsePart(self, field.cells, offsets, weights, slice(first, last))
            return
        met = np.arange(first, last) if held is None else np.flatnonzero(held) + first
        if samples.cell is None or samples.turn is None:
            yield SparsePart(self, field.cells, offsets[met - first], weights[met - first], met)
            return
        turn = samples.turn[met]
        for number in np.unique(turn) if in_turns else [None]:
            now = met if number is None else met[turn == number]
            yield SparsePart(self, field.cells, offsets[now - first], weights[now - first], samples.cell[now])

    def slowness(self, start: int, length: int) -> float:
        """Mean time for a vector in a range of addresses, against memory at full rate."""
        if self._cost is None:
            return 1.0
        first, last = np.searchsorted(self._whole.samples.address, [start, start + length])
        vectors, cost = self._cost[:, last] - self._cost[:, first]
        return float(cost / vectors) if vectors else 1.0

    @property
    def epoch(self) -> int:
        """How many launches there have been."""
        return self._epoch

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
        return [int(cell) for fault in faults for cell in self._damage.cells_of(fault)]

    def _cumulated_cost(self, samples: Samples) -> NDArray[np.float64] | None:
        """Running totals over the addresses: vectors, and their cost in full-rate vectors. Shape (2, addresses + 1)."""
        slow = [f for f in self._faults if isinstance(f, SlowRegion | Paged)]
        if not slow:
            return None
        at = samples.cells if samples.cell is None else samples.cells[samples.cell]
        factor = np.ones(at.size)
        for fault in slow:
            hit = within(at, fault) if isinstance(fault, SlowRegion) else at >= (fault.real_bytes or 0) // VECTOR
            factor[hit] *= fault.factor
        return np.cumsum(np.pad([samples.weight, samples.weight / factor], ((0, 0), (1, 0))), axis=1)


@dataclass(frozen=True)
class SparsePart:
    """Vectors of the card's memory, each standing for many; keeps the contract of ``Part``."""

    memory: CardMemory
    cells: Cells
    offsets: I64s
    weights: I64s
    rows: Rows

    def read(self) -> tuple[U64s, U64s]:
        """Low and high words."""
        return self.cells.read(self.rows, self.memory.epoch)

    def write(self, low: U64s, high: U64s) -> None:
        """Store low and high words."""
        self.cells.write(self.rows, low, high)


def _address_map(soldered: Soldered, total: int, seed: int) -> AddressMap:
    for fault in soldered.faults:
        if not isinstance(fault, Wraparound | ShuffledAlias):
            continue
        real = (fault.real_bytes or 0) // VECTOR
        if real < total:
            lay = lines.shuffled(total, real, seed) if isinstance(fault, ShuffledAlias) else lines.wrapped(total, real)
            return lines.swizzled(lay, fault.swizzle)
    return lines.straight(total)
