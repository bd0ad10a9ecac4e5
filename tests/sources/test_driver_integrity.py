"""The driver's software on machines as distributions, containers, owners and forgers leave them."""

from pathlib import Path

import pytest

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.integrity import DriverIntegrity
from gpucheck.sources import driver_integrity as source
from gpucheck.sources import driver_patches as patches
from gpucheck.sources import files
from gpucheck.sources.windows_integrity import (
    CATALOGS,
    CONTROL,
    DISPLAY_CLASS,
    INJECTION,
    driver_version,
    read_windows,
)

OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.172.08  Release Build  ({})  Tue Jul  8 2025\n"
RELEASE = "6.8.0-64-generic"


class Machine:
    """A root, a ``/sys`` and a ``/proc`` of plain files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("proc/version", "Linux version 6.8.0\n")
        self.put("proc/sys/kernel/osrelease", RELEASE + "\n")
        self.put("proc/sys/kernel/tainted", "12289\n")
        self.put("proc/driver/nvidia/version", OPEN.format("dvs-builder@U22-I3"))
        self.put("sys/module/nvidia/taint", "OE\n")
        self.put("sys/module/nvidia/srcversion", "F1B2C3D4E5\n")

    def put(self, path: str, text: str = "") -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def library(self, folder: str, name: str = "libnvidia-ml", version: str = "570.172.08") -> None:
        self.put(f"{folder}/{name}.so.{version}")
        (self.folder / folder / f"{name}.so.1").symlink_to(f"{name}.so.{version}")

    def read(self, **environment: str) -> DriverIntegrity:
        found = source.read(self.folder / "sys", self.folder / "proc", self.folder, environment)
        assert isinstance(found, DriverIntegrity)
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_usual_machine(machine: Machine) -> None:
    machine.library("usr/lib/x86_64-linux-gnu")
    machine.library("usr/lib/x86_64-linux-gnu", "libcuda")
    found = machine.read()
    assert (found.module_version, found.module_open, found.module_builder) == ("570.172.08", True, "dvs-builder")
    assert (found.module_taint, found.kernel_taint, found.module_source) == ("OE", 12289, "F1B2C3D4E5")
    assert [(each.name, each.version, each.loaded) for each in found.libraries] == [
        ("libnvidia-ml.so.1", "570.172.08", False),
        ("libcuda.so.1", "570.172.08", False),
    ]
    assert found.libraries[0].path == "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.570.172.08"
    assert found.preloaded == found.library_folders == found.patches == ()
    assert found.missing == {}


def test_what_is_mapped_counts_more_than_what_would_be_found(machine: Machine) -> None:
    machine.library("usr/lib64")
    machine.put(
        "proc/self/maps",
        "7f00-7f10 r-xp 00000000 08:01 77                 /usr/lib/libc.so.6\n"
        "7f20-7f30 r-xp 00000000 08:01 78                 /home/somebody/lib/libnvidia-ml.so.535.54.03\n"
        "7f30-7f40 rw-p 00000000 00:00 0\n",
    )
    (library,) = machine.read().libraries
    assert (library.path, library.version, library.loaded) == ("~/lib/libnvidia-ml.so.535.54.03", "535.54.03", True)


def test_the_loaders_own_order(machine: Machine) -> None:
    machine.library("usr/lib64")
    machine.library("opt/fake", version="535.54.03")
    found = machine.read(
        LD_LIBRARY_PATH="/nowhere:/opt/fake", LD_PRELOAD="/home/me/libnvml.so:/usr/lib/libjemalloc.so.2"
    )
    assert found.libraries[0].version == "535.54.03"
    assert found.library_folders == ("/nowhere", "/opt/fake")
    assert found.preloaded == ("~/libnvml.so", "/usr/lib/libjemalloc.so.2")
    machine.put("etc/ld.so.preload", "/opt/libhook.so\n/opt/other.so")
    assert machine.read().preloaded == ("/opt/libhook.so", "/opt/other.so")


def test_a_link_in_a_circle_is_no_library(machine: Machine) -> None:
    (machine.folder / "usr" / "lib64").mkdir(parents=True)
    (machine.folder / "usr" / "lib64" / "libnvidia-ml.so.1").symlink_to("libnvidia-ml.so.1")
    assert machine.read().libraries == ()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("opt/nvidia/libnvidia-encode-backup/libnvidia-encode.so.570.172.08", patches.ENCODER),
        ("opt/nvidia/libnvidia-fbc-backup/libnvidia-fbc.so.570.172.08", patches.CAPTURE),
        (f"lib/modules/{RELEASE}/updates/cmpunlocker/nvidia.ko", patches.CMP_UNLOCK),
        ("opt/vgpu_unlock/vgpu_unlock", patches.VGPU_UNLOCK),
        ("etc/vgpu_unlock/profile_override.toml", patches.VGPU_UNLOCK),
    ],
)
def test_known_alterations_leave_traces(machine: Machine, path: str, name: str) -> None:
    assert machine.read().patches == ()
    machine.put(path)
    assert machine.read().patches == (name,)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("params", 'RegistryDwords: "ForceP2P=0x11;RMForceP2PType=1"\n'),
        ("version", OPEN.format("me@host").replace("570.172.08", "570.172.08-p2p")),
    ],
)
def test_peer_to_peer_by_force(machine: Machine, file: str, text: str) -> None:
    machine.put(f"proc/driver/nvidia/{file}", text)
    assert machine.read().patches == (patches.PEER_TO_PEER,)


def test_a_module_that_somebody_built_names_nobody(machine: Machine) -> None:
    machine.put("proc/driver/nvidia/version", OPEN.format("jane@janes-desktop"))
    found = machine.read()
    assert found.module_builder == "another"
    assert "jane" not in found.model_dump_json()


def test_taint_from_the_list_of_modules_where_sysfs_has_none(machine: Machine) -> None:
    (machine.folder / "sys" / "module" / "nvidia" / "taint").unlink()
    machine.put("proc/modules", "nvidia_uvm 1 0 - Live 0x0 (O)\nnvidia 104165376 2 nvidia_uvm, Live 0x0 (POE)\n")
    found = machine.read()
    assert found.module_taint == "POE"
    assert "module_taint" in found.missing


def test_no_driver_and_no_files_give_reasons(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "version").write_text("Linux\n")
    found = source.read(tmp_path / "sys", tmp_path / "proc", tmp_path, {})
    assert isinstance(found, DriverIntegrity)
    assert (found.module_version, found.module_open, found.kernel_taint, found.libraries) == (None, None, None, ())
    assert {found.missing[name].unavailable for name in ("module_taint", "kernel_taint")} == {Reason.NOT_SUPPORTED}


def test_no_procfs(tmp_path: Path) -> None:
    answer = source.read(tmp_path, tmp_path, tmp_path, {})
    assert isinstance(answer, Unavailable)
    assert answer.unavailable is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("text", ["", "\x00\xff" * 50, "9" * 40, "-1", "\x1b[2J" * 100])
def test_hostile_files(machine: Machine, text: str) -> None:
    for path in ("proc/sys/kernel/tainted", "sys/module/nvidia/taint", "proc/self/maps", "proc/driver/nvidia/version"):
        machine.put(path, text)
    machine.put("etc/ld.so.preload", text)
    assert "\x1b" not in machine.read(LD_PRELOAD=text.replace("\x00", ""), LD_LIBRARY_PATH="/x").model_dump_json()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/jane/lib/x.so", "~/lib/x.so"),
        ("/root/x.so", "~/x.so"),
        ("C:\\Users\\Jane\\nvml.dll", "~\\nvml.dll"),
        ("/rootless/x.so", "/rootless/x.so"),
        ("/home/jane", "~"),
        ("/home/kubernetes/bin/nvidia/lib64/x.so", "/home/kubernetes/bin/nvidia/lib64/x.so"),
        ("/usr/lib/x.so", "/usr/lib/x.so"),
    ],
)
def test_paths_carry_no_name(path: str, shown: str) -> None:
    assert files.homeless(path) == shown


class FakeRegistry:
    """A registry of a few values."""

    def __init__(self, **values: str | int) -> None:
        self.package = f"{DISPLAY_CLASS}\\0001"
        self.values: dict[tuple[str, str], str | int] = {
            (f"{DISPLAY_CLASS}\\0000", "MatchingDeviceId"): r"PCI\VEN_8086&DEV_A780",
            (self.package, "MatchingDeviceId"): r"PCI\VEN_10DE&DEV_2684&SUBSYS_167C10DE",
            (self.package, "ProviderName"): "NVIDIA",
            (self.package, "DriverVersion"): "32.0.15.6094",
            (self.package, "InfPath"): "oem12.inf",
            (CONTROL, "SystemStartOptions"): " NOEXECUTE=OPTIN  FVEBOOT=2674688",
        }
        self.values |= {(self.package, name): value for name, value in values.items()}

    def value(self, key: str, name: str) -> str | int | None:
        return self.values.get((key, name))

    def subkeys(self, key: str) -> list[str]:
        return ["0000", "0001", "Properties"] if key == DISPLAY_CLASS else []


def windows(folder: Path, registry: FakeRegistry) -> DriverIntegrity:
    found = read_windows(registry, folder)
    assert isinstance(found, DriverIntegrity)
    return found


def test_a_usual_windows(tmp_path: Path) -> None:
    (tmp_path / CATALOGS).mkdir(parents=True)
    (tmp_path / CATALOGS / "oem12.cat").touch()
    (tmp_path / "System32" / "nvml.dll").touch()
    found = windows(tmp_path, FakeRegistry())
    assert (found.module_version, found.driver_provider, found.driver_catalog) == ("560.94", "NVIDIA", "oem12.cat")
    assert (found.test_signing, found.preloaded) == (False, ())
    assert [each.name for each in found.libraries] == ["nvml.dll"]


def test_test_signing_and_a_package_without_signature(tmp_path: Path) -> None:
    registry = FakeRegistry(InfPath="..\\..\\evil.inf", ProviderName="Somebody")
    registry.values[CONTROL, "SystemStartOptions"] = " TESTSIGNING NOEXECUTE=OPTIN"
    registry.values[INJECTION, "LoadAppInit_DLLs"] = 1
    registry.values[INJECTION, "AppInit_DLLs"] = r"C:\Users\Jane\nvml-hook.dll"
    found = windows(tmp_path, registry)
    assert (found.test_signing, found.driver_provider, found.driver_catalog) == (True, "Somebody", None)
    assert found.preloaded == (r"~\nvml-hook.dll",)


def test_what_windows_does_not_tell_is_unknown_and_not_false(tmp_path: Path) -> None:
    registry = FakeRegistry()
    del registry.values[CONTROL, "SystemStartOptions"]
    found = windows(tmp_path, registry)
    assert found.test_signing is None
    assert found.missing["test_signing"].unavailable is Reason.NO_PERMISSION


def test_windows_without_a_package_of_nvidias(tmp_path: Path) -> None:
    registry = FakeRegistry(MatchingDeviceId=r"PCI\VEN_1002&DEV_744C")
    answer = read_windows(registry, tmp_path)
    assert isinstance(answer, Unavailable)
    assert answer.unavailable is Reason.NOT_INSTALLED


@pytest.mark.parametrize(
    ("windows_version", "version"),
    [("32.0.15.6094", "560.94"), ("31.0.15.3623", "536.23"), ("27.21.14.5671", "456.71"), ("1.2", None), ("", None)],
)
def test_nvidias_number_in_windows_version(windows_version: str, version: str | None) -> None:
    assert driver_version(windows_version) == version
