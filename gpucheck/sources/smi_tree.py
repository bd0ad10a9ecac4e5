"""Where the XML and the indented text of ``nvidia-smi -q`` keep each fact, from driver 352 to driver 610.

Both are trees of titles; a path here is the titles of a leaf, lower case, joined by ``/``.
"""

import re

from gpucheck.model.counters import all_ones
from gpucheck.model.evidence import Route
from gpucheck.sources import smi_fields as read
from gpucheck.sources.smi_draft import Draft

MAX_CARDS = 256
MAX_LEAVES = 4000

PATHS: dict[str, tuple[str, ...]] = {
    "name": ("product_name",),
    "brand": ("product_brand",),
    "architecture": ("product_architecture",),
    "uuid": ("uuid", "gpu_uuid"),
    "pdi": ("pdi", "gpu_pdi"),
    "serial": ("serial", "serial_number"),
    "board_part_number": ("board_part_number",),
    "gpu_part_number": ("gpu_part_number",),
    "vbios_version": ("vbios_version",),
    "inforom_image_version": ("inforom_version/img_version", "inforom_version/image_version"),
    "inforom_oem_version": ("inforom_version/oem_object",),
    "inforom_ecc_version": ("inforom_version/ecc_object",),
    "inforom_power_version": ("inforom_version/pwr_object", "inforom_version/power_management_object"),
    "bdf": ("pci/pci_bus_id", "pci/bus_id"),
    "pci_device": ("pci/pci_device_id", "pci/device_id"),
    "pci_subsystem": ("pci/pci_sub_system_id", "pci/sub_system_id"),
    "memory_total_bytes": ("fb_memory_usage/total", "memory_usage/total"),
    "memory_reserved_bytes": ("fb_memory_usage/reserved",),
    "memory_used_bytes": ("fb_memory_usage/used", "memory_usage/used"),
    "memory_free_bytes": ("fb_memory_usage/free", "memory_usage/free"),
    "bar1_total_bytes": ("bar1_memory_usage/total",),
    "compute_capability": ("compute_capability", "cuda_compute_capability"),
    "memory_clock_max_mhz": ("max_clocks/mem_clock", "max_clocks/memory"),
    "sm_clock_max_mhz": ("max_clocks/sm_clock", "max_clocks/sm"),
    "pcie_generation_max": (
        "pci/pci_gpu_link_info/pcie_gen/max_link_gen",
        "pci/gpu_link_info/pcie_generation/max",
    ),
    "pcie_generation_device_max": (
        "pci/pci_gpu_link_info/pcie_gen/max_device_link_gen",
        "pci/gpu_link_info/pcie_generation/device_max",
    ),
    "pcie_generation_current": (
        "pci/pci_gpu_link_info/pcie_gen/current_link_gen",
        "pci/gpu_link_info/pcie_generation/current",
    ),
    "pcie_lanes_max": (
        "pci/pci_gpu_link_info/link_widths/max_link_width",
        "pci/gpu_link_info/link_width/max",
    ),
    "pcie_lanes_current": (
        "pci/pci_gpu_link_info/link_widths/current_link_width",
        "pci/gpu_link_info/link_width/current",
    ),
    "pcie_replay_count": ("pci/replay_counter", "pci/replays_since_reset"),
    "power_limit_watts": (
        "gpu_power_readings/current_power_limit",
        "gpu_power_readings/gpu_ceiling_power_limit/current_power_limit",
        "gpu_power_readings/power_limit",
        "power_readings/power_limit",
        "power_readings/current_power_limit",
    ),
    "power_default_watts": (
        "gpu_power_readings/default_power_limit",
        "gpu_power_readings/gpu_ceiling_power_limit/default_power_limit",
        "power_readings/default_power_limit",
    ),
    "power_min_watts": (
        "gpu_power_readings/min_power_limit",
        "gpu_power_readings/gpu_ceiling_power_limit/min_power_limit",
        "power_readings/min_power_limit",
    ),
    "power_max_watts": (
        "gpu_power_readings/max_power_limit",
        "gpu_power_readings/gpu_ceiling_power_limit/max_power_limit",
        "power_readings/max_power_limit",
    ),
    "ecc_enabled": ("ecc_mode/current_ecc", "ecc_mode/current"),
    "mig_enabled": ("mig_mode/current_mig", "mig_mode/current"),
    "virtualization": ("gpu_virtualization_mode/virtualization_mode",),
    "driver_model": ("driver_model/current_dm", "driver_model/current"),
    "display_active": ("display_active",),
    "row_remap_correctable": ("remapped_rows/remapped_row_corr", "remapped_rows/correctable_error"),
    "row_remap_uncorrectable": ("remapped_rows/remapped_row_unc", "remapped_rows/uncorrectable_error"),
    "row_remap_pending": ("remapped_rows/remapped_row_pending", "remapped_rows/pending"),
    "row_remap_banks_exhausted": (
        "remapped_rows/row_remapper_histogram/row_remapper_histogram_none",
        "remapped_rows/bank_remap_availability_histogram/none",
    ),
    "row_remap_failure": ("remapped_rows/remapped_row_failure", "remapped_rows/remapping_failure_occurred"),
    "retired_pages_single_bit": (
        "retired_pages/multiple_single_bit_retirement/retired_count",
        "retired_pages/single_bit_ecc",
    ),
    "retired_pages_double_bit": (
        "retired_pages/double_bit_retirement/retired_count",
        "retired_pages/double_bit_ecc",
    ),
    "retired_pages_pending": (
        "retired_pages/pending_retirement",
        "retired_pages/pending_blacklist",
        "retired_pages/pending_page_blacklist",
    ),
}
_ECC_SUMS = {
    "ecc_uncorrected_volatile": ("volatile", "uncorrectable", "double_bit/total"),
    "ecc_uncorrected_aggregate": ("aggregate", "uncorrectable", "double_bit/total"),
    "ecc_corrected_aggregate": ("aggregate", "_correctable", "single_bit/total"),
}
_MIG = re.compile(r"(?:mig_devices/)?mig_device#(\d+)/(.+)")
_NOTHING = re.compile(r"\[?(?:unknown error|gpu is lost|err!)", re.IGNORECASE)


