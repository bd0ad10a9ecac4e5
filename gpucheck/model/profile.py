"""Reference values of one SKU with its die, as ``profiles/`` holds them."""

import datetime
from typing import Literal

from pydantic import Field

from gpucheck.model.base import Frozen
from gpucheck.model.units import MIB

SkuClass = Literal["geforce", "titan", "workstation", "datacenter", "mining", "vgpu"]
FormFactor = Literal["desktop", "oem", "laptop", "workstation", "pcie", "sxm", "mining", "embedded"]


class Die(Frozen):
    """What the silicon can do at most."""

    name: str
    architecture: str
    compute_capability: str
    chip_id: int | None = None
    """Bits 28:20 of PMC_BOOT_0."""
    sm_count_max: int | None = None
    cores_per_sm: int
    vbios_families: tuple[str, ...] = ()
    """First two bytes of the VBIOS version, such as ``95.02``."""
    vbios_families_verified: bool = False
    """True where captures of real cards show the family, False where it is a pattern or a table alone."""
    sources: dict[str, str] = {}


class MemoryLayout(Frozen):
    """One way in which a SKU's memory is built. Rates are per pin."""

    sizes_mib: tuple[int, ...] = Field(min_length=1)
    """Legal nominal capacities: a discrete set, never a span."""
    type: str
    bus_width_bits: int | None = None
    data_rate_gbps: float | None = None

    @property
    def bandwidth_bytes_per_second(self) -> float | None:
        """Bus width times data rate, None where either is unknown."""
        if self.bus_width_bits is None or self.data_rate_gbps is None:
            return None
        return self.bus_width_bits / 8 * self.data_rate_gbps * 1e9


class Profile(Frozen):
    """One SKU."""

    id: str
    name: str
    nvml_names: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    """Names in PCI id lists and data sheets."""
    die: Die
    sku_class: SkuClass
    form_factor: FormFactor
    device_ids: tuple[int, ...] = ()
    subsystems: dict[int, tuple[tuple[int, int], ...]] = {}
    """Device id to the (subsystem vendor, subsystem) pairs that make it *this* SKU where several share the id."""
    sm_counts: tuple[int, ...] = ()
    l2_cache_bytes: int | None = None
    memory: tuple[MemoryLayout, ...] = Field(min_length=1)
    """The usual layout first."""
    reported_mib: tuple[int, ...] = ()
    """Totals that drivers really report, with ECC on and off where that differs."""
    memory_clock_max_mhz: int | None = None
    """As NVML states it: half the data rate."""
    ecc: Literal["yes", "no", "unknown"] = "unknown"
    nvlink: Literal["yes", "no", "unknown"] = "unknown"
    pcie_generation: int | None = None
    pcie_lanes: int | None = None
    power_default_watts: int | None = None
    fp64_ratio: str | None = None
    tensor_fp32_accumulate: Literal["full", "half", "capped", "none"] | None = None
    gpu_part_numbers: tuple[str, ...] = ()
    released: datetime.date | None = None
    confidence: Literal["high", "medium", "low"] = "medium"
    sources: dict[str, str] = {}
    """Fact group to where it comes from."""
    notes: tuple[str, ...] = ()
    digest: str = ""
    """Of the file that holds this profile."""

    @property
    def memory_sizes_bytes(self) -> tuple[int, ...]:
        """All legal nominal capacities, ascending."""
        return tuple(sorted({size * MIB for layout in self.memory for size in layout.sizes_mib}))

    @property
    def bus_widths_bits(self) -> tuple[int, ...]:
        """All legal bus widths."""
        return tuple(sorted({x.bus_width_bits for x in self.memory if x.bus_width_bits is not None}))

    @property
    def bandwidths_bytes_per_second(self) -> tuple[float, ...]:
        """Theoretical peak of every layout."""
        return tuple(sorted({b for x in self.memory if (b := x.bandwidth_bytes_per_second) is not None}))
