"""The real device on a fake CuPy: what it reads, what it asks CUDA for, and what CUDA's errors become."""

import os
import sys

import numpy as np
import pytest

from gpucheck.device import cuda_errors, kernels
from gpucheck.device.cuda import CudaDevice
from gpucheck.device.protocol import (
    U32,
    U64,
    Buffer,
    DeviceError,
    DeviceLost,
    DeviceUnavailable,
    Kernel,
    OutOfDeviceMemory,
)
from gpucheck.model.base import Reason
from tests.device.fake_cupy import CUDARuntimeError, FakeCupy

WRITE = Kernel("memory_walk", "walk_write")


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> FakeCupy:
    fake = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


def test_without_cupy_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(DeviceUnavailable) as caught:
        CudaDevice.open()
    assert caught.value.reason is Reason.NOT_INSTALLED
    assert "pip install cupy-cuda12x" in caught.value.hint


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("setting", ["CUDA_LAUNCH_BLOCKING", "CUDA_FORCE_PTX_JIT"])
def test_settings_that_spoil_a_measurement_do_not_reach_the_driver(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(setting, "1")
    CudaDevice.open()
    assert setting not in os.environ


def test_attributes_are_read_and_names_made_harmless(cupy: FakeCupy) -> None:
    attributes = CudaDevice.open().attributes
    assert attributes.compute_capability == "8.9"
    assert (attributes.sm_count, attributes.memory_bus_width_bits, attributes.l2_cache_bytes) == (128, 384, 75497472)
    assert attributes.memory_clock_mhz is None
    assert attributes.ecc_enabled is False
    assert attributes.integrated is False
    assert attributes.bdf == "0000:0a:00.0"
    assert "\x1b" not in attributes.name


def test_a_card_that_takes_the_hosts_memory_is_known_as_that(cupy: FakeCupy) -> None:
    cupy.integrated = 1
    assert CudaDevice.open().attributes.integrated


@pytest.mark.parametrize(
    ("call", "status", "reason"),
    [
        ("getDeviceCount", 35, Reason.NOT_INSTALLED),
        ("getDeviceCount", 100, Reason.NOT_SUPPORTED),
        ("getDeviceCount", 803, Reason.FAILED),
        ("setDevice", 46, Reason.FAILED),
        ("setDevice", 2, Reason.FAILED),
        ("deviceGetByPCIBusId", 101, Reason.NOT_SUPPORTED),
    ],
)
def test_opening_that_fails_is_absence_with_a_reason(cupy: FakeCupy, call: str, status: int, reason: Reason) -> None:
    cupy.fails[call] = status
    with pytest.raises(DeviceUnavailable) as caught:
        CudaDevice.open(bdf="0000:00:00.0")
    assert caught.value.reason is reason


def test_a_card_that_only_the_environment_hides_is_not_sent_to_the_workshop(cupy: FakeCupy) -> None:
    """An empty CUDA_VISIBLE_DEVICES, and MIG without an instance, read as no device at all."""
    cupy.fails["getDeviceCount"] = 100
    with pytest.raises(DeviceUnavailable) as caught:
        CudaDevice.open(bdf="0000:00:00.0")
    assert "CUDA_VISIBLE_DEVICES" in caught.value.hint
    assert "MIG" in caught.value.hint


def test_opening_by_address_and_by_number(cupy: FakeCupy) -> None:
    cupy.devices = 3
    CudaDevice.open(bdf="0000:02:00.0")
    CudaDevice.open(ordinal=1)
    with pytest.raises(DeviceUnavailable, match="CUDA sees 3"):
        CudaDevice.open(ordinal=3)


def test_memory_goes_there_and_back_and_is_freed(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    buffer, data = device.allocate(64), np.arange(8, dtype=np.uint64)
    device.allocate(16)
    device.upload(buffer, data)
    assert np.array_equal(device.download(buffer.slice(16, 48), np.dtype(np.uint64), 6), data[2:])
    device.release(buffer)
    with pytest.raises(DeviceError):
        device.release(buffer)
    device.close()
    device.close()
    assert not cupy.held


def test_copies_stay_inside_their_buffer(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    buffer = device.allocate(16)
    with pytest.raises(ValueError, match="more data"):
        device.upload(buffer, np.zeros(3, np.uint64))
    with pytest.raises(ValueError, match="more data"):
        device.download(buffer, np.dtype(np.uint64), 3)


def test_launch_builds_for_exactly_this_architecture(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    arguments = (Buffer(4096, 16), U64(1), U32(7))
    for _ in range(2):
        assert device.launch(WRITE, blocks=3, threads=512, arguments=arguments) == pytest.approx(2e-3)
    assert [options[0] for options in cupy.options] == ["-arch=sm_89"] * 2, "the kernel's family, and the hold's"
    name, grid, block, values = cupy.launched[0]
    assert (name, grid, block) == ("walk_write", (3, 1, 1), (512, 1, 1))
    assert [(type(v), int(v)) for v in values] == [(np.uint64, 4096), (np.uint64, 1), (np.uint32, 7)]


def test_a_kernel_is_queued_behind_a_hold_and_between_its_events(cupy: FakeCupy) -> None:
    CudaDevice.open().launch(WRITE, blocks=3, threads=512, arguments=(U64(1),))
    assert cupy.queue == ["hold", "event", "walk_write", "event"]


def test_a_slow_host_makes_the_hold_longer_but_not_without_end(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    for late in (False, True, False, *[True] * 8):
        cupy.late = late
        device.launch(WRITE, blocks=3, threads=512, arguments=(U64(1),))
    first, after_a_sound_one, after_a_late_one, *_, last = cupy.held_cycles
    assert first == after_a_sound_one
    assert after_a_late_one == 2 * first
    assert last == 8 * first


def test_a_host_that_is_late_now_and_then_holds_no_longer(cupy: FakeCupy) -> None:
    """Who is interrupted once in a hundred launches is so for longer than any hold lasts."""
    device = CudaDevice.open()
    for number in range(600):
        cupy.late = number % 150 == 149
        device.launch(WRITE, blocks=3, threads=512, arguments=(U64(1),))
    assert set(cupy.held_cycles) == {cupy.held_cycles[0]}


def test_the_first_launch_of_a_kernel_may_be_late(cupy: FakeCupy) -> None:
    """The driver brings its code to the card then."""
    device, seen = CudaDevice.open(), set()
    for name in ("walk_write", "walk_verify", "walk_write", "walk_evict", "walk_verify", "walk_evict"):
        cupy.late = name not in seen
        seen.add(name)
        device.launch(Kernel("memory_walk", name), blocks=3, threads=512, arguments=(U64(1),))
    assert set(cupy.held_cycles) == {cupy.held_cycles[0]}


def test_much_shared_memory_is_asked_for_before_the_launch(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    room = Kernel("census", "shared_room")
    for size in (0, 48 << 10, 99 << 10):
        device.launch(room, blocks=1, threads=64, arguments=(U32(1),), shared_bytes=size)
    assert cupy.shared == [0, 48 << 10, 99 << 10]
    assert cupy.granted == [(0xF00, 8, 99 << 10)]


@pytest.mark.parametrize(("call", "status"), [("funcSetAttribute", 1), ("launch", 1), ("launch", 701)])
def test_more_shared_memory_than_there_is_loses_no_device(cupy: FakeCupy, call: str, status: int) -> None:
    device = CudaDevice.open()
    cupy.fails[call] = status
    with pytest.raises(DeviceError) as caught:
        device.launch(WRITE, blocks=1, threads=64, arguments=(U32(1),), shared_bytes=227 << 10)
    assert type(caught.value) is DeviceError
    cupy.fails.clear()
    device.launch(WRITE, blocks=1, threads=64, arguments=(U32(1),))


def test_transfers_use_one_pinned_buffer_and_give_it_back(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    small, large = Buffer(0x100, 64), Buffer(0x200, 256)
    assert device.host_copy(large, to_device=True, repeats=2) == pytest.approx(2e-3)
    device.host_copy(small, to_device=False, repeats=1)
    (pinned,) = cupy.pinned
    assert cupy.copies == [(0x200, pinned, 256, 1), (0x200, pinned, 256, 1), (pinned, 0x100, 64, 2)]
    device.close()
    assert not cupy.pinned


def test_a_host_that_pins_no_memory_is_told_as_that(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    cupy.fails["hostAlloc"] = 2
    with pytest.raises(OutOfDeviceMemory, match="the host would not pin"):
        device.host_copy(Buffer(0x100, 64), to_device=True, repeats=1)


@pytest.mark.parametrize(
    ("call", "status", "error"),
    [
        ("malloc", 2, OutOfDeviceMemory),
        ("synchronize", 719, DeviceLost),
        ("synchronize", 999, DeviceLost),
        ("synchronize", 700, DeviceLost),
        ("load", 209, DeviceError),
        ("memcpy", 214, DeviceLost),
    ],
)
def test_errors_on_the_way(cupy: FakeCupy, call: str, status: int, error: type[DeviceError]) -> None:
    device = CudaDevice.open()
    cupy.fails[call] = status
    with pytest.raises(error) as caught:
        _use(device)
    assert type(caught.value) is error


def _use(device: CudaDevice) -> None:
    buffer = device.allocate(16)
    device.upload(buffer, np.zeros(2, np.uint64))
    device.launch(WRITE, blocks=1, threads=512, arguments=(buffer,))


@pytest.mark.parametrize("status", [214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 810, 999])
def test_what_ends_the_process_for_cuda_loses_the_device(status: int) -> None:
    """Those of which the runtime's header says that a new process is needed, and what the hardware breaks."""
    assert isinstance(cuda_errors.meaning(CUDARuntimeError(status), "testing"), DeviceLost)


def test_each_lost_device_is_told_by_what_broke_it() -> None:
    told = {status: str(cuda_errors.meaning(CUDARuntimeError(status), "testing")) for status in (214, 219, 220, 226)}
    assert "ECC" in told[214]
    assert "NVLink" in told[220]
    assert "contained" in told[226]
    assert "lost" not in told[219], "a graphics context that is invalid breaks nothing"


def test_closing_a_lost_device_is_quiet(cupy: FakeCupy) -> None:
    device = CudaDevice.open()
    device.allocate(16)
    cupy.fails["free"] = 999
    device.close()


class NVRTCError(RuntimeError):
    """Bears the class name of CuPy's."""


@pytest.mark.parametrize(
    ("architecture", "error", "hint"),
    [
        ("sm_61", NVRTCError("NVRTC_ERROR_INVALID_OPTION (5)"), "NVRTC 13 knows no Pascal or Volta"),
        ("sm_120", NVRTCError("NVRTC_ERROR_INVALID_OPTION (5)"), "12.8"),
        ("sm_103", NVRTCError("NVRTC_ERROR_INVALID_OPTION (5)"), "12.9"),
        ("sm_89", RuntimeError("CuPy failed to load libnvrtc.so.12"), "pip install cupy-cuda12x"),
    ],
)
def test_what_does_not_compile_says_what_to_install(architecture: str, error: Exception, hint: str) -> None:
    with pytest.raises(DeviceError) as caught, cuda_errors.compiling("hold", architecture):
        raise error
    assert hint in caught.value.hint


def test_what_every_compiler_knows_asks_for_no_other_one() -> None:
    with pytest.raises(DeviceError) as caught, cuda_errors.compiling("hold", "sm_90"):
        raise NVRTCError("NVRTC_ERROR_COMPILATION (6)")
    assert caught.value.hint == ""


def test_errors_that_are_not_cudas_pass() -> None:
    assert cuda_errors.meaning(RuntimeError("no"), "testing") is None
    assert isinstance(cuda_errors.meaning(CUDARuntimeError(1), "testing"), DeviceError)


def test_digests_name_the_text() -> None:
    for family in kernels.FAMILIES:
        assert kernels.digest(family).startswith("sha256:")
        assert len(kernels.digest(family)) == 71


def test_a_missing_family_is_told() -> None:
    with pytest.raises(DeviceError, match="cannot be read"):
        kernels.load("nothing_of_the_kind")
