"""The census: clock, warps and shared memory of a multiprocessor, on cards that do as told."""

from typing import Any

import numpy as np
import pytest

from gpucheck.device.protocol import Buffer, DeviceLost
from gpucheck.model.units import KIB
from gpucheck.probes import census
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import card
from tests.probes.fakes import FakeDevice

OPTIONS = ProbeOptions()


@pytest.mark.parametrize(
    ("scenario", "warps", "kib", "mhz"),
    [
        ("h100-80gb", 64, 227, 1755),
        ("a100-80gb", 64, 163, 1410),
        ("rtx-2080-ti", 32, 64, 1800),
        ("rtx-3090", 48, 99, 1800),
        ("rtx-4090", 48, 99, 2500),
        ("rtx-5090", 48, 99, 2500),
        ("gtx-1060-6gb", 64, 48, 1750),
        ("rtx-3090-as-rtx-4090", 48, 99, 1800),
        ("gtx-1060-as-rtx-3060", 64, 48, 1750),
        ("h100-mig", 64, 227, 1755),
    ],
)
def test_the_silicon_shows_its_limits_whatever_is_declared(scenario: str, warps: int, kib: int, mhz: int) -> None:
    device = card(scenario).open_device()
    found = census.probe(device, ProbeOptions(quick=True))
    assert (found.resident_warps_per_sm, found.shared_memory_block_bytes) == (warps, kib * KIB)
    assert found.sm_clock_mhz == pytest.approx(mhz, rel=0.01)


def test_the_clock_is_the_median_multiprocessors() -> None:
    class Uneven(FakeDevice):
        def _census(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
            super()._census(buffers, numbers, blocks)
            records = self._bytes(buffers[3]).view(np.uint64)[: 3 * blocks].reshape(-1, 3)
            records[records[:, 0] == 3, 1] *= np.uint64(5)

    assert census.probe(Uneven(), OPTIONS).sm_clock_mhz == pytest.approx(2500, rel=1e-3)


@pytest.mark.parametrize("mhz", [0.0, 1e6])
def test_counters_that_make_no_sense_are_no_clock(mhz: float) -> None:
    device = FakeDevice()
    device.clock_mhz = mhz
    assert census.probe(device, OPTIONS).sm_clock_mhz is None


def test_one_odd_multiprocessor_raises_no_limit() -> None:
    class Odd(FakeDevice):
        def _residency(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
            super()._residency(buffers, numbers, blocks)
            self._bytes(buffers[1]).view(np.uint32)[2] = 64

    assert census.probe(Odd(), OPTIONS).resident_warps_per_sm == 48


@pytest.mark.parametrize(
    ("room", "found"),
    [(227, 227), (163, 163), (99, 99), (64, 64), (48, 48), (110, 110), (300, 300), (72, 72), (47, None), (0, None)],
)
def test_the_room_is_found_whether_known_or_not(room: int, found: int | None) -> None:
    device = FakeDevice()
    device.room_bytes = room * KIB
    got = census.probe(device, OPTIONS).shared_memory_block_bytes
    assert got == (None if found is None else found * KIB)
    assert not device.held


def test_room_that_keeps_nothing_is_no_room() -> None:
    class Forgetful(FakeDevice):
        def _shared_room(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
            if self.shared_bytes <= 64 * KIB:
                super()._shared_room(buffers, numbers, blocks)

    assert census.probe(Forgetful(), OPTIONS).shared_memory_block_bytes == 64 * KIB


def test_a_device_lost_in_the_search_is_lost() -> None:
    class Dying(FakeDevice):
        def _shared_room(self, *_: Any) -> None:
            raise DeviceLost("gone")

    device = Dying()
    with pytest.raises(DeviceLost):
        census.probe(device, OPTIONS)
    assert not device.held
