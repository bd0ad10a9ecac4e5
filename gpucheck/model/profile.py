"""Reference values of one SKU with its die, as ``profiles/`` holds them."""

import datetime as dt
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    WithJsonSchema,
)

from gpucheck.model.base import Frozen
from gpucheck.model.units import MIB

if TYPE_CHECKING:
    from gpucheck.model.capability import Capability

SkuClass = Literal["geforce", "titan", "workstation", "datacenter", "mining", "vgpu"]
FormFactor = Literal["desktop", "oem", "laptop", "workstation", "pcie", "sxm", "mining", "embedded"]
Confidence = Literal["high", "medium", "low"]
DeviceId = Annotated[int, Field(ge=0, le=0xFFFF)]


def _pair(value: Any) -> Any:
    """Read ``10de:146d`` as (0x10de, 0x146d); anything else goes on to the ordinary validation."""
    if not isinstance(value, str):
        return value
    vendor, _, device = value.partition(":")
    if len(vendor) != 4 or len(device) != 4:
        raise ValueError("a subsystem is written as vendor:device, four hex digits each, such as 10de:146d")
    return int(vendor, 16), int(device, 16)


def _hex_key(value: Any) -> Any:
    """Read the key ``0x1e30`` as a number: a TOML key is always text."""
    return int(value, 16) if isinstance(value, str) and value.startswith("0x") else value


SubsystemPair = Annotated[
    tuple[int, int],
    BeforeValidator(_pair),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{4}:[0-9a-f]{4}$"}),
]
"""(subsystem vendor, subsystem), in a file ``10de:146d``."""


class Die(Frozen):
    """What the silicon can do at most."""

    name: str
    architecture: str
    compute_capability: str = Field(pattern=r"^[0-9]{1,2}\.[0-9]$")
    chip_id: Annotated[int, Field(ge=0, le=0x3FF)] | None = None
    """Architecture and implementation as NVIDIA's tools print them: bits 29:20 of PMC_BOOT_42."""
    sm_count_max: PositiveInt | None = None
    cores_per_sm: PositiveInt
    vbios_families: tuple[Annotated[str, Field(pattern=r"^[0-9A-F]{2}\.[0-9A-F]{2}$")], ...] = ()
    """First two bytes of the VBIOS version, such as ``95.02``."""
    vbios_families_verified: bool = False
    """True where captures of real cards show the family, False where it is a pattern or a table alone."""
    audio_device_ids: tuple[DeviceId, ...] = ()
    """PCI device ids of the sound function beside the display. They follow the die; empty where none is on record."""
    usb_device_ids: tuple[DeviceId, ...] = ()
    """The same of the USB controller, on dies with a USB-C port."""
    ucsi_device_ids: tuple[DeviceId, ...] = ()
    """The same of the USB-C port's own controller."""
    sources: dict[str, str] = {}

    @property
    def capability_numbers(self) -> tuple[int, int]:
        """The compute capability as numbers, which compare as generations do: as text 12.0 comes before 8.9."""
        major, minor = self.compute_capability.split(".")
        return int(major), int(minor)

    @property
    def function_ids(self) -> tuple[int, ...]:
        """PCI device ids of every function beside the display."""
        return (*self.audio_device_ids, *self.usb_device_ids, *self.ucsi_device_ids)


_CHANNEL_BITS = 32
_CHIPS_MIB = {"GDDR5": (0, 1024), "GDDR5X": (1024, 1024), "GDDR6": (1024, 2048), "GDDR6X": (1024, 2048)}
_CHIPS_MIB |= {"GDDR7": (2048, 3072)}
"""Smallest and largest chip of a type in MiB; no smallest where small ones were common."""


