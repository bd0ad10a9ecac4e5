"""Reading wrong vectors: what landed there instead, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from gpucheck.probes.pattern import ALL_ONES
from gpucheck.probes.walk_journal import VECTOR_BYTES, Observed, U64s
from gpucheck.probes.walk_spots import PAGE_VECTORS

MOST_FLIPS = 16
"""Two unrelated vectors of 128 bits differ in so few bits with a chance below 1e-17."""
SECTOR_VECTORS = 256 // VECTOR_BYTES
"""Inside so many, address lines are never exchanged."""
_HELD_ROWS, _HELD_SHARE = 64, 0.01
"""A value read at so many different places is not an address's own: the bus held it."""


class Origin(IntEnum):
    """What a wrong vector turned out to be."""

    FLIPPED = 0
    """The expected value but for a few bits."""
    ALIAS = 1
    """Another address's value: both reach one cell."""
    STALE = 2
    """This address's value of an earlier pass: the last write did not arrive."""
    CONSTANT = 3
    """Zeros, ones, or one value that many addresses return."""
    GARBAGE = 4
    """None of these."""


@dataclass(frozen=True)
class Rows:
    """Wrong vectors of all passes, one row each. ``flips`` is what was read xor what was expected, shape (n, 2)."""

    index: NDArray[np.int64]
    walk_pass: NDArray[np.int64]
    origin: NDArray[np.int64]
    source: NDArray[np.int64]
    """The index whose value was read; meaningful where ``origin`` is ``ALIAS``."""
    got: U64s
    flips: U64s

    def of(self, *origins: Origin) -> "Rows":
        """Rows of some origins."""
        return self.where(np.isin(self.origin, origins))

    def where(self, chosen: NDArray[np.bool_]) -> "Rows":
        """A choice of rows."""
        return Rows(**{name: column[chosen] for name, column in vars(self).items()})

    def __len__(self) -> int:
        return int(self.index.size)


def read(observed: Sequence[Observed], vectors: int) -> Rows:
    """Decode every logged vector."""
    parts = [_read_pass(seen, number, vectors) for number, seen in enumerate(observed)]
    return Rows(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def few_flips(rows: U64s) -> NDArray[np.bool_]:
    """Which log rows (index, expected, expected, read, read) differ in a few bits only."""
    flips = np.ascontiguousarray(rows[:, 1:3] ^ rows[:, 3:5]).view(np.uint8)
    few: NDArray[np.bool_] = np.unpackbits(flips, axis=1).sum(axis=1) <= MOST_FLIPS
    return few


def _read_pass(seen: Observed, number: int, vectors: int) -> Rows:
    rows = seen.rows
    index, got = rows[:, 0], rows[:, 3:5]
    source, stray = seen.values.origin(got, vectors)
    for values in seen.before:
        earlier, written = values.origin(got, vectors)
        source = np.where(stray, source, earlier)
        stray = stray | written
    origin = np.select(
        [few_flips(rows), _held(index, got, source, stray), stray & (source == index), stray],
        [Origin.FLIPPED, Origin.CONSTANT, Origin.STALE, Origin.ALIAS],
        Origin.GARBAGE,
    )
    return Rows(
        index=index.astype(np.int64),
        walk_pass=np.full(len(rows), number, np.int64),
        origin=origin.astype(np.int64),
        source=np.where(stray, source, 0).astype(np.int64),
        got=got,
        flips=rows[:, 1:3] ^ got,
    )


def _held(index: U64s, got: U64s, source: U64s, stray: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Zeros, ones and values that return again and again, but for those of a cell that so many addresses reach."""
    low, high = np.isin(got, np.array([0, ALL_ONES], np.uint64)).T
    held: NDArray[np.bool_] = low & high
    _, which, count = np.unique(got[:, 0], return_inverse=True, return_counts=True)
    for number in np.flatnonzero(count >= max(_HELD_ROWS, _HELD_SHARE * len(got))):
        rows = np.flatnonzero(which == number)
        if not (stray[rows].all() and _reach_one_cell(index[rows], source[rows])):
            held[rows] = True
    return held


def _reach_one_cell(index: U64s, source: U64s) -> bool:
    """Whether addresses that return one value lie as those of a cell do: some pages apart, or alike in a sector."""
    apart = np.gcd.reduce(index.astype(np.int64) - source.astype(np.int64))
    return bool(apart >= PAGE_VECTORS or not ((index ^ source) % SECTOR_VECTORS).any())
