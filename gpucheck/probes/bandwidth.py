"""Streaming bandwidth of the device memory, with buffers that no cache can hold.

Bytes counted: reading or writing N bytes counts N, copying them 2N, a triad over three arrays of N bytes 3N.
Reading one 32-byte sector of each 64 bytes counts the useful bytes: what of the full rate is lost shows the least that
the memory delivers at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, U64, Buffer, Device, DeviceError, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import Bandwidth
from gpucheck.model.units import GIB, MIB, mib
from gpucheck.probes.memory import give_back
from gpucheck.probes.options import ProbeOptions

READ = Kernel("bandwidth", "stream_read")
SECTORS = Kernel("bandwidth", "stream_sectors")
WRITE = Kernel("bandwidth", "stream_write")
COPY = Kernel("bandwidth", "stream_copy")
TRIAD = Kernel("bandwidth", "stream_triad")
THREADS = 512
BLOCKS_PER_SM = 2
"""What the kernels' launch bounds promise to fit on every multiprocessor."""
VECTOR_BYTES = 16
NEVER = 0x9E3779B9
"""An xor of what a thread read that is as unlikely as any other."""

_CACHES, _SHARE = 8, 32
"""A buffer is at least so many caches, and such a part of the memory: launches begin and end in a few microseconds."""
_UNKNOWN_L2_BYTES = 64 * MIB
_SMALL_BYTES = MIB
_WAKING_SECONDS, _MOST_WAKING = 0.1, 64
"""An idle card's memory runs at a tenth of its clock or less, and is steady there for some time after work begins."""
_LEAST_WARM_UPS, _MOST_WARM_UPS = 3, 20
_STEADY = 0.01
_SAMPLES, _DEEP_SAMPLES = 9, 25
_SEED = 0x6B
_LANE = 17

U32s = NDArray[np.uint32]


@dataclass(frozen=True)
class Rate:
    """Median rate in bytes per second, and the spread of its samples relative to it."""

    bytes_per_second: float
    spread: float


def probe(device: Device, options: ProbeOptions) -> Bandwidth:
    """Measure reading, reading every other sector, writing, copying and triads.

    Raises ``OutOfDeviceMemory`` where the card is too full for buffers beyond its caches, ``DeviceError`` where a
    kernel does not do what its contract says.
    """
    held: list[Buffer] = []
    try:
        check_kernels(device)
        sink = device.allocate(4 * THREADS)
        held.append(sink)
        source, target = _two_buffers(device, held)
        return _measure(device, options, source, target, sink)
    finally:
        give_back(device, held)


