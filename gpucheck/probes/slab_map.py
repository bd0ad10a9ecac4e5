"""Reading rate of every part of the memory, one window after the other, all of them several times over.

A window that is slow each time has lost a channel, repeats transfers on a bad link, or is not on the card at all. No
window is read twice in a row: a large cache would answer the second time. All memory is written once before it is
read, because what was never written need not exist: a driver may put off finding a place for it, and compressed or
cleared memory is answered without going there.
"""

from dataclasses import dataclass

import numpy as np

from gpucheck.device.protocol import U32, U64, Buffer, Device, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import SlabMap
from gpucheck.model.units import MIB, mib
from gpucheck.probes import walk_rates
from gpucheck.probes.bandwidth import BLOCKS_PER_SM, NEVER, READ, THREADS, VECTOR_BYTES, WRITE, check_kernels
from gpucheck.probes.memory import give_back, take_most
from gpucheck.probes.memory_walk import left_free
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.walk_rates import Floats, Timed

_ROUNDS, _QUICK_ROUNDS, _DEEP_ROUNDS = 5, 3, 9
_FURTHER_ROUNDS, _FURTHER_SECONDS = 8, 0.25
"""Rounds more over all windows where some seemed slow; of the slow ones as many as take so long in a round."""
_SHORTEST_BYTES = 32 * MIB
"""Reading less is over before the launch has got going, and tells no rate; such remnants are left out."""
_CACHES = 4


@dataclass(frozen=True)
class Slab:
    """A window of a chunk, and where it lies when chunks are laid end to end."""

    buffer: Buffer
    first_byte: int


def probe(device: Device, options: ProbeOptions) -> SlabMap:
    """Map the rates of all memory that can be had.

    Raises ``OutOfDeviceMemory`` where that is too little to tell memory from cache, ``DeviceError`` where the kernels
    fail a known answer; the memory is given back in each case.
    """
    held: list[Buffer] = []
    try:
        check_kernels(device)
        sink = device.allocate(4 * THREADS)
        held.append(sink)
        chunks = _take(device, options, held)
        window = _fill(device, chunks)
        slabs = _lay_out(chunks, window)
        rounds = _DEEP_ROUNDS if options.deep else _QUICK_ROUNDS if options.quick else _ROUNDS
        seconds = []
        for number in range(rounds):
            seconds.append([_launch(device, READ, slab.buffer, sink, U32(NEVER)) for slab in slabs])
            options.tell((number + 1) / rounds, "mapping rates")
        times = np.array(seconds, np.float64)
        return _summarise(slabs, times, _best(device, slabs, sink, times.min(axis=0)))
    finally:
        give_back(device, held)


def _take(device: Device, options: ProbeOptions, held: list[Buffer]) -> list[Buffer]:
    """Take all memory but the margin, in chunks that stay in ``held``."""
    before = len(held)
    take_most(device, device.memory_info().free_bytes - left_free(device, options), held)
    chunks = held[before:]
    if sum(chunk.size_bytes for chunk in chunks) < max(_CACHES * (device.attributes.l2_cache_bytes or 0), 1):
        free = mib(device.memory_info().free_bytes)
        raise OutOfDeviceMemory(
            f"too little memory is left to map beyond the cache: {free} are still free",
            "Close other programs that use the card and scan again.",
        )
    return chunks


def _fill(device: Device, chunks: list[Buffer]) -> int:
    """Write everything; how fast the largest chunks took it decides the length of a window."""
    seconds = [_launch(device, WRITE, chunk, U32(0x6B)) for chunk in chunks]
    largest = max(chunk.size_bytes for chunk in chunks)
    rates = [largest / max(s, 1e-9) for chunk, s in zip(chunks, seconds, strict=True) if chunk.size_bytes == largest]
    return walk_rates.window_bytes(float(np.median(rates)))


def _lay_out(chunks: list[Buffer], window: int) -> list[Slab]:
    slabs: list[Slab] = []
    first = 0
    for chunk in chunks:
        starts = range(0, chunk.size_bytes, window)
        slabs += [Slab(chunk.slice(at, min(window, chunk.size_bytes - at)), first + at) for at in starts]
        first += chunk.size_bytes
    long = [slab for slab in slabs if slab.buffer.size_bytes >= _SHORTEST_BYTES]
    return long or slabs


def _launch(device: Device, kernel: Kernel, buffer: Buffer, *further: Buffer | U32) -> float:
    blocks = BLOCKS_PER_SM * max(1, device.attributes.sm_count)
    arguments = (buffer, U64(buffer.size_bytes // VECTOR_BYTES), *further)
    return device.launch(kernel, blocks=blocks, threads=THREADS, arguments=arguments)


def _best(device: Device, slabs: list[Slab], sink: Buffer, best: Floats) -> Floats:
    """Where windows seem slow, read all some times more, in turns as before; return the best time of each window.

    Memory that is slow is so each time. A window that once was not was only disturbed, by whoever else uses the card.
    """
    best = best.copy()
    timed = _timed(slabs, best)
    ratio = walk_rates.rated(timed, walk_rates.reference(timed)).ratio
    slow = np.flatnonzero(ratio < walk_rates.SLOW)
    doubtful = slow[np.argsort(-ratio[slow], kind="stable")]
    doubtful = doubtful[np.cumsum(best[doubtful]) <= max(_FURTHER_SECONDS, best[doubtful[:1]].sum())]
    others = np.flatnonzero(ratio >= walk_rates.SLOW)
    for _ in range(_FURTHER_ROUNDS if doubtful.size else 0):
        for number in (*others.tolist(), *doubtful.tolist()):
            best[number] = min(best[number], _launch(device, READ, slabs[number].buffer, sink, U32(NEVER)))
    return best


def _timed(slabs: list[Slab], seconds: Floats) -> Timed:
    return Timed(
        first_bytes=np.array([slab.first_byte for slab in slabs], np.int64),
        size_bytes=np.array([slab.buffer.size_bytes for slab in slabs], np.int64),
        seconds=seconds,
    )


def _summarise(slabs: list[Slab], seconds: Floats, best: Floats) -> SlabMap:
    timed, fastest = _timed(slabs, np.median(seconds, axis=0)), _timed(slabs, best)
    full, rated = timed.full, walk_rates.rated(fastest, walk_rates.reference(fastest))
    even = timed.rates[full & (rated.ratio >= walk_rates.SLOW)]
    middle = float(np.median(timed.rates[full]))
    return SlabMap(
        tested_bytes=int(timed.size_bytes.sum()),
        window_bytes=int(timed.size_bytes.max()),
        rounds=len(seconds),
        bytes_per_second=tuple(float(rate) for rate in timed.rates),
        window_lengths_bytes=tuple(int(size) for size in timed.size_bytes),
        median_bytes_per_second=middle,
        spread=round(float(np.std(even) / np.median(even)), 5) if even.size else 0.0,
        slow_regions=walk_rates.slow_regions(rated),
        unsteadiness=round(float(np.median(np.ptp(seconds, axis=0)[full] / np.median(seconds, axis=0)[full])), 4),
    )
