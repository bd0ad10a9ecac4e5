"""Streaming bandwidth of the device memory, with buffers that no cache can hold."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from gpucheck.device.protocol import U32, U64, Buffer, Device, DeviceError, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import Bandwidth
from gpucheck.model.units import GIB, MIB, mib
from gpucheck.probes.memory import give_back
from gpucheck.probes.options import ProbeOptions

READ = Kernel("bandwidth", "stream_read")
WRITE = Kernel("bandwidth", "stream_write")
COPY = Kernel("bandwidth", "stream_copy")
THREADS = 512
BLOCKS_PER_SM = 2
"""What the kernels' launch bounds promise to fit on every multiprocessor."""

_CACHES = 8
_UNKNOWN_L2_BYTES = 64 * MIB
_SMALL_BYTES = MIB
_LEAST_WARM_UPS, _MOST_WARM_UPS = 3, 20
_STEADY = 0.01
_SAMPLES, _DEEP_SAMPLES = 9, 25
_VECTOR = 16
_NEVER = 0x9E3779B9


@dataclass(frozen=True)
class Rate:
    """Median rate in bytes per second, and the spread of its samples relative to it."""

    bytes_per_second: float
    spread: float


def probe(device: Device, options: ProbeOptions) -> Bandwidth:
    """Measure reading and copying.

    Raises ``OutOfDeviceMemory`` where the card is too full for buffers beyond its caches, ``DeviceError`` where a copy
    does not arrive.
    """
    held: list[Buffer] = []
    try:
        _check_copy(device, held)
        source, target = _two_buffers(device, held)
        sink = device.allocate(4 * THREADS)
        held.append(sink)
        return _measure(device, options, source, target, sink)
    finally:
        give_back(device, held)


def _measure(device: Device, options: ProbeOptions, source: Buffer, target: Buffer, sink: Buffer) -> Bandwidth:
    size, samples = source.size_bytes, _DEEP_SAMPLES if options.deep else _SAMPLES
    vectors, blocks = U64(size // _VECTOR), BLOCKS_PER_SM * max(1, device.attributes.sm_count)

    def run(kernel: Kernel, *arguments: Buffer | U32 | U64) -> float:
        return device.launch(kernel, blocks=blocks, threads=THREADS, arguments=arguments)

    for buffer in (source, target):
        run(WRITE, buffer, vectors, U32(0x6B))
    options.tell(0.2, "reading")
    read = _rate(lambda: run(READ, source, vectors, sink, U32(_NEVER)), size, samples)
    options.tell(0.6, "copying")
    copy = _rate(lambda: run(COPY, target, source, vectors), 2 * size, samples)
    options.tell(1.0, "bandwidth")
    return Bandwidth(
        read_bytes_per_second=read.bytes_per_second,
        copy_bytes_per_second=copy.bytes_per_second,
        read_spread=read.spread,
        copy_spread=copy.spread,
        buffer_bytes=size,
        samples=samples,
    )


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
    """Take two equal buffers: 1 GiB, or more where the cache asks for it, or as little as the cache allows."""
    least = _CACHES * (device.attributes.l2_cache_bytes or _UNKNOWN_L2_BYTES)
    least = -(-least // MIB) * MIB
    size = max(GIB, least)
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


def _check_copy(device: Device, held: list[Buffer]) -> None:
    """A rate is worth nothing where the kernel did nothing: copy something known, with a tail, and look."""
    count = _SMALL_BYTES // _VECTOR - 3
    words = np.arange(4 * count, dtype=np.uint32) * np.uint32(0x85EBCA6B)
    source = device.allocate(_SMALL_BYTES)
    held.append(source)
    target = device.allocate(_SMALL_BYTES)
    held.append(target)
    device.upload(source, words)
    device.upload(target, np.zeros_like(words))
    device.launch(COPY, blocks=BLOCKS_PER_SM, threads=THREADS, arguments=(target, source, U64(count)))
    if not np.array_equal(device.download(target, np.dtype(np.uint32), words.size), words):
        raise DeviceError("bandwidth: a copy did not arrive as it was sent", "The memory walk tells more.")
