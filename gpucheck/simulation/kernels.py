"""The kernels of ``kernels/*.cu`` for a simulated card: the same contracts, on samples. Each returns what it cost."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import Kernel
from gpucheck.probes.pattern import ALL_ONES, pattern
from gpucheck.simulation import kernels_bandwidth, kernels_census, kernels_latency, kernels_load, kernels_throughput
from gpucheck.simulation.addresses import PAGE, VECTOR, I64s
from gpucheck.simulation.launch import Cost, Launch
from gpucheck.simulation.memory import Part, Pieces
from gpucheck.simulation.samples import U64s, mix

READ, WRITE = 0.92, 0.90
"""Shares of the theoretical bandwidth that the walk's kernels reach."""
ROW_WORDS = 6
U32s = NDArray[np.uint32]


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
    for part in memory.parts(base, vectors, in_turns=rewrite != 0):
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
        target[:] = rows[_logged(weights, room)]
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


def _logged(weights: I64s, room: int) -> I64s:
    """Which rows are logged: those of the first wrong vectors, which lie side by side, and of more from everywhere.

    A card logs vectors, so a sample comes up as often as those that it stands for. It has one row to show for them:
    from everywhere so few are drawn that hardly any comes up twice, and are then repeated to fill the log.
    """
    ends = np.cumsum(weights)
    total = int(ends[-1])
    places = np.arange(min(total, room if total <= room else room // 2))
    left = room - places.size
    if left:
        rest = total - places.size
        drawn = np.arange(min(left, max(1, rest // (2 * int(weights.max())))))
        stride = rest // drawn.size
        far = places.size + drawn * stride + (mix(drawn, total) % np.uint64(stride)).astype(np.int64)
        places = np.concatenate([places, far[np.arange(left) % far.size]])
    logged: I64s = np.searchsorted(ends, places, side="right")
    return logged


def _indices(part: Part, first: int) -> U64s:
    return part.offsets.astype(np.uint64) + np.uint64(first)


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("memory_walk", "walk_write"): walk_write,
    Kernel("memory_walk", "walk_verify"): walk_verify,
    Kernel("memory_walk", "walk_write_spots"): walk_write_spots,
    Kernel("memory_walk", "walk_verify_spots"): walk_verify_spots,
    Kernel("memory_walk", "walk_evict"): walk_evict,
    **kernels_bandwidth.KERNELS,
    **kernels_census.KERNELS,
    **kernels_throughput.KERNELS,
    **kernels_latency.KERNELS,
    **kernels_load.KERNELS,
}

__all__ = ["KERNELS", "Cost", "Launch"]
