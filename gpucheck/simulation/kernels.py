"""The kernels of ``kernels/*.cu`` for a simulated card: the same contracts, on samples. Each returns what it cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, U64, Argument, Buffer, DeviceError, Kernel
from gpucheck.probes.pattern import ALL_ONES, pattern
from gpucheck.simulation.addresses import PAGE, VECTOR, I64s
from gpucheck.simulation.blocks import Blocks
from gpucheck.simulation.memory import Part, Pieces
from gpucheck.simulation.samples import U64s
from gpucheck.simulation.soldered import Soldered

READ, WRITE, COPY = 0.92, 0.90, 0.90
"""Shares of the theoretical bandwidth that streaming kernels reach."""
ROW_WORDS = 6
U32s = NDArray[np.uint32]


@dataclass(frozen=True)
class Cost:
    """What a launch took: bytes at full rate and the share of that rate reached, or a time of its own."""

    traffic: float = 0.0
    efficiency: float = 1.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Launch:
    """A launch as a kernel sees it."""

    blocks_of_memory: Blocks
    silicon: Soldered
    blocks: int
    threads: int
    shared_bytes: int
    arguments: Sequence[Argument]
    random: np.random.Generator
    """The scenario's noise."""

    def buffer(self, index: int) -> Buffer:
        """Return a buffer argument."""
        argument = self.arguments[index]
        if not isinstance(argument, Buffer):
            raise DeviceError(f"kernel argument {index} must be a buffer")
        return argument

    def number(self, index: int) -> int:
        """Return a scalar argument."""
        argument = self.arguments[index]
        if not isinstance(argument, U32 | U64):
            raise DeviceError(f"kernel argument {index} must be a number")
        return argument.value


@dataclass(frozen=True)
class _Results:
    """Where ``walk_verify`` puts what it finds."""

    region_shift: int
    capacity: int
    summary: U64s
    log: U64s
    regions: U32s


def walk_write(launch: Launch) -> Cost:
    """``(base, first, vectors, seed, complement)``: write to every vector the pattern of its own index."""
    base, first, vectors, seed, complement = launch.buffer(0), *(launch.number(i) for i in range(1, 5))
    memory = launch.blocks_of_memory
    for part in memory.parts(base, vectors):
        part.write(*pattern(_indices(part, first), seed, complement))
    memory.note(base, vectors, lambda at: pattern(at + np.uint64(first), seed, complement))
    return Cost(vectors * VECTOR * memory.slowness(base, vectors), WRITE)


def walk_verify(launch: Launch) -> Cost:
    """Compare every vector with its pattern and report what differs; where ``rewrite`` says so, store the complement.

    ``(base, first, vectors, seed, complement, rewrite, region_shift, log_capacity, summary, log, regions)``.
    """
    base, first, vectors, seed, complement, rewrite = launch.buffer(0), *(launch.number(i) for i in range(1, 6))
    memory, results = launch.blocks_of_memory, _results(launch, 6)
    for part in memory.parts(base, vectors):
        _verify(part, first, seed, complement, rewrite != 0, results)
    if rewrite:
        memory.note(base, vectors, lambda at: pattern(at + np.uint64(first), seed, complement ^ ALL_ONES))
    return Cost(vectors * VECTOR * memory.slowness(base, vectors) * (2 if rewrite else 1), READ)


def walk_write_spots(launch: Launch) -> Cost:
    """``(base, first, vectors, seed, complement, spot_shift, scatter)``: write the pattern to one spot in each page."""
    base, first, vectors, seed, complement = launch.buffer(0), *(launch.number(i) for i in range(1, 5))
    for part in launch.blocks_of_memory.spots(base, vectors, _pieces(launch)):
        part.write(*pattern(_indices(part, first), seed, complement))
    return Cost(_spot_traffic(launch), WRITE)


def walk_verify_spots(launch: Launch) -> Cost:
    """Compare the spots with their pattern and report what differs.

    The arguments of ``walk_write_spots``, then ``(region_shift, log_capacity, summary, log, regions)``.
    """
    base, first, vectors, seed, complement = launch.buffer(0), *(launch.number(i) for i in range(1, 5))
    results = _results(launch, 7)
    for part in launch.blocks_of_memory.spots(base, vectors, _pieces(launch)):
        _verify(part, first, seed, complement, False, results)
    return Cost(_spot_traffic(launch), READ)


def walk_evict(launch: Launch) -> Cost:
    """``(base, vectors, sink, never)``: read everything. Only of a single vector it tells the xor."""
    base, vectors, never = launch.buffer(0), launch.number(1), launch.number(3)
    memory = launch.blocks_of_memory
    if vectors == 1 and memory.xor(base) == never:
        memory.array(launch.buffer(2), np.uint32)[0] = never
    return Cost(vectors * VECTOR * memory.slowness(base, vectors), READ)


