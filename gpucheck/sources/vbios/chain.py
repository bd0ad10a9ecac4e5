"""The chain of images in a ROM: where it starts, and what each image says of itself.

Facts of the format: PCI Firmware Specification 3.0 (ROM header, ``PCIR``); Linux ``nova-core`` and ``nouveau`` for
NVIDIA's own (``NPDE``, ``NPDS``, ``RGIS``, the ``NVGI`` header, the ``RFRD`` directory). Checked on public images
from Fermi to Blackwell. What they taught beyond those sources is said where it is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gpucheck.model.vbios import ImageKind, VbiosImage
from gpucheck.sources.vbios.rom import Rom, Unreadable, VbiosError

NVIDIA = 0x10DE
MOST_IMAGES = 64
BLOCK_BYTES = 512

_HINT = "Save it with nvflash or GPU-Z, or copy it from sysfs as root."
_SWAP = "Exchange them, for instance with `dd conv=swab`, and try again."
_SIGNATURES = (b"\x55\xaa", b"\x77\xbb", b"VN")
_HIDDEN = b"\x77\xbb"
_STRUCTURES = (b"PCIR", b"NPDS", b"RGIS")
_KINDS: dict[int, ImageKind] = {0x00: "x86", 0x03: "uefi", 0x70: "notebook", 0xE0: "firmware"}
_LAST = 0x80
_NO_CHECKSUM = 0x04
_MOST_DEVICES = 64


@dataclass(frozen=True)
class Header:
    """An image's own header: where its structures are, and what follows it."""

    image: VbiosImage
    structure: int
    """Offset of ``PCIR``."""
    extension: int | None
    """Offset of ``NPDE``, None where there is none."""
    pci_last: bool
    """What ``PCIR`` says by itself: the last one that PCI shows."""
    shadow: bool


@dataclass(frozen=True)
class Chain:
    """All images, in order."""

    flash: int | None
    """Offset of the ``NVGI`` header, None in an option-ROM view."""
    headers: tuple[Header, ...]
    complete: bool

    @property
    def images(self) -> tuple[VbiosImage, ...]:
        """What the images say."""
        return tuple(header.image for header in self.headers)

    @property
    def main(self) -> Header | None:
        """The x86 image, which holds the BIOS information table."""
        return next((header for header in self.headers if header.image.kind == "x86"), None)

    def resolve(self, pointer: int) -> int:
        """Return the offset in the file that a pointer of the main image means.

        Pointers count on as if the firmware images followed the x86 image at once; the UEFI image between them is
        left out. Raises ``Unreadable`` where what they lead to is not in the file.
        """
        if self.main is None:
            raise Unreadable("there is no x86 image")
        main = self.main.image
        if pointer < main.length_bytes:
            return main.offset_bytes + pointer
        later = (i for i in self.images if i.kind == "firmware" and i.offset_bytes > main.offset_bytes)
        first = next(later, None)
        if first is None:
            raise Unreadable("it lies in the firmware images, which this view of the ROM leaves out")
        return first.offset_bytes + pointer - main.length_bytes


def read_chain(rom: Rom) -> Chain:
    """Find the images. Raises ``VbiosError`` where there are none, or none of NVIDIA's."""
    if not rom.data.strip(b"\xff") or not rom.data.strip(b"\0"):
        raise VbiosError("every byte is the same: nothing was read from the card", _HINT)
    flash, start = _start(rom)
    headers = tuple(_walk(rom, start))
    if not headers:
        raise VbiosError("it ends within the header of its first image", _HINT)
    # Images that are kept from PCI are left out of what it shows: there its own flag, too, ends the chain.
    last = headers[-1].image.last or (flash is None and headers[-1].pci_last)
    return Chain(flash, headers, complete=last and headers[-1].image.whole)


def device_list(rom: Rom, header: Header) -> tuple[int, ...]:
    """Return the further device ids of an image for several SKUs; only revision 3 of ``PCIR`` has them."""
    if rom.u8(header.structure + 0x0C) < 3 or not (pointer := rom.u16(header.structure + 0x08)):
        return ()
    found: list[int] = []
    for number in range(_MOST_DEVICES):
        device = rom.u16(header.structure + pointer + 2 * number)
        if not device:
            return tuple(found)
        found.append(device)
    raise Unreadable("the device list has no end")


def _start(rom: Rom) -> tuple[int | None, int]:
    """Offsets of the flash header, if any, and of the first image."""
    if _vendor(rom, 0) == NVIDIA:
        return None, 0
    flash = rom.data.find(b"NVGI")
    if flash < 0 or flash % BLOCK_BYTES:
        return None, _search(rom)
    try:
        start = flash + _named_start(rom, flash)
    except Unreadable:
        return flash, _search(rom)
    return flash, start if _vendor(rom, start) == NVIDIA else _search(rom)


