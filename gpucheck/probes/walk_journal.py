"""The walk's log on the device: what ``walk_verify`` writes, brought home and believed only as far as it is sound.

The log itself lies in the memory under test. Counters that do not hold a value count as "all wrong", and rows that
contradict themselves are dropped.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, Argument, Buffer, Device, DeviceError
from gpucheck.probes.pattern import ALL_ONES, Values

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]

VECTOR_BYTES = 16
REGION_SHIFT = 16
"""One counter for 2^16 vectors, 1 MiB."""
REGION_VECTORS = 1 << REGION_SHIFT
LOG_CAPACITY = 4096
_ROW_WORDS = 6
_SUMMARY_BYTES = 256
_LOG_BYTES = LOG_CAPACITY * _ROW_WORDS * 8
_SINK_BYTES = 2048
"""For what reading alone yields: a word for each thread of a block."""
_CLEAN = np.array([0, ALL_ONES, 0], np.uint64)


@dataclass(frozen=True)
class Observed:
    """What one verifying pass reported.

    ``rows`` has the shape (n, 5): index, expected low and high, read low and high. ``regions`` counts wrong vectors by
    region of 2^16. ``lowest`` and ``highest`` wrong index are None where nothing was wrong. ``complete`` tells that
    every wrong vector has its row. ``before`` is what had been written earlier, the latest first.
    """

    values: Values
    rows: U64s
    regions: U32s
    lowest: int | None
    highest: int | None
    complete: bool
    before: tuple[Values, ...] = ()

    @property
    def wrong_vectors(self) -> int:
        """How many vectors were wrong."""
        return int(self.regions.sum(dtype=np.int64))


@dataclass
class _Gathered:
    rows: list[U64s] = field(default_factory=list)
    lowest: list[int] = field(default_factory=list)
    highest: list[int] = field(default_factory=list)


class Journal:
    """Buffers for a walk of at most ``vectors``. Lives until the device's owner releases ``buffer``."""

    def __init__(self, device: Device, buffer: Buffer, vectors: int) -> None:
        self._device = device
        self.vectors = vectors
        self._summary = buffer.slice(0, _SUMMARY_BYTES)
        self._log = buffer.slice(_SUMMARY_BYTES, _LOG_BYTES)
        self._count = region_count(vectors)
        self._regions = buffer.slice(_SUMMARY_BYTES + _LOG_BYTES, 4 * self._count)
        self.sink = buffer.slice(_SUMMARY_BYTES + _LOG_BYTES + 4 * self._count, _SINK_BYTES)
        if not _holds(device, self._summary, _SUMMARY_BYTES // 4).all():
            raise DeviceError("the memory that the walk's own log lies in does not hold data")
        self._sound = _holds(device, self._regions, self._count)
        self._gathered = _Gathered()
        self.clear()

    @staticmethod
    def size_bytes(vectors: int) -> int:
        """Device memory that a journal takes."""
        return _SUMMARY_BYTES + _LOG_BYTES + 4 * region_count(vectors) + _SINK_BYTES

    def arguments(self) -> tuple[Argument, ...]:
        """The last arguments of ``walk_verify``."""
        return U32(REGION_SHIFT), U32(LOG_CAPACITY), self._summary, self._log, self._regions

    def clear(self) -> None:
        """Forget everything."""
        self._device.upload(self._summary, _CLEAN)
        self._device.upload(self._regions, np.zeros(self._count, np.uint32))
        self._gathered = _Gathered()

    def harvest(self, values: Values) -> None:
        """Bring home the rows so far and make room for more; region counters go on counting."""
        summary = self._device.download(self._summary, np.dtype(np.uint64), 3)
        if np.array_equal(summary, _CLEAN):
            return
        logged = min(int(summary[0]), LOG_CAPACITY)
        words = self._device.download(self._log, np.dtype(np.uint64), logged * _ROW_WORDS)
        rows = credible(words.reshape(logged, _ROW_WORDS)[:, :5], values, self.vectors)
        self._gathered.rows.append(rows)
        for kept, found in ((self._gathered.lowest, summary[1]), (self._gathered.highest, summary[2])):
            kept += [int(n) for n in (found, *rows[:1, 0], *rows[-1:, 0]) if n < self.vectors]
        self._device.upload(self._summary, _CLEAN)

    def rows(self, most: int) -> U64s:
        """Rows harvested so far, of each harvest about ``most`` at most, from all over it."""
        kept = (rows[:: -(-max(len(rows), 1) // most)] for rows in self._gathered.rows)
        return np.concatenate([np.empty((0, 5), np.uint64), *kept])

    def finish(self, vectors: int, values: Values, before: tuple[Values, ...] = ()) -> Observed:
        """Close a pass over ``vectors``: all rows, and the exact count of every region."""
        raw = self._device.download(self._regions, np.dtype(np.uint32), self._count)
        sizes = region_sizes(vectors)
        counts = np.minimum(np.where(self._sound, raw, np.uint32(REGION_VECTORS))[: sizes.size], sizes)
        rows = self.rows(LOG_CAPACITY)
        gathered, wrong = self._gathered, int(counts.sum(dtype=np.uint64))
        self.clear()
        return Observed(
            values=values,
            rows=rows,
            regions=counts,
            lowest=min(gathered.lowest, default=None),
            highest=max(gathered.highest, default=None),
            complete=len(rows) == wrong,
            before=before,
        )


def region_count(vectors: int) -> int:
    """Number of regions that a walk of so many vectors touches."""
    return -(-vectors // REGION_VECTORS)


def region_sizes(vectors: int) -> U32s:
    """How many vectors of the walk lie in each region."""
    sizes = np.full(region_count(vectors), REGION_VECTORS, np.uint32)
    if vectors % REGION_VECTORS:
        sizes[-1] = vectors % REGION_VECTORS
    return sizes


def credible(rows: U64s, values: Values, vectors: int) -> U64s:
    """Keep rows that can be true: inside the walk, expecting its pattern, and reading something else. Each once."""
    index = rows[:, 0]
    low, high = values.of(index)
    expected = (rows[:, 1] == low) & (rows[:, 2] == high) & (index < vectors)
    differs = (rows[:, 3] != low) | (rows[:, 4] != high)
    return distinct(rows[expected & differs])


def distinct(rows: U64s) -> U64s:
    """Rows in order of their index, each once."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return rows[new]


def _holds(device: Device, buffer: Buffer, words: int) -> NDArray[np.bool_]:
    """Tell which 32-bit words of a buffer keep what is written to them."""
    mark: NDArray[Any] = np.arange(words, dtype=np.uint32) * np.uint32(0x9E3779B9)
    sound = np.ones(words, np.bool_)
    for data in (mark, ~mark):
        device.upload(buffer, data)
        sound &= device.download(buffer, np.dtype(np.uint32), words) == data
    return sound
