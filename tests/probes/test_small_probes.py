"""Attributes, census and bandwidth."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gpucheck.device.protocol import Buffer, Device, DeviceError, DeviceLost, OutOfDeviceMemory
from gpucheck.model.evidence import MEASURED_SECTIONS
from gpucheck.model.units import GIB, MIB
from gpucheck.probes import bandwidth, census, cuda, latency, memory_walk, slab_map
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.registry import PROBES
from tests.probes.fakes import ATTRIBUTES, FakeDevice
from tests.simulation.reference_walk import device

OPTIONS = ProbeOptions()


def test_probes_and_their_order() -> None:
    assert list(PROBES) == ["cuda", *MEASURED_SECTIONS]


def test_attributes_are_copied() -> None:
    facts = cuda.probe(FakeDevice(), OPTIONS)
    assert (facts.name, facts.sm_count, facts.free_memory_bytes) == ("Fake", 4, 64 * MIB)


def test_census_counts_ids_that_answered() -> None:
    device = FakeDevice(sm_ids=(0, 2, 5, 7, 8))
    found = census.probe(device, OPTIONS)
    assert (found.sm_count, found.machine_code) == (5, "8.9")
    assert found.blocks >= 3 * 1024
    assert not device.held


def test_census_refuses_wrong_arithmetic() -> None:
    with pytest.raises(DeviceError, match="computed a wrong result"):
        census.probe(FakeDevice(miscounts=1), OPTIONS)


@pytest.mark.parametrize("probe", [slab_map.probe, memory_walk.probe, latency.probe])
def test_a_card_that_takes_the_hosts_memory_leaves_half_of_it(
    monkeypatch: pytest.MonkeyPatch, probe: Callable[[Device, ProbeOptions], object]
) -> None:
    """All of it would leave the host none: a GB10 then stands still until its power is cut."""
    card, free = device(8 * GIB), [8 * GIB]
    monkeypatch.setattr(card, "attributes", replace(card.attributes, integrated=True))
    allocate = card.allocate

    def watched(size_bytes: int) -> Buffer:
        buffer = allocate(size_bytes)
        free.append(card.memory_info().free_bytes)
        return buffer

    monkeypatch.setattr(card, "allocate", watched)
    probe(card, ProbeOptions(quick=True))
    assert 3.9 * GIB < min(free) < 4.1 * GIB


def test_bandwidth_of_a_roomy_card() -> None:
    device = FakeDevice(3 * GIB)
    found = bandwidth.probe(device, OPTIONS)
    assert found.buffer_bytes == GIB
    assert found.read_bytes_per_second == pytest.approx(1e12)
    assert found.write_bytes_per_second == pytest.approx(1e12)
    assert found.copy_bytes_per_second == pytest.approx(2e12)
    assert found.triad_bytes_per_second == pytest.approx(3e12)
    assert found.sectors_bytes_per_second == pytest.approx(0.5e12), "useful bytes are half of what the buffer holds"
    assert found.read_spread == found.sectors_spread == pytest.approx(0.0)
    assert "copy counts 2N, triad 3N" in found.convention
    assert "sectors the useful bytes" in found.convention
    assert found.samples == 9
    assert not device.held


def test_streams_wait_until_an_idle_cards_clocks_have_risen() -> None:
    device = FakeDevice(3 * GIB)
    checks = 5
    device.slow = lambda _kernel, launch: 4.0 if launch <= checks + 20 else 1.0
    found = bandwidth.probe(device, OPTIONS)
    assert found.read_bytes_per_second == pytest.approx(1e12)
    assert found.sectors_bytes_per_second == pytest.approx(0.5e12)


def test_simulated_streams_reach_what_real_ones_do() -> None:
    card = device(8 * GIB)
    found, peak = bandwidth.probe(card, OPTIONS), 256 / 8 * 16e9
    shares = [found.read_bytes_per_second, found.write_bytes_per_second, found.copy_bytes_per_second]
    shares.append(found.triad_bytes_per_second)
    assert [rate / peak for rate in shares if rate] == pytest.approx([0.92, 0.95, 0.90, 0.89], rel=0.01)


@pytest.mark.parametrize(("memory_type", "share"), [("GDDR5", 0.9), ("GDDR5X", 0.5), ("GDDR6", 0.9), ("HBM3", 0.9)])
def test_sectors_apart_cost_what_the_simulated_memory_brings_along(memory_type: str, share: float) -> None:
    found = bandwidth.probe(device(8 * GIB, memory_type=memory_type), OPTIONS)
    assert found.sectors_bytes_per_second == pytest.approx(share * found.read_bytes_per_second, rel=0.01)
    again = bandwidth.probe(device(8 * GIB, memory_type=memory_type, noise=0.05), OPTIONS)
    assert again.sectors_bytes_per_second == pytest.approx(share * again.read_bytes_per_second, rel=0.1)
    assert again.sectors_spread


@pytest.mark.parametrize(("free", "buffer"), [(300, 128), (40, 16), (19, 8)])
def test_bandwidth_shrinks_where_memory_is_scarce(free: int, buffer: int) -> None:
    assert bandwidth.probe(FakeDevice(free * MIB), OPTIONS).buffer_bytes == buffer * MIB


def test_bandwidth_never_shrinks_into_the_cache() -> None:
    device = FakeDevice(64 * MIB, attributes=replace(ATTRIBUTES, l2_cache_bytes=72 * MIB))
    with pytest.raises(OutOfDeviceMemory, match="needs two buffers of 576 MiB"):
        bandwidth.probe(device, OPTIONS)
    assert not device.held


@pytest.mark.parametrize(
    ("kernel", "says"),
    [
        ("stream_read", "what was read is not what lay there"),
        ("stream_sectors", "the sectors that were read are not those asked for"),
        ("stream_write", "what was written did not arrive"),
        ("stream_copy", "copy did not arrive"),
        ("stream_triad", "did not add"),
    ],
)
def test_bandwidth_of_a_kernel_that_does_nothing_is_no_rate(kernel: str, says: str) -> None:
    device = FakeDevice(idle=[kernel])
    with pytest.raises(DeviceError, match=says):
        bandwidth.probe(device, OPTIONS)
    assert not device.held


def test_a_lost_device_leaves_nothing_allocated() -> None:
    device = FakeDevice(dies_at=5)
    with pytest.raises(DeviceLost):
        bandwidth.probe(device, OPTIONS)
    assert not device.held


def test_warming_up_ends_when_clocks_are_steady() -> None:
    device = FakeDevice()
    device.slow = lambda kernel, n: 4.0 / min(n, 12) if kernel.function == "stream_read" else 1.0
    assert bandwidth.probe(device, OPTIONS).read_spread == pytest.approx(0.0)
