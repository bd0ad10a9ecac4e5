"""Census limits, transfers, sensors and load on real silicon. Asserts what holds for any sound card."""

import numpy as np
import pytest

from gpucheck.device.cuda import CudaDevice
from gpucheck.device.protocol import U32, DeviceError, DeviceLost
from gpucheck.machine import HostCard
from gpucheck.model.measured import LoadTest, Telemetry
from gpucheck.model.units import KIB
from gpucheck.probes import census, host_link, load
from gpucheck.probes.memory import borrowed
from gpucheck.probes.options import ProbeOptions

pytestmark = pytest.mark.gpu
WARPS = {
    "6": 64,
    "7.0": 64,
    "7.2": 64,
    "7.5": 32,
    "8.0": 64,
    "8.6": 48,
    "8.7": 48,
    "8.9": 48,
    "9": 64,
    "10": 64,
    "12": 48,
}
ROOM_KIB = {"6": 48, "7.0": 96, "7.2": 96, "7.5": 64, "8.0": 163, "8.6": 99, "8.7": 163, "8.9": 99, "9": 227, "10": 227,
            "12": 99}  # fmt: skip


@pytest.fixture
def sensors(cuda_device: CudaDevice) -> ProbeOptions:
    bdf = cuda_device.attributes.bdf
    assert bdf is not None
    return ProbeOptions(telemetry=HostCard(bdf, 0).telemetry)


def known(table: dict[str, int], capability: str) -> int:
    found = table.get(capability) or table.get(capability.split(".", maxsplit=1)[0])
    if found is None:
        pytest.skip(f"no limit of {capability} is on record here")
    return found


@pytest.mark.parametrize("quick", [True, False])
def test_a_multiprocessor_holds_what_its_generation_does(cuda_device: CudaDevice, quick: bool) -> None:
    found = census.probe(cuda_device, ProbeOptions(quick=quick))
    capability = cuda_device.attributes.compute_capability
    assert found.resident_warps_per_sm == known(WARPS, capability)
    assert found.shared_memory_block_bytes == known(ROOM_KIB, capability) * KIB


def test_the_clock_is_one_that_a_card_can_have(cuda_device: CudaDevice) -> None:
    clocks = [census.probe(cuda_device, ProbeOptions(quick=True)).sm_clock_mhz for _ in range(3)]
    assert all(clock is not None and 100 < clock < 4000 for clock in clocks)


def test_a_refused_launch_loses_no_device(cuda_device: CudaDevice) -> None:
    with borrowed(cuda_device, 4) as kept:
        for size in (1 << 20, 500 * KIB):
            with pytest.raises(DeviceError) as caught:
                cuda_device.launch(
                    census.SHARED_ROOM, blocks=1, threads=256, arguments=(kept, U32(1), U32(0)), shared_bytes=size
                )
            assert not isinstance(caught.value, DeviceLost)
        cuda_device.upload(kept, np.zeros(1, np.uint32))
        cuda_device.launch(
            census.SHARED_ROOM, blocks=3, threads=256, arguments=(kept, U32(256), U32(7)), shared_bytes=KIB
        )
        assert cuda_device.download(kept, np.dtype(np.uint32), 1)[0] == 3


def test_sensors_answer(sensors: ProbeOptions) -> None:
    found = sensors.telemetry()
    assert isinstance(found, Telemetry)
    for name in ("temperature_celsius", "sm_clock_mhz", "throttle_reasons", "pcie_generation", "processes"):
        assert getattr(found, name) is not None or name in found.missing


def test_transfers_stay_below_the_link(cuda_device: CudaDevice, sensors: ProbeOptions) -> None:
    free = cuda_device.memory_info().free_bytes
    found = host_link.probe(cuda_device, sensors)
    assert 0.1e9 < found.host_to_device_bytes_per_second < 500e9
    assert 0.1e9 < found.device_to_host_bytes_per_second < 500e9
    assert found.generation_under_load or "generation_under_load" in found.missing
    assert cuda_device.memory_info().free_bytes >= free - (16 << 20)


def test_a_sound_card_bears_the_load(cuda_device: CudaDevice, sensors: ProbeOptions) -> None:
    found = load.probe(cuda_device, sensors)
    assert isinstance(found, LoadTest)
    assert (found.wrong_results, found.wrong_reads) == (0, 0)
    assert found.results > 1_000_000
    assert 2.9 < found.duration_seconds < 4.5
    assert found.during
