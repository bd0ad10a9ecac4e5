"""Lists of ``key: value`` or ``key=value`` lines about a card, as reports and ``/proc/driver/nvidia`` hold them."""

import re
from collections.abc import Callable
from functools import partial

from gpucheck.sources import smi_fields as read
from gpucheck.sources.smi_draft import Draft
from gpucheck.sources.smi_row import CARD_NAME

MAX_CARDS = 64
MAX_LINE = 300

KEYS = {
    "gpu": "name",
    "card": "name",
    "gpu_name": "name",
    "gpu_model": "name",
    "product_name": "name",
    "device_name": "name",
    "model": "name",
    "gpu_smi_name": "name",
    "pci_id": "pci_device",
    "pci_device": "pci_device",
    "pci_device_id": "pci_device",
    "device_id": "pci_device",
    "gpu_pci_identity": "pci_device",
    "gpu_pci_id": "pci_device",
    "vendor_id": "vendor_id",
    "subsystem": "pci_subsystem",
    "subsystem_id": "pci_subsystem",
    "sub_system_id": "pci_subsystem",
    "pci_subsystem": "pci_subsystem",
    "vram": "memory_total_bytes",
    "reported_vram": "memory_total_bytes",
    "gpu_vram": "memory_total_bytes",
    "total_vram": "memory_total_bytes",
    "vram_total": "memory_total_bytes",
    "gpu_memory": "memory_total_bytes",
    "gpu_memory_total": "memory_total_bytes",
    "memory_total": "memory_total_bytes",
    "video_memory": "memory_total_bytes",
    "fb_memory": "memory_total_bytes",
    "memory": "memory_mib",
    "bar1": "bar1_total_bytes",
    "bar1_size": "bar1_total_bytes",
    "bar1_total": "bar1_total_bytes",
    "vbios": "vbios_version",
    "gpu_vbios": "vbios_version",
    "vbios_version": "vbios_version",
    "video_bios": "vbios_version",
    "driver": "driver_version",
    "nvidia_driver": "driver_version",
    "gpu_driver": "driver_version",
    "driver_version": "driver_version",
    "cuda_umd": "cuda_version",
    "cuda_version": "cuda_version",
    "compute_capability": "compute_capability",
    "gpu_compute_capability": "compute_capability",
    "compute_cap": "compute_capability",
    "gpu_sm_clock_max": "sm_clock_max_mhz",
    "gpu_memory_clock_max": "memory_clock_max_mhz",
    "power_limit_current": "power_limit_watts",
    "power_limit": "power_limit_watts",
    "power_limit_default": "power_default_watts",
    "power_limit_max": "power_max_watts",
    "power_limit_min": "power_min_watts",
    "power_limit_range": "power_range",
    "bdf": "bdf",
    "bus_id": "bdf",
    "pci_bus_id": "bdf",
    "bus_location": "bdf",
    "pci_address": "bdf",
    "gpu_uuid": "uuid",
    "uuid": "uuid",
    "serial": "serial",
    "serial_number": "serial",
    "board_part_number": "board_part_number",
    "gpu_part_number": "gpu_part_number",
    "pcie": "pcie_link",
    "pcie_link": "pcie_link",
}
_LINE = re.compile(r"[\s>*+`|-]{0,12}([A-Za-z][\w .()-]{0,40}?)[*_`]{0,4} {0,20}[:=|\uff1a][*_`]{0,4}\s*(\S.{0,250})")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_NAME = re.compile(CARD_NAME)
_VBIOS = re.compile(r"[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{2}){4}")
_DRIVER = re.compile(r"\b\d{3}\.\d{2,3}(?:\.\d{2})?\b")
_ID = re.compile(r"(?:^|\[)((?:0x)?[0-9a-f]{4}(?:[:-][0-9a-f]{4})?|0x[0-9a-f]{8})(?=[\s\]`,;]|$)", re.IGNORECASE)
_SIZED = re.compile(r"\d{1,7} ?[MG]i?B(?: per (?:card|gpu))?", re.IGNORECASE)
_MIB = re.compile(r"\b(\d{3,7}) ?MiB\b")
_LINK = re.compile(r"(\d{1,2}(?:\.\d)?) GT/s,? (?:PCIe )?x(\d{1,2})")
_ENDPOINT = re.compile(r"endpoint capability (\d{1,2}(?:\.\d)?) GT/s")
_RANGE = re.compile(r"(\d{1,4})\.\.(\d{1,4}) ?W")
_GENERATIONS = {"2.5": 1, "5": 2, "5.0": 2, "8": 3, "8.0": 3, "16": 4, "16.0": 4, "32": 5, "32.0": 5, "64": 6}
_NEW_CARD = {"name", "pci_device", "bdf", "uuid"}
_FACTS = ("name", "device_id", "subsystem_id", "vbios_version", "memory_total_bytes", "bdf", "uuid")


