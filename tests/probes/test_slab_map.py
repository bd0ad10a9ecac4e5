"""The map of rates: on simulated cards of full size with regions that are slow, paged or uneven, and where it fails."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpucheck.device.protocol import Device, DeviceError, DeviceLost, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import SlabMap
from gpucheck.model.units import GIB, MIB
from gpucheck.probes import slab_map
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import card
from gpucheck.simulation.faults import Fault, Paged, SlowRegion
from tests.probes.fakes import FakeDevice
from tests.simulation.reference_walk import device


def measure(one: Device, options: ProbeOptions | None = None) -> SlabMap:
    free = one.memory_info().free_bytes
    try:
        return slab_map.probe(one, options or ProbeOptions())
    finally:
        assert one.memory_info().free_bytes == free


@pytest.mark.parametrize(
    ("name", "window_mib"), [("rtx-4090", 256), ("gtx-1060-6gb", 256), ("h100-80gb", 512), ("h200", 512)]
)
def test_a_sound_card_is_even_and_mapped_to_its_end(name: str, window_mib: int) -> None:
    one = card(name).open_device()
    found = measure(one)
    assert found.slow_regions == ()
    assert found.window_bytes == window_mib * MIB
    assert found.tested_bytes == sum(found.window_lengths_bytes) >= one.memory_info().free_bytes - 64 * MIB
    assert len(found.bytes_per_second) == len(found.window_lengths_bytes)
    assert found.spread < 0.01
    peak = card(name).soldered.bandwidth
    assert 0.85 * peak < found.median_bytes_per_second < peak


@pytest.mark.parametrize(
    ("options", "rounds"), [(ProbeOptions(), 5), (ProbeOptions(quick=True), 3), (ProbeOptions(deep=True), 9)]
)
def test_windows_take_turns(options: ProbeOptions, rounds: int) -> None:
    one, read = device(4 * GIB), []
    launch = one.launch

    def watched(kernel: Kernel, **given: Any) -> float:
        if kernel.function == "stream_read":
            read.append(given["arguments"][0].address)
        return launch(kernel, **given)

    one.launch = watched  # type: ignore[method-assign]
    found = measure(one, options)
    order = read[1:]  # the first is the known answer
    count = len(order) // rounds
    assert found.rounds == rounds
    assert len(set(order[:count])) == count == len(found.bytes_per_second)
    assert order == order[:count] * rounds


def test_all_memory_is_written_before_any_of_it_is_read() -> None:
    one, seen = device(4 * GIB), []
    launch = one.launch

    def watched(kernel: Kernel, **given: Any) -> float:
        buffer = given["arguments"][0]
        if buffer.size_bytes > MIB:
            seen.append((kernel.function, buffer))
        return launch(kernel, **given)

    one.launch = watched  # type: ignore[method-assign]
    found = measure(one)
    first = [function for function, _ in seen].index("stream_read")
    assert sum(buffer.size_bytes for function, buffer in seen[:first]) >= found.tested_bytes
    assert {function for function, _ in seen[:first]} == {"stream_write"}
    assert {function for function, _ in seen[first:]} == {"stream_read"}


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    ("fault", "start", "length", "ratio"),
    [
        (SlowRegion(kind="slow_region", start_bytes=8 * GIB, length_bytes=2 * GIB, factor=0.5), 8, 2, 0.5),
        (SlowRegion(kind="slow_region", start_bytes=14 * GIB, length_bytes=2 * GIB, factor=0.75), 14, 1.7, 0.75),
        (Paged(kind="paged", real_bytes=12 * GIB, factor=0.03), 12, 3.7, 0.03),
        (Paged(kind="paged", real_bytes=3 * GIB, factor=0.05), 3, 12.7, 0.05),
    ],
)
def test_slow_memory_is_found_where_it_is(fault: Fault, start: float, length: float, ratio: float, quick: bool) -> None:
    (region,) = measure(device(16 * GIB, fault, noise=0.02), ProbeOptions(quick=quick)).slow_regions
    assert region.first_byte == pytest.approx(start * GIB, abs=256 * MIB)
    assert region.length_bytes == pytest.approx(length * GIB, abs=512 * MIB)
    assert region.ratio == pytest.approx(ratio, rel=0.1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(gib=st.integers(4, 180), at=st.floats(0, 0.6), share=st.floats(0.25, 0.38), factor=st.floats(0.02, 0.75))
def test_a_slow_region_is_found_on_cards_of_any_size(gib: int, at: float, share: float, factor: float) -> None:
    start, length = (int(part * gib * GIB) // 4096 * 4096 for part in (at, share))
    fault = SlowRegion(kind="slow_region", start_bytes=start, length_bytes=length, factor=factor)
    found = measure(device(gib * GIB, fault, noise=0.01), ProbeOptions(quick=True))
    region = max(found.slow_regions, key=lambda r: r.length_bytes)
    assert region.first_byte == pytest.approx(start, abs=found.window_bytes)
    assert region.ratio == pytest.approx(factor, rel=0.15)
    assert sum(r.length_bytes for r in found.slow_regions) == pytest.approx(length, abs=2 * found.window_bytes)


def test_one_slow_reading_is_chance() -> None:
    one, launches = device(4 * GIB), []
    launch = one.launch

    def disturbed(kernel: Kernel, **given: Any) -> float:
        launches.append(kernel)
        return launch(kernel, **given) * (3 if len(launches) % 9 == 0 else 1)

    one.launch = disturbed  # type: ignore[method-assign]
    assert measure(one).slow_regions == ()


def test_windows_keeps_a_margin() -> None:
    free = device(8 * GIB).memory_info().free_bytes
    found = measure(device(8 * GIB), ProbeOptions(lends_memory=True))
    assert free - found.tested_bytes >= GIB


def test_a_full_card_is_refused_and_nothing_is_kept() -> None:
    with pytest.raises(OutOfDeviceMemory, match="too little memory"):
        measure(device(4 * GIB, in_use=4 * GIB - 60 * MIB))


def test_a_kernel_that_does_nothing_has_no_rate() -> None:
    one = FakeDevice(idle=["stream_read"])
    with pytest.raises(DeviceError, match="not what lay there"):
        slab_map.probe(one, ProbeOptions())
    assert not one.held


@pytest.mark.parametrize("dies_at", [1, 4, 6, 9])
def test_a_lost_device_leaves_nothing_allocated(dies_at: int) -> None:
    one = FakeDevice(dies_at=dies_at)
    with pytest.raises(DeviceLost):
        slab_map.probe(one, ProbeOptions())
    assert not one.held


def test_memory_that_is_slow_now_and_then_is_shared_and_not_slow() -> None:
    """As on a card whose other user's kernels take turns with ours: no window is slow every time."""
    card = device(16 * GIB)
    turns = random.Random(4)
    launch = card.launch

    def shared(kernel: Kernel, **given: Any) -> float:
        return launch(kernel, **given) * (1 + turns.gammavariate(2.0, 0.5))

    card.launch = shared  # type: ignore[method-assign]
    found = measure(card, ProbeOptions())
    assert found.unsteadiness is not None
    assert found.unsteadiness > 0.5
    assert not any(region.ratio < 0.5 for region in found.slow_regions)


def test_steady_memory_is_told_as_steady() -> None:
    found = measure(device(16 * GIB, noise=0.02), ProbeOptions())
    assert found.unsteadiness is not None
    assert found.unsteadiness < 0.15