def _named_start(rom: Rom, flash: int) -> int:
    """What the flash header names as the offset of the images, by its version."""
    version = rom.u8(flash + 0x05)
    fixed, total = rom.u16(flash + 0x06) & 0x7FFF, rom.u32(flash + 0x08) & 0xFFFFF
    if version < 3:
        return rom.u32(flash + fixed + 4)
    directory = rom.u32(flash + total) + 0x1000
    if not rom.has(b"RFRD", flash + directory):
        raise Unreadable("the flash has no ROM directory")
    return rom.u32(flash + directory + 0x08)


def _search(rom: Rom) -> int:
    """Look for the first image at every block: dumps begin with padding, or with half of a flash header."""
    foreign: int | None = None
    for at in range(0, len(rom), BLOCK_BYTES):
        vendor = _vendor(rom, at) if rom.has(_SIGNATURES[0], at) else None
        if vendor == NVIDIA:
            return at
        foreign = vendor if foreign is None else foreign
    if _swapped(rom):
        raise VbiosError("its bytes are swapped in pairs, as some programmers save them", _SWAP)
    if foreign is not None:
        raise VbiosError(f"this is firmware of another maker (PCI vendor {foreign:04x}), not NVIDIA's", _HINT)
    raise VbiosError("no VBIOS image was found: nothing in it begins as a PCI option ROM", _HINT)


def _swapped(rom: Rom) -> bool:
    """Whether images would be found with the two bytes of each word exchanged."""
    even = len(rom) & ~1
    turned = bytearray(even)
    turned[::2], turned[1::2] = rom.data[1:even:2], rom.data[0:even:2]
    other = Rom(bytes(turned))
    return any(other.has(_SIGNATURES[0], at) and _vendor(other, at) == NVIDIA for at in range(0, even, BLOCK_BYTES))


def _vendor(rom: Rom, at: int) -> int | None:
    """The PCI vendor that an image at ``at`` names, None where there is no image."""
    try:
        structure = at + rom.u16(at + 0x18)
        known = rom.block(at, 2) in _SIGNATURES and rom.block(structure, 4) in _STRUCTURES
        return rom.u16(structure + 0x04) if known else None
    except Unreadable:
        return None


def _walk(rom: Rom, at: int) -> Iterator[Header]:
    for _ in range(MOST_IMAGES):
        try:
            header = _header(rom, at)
        except Unreadable:
            return
        yield header
        if header.image.last or not header.image.whole or not header.image.length_bytes:
            return
        at += header.image.length_bytes


def _header(rom: Rom, at: int) -> Header:
    if _vendor(rom, at) is None:
        raise Unreadable(f"no image starts at {at:#x}")
    structure = at + rom.u16(at + 0x18)
    code_type, indicator = rom.u8(structure + 0x14), rom.u8(structure + 0x15)
    own_length = rom.u16(structure + 0x10) * BLOCK_BYTES
    extension = _extension(rom, at, structure)
    length, last, flags = own_length, bool(indicator & _LAST), 0
    if extension is not None:
        length = rom.u16(extension + 0x08) * BLOCK_BYTES or own_length
        last, flags = bool(rom.u8(extension + 0x0A) & _LAST), rom.u8(extension + 0x0B)
    # The start-up code of a running card cuts its copy in the host's memory down; it corrects PCIR and not NPDE.
    shadow = own_length < length and at + length > len(rom) >= at + own_length > at
    length = own_length if shadow else length
    whole = at + length <= len(rom)
    unused = flags & _NO_CHECKSUM or not whole or rom.has(_HIDDEN, at)
    image = VbiosImage(
        offset_bytes=at,
        length_bytes=length,
        code_type=code_type,
        kind=_KINDS.get(code_type, "other"),
        vendor_id=rom.u16(structure + 0x04),
        device_id=rom.u16(structure + 0x06),
        last=last,
        whole=whole,
        checksum="none" if unused else _checksum(rom, at, length),
    )
    return Header(image, structure, extension, bool(indicator & _LAST), shadow)


def _extension(rom: Rom, at: int, structure: int) -> int | None:
    """``NPDE`` follows ``PCIR`` at the next multiple of 16."""
    offset = structure - at + rom.u16(structure + 0x0A)
    found = at + (offset + 15) // 16 * 16
    return found if rom.has(b"NPDE", found) and found + 0x0C <= len(rom) else None


def _checksum(rom: Rom, at: int, length: int) -> Literal["good", "bad"]:
    return "bad" if sum(memoryview(rom.data)[at : at + length]) & 0xFF else "good"
