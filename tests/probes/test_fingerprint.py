"""The numeric fingerprint: what the experiments tell of silicon that adds up in whatever way."""

from typing import Literal

import numpy as np
import pytest

from gpucheck.device.protocol import DeviceError, Kernel
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.measured import Fingerprint
from gpucheck.probes import fingerprint
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.tensor_experiments import Decoded, all_experiments, decode, rows
from gpucheck.simulation import card, kernels
from gpucheck.simulation.launch import Cost, Launch
from gpucheck.simulation.tensor import Sums
from tests.cards import evidence_from

Rounding = Literal["toward_zero", "to_nearest"]


def decoded(sums: Sums, terms: int) -> Decoded:
    first, second, addend = rows(all_experiments())
    total = sums.add(first[:, :terms], second[:, :terms], addend).view(np.uint32)
    return decode({each.name: int(bits) for each, bits in zip(all_experiments(), total, strict=True)}, terms)


def probed(profile: str, **silicon: object) -> Fingerprint | Unavailable:
    scenario = {"title": "mine", "silicon": {"profile": profile, **silicon}}
    return evidence_from(scenario).fingerprint


@pytest.mark.parametrize("rounding", ["toward_zero", "to_nearest"])
@pytest.mark.parametrize("bits", range(23, 27))
@pytest.mark.parametrize(("at_once", "terms"), [(4, 4), (4, 8), (8, 8), (4, 16), (8, 16), (16, 16)])
def test_the_way_of_adding_is_read_back(at_once: int, terms: int, bits: int, rounding: Rounding) -> None:
    found = decoded(Sums(at_once, bits, rounding), terms)
    assert (found.terms_at_once, found.rounding) == (at_once, rounding)
    # Rounding to the nearest keeps one half of a bit more: a tie goes to the even neighbour, which is nothing.
    assert found.fraction_bits == bits


def test_the_sign_of_nothing_means_nothing() -> None:
    first, second, addend = rows(all_experiments())
    total = Sums(8, 24).add(first, second, addend).view(np.uint32)
    bits = {each.name: int(seen) or 0x8000_0000 for each, seen in zip(all_experiments(), total, strict=True)}
    assert decode(bits, 16) == Decoded(24, 8, "toward_zero")


def test_an_adder_that_loses_nothing_decides_nothing() -> None:
    assert decoded(Sums(16, 40), 16).fraction_bits is None


def test_results_without_order_decide_nothing() -> None:
    noise = {each.name: 0x3F80_0000 for each in all_experiments()}
    assert decode(noise, 16) == Decoded(None, None, None)


@pytest.mark.parametrize("name", ["fp16", "bf16", "tf32"])
def test_every_factor_survives_its_format(name: str) -> None:
    words = fingerprint.packed(name, all_experiments())[:, :-1]
    first, second, _ = rows(all_experiments())
    if name == "fp16":
        back = words.astype(np.uint16).view(np.float16).astype(np.float32)
    else:
        back = (words << np.uint32(16 if name == "bf16" else 0)).view(np.float32)
    assert np.array_equal(back, np.concatenate([first, second], axis=1))
    assert name != "tf32" or not (words & 0x1FFF).any()
    smallest = np.abs(back[back != 0]).min()
    assert smallest >= 2.0**-14, "subnormal halves"


@pytest.mark.parametrize(
    ("profile", "instruction", "bits", "terms"),
    [
        ("tesla-v100-sxm2-16-gb", "m8n8k4", 23, 4),
        ("geforce-rtx-2080-ti", "m16n8k8", 24, 8),
        ("geforce-rtx-3090", "m16n8k16", 24, 8),
        ("geforce-rtx-4090", "m16n8k16", 24, 8),
        ("h200-sxm-141-gb", "m16n8k16", 25, 16),
        ("geforce-rtx-5090", "m16n8k16", 25, 16),
    ],
)
def test_generations_differ(profile: str, instruction: str, bits: int, terms: int) -> None:
    found = probed(profile)
    assert isinstance(found, Fingerprint)
    assert instruction in found.instruction
    assert (found.fraction_bits, found.terms_at_once, found.rounding) == (bits, terms, "toward_zero")
    assert ("bf16 keeps-21" in found.results) == (instruction == "m16n8k16")


@pytest.mark.parametrize("profile", ["geforce-gtx-1060-6-gb", "geforce-gtx-550-ti"])
def test_silicon_without_matrix_instructions_has_none(profile: str) -> None:
    found = probed(profile)
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.NOT_SUPPORTED


def test_a_clock_and_a_tier_change_no_bit() -> None:
    plain = probed("geforce-rtx-3090")
    assert probed("geforce-rtx-3090", tensor_fp32_accumulate="full", noise=0.1, sm_count=10) == plain


def test_elements_that_differ_are_no_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel("fingerprint", "sum_fp16")
    sound = kernels.KERNELS[kernel]

    def broken(launch: Launch) -> Cost:
        cost = sound(launch)
        launch.blocks_of_memory.array(launch.buffer(1), np.uint32)[7] = 1
        return cost

    monkeypatch.setitem(kernels.KERNELS, kernel, broken)
    device = card("rtx-4090").open_device()
    with pytest.raises(DeviceError, match="elements of one matrix differ"):
        fingerprint.probe(device, ProbeOptions())
    free = device.memory_info().free_bytes
    device.close()
    assert free == device.memory_info().free_bytes
