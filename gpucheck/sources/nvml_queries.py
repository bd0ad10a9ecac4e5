"""What is asked of NVML: one line a question, with the evidence fields that its answer fills and how it is read.

Facts of the interface: ``nvml.h`` and ``nvidia-ml-py`` 13. Numbers stand for NVML's enumerations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gpucheck.sources.nvml_answers import (
    any_flag,
    architecture,
    bar1,
    brand,
    compute_capability,
    counter,
    cuda_version,
    driver_model,
    exhausted_banks,
    first_flag,
    flag,
    identity_text,
    memory,
    milliwatts,
    multiprocessors,
    page_count,
    pci,
    pdi,
    positive,
    power_range,
    remapped_rows,
    serial,
    virtualization,
)
from gpucheck.sources.nvml_sensors import LINK_ERRORS, compute_processes, graphics_processes, link_errors, utilization

MEMORY_V2 = 0x02000028
"""Version word of ``nvmlMemory_v2_t``: 40 bytes, version 2."""

_GRAPHICS_SM, _MEMORY_CLOCK = 1, 2
_CORRECTED, _UNCORRECTED = 0, 1
_VOLATILE, _AGGREGATE = 0, 1
_SINGLE_BIT, _DOUBLE_BIT = 0, 1
_OEM, _ECC, _POWER = 0, 1, 2

Decode = Callable[[Any], Any]


@dataclass(frozen=True)
class Query:
    """A question. ``decode`` gives the value of the one field, or a mapping where there are several."""

    function: str
    fields: tuple[str, ...]
    decode: Decode
    arguments: tuple[Any, ...] = ()
    system: bool = False
    """Asked of the driver, without a device handle."""
    instead: tuple[Any, ...] | None = None
    """Arguments for an older form of the same call."""
    joins: bool = False
    """The answer is a list to be joined to that of the question before."""

    @property
    def key(self) -> str:
        """Name of the read in ``raw``."""
        return f"{self.function}({', '.join(map(str, self.arguments))})" if self.arguments else self.function

    def values(self, answer: Any) -> Mapping[str, Any]:
        """Return the fields that the answer fills. Raises ``NoAnswer``."""
        decoded = self.decode(answer)
        return decoded if len(self.fields) > 1 else {self.fields[0]: decoded}


def _one(function: str, field: str, decode: Decode, *arguments: Any) -> Query:
    return Query(function, (field,), decode, arguments)


VBIOS_VERSION = _one("nvmlDeviceGetVbiosVersion", "vbios_version", identity_text)
UTILIZATION = _one("nvmlDeviceGetUtilizationRates", "utilization_percent", utilization)

QUERIES: tuple[Query, ...] = (
    Query("nvmlSystemGetDriverVersion", ("driver_version",), identity_text, system=True),
    Query("nvmlSystemGetCudaDriverVersion_v2", ("cuda_version",), cuda_version, system=True),
    _one("nvmlDeviceGetName", "name", identity_text),
    _one("nvmlDeviceGetBrand", "brand", brand),
    _one("nvmlDeviceGetArchitecture", "architecture", architecture),
    _one("nvmlDeviceGetUUID", "uuid", identity_text),
    _one("nvmlDeviceGetPdi", "pdi", pdi),
    _one("nvmlDeviceGetSerial", "serial", serial),
    _one("nvmlDeviceGetBoardPartNumber", "board_part_number", identity_text),
    VBIOS_VERSION,
    _one("nvmlDeviceGetInforomImageVersion", "inforom_image_version", identity_text),
    _one("nvmlDeviceGetInforomVersion", "inforom_oem_version", identity_text, _OEM),
    _one("nvmlDeviceGetInforomVersion", "inforom_ecc_version", identity_text, _ECC),
    _one("nvmlDeviceGetInforomVersion", "inforom_power_version", identity_text, _POWER),
    Query(
        "nvmlDeviceGetPciInfo",
        ("bdf", "vendor_id", "device_id", "subsystem_vendor_id", "subsystem_id"),
        pci,
    ),
    Query(
        "nvmlDeviceGetMemoryInfo",
        ("memory_total_bytes", "memory_reserved_bytes", "memory_used_bytes", "memory_free_bytes"),
        memory,
        (MEMORY_V2,),
        instead=(),
    ),
    _one("nvmlDeviceGetBAR1MemoryInfo", "bar1_total_bytes", bar1),
    _one("nvmlDeviceGetMemoryBusWidth", "memory_bus_width_bits", positive),
    _one("nvmlDeviceGetNumGpuCores", "core_count", positive),
    _one("nvmlDeviceGetAttributes_v2", "sm_count", multiprocessors),
    _one("nvmlDeviceGetCudaComputeCapability", "compute_capability", compute_capability),
    _one("nvmlDeviceGetMaxClockInfo", "memory_clock_max_mhz", positive, _MEMORY_CLOCK),
    _one("nvmlDeviceGetMaxClockInfo", "sm_clock_max_mhz", positive, _GRAPHICS_SM),
    _one("nvmlDeviceGetMaxPcieLinkGeneration", "pcie_generation_max", positive),
    _one("nvmlDeviceGetGpuMaxPcieLinkGeneration", "pcie_generation_device_max", positive),
    _one("nvmlDeviceGetCurrPcieLinkGeneration", "pcie_generation_current", positive),
    _one("nvmlDeviceGetMaxPcieLinkWidth", "pcie_lanes_max", positive),
    _one("nvmlDeviceGetCurrPcieLinkWidth", "pcie_lanes_current", positive),
    _one("nvmlDeviceGetPcieReplayCounter", "pcie_replay_count", counter),
    _one("nvmlDeviceGetFieldValues", "pcie_errors", link_errors, tuple(LINK_ERRORS)),
    _one("nvmlDeviceGetPowerManagementLimit", "power_limit_watts", milliwatts),
    _one("nvmlDeviceGetPowerManagementDefaultLimit", "power_default_watts", milliwatts),
    Query("nvmlDeviceGetPowerManagementLimitConstraints", ("power_min_watts", "power_max_watts"), power_range),
    _one("nvmlDeviceGetEccMode", "ecc_enabled", first_flag),
    _one("nvmlDeviceGetMigMode", "mig_enabled", first_flag),
    _one("nvmlDeviceGetVirtualizationMode", "virtualization", virtualization),
    _one("nvmlDeviceGetDriverModel", "driver_model", driver_model),
    _one("nvmlDeviceGetDisplayActive", "display_active", flag),
    Query("nvmlDeviceGetComputeRunningProcesses", ("processes",), compute_processes, joins=True),
    Query("nvmlDeviceGetGraphicsRunningProcesses", ("processes",), graphics_processes, joins=True),
    UTILIZATION,
    Query(
        "nvmlDeviceGetRemappedRows",
        ("row_remap_correctable", "row_remap_uncorrectable", "row_remap_pending", "row_remap_failure"),
        remapped_rows,
    ),
    _one("nvmlDeviceGetRowRemapperHistogram", "row_remap_banks_exhausted", exhausted_banks),
    _one("nvmlDeviceGetRepairStatus", "repair_pending", any_flag),
    _one("nvmlDeviceGetRetiredPages", "retired_pages_single_bit", page_count, _SINGLE_BIT),
    _one("nvmlDeviceGetRetiredPages", "retired_pages_double_bit", page_count, _DOUBLE_BIT),
    _one("nvmlDeviceGetRetiredPagesPendingStatus", "retired_pages_pending", flag),
    _one("nvmlDeviceGetTotalEccErrors", "ecc_uncorrected_volatile", counter, _UNCORRECTED, _VOLATILE),
    _one("nvmlDeviceGetTotalEccErrors", "ecc_uncorrected_aggregate", counter, _UNCORRECTED, _AGGREGATE),
    _one("nvmlDeviceGetTotalEccErrors", "ecc_corrected_aggregate", counter, _CORRECTED, _AGGREGATE),
)
