"""Transfers over the host's bus."""

from itertools import chain, repeat

import pytest

from gpucheck.device.protocol import OutOfDeviceMemory
from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.measured import Telemetry
from gpucheck.model.units import MIB
from gpucheck.probes import host_link
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import card
from tests.cards import evidence_from
from tests.probes.fakes import FakeDevice

DENIED = Unavailable(unavailable=Reason.NO_PERMISSION, detail="error 4")


def told(*readings: Collected[Telemetry]) -> ProbeOptions:
    """Options whose sensors answer so, one after the other, and for ever with the last."""
    answers = chain(readings, repeat(readings[-1]))
    return ProbeOptions(telemetry=lambda: next(answers))


@pytest.mark.parametrize(("scenario", "rate"), [("rtx-4090", 25.2e9), ("gtx-1060-6gb", 12.6e9), ("h200", 50.4e9)])
def test_rates_are_those_of_the_silicons_link(scenario: str, rate: float) -> None:
    one = card(scenario)
    found = host_link.probe(one.open_device(), ProbeOptions(telemetry=one.telemetry))
    assert found.host_to_device_bytes_per_second == pytest.approx(rate, rel=0.02)
    assert found.device_to_host_bytes_per_second == pytest.approx(rate, rel=0.02)
    assert (found.generation_under_load, found.lanes_under_load) == (
        one.declared.nvml.pcie_generation_current,
        one.declared.nvml.pcie_lanes_current,
    )
    assert (found.replays_before, found.replays_after, found.missing) == (0, 0, {})


def test_a_sleeping_link_is_read_when_it_has_woken() -> None:
    asleep, awake = Telemetry(pcie_generation=1, pcie_lanes=16), Telemetry(pcie_generation=4, pcie_lanes=16)
    found = host_link.probe(FakeDevice(), told(asleep, asleep, awake, asleep))
    assert (found.generation_under_load, found.lanes_under_load) == (4, 16)


@pytest.mark.parametrize(("rate", "size"), [(0.2e9, 16), (3e9, 32), (12e9, 128), (25e9, 256), (57e9, 256)])
def test_a_transfer_is_as_long_as_the_link_has_patience_for(rate: float, size: int) -> None:
    device = FakeDevice(600 * MIB)
    device.link = rate
    found = host_link.probe(device, ProbeOptions())
    assert found.buffer_bytes == size * MIB
    assert found.host_to_device_bytes_per_second == pytest.approx(rate)
    assert sum(bytes_ * repeats for bytes_, _, repeats in device.copied) / rate < 2.5
    assert not device.held


@pytest.mark.parametrize(("pins", "size"), [(64, 64), (100, 64), (16, 16)])
def test_a_host_that_pins_little_is_measured_with_little(pins: int, size: int) -> None:
    device = FakeDevice(600 * MIB)
    device.pins = pins * MIB
    assert host_link.probe(device, ProbeOptions()).buffer_bytes == size * MIB


def test_neither_card_nor_host_memory_is_an_absence() -> None:
    for device in (FakeDevice(8 * MIB), FakeDevice(600 * MIB)):
        device.pins = MIB
        with pytest.raises(OutOfDeviceMemory):
            host_link.probe(device, ProbeOptions())
        assert not device.held


def test_what_the_driver_does_not_tell_keeps_its_reason() -> None:
    found = host_link.probe(FakeDevice(), told(DENIED))
    assert set(found.missing) == {"generation_under_load", "lanes_under_load", "replays_after"}
    assert found.missing["replays_after"] == DENIED
    lacking = Telemetry(pcie_generation=3, pcie_lanes=8, missing={"pcie_replays": DENIED})
    assert host_link.probe(FakeDevice(), told(lacking)).missing == {"replays_after": DENIED}
    assert host_link.probe(FakeDevice(), told(DENIED, lacking)).missing == {"replays_after": DENIED}


def test_a_bad_contact_shows_in_the_counter() -> None:
    document = {
        "title": "bad riser",
        "silicon": {"profile": "geforce-rtx-3090"},
        "declared": {"pcie_replay_count": 7},
        "environment": {"link_replays_per_gib": 20.0},
    }
    link = evidence_from(document).host_link
    assert not isinstance(link, Unavailable)
    assert link.replays_before == 7
    assert (link.replays_after or 0) > 40
