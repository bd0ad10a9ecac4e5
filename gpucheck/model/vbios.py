"""What a card's VBIOS says: firmware in a flash chip on the board, rewritable on old cards, signed on newer ones.

All of it is declared. Where a field is ``None``, ``VbiosFacts.missing`` holds the reason under its name.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from gpucheck.model.base import Frozen, Unavailable

U8 = Annotated[int, Field(ge=0, le=0xFF)]
U16 = Annotated[int, Field(ge=0, le=0xFFFF)]
Source = Literal["sysfs", "file", "driver", "nvml", "simulated"]
ImageKind = Literal["x86", "uefi", "notebook", "firmware", "other"]


class VbiosImage(Frozen):
    """One image of the chain that a ROM is made of."""

    offset_bytes: NonNegativeInt
    """From the start of what was read."""
    length_bytes: NonNegativeInt
    code_type: U8
    """PCI firmware specification: 0x00 x86, 0x03 UEFI; NVIDIA's own: 0x70 notebook data, 0xE0 signed firmware."""
    kind: ImageKind
    vendor_id: U16
    device_id: U16
    last: bool
    """It says of itself that none follows."""
    whole: bool = True
    """False where what was read ends before the image does."""
    checksum: Literal["good", "bad", "none"] = "none"
    """All bytes add up to zero. ``none`` where the image switches the checksum off, or is not whole."""


class MemoryChoice(Frozen):
    """One entry of the memory information table: what is on the board where the strap has this value."""

    strap: Annotated[int, Field(ge=0, le=15)]
    type: str | None
    """``GDDR6X``; None where the code has no known name."""
    vendor: str | None = None
    density_gbit: Annotated[float, Field(gt=0)] | None = None
    """Gigabits of one chip; None where the layout of the entry is not known."""


class PowerLimits(Frozen):
    """The limits of the whole board, in watts: what the owner may set, and where it starts."""

    min_watts: float
    default_watts: float
    max_watts: float


class SignedCode(Frozen):
    """One secure application in the firmware images."""

    application: U8
    descriptor_version: U8
    signatures: int | None = None
    """Blocks of RSA signature beside it; None where the descriptor's version keeps them inside the code."""


class VbiosFacts(Frozen):
    """A parsed VBIOS, or the version alone where the ROM could not be read (``images`` is empty then)."""

    source: Source
    form: Literal["flash", "option_rom"] | None = None
    """``flash`` is the whole chip from its ``NVGI`` header; ``option_rom`` is what PCI shows, from ``55AA``."""
    size_bytes: NonNegativeInt | None = None
    digest: str | None = None
    """Of the images alone: the rest of the flash holds what is one specimen's own."""
    generation: str | None = None
    images: tuple[VbiosImage, ...] = ()
    complete: bool | None = None
    """The chain ends where it says that it ends."""
    shadow: bool = False
    """A copy from the host's memory, which the card's own start-up code shortened."""

    vendor_id: U16 | None = None
    device_id: U16 | None = None
    further_device_ids: tuple[U16, ...] = ()
    """The device list that one image for several SKUs carries."""
    subsystem_vendor_id: U16 | None = None
    subsystem_id: U16 | None = None
    flash_subsystem_vendor_id: U16 | None = None
    """In the flash header, which the card itself loads at reset."""
    flash_subsystem_id: U16 | None = None
    flash_header_version: U8 | None = None

    version: str | None = None
    """``95.02.3C.40.0D``, from the bytes that a board partner may finish."""
    version_number: NonNegativeInt | None = None
    """The same as 40 bits."""
    version_internal: str | None = None
    """From NVIDIA's build; the last byte rightly differs on boards of partners."""
    version_text: str | None = None
    """As the sign-on prints it."""
    sign_on: str | None = None
    board: str | None = None
    """The product string."""
    build_date: dt.date | None = None
    build_number: NonNegativeInt | None = None
    build_guid: str | None = None
    board_id: U16 | None = None
    chip_sku: str | None = None
    """``301``: the middle of the GPU part number ``2684-301-A1``."""
    project: str | None = None
    """``G139``: the board's project, as in part numbers and InfoROM images."""
    board_sku: str | None = None
    mobile: bool | None = None
    tokens: tuple[str, ...] = ()
    """Identifiers of the BIOS information table, in order."""
    table_checksum: Literal["good", "bad"] | None = None

    memory: tuple[MemoryChoice, ...] = ()
    memory_strap: Annotated[int, Field(ge=0, le=15)] | None = None
    """The strap where the ROM itself overrides the board's resistors; else the board alone knows it."""
    power: PowerLimits | None = None
    signed: bool | None = None
    """True where secure code was found, False where this generation has it and this ROM does not."""
    signed_code: tuple[SignedCode, ...] = ()

    missing: dict[str, Unavailable] = {}
    raw: dict[str, str] = {}
    """The structures that were parsed, in hexadecimal, so that a better parser can read them again."""

    @property
    def read(self) -> bool:
        """A ROM was read, not its version alone."""
        return bool(self.images)

    @property
    def device_ids(self) -> tuple[int, ...]:
        """Every device id that the ROM was made for."""
        own = () if self.device_id is None else (self.device_id,)
        return tuple(dict.fromkeys((*own, *self.further_device_ids)))
