"""The walk's own behaviour: what it takes, what it gives back, what it refuses to believe."""

import os
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gpucheck.device.protocol import U64, Buffer, DeviceError, DeviceLost, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import DeviceProcess, SlowRegion, Telemetry
from gpucheck.model.units import GIB, MIB
from gpucheck.probes import memory_walk, walk_rates
from gpucheck.probes.memory import CHUNK_SIZES, take_most
from gpucheck.probes.memory_walk import MARGIN_BYTES
from gpucheck.probes.options import ProbeOptions
from tests.probes.fakes import ATTRIBUTES, FakeDevice

OPTIONS = ProbeOptions(seed=3)
SELF_TEST_LAUNCHES = 13


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_walk, "PAUSE_SECONDS", 0.0)


def test_sound_card() -> None:
    device = FakeDevice()
    result = memory_walk.probe(device, OPTIONS)
    assert result.distinct_bytes == result.tested_bytes == 30 * MIB
    assert result.untested_bytes == 34 * MIB
    assert "34 MiB are held by the driver" in result.untested_holder
    assert (result.passes, result.seed, result.faults, result.slow_regions) == (3, 3, (), ())
    assert result.write_bytes_per_second == pytest.approx(1e12)
    assert not device.held


def test_quick_reads_one_polarity_and_says_so() -> None:
    quick = memory_walk.probe(FakeDevice(), ProbeOptions(seed=3, quick=True))
    deep = memory_walk.probe(FakeDevice(), ProbeOptions(seed=3, deep=True))
    assert (quick.passes, deep.passes) == (1, 5)
    assert quick.tested_bytes == deep.tested_bytes


def test_everything_is_written_before_anything_is_read() -> None:
    device = FakeDevice()
    memory_walk.probe(device, ProbeOptions(seed=3, quick=True))
    names = [kernel.function for kernel, _ in device.launches[SELF_TEST_LAUNCHES:]]
    tier = ["walk_write_spots", "walk_evict", "walk_verify_spots"]
    assert [name for name, _ in groupby(names)] == [*tier, *tier, "walk_write", "walk_verify"]


def test_seed_is_random_unless_given() -> None:
    seeds = {memory_walk.probe(FakeDevice(40 * MIB), ProbeOptions(quick=True)).seed for _ in range(3)}
    assert len(seeds) == 3


def test_progress_rises_to_the_end() -> None:
    told: list[float] = []
    memory_walk.probe(FakeDevice(), ProbeOptions(seed=3, progress=lambda fraction, _: told.append(fraction)))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_chunks_shrink_where_large_ones_are_refused() -> None:
    device = FakeDevice(refuses=lambda size: size > 4 * MIB)
    result = memory_walk.probe(device, OPTIONS)
    assert result.tested_bytes == 30 * MIB
    assert not device.held


def test_a_refused_last_chunk_is_no_failure() -> None:
    device = FakeDevice()
    device.refuses = lambda _: len(device.held) > 4
    assert 0 < memory_walk.probe(device, OPTIONS).tested_bytes < 30 * MIB


