"""A card while it is being read: values and reasons by field name, from one section of a file or from several."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.counters import ALL_ONES, COUNTERS, all_ones
from gpucheck.model.evidence import BLANKED, DriverFacts, NvmlFacts, PciFacts, Route
from gpucheck.model.text import sanitise
from gpucheck.sources import smi_fields as read

RAW_ENTRIES = 600
_MASKED_UUID = re.compile(r"GPU-0{8}-0000-0000-0000-[0-9a-f]{12}")
_GPU_PART = re.compile(r"[0-9A-F]{4}-\w{3,5}-\w{2,3}", re.IGNORECASE)
_NO_ID = (0, 0xFFFF)
_HARMLESS = ("addressing_mode",)

PARSERS: dict[str, Callable[[str], read.Value | None]] = {
    "driver_version": read.driver,
    "cuda_version": read.cuda,
    "name": read.words,
    "brand": read.words,
    "architecture": read.words,
    "pdi": read.words,
    "vbios_version": read.version,
    "inforom_image_version": read.words,
    "inforom_oem_version": read.words,
    "inforom_ecc_version": read.words,
    "inforom_power_version": read.words,
    "bdf": read.bus_id,
    "memory_total_bytes": read.size,
    "memory_reserved_bytes": read.size,
    "memory_used_bytes": read.size,
    "memory_free_bytes": read.size,
    "bar1_total_bytes": read.size,
    "sm_count": read.count,
    "compute_capability": read.capability,
    "memory_clock_max_mhz": read.count,
    "sm_clock_max_mhz": read.count,
    "pcie_generation_max": read.count,
    "pcie_generation_device_max": read.count,
    "pcie_generation_current": read.count,
    "pcie_lanes_max": read.count,
    "pcie_lanes_current": read.count,
    "power_limit_watts": read.watts,
    "power_default_watts": read.watts,
    "power_min_watts": read.watts,
    "power_max_watts": read.watts,
    "ecc_enabled": read.switch,
    "mig_enabled": read.switch,
    "driver_model": read.driver_model,
    "display_active": read.switch,
    "row_remap_pending": read.switch,
    "row_remap_failure": read.switch,
    "retired_pages_pending": read.switch,
    **dict.fromkeys(COUNTERS, read.counter),
}
IDENTITY = (
    "name",
    "uuid",
    "serial",
    "board_part_number",
    "gpu_part_number",
    "vbios_version",
    "vendor_id",
    "device_id",
    "subsystem_vendor_id",
    "subsystem_id",
    "memory_total_bytes",
)


@dataclass(slots=True)
class Draft:
    """Fields of one card, as far as they are known."""

    route: Route
    index: int | None = None
    values: dict[str, read.Value] = field(default_factory=dict)
    missing: dict[str, Unavailable] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    mig_instances: list[str] = field(default_factory=list)
    fault: str | None = None
    timestamp: datetime | None = None
    pci: PciFacts | None = None
    driver: DriverFacts | None = None

    @property
    def bdf(self) -> str | None:
        """Bus address, from nvidia-smi, from ``lspci`` or from the kernel driver."""
        known = self.values.get("bdf")
        if isinstance(known, str):
            return known
        return self.pci.bdf if self.pci else self.driver.bdf if self.driver else None

    @property
    def label(self) -> str:
        """How the card is told from the others of its file."""
        return self.bdf or (f"GPU {self.index}" if self.index is not None else str(self.values.get("name", "card")))

    def keep(self, path: str, text: str) -> None:
        """Keep a read as it came, made harmless, as long as there is room."""
        if len(self.raw) < RAW_ENTRIES:
            self.raw.setdefault(path[:200], text if len(text) < 100 and text.isprintable() else sanitise(text))

    def put(self, name: str, text: str) -> None:
        """Read ``text`` into the field ``name``, or note why that field is missing. What is known already stays."""
        if name in self.values:
            return
        gone = read.absent(text)
        if gone is not None:
            self._lack(name, gone)
        elif name in _SPECIAL:
            _SPECIAL[name](self, name, text)
        else:
            self.set(name, PARSERS[name](text), text)

    def set(self, name: str, value: read.Value | None, text: str) -> None:
        """Store a parsed value; None means that ``text`` could not be understood."""
        if value is None:
            self._lack(name, Unavailable(unavailable=Reason.FAILED, detail=f"not understood: {sanitise(text, 80)}"))
        elif name in COUNTERS and isinstance(value, int) and all_ones(value):
            self._lack(name, Unavailable(unavailable=Reason.FAILED, detail=f"{value:,}: {ALL_ONES}"))
        elif name not in self.values:
            self.values[name] = value
            self.missing.pop(name, None)

    def _lack(self, name: str, gone: Unavailable) -> None:
        for each in _COMPOSITE.get(name, (name,)):
            self.missing.setdefault(each, gone)

    def mask(self, name: str, text: str) -> None:
        """Note that whoever sent the file, or the board's maker, blanked this field."""
        gone = Unavailable(unavailable=Reason.NO_PERMISSION, detail=f"{BLANKED}: {sanitise(text, 80)}")
        for each in _COMPOSITE.get(name, (name,)):
            self.missing.setdefault(each, gone)

    def note_fault(self, path: str, text: str) -> None:
        """Remember a driver's statement that the card is lost or in a fault state."""
        if self.fault is None and not path.endswith(_HARMLESS):
            said = read.fault_in(text)
            self.fault = said and f"{path}: {said}"

    def facts(self) -> NvmlFacts:
        """The finished section."""
        known: dict[str, object] = dict(self.values)
        known.update(route=self.route, mig_instances=tuple(self.mig_instances), fault=self.fault)
        known.update(missing=self.missing, raw=self.raw)
        return NvmlFacts.model_validate(known)


