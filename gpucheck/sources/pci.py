"""What Linux saw on the PCI bus, from sysfs. It needs no driver and no privilege; root sees the capabilities as well.

The id files are the kernel's copy from the time of enumeration; ``config`` is read from the card at once.
"""

import os
from pathlib import Path
from typing import Any

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.evidence import PciFacts, PciSibling
from gpucheck.model.text import sanitise
from gpucheck.sources import pci_files as files
from gpucheck.sources.files import normalise_bdf, read_bytes, text_or
from gpucheck.sources.pci_config import FULL_BYTES, HEADER_BYTES, ConfigFacts, parse_config
from gpucheck.sources.pci_files import Reader

NVIDIA = 0x10DE
NEEDS_ROOT = "the system shows the first 64 bytes of the configuration space, and the rest to root alone"

_DISPLAY_CLASS = 0x03
_ONES = "63"
"""Lanes in a link register of which every bit is set: the card did not answer, and its speed means nothing either."""
_NO_TARGET = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="the port's link has no target")
_FROM_CONFIG = ("link_generation_max", "link_lanes_max", "link_generation_current", "link_lanes_current")
_ONLY_CONFIG = ("aer_status", "lane_errors")


def list_display_devices(root: Path | str = "/sys") -> list[str]:
    """Return the addresses of NVIDIA's display-class functions, sorted, bound to a driver or not.

    A card that fell off the bus since the system's start is among them: the kernel keeps its class. Virtual functions
    are not: they are shares of a card that is listed itself.
    """
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
    reader = Reader(folder)
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
        **_errors(reader),
        "siblings": _siblings(_devices(root), bdf),
    }
    # Last, for it may wake the card: its power state is to be seen before.
    facts |= _live(reader, facts)
    return PciFacts.model_validate({**facts, "missing": reader.missing, "raw": reader.raw})


def _identity(reader: Reader) -> dict[str, Any]:
    return {
        "subsystem_vendor_id": reader.number("subsystem_vendor", "subsystem_vendor_id"),
        "subsystem_id": reader.number("subsystem_device", "subsystem_id"),
        "revision_id": reader.parsed("revision", "revision_id", lambda text: int(text, 16)),
        "class_code": reader.parsed("class", "class_code", lambda text: int(text, 16)),
        "driver": _link_name(reader.folder / "driver"),
        "power_state": sanitise(text_or(reader.folder / "power_state"), 20) or None,
    }


def _live(reader: Reader, facts: dict[str, Any]) -> dict[str, Any]:
    """What the card itself says now. It also fills what the kernel's own files leave open."""
    data = read_bytes(reader.folder / "config", FULL_BYTES)
    if isinstance(data, Unavailable):
        reader.missing |= dict.fromkeys(("config", *_ONLY_CONFIG), data)
        return {}
    reader.raw["config"] = data.hex()
    config = parse_config(data, _cut_off(data))
    if config.off_bus:
        reader.missing["config"] = config.missing["config"]
        # As lspci shows it; the kernel's own copy is from before the card was lost.
        return {"off_bus": True, "revision_id": 0xFF, "config_bytes": config.length}
    return {
        "live_device_id": config.device_id,
        "live_subsystem_vendor_id": config.subsystem_vendor_id,
        "live_subsystem_id": config.subsystem_id,
        "config_bytes": config.length,
        "capabilities": tuple(each.name for each in config.capabilities),
        "link_generation_target": config.link_generation_target,
        **_completed(reader, facts, config),
    }


def _completed(reader: Reader, facts: dict[str, Any], config: ConfigFacts) -> dict[str, Any]:
    """Facts that sysfs lacks and the configuration space has."""
    told = {name: getattr(config, name) for name in (*_FROM_CONFIG, *_ONLY_CONFIG)}
    told["bar1_supported_bytes"] = config.resizable_bytes.get(1)
    added = {name: value for name, value in told.items() if value is not None and facts.get(name) is None}
    for name in added:
        reader.missing.pop(name, None)
    reader.missing |= {name: config.missing[name] for name in _ONLY_CONFIG if name in config.missing}
    return added


