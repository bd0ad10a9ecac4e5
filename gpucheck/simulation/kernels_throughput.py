"""The kernels of ``throughput.cu`` and ``fingerprint.cu`` for a simulated card: rates and sums of its silicon half.

Rates come from the capability's peaks and from what the SKU's tier takes away. The lock of mining cards is modelled
after the CMP 170HX, the only one with published figures of every unit: fused multiply-add at a 32nd (0.395 of 12.6
TFLOP/s) while separate multiplication and addition and integers run free (6.285 TFLOP/s; NVIDIA-patcher issue 73,
P106toPlay issue 2, FluidX3D issue 8), matrix instructions at a 32nd (6.3 TFLOP/s; Xing, "Microbenchmarking
Instruction-Level Tensor Core Throttling in NVIDIA CMP 170HX", Zenodo 18995979). For the CMP 100-210 a 16th is reported
(qengine issue 2). Turing's dies without tensor cores do run matrix instructions, on their FP16 units (cubecl pull
request 1591); how fast is not published, so an eighth stands for "far below a tensor core".
"""

from collections.abc import Callable

import numpy as np

from gpucheck.device.protocol import Kernel
from gpucheck.model.measured import Operation
from gpucheck.probes import throughput_records as records
from gpucheck.probes.tensor_experiments import FACTORS
from gpucheck.simulation.launch import Cost, Launch
from gpucheck.simulation.soldered import Soldered
from gpucheck.simulation.tensor import Floats, Sums

Rates = dict[Operation, float]

_LOCK, _VOLTA_LOCK = 1 / 32, 1 / 16
_WITHOUT_TENSOR_CORES = 1 / 8
_OVERHEAD_CYCLES = 400
"""From the first clock that is read to full issue, and at the end."""
_UNPUBLISHED = Sums(terms_at_once=16, fraction_bits=25)
"""For silicon of which nobody has published how it sums: like Hopper and Blackwell."""
_SHAPES = {"7.0": 4, "7.2": 4, "7.5": 8}
_LATER_SHAPE = 16


def rates(silicon: Soldered) -> Rates:
    """Operations per clock of one multiprocessor, for every operation that the silicon can do."""
    peaks: Rates = dict(silicon.capability.operations_per_clock_per_sm) if silicon.capability else {}
    lock = _lock(silicon)
    if "fp32" in peaks:
        peaks["fp32"] *= lock
        peaks["fp64"] = peaks["fp32"] / float((silicon.fp64_ratio or "1:32").partition(":")[2])
    for operation in peaks:
        if operation.startswith("tensor"):
            peaks[operation] *= _tensor_share(silicon, operation)
    return peaks


def _lock(silicon: Soldered) -> float:
    if silicon.tensor_fp32_accumulate != "capped":
        return 1.0
    return _VOLTA_LOCK if silicon.architecture == "Volta" else _LOCK


def _tensor_share(silicon: Soldered, operation: Operation) -> float:
    tier = silicon.tensor_fp32_accumulate
    if tier == "none":
        return _WITHOUT_TENSOR_CORES
    if tier == "half" and not operation.endswith("_fp16_fp16"):
        return 0.5
    return _lock(silicon)


def _terms(silicon: Soldered, operation: Operation) -> int:
    terms = _SHAPES.get(silicon.compute_capability, _LATER_SHAPE)
    return terms // 2 if operation == "tensor_tf32_fp32" else terms


def _stream(operation: Operation, answer: Callable[[Launch, int], int]) -> Callable[[Launch], Cost]:
    """Return a kernel that leaves the records of a stream of one operation."""

    def kernel(launch: Launch) -> Cost:
        silicon, iterations = launch.silicon, launch.number(1)
        rate = rates(silicon).get(operation, 0.0)
        if not rate:
            return Cost()
        tensor = operation.startswith("tensor")
        terms = _terms(silicon, operation) if tensor else 0
        work = iterations * (_matrix_operations(silicon, terms) if tensor else _steps(operation))
        cycles = (work / rate + _OVERHEAD_CYCLES) * (1 + _wander(launch, launch.blocks))
        seconds = cycles / (silicon.sm_clock_mhz * 1e6)
        start = int(launch.random.integers(1 << 40))
        found = launch.blocks_of_memory.array(launch.buffer(0), np.uint64).reshape(-1, records.RECORD_WORDS)
        found = found[: launch.blocks]
        found[:, records.SM] = np.arange(launch.blocks) % silicon.sm_count
        found[:, records.FIRST_CYCLE] = found[:, records.FIRST_NS] = start
        found[:, records.LAST_CYCLE] = start + np.rint(cycles).astype(np.uint64)
        found[:, records.LAST_NS] = start + np.rint(seconds * 1e9).astype(np.uint64)
        found[:, records.OPERATIONS] += np.uint64(work)
        found[:, records.ANSWER] += np.uint64(answer(launch, terms))
        found[:, records.TERMS] = terms
        return Cost(seconds=float(seconds.max()))

    return kernel