def _put_uuid(draft: Draft, name: str, text: str) -> None:
    value = read.uuid(text)
    if value is None or _MASKED_UUID.fullmatch(value):
        draft.mask(name, text)
    else:
        draft.set(name, value, text)


def _put_number(draft: Draft, name: str, text: str) -> None:
    """Serial and part numbers: all zeros means that the maker left it open, or that someone scrubbed it."""
    if not text.strip("0-. "):
        gone = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=f"printed as {sanitise(text, 40)}")
        draft.missing.setdefault(name, gone)
    else:
        draft.set(name, read.words(text), text)


def _put_gpu_part(draft: Draft, name: str, text: str) -> None:
    """Drivers before 525 print the board's number under this title."""
    field_name = name if _GPU_PART.fullmatch(text) or "board_part_number" in draft.values else "board_part_number"
    _put_number(draft, field_name, text)


def _put_ids(draft: Draft, name: str, text: str) -> None:
    vendor_field, device_field = _COMPOSITE[name]
    parts = read.identity(text)
    if parts is None:
        draft.set(device_field, None, text)
    elif _is_blank(name, *parts):
        draft.mask(name, text)
    else:
        draft.set(device_field, parts[1], text)
        if parts[0] is not None:
            draft.set(vendor_field, parts[0], text)


def _is_blank(name: str, vendor: int | None, device: int) -> bool:
    """Whether ids were blanked: nothing or all ones in both halves or, of a device, in its own; also ``0x000000DE``.

    A subsystem of zero with a vendor is what some boards hold.
    """
    if vendor is not None and device == 0 and 0 < vendor <= 0xFF:
        return True
    return device in _NO_ID and (name == "pci_device" or vendor in (None, device))


def _put_virtualization(draft: Draft, name: str, text: str) -> None:
    if text.lower() != "none":
        draft.set(name, read.words(text), text)


_COMPOSITE = {"pci_device": ("vendor_id", "device_id"), "pci_subsystem": ("subsystem_vendor_id", "subsystem_id")}
_SPECIAL: dict[str, Callable[[Draft, str, str], None]] = {
    "uuid": _put_uuid,
    "serial": _put_number,
    "board_part_number": _put_number,
    "gpu_part_number": _put_gpu_part,
    "pci_device": _put_ids,
    "pci_subsystem": _put_ids,
    "virtualization": _put_virtualization,
}
