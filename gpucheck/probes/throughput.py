"""What the arithmetic units sustain, per clock of each multiprocessor, so that no clock, power or heat limit matters.

Every launch is a burst of a few milliseconds whose result is known beforehand: a rate of wrong results is no rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from gpucheck.device.protocol import U32, Argument, Buffer, Device, DeviceError, Kernel
from gpucheck.model.measured import Operation, Rate, Throughput
from gpucheck.probes import throughput_records as records
from gpucheck.probes.memory import borrowed
from gpucheck.probes.options import ProbeOptions

_SAMPLES, _QUICK_SAMPLES, _DEEP_SAMPLES = 7, 3, 15
_BURST_CYCLES = 3_000_000
"""About two milliseconds: long against the device timer's tick, short against what a power limit reacts to."""
_FIRST_ITERATIONS = 65
_MOST_STEPS = 1 << 23
"""A chain of floats counts exactly up to twice as many."""

_ONE_FP32, _ONE_FP64, _ONE_BF16, _ONE_FP16 = 0x3F80_0000, 0x3FF0_0000, 0x3F80_3F80, 0x3C00_3C00
_TURN_PAIR, _TURN = 0x8000_8000, 0x8000_0000
_FACTOR, _STEP = 0x0019_660D, 0x3C6E_F35F


@dataclass(frozen=True)
class Stream:
    """One kernel: its two operands, and the answer of a block from iterations and terms of a matrix sum."""

    function: str
    operands: tuple[int, int]
    answer: Callable[[int, int], int]

    @property
    def kernel(self) -> Kernel:
        """The kernel that runs the stream."""
        return Kernel("throughput", self.function)


def _tensor(function: str, one: int, turn: int, *, half_sums: bool = False) -> Stream:
    return Stream(function, (one, turn), lambda i, terms: records.tensor_answer(i, terms, half_sums=half_sums))


STREAMS: dict[Operation, Stream] = {
    "fp32": Stream("count_fp32", (_ONE_FP32, _ONE_FP32), lambda i, _: records.count_answer(i, 8)),
    "fp32_mul_add": Stream("count_fp32_apart", (_ONE_FP32, _ONE_FP32), lambda i, _: records.count_answer(i, 8)),
    "fp64": Stream("count_fp64", (_ONE_FP64, _ONE_FP64), lambda i, _: records.count_answer(i, 4)),
    "int32": Stream("count_int32", (_FACTOR, _STEP), lambda i, _: records.recurrence_answer(i, 8, _FACTOR, _STEP)),
    "tensor_fp16_fp16": _tensor("mma_fp16_fp16", _ONE_FP16, _TURN_PAIR, half_sums=True),
    "tensor_fp16_fp32": _tensor("mma_fp16_fp32", _ONE_FP16, _TURN_PAIR),
    "tensor_bf16_fp32": _tensor("mma_bf16_fp32", _ONE_BF16, _TURN_PAIR),
    "tensor_tf32_fp32": _tensor("mma_tf32_fp32", _ONE_FP32, _TURN),
}


def probe(device: Device, options: ProbeOptions) -> Throughput:
    """Measure every operation that the silicon has an instruction for.

    Raises ``DeviceError`` where a result is wrong, a counter stands still or nothing ran at all.
    """
    samples = _QUICK_SAMPLES if options.quick else _DEEP_SAMPLES if options.deep else _SAMPLES
    measured: dict[Operation, list[records.Window]] = {}
    blocks = device.attributes.sm_count
    with borrowed(device, 8 * records.RECORD_WORDS * blocks) as buffer:
        for number, (operation, stream) in enumerate(STREAMS.items()):
            options.tell(number / len(STREAMS), f"arithmetic: {operation.replace('_', ' ')}")
            if found := _measure(device, buffer, stream, blocks, samples):
                measured[operation] = found
    options.tell(1.0, "arithmetic")
    if not measured:
        raise DeviceError("throughput: the silicon has none of the instructions that were tried")
    clocks = [window.sm_clock_mhz for windows in measured.values() for window in windows]
    rates = {operation: _rate(windows) for operation, windows in measured.items()}
    return Throughput(rates=rates, sm_clock_mhz=median(clocks), samples=samples)


def _measure(device: Device, buffer: Buffer, stream: Stream, blocks: int, samples: int) -> list[records.Window]:
    """Warm up with a short run that tells how long a burst has to be, then sample; empty where nothing ran."""
    short = _burst(device, buffer, stream, blocks, _FIRST_ITERATIONS)
    if short is None:
        return []
    wanted = int(_FIRST_ITERATIONS * _BURST_CYCLES / short.cycles)
    iterations = max(_FIRST_ITERATIONS, min(wanted, _MOST_STEPS // records.UNROLL)) | 1
    _burst(device, buffer, stream, blocks, iterations)
    bursts = (_burst(device, buffer, stream, blocks, iterations) for _ in range(samples))
    return [burst for burst in bursts if burst is not None]


def _burst(device: Device, buffer: Buffer, stream: Stream, blocks: int, iterations: int) -> records.Window | None:
    """One launch and what it tells, or ``None`` where there is no such instruction."""
    device.upload(buffer, records.blank(blocks))
    arguments: list[Argument] = [buffer, U32(iterations), *map(U32, stream.operands)]
    device.launch(stream.kernel, blocks=blocks, threads=records.THREADS, arguments=arguments)
    words = device.download(buffer, np.dtype(np.uint64), blocks * records.RECORD_WORDS)
    found = words.reshape(blocks, records.RECORD_WORDS)
    if not found[:, records.OPERATIONS].any():
        return None
    right = stream.answer(iterations, int(found[0, records.TERMS]))
    wrong = int(np.count_nonzero(found[:, records.ANSWER] != right))
    if wrong:
        raise DeviceError(f"throughput: {stream.function} computed a wrong result in {wrong} of {blocks} blocks")
    try:
        return records.window(found)
    except ValueError as error:
        raise DeviceError(f"throughput: {error}") from error


def _rate(windows: list[records.Window]) -> Rate:
    per_clock = [window.per_clock_per_sm for window in windows]
    middle = median(per_clock)
    per_second = median(w.per_clock_per_sm * w.sm_count * w.sm_clock_mhz * 1e6 for w in windows)
    return Rate(per_clock_per_sm=middle, per_second=per_second, spread=(max(per_clock) - min(per_clock)) / middle)
