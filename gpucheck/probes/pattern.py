"""The walk's pattern: every 16-byte vector holds a value that names its own index, and can be read back to it.

``kernels/memory_walk.cu`` computes the same on the device. With all arithmetic modulo 2^64::

    a  = (index + seed) * 0x9e3779b97f4a7c15        low  = (a ^ (a >> 32)) ^ complement
    b  = (a ^ (a >> 32)) * 0xd1342543de82ef95       high = (b ^ (b >> 32)) ^ complement

Both steps are bijections, so a wrong vector whose two halves agree tells which index was written there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

U64s = NDArray[np.uint64]

ALL_ONES = 0xFFFF_FFFF_FFFF_FFFF
_WEYL = 0x9E3779B97F4A7C15
_SECOND = 0xD1342543DE82EF95
_WEYL_INVERSE = np.uint64(pow(_WEYL, -1, 1 << 64))
_FOLD = np.uint64(32)


def _fold(words: U64s) -> U64s:
    """Xor the upper half into the lower; its own inverse."""
    return words ^ (words >> _FOLD)


def pattern(index: U64s, seed: int, complement: int = 0) -> tuple[U64s, U64s]:
    """Return the low and the high word of each vector. ``complement`` is 0 or ``ALL_ONES``."""
    low = _fold((index + np.uint64(seed)) * np.uint64(_WEYL))
    high = _fold(low * np.uint64(_SECOND))
    mask = np.uint64(complement)
    return low ^ mask, high ^ mask


def invert(low: U64s, high: U64s, seed: int, complement: int = 0) -> tuple[U64s, NDArray[np.bool_]]:
    """Return the index that each vector was written for, and whether its halves agree that it was written at all."""
    mask = np.uint64(complement)
    low, high = low ^ mask, high ^ mask
    index = _fold(low) * _WEYL_INVERSE - np.uint64(seed)
    return index, _fold(low * np.uint64(_SECOND)) == high


@dataclass(frozen=True)
class Values:
    """What one pass writes: the pattern of a seed, and whether all of it is inverted. ``complement`` as above."""

    seed: int
    complement: int = 0

    def of(self, index: U64s) -> tuple[U64s, U64s]:
        """Return the low and the high word for each index."""
        return pattern(index, self.seed, self.complement)

    def origin(self, got: U64s, vectors: int) -> tuple[U64s, NDArray[np.bool_]]:
        """Return the index that each of ``got``, shape (n, 2), was written for, and whether the walk has such a one."""
        index, agrees = invert(got[:, 0], got[:, 1], self.seed, self.complement)
        return index, agrees & (index < vectors)