def card_from(leaves: dict[str, str], route: Route, bus: str | None) -> Draft:
    """A card from the leaves below its ``<gpu>`` element or its ``GPU`` line; ``bus`` is the id in that head."""
    draft = Draft(route)
    for name, paths in PATHS.items():
        _put_first(draft, name, paths, leaves)
    if bus and "bdf" not in draft.values:
        draft.put("bdf", bus)
    errors = {path[11:]: text for path, text in leaves.items() if path.startswith("ecc_errors/")}
    for name, (span, kind, total) in _ECC_SUMS.items():
        _put_errors(draft, name, errors, f"{span}/", kind, total)
    for path, text in leaves.items():
        draft.keep(path, text)
        if _NOTHING.match(text):
            draft.note_fault(path, text)
    draft.mig_instances.extend(_mig_instances(leaves))
    return draft


def _put_first(draft: Draft, name: str, paths: tuple[str, ...], leaves: dict[str, str]) -> None:
    for path in paths:
        if path in leaves:
            draft.put(name, leaves[path])
            return
    # `Remapped Rows : N/A` speaks for every leaf that would be below it.
    above = leaves.get(paths[0].rpartition("/")[0])
    if above is not None and read.absent(above):
        draft.put(name, above)


def _put_errors(draft: Draft, name: str, leaves: dict[str, str], span: str, kind: str, total: str) -> None:
    """New drivers count by memory and cause, which adds up; old ones print a total."""
    if span + total in leaves:
        draft.put(name, leaves[span + total])
        return
    parts = [text for path, text in leaves.items() if path.startswith(span) and kind in path]
    counts = [number for text in parts if (number := read.counter(text)) is not None]
    read_out = [number for number in counts if not all_ones(number)]
    if counts:
        # One that is full hides how many there were, not that there were some.
        draft.set(name, sum(read_out) if len(read_out) == len(counts) or any(read_out) else max(counts), "")
    elif parts:
        draft.put(name, parts[0])


def _mig_instances(leaves: dict[str, str]) -> list[str]:
    devices: dict[str, dict[str, str]] = {}
    for path, text in leaves.items():
        if "mig_device#" in path and (match := _MIG.match(path)):
            devices.setdefault(match[1], {})[match[2]] = text
    return [_describe(device) for device in list(devices.values())[:64]]


def _describe(device: dict[str, str]) -> str:
    """One MIG instance in words: ids, multiprocessors, memory."""

    def find(*ends: str) -> str:
        return next((text[:40] for path, text in device.items() if path.endswith(ends)), "?")

    total = find("fb_memory_usage/total")
    return f"GI {find('gpu_instance_id')} CI {find('compute_instance_id')}: {find('multiprocessor_count')} SM, {total}"


def is_whole(host: dict[str, str], cards: int) -> bool:
    """Whether a listing holds all cards of its host, so that a card's place in it is its index."""
    return host.get("attached_gpus", "") == str(cards)


def put_host(draft: Draft, host: dict[str, str]) -> None:
    """What the head of a listing says, given to each of its cards. Driver 610 renamed both versions."""
    for name, titles in (
        ("driver_version", ("kmd_version", "driver_version")),
        ("cuda_version", ("cuda_umd_version", "cuda_version")),
    ):
        for title in titles:
            if title in host:
                draft.put(name, host[title])
    draft.timestamp = read.moment(host.get("timestamp", ""))
