"""Timing parts of windows once more, where whole windows do not tell how much of the memory is slow."""

import numpy as np

from gpucheck.model.measured import SlowRegion
from gpucheck.model.units import MIB
from gpucheck.probes import walk_rates
from gpucheck.probes.walk_journal import VECTOR_BYTES
from gpucheck.probes.walk_passes import Walk, Window, as_timed
from gpucheck.probes.walk_rates import FAR_ABOVE, SLOW, Floats, Rated, Timed

SLICE_BYTES = 32 * MIB
_ABOVE = _ALIKE = 1.1
_MOST_WINDOWS = 16
_TIMES = 2


def slow_regions(walk: Walk) -> tuple[SlowRegion, ...]:
    """Find the slow regions of a finished walk; reads a few windows again, as a whole and in slices."""
    timed = walk.timed()
    slow = np.flatnonzero(walk_rates.rated(timed, walk_rates.reference(timed)).ratio < SLOW)
    if len(walk.observed) == 1 and slow.size:
        walk.read_again(slow.tolist())
        timed = walk.timed()
    pieces = _own_speed(walk, timed) or walk_rates.rated(timed, walk_rates.reference(timed))
    return walk_rates.slow_regions(_sliced(walk, pieces))


def _own_speed(walk: Walk, timed: Timed) -> Rated | None:
    """Where one window is faster than all others: look whether a part of it is the card's own memory.

    That is so if all the rest is the host's. One time could be an accident; slices that are fast each time are not.
    """
    rates = np.where(timed.full, timed.rates, 0.0)
    middle, top = float(np.median(rates[timed.full])), int(rates.argmax())
    if timed.full.sum() < 2 or rates[top] < _ABOVE * middle or (rates > rates[top] / _ALIKE).sum() > 1:
        return None
    parts = _slices(walk.windows[top])
    seconds = _seconds(walk, parts, worst=True)
    sliced = as_timed(parts, seconds)
    fast = sliced.rates > FAR_ABOVE * middle
    if not fast.any():
        return None
    own = float(np.median(sliced.rates[fast]))
    pieces = walk_rates.rated(timed, own)
    return pieces.replaced(top, _as_rated(sliced, sliced.rates / own))


def _sliced(walk: Walk, pieces: Rated) -> Rated:
    """Replace windows that are slow in part by their slices, rated against those of a normal window."""
    numbers = walk_rates.narrow(pieces)[:_MOST_WINDOWS]
    windows = {window.first * VECTOR_BYTES: window for window in walk.windows}
    numbers = [n for n in numbers if int(pieces.size_bytes[n]) > SLICE_BYTES]
    normal = np.flatnonzero((pieces.ratio >= SLOW) & (pieces.size_bytes >= pieces.size_bytes.max()))
    if not numbers or not normal.size:
        return pieces
    usual = normal[np.abs(pieces.ratio[normal] - 1).argmin()]
    expected = np.median(_seconds(walk, _slices(windows[int(pieces.first_bytes[usual])])))
    for number in reversed(numbers):
        parts = _slices(windows[int(pieces.first_bytes[number])])
        sliced = as_timed(parts, _seconds(walk, parts))
        ratio = expected * (sliced.size_bytes / SLICE_BYTES) / np.maximum(sliced.seconds, 1e-9)
        pieces = pieces.replaced(number, _as_rated(sliced, ratio))
    return pieces


def _slices(window: Window) -> list[Window]:
    return [window.part(at, SLICE_BYTES) for at in range(0, window.buffer.size_bytes, SLICE_BYTES)]


def _seconds(walk: Walk, parts: list[Window], *, worst: bool = False) -> Floats:
    """The best of two times for each, or the worst."""
    seconds: Floats = np.array([walk.seconds_of(parts) for _ in range(_TIMES)], np.float64)
    chosen: Floats = seconds.max(axis=0) if worst else seconds.min(axis=0)
    return chosen


def _as_rated(timed: Timed, ratio: Floats) -> Rated:
    return Rated(timed.first_bytes, timed.size_bytes, timed.seconds, ratio, np.ones(ratio.size, np.bool_))
