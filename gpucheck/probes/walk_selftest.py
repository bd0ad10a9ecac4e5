"""A known answer before any unknown one: wrong words are planted, and the kernel must find and describe them all.

A verifying kernel that reports nothing would otherwise make every card perfect.
"""

import numpy as np

from gpucheck.device.protocol import U32, U64, Buffer, Device, DeviceError, Kernel
from gpucheck.probes.memory import borrowed
from gpucheck.probes.pattern import ALL_ONES, invert, pattern
from gpucheck.probes.walk_journal import VECTOR_BYTES, Journal, Observed, U64s

WRITE = Kernel("memory_walk", "walk_write")
VERIFY = Kernel("memory_walk", "walk_verify")
THREADS = 512
VECTORS = 64 * 1024 + 37
"""One region and a tail."""
_HINT = "The kernels do not do what they should on this device; no statement about its memory is possible."


def run(device: Device, journal: Journal, seed: int) -> None:
    """Plant wrong words in both patterns. Raises ``DeviceError`` where one of them is not found as it was planted."""
    with borrowed(device, VECTORS * VECTOR_BYTES) as buffer:
        for complement in (0, ALL_ONES):
            planted = _plant(device, buffer, seed, complement)
            _compare(_verify(device, buffer, journal, seed, complement), planted, seed, complement)


def _plant(device: Device, buffer: Buffer, seed: int, complement: int) -> U64s:
    """Write the pattern and then some wrong vectors; return rows of index, low, high."""
    arguments = (buffer, U64(0), U64(VECTORS), U64(seed), U64(complement))
    device.launch(WRITE, blocks=2, threads=THREADS, arguments=arguments)
    at = np.array([0, 1023, 2048, 40_000, 65_536, VECTORS - 1], np.uint64)
    low, high = pattern(at, seed, complement)
    other = pattern(at[::-1] + np.uint64(1), seed, complement)
    low[1] ^= np.uint64(1 << 17)
    high[2] ^= np.uint64(1 << 63)
    low[3] = high[3] = 0
    for row in (0, 4, 5):
        low[row], high[row] = other[0][row], other[1][row]
    for index, *words in zip(at, low, high, strict=True):
        device.upload(buffer.slice(int(index) * VECTOR_BYTES, VECTOR_BYTES), np.array(words, np.uint64))
    return np.stack([at, low, high], axis=1)


def _verify(device: Device, buffer: Buffer, journal: Journal, seed: int, complement: int) -> Observed:
    journal.clear()
    head = (buffer, U64(0), U64(VECTORS), U64(seed), U64(complement), U32(0))
    device.launch(VERIFY, blocks=2, threads=THREADS, arguments=(*head, *journal.arguments()))
    journal.harvest(seed, complement)
    return journal.finish(VECTORS, complement)


def _compare(observed: Observed, planted: U64s, seed: int, complement: int) -> None:
    found = {int(row[0]): (int(row[3]), int(row[4])) for row in observed.rows}
    missing = [int(n) for n, low, high in planted if found.get(int(n)) != (int(low), int(high))]
    if missing:
        raise DeviceError(f"self-test failed: {len(missing)} of {len(planted)} planted errors were not found", _HINT)
    if observed.lowest != 0 or observed.highest != VECTORS - 1 or (observed.regions == 0).any():
        raise DeviceError("self-test failed: the extent of the planted errors was told wrongly", _HINT)
    if int(observed.regions.sum()) > VECTORS // 2:
        raise DeviceError("self-test failed: sound words were reported as wrong", _HINT)
    source, agrees = invert(planted[:, 1], planted[:, 2], seed, complement)
    if not agrees[[0, 4, 5]].all() or int(source[0]) != VECTORS:
        raise DeviceError("self-test failed: a misplaced word did not lead back to its origin", _HINT)
