"""Sums that tell how a tensor core adds up: which bits survive, how many products at once, which way it rounds.

All products are exact in half, bfloat16 and tf32. Ideas: Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA
tensor cores" (PeerJ CS 7:e330); Li and others, FTTN (arXiv 2403.00232).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FACTORS = 16
"""Places for products in an experiment; an instruction that sums fewer ignores the later ones."""
FEWEST_BITS, MOST_BITS = 21, 27
"""Fraction bits among which the experiments decide."""

_MINUS_ZERO = 0x8000_0000

Rounding = Literal["toward_zero", "to_nearest", "other"]
Bits = dict[str, int]
"""Experiment to the bits of its result, a 32-bit float."""


@dataclass(frozen=True)
class Experiment:
    """``addend`` plus the products at their places. A product is written as its two factors."""

    name: str
    addend: float
    products: dict[int, tuple[float, float]]


@dataclass(frozen=True)
class Decoded:
    """What the results say of the silicon; ``None`` where they do not decide."""

    fraction_bits: int | None
    terms_at_once: int | None
    rounding: Rounding | None


def _power(exponent: int, significand: float = 1.0) -> tuple[float, float]:
    """Two factors whose product is ``significand`` times a power of two down to 2^-28, none of them subnormal."""
    half = exponent // 2
    return significand * 2.0**half, 2.0 ** (exponent - half)


def surviving_bits() -> tuple[Experiment, ...]:
    """1 + 2^-n - 1: what is left is 2^-n where n bits survive the alignment to the largest term, else nothing."""
    return tuple(
        Experiment(f"keeps-{bits}", -1.0, {0: (1.0, 1.0), 1: _power(-bits)})
        for bits in range(FEWEST_BITS, MOST_BITS + 1)
    )


def all_experiments() -> tuple[Experiment, ...]:
    """Every experiment, in the order in which they run."""
    joined = (
        Experiment(f"joins-{place}", -1.0, {0: (1.0, 1.0), place: _power(-MOST_BITS - 1)})
        for place in range(1, FACTORS)
    )
    cut = (
        Experiment(f"{name}-{bits}", -1.0, {0: (1.0, 1.0), 1: _power(-bits, 1.5 * sign)})
        for bits in range(FEWEST_BITS + 1, MOST_BITS + 2)
        for name, sign in (("above", 1), ("below", -1))
    )
    carried = (
        Experiment(f"carry-{name}", sign, {0: (sign, 1.0), 1: (sign, 1.0), 2: (sign, 1.0), 3: _power(-22, 1.5 * sign)})
        for name, sign in (("up", 1.0), ("down", -1.0))
    )
    return (*surviving_bits(), *joined, *cut, *carried)


def rows(experiments: tuple[Experiment, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return first factors and second factors, shape (experiments, FACTORS), and addends."""
    first, second = (np.zeros((len(experiments), FACTORS), np.float32) for _ in range(2))
    for row, experiment in enumerate(experiments):
        for place, (one, other) in experiment.products.items():
            first[row, place], second[row, place] = one, other
    return first, second, np.array([experiment.addend for experiment in experiments], np.float32)


def decode(bits: Bits, terms: int) -> Decoded:
    """Read the silicon's way of adding from the results of an instruction that sums ``terms`` products."""
    bits = {name: 0 if seen == _MINUS_ZERO else seen for name, seen in bits.items()}
    kept = _fraction_bits(bits)
    return Decoded(kept, _terms_at_once(bits, terms), None if kept is None else _rounding(bits, kept))


def _fraction_bits(bits: Bits) -> int | None:
    """The last bit that survives, ``None`` unless all before it do and none behind."""
    tried = range(FEWEST_BITS, MOST_BITS + 1)
    survived = [bits[f"keeps-{n}"] == _bits(2.0**-n) for n in tried]
    lost = [bits[f"keeps-{n}"] == 0 for n in tried]
    number = sum(survived)
    if not 0 < number < len(survived) or not all(survived[:number]) or not all(lost[number:]):
        return None
    return FEWEST_BITS + number - 1


def _terms_at_once(bits: Bits, terms: int) -> int | None:
    """A tiny product is lost where 1 is added in the same group, and is kept by a later group, to which 0 is left."""
    together = [bits[f"joins-{place}"] == 0 for place in range(1, terms)]
    alone = [bits[f"joins-{place}"] == _bits(2.0 ** (-MOST_BITS - 1)) for place in range(1, terms)]
    number = sum(together)
    return number + 1 if all(together[:number]) and all(alone[number:]) else None


def _rounding(bits: Bits, kept: int) -> Rounding:
    """Three quarters of the last bit on either side, and of the last bit of a sum that grew by a carry."""
    unit, ulp = 2.0**-kept, 2.0**-21
    names = (f"above-{kept + 1}", f"below-{kept + 1}", "carry-up", "carry-down")
    seen = tuple(bits[name] for name in names)
    if seen == tuple(map(_bits, (0.0, 0.0, 4.0, -4.0))):
        return "toward_zero"
    if seen == tuple(map(_bits, (unit, -unit, 4.0 + ulp, -4.0 - ulp))):
        return "to_nearest"
    return "other"


def _bits(value: float) -> int:
    return int(np.float32(value).view(np.uint32))