def read_keys(lines: list[str]) -> list[Draft]:
    """Cards that such lists describe: a name or a device id, and one more fact that tells cards apart."""
    drafts = [Draft("text")]
    for line in lines:
        if len(line) > MAX_LINE or not (match := _LINE.match(line)):
            continue
        name = KEYS.get(_NOT_WORD.sub("_", match[1].lower()).strip("_"))
        value = match[2].strip().strip("|*`\"' ")
        if name is None or not value:
            continue
        if name in _NEW_CARD and _holds(drafts[-1], name) and len(drafts) < MAX_CARDS:
            drafts.append(Draft("text"))
        _put(drafts[-1], name, value)
        if drafts[-1].values:
            drafts[-1].keep(f"list/{match[1].strip()}", value)
    return [draft for draft in drafts if _is_card(draft)]


def _holds(draft: Draft, name: str) -> bool:
    return ("device_id" if name == "pci_device" else name) in draft.values


def _is_card(draft: Draft) -> bool:
    facts = sum(name in draft.values for name in _FACTS)
    return facts > 1 and bool({"name", "device_id"} & draft.values.keys())


def _put(draft: Draft, name: str, value: str) -> None:
    """Read a value whose form fits its key; any other is taken for prose."""
    if name in _READERS:
        _READERS[name](draft, value)
    elif name in _FORMS:
        if match := _FORMS[name].search(value) if name == "driver_version" else _FORMS[name].fullmatch(value):
            draft.put(name, match[0])
    elif name != "uuid" or read.uuid(value):
        draft.put(name, value)


def _put_vendor(draft: Draft, value: str) -> None:
    parts = read.identity(value)
    if parts and parts[0] is None:
        draft.set("vendor_id", parts[1], value)


def _put_pair(name: str, draft: Draft, value: str) -> None:
    matches = _ID.findall(value)
    if matches:
        draft.put(name, matches[-1])


def _put_link(draft: Draft, value: str) -> None:
    if link := _LINK.match(value):
        draft.set("pcie_generation_current", _GENERATIONS.get(link[1]), value)
        draft.put("pcie_lanes_current", link[2])
    if endpoint := _ENDPOINT.search(value):
        draft.set("pcie_generation_device_max", _GENERATIONS.get(endpoint[1]), value)


def _put_memory(draft: Draft, value: str) -> None:
    if _SIZED.fullmatch(value):
        draft.put("memory_total_bytes", value)
    else:
        _put_mebibytes(draft, value)


def _put_mebibytes(draft: Draft, value: str) -> None:
    """The largest size of ``22 GiB (22528 MiB)`` or ``300 MiB / 22528 MiB``; a host's memory is not told in MiB."""
    sizes = [int(size) for size in _MIB.findall(value[:60])]
    if sizes:
        draft.put("memory_total_bytes", f"{max(sizes)} MiB")


def _put_range(draft: Draft, value: str) -> None:
    if limits := _RANGE.fullmatch(value):
        draft.put("power_min_watts", limits[1])
        draft.put("power_max_watts", limits[2])


_READERS: dict[str, Callable[[Draft, str], None]] = {
    "vendor_id": _put_vendor,
    "pcie_link": _put_link,
    "power_range": _put_range,
    "memory_total_bytes": _put_memory,
    "memory_mib": _put_mebibytes,
    "pci_device": partial(_put_pair, "pci_device"),
    "pci_subsystem": partial(_put_pair, "pci_subsystem"),
}
_FORMS = {
    "name": _NAME,
    "vbios_version": _VBIOS,
    "driver_version": _DRIVER,
    "bar1_total_bytes": _SIZED,
}
