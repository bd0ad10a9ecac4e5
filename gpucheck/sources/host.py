"""The machine around the card: operating system, driver, chassis, and whether something stands in between.

No host name and no user name is read. Chassis types are those of SMBIOS 7.4.1. All-in-one (13) and mini (35) machines
are often built of laptop parts and sold honestly, so they count as neither laptop nor desktop.
"""

import os
import platform
import sys
from pathlib import Path
from typing import Literal

from gpucheck.model.evidence import Host
from gpucheck.model.text import sanitise
from gpucheck.sources.driver import read_version
from gpucheck.sources.files import text_or

Chassis = Literal["laptop", "desktop", "server", "unknown"]

_LAPTOP = {8, 9, 10, 14, 30, 31, 32}
_DESKTOP = {3, 4, 5, 6, 7, 15, 16}
_SERVER = {17, 23, 28, 29}

_GUESTS = (
    ("qemu", "QEMU/KVM"),
    ("kvm", "QEMU/KVM"),
    ("rhev", "QEMU/KVM"),
    ("ovirt", "QEMU/KVM"),
    ("openstack", "QEMU/KVM"),
    ("vmware", "VMware"),
    ("virtualbox", "VirtualBox"),
    ("innotek", "VirtualBox"),
    ("parallels", "Parallels"),
    ("bhyve", "bhyve"),
    ("bochs", "Bochs"),
    ("hvm domu", "Xen"),
    ("google compute engine", "Google Compute Engine"),
    ("microsoft corporation virtual machine", "Hyper-V"),
)
_CLOUDS = (
    ("amazon ec2", "Amazon EC2"),
    ("alibaba cloud", "Alibaba Cloud"),
    ("digitalocean", "DigitalOcean"),
    ("hetzner", "Hetzner"),
    ("nutanix", "Nutanix AHV"),
)
"""Names that bare-metal machines of these houses carry too: they count only beside the processor's own flag."""

_CONTAINER_WORDS = ("docker", "kubepods", "containerd", "libpod", "/lxc", "lxc.payload")


def read_host(sys_root: Path | str = "/sys", proc_root: Path | str = "/proc", root: Path | str = "/") -> Host:
    """Read the machine. The roots are for tests and mounted images."""
    os_text = sanitise(f"{platform.system()} {platform.release()} {platform.machine()}")
    if sys.platform == "win32":
        from gpucheck.sources.windows_power import on_battery

        return Host(os=os_text, windows=True, on_battery=on_battery())
    sysfs, proc = Path(sys_root), Path(proc_root)
    wsl = "microsoft" in text_or(proc / "sys" / "kernel" / "osrelease").lower()
    return Host(
        os=os_text,
        driver_version=read_version(proc) or sanitise(text_or(sysfs / "module" / "nvidia" / "version")) or None,
        chassis="unknown" if wsl else _chassis(sysfs),
        hypervisor="Hyper-V (WSL)" if wsl else _hypervisor(sysfs, proc),
        container=_container(proc, Path(root)),
        mps=_mps(Path(root)),
        wsl=wsl,
        on_battery=_on_battery(sysfs),
    )


def chassis_of(smbios_type: int) -> Chassis:
    """Class an SMBIOS chassis type; its top bit, the lock flag, is ignored."""
    kind = smbios_type & 0x7F
    if kind in _LAPTOP:
        return "laptop"
    if kind in _DESKTOP:
        return "desktop"
    return "server" if kind in _SERVER else "unknown"


def _chassis(sysfs: Path) -> Chassis:
    try:
        chassis = chassis_of(int(text_or(sysfs / "class" / "dmi" / "id" / "chassis_type")))
    except ValueError:
        return "unknown"
    # Barebone laptops state "desktop" now and then; their battery gives them away.
    return "unknown" if chassis == "desktop" and _batteries(_supplies(sysfs)) else chassis


def _on_battery(sysfs: Path) -> bool:
    """Whether a battery of the machine is being emptied, and no other supply is connected."""
    supplies = _supplies(sysfs)
    batteries = _batteries(supplies)
    plugged = any(text_or(each / "online") == "1" for each in supplies if each not in batteries)
    return not plugged and any(text_or(each / "status") == "Discharging" for each in batteries)


def _supplies(sysfs: Path) -> list[Path]:
    """Supplies of the machine, without those of devices such as a mouse."""
    try:
        folders = list((sysfs / "class" / "power_supply").iterdir())
    except OSError:
        return []
    return [folder for folder in folders if text_or(folder / "scope").lower() != "device"]


def _batteries(supplies: list[Path]) -> list[Path]:
    return [folder for folder in supplies if text_or(folder / "type") == "Battery"]


def _hypervisor(sysfs: Path, proc: Path) -> str | None:
    dmi = sysfs / "class" / "dmi" / "id"
    names = " ".join(text_or(dmi / name) for name in ("sys_vendor", "product_name", "bios_vendor")).lower()
    for word, guest in _GUESTS:
        if word in names:
            return guest
    if text_or(sysfs / "hypervisor" / "type") == "xen" and "control_d" not in text_or(proc / "xen" / "capabilities"):
        return "Xen"
    if not _processor_says_guest(proc):
        return None
    return next((cloud for word, cloud in _CLOUDS if word in names), "unknown hypervisor")


def _processor_says_guest(proc: Path) -> bool:
    lines = text_or(proc / "cpuinfo").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return "hypervisor" in flags.split()


def _container(proc: Path, root: Path) -> bool:
    if any((root / hint).exists() for hint in (".dockerenv", "run/.containerenv")):
        return True
    if os.environ.get("container") or os.environ.get("KUBERNETES_SERVICE_HOST"):  # noqa: SIM112 - systemd's name
        return True
    groups = text_or(proc / "self" / "cgroup") + text_or(proc / "1" / "cgroup")
    return any(word in groups for word in _CONTAINER_WORDS)


def _mps(root: Path) -> bool:
    """Whether a Multi-Process Service is told of, or its pipe is where NVIDIA's manual says that it is by default."""
    told = any(os.environ.get(name) for name in ("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"))
    return told or (root / "tmp" / "nvidia-mps" / "control").exists()
