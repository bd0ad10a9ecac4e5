"""The load: what it tells of cards that bear it and of those that do not."""

import time
from typing import Any

import numpy as np
import pytest

from gpucheck.device.protocol import DeviceLost, OutOfDeviceMemory
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.measured import LoadTest
from gpucheck.model.units import MIB
from gpucheck.pipeline import Plan
from gpucheck.probes import load
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import Scenario, SimulatedCard, card
from tests.cards import catalog, evidence_from
from tests.probes.fakes import FakeDevice


def loaded(silicon: dict[str, Any], **sections: Any) -> LoadTest:
    document = {"title": "mine", "silicon": {"profile": "geforce-rtx-4090", **silicon}, **sections}
    profile = catalog().by_id("geforce-rtx-4090")
    one = SimulatedCard(Scenario.model_validate(document), "mine", profile, profile)
    found = load.probe(one.open_device(), ProbeOptions(telemetry=one.telemetry))
    assert isinstance(found, LoadTest)
    return found


def test_a_sound_card_keeps_its_rate_and_makes_no_mistake() -> None:
    found = loaded({})
    assert (found.wrong_results, found.wrong_reads) == (0, 0)
    assert found.results > 1e9
    assert found.duration_seconds == pytest.approx(3, abs=0.3)
    assert found.last_rate_per_second == pytest.approx(found.first_rate_per_second, rel=0.05)
    assert len(found.during) >= 8
    degrees = [one.temperature_celsius or 0 for one in found.during]
    assert degrees == sorted(degrees)
    assert degrees[-1] > degrees[0]


def test_the_seconds_are_the_devices() -> None:
    one = card("rtx-4090")
    started = time.monotonic()
    found = load.probe(one.open_device(), ProbeOptions(deep=True, telemetry=one.telemetry))
    assert isinstance(found, LoadTest)
    assert found.duration_seconds == pytest.approx(20, abs=0.5)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("reason", ["thermal", "power", "hardware"])
def test_what_holds_a_card_back_is_told_with_the_rate_that_is_left(reason: str) -> None:
    found = loaded({"throttles": reason, "throttled_rate": 0.6})
    assert found.last_rate_per_second == pytest.approx(0.6 * found.first_rate_per_second, rel=0.05)
    assert found.during[0].throttle_reasons == ()
    assert found.during[-1].throttle_reasons == (reason,)
    assert (found.during[-1].sm_clock_mhz or 0) < (found.during[0].sm_clock_mhz or 0)


def test_wrong_sums_are_counted() -> None:
    assert 10 < loaded({"load_errors": 10.0}).wrong_results < 60


def test_memory_that_forgets_is_read_wrongly() -> None:
    stuck = {"kind": "stuck", "addresses": [1 << 20], "bit": 17, "value": 1}
    dead = {"kind": "dead_channel", "channel": 5, "channels": 12, "granule_bytes": 256}
    assert loaded({"memory_fault": [dead]}).wrong_reads > 1000
    assert loaded({"memory_fault": [stuck]}).wrong_results == 0


def test_a_quick_scan_leaves_it_out_and_says_so() -> None:
    found = evidence_from({"title": "mine", "silicon": {"profile": "geforce-rtx-4090"}}, Plan(quick=True)).load
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.NOT_REQUESTED
    assert "quick" in found.detail


def test_without_sensors_the_results_still_count() -> None:
    found = loaded({"load_errors": 10.0}, environment={"missing": ["nvml"]})
    assert isinstance(found.before, Unavailable)
    assert isinstance(found.after, Unavailable)
    assert found.during == ()
    assert found.wrong_results > 0


def test_a_card_without_memory_or_life_leaves_nothing_allocated() -> None:
    for device, error in ((FakeDevice(16 * MIB), OutOfDeviceMemory), (FakeDevice(dies_at=0), DeviceLost)):
        with pytest.raises(error):
            load.probe(device, ProbeOptions())
        assert not device.held


@pytest.mark.parametrize(("after", "looks"), [(1.5, 4), (0.01, 0)])
def test_a_card_that_dies_under_load_is_told_as_that(after: float, looks: int) -> None:
    found = loaded({"dies_after_seconds": after})
    assert "lost while running load_run" in found.lost
    assert found.duration_seconds == pytest.approx(after, abs=0.3)
    assert len(found.during) >= looks
    assert (found.wrong_results, found.wrong_reads) == (0, 0)


def test_so_many_wrong_reads_run_the_counter_over_as_on_a_card() -> None:
    """Hardly any memory is there, and 20 s of load read what is not more than 2 ** 32 times."""
    limbo = {"kind": "limbo", "real_bytes": 64 * MIB}
    silicon = {"profile": "geforce-rtx-4090", "memory_fault": [limbo]}
    profile = catalog().by_id("geforce-rtx-4090")
    one = SimulatedCard(Scenario.model_validate({"title": "little", "silicon": silicon}), "mine", profile, profile)
    with np.errstate(over="raise"):
        found = load.probe(one.open_device(), ProbeOptions(deep=True))
    assert isinstance(found, LoadTest)
    assert 0 < found.wrong_reads < 1 << 32


def test_a_card_lost_in_mid_load_leaves_nothing_allocated() -> None:
    device = FakeDevice(dies_at=4)
    found = load.probe(device, ProbeOptions())
    assert isinstance(found, LoadTest)
    assert found.lost == "gone"
    assert not device.held


def test_a_small_card_is_loaded_with_what_it_has() -> None:
    device = FakeDevice(64 * MIB)
    device.slow = lambda kernel, _: 1000.0
    device.wrong_results = 1
    found = load.probe(device, ProbeOptions())
    assert isinstance(found, LoadTest)
    assert found.wrong_results == len(device.launches) - 1
    assert not device.held


def test_a_device_whose_clock_stands_still_ends_all_the_same() -> None:
    device = FakeDevice()
    device.slow = lambda kernel, _: 0.0
    found = load.probe(device, ProbeOptions())
    assert isinstance(found, LoadTest)
    assert found.duration_seconds == 0
