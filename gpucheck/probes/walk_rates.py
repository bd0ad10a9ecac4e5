"""Rates of the walk's windows, and which of them are far below the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import SlowRegion
from gpucheck.model.units import MIB

Floats = NDArray[np.float64]

WINDOW_BYTES = 256 * MIB
SLOW = 0.9
"""Windows below this share of the reference are reported; what it means is for a check to say."""
_START_UP_SECONDS = 20e-6
"""What a launch may take before it streams; forgiven to windows too short to hide it."""
_BIMODAL = 1.5
_JUMP = 1.25
_FAR_ABOVE = 4.0
"""No window of a sound card is so much faster than the median: where two are, the others are not the card's own."""


@dataclass(frozen=True)
class Timed:
    """Windows of the walk in order: first byte and size of each, and its best seconds over the passes."""

    first_bytes: NDArray[np.int64]
    size_bytes: NDArray[np.int64]
    seconds: Floats

    @property
    def rates(self) -> Floats:
        """Bytes per second of each window."""
        rates: Floats = self.size_bytes / np.maximum(self.seconds, 1e-9)
        return rates


def reference(timed: Timed) -> float:
    """Median rate of the full windows; the fast ones' where more than half of the memory is slow.

    The fastest window alone is no measure: its time may be an accident. The next one is.
    """
    full = timed.size_bytes >= timed.size_bytes.max()
    rates = np.sort(timed.rates[full])
    middle, fast = float(rates[rates.size // 2]), float(np.quantile(rates, 0.9, method="nearest"))
    if rates.size > 2 and rates[-2] > _FAR_ABOVE * middle:
        return float(rates[-2])
    return fast if fast > _BIMODAL * middle else middle


def ratios(timed: Timed) -> Floats:
    """Each window's rate against the reference; short ones are forgiven the time that a launch takes to start."""
    normal = reference(timed)
    short = timed.size_bytes < timed.size_bytes.max()
    expected: Floats = timed.size_bytes / normal + np.where(short, _START_UP_SECONDS, 0.0)
    result: Floats = expected / np.maximum(timed.seconds, 1e-9)
    return result


def slow_regions(timed: Timed) -> tuple[SlowRegion, ...]:
    """Join neighbouring slow windows to regions; one that is far faster or slower than the last begins another."""
    ratio = ratios(timed)
    return tuple(_region(timed, ratio, part) for run in _runs(ratio < SLOW) for part in _even(timed, ratio, run))


def _region(timed: Timed, ratio: Floats, run: slice) -> SlowRegion:
    size, seconds = timed.size_bytes[run], timed.seconds[run]
    return SlowRegion(
        first_byte=int(timed.first_bytes[run][0]),
        length_bytes=int(size.sum()),
        bytes_per_second=float(size.sum() / seconds.sum()),
        ratio=round(float(np.average(ratio[run], weights=size)), 4),
    )


def _even(timed: Timed, ratio: Floats, run: slice) -> Sequence[slice]:
    """Cut a run where the ratio jumps: the window that two kinds of memory share is like neither. Short ones follow."""
    jumps = np.abs(np.diff(np.log(np.maximum(ratio[run], 1e-9)))) > np.log(_JUMP)
    full = timed.size_bytes[run] >= timed.size_bytes.max()
    cuts = np.flatnonzero(jumps & full[1:] & full[:-1]) + run.start + 1
    edges = [run.start, *cuts.tolist(), run.stop]
    return [slice(first, last) for first, last in pairwise(edges)]


def _runs(flags: NDArray[np.bool_]) -> Sequence[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
