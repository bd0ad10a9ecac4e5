"""Arithmetic rates: per clock, whatever the clock, and never of wrong results."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from gpucheck.device.protocol import DeviceError, Kernel
from gpucheck.model.measured import Throughput
from gpucheck.probes import throughput
from gpucheck.probes import throughput_records as records
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import card, kernels
from gpucheck.simulation.device import SimulatedDevice
from gpucheck.simulation.launch import Cost, Launch
from tests.cards import evidence_from

QUICK = ProbeOptions(quick=True)
Rows = NDArray[np.uint64]


def of(profile: str, **silicon: object) -> Throughput:
    found = evidence_from({"title": "mine", "silicon": {"profile": profile, **silicon}}).throughput
    assert isinstance(found, Throughput)
    return found


def spoil(monkeypatch: pytest.MonkeyPatch, function: str, change: Callable[[Rows], None]) -> None:
    kernel = Kernel("throughput", function)
    sound = kernels.KERNELS[kernel]

    def broken(launch: Launch) -> Cost:
        cost = sound(launch)
        change(launch.blocks_of_memory.array(launch.buffer(0), np.uint64).reshape(-1, records.RECORD_WORDS))
        return cost

    monkeypatch.setitem(kernels.KERNELS, kernel, broken)


def test_rates_are_the_generations() -> None:
    found = of("geforce-rtx-4090")
    per_clock = {name: rate.per_clock_per_sm for name, rate in found.rates.items()}
    assert per_clock == pytest.approx(
        {
            "fp32": 256,
            "fp32_mul_add": 128,
            "fp64": 4,
            "int32": 128,
            "tensor_fp16_fp16": 1024,
            "tensor_fp16_fp32": 512,
            "tensor_bf16_fp32": 512,
            "tensor_tf32_fp32": 256,
        },
        rel=0.02,
    )
    assert found.sm_clock_mhz == pytest.approx(2500, rel=0.02)
    assert found.rates["fp32"].per_second == pytest.approx(256 * 128 * 2.5e9, rel=0.03)


@pytest.mark.parametrize(
    ("profile", "absent"),
    [
        ("geforce-gtx-1060-6-gb", ("tensor_fp16_fp16", "tensor_fp16_fp32", "tensor_bf16_fp32", "tensor_tf32_fp32")),
        ("geforce-rtx-2080-ti", ("tensor_bf16_fp32", "tensor_tf32_fp32")),
    ],
)
def test_what_a_generation_has_no_instruction_for_is_absent(profile: str, absent: tuple[str, ...]) -> None:
    found = of(profile)
    assert set(absent).isdisjoint(found.rates)
    assert {"fp32", "fp32_mul_add", "fp64"} <= set(found.rates)


@pytest.mark.parametrize(
    ("profile", "tier", "ratio"),
    [
        ("geforce-rtx-3090", None, 0.5),
        ("geforce-rtx-3090", "full", 1.0),
        ("rtx-a6000", None, 1.0),
        ("rtx-a6000", "half", 0.5),
    ],
)
def test_the_tier_is_the_silicons(profile: str, tier: str | None, ratio: float) -> None:
    found = of(profile, tensor_fp32_accumulate=tier)
    assert found.ratio("tensor_fp16_fp32", "tensor_fp16_fp16") == pytest.approx(ratio, rel=0.03)
    assert found.ratio("tensor_bf16_fp32", "tensor_fp16_fp16") == pytest.approx(ratio, rel=0.03)


def test_a_mining_lock_slows_fused_steps_and_tensor_cores_alone() -> None:
    locked, free = of("cmp-170hx-8-gb"), of("a100-pcie-40-gb")
    share = {name: locked.rates[name].per_clock_per_sm / free.rates[name].per_clock_per_sm for name in locked.rates}
    assert share["fp32"] == pytest.approx(1 / 32, rel=0.03)
    assert share["tensor_fp16_fp32"] == pytest.approx(1 / 32, rel=0.03)
    assert share["fp32_mul_add"] == pytest.approx(1, rel=0.03)
    assert share["int32"] == pytest.approx(1, rel=0.03)


def test_no_clock_changes_a_rate() -> None:
    device = card("rtx-4090").open_device()
    assert isinstance(device, SimulatedDevice)
    fast = throughput.probe(device, QUICK)
    device._soldered = replace(device._soldered, sm_clock_mhz=600)
    slow = throughput.probe(device, QUICK)
    device.close()
    assert slow.sm_clock_mhz == pytest.approx(600, rel=0.02)
    for name, rate in fast.rates.items():
        assert slow.rates[name].per_clock_per_sm == pytest.approx(rate.per_clock_per_sm, rel=0.02)


@pytest.mark.parametrize("function", [stream.function for stream in throughput.STREAMS.values()])
def test_a_rate_of_wrong_results_is_no_rate(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    def one_block_errs(rows: Rows) -> None:
        rows[-1, records.ANSWER] += np.uint64(1)

    spoil(monkeypatch, function, one_block_errs)
    device = card("rtx-4090").open_device()
    free = device.memory_info().free_bytes
    with pytest.raises(DeviceError, match=rf"{function} computed a wrong result in 1 of 128 blocks"):
        throughput.probe(device, QUICK)
    assert device.memory_info().free_bytes == free
    device.close()


def test_a_counter_that_stands_still_is_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    def frozen(rows: Rows) -> None:
        rows[5, records.LAST_CYCLE] = rows[5, records.FIRST_CYCLE]

    spoil(monkeypatch, "count_fp32", frozen)
    device = card("rtx-4090").open_device()
    with pytest.raises(DeviceError, match="stood still"):
        throughput.probe(device, QUICK)
    device.close()


@pytest.mark.parametrize(("options", "samples"), [(QUICK, 3), (ProbeOptions(), 7), (ProbeOptions(deep=True), 15)])
def test_samples(options: ProbeOptions, samples: int) -> None:
    device = card("gtx-1060-6gb").open_device()
    assert throughput.probe(device, options).samples == samples
    device.close()


def test_blocks_that_share_a_multiprocessor_count_together() -> None:
    rows = records.blank(3)
    rows[:, records.SM] = [7, 2, 7]
    rows[:, [records.FIRST_CYCLE, records.FIRST_NS]] = [[100, 50], [100, 50], [1100, 550]]
    rows[:, [records.LAST_CYCLE, records.LAST_NS]] = [[1100, 550], [2100, 1050], [2100, 1050]]
    rows[:, records.OPERATIONS] = [10_000, 20_000, 10_000]
    found = records.window(rows)
    assert (found.per_clock_per_sm, found.cycles, found.sm_clock_mhz, found.sm_count) == (10.0, 2000.0, 2000.0, 2)


def test_answers_are_those_of_the_loops_themselves() -> None:
    starts = np.add.outer(np.arange(records.THREADS, dtype=np.uint64), np.arange(8, dtype=np.uint64))
    x = starts.copy()
    for _ in range(3 * records.UNROLL):
        x = (x * np.uint64(0x0019_660D) + np.uint64(0x3C6E_F35F)) & np.uint64(0xFFFF_FFFF)
    expected = int((x.sum(axis=1) & np.uint64(0xFFFF_FFFF)).sum())
    assert records.recurrence_answer(3, 8, 0x0019_660D, 0x3C6E_F35F) == expected
    assert records.count_answer(3, 8) == int((starts + np.uint64(3 * records.UNROLL)).sum())
