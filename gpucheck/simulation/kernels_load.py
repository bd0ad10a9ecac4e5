"""The kernels of ``kernels/load.cu`` for a simulated card: work with a known answer, from units and memory at once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gpucheck.device.protocol import Kernel
from gpucheck.simulation.addresses import VECTOR
from gpucheck.simulation.kernels_bandwidth import mixed, stream_write
from gpucheck.simulation.launch import Cost, Launch
from gpucheck.simulation.soldered import Soldered

CHAINS, STEPS, READS = 4, 128, 2
_WRITE, _READ = 0.9, 0.92
_REACHED = 0.9
"""Of the peak of fused multiply-adds, what a load with memory traffic beside it sustains."""
_UNKNOWN_FP32 = 128.0
"""Operations a clock of one multiprocessor of a generation that is not on record."""


def load_fill(launch: Launch) -> Cost:
    """``(target, vectors, seed)``: write the words that ``stream_write`` writes, at the load's own pace."""
    return replace(stream_write(launch), efficiency=_WRITE)


def load_run(launch: Launch) -> Cost:
    """``(source, vectors, seed, rounds, wrong)``: go round the circle, and hold what is read against its pattern."""
    source, vectors, seed, rounds = launch.buffer(0), launch.number(1), launch.number(2), launch.number(3)
    memory, silicon = launch.blocks_of_memory, launch.silicon
    threads = launch.blocks * launch.threads
    read = min(vectors, threads * rounds * READS)
    seconds = max(
        threads * rounds * 2 * CHAINS * STEPS / _sums_per_second(silicon),
        threads * rounds * READS * VECTOR * memory.slowness(source, vectors) / (silicon.bandwidth * _READ),
    )
    wrong = memory.array(launch.buffer(4), np.uint32)
    wrong[0] += np.uint32(launch.random.poisson(silicon.load_errors * seconds))
    wrong[1] = (int(wrong[1]) + _differing(launch, read, seed)) & 0xFFFF_FFFF  # as the kernel's counter runs over
    return Cost(seconds=seconds)


def _differing(launch: Launch, vectors: int, seed: int) -> int:
    count = 0
    for part in launch.blocks_of_memory.parts(launch.buffer(0), vectors):
        low, high = part.read()
        right_low, right_high = mixed(part.offsets.astype(np.uint64), seed)
        count += int(part.weights[(low != right_low) | (high != right_high)].sum())
    return count


def _sums_per_second(silicon: Soldered) -> float:
    operations = silicon.capability.operations_per_clock_per_sm.get("fp32") if silicon.capability else None
    return _REACHED * (operations or _UNKNOWN_FP32) / 2 * silicon.sm_count * silicon.sm_clock_mhz * 1e6


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("load", "load_fill"): load_fill,
    Kernel("load", "load_run"): load_run,
}