def _cut_off(data: bytes) -> Unavailable | None:
    if len(data) <= HEADER_BYTES and (os.name != "posix" or os.geteuid() != 0):
        return Unavailable(unavailable=Reason.NO_PERMISSION, detail=NEEDS_ROOT)
    return None


def _link(reader: Reader) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for state, file in (("max", "max_link"), ("current", "current_link")):
        generation, lanes = f"link_generation_{state}", f"link_lanes_{state}"
        facts[generation] = reader.parsed(f"{file}_speed", generation, files.link_generation)
        facts[lanes] = reader.parsed(f"{file}_width", lanes, files.lanes)
        if reader.raw.get(f"{file}_width") == _ONES:
            facts[generation], reader.missing[generation] = None, reader.missing[lanes]
    port = reader.folder.resolve().parent
    generation, lanes = "port_link_generation_max", "port_link_lanes_max"
    if normalise_bdf(port.name) is None:
        reason = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="no PCI port is visible above the card")
        reader.missing |= {generation: reason, lanes: reason}
        return facts
    facts["port_bdf"] = normalise_bdf(port.name)
    facts[generation] = reader.parsed("max_link_speed", generation, files.link_generation, port)
    facts[lanes] = reader.parsed("max_link_width", lanes, files.lanes, port)
    facts["port_link_generation_target"] = _target(reader, port)
    return facts


def _target(reader: Reader, port: Path) -> int | None:
    """The limit that is set for the port, which only its configuration space tells."""
    data = read_bytes(port / "config", FULL_BYTES)
    if isinstance(data, Unavailable):
        reader.missing["port_link_generation_target"] = data
        return None
    config = parse_config(data, _cut_off(data))
    if config.link_generation_target is None:
        gone = config.missing.get("link_generation_max") or config.missing.get("config")
        reader.missing["port_link_generation_target"] = gone or _NO_TARGET
    return config.link_generation_target


def _bars(reader: Reader) -> dict[str, Any]:
    return {
        "bar_sizes_bytes": reader.parsed("resource", "bar_sizes_bytes", files.bar_sizes) or (),
        "bar1_supported_bytes": reader.parsed("resource1_resize", "bar1_supported_bytes", files.resizable_sizes),
    }


def _errors(reader: Reader) -> dict[str, Any]:
    """The kernel's counts. The files are absent where firmware keeps error reporting to itself."""
    kinds = ("correctable", "nonfatal", "fatal")
    return {f"aer_{kind}": reader.parsed(f"aer_dev_{kind}", f"aer_{kind}", files.error_counts) for kind in kinds}


def _siblings(devices: Path, bdf: str) -> tuple[PciSibling, ...]:
    """The other functions in the card's slot."""
    slot = bdf.rpartition(".")[0]
    found = (_sibling(devices / name, name) for name in (f"{slot}.{n}" for n in range(8)) if name != bdf)
    return tuple(sibling for sibling in found if sibling)


def _sibling(folder: Path, bdf: str) -> PciSibling | None:
    reader = Reader(folder)
    vendor, device = reader.number("vendor", "vendor_id"), reader.number("device", "device_id")
    if vendor is None or device is None:
        return None
    code = reader.parsed("class", "class_code", lambda text: int(text, 16))
    return PciSibling(
        bdf=bdf, vendor_id=vendor, device_id=device, class_code=code, driver=_link_name(folder / "driver")
    )


def _devices(root: Path | str) -> Path:
    return Path(root) / "bus" / "pci" / "devices"


def _is_display(folder: Path) -> bool:
    try:
        vendor, code = int(text_or(folder / "vendor", "0"), 16), int(text_or(folder / "class", "0"), 16)
    except ValueError:
        return False
    return vendor == NVIDIA and code >> 16 == _DISPLAY_CLASS and not _is_share(folder)


def _is_share(folder: Path) -> bool:
    """Whether it is a virtual function: a share of a card, for a guest, with the card's own ids."""
    return (folder / "physfn").is_symlink()


def _link_name(path: Path) -> str | None:
    try:
        return sanitise(path.readlink().name) or None
    except OSError:
        return None