def _measure(device: Device, options: ProbeOptions, source: Buffer, target: Buffer, sink: Buffer) -> Bandwidth:
    size, samples = source.size_bytes, _DEEP_SAMPLES if options.deep else _SAMPLES
    vectors, blocks = U64(size // VECTOR_BYTES), BLOCKS_PER_SM * max(1, device.attributes.sm_count)
    half = size // 2 // VECTOR_BYTES * VECTOR_BYTES
    arrays = (target.slice(0, half), source.slice(0, half), source.slice(half, half))

    def run(kernel: Kernel, *arguments: Buffer | U32 | U64) -> float:
        return device.launch(kernel, blocks=blocks, threads=THREADS, arguments=arguments)

    def rate(of: str, traffic: int, done: float, kernel: Kernel, *arguments: Buffer | U32 | U64) -> Rate:
        options.tell(done, of)
        return _rate(lambda: run(kernel, *arguments), traffic, samples)

    _wake(lambda: run(WRITE, source, vectors, U32(_SEED)) + run(WRITE, target, vectors, U32(_SEED)))
    read = rate("reading", size, 0.1, READ, source, vectors, sink, U32(NEVER))
    useful = size // 2
    sectors = rate("sectors", useful, 0.2, SECTORS, source, U64(useful // VECTOR_BYTES), sink, U32(NEVER))
    write = rate("writing", size, 0.35, WRITE, target, vectors, U32(_SEED))
    copy = rate("copying", 2 * size, 0.5, COPY, target, source, vectors)
    scale = U32(_bits(3.0))
    triad = rate("adding", 3 * half, 0.8, TRIAD, *arrays, scale, U64(half // VECTOR_BYTES))
    options.tell(1.0, "bandwidth")
    return Bandwidth(
        read_bytes_per_second=read.bytes_per_second,
        write_bytes_per_second=write.bytes_per_second,
        copy_bytes_per_second=copy.bytes_per_second,
        triad_bytes_per_second=triad.bytes_per_second,
        sectors_bytes_per_second=sectors.bytes_per_second,
        read_spread=read.spread,
        write_spread=write.spread,
        copy_spread=copy.spread,
        triad_spread=triad.spread,
        sectors_spread=sectors.spread,
        buffer_bytes=size,
        samples=samples,
    )


def _wake(run: Callable[[], float]) -> None:
    """Work until clocks have had time to rise, once at least."""
    spent = 0.0
    for _ in range(_MOST_WAKING):
        spent += run()
        if spent >= _WAKING_SECONDS:
            return


def _rate(run: Callable[[], float], traffic_bytes: int, samples: int) -> Rate:
    """Warm up until two runs agree, as clocks rise under load, then take the median."""
    before, seconds = run(), run()
    for number in range(2, _MOST_WARM_UPS):
        if number >= _LEAST_WARM_UPS and abs(seconds - before) <= _STEADY * before:
            break
        before, seconds = seconds, run()
    rates = [traffic_bytes / max(run(), 1e-9) for _ in range(samples)]
    middle = median(rates)
    return Rate(middle, (max(rates) - min(rates)) / middle)


def _two_buffers(device: Device, held: list[Buffer]) -> tuple[Buffer, Buffer]:
    """Take two equal buffers: 1 GiB, or more of a large memory, which is fast, or as little as the cache allows."""
    least = _CACHES * (device.attributes.l2_cache_bytes or _UNKNOWN_L2_BYTES)
    least = -(-least // MIB) * MIB
    size = max(GIB, device.memory_info().total_bytes // _SHARE // MIB * MIB, least)
    while size >= least:
        pair: list[Buffer] = []
        try:
            pair.append(device.allocate(size))
            pair.append(device.allocate(size))
        except OutOfDeviceMemory:
            give_back(device, pair)
            size = size // 2 if size // 2 >= least or size == least else least
            continue
        except BaseException:
            give_back(device, pair)
            raise
        held += pair
        return pair[0], pair[1]
    free = device.memory_info().free_bytes
    raise OutOfDeviceMemory(
        f"bandwidth needs two buffers of {mib(least)}, beyond the reach of the cache; {mib(free)} are free",
        "Close other programs that use the card.",
    )


def check_kernels(device: Device) -> None:
    """Run every kernel on something known, with a tail: a rate is worth nothing where the kernel did nothing.

    Raises ``DeviceError`` for a wrong result.
    """
    count = _SMALL_BYTES // VECTOR_BYTES - 3
    buffers: list[Buffer] = []
    try:
        while len(buffers) < 3:
            buffers.append(device.allocate(_SMALL_BYTES))
        _check_write(device, buffers, count)
        _check_read(device, buffers, count)
        _check_sectors(device, buffers, count)
        _check_copy(device, buffers, count)
        _check_triad(device, buffers, count)
    finally:
        give_back(device, buffers)


def _small(device: Device, kernel: Kernel, *arguments: Buffer | U32 | U64, blocks: int = BLOCKS_PER_SM) -> None:
    device.launch(kernel, blocks=blocks, threads=THREADS, arguments=arguments)


def _check_write(device: Device, buffers: list[Buffer], count: int) -> None:
    device.upload(buffers[0], np.zeros(4 * count, np.uint32))
    _small(device, WRITE, buffers[0], U64(count), U32(_SEED))
    _expect(device, buffers[0], written(count, _SEED), "what was written did not arrive")


def _check_read(device: Device, buffers: list[Buffer], count: int) -> None:
    """One block reads all; its thread number ``_LANE`` must come to the xor of its own vectors, and store it."""
    words = _known(count)
    device.upload(buffers[0], words)
    _expect_xor(device, READ, buffers, words.reshape(-1, 4), "what was read is not what lay there")


def _check_sectors(device: Device, buffers: list[Buffer], count: int) -> None:
    """The same of sectors: an odd number of vectors, so that the last sector is read by half."""
    words = _known(_SMALL_BYTES // VECTOR_BYTES)
    device.upload(buffers[0], words)
    read = words.reshape(-1, 4)[sector_vectors(count // 2 - 1)]
    _expect_xor(device, SECTORS, buffers, read, "the sectors that were read are not those asked for")


def _expect_xor(device: Device, kernel: Kernel, buffers: list[Buffer], read: U32s, otherwise: str) -> None:
    """``read`` has the shape (vectors, 4), in the order in which threads take them."""
    lane = int(np.bitwise_xor.reduce(read[_LANE::THREADS], axis=None))
    device.upload(buffers[1], np.zeros(THREADS, np.uint32))
    _small(device, kernel, buffers[0], U64(len(read)), buffers[1], U32(lane), blocks=1)
    if int(device.download(buffers[1], np.dtype(np.uint32), THREADS)[_LANE]) != lane:
        raise DeviceError(f"bandwidth: {otherwise}", "The memory walk tells more.")


def sector_vectors(vectors: int) -> NDArray[np.uint64]:
    """Which vectors of its source ``stream_sectors`` reads: two of each four, the first or the last."""
    index = np.arange(vectors, dtype=np.uint64)
    pair = index >> np.uint64(1)
    half = (pair.astype(np.uint32) * np.uint32(0x9E3779B9)) >> np.uint32(31)
    offset = half.astype(np.uint64) * np.uint64(2) + (index & np.uint64(1))
    return np.asarray(pair * np.uint64(4) + offset, np.uint64)


def _check_copy(device: Device, buffers: list[Buffer], count: int) -> None:
    device.upload(buffers[0], _known(count))
    device.upload(buffers[1], np.zeros(4 * count, np.uint32))
    _small(device, COPY, buffers[1], buffers[0], U64(count))
    _expect(device, buffers[1], _known(count), "a copy did not arrive as it was sent")


def _known(vectors: int) -> U32s:
    """Words of which no two are alike."""
    return np.arange(1, 4 * vectors + 1, dtype=np.uint32) * np.uint32(0x85EBCA6B)


def _check_triad(device: Device, buffers: list[Buffer], count: int) -> None:
    """Whole numbers that binary32 holds exactly: the sum is the same, fused or not."""
    first = (np.arange(4 * count) % 4099).astype(np.float32)
    second = (np.arange(4 * count) % 1021).astype(np.float32)
    device.upload(buffers[0], first.view(np.uint32))
    device.upload(buffers[1], second.view(np.uint32))
    device.upload(buffers[2], np.zeros(4 * count, np.uint32))
    _small(device, TRIAD, buffers[2], buffers[0], buffers[1], U32(_bits(3.0)), U64(count))
    _expect(device, buffers[2], (first + np.float32(3) * second).view(np.uint32), "a triad did not add as it should")


def _expect(device: Device, buffer: Buffer, words: U32s, otherwise: str) -> None:
    if not np.array_equal(device.download(buffer, np.dtype(np.uint32), words.size), words):
        raise DeviceError(f"bandwidth: {otherwise}", "The memory walk tells more.")


def written(vectors: int, seed: int) -> U32s:
    """The words that ``stream_write`` stores, four for each vector."""
    first = np.arange(vectors, dtype=np.uint32) * np.uint32(0x9E3779B9) ^ np.uint32(seed)
    second = first * np.uint32(0x85EBCA6B)
    return np.stack([first, second, ~first, second ^ np.uint32(0x5BD1E995)], axis=1).reshape(-1)


def _bits(value: float) -> int:
    return int(np.float32(value).view(np.uint32))
