"""``nvidia-smi --query-gpu=... --format=csv`` with its header line, all column names and their old ones."""

import re
from dataclasses import dataclass

from gpucheck.sources import smi_fields as read
from gpucheck.sources.smi_draft import Draft

MAX_CARDS = 256
MAX_BLOCKS = 200

COLUMNS = {
    "name": "name",
    "gpu_name": "name",
    "driver_version": "driver_version",
    "kmd_version": "driver_version",
    "cuda_version": "cuda_version",
    "cuda_umd_version": "cuda_version",
    "serial": "serial",
    "gpu_serial": "serial",
    "uuid": "uuid",
    "gpu_uuid": "uuid",
    "pdi": "pdi",
    "pci.bus_id": "bdf",
    "gpu_bus_id": "bdf",
    "pci.device_id": "pci_device",
    "pci.sub_device_id": "pci_subsystem",
    "vbios_version": "vbios_version",
    "inforom.img": "inforom_image_version",
    "inforom.image": "inforom_image_version",
    "inforom.oem": "inforom_oem_version",
    "inforom.ecc": "inforom_ecc_version",
    "inforom.pwr": "inforom_power_version",
    "inforom.power": "inforom_power_version",
    "memory.total": "memory_total_bytes",
    "memory.reserved": "memory_reserved_bytes",
    "memory.used": "memory_used_bytes",
    "memory.free": "memory_free_bytes",
    "compute_cap": "compute_capability",
    "clocks.max.memory": "memory_clock_max_mhz",
    "clocks.max.mem": "memory_clock_max_mhz",
    "clocks.max.sm": "sm_clock_max_mhz",
    "pcie.link.gen.max": "pcie_generation_max",
    "pcie.link.gen.gpumax": "pcie_generation_device_max",
    "pcie.link.gen.current": "pcie_generation_current",
    "pcie.link.width.max": "pcie_lanes_max",
    "pcie.link.width.current": "pcie_lanes_current",
    "enforced.power.limit": "power_limit_watts",
    "gpu.power.current_limit": "power_limit_watts",
    "power.limit": "power_limit_watts",
    "gpu.power.requested_limit": "power_limit_watts",
    "power.default_limit": "power_default_watts",
    "gpu.power.default_limit": "power_default_watts",
    "power.min_limit": "power_min_watts",
    "gpu.power.min_limit": "power_min_watts",
    "power.max_limit": "power_max_watts",
    "gpu.power.max_limit": "power_max_watts",
    "ecc.mode.current": "ecc_enabled",
    "mig.mode.current": "mig_enabled",
    "driver_model.current": "driver_model",
    "display_active": "display_active",
    "remapped_rows.correctable": "row_remap_correctable",
    "remapped_rows.sbe": "row_remap_correctable",
    "remapped_rows.uncorrectable": "row_remap_uncorrectable",
    "remapped_rows.dbe": "row_remap_uncorrectable",
    "remapped_rows.pending": "row_remap_pending",
    "remapped_rows.failure": "row_remap_failure",
    "retired_pages.single_bit_ecc.count": "retired_pages_single_bit",
    "retired_pages.sbe": "retired_pages_single_bit",
    "retired_pages.double_bit.count": "retired_pages_double_bit",
    "retired_pages.dbe": "retired_pages_double_bit",
    "retired_pages.pending": "retired_pages_pending",
    "ecc.errors.uncorrected.volatile.total": "ecc_uncorrected_volatile",
    "ecc.errors.uncorrected.aggregate.total": "ecc_uncorrected_aggregate",
    "ecc.errors.corrected.aggregate.total": "ecc_corrected_aggregate",
}
_COLUMN = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z0-9_]+)*)(?: \[([^\]]{1,8})\])?")
_OTHER_QUERIES = {"pid", "process_name", "used_gpu_memory", "used_memory", "retired_pages.address", "gpu_utilization"}
_UNPRINTED_UNITS = {"%", "MiB", "W", "MHz", "us", "ms", "C"}
_SEPARATORS = (",", ";", "\t")
_PRIVATE = {"hostname"}


@dataclass(slots=True, frozen=True)
class _Header:
    separator: str
    names: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def about_cards(self) -> bool:
        return not _OTHER_QUERIES.intersection(self.names)

    def split(self, line: str) -> list[str] | None:
        """The cells of a row, None where it is not a row below this header."""
        cells = [cell.strip().strip('"') for cell in line.split(self.separator)]
        if len(cells) != len(self.names) or cells[0].lower() == self.names[0]:
            return None
        # A list of column names, one a line, is neither header nor rows.
        return (
            None if len(cells) == 1 and ("." in cells[0] or "_" in cells[0]) and _COLUMN.fullmatch(cells[0]) else cells
        )


def _header(line: str) -> _Header | None:
    """The header that ``line`` is, if it is one: known columns only once, nothing but column names."""
    for separator in _SEPARATORS:
        cells = [cell.strip() for cell in line.split(separator, 400)]
        if len(cells) > 1:
            cells = [cell.strip('"') for cell in cells]
        matches = [_COLUMN.fullmatch(cell) for cell in cells] if len(cells) > 1 or separator == "," else []
        if not matches or None in matches:
            continue
        names = tuple(match[1].lower() for match in matches if match)
        known = sum(name in COLUMNS for name in names)
        if known > 1 or (known and (len(names) > 1 or "[" in line)) or (known and "." in names[0]):
            return _Header(separator, names, tuple(match[2] or "" for match in matches if match))
    return None


def _may_be_header(line: str) -> bool:
    return len(line) > 4 and ("name" in line or "memory." in line or "uuid" in line or "pci." in line or "_" in line)


def read_csv(lines: list[str]) -> tuple[list[list[Draft]], list[str]]:
    """Cards of every headed block, block by block, and the lines that belong to none."""
    blocks: list[list[Draft]] = []
    rest: list[str] = []
    header: _Header | None = None
    for line in lines:
        found = _header(line) if len(blocks) < MAX_BLOCKS and _may_be_header(line) else None
        if found:
            header = found
            blocks.append([])
            continue
        cells = header.split(line) if header and line and not line.isspace() else None
        if header is None or cells is None:
            header = None
            rest.append(line)
        elif header.about_cards and len(blocks[-1]) < MAX_CARDS:
            draft = _card(header, cells)
            if draft is not None:
                blocks[-1].append(draft)
    return [block for block in blocks if block], rest


def _card(header: _Header, cells: list[str]) -> Draft | None:
    draft = Draft("nvidia-smi --query-gpu")
    for name, unit, cell in zip(header.names, header.units, cells, strict=True):
        if name == "index":
            draft.index = read.count(cell) if len(cell) < 4 else None
        elif name == "timestamp":
            draft.timestamp = read.moment(cell)
        field = COLUMNS.get(name)
        if field:
            draft.put(field, f"{cell} {unit}" if unit in _UNPRINTED_UNITS and cell.isdigit() else cell)
        if name not in _PRIVATE:
            draft.keep(name, cell)
        draft.note_fault(name, cell)
    understood = len(draft.values) or any(gone.detail[:3] != "not" for gone in draft.missing.values())
    return draft if understood or draft.fault else None
