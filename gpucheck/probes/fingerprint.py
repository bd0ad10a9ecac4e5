"""Exact results of matrix sums, as an oracle of the generation that no clock, limit or name changes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import Buffer, Device, DeviceError, Kernel
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.measured import Fingerprint
from gpucheck.probes.memory import borrowed
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.tensor_experiments import (
    FACTORS,
    Bits,
    Experiment,
    all_experiments,
    decode,
    rows,
    surviving_bits,
)

ROW_WORDS = 2 * FACTORS + 1
_WARP = 32
_SHAPES = {4: "m8n8k4", 8: "m16n8k8", 16: "m16n8k16"}
_OTHER_FORMATS = ("bf16", "tf32")


@dataclass(frozen=True)
class _Seen:
    bits: Bits
    terms: int


def probe(device: Device, options: ProbeOptions) -> Fingerprint | Unavailable:
    """Run all experiments with half factors, and those of the surviving bits in the other formats.

    Raises ``DeviceError`` where the elements of one instruction differ though all are the same sum.
    """
    options.tell(0.0, "matrix sums")
    half = _run(device, "fp16", all_experiments())
    if not half.terms:
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="no matrix instruction before Volta")
    results = {f"fp16 {name}": f"{bits:08x}" for name, bits in half.bits.items()}
    for name in _OTHER_FORMATS:
        seen = _run(device, name, surviving_bits())
        results |= {f"{name} {experiment}": f"{bits:08x}" for experiment, bits in seen.bits.items() if seen.terms}
    decoded = decode(half.bits, half.terms)
    options.tell(1.0, "matrix sums")
    return Fingerprint(
        instruction=f"mma.sync.{_SHAPES.get(half.terms, f'k{half.terms}')}.f32.f16.f16.f32",
        results=results,
        fraction_bits=decoded.fraction_bits,
        terms_at_once=decoded.terms_at_once,
        rounding=decoded.rounding,
    )


def _run(device: Device, name: str, experiments: tuple[Experiment, ...]) -> _Seen:
    count = len(experiments)
    with borrowed(device, 4 * (count * ROW_WORDS + 2 * count + 1)) as buffer:
        parts = _parts(buffer, count)
        device.upload(buffer, np.zeros(buffer.size_bytes // 4, np.uint32))
        device.upload(parts[0], packed(name, experiments))
        device.launch(Kernel("fingerprint", f"sum_{name}"), blocks=count, threads=_WARP, arguments=parts)
        pairs = device.download(parts[1], np.dtype(np.uint32), 2 * count).reshape(count, 2)
        terms = int(device.download(parts[2], np.dtype(np.uint32), 1)[0])
    if pairs[:, 1].any():
        worst = experiments[int(pairs[:, 1].argmax())].name
        raise DeviceError(f"fingerprint: elements of one matrix differ though all are the same sum ({name} {worst})")
    return _Seen({each.name: int(bits) for each, bits in zip(experiments, pairs[:, 0], strict=True)}, terms)


def _parts(buffer: Buffer, count: int) -> tuple[Buffer, Buffer, Buffer]:
    """Rows, results and terms, one behind the other."""
    rows_bytes, results_bytes = 4 * count * ROW_WORDS, 8 * count
    return (
        buffer.slice(0, rows_bytes),
        buffer.slice(rows_bytes, results_bytes),
        buffer.slice(rows_bytes + results_bytes, 4),
    )


def packed(name: str, experiments: tuple[Experiment, ...]) -> NDArray[np.uint32]:
    """Rows as the kernels read them: a word a factor, in its format, then the addend."""
    first, second, addend = rows(experiments)
    factors = np.concatenate([first, second], axis=1)
    if name == "fp16":
        words = factors.astype(np.float16).view(np.uint16).astype(np.uint32)
    else:
        words = factors.view(np.uint32) >> np.uint32(16 if name == "bf16" else 0)
    return np.ascontiguousarray(np.concatenate([words, addend.view(np.uint32)[:, None]], axis=1))