def _steps(operation: Operation) -> int:
    """Operations of a block in one iteration of a stream of scalar operations."""
    return 2 * records.UNROLL * records.THREADS * (4 if operation == "fp64" else 8)


def _matrix_operations(silicon: Soldered, terms: int) -> int:
    """Operations of a block in one iteration of a stream of matrix instructions."""
    sums = (32 if _terms(silicon, "tensor_fp16_fp32") == 4 else 16) * 8
    return 2 * sums * terms * records.TENSOR_CHAINS * records.TENSOR_UNROLL * records.THREADS // 32


def _wander(launch: Launch, count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return launch.silicon.noise * np.clip(launch.random.standard_normal(count), -3, 3)


def _counted(chains: int) -> Callable[[Launch, int], int]:
    return lambda launch, _: records.count_answer(launch.number(1), chains)


def _recurrence(launch: Launch, _: int) -> int:
    return records.recurrence_answer(launch.number(1), 8, launch.number(2), launch.number(3))


def _multiplied(half_sums: bool) -> Callable[[Launch, int], int]:
    return lambda launch, terms: records.tensor_answer(launch.number(1), terms, half_sums=half_sums)


def _sum(name: str) -> Callable[[Launch], Cost]:
    """Return a kernel that sums rows of factors as the silicon does."""

    def kernel(launch: Launch) -> Cost:
        silicon, memory = launch.silicon, launch.blocks_of_memory
        operation: Operation = "tensor_tf32_fp32" if name == "tf32" else "tensor_bf16_fp32"
        if (operation if name != "fp16" else "tensor_fp16_fp32") not in rates(silicon):
            return Cost()
        terms = _terms(silicon, operation)
        rows = memory.array(launch.buffer(0), np.uint32).reshape(launch.blocks, -1)
        first, second = (_factors(name, rows[:, start : start + terms]) for start in (0, FACTORS))
        total = _sums(silicon, name).add(first, second, np.ascontiguousarray(rows[:, 2 * FACTORS]).view(np.float32))
        results = memory.array(launch.buffer(1), np.uint32)[: 2 * launch.blocks]
        results[::2], results[1::2] = total.view(np.uint32), 0
        memory.array(launch.buffer(2), np.uint32)[0] = terms
        return Cost()

    return kernel


def _factors(name: str, words: "np.ndarray[tuple[int, ...], np.dtype[np.uint32]]") -> Floats:
    if name == "fp16":
        return words.astype(np.uint16).view(np.float16).astype(np.float32)
    return np.ascontiguousarray(words << np.uint32(16) if name == "bf16" else words).view(np.float32)


def _sums(silicon: Soldered, name: str) -> Sums:
    """How the silicon sums, from what is published of its capability; tf32 takes half as many products at once."""
    facts = silicon.capability
    at_once = (facts and facts.terms_at_once) or _terms(silicon, "tensor_fp16_fp32")
    kept = (facts and facts.fraction_bits) or _UNPUBLISHED.fraction_bits
    return Sums(at_once // 2 if name == "tf32" else at_once, kept)


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("throughput", "count_fp32"): _stream("fp32", _counted(8)),
    Kernel("throughput", "count_fp32_apart"): _stream("fp32_mul_add", _counted(8)),
    Kernel("throughput", "count_fp64"): _stream("fp64", _counted(4)),
    Kernel("throughput", "count_int32"): _stream("int32", _recurrence),
    Kernel("throughput", "mma_fp16_fp16"): _stream("tensor_fp16_fp16", _multiplied(half_sums=True)),
    Kernel("throughput", "mma_fp16_fp32"): _stream("tensor_fp16_fp32", _multiplied(half_sums=False)),
    Kernel("throughput", "mma_bf16_fp32"): _stream("tensor_bf16_fp32", _multiplied(half_sums=False)),
    Kernel("throughput", "mma_tf32_fp32"): _stream("tensor_tf32_fp32", _multiplied(half_sums=False)),
    Kernel("fingerprint", "sum_fp16"): _sum("fp16"),
    Kernel("fingerprint", "sum_bf16"): _sum("bf16"),
    Kernel("fingerprint", "sum_tf32"): _sum("tf32"),
}
