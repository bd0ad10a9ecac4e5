"""A known answer before any unknown one: wrong words are planted, and the kernels must find and describe them all.

A verifying kernel that reports nothing would otherwise make every card perfect. The answer is what the host reads back
by a plain copy, so that memory which is itself faulty is not mistaken for a faulty kernel. Every kernel of the walk is
tried, in both polarities: the full ones on a run of vectors, those for spots on two pages, the evicting one on a word.
"""

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, U64, Argument, Buffer, Device, DeviceError, Kernel
from gpucheck.probes.memory import borrowed
from gpucheck.probes.pattern import ALL_ONES, Values
from gpucheck.probes.walk_journal import LOG_CAPACITY, REGION_VECTORS, VECTOR_BYTES, Journal, Observed, U64s
from gpucheck.probes.walk_spots import EVICT, PAGE_MARKS, PAGE_VECTORS, VERIFY_SPOTS, WRITE_SPOTS, Spots, places

WRITE = Kernel("memory_walk", "walk_write")
VERIFY = Kernel("memory_walk", "walk_verify")
THREADS = 512
VECTORS = LOG_CAPACITY - 11
"""A tile and a tail; few enough for the log to hold all of them, should all be wrong."""
FIRST = REGION_VECTORS - 1000
"""In the walk's numbering: across the border of two regions."""
PAGES = 2
FIRST_PAGE = 3
END = (FIRST_PAGE + PAGES) * PAGE_VECTORS
"""Behind the last index that is used here."""
_PLACES = np.array([0, 511, 999, 1000, 2047, 2048, VECTORS - 1], np.int64)
_SHORT_STRIPES = Spots("stripes", 10, scatter=True)
"""Scattered as stripes are, and few enough for the log."""
_LEAST_PLANTED, _MOST_FALSE = 3, 8
_HINT = "The kernels do not do what they should on this device; no statement about its memory is possible."


def run(device: Device, journal: Journal, seed: int) -> None:
    """Plant wrong words in both polarities. Raises ``DeviceError`` where one of them is not found as it is."""
    with borrowed(device, PAGES * PAGE_VECTORS * VECTOR_BYTES) as buffer:
        for complement in (0, ALL_ONES):
            values = Values(seed, complement)
            _full(device, buffer.slice(0, VECTORS * VECTOR_BYTES), journal, values)
            for spots in (PAGE_MARKS, _SHORT_STRIPES):
                _spots(device, buffer, journal, values, spots)
            _decode(values)
        _evict(device, buffer, journal)


def _full(device: Device, buffer: Buffer, journal: Journal, values: Values) -> None:
    index = np.arange(FIRST, FIRST + VECTORS, dtype=np.uint64)
    head = (buffer, U64(FIRST), U64(VECTORS), U64(values.seed), U64(values.complement))
    _launch(device, WRITE, *head)
    expected = np.stack(values.of(index), axis=1)
    _plant(device, buffer, _PLACES, expected)
    content = device.download(buffer, np.dtype(np.uint64), 2 * VECTORS).reshape(VECTORS, 2)
    observed = _verify(device, VERIFY, journal, values, *head, U32(0))
    _compare(observed, index, expected, content, _PLACES)


def _spots(device: Device, buffer: Buffer, journal: Journal, values: Values, spots: Spots) -> None:
    """Two pages, with the same answer asked of the spots, and wrong words beside them that must not be met."""
    first = FIRST_PAGE * PAGE_VECTORS
    head = (buffer, U64(first), U64(PAGES * PAGE_VECTORS), U64(values.seed), U64(values.complement))
    starts = places(np.arange(FIRST_PAGE, FIRST_PAGE + PAGES), values.seed, spots.shift, scatter=spots.scatter)
    starts = starts + np.arange(PAGES, dtype=np.uint64) * np.uint64(PAGE_VECTORS)
    offsets = (starts[:, None] + np.arange(spots.vectors, dtype=np.uint64)).ravel().astype(np.int64)
    for start in starts.astype(np.int64).tolist():
        for beside in (start - 1, start + spots.vectors):
            if 0 <= beside < PAGES * PAGE_VECTORS:
                device.upload(buffer.slice(beside * VECTOR_BYTES, VECTOR_BYTES), np.zeros(2, np.uint64))
    _launch(device, WRITE_SPOTS, *head, *spots.arguments())
    index = offsets.astype(np.uint64) + np.uint64(first)
    expected = np.stack(values.of(index), axis=1)
    last = offsets.size - 1
    chosen = np.unique(np.array([0, 1, 2, spots.vectors - 1, spots.vectors, last - 1, last], np.int64))
    _plant(device, buffer, offsets[chosen], expected[chosen], np.arange(chosen.size))
    content = np.concatenate([_content(device, buffer, int(start), spots.vectors) for start in starts])
    observed = _verify(device, VERIFY_SPOTS, journal, values, *head, *spots.arguments())
    _compare(observed, index, expected, content, chosen)


