"""What the kernels of ``throughput.cu`` leave behind: one record a block, and the answers that they must have reached.

All answers are sums over the threads of a block. They follow from the contract at the head of the kernels' file.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.uint64]
"""Shape (blocks, ``RECORD_WORDS``): multiprocessor, first and last cycle, first and last nanosecond, operations, sum of
answers, terms of a matrix sum."""

THREADS = 512
RECORD_WORDS = 8
UNROLL = 16
TENSOR_CHAINS, TENSOR_UNROLL = 4, 4
SM, FIRST_CYCLE, LAST_CYCLE, FIRST_NS, LAST_NS, OPERATIONS, ANSWER, TERMS = range(RECORD_WORDS)

_EVER = np.iinfo(np.uint64).max
_LOW32 = 0xFFFF_FFFF
_VOLTA_TERMS = 4
"""Volta's instruction sums 4 products, and spreads twice as many sums over a thread as later ones."""


@dataclass(frozen=True)
class Window:
    """What one launch tells. ``per_clock_per_sm`` is the median of the multiprocessors, ``sm_count`` how many ran."""

    per_clock_per_sm: float
    cycles: float
    sm_clock_mhz: float
    sm_count: int


def blank(blocks: int) -> Records:
    """Records as a launch wants them: first moments at the end of time, all else zero."""
    records = np.zeros((blocks, RECORD_WORDS), np.uint64)
    records[:, [FIRST_CYCLE, FIRST_NS]] = _EVER
    return records


def window(records: Records) -> Window:
    """Read the rate from every multiprocessor's own cycles, whatever any clock was. Raises ``ValueError`` for none."""
    ordered = records[np.argsort(records[:, SM], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(ordered[:, SM]) != 0])
    first, last, operations = (
        reduce.reduceat(ordered[:, columns], starts, axis=0).astype(np.float64)
        for reduce, columns in (
            (np.minimum, [FIRST_CYCLE, FIRST_NS]),
            (np.maximum, [LAST_CYCLE, LAST_NS]),
            (np.add, [OPERATIONS]),
        )
    )
    cycles, nanoseconds = (last - first).T
    if (cycles <= 0).any() or (nanoseconds <= 0).any():
        raise ValueError("a cycle counter or timer stood still")
    rates = operations[:, 0] / cycles
    clock = float(np.median(1e3 * cycles / nanoseconds))
    return Window(float(np.median(rates)), float(np.median(cycles)), clock, len(starts))


def count_answer(iterations: int, chains: int) -> int:
    """Sum of the answers of a block whose chains count their steps."""
    steps = iterations * UNROLL
    return chains * THREADS * (THREADS - 1) // 2 + THREADS * (chains * (chains - 1) // 2 + chains * steps)


def recurrence_answer(iterations: int, chains: int, factor: int, step: int) -> int:
    """Sum of the answers of a block whose chains run ``x = x * factor + step`` modulo 2^32."""
    power, offset = _repeated(factor, step, iterations * UNROLL)
    starts = np.add.outer(np.arange(THREADS, dtype=np.uint64), np.arange(chains, dtype=np.uint64))
    ends = (starts * np.uint64(power) + np.uint64(offset)) & np.uint64(_LOW32)
    return int((ends.sum(axis=1) & np.uint64(_LOW32)).sum())


def _repeated(factor: int, step: int, times: int) -> tuple[int, int]:
    """Factor and step of ``times`` steps taken at once, by repeated squaring."""
    power, offset = 1, 0
    while times:
        if times & 1:
            power, offset = power * factor & _LOW32, (offset * factor + step) & _LOW32
        factor, step, times = factor * factor & _LOW32, (step * factor + step) & _LOW32, times >> 1
    return power, offset


def tensor_answer(iterations: int, terms: int, *, half_sums: bool) -> int:
    """Sum of the answers of a block of matrix instructions, each adding ``terms`` to every sum, then taking it away."""
    value = TENSOR_UNROLL * terms if iterations % 2 else 0
    words = 8 if terms == _VOLTA_TERMS else 4
    if half_sums:
        words //= 2
        bits = int(np.array([value, value], np.float16).view(np.uint32)[0])
    else:
        bits = int(np.float32(value).view(np.uint32))
    own = np.arange(THREADS, dtype=np.uint64) + np.uint64(TENSOR_CHAINS * words * bits & _LOW32)
    return int((own & np.uint64(_LOW32)).sum())
