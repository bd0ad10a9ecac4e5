"""Which memory the firmware can drive: one entry for each value that the board's straps can take.

Facts of the format: nouveau's ``M0203`` for the table, the memory types and the strap; ``ctrl2080fb.h`` of NVIDIA's
open kernel modules for the vendor codes. The upper half of the third byte is the density: on 14 public images of cards
whose memory chips are known, Kepler to Blackwell, 3, 4, 5 and 6 stand for 2, 4, 8 and 16 gigabits. The same images
show 0xA for GDDR6X and 0xD for GDDR7.
"""

from gpucheck.model.vbios import MemoryChoice
from gpucheck.sources.vbios.identity import straps
from gpucheck.sources.vbios.rom import Rom, Unreadable
from gpucheck.sources.vbios.table import Table

_TYPES = {
    0x0: "DDR2",
    0x1: "DDR3",
    0x2: "GDDR3",
    0x3: "GDDR5",
    0x6: "HBM2",
    0x8: "GDDR5X",
    0x9: "GDDR6",
    0xA: "GDDR6X",
    0xD: "GDDR7",
}
_UNUSED = 0xF
_VENDORS = {
    0x1: "Samsung",
    0x2: "Qimonda",
    0x3: "Elpida",
    0x4: "Etron",
    0x5: "Nanya",
    0x6: "Hynix",
    0x7: "Mosel",
    0x8: "Winbond",
    0x9: "ESMT",
    0xF: "Micron",
}
_STACKED = "HBM"
_DENSITIES_GBIT = {0x2: 1.0, 0x3: 2.0, 0x4: 4.0, 0x5: 8.0, 0x6: 16.0}
_DENSITY_FROM_BYTES = 7
"""Entries of Kepler and later have 7 bytes or more; what the shorter ones of Fermi hold was not checked."""
_STRAP_BITS = 0x3C
_VERSION = 0x10
_MOST_ENTRIES = 64


def read_memory(table: Table) -> tuple[tuple[MemoryChoice, ...], bytes]:
    """Return the choices that are in use, and the table as bytes."""
    token = table.token("M")
    if token.version != 2:
        raise Unreadable(f"a memory token of version {token.version} has no memory information table")
    at = table.follow(token, 3, 2)
    rom = table.rom
    version, head, width, count = (rom.u8(at + place) for place in range(4))
    if version != _VERSION or width < 3 or count > _MOST_ENTRIES:
        raise Unreadable(f"a memory information table of version {version:#x} is not known")
    if head > 4 and rom.u8(at + 4) != 0:
        raise Unreadable("its entries are not chosen by the memory strap")
    entries = [rom.block(at + head + number * width, width) for number in range(count)]
    return tuple(_choice(entry) for entry in entries if entry[0] & 0xF != _UNUSED), rom.block(at, head + count * width)


def read_strap(rom: Rom, image: int) -> int:
    """The memory strap, where the ROM overrides what the board's resistors say."""
    masks = straps(rom, image)
    if masks is None:
        raise Unreadable("this generation keeps strap overrides at a place that is not known")
    keep, force = masks
    if keep & _STRAP_BITS:
        raise Unreadable("resistors on the board set it, the ROM does not override them")
    return (force & _STRAP_BITS) >> 2


def _choice(entry: bytes) -> MemoryChoice:
    kind = _TYPES.get(entry[0] & 0xF)
    dense = len(entry) >= _DENSITY_FROM_BYTES and kind is not None and not kind.startswith(_STACKED)
    return MemoryChoice(
        strap=entry[0] >> 4,
        type=kind,
        vendor=_VENDORS.get(entry[1] >> 4),
        density_gbit=_DENSITIES_GBIT.get(entry[2] >> 4) if dense else None,
    )
