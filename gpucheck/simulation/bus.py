"""What a simulated machine shows beside NVML: the bus, the other functions of the slot, and the driver's software."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import U16, NvmlFacts, PciSibling
from gpucheck.model.integrity import DriverIntegrity, DriverLibrary
from gpucheck.model.profile import Profile
from gpucheck.model.registers import ChipId
from gpucheck.simulation.faults import Strict

LOST = Unavailable(unavailable=Reason.FAILED, detail="GPU is lost")
"""What the driver says of a card that fell off the bus."""

_OFF = Unavailable(unavailable=Reason.FAILED, detail="the card does not answer on the bus")
_FOR_ROOT = Unavailable(
    unavailable=Reason.NO_PERMISSION,
    detail="the system shows the first 64 bytes of the configuration space, and the rest to root alone",
)
_CORRECTABLE = ("BadTLP", "RxErr", "BadDLLP", "Rollover", "Timeout", "NonFatalErr")
_FOLDER = "/usr/lib/x86_64-linux-gnu"

_Word = Annotated[str, Field(max_length=40)]
_Rates = Annotated[dict[Annotated[str, Field(max_length=8)], Annotated[int, Field(ge=0, le=6)]], Field(max_length=16)]


class DeclaredPci(Strict):
    """What the bus shows where it is not what the declared profile has. A zero takes a function away."""

    audio_device_id: U16 | None = None
    usb_device_id: U16 | None = None
    ucsi_device_id: U16 | None = None
    live_subsystem_vendor_id: U16 | None = None
    live_subsystem_id: U16 | None = None
    off_bus: bool = False
    link_errors: Annotated[int, Field(ge=0, le=1 << 40)] = 0
    """Packets that arrived broken since the machine's start, as the kernel counts them."""


class DeclaredLibrary(Strict):
    """A library that answers in NVML's place: it states another card."""

    profile: str
    route: Literal["preloaded", "replaced"] = "replaced"
    """Loaded before NVML, or put where NVML was."""
    path: Annotated[str, Field(max_length=200)] = ""


class DeclaredResourceManager(Strict):
    """Single answers that are not what an honest driver gives."""

    chip_id: ChipId | None = None
    mobile: bool | None = None
    mining: bool | None = None
    memory_type: _Word | None = None
    memory_vendor: _Word | None = None
    memory_strap: Annotated[int, Field(ge=0, le=15)] | None = None
    chip_sku: _Word | None = None
    project: _Word | None = None
    issue_rates: _Rates | None = None
    calibration_failed: bool | None = None


def siblings(profile: Profile, bdf: str, pci: DeclaredPci) -> tuple[PciSibling, ...]:
    """The functions beside the display; data-centre and mining cards have none, laptops only sound."""
    die, quiet = profile.die, profile.sku_class in {"datacenter", "mining"}
    has_port = profile.form_factor in {"desktop", "workstation"} and die.architecture == "Turing"
    ids = (
        (pci.audio_device_id, () if quiet else die.audio_device_ids, 0x040300),
        (pci.usb_device_id, die.usb_device_ids if has_port and not quiet else (), 0x0C0330),
        (pci.ucsi_device_id, die.ucsi_device_ids if has_port and not quiet else (), 0x0C8000),
    )
    slot, found = bdf.rpartition(".")[0], []
    for number, (given, usual, code) in enumerate(ids, start=1):
        device = next(iter(usual), 0) if given is None else given
        if device:
            found.append(PciSibling(bdf=f"{slot}.{number}", vendor_id=0x10DE, device_id=device, class_code=code))
    return tuple(found)


def live(pci: DeclaredPci, nvml: NvmlFacts, *, root: bool) -> dict[str, Any]:
    """What the configuration space says now, and nothing where the card is gone. ``root`` sees all of it."""
    if pci.off_bus:
        return {"off_bus": True, "revision_id": 0xFF, "missing": {"config": _OFF}}
    counts = {"aer_correctable": _counts(_CORRECTABLE, pci.link_errors), "aer_nonfatal": {}, "aer_fatal": {}}
    vendor, part = nvml.subsystem_vendor_id, nvml.subsystem_id
    return {
        "revision_id": 0xA1,
        "config_bytes": 4096 if root else 64,
        "missing": {} if root else {"aer_status": _FOR_ROOT, "lane_errors": _FOR_ROOT},
        **counts,
        "power_state": "D0",
        "live_device_id": nvml.device_id,
        "live_subsystem_vendor_id": vendor if pci.live_subsystem_vendor_id is None else pci.live_subsystem_vendor_id,
        "live_subsystem_id": part if pci.live_subsystem_id is None else pci.live_subsystem_id,
    }


def _counts(kinds: tuple[str, ...], errors: int) -> dict[str, int]:
    """Counts of the kernel as it lists them, all errors of the first kind."""
    return {kind: errors if number == 0 else 0 for number, kind in enumerate(kinds)}


def linux_integrity(version: str, library: DeclaredLibrary | None) -> DriverIntegrity:
    """The driver's software on Linux, as a distribution installs it."""
    files = {name: f"{_FOLDER}/{name}.so.{version}" for name in ("libnvidia-ml", "libcuda")}
    preloaded: tuple[str, ...] = ()
    if library and library.route == "preloaded":
        preloaded = (library.path or "/opt/tools/libnvml-override.so",)
    elif library:
        files["libnvidia-ml"] = library.path or "/tmp/nvml/libnvidia-ml.so.1"  # noqa: S108 - where a forger puts it
    libraries = tuple(
        DriverLibrary(
            name=f"{name}.so.1",
            path=path,
            version=version if path.endswith(version) else None,
            loaded=name == "libnvidia-ml",
        )
        for name, path in files.items()
    )
    return DriverIntegrity(
        module_version=version,
        module_open=False,
        module_builder="dvs-builder",
        module_taint="POE",
        kernel_taint=12289,
        libraries=libraries,
        preloaded=preloaded,
    )


def windows_integrity(version: str) -> DriverIntegrity:
    """The driver's software on Windows."""
    libraries = tuple(
        DriverLibrary(name=name, path=f"C:\\Windows\\System32\\{name}", loaded=name == "nvml.dll")
        for name in ("nvml.dll", "nvcuda.dll")
    )
    return DriverIntegrity(
        module_version=version,
        libraries=libraries,
        test_signing=False,
        driver_provider="NVIDIA",
        driver_catalog="oem12.cat",
    )