def _plant(
    device: Device, buffer: Buffer, places: NDArray[np.int64], expected: U64s, at: NDArray[np.int64] | None = None
) -> None:
    """Put wrong vectors in some places: those of others, zeros, and right ones but for one bit."""
    right = expected[places if at is None else at]
    wrong = right[::-1].copy()
    wrong[3] = 0
    wrong[1] = right[1] ^ np.array([1 << 17, 0], np.uint64)
    wrong[2] = right[2] ^ np.array([0, 1 << 63], np.uint64)
    for place, words in zip(places.tolist(), wrong, strict=True):
        device.upload(buffer.slice(place * VECTOR_BYTES, VECTOR_BYTES), words)


def _content(device: Device, buffer: Buffer, start: int, vectors: int) -> U64s:
    part = buffer.slice(start * VECTOR_BYTES, vectors * VECTOR_BYTES)
    return device.download(part, np.dtype(np.uint64), 2 * vectors).reshape(vectors, 2)


def _verify(device: Device, kernel: Kernel, journal: Journal, values: Values, *head: Argument) -> Observed:
    journal.clear()
    _launch(device, kernel, *head, *journal.arguments())
    journal.harvest(values)
    return journal.finish(END, values)


def _launch(device: Device, kernel: Kernel, *arguments: Argument) -> None:
    device.launch(kernel, blocks=2, threads=THREADS, arguments=arguments)


def _compare(observed: Observed, index: U64s, expected: U64s, content: U64s, chosen: NDArray[np.int64]) -> None:
    differs = (content != expected).any(axis=1)
    planted = [int(row) for row in chosen if differs[row]]
    found = {int(row[0]): (int(row[3]), int(row[4])) for row in observed.rows}
    missing = [r for r in planted if found.get(int(index[r])) != (int(content[r, 0]), int(content[r, 1]))]
    false = set(found) - set(index[differs].tolist())
    if len(planted) < _LEAST_PLANTED:
        raise DeviceError("self-test failed: the memory does not take what is copied to it", _HINT)
    if missing:
        raise DeviceError(f"self-test failed: {len(missing)} of {len(planted)} planted errors were not found", _HINT)
    if len(false) > _MOST_FALSE:
        raise DeviceError("self-test failed: sound words were reported as wrong", _HINT)
    first = int(index[planted[0]])
    if int(observed.regions.sum()) < len(planted) or observed.lowest is None or observed.lowest > first:
        raise DeviceError("self-test failed: the extent of the planted errors was told wrongly", _HINT)


def _decode(values: Values) -> None:
    """What the host's arithmetic makes of a misplaced word."""
    index = np.arange(FIRST, FIRST + VECTORS, dtype=np.uint64)
    source, agrees = values.origin(np.stack(values.of(index), axis=1), END)
    if not agrees.all() or not np.array_equal(source, index):
        raise DeviceError("self-test failed: a misplaced word did not lead back to its origin", _HINT)


def _evict(device: Device, buffer: Buffer, journal: Journal) -> None:
    """The evicting kernel must really read: it tells the xor of a vector that it was asked for."""
    words = device.download(buffer, np.dtype(np.uint32), 4)
    words[0] ^= np.uint32(np.bitwise_xor.reduce(words) == 0)
    device.upload(buffer, words)
    device.upload(journal.sink, np.zeros(1, np.uint32))
    held = device.download(buffer, np.dtype(np.uint32), 4)
    never = int(np.bitwise_xor.reduce(held))
    _launch(device, EVICT, buffer, U64(1), journal.sink, U32(never))
    if int(device.download(journal.sink, np.dtype(np.uint32), 1)[0]) != never:
        raise DeviceError("self-test failed: the kernel that drives data out of the caches did not read", _HINT)
