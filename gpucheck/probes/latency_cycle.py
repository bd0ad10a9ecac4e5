"""The order in which a latency chase visits its nodes; the twin of ``place`` and ``number`` in ``kernels/latency.cu``.

Node number ``i`` of the cycle lies at place ``place(i)``, counted in nodes from the start. Both run over
``[0, nodes)``, and each is the inverse of the other, so no table has to be kept for a card of any size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

U64s = NDArray[np.uint64]

NODE_BYTES = 128
_ROUNDS = 3
_FACTOR, _INVERSE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xF1DE83E19937733D)
_ADDEND = np.uint64(0xD1342543DE82EF95)


@dataclass(frozen=True)
class Cycle:
    """One cycle over ``nodes`` nodes, at least one."""

    nodes: int

    @property
    def bits(self) -> int:
        """The least number, at least 1, with ``nodes <= 2 ** bits``."""
        return max(1, (self.nodes - 1).bit_length())

    def place(self, numbers: U64s) -> U64s:
        """Where nodes lie, by their number in the cycle."""
        return self._walk(numbers, self._scatter)

    def number(self, places: U64s) -> U64s:
        """Numbers in the cycle, by place."""
        return self._walk(places, self._gather)

    def place_after(self, hops: int) -> int:
        """Place where a chase from node number 0 ends after so many links."""
        return int(self.place(np.array([hops % self.nodes], np.uint64))[0])

    def _walk(self, values: U64s, step: Callable[[U64s], U64s]) -> U64s:
        """Take the step again wherever it leads out of the nodes: what remains is a bijection of them."""
        found = step(values)
        while (out := found >= self.nodes).any():
            found[out] = step(found[out])
        return found

    def _scatter(self, x: U64s) -> U64s:
        mask, shift = np.uint64((1 << self.bits) - 1), np.uint64((self.bits + 1) // 2)
        for _ in range(_ROUNDS):
            x = (x * _FACTOR + _ADDEND) & mask
            x = x ^ (x >> shift)
        return x

    def _gather(self, x: U64s) -> U64s:
        mask, shift = np.uint64((1 << self.bits) - 1), np.uint64((self.bits + 1) // 2)
        for _ in range(_ROUNDS):
            x = x ^ (x >> shift)
            x = ((x - _ADDEND) * _INVERSE) & mask
        return x
