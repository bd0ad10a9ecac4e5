"""What hardware registers of a card say, read through its first memory window (BAR0). Nothing is ever written there.

The die's own number is wired in silicon: no reflash and no library changes it, only a machine that lies about the
window. How memory is organised is what the card's firmware set up for the board that it believes to be on.
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from gpucheck.model.base import Frozen, Unavailable

U16 = Annotated[int, Field(ge=0, le=0xFFFF)]
U32 = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
ChipId = Annotated[int, Field(ge=0, le=0x3FF)]
"""Architecture and implementation as NVIDIA's tools print them: 0x172 is GA102, 0x192 is AD102."""


class RegisterFacts(Frozen):
    """Registers of one card. A field is ``None`` where it was refused or not laid out so; ``missing`` says why."""

    source: Literal["sysfs", "simulated"]
    window_bytes: NonNegativeInt | None = None
    chip_id: ChipId | None = None
    revision: str | None = None
    """Stepping of the die: ``A1``."""
    fused_device_ids: tuple[U16, ...] = ()
    """Device ids in the die's fuses, where their place is known (Ampere)."""
    device_id_locked: bool | None = None
    """A fuse keeps software from setting another device id."""
    fused_off: dict[str, U32] = {}
    """Masks of units that are fused off, by name, one bit a unit; they differ from specimen to specimen."""
    clamshell: bool | None = None
    """Two memory chips share each channel, one on either side of the board."""
    memory_partitions: NonNegativeInt | None = None
    """Memory controllers that answer."""
    partition_bytes: NonNegativeInt | None = None
    """Memory behind each of them."""
    memory_bytes: NonNegativeInt | None = None
    """All of it, as the firmware set it up."""
    memory_strap: Annotated[int, Field(ge=0, le=15)] | None = None
    """What the board's resistors select from the firmware's memory table."""
    missing: dict[str, Unavailable] = {}
    raw: dict[str, str] = {}
    """Address to value, both in hexadecimal, of every register that was read."""
