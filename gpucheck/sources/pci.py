"""What Linux saw on the PCI bus, from sysfs. It needs no driver and no privilege.

Facts of the format: the kernel's ``sysfs-bus-pci`` ABI page and ``drivers/pci/pci-sysfs.c``. The id files are the
kernel's copy from the time of enumeration; ``config`` is read from the card at once.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.evidence import PciFacts
from gpucheck.model.text import sanitise
from gpucheck.model.units import MIB
from gpucheck.sources.files import normalise_bdf, read_bytes, read_text, text_or

NVIDIA = 0x10DE
CONFIG_BYTES = 64
OFF_THE_BUS = "the card does not answer on the bus: every byte of its configuration reads as ff"

_DISPLAY_CLASS = 0x03
_GENERATIONS = {"2.5": 1, "5": 2, "8": 3, "16": 4, "32": 5, "64": 6}
_BARS = 6
_RAW_LIMIT = 1024

T = TypeVar("T")


def list_display_devices(root: Path | str = "/sys") -> list[str]:
    """Return the addresses of NVIDIA's display-class functions, sorted, bound to a driver or not."""
    try:
        folders = list(_devices(root).iterdir())
    except OSError:
        return []
    return sorted(bdf for folder in folders if (bdf := normalise_bdf(folder.name)) and _is_display(folder))


def read(root: Path | str, bdf: str) -> Collected[PciFacts]:
    """Read one function. ``missing`` says why a fact is not there."""
    folder = _devices(root) / bdf
    if not _devices(root).is_dir():
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="this system shows no PCI bus (no Linux sysfs)")
    if not folder.is_dir():
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=f"this system shows no PCI device {bdf}")
    reader = _Reader(folder)
    vendor, device = reader.number("vendor", "vendor_id"), reader.number("device", "device_id")
    if vendor is None or device is None:
        return reader.missing["vendor_id" if vendor is None else "device_id"]
    facts = {
        "bdf": bdf,
        "vendor_id": vendor,
        "device_id": device,
        **_identity(reader),
        **_link(reader),
        **_bars(reader),
    }
    return PciFacts.model_validate({**facts, "missing": reader.missing, "raw": reader.raw})


def link_generation(speed: str) -> int | None:
    """Return 4 for ``16.0 GT/s PCIe``, None for ``Unknown``."""
    match = re.match(r"(\d+(?:\.\d+)?)\s*GT/s", speed)
    return _GENERATIONS.get(match[1].removesuffix(".0")) if match else None


def resizable_sizes(mask: str) -> tuple[int, ...]:
    """Sizes in bytes that a ``resourceN_resize`` bitmap offers: bit n stands for 2^n MiB."""
    if len(mask) > 18:
        raise ValueError("a bitmap of more than 64 bits")
    bits = int(mask, 16)
    return tuple(MIB << n for n in range(bits.bit_length()) if bits >> n & 1)


class _Reader:
    """Reads files of one function and keeps what they said, or why they did not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing: dict[str, Unavailable] = {}
        self.raw: dict[str, str] = {}

    def parsed(self, file: str, field: str, parse: Callable[[str], T | None], folder: Path | None = None) -> T | None:
        text = read_text((folder or self.folder) / file)
        if isinstance(text, Unavailable):
            self.missing[field] = text
            return None
        shown = sanitise(text, _RAW_LIMIT)
        self.raw[file if folder is None else f"port {file}"] = shown
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None:
            self.missing[field] = Unavailable(unavailable=Reason.FAILED, detail=f"{file} says {shown[:60]!r}")
        return value

    def number(self, file: str, field: str) -> int | None:
        return self.parsed(file, field, _id)


def _identity(reader: _Reader) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "subsystem_vendor_id": reader.number("subsystem_vendor", "subsystem_vendor_id"),
        "subsystem_id": reader.number("subsystem_device", "subsystem_id"),
        "revision_id": reader.parsed("revision", "revision_id", lambda text: int(text, 16)),
        "class_code": reader.parsed("class", "class_code", lambda text: int(text, 16)),
        "driver": _link_name(reader.folder / "driver"),
    }
    if _config_is_dead(reader):
        facts["revision_id"] = 0xFF  # as lspci shows it; the kernel's own copy is from before the card was lost
    return facts


def _config_is_dead(reader: _Reader) -> bool:
    config = read_bytes(reader.folder / "config", CONFIG_BYTES)
    if isinstance(config, Unavailable):
        reader.missing["config"] = config
        return False
    reader.raw["config"] = config.hex()
    dead = bool(config) and not config.strip(b"\xff")
    if dead:
        reader.missing["config"] = Unavailable(unavailable=Reason.FAILED, detail=OFF_THE_BUS)
    return dead


def _link(reader: _Reader) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for state, file in (("max", "max_link"), ("current", "current_link")):
        facts[f"link_generation_{state}"] = reader.parsed(f"{file}_speed", f"link_generation_{state}", link_generation)
        facts[f"link_lanes_{state}"] = reader.parsed(f"{file}_width", f"link_lanes_{state}", _lanes)
    port = reader.folder.resolve().parent
    if normalise_bdf(port.name) is None:
        reason = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="no PCI port is visible above the card")
        reader.missing |= {"port_link_generation_max": reason, "port_link_lanes_max": reason}
        return facts
    facts["port_link_generation_max"] = reader.parsed(
        "max_link_speed", "port_link_generation_max", link_generation, port
    )
    facts["port_link_lanes_max"] = reader.parsed("max_link_width", "port_link_lanes_max", _lanes, port)
    return facts


def _bars(reader: _Reader) -> dict[str, Any]:
    sizes = reader.parsed("resource", "bar_sizes_bytes", _bar_sizes)
    return {
        "bar_sizes_bytes": sizes or (),
        "bar1_supported_bytes": reader.parsed("resource1_resize", "bar1_supported_bytes", resizable_sizes),
    }


def _bar_sizes(resource: str) -> tuple[int, ...]:
    """Sizes of the BARs that there are, in order; a 64-bit BAR leaves the next one empty."""
    sizes = []
    for line in resource.splitlines()[:_BARS]:
        start, end, _flags = (int(word, 16) for word in line.split())
        if end > start:
            sizes.append(end - start + 1)
    return tuple(sizes)


def _id(text: str) -> int | None:
    value = int(text, 16)
    return value if 0 <= value <= 0xFFFF else None


def _lanes(text: str) -> int | None:
    return lanes if 0 < (lanes := int(text)) <= 32 else None


def _devices(root: Path | str) -> Path:
    return Path(root) / "bus" / "pci" / "devices"


def _is_display(folder: Path) -> bool:
    try:
        vendor, code = int(text_or(folder / "vendor", "0"), 16), int(text_or(folder / "class", "0"), 16)
    except ValueError:
        return False
    return vendor == NVIDIA and code >> 16 == _DISPLAY_CLASS


def _link_name(path: Path) -> str | None:
    try:
        return sanitise(path.readlink().name) or None
    except OSError:
        return None
