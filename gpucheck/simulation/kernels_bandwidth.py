"""The kernels of ``kernels/bandwidth.cu`` for a simulated card: the same contracts, on samples.

The efficiencies are those of published runs on real cards: reading 90 to 98 % of the peak, writing 92 to 99, copying
88 to 92 and triads 87 to 92 (gpu-benches, clpeak, nccl and open-gpu-kernel-modules issue threads). What is
lost to reading sectors apart was measured on no card: half where a burst brings both sectors, else a tenth is assumed.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import Kernel
from gpucheck.model.burst import BURST_BYTES
from gpucheck.probes.bandwidth import sector_vectors
from gpucheck.simulation.addresses import VECTOR
from gpucheck.simulation.launch import Cost, Launch
from gpucheck.simulation.samples import U64s

U32s = NDArray[np.uint32]

READ, WRITE, COPY, TRIAD = 0.92, 0.95, 0.90, 0.89
"""Shares of the theoretical bandwidth that streaming kernels reach."""
SECTORS_SHARE = {32: 0.9, 64: 0.5}
"""Useful rate over the rate of reading everything, by bytes of a burst."""
THREADS, IN_FLIGHT = 512, 8


def stream_read(launch: Launch) -> Cost:
    """``(source, vectors, sink, never)``: read everything."""
    source, vectors = launch.buffer(0), launch.number(1)
    words = launch.blocks_of_memory.words(source, vectors)
    if words is not None:
        _sink(launch, words.view(np.uint32))
    return Cost(vectors * VECTOR * launch.blocks_of_memory.slowness(source, vectors), READ)


def stream_sectors(launch: Launch) -> Cost:
    """``(source, vectors, sink, never)``: read one half of each 64 bytes; ``vectors`` counts what is read."""
    source, vectors = launch.buffer(0), launch.number(1)
    memory, spanned = launch.blocks_of_memory, -(-vectors // 2) * 4
    words = memory.words(source, spanned)
    if words is not None:
        _sink(launch, words.view(np.uint32)[sector_vectors(vectors)])
    share = SECTORS_SHARE[BURST_BYTES.get(launch.silicon.memory_type, 32)]
    return Cost(vectors * VECTOR * memory.slowness(source, spanned), READ * share)


def _sink(launch: Launch, words: U32s) -> None:
    """Store where a thread's xor is what should never be. ``words``: shape (vectors, 4), as threads take them."""
    never = launch.number(3)
    lanes = np.flatnonzero((_xors(words, launch.blocks) == never).any(axis=0))
    launch.blocks_of_memory.array(launch.buffer(2), np.uint32)[lanes] = never


def _xors(words: U32s, blocks: int) -> U64s:
    """What each thread reads, xored; shape (blocks, threads). ``words`` has the shape (vectors, 4)."""
    index = np.arange(len(words))
    tile = index // (THREADS * IN_FLIGHT)
    full = len(words) // (THREADS * IN_FLIGHT)
    block = np.where(tile < full, tile % blocks, blocks - 1)
    sums = np.zeros((blocks, THREADS), np.uint32)
    np.bitwise_xor.at(sums, (block, index % THREADS), np.bitwise_xor.reduce(words, axis=1))
    return sums.astype(np.uint64)


def stream_write(launch: Launch) -> Cost:
    """``(target, vectors, seed)``: write words that differ everywhere."""
    target, vectors, seed = launch.buffer(0), launch.number(1), launch.number(2)
    memory = launch.blocks_of_memory
    for part in memory.parts(target, vectors):
        part.write(*mixed(part.offsets.astype(np.uint64), seed))
    memory.note(target, vectors, lambda at: mixed(at, seed))
    return Cost(vectors * VECTOR * memory.slowness(target, vectors), WRITE)


def stream_copy(launch: Launch) -> Cost:
    """``(target, source, vectors)``: copy. In large buffers the cells get other words than they would on a card."""
    target, source, vectors = launch.buffer(0), launch.buffer(1), launch.number(2)
    memory = launch.blocks_of_memory
    taken, given = memory.parts(target, vectors), memory.parts(source, vectors)
    if len(taken) == len(given) == 1 and np.array_equal(taken[0].offsets, given[0].offsets):
        taken[0].write(*given[0].read())
    else:
        for part in taken:
            part.write(*mixed(part.offsets.astype(np.uint64), 0))
    memory.note_copy(target, source, vectors * VECTOR)
    return Cost(vectors * VECTOR * (memory.slowness(target, vectors) + memory.slowness(source, vectors)), COPY)


def stream_triad(launch: Launch) -> Cost:
    """``(target, first, second, scale, vectors)``: add. Only plain arrays get the sums; cells get other words."""
    buffers, vectors = [launch.buffer(i) for i in range(3)], launch.number(4)
    scale = np.uint32(launch.number(3)).view(np.float32)
    memory = launch.blocks_of_memory
    words = [given.view(np.float32) for buffer in buffers if (given := memory.words(buffer, vectors)) is not None]
    if len(words) == len(buffers):
        target, first, second = words
        with np.errstate(all="ignore"):
            target[:] = first + scale * second
    else:
        for part in memory.parts(buffers[0], vectors):
            part.write(*mixed(part.offsets.astype(np.uint64), 1))
        memory.note(buffers[0], vectors, lambda at: mixed(at, 1))
    return Cost(vectors * VECTOR * sum(memory.slowness(buffer, vectors) for buffer in buffers), TRIAD)


def mixed(index: U64s, seed: int) -> tuple[U64s, U64s]:
    """The words that ``mix`` of the kernels gives, low and high halves of each vector."""
    low32, shift = np.uint64(0xFFFF_FFFF), np.uint64(32)
    x = (index * np.uint64(0x9E3779B9) & low32) ^ np.uint64(seed)
    y = x * np.uint64(0x85EBCA6B) & low32
    return (y << shift) | x, ((y ^ np.uint64(0x5BD1E995)) << shift) | (x ^ low32)


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("bandwidth", "stream_read"): stream_read,
    Kernel("bandwidth", "stream_sectors"): stream_sectors,
    Kernel("bandwidth", "stream_write"): stream_write,
    Kernel("bandwidth", "stream_copy"): stream_copy,
    Kernel("bandwidth", "stream_triad"): stream_triad,
}
