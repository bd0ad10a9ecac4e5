"""A known answer before any unknown one: wrong words are planted, and the kernel must find and describe them all.

A verifying kernel that reports nothing would otherwise make every card perfect. The answer is what the host reads back
by a plain copy, so that memory which is itself faulty is not mistaken for a faulty kernel.
"""

import numpy as np

from gpucheck.device.protocol import U32, U64, Buffer, Device, DeviceError, Kernel
from gpucheck.probes.memory import borrowed
from gpucheck.probes.pattern import ALL_ONES, invert, pattern
from gpucheck.probes.walk_journal import LOG_CAPACITY, REGION_VECTORS, VECTOR_BYTES, Journal, Observed, U64s

WRITE = Kernel("memory_walk", "walk_write")
VERIFY = Kernel("memory_walk", "walk_verify")
THREADS = 512
VECTORS = LOG_CAPACITY - 11
"""A tile and a tail; few enough for the log to hold all of them, should all be wrong."""
FIRST = REGION_VECTORS - 1000
"""In the walk's numbering: across the border of two regions."""
END = FIRST + VECTORS
_PLACES = np.array([0, 511, 999, 1000, 2047, 2048, VECTORS - 1], np.int64)
_LEAST_PLANTED, _MOST_FALSE = 3, 8
_HINT = "The kernels do not do what they should on this device; no statement about its memory is possible."


def run(device: Device, journal: Journal, seed: int) -> None:
    """Plant wrong words in both polarities. Raises ``DeviceError`` where one of them is not found as it is."""
    index = np.arange(FIRST, END, dtype=np.uint64)
    with borrowed(device, VECTORS * VECTOR_BYTES) as buffer:
        for complement in (0, ALL_ONES):
            expected = np.stack(pattern(index, seed, complement), axis=1)
            content = _plant(device, buffer, expected, seed, complement)
            _compare(_verify(device, buffer, journal, seed, complement), expected, content)
            _decode(expected, seed, complement)


def _plant(device: Device, buffer: Buffer, expected: U64s, seed: int, complement: int) -> U64s:
    """Write the pattern and then some wrong vectors; return what the memory holds, shape (vectors, 2)."""
    arguments = (buffer, U64(FIRST), U64(VECTORS), U64(seed), U64(complement))
    device.launch(WRITE, blocks=2, threads=THREADS, arguments=arguments)
    wrong = expected[_PLACES[::-1]].copy()
    wrong[3] = 0
    wrong[1] = expected[_PLACES[1]] ^ np.array([1 << 17, 0], np.uint64)
    wrong[2] = expected[_PLACES[2]] ^ np.array([0, 1 << 63], np.uint64)
    for place, words in zip(_PLACES.tolist(), wrong, strict=True):
        device.upload(buffer.slice(place * VECTOR_BYTES, VECTOR_BYTES), words)
    return device.download(buffer, np.dtype(np.uint64), 2 * VECTORS).reshape(VECTORS, 2)


def _verify(device: Device, buffer: Buffer, journal: Journal, seed: int, complement: int) -> Observed:
    journal.clear()
    head = (buffer, U64(FIRST), U64(VECTORS), U64(seed), U64(complement), U32(0))
    device.launch(VERIFY, blocks=2, threads=THREADS, arguments=(*head, *journal.arguments()))
    journal.harvest(seed, complement)
    return journal.finish(END, complement)


def _compare(observed: Observed, expected: U64s, content: U64s) -> None:
    differs = (content != expected).any(axis=1)
    planted = [int(place) for place in _PLACES if differs[place]]
    found = {int(row[0]) - FIRST: (int(row[3]), int(row[4])) for row in observed.rows}
    missing = [place for place in planted if found.get(place) != (int(content[place, 0]), int(content[place, 1]))]
    false = [place for place in found if not (0 <= place < VECTORS and differs[place])]
    if len(planted) < _LEAST_PLANTED:
        raise DeviceError("self-test failed: the memory does not take what is copied to it", _HINT)
    if missing:
        raise DeviceError(f"self-test failed: {len(missing)} of {len(planted)} planted errors were not found", _HINT)
    if len(false) > _MOST_FALSE:
        raise DeviceError("self-test failed: sound words were reported as wrong", _HINT)
    if int(observed.regions.sum()) < len(planted) or observed.lowest is None or observed.lowest > FIRST + planted[0]:
        raise DeviceError("self-test failed: the extent of the planted errors was told wrongly", _HINT)


def _decode(expected: U64s, seed: int, complement: int) -> None:
    """What the host's arithmetic makes of a misplaced word."""
    source, agrees = invert(expected[:, 0], expected[:, 1], seed, complement)
    if not agrees.all() or int(source[0]) != FIRST:
        raise DeviceError("self-test failed: a misplaced word did not lead back to its origin", _HINT)
