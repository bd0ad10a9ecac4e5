"""Arithmetic rates and the numeric fingerprint on real silicon: what holds for any sound card."""

import numpy as np
import pytest

from gpucheck.device.cuda import CudaDevice
from gpucheck.model.measured import Fingerprint
from gpucheck.probes import fingerprint, throughput
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.tensor_experiments import all_experiments, rows
from gpucheck.simulation.tensor import Sums

pytestmark = pytest.mark.gpu
QUICK = ProbeOptions(quick=True)


def generation(device: CudaDevice) -> float:
    return float(device.attributes.compute_capability)


def test_every_rate_has_right_answers_and_holds_still(cuda_device: CudaDevice) -> None:
    found = throughput.probe(cuda_device, ProbeOptions())
    assert {"fp32", "fp32_mul_add", "fp64", "int32"} <= set(found.rates)
    assert ("tensor_fp16_fp32" in found.rates) == (generation(cuda_device) >= 7.0)
    assert ("tensor_bf16_fp32" in found.rates) == (generation(cuda_device) >= 8.0)
    assert 100 < found.sm_clock_mhz < 5000
    for operation, rate in found.rates.items():
        assert rate.spread < 0.1, operation


def test_rates_repeat_whatever_the_clocks_did_meanwhile(cuda_device: CudaDevice) -> None:
    one, other = (throughput.probe(cuda_device, QUICK) for _ in range(2))
    for operation, rate in one.rates.items():
        assert other.rates[operation].per_clock_per_sm == pytest.approx(rate.per_clock_per_sm, rel=0.05), operation


def test_a_fused_step_counts_twice_unless_it_is_locked(cuda_device: CudaDevice) -> None:
    ratio = throughput.probe(cuda_device, QUICK).ratio("fp32", "fp32_mul_add")
    assert ratio is not None
    assert ratio == pytest.approx(2, rel=0.15) or ratio < 0.5


def test_the_fingerprint_repeats_and_decodes(cuda_device: CudaDevice) -> None:
    found = fingerprint.probe(cuda_device, QUICK)
    if generation(cuda_device) < 7.0:
        assert not isinstance(found, Fingerprint)
        return
    assert isinstance(found, Fingerprint)
    assert found == fingerprint.probe(cuda_device, QUICK)
    assert found.fraction_bits is not None
    assert found.terms_at_once is not None


def test_the_model_predicts_every_bit_from_what_was_decoded(cuda_device: CudaDevice) -> None:
    found = fingerprint.probe(cuda_device, QUICK)
    if not isinstance(found, Fingerprint) or found.rounding != "toward_zero":
        pytest.skip("no matrix instruction, or one that rounds in a way that the model does not know")
    assert found.fraction_bits is not None
    assert found.terms_at_once is not None
    terms = int(found.instruction.split(".")[2].rpartition("k")[2])
    first, second, addend = rows(all_experiments())
    sums = Sums(found.terms_at_once, found.fraction_bits).add(first[:, :terms], second[:, :terms], addend)
    expected = {
        f"fp16 {each.name}": f"{bits:08x}" for each, bits in zip(all_experiments(), sums.view(np.uint32), strict=True)
    }
    assert {name: bits for name, bits in found.results.items() if name.startswith("fp16")} == expected