def test_greedy_sizes() -> None:
    device, held = FakeDevice(2 * GIB + 300 * MIB), []  # type: ignore[var-annotated]
    take_most(device, GIB + 256 * MIB + 37 * MIB, held)
    assert [buffer.size_bytes // MIB for buffer in held] == [1024, 256, 32, 2, 2]
    assert min(CHUNK_SIZES) == 2 * MIB


def test_windows_keeps_away_from_the_limit() -> None:
    device = FakeDevice(GIB + 64 * MIB)
    result = memory_walk.probe(device, ProbeOptions(seed=3, quick=True, lends_memory=True))
    assert result.tested_bytes <= 64 * MIB < GIB + 64 * MIB - MARGIN_BYTES


def test_a_full_card_says_so() -> None:
    device = FakeDevice(MARGIN_BYTES + MIB)
    with pytest.raises(OutOfDeviceMemory, match="too little memory is left to walk"):
        memory_walk.probe(device, OPTIONS)
    assert not device.held


def test_a_walk_that_a_cache_could_answer_proves_nothing() -> None:
    device = FakeDevice(attributes=replace(ATTRIBUTES, l2_cache_bytes=8 * MIB))
    with pytest.raises(OutOfDeviceMemory, match="beyond the cache"):
        memory_walk.probe(device, OPTIONS)
    assert not device.held


@pytest.mark.parametrize("last", [0, 1, 4, 10, 20, 30])
def test_a_lost_device_leaves_nothing_allocated(last: int) -> None:
    device = FakeDevice(dies_at=last)
    with pytest.raises(DeviceLost):
        memory_walk.probe(device, OPTIONS)
    assert not device.held


def test_an_interrupt_leaves_nothing_allocated() -> None:
    def stop(fraction: float, _: str) -> None:
        if fraction > 0.4:
            raise KeyboardInterrupt

    device = FakeDevice()
    with pytest.raises(KeyboardInterrupt):
        memory_walk.probe(device, ProbeOptions(seed=3, progress=stop))
    assert not device.held


def test_a_blind_kernel_is_caught() -> None:
    with pytest.raises(DeviceError, match=r"self-test failed: \d of 7 planted errors were not found"):
        memory_walk.probe(FakeDevice(blind=True), OPTIONS)


def test_a_kernel_that_cries_wolf_is_caught() -> None:
    with pytest.raises(DeviceError, match="self-test failed"):
        memory_walk.probe(FakeDevice(paranoid=True), OPTIONS)


def test_a_log_in_dead_memory_is_refused() -> None:
    class Dead(FakeDevice):
        def download(self, buffer, dtype, count):  # type: ignore[no-untyped-def]
            return super().download(buffer, dtype, count) * 0

    with pytest.raises(DeviceError, match="does not hold data"):
        memory_walk.probe(Dead(), OPTIONS)


def test_slow_in_one_pass_is_chance_slow_in_all_is_the_memory() -> None:
    def slow_launches(numbers: set[int]) -> FakeDevice:
        device = FakeDevice()
        device.slow = lambda kernel, n: 8.0 if kernel == Kernel("memory_walk", "walk_verify") and n in numbers else 1.0
        return device

    launches = [kernel.function for kernel, _ in _launches()]
    windows = [n for n, name in enumerate(launches) if name == "walk_verify" and n >= SELF_TEST_LAUNCHES]
    per_pass = len(windows) // 3
    once = memory_walk.probe(slow_launches({windows[1] + 1}), OPTIONS)
    always = memory_walk.probe(slow_launches({windows[1 + n * per_pass] + 1 for n in range(3)}), OPTIONS)
    assert once.slow_regions == ()
    (region,) = always.slow_regions
    assert region.first_byte == 2 * MIB
    assert region.ratio == pytest.approx(1 / 8)


def _launches() -> list[tuple[Kernel, object]]:
    device = FakeDevice()
    memory_walk.probe(device, OPTIONS)
    return list(device.launches)


def regions_of(size: NDArray[np.int64], seconds: NDArray[np.float64]) -> tuple[SlowRegion, ...]:
    timed = walk_rates.Timed(np.cumsum(size) - size, size, seconds)
    return walk_rates.slow_regions(walk_rates.rated(timed, walk_rates.reference(timed)))


def test_neighbouring_slow_windows_are_one_region_and_the_fast_ones_are_the_measure() -> None:
    size = np.full(10, 256 * MIB, np.int64)
    seconds = np.where(np.arange(10) < 6, 20e-3, 1e-3)
    regions = regions_of(size, seconds)
    assert [(r.first_byte, r.length_bytes, r.ratio) for r in regions] == [(0, 6 * 256 * MIB, 0.05)]


@pytest.mark.parametrize("fast", [2, 3, 9])
def test_a_few_windows_at_the_cards_own_speed_are_the_measure_of_all_others(fast: int) -> None:
    size = np.full(96, 256 * MIB, np.int64)
    seconds = np.where(np.arange(96) < fast, 1e-3, 30e-3)
    (region,) = regions_of(size, seconds)
    assert (region.first_byte, region.length_bytes) == (fast * 256 * MIB, (96 - fast) * 256 * MIB)


def test_windows_of_different_rates_are_different_regions() -> None:
    size = np.full(12, 256 * MIB, np.int64)
    seconds = np.array([1.0] * 6 + [3.0] + [5.0, 4.95] + [20.0, 20.1, 20.0]) * 1e-3
    regions = regions_of(size, seconds)
    assert [(r.first_byte / size[0], r.length_bytes / size[0]) for r in regions] == [
        (pytest.approx(6.5, abs=0.01), pytest.approx(2.5, abs=0.01)),
        (9.0, 3.0),
    ]
    assert [r.ratio for r in regions] == [pytest.approx(1 / 5, rel=0.03), pytest.approx(0.05, rel=0.01)]


def test_one_window_too_fast_to_be_true_is_no_measure() -> None:
    size = np.full(96, 256 * MIB, np.int64)
    seconds = np.where(np.arange(96) == 7, 0.0, 1e-3)
    assert regions_of(size, seconds) == ()


def test_a_short_window_is_not_slow_for_its_launch() -> None:
    size = np.array([256, 256, 256, 2], np.int64) * MIB
    seconds = np.array([100e-6, 100e-6, 100e-6, 12e-6])
    assert regions_of(size, seconds) == ()


@pytest.mark.parametrize("share", [0.03, 0.3, 0.6])
def test_a_short_window_behind_slow_ones_is_as_slow_and_no_slower(share: float) -> None:
    """Of memory at 4 TB/s, what a launch takes to start is several times what 10 MiB take."""
    normal = 4e12
    size = np.full(40, 256 * MIB, np.int64)
    size[-1] = 10 * MIB
    seconds = size / normal / np.where(np.arange(40) < 30, 1.0, share)
    seconds[-1] += 5e-6
    (found,) = regions_of(size, seconds)
    assert found.ratio == pytest.approx(share, rel=0.01)
    assert (found.first_byte, found.length_bytes) == (30 * 256 * MIB, 9 * 256 * MIB + 10 * MIB)


def process(pid: int, size: int | None) -> DeviceProcess:
    return DeviceProcess(pid=pid, memory_bytes=size)


def holder(*processes: DeviceProcess) -> str:
    telemetry = Telemetry(processes=processes)
    return memory_walk.probe(FakeDevice(), replace(OPTIONS, telemetry=lambda: telemetry)).untested_holder


def test_who_holds_the_rest_is_named_but_for_ourselves() -> None:
    told = holder(process(4711, 3 * GIB), process(os.getpid(), 9 * GIB), process(5, None))
    assert "process 4711 (3.00 GiB), process 5 (an amount that the driver does not tell)" in told
    assert str(os.getpid()) not in told
    assert "no other process is on the card" in holder(process(os.getpid(), 9 * GIB))
    many = holder(*(process(pid, pid * MIB) for pid in range(90_000_001, 90_000_009)))
    assert "process 90000008" in many.split(",")[0]
    assert "and 4 more" in many


def test_processes_are_asked_for_before_the_walk_holds_the_memory() -> None:
    device = FakeDevice()
    free: list[int] = []

    def telemetry() -> Telemetry:
        free.append(device.memory_info().free_bytes)
        return Telemetry()

    memory_walk.probe(device, replace(OPTIONS, telemetry=telemetry))
    assert free == [64 * MIB]


def test_an_unknown_cache_is_taken_for_a_large_one() -> None:
    unknown = replace(ATTRIBUTES, l2_cache_bytes=None)
    assert memory_walk.probe(FakeDevice(attributes=unknown), OPTIONS).tested_bytes == 30 * MIB
    with pytest.raises(OutOfDeviceMemory, match="beyond the cache: 2 MiB could be had"):
        memory_walk.probe(FakeDevice(36 * MIB, attributes=unknown), OPTIONS)


def test_memory_that_becomes_free_later_never_outgrows_the_log() -> None:
    device = FakeDevice(200 * MIB)
    device.size_bytes = 64 * MIB
    growing = device.upload

    def upload(buffer: Buffer, data: NDArray[Any]) -> None:
        device.size_bytes = 200 * MIB
        growing(buffer, data)

    device.upload = upload  # type: ignore[method-assign]
    assert memory_walk.probe(device, OPTIONS).tested_bytes <= 64 * MIB


def test_early_tiers_evict_four_caches_between_writing_and_reading() -> None:
    device = FakeDevice(attributes=replace(ATTRIBUTES, l2_cache_bytes=5 * MIB))
    memory_walk.probe(device, OPTIONS)
    launches = device.launches[SELF_TEST_LAUNCHES:]
    evicted = [a[1].value * 16 for kernel, a in launches if kernel.function == "walk_evict" and isinstance(a[1], U64)]
    assert sum(evicted) == 2 * 20 * MIB


def test_the_soak_writes_other_values_and_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(memory_walk, "PAUSE_SECONDS", 0.25)
    monkeypatch.setattr("time.sleep", slept.append)
    device = FakeDevice()
    found = memory_walk.probe(device, ProbeOptions(seed=3, deep=True))
    assert [seconds for seconds in slept if seconds] == [0.25, 0.25]
    assert [(tier.tier, tier.passes) for tier in found.tiers[2:]] == [("full", 3), ("soak", 2)]
    writes = [a for kernel, a in device.launches[SELF_TEST_LAUNCHES:] if kernel.function == "walk_write"]
    seeds = list(dict.fromkeys(a[3].value for a in writes if isinstance(a[3], U64)))
    assert len(seeds) == 2
    assert seeds[0] == 3


def test_a_kernel_that_evicts_nothing_is_caught() -> None:
    with pytest.raises(DeviceError, match="out of the caches did not read"):
        memory_walk.probe(FakeDevice(reads=False), OPTIONS)


def test_what_only_an_early_tier_saw_is_not_proven() -> None:
    device = FakeDevice()

    def spoil(kernel: Kernel, number: int) -> float:
        if number == SELF_TEST_LAUNCHES + WRITES_AND_ONE_EVICTION:
            big = [held for held in device.held.values() if held.nbytes == 2 * MIB]
            for held in big[:1]:
                held[np.flatnonzero(held)] ^= np.uint8(0xFF)
        return 1.0

    device.slow = spoil
    found = memory_walk.probe(device, OPTIONS)
    assert found.tiers[0].wrong_bytes == 64
    (fault,) = found.faults
    assert (fault.kind, fault.wrong_bytes) == ("corruption", 64)
    assert "page marks once, and right in every full pass" in fault.detail
    assert found.distinct_bytes == found.tested_bytes - 64


WRITES_AND_ONE_EVICTION = 15