def _pieces(launch: Launch) -> Pieces:
    return Pieces(launch.number(1) // PAGE, launch.number(3), launch.number(5), launch.number(6) != 0)


def _spot_traffic(launch: Launch) -> float:
    base, vectors, shift = launch.buffer(0), launch.number(2), launch.number(5)
    return (vectors // PAGE << shift) * VECTOR * launch.blocks_of_memory.slowness(base, vectors)


def _results(launch: Launch, at: int) -> _Results:
    """The arguments from ``region_shift`` on."""
    memory = launch.blocks_of_memory
    summary, log, regions = (launch.buffer(at + i) for i in (2, 3, 4))
    return _Results(
        launch.number(at),
        launch.number(at + 1),
        memory.array(summary, np.uint64),
        memory.array(log, np.uint64),
        memory.array(regions, np.uint32),
    )


def _verify(part: Part, first: int, seed: int, complement: int, rewrite: bool, results: _Results) -> None:
    index = _indices(part, first)
    low, high = pattern(index, seed, complement)
    got_low, got_high = part.read()
    wrong = (got_low != low) | (got_high != high)
    if wrong.any():
        zero = np.zeros(int(wrong.sum()), np.uint64)
        columns = (index[wrong], low[wrong], high[wrong], got_low[wrong], got_high[wrong], zero)
        _report(np.stack(columns, axis=1), part.weights[wrong], results)
    if rewrite:
        part.write(~low, ~high)


def _report(rows: U64s, weights: I64s, results: _Results) -> None:
    """Count with weights, and log like a card: a row for every wrong vector until the log is full."""
    index, summary = rows[:, 0], results.summary
    _count(results.regions, index >> np.uint64(results.region_shift), weights, 1 << min(results.region_shift, 31))
    logged = int(summary[0])
    room = max(0, min(results.capacity - logged, int(weights.sum())))
    if room:
        target = results.log[logged * ROW_WORDS : (logged + room) * ROW_WORDS].reshape(room, ROW_WORDS)
        target[:] = rows[_logged(len(rows), room)]
    summary[0] = logged + room
    summary[1] = min(int(summary[1]), int(index.min()))
    summary[2] = max(int(summary[2]), int(index.max()))


def _count(regions: U32s, region: U64s, weights: I64s, size: int) -> None:
    """Add weights to regions. A sample stands for vectors around it: what a region cannot hold is its neighbours'."""
    first, last = int(region.min()), int(region.max()) + 1
    counts = regions[first:last].astype(np.int64)
    np.add.at(counts, region.astype(np.int64) - first, weights)
    if (counts > size).any():
        counts, excess = _pushed(counts, size)
        counts[-1] += excess
        counts = _pushed(counts[::-1], size)[0][::-1]
    regions[first:last] = np.minimum(counts, size).astype(np.uint32)


def _pushed(counts: I64s, size: int) -> tuple[I64s, int]:
    """Push what is beyond ``size`` to the next that has room; return the counts and what found none."""
    balance = np.cumsum(counts - size)
    waiting = balance - np.minimum(np.minimum.accumulate(balance), 0)
    return counts - np.diff(waiting, prepend=0), int(waiting[-1])


def _logged(rows: int, room: int) -> I64s:
    """Which rows are logged: the first, as they lie side by side, and more from everywhere; repeated to fill."""
    if rows <= room:
        return np.arange(room) % rows
    near = room // 2
    far = near + np.arange(room - near) * (rows - near) // (room - near)
    return np.concatenate([np.arange(near), far])


def stream_read(launch: Launch) -> Cost:
    """``(source, vectors, sink, never)``: read everything."""
    vectors = launch.number(1)
    launch.blocks_of_memory.parts(launch.buffer(0), vectors)
    return Cost(vectors * VECTOR * launch.blocks_of_memory.slowness(launch.buffer(0), vectors), READ)


def stream_write(launch: Launch) -> Cost:
    """``(target, vectors, seed)``: write words that differ everywhere."""
    target, vectors, seed = launch.buffer(0), launch.number(1), launch.number(2)
    memory = launch.blocks_of_memory
    for part in memory.parts(target, vectors):
        part.write(*_mixed(part.offsets.astype(np.uint64), seed))
    memory.note(target, vectors, lambda at: _mixed(at, seed))
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
            part.write(*_mixed(part.offsets.astype(np.uint64), 0))
    memory.note_copy(target, source, vectors * VECTOR)
    return Cost(vectors * VECTOR * (memory.slowness(target, vectors) + memory.slowness(source, vectors)), COPY)


def _mixed(index: U64s, seed: int) -> tuple[U64s, U64s]:
    """The words of ``stream_write``."""
    low32, shift = np.uint64(0xFFFF_FFFF), np.uint64(32)
    x = (index * np.uint64(0x9E3779B9) & low32) ^ np.uint64(seed)
    y = x * np.uint64(0x85EBCA6B) & low32
    return (y << shift) | x, ((y ^ np.uint64(0x5BD1E995)) << shift) | (x ^ low32)


def census(launch: Launch) -> Cost:
    """``(seen, capacity, arrived, spin_ns, check)``: every block counts itself at the multiprocessor it runs on."""
    memory, count = launch.blocks_of_memory, launch.silicon.sm_count
    seen = memory.array(launch.buffer(0), np.uint32)[: launch.number(1)]
    for sm in range(min(count, len(seen))):
        seen[sm] += len(range(sm, launch.blocks, count))
    memory.array(launch.buffer(2), np.uint32)[0] += launch.blocks
    memory.array(launch.buffer(4), np.uint32)[0] += launch.blocks
    waves = -(-launch.blocks // count)
    return Cost(seconds=launch.number(3) * 1e-9 * waves)


def _indices(part: Part, first: int) -> U64s:
    return part.offsets.astype(np.uint64) + np.uint64(first)


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("memory_walk", "walk_write"): walk_write,
    Kernel("memory_walk", "walk_verify"): walk_verify,
    Kernel("memory_walk", "walk_write_spots"): walk_write_spots,
    Kernel("memory_walk", "walk_verify_spots"): walk_verify_spots,
    Kernel("memory_walk", "walk_evict"): walk_evict,
    Kernel("bandwidth", "stream_read"): stream_read,
    Kernel("bandwidth", "stream_write"): stream_write,
    Kernel("bandwidth", "stream_copy"): stream_copy,
    Kernel("census", "census"): census,
}
