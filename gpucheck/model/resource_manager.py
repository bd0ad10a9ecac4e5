"""What the driver's resource manager answers below NVML, by read-only queries that need no privilege. Declared."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from gpucheck.model.base import Frozen, Unavailable
from gpucheck.model.registers import ChipId

U16 = Annotated[int, Field(ge=0, le=0xFFFF)]


class ResourceManagerFacts(Frozen):
    """Answers for one card. A field is ``None`` where the query was refused or unknown; ``missing`` says why."""

    source: Literal["ioctl", "simulated"]
    chip_id: ChipId | None = None
    """From the silicon, not from the device id."""
    revision: str | None = None
    device_id: U16 | None = None
    subsystem_vendor_id: U16 | None = None
    subsystem_id: U16 | None = None
    uuid: str | None = None
    gpu_part_number: str | None = None
    vbios_version: str | None = None

    memory_bytes: NonNegativeInt | None = None
    bar1_bytes: NonNegativeInt | None = None
    memory_bus_width_bits: NonNegativeInt | None = None
    memory_type: str | None = None
    """``GDDR6X``."""
    memory_vendor: str | None = None
    memory_strap: Annotated[int, Field(ge=0, le=15)] | None = None
    l2_cache_bytes: NonNegativeInt | None = None
    calibration_failed: bool | None = None
    """The memory's training failed on some line."""

    gpc_mask: NonNegativeInt | None = None
    tpc_masks: tuple[NonNegativeInt, ...] = ()
    """Of each graphics cluster that is there, in order."""
    fbp_mask: NonNegativeInt | None = None
    """Memory partitions that are there."""
    issue_rates: dict[str, int] = {}
    """Speed select of instruction classes by their names in NVIDIA's headers: 0 at full rate, 1 at half, up to 6 at
    1/64. ``dp`` has two steps, and 1 is only slower. The die's fuses, by the driver's source; a lock that was lifted
    since need not show."""

    mobile: bool | None = None
    mining: bool | None = None
    """Sold for mining (CMP)."""
    chip_sku: str | None = None
    """From the VBIOS; ``301`` of the part number ``2684-301-A1``."""
    project: str | None = None
    """Of the board, from the VBIOS: ``G139``."""
    project_sku: str | None = None
    board_id: U16 | None = None

    factory_part_number: str | None = None
    """From the InfoROM's board object, as the next ones."""
    factory_build_date: str | None = None
    factory_memory_vendor: str | None = None
    factory_memory_part: str | None = None

    missing: dict[str, Unavailable] = {}
    raw: dict[str, str] = {}
    """Query (number in hexadecimal, entry, name) to answer in hexadecimal, bounded and without the zeros at its end."""
