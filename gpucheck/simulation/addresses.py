"""Which cell answers at an address: the card's address lines. All positions and lengths count 16-byte vectors."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

I64s = NDArray[np.int64]

VECTOR = 16
PAGE = (2 << 20) // VECTOR
"""Vectors in a page of 2 MiB, the unit that drivers hand out."""
SECTOR = 256 // VECTOR


@dataclass(frozen=True)
class AddressMap:
    """Runs of addresses, ascending and without gaps: ``logical[i]`` and what follows reaches ``physical[i]`` onwards.

    ``turn`` numbers the visits to a cell: of several addresses that share one, a walk reaches those of turn 0 first,
    and inside one turn no cell is met twice. ``twist`` is xored to the place inside each
    whole frame that a run reaches.
    """

    logical: I64s
    physical: I64s
    length: I64s
    turn: I64s
    twist: I64s

    @property
    def physical_end(self) -> int:
        """First cell that no address reaches."""
        return int((self.physical + self.length).max())

    @property
    def turns(self) -> int:
        """How many addresses reach a cell at most."""
        return int(self.turn.max()) + 1

    @property
    def shares_cells(self) -> bool:
        """Whether two addresses can reach the same cell."""
        return bool(self.turn.max() > 0)

    def cells(self, logical: I64s) -> I64s:
        """Translate addresses to cells."""
        run = np.searchsorted(self.logical, logical, side="right") - 1
        return self.twisted(logical - self.logical[run] + self.physical[run], self.twist[run])

    @property
    def is_twisted(self) -> bool:
        """Whether any run meets the inside of frames in another order."""
        return bool(self.twist.any())

    def twisted(self, cells: I64s, twist: I64s) -> I64s:
        """Exchange cells inside their frames; its own inverse."""
        if not self.is_twisted:
            return cells
        whole = self.physical_end // PAGE * PAGE
        return np.where(cells < whole, cells ^ twist, cells)


def straight(total: int) -> AddressMap:
    """Every address has its own cell."""
    zero = np.zeros(1, np.int64)
    return AddressMap(zero, zero, np.array([total], np.int64), zero, zero)


def wrapped(total: int, real: int) -> AddressMap:
    """Addresses start over at cell 0 after every ``real`` vectors."""
    logical = np.arange(0, total, real, dtype=np.int64)
    turn = np.arange(logical.size, dtype=np.int64)
    return AddressMap(logical, np.zeros_like(logical), np.minimum(real, total - logical), turn, np.zeros_like(turn))


def shuffled(total: int, real: int, seed: int) -> AddressMap:
    """Pages lie on frames in random order; once all frames are taken, further pages take them again."""
    frames = max(1, real // PAGE)
    logical = np.arange(0, total, PAGE, dtype=np.int64)
    turn = np.arange(logical.size, dtype=np.int64) // frames
    rng = np.random.default_rng([seed, 0x5A])
    frame = np.concatenate([rng.permutation(frames) for _ in range(int(turn[-1]) + 1)])[: logical.size]
    return AddressMap(
        logical, frame.astype(np.int64) * PAGE, np.minimum(PAGE, total - logical), turn, np.zeros_like(turn)
    )


def swizzled(addresses: AddressMap, sectors: int) -> AddressMap:
    """Let visit t to a frame meet its sectors in an order xored with t times ``sectors``."""
    count = PAGE // SECTOR
    return replace(addresses, twist=addresses.turn * sectors % count * SECTOR) if sectors else addresses
