"""Bit-exact sums of tensor cores, in NumPy.

A matrix instruction adds up its products in groups. In a group the products and the sum so far are aligned to the
largest exponent among them (that of a product is the sum of its factors' exponents), cut off some bits below it, added
exactly, and the result is cut to a 32-bit float. How many products make a group, how many fraction bits survive and
which way is cut differ by generation.

The model reproduces, without one differing bit, the results of V100, A100, A2, L40S, another Ada card, H100, H200 and
B200 that Khattak and Mikaitis publish (arXiv 2512.07004; 5,000 random sums each for half, bfloat16 and tf32 factors).
It follows Xie and others, MMA-Sim (arXiv 2511.10909), and Fasi and others (PeerJ CS 7:e330).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FLOAT_BITS = 24
_SMALLEST = -149
"""Exponent of the least bit that a 32-bit float has."""
_NOTHING = -(1 << 14)
"""Stands for the exponent of zero, which aligns nothing."""


@dataclass(frozen=True)
class Sums:
    """How silicon sums: products a group, fraction bits kept below the largest term, and the way it rounds."""

    terms_at_once: int
    fraction_bits: int
    rounding: Literal["toward_zero", "to_nearest"] = "toward_zero"

    def add(self, first: Floats, second: Floats, addend: Floats) -> Floats:
        """Return ``addend + first @ second`` for every row.

        ``first`` and ``second`` have shape (rows, products) and hold what the factors' format can; ``addend`` (rows,).
        """
        total: Floats = addend.astype(np.float32)
        for start in range(0, first.shape[1], self.terms_at_once):
            group = slice(start, start + self.terms_at_once)
            total = self._group(first[:, group], second[:, group], total)
        return total

    def _group(self, first: Floats, second: Floats, addend: Floats) -> Floats:
        one, one_exponent = _parts(first)
        other, other_exponent = _parts(second)
        last, last_exponent = _parts(addend[:, None])
        exponents = np.concatenate([np.maximum(one_exponent + other_exponent, _NOTHING), last_exponent], axis=1)
        top = exponents.max(axis=1, keepdims=True)
        aligned = np.ldexp(np.concatenate([one * other, last], axis=1), self.fraction_bits + exponents - top)
        cut = np.trunc(aligned) if self.rounding == "toward_zero" else np.rint(aligned)
        return self._float(cut.sum(axis=1), top[:, 0] - self.fraction_bits)

    def _float(self, significand: NDArray[np.float64], exponent: NDArray[np.int64]) -> Floats:
        """Make a 32-bit float of a whole number times a power of two; whole numbers here stay far below 2^53."""
        if self.rounding == "to_nearest":
            return np.asarray(np.ldexp(significand, exponent), np.float32)
        length = np.frexp(significand)[1]
        drop = np.maximum(np.maximum(length - _FLOAT_BITS, _SMALLEST - exponent), 0)
        kept = np.ldexp(np.trunc(np.ldexp(significand, -drop)), drop)
        return np.asarray(np.ldexp(kept, exponent), np.float32)


def _parts(values: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Significand from 1 to below 2 with its sign, and exponent."""
    significand, exponent = np.frexp(values.astype(np.float64))
    return 2 * significand, np.where(values == 0, _NOTHING, exponent.astype(np.int64) - 1)
