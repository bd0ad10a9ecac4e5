"""Machines by their DMI strings, processor flags and files."""

import ctypes
import getpass
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from gpucheck.model.evidence import Host
from gpucheck.sources import windows_power
from gpucheck.sources.host import chassis_of, read_host


@pytest.fixture(autouse=True)
def _no_container_here(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = ("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE")
    for name in ("container", "KUBERNETES_SERVICE_HOST", *shared):
        monkeypatch.delenv(name, raising=False)


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def host(root: Path, files: dict[str, str]) -> Host:
    put(root, files)
    return read_host(root / "sys", root / "proc", root)


@pytest.mark.parametrize(
    ("types", "chassis"),
    [
        ((8, 9, 10, 14, 30, 31, 32, 0x80 | 10), "laptop"),
        ((3, 4, 5, 6, 7, 15, 16), "desktop"),
        ((17, 23, 28, 29), "server"),
        ((0, 1, 2, 11, 13, 18, 33, 35, 99), "unknown"),
    ],
)
def test_chassis_types(types: tuple[int, ...], chassis: str) -> None:
    assert {chassis_of(kind) for kind in types} == {chassis}


def test_a_desktop(tmp_path: Path) -> None:
    found = host(
        tmp_path,
        {
            "sys/class/dmi/id/chassis_type": "3\n",
            "sys/class/dmi/id/sys_vendor": "ASUS\n",
            "proc/cpuinfo": "flags\t\t: fpu vme sse2\n",
            "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu\n",
        },
    )
    assert (found.chassis, found.hypervisor, found.driver_version) == ("desktop", None, "550.54.14")
    assert (found.container, found.wsl, found.windows, found.cuda_version) == (False, False, False, None)


def test_a_barebone_laptop_that_calls_itself_desktop(tmp_path: Path) -> None:
    files = {"sys/class/dmi/id/chassis_type": "3\n", "sys/class/power_supply/BAT0/type": "Battery\n"}
    assert host(tmp_path, files).chassis == "unknown"


def test_a_mouse_battery_makes_no_laptop(tmp_path: Path) -> None:
    files = {
        "sys/class/dmi/id/chassis_type": "3\n",
        "sys/class/power_supply/hidpp_battery_0/type": "Battery\n",
        "sys/class/power_supply/hidpp_battery_0/scope": "Device\n",
    }
    assert host(tmp_path, files).chassis == "desktop"


@pytest.mark.parametrize(
    ("supplies", "on_battery"),
    [
        ({"BAT0/type": "Battery", "BAT0/status": "Discharging", "AC/type": "Mains", "AC/online": "0"}, True),
        ({"BAT0/type": "Battery", "BAT0/status": "Discharging"}, True),
        ({"BAT0/type": "Battery", "BAT0/status": "Discharging", "AC/type": "Mains", "AC/online": "1"}, False),
        ({"BAT1/type": "Battery", "BAT1/status": "Full", "ucsi/type": "USB", "ucsi/online": "1"}, False),
        ({"BAT1/type": "Battery", "BAT1/status": "Not charging"}, False),
        ({"pen/type": "Battery", "pen/scope": "Device", "pen/status": "Discharging"}, False),
        ({}, False),
    ],
)
def test_a_laptop_on_battery(tmp_path: Path, supplies: dict[str, str], on_battery: bool) -> None:
    files = {f"sys/class/power_supply/{name}": f"{text}\n" for name, text in supplies.items()}
    assert host(tmp_path, files).on_battery is on_battery


@pytest.mark.parametrize("text", ["", "words", "\x00"])
def test_a_chassis_that_says_nothing(tmp_path: Path, text: str) -> None:
    assert host(tmp_path, {"sys/class/dmi/id/chassis_type": text}).chassis == "unknown"


@pytest.mark.parametrize(
    ("vendor", "product", "guest_flag", "hypervisor"),
    [
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", True, "QEMU/KVM"),
        ("VMware, Inc.", "VMware20,1", True, "VMware"),
        ("innotek GmbH", "VirtualBox", True, "VirtualBox"),
        ("Microsoft Corporation", "Virtual Machine", True, "Hyper-V"),
        ("Microsoft Corporation", "Surface Laptop Studio", False, None),
        ("Google", "Google Compute Engine", True, "Google Compute Engine"),
        ("Xen", "HVM domU", True, "Xen"),
        ("Amazon EC2", "g5.xlarge", True, "Amazon EC2"),
        ("Amazon EC2", "g4dn.metal", False, None),
        ("OpenStack Foundation", "OpenStack Nova", True, "QEMU/KVM"),
        ("Supermicro", "SYS-420GP", False, None),
        ("Unheard Of", "Cloud", True, "unknown hypervisor"),
    ],
)
def test_hypervisors(tmp_path: Path, vendor: str, product: str, guest_flag: bool, hypervisor: str | None) -> None:
    files = {
        "sys/class/dmi/id/sys_vendor": f"{vendor}\n",
        "sys/class/dmi/id/product_name": f"{product}\n",
        "proc/cpuinfo": f"processor: 0\nflags\t\t: fpu sse2{' hypervisor' if guest_flag else ''}\n",
    }
    assert host(tmp_path, files).hypervisor == hypervisor


def test_xen_guests_and_their_host(tmp_path: Path) -> None:
    files = {"sys/hypervisor/type": "xen\n"}
    assert host(tmp_path, files).hypervisor == "Xen"
    assert host(tmp_path, {**files, "proc/xen/capabilities": "control_d\n"}).hypervisor is None


def test_wsl(tmp_path: Path) -> None:
    found = host(tmp_path, {"proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n"})
    assert (found.wsl, found.chassis) == (True, "unknown")
    assert found.hypervisor is not None


@pytest.mark.parametrize(
    "files",
    [
        {".dockerenv": ""},
        {"run/.containerenv": ""},
        {"proc/1/cgroup": "0::/system.slice/docker-abc.scope\n"},
        {"proc/self/cgroup": "0::/kubepods/besteffort\n"},
    ],
)
def test_containers(tmp_path: Path, files: dict[str, str]) -> None:
    assert host(tmp_path, files).container


def test_a_container_by_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("container", "podman")
    assert host(tmp_path, {}).container


def test_a_shared_service_for_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not host(tmp_path, {"tmp/nvidia-mps/server.log": ""}).mps
    assert host(tmp_path, {"tmp/nvidia-mps/control": ""}).mps
    monkeypatch.setenv("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "50")
    assert host(tmp_path / "elsewhere", {}).mps


def test_the_driver_version_by_the_module(tmp_path: Path) -> None:
    assert host(tmp_path, {"sys/module/nvidia/version": "535.54.03\n"}).driver_version == "535.54.03"


def test_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    found = host(tmp_path, {"sys/class/dmi/id/chassis_type": "3\n"})
    assert (found.windows, found.chassis) == (True, "unknown")


@pytest.mark.parametrize(("answers", "line", "expected"), [(1, 0, True), (1, 1, False), (1, 255, False), (0, 0, False)])
def test_windows_on_battery(answers: int, line: int, expected: bool) -> None:
    class Kernel32:
        def GetSystemPowerStatus(self, status: Any) -> int:  # noqa: N802 - Windows' name
            status._obj.ac_line = line
            return answers

    assert windows_power.on_battery(Kernel32()) is expected
    assert ctypes.sizeof(windows_power.PowerStatus) == 12


def test_no_names_of_host_or_user(tmp_path: Path) -> None:
    text = host(tmp_path, {}).model_dump_json()
    for name in (platform.node(), getpass.getuser()):
        if len(name) > 4:
            assert name not in text


def test_an_empty_machine(tmp_path: Path) -> None:
    found = host(tmp_path, {})
    assert (found.driver_version, found.chassis, found.hypervisor) == (None, "unknown", None)
    assert found.os != "unknown"
