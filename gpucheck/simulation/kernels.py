"""The kernels of ``kernels/*.cu`` for a simulated card: the same contracts, on samples. Each returns what it cost."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gpucheck.device.protocol import Kernel
from gpucheck.probes.pattern import ALL_ONES, pattern
from gpucheck.simulation import kernels_bandwidth, kernels_census, kernels_latency, kernels_load, kernels_throughput
from gpucheck.simulation.addresses import VECTOR
from gpucheck.simulation.launch import Cost, Launch
from gpucheck.simulation.memory import Part
from gpucheck.simulation.samples import U64s

READ, WRITE = 0.92, 0.90
"""Shares of the theoretical bandwidth that the walk's kernels reach."""
ROW_WORDS = 6


@dataclass(frozen=True)
class _Results:
    """Where ``walk_verify`` puts what it finds."""

    region_shift: int
    capacity: int
    summary: U64s
    log: U64s
    regions: "np.ndarray[tuple[int, ...], np.dtype[np.uint32]]"


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
    memory = launch.blocks_of_memory
    summary, log, regions = (launch.buffer(i) for i in (8, 9, 10))
    results = _Results(
        launch.number(6),
        launch.number(7),
        memory.array(summary, np.uint64),
        memory.array(log, np.uint64),
        memory.array(regions, np.uint32),
    )
    for part in memory.parts(base, vectors):
        _verify(part, first, seed, complement, rewrite != 0, results)
    if rewrite:
        memory.note(base, vectors, lambda at: pattern(at + np.uint64(first), seed, complement ^ ALL_ONES))
    return Cost(vectors * VECTOR * memory.slowness(base, vectors) * (2 if rewrite else 1), READ)


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


def _report(rows: U64s, weights: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", results: _Results) -> None:
    """Count with weights, and log like a card: a row for every wrong vector until the log is full."""
    index, summary = rows[:, 0], results.summary
    np.add.at(results.regions, index >> np.uint64(results.region_shift), weights.astype(np.uint32))
    logged = int(summary[0])
    room = max(0, min(results.capacity - logged, int(weights.sum())))
    if room:
        target = results.log[logged * ROW_WORDS : (logged + room) * ROW_WORDS].reshape(room, ROW_WORDS)
        target[:] = rows[_logged(len(rows), room)]
    summary[0] = logged + room
    summary[1] = min(int(summary[1]), int(index.min()))
    summary[2] = max(int(summary[2]), int(index.max()))


def _logged(rows: int, room: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    """Which rows are logged: the first, as they lie side by side, and more from everywhere; repeated to fill."""
    if rows <= room:
        return np.arange(room) % rows
    near = room // 2
    far = near + np.arange(room - near) * (rows - near) // (room - near)
    return np.concatenate([np.arange(near), far])


def _indices(part: Part, first: int) -> U64s:
    return part.offsets.astype(np.uint64) + np.uint64(first)


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("memory_walk", "walk_write"): walk_write,
    Kernel("memory_walk", "walk_verify"): walk_verify,
    **kernels_bandwidth.KERNELS,
    **kernels_census.KERNELS,
    **kernels_throughput.KERNELS,
    **kernels_latency.KERNELS,
    **kernels_load.KERNELS,
}

__all__ = ["KERNELS", "Cost", "Launch"]