class MemoryLayout(Frozen):
    """One way in which a SKU's memory is built. Rates are per pin."""

    sizes_mib: tuple[PositiveInt, ...] = Field(min_length=1)
    """Legal nominal capacities: a discrete set, never a span."""
    type: str = Field(pattern=r"^(DDR[34]|GDDR[3567]X?|HBM[0-9]?e?)$")
    bus_width_bits: PositiveInt | None = None
    data_rate_gbps: PositiveFloat | None = None
    clamshell: bool | None = None
    """Two memory chips share each channel, one on either side of the board. Stated only where sizes leave it open."""
    uneven: str = ""
    """Why a capacity does not divide over the channels, where it does not: two densities, a share of a card."""

    @property
    def bandwidth_bytes_per_second(self) -> float | None:
        """Bus width times data rate, None where either is unknown."""
        if self.bus_width_bits is None or self.data_rate_gbps is None:
            return None
        return self.bus_width_bits / 8 * self.data_rate_gbps * 1e9

    def is_clamshell(self, size_mib: int) -> bool | None:
        """Whether so much memory on this bus sits on both sides of the board, ``None`` where it may be either.

        A channel that holds more than the largest chip of its type needs two of them; one that holds no more than the
        smallest cannot have two. Chips sold: GDDR6 and GDDR6X of 8 and 16 Gbit, GDDR7 of 16 and 24, GDDR5X of 8, GDDR5
        of 8 at most (makers' lists and JEDEC's standards).
        """
        chips = _CHIPS_MIB.get(self.type)
        if chips is None or self.bus_width_bits is None:
            return None
        smallest, largest = chips
        channel = size_mib * _CHANNEL_BITS / self.bus_width_bits
        if channel > largest:
            return True
        if channel <= smallest:
            return False
        return self.clamshell if size_mib in self.sizes_mib else None


class Sku(Frozen):
    """One product cut from a die, as a profile file states it."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: str = Field(min_length=1)
    nvml_names: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    """Names in PCI id lists and data sheets."""
    sku_class: SkuClass
    form_factor: FormFactor
    retail: bool = True
    """False for engineering samples and products that were never sold: a plain claim does not mean them."""
    device_ids: tuple[DeviceId, ...] = ()
    subsystems: dict[Annotated[DeviceId, BeforeValidator(_hex_key)], tuple[SubsystemPair, ...]] = {}
    """Device id to the (subsystem vendor, subsystem) pairs that make it *this* SKU where several share the id."""
    shared_id: str = ""
    """Why nothing tells this SKU from another one of the same device id, where nothing does."""
    sm_counts: tuple[PositiveInt, ...] = ()
    l2_cache_bytes: NonNegativeInt | None = None
    memory: tuple[MemoryLayout, ...] = Field(min_length=1)
    """The usual layout first."""
    reported_mib: tuple[PositiveInt, ...] = ()
    """Totals that drivers really report, with ECC on and off where that differs."""
    memory_clock_max_mhz: PositiveInt | None = None
    """As NVML states it: half the data rate. A file names it only where it is not that of the usual layout."""
    ecc: Literal["yes", "no", "unknown"] = "unknown"
    nvlink: Literal["yes", "no", "unknown"] = "unknown"
    pcie_generation: PositiveInt | None = None
    pcie_lanes: PositiveInt | None = None
    power_default_watts: PositiveInt | None = None
    fp64_ratio: Annotated[str, Field(pattern=r"^1:[0-9]+$")] | None = None
    tensor_fp32_accumulate: Literal["full", "half", "capped", "none"] | None = None
    gpu_part_numbers: tuple[str, ...] = ()
    released: dt.date | None = None
    confidence: Confidence = "medium"
    sources: dict[str, str] = {}
    """Fact group to where it comes from."""
    notes: tuple[str, ...] = ()


class Profile(Sku):
    """One SKU with its die."""

    die: Die
    _capability: "Callable[[], Capability | None] | None" = PrivateAttr(default=None)
    digest: str = ""
    """Of the file that holds this profile."""

    @property
    def corroborated(self) -> bool:
        """Whether two sources agree, or a real card told. What one table alone says errs of some models."""
        return self.confidence == "high"

    @property
    def l2_corroborated(self) -> bool:
        """Whether a real card told how large the cache is. What one of the same die and bus told is an inference."""
        return "l2" in self.sources

    @cached_property
    def capability(self) -> "Capability | None":
        """What all silicon of the die's compute capability can do; ``None`` where that is not on record.

        Read when it is first asked for: judging a seller's text does not need it.
        """
        return self._capability() if self._capability else None

    def knowing(self, capability: "Callable[[], Capability | None]") -> Self:
        """The same profile, which asks ``capability`` for what its silicon's generation can do."""
        known = self.model_copy()
        known._capability = capability  # noqa: SLF001 - its own class
        return known

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
