"""Assembles synthetic VBIOS images of every generation. Every byte is made here; no real firmware is in them.

A ``Recipe`` says what the ROM is to say; ``build`` lays it out as that generation does. The layouts are those that the
parser's modules name as their facts; what is in between is filler.
"""

import random
from dataclasses import dataclass, field, replace

BLOCK = 512
X86_BYTES, UEFI_BYTES, FIRST_FIRMWARE_BYTES, SECOND_FIRMWARE_BYTES = 0x4000, 0x1000, 0x600, 0x3000
STRUCTURE, TABLE = 0x170, 0x1B0
STRINGS, MEMORY, TOKENS = 0x800, 0x1000, 0x1800
APPLICATIONS, DESCRIPTORS, POWER = 0x100, 0x400, 0x2800
"""Offsets within the second firmware image."""


@dataclass(frozen=True)
class Layout:
    """Where a generation keeps things."""

    family: tuple[int, int]
    device_id: int
    nvgi: int
    """Version of the flash header."""
    old_subsystem: bool
    """At 0x54, with the strap overrides; else in ``NPDE``."""
    firmware: bool
    power: int | None
    """Version of the power table."""
    memory_type: int
    density: int
    entry_bytes: int
    application: int | None
    descriptor: int | None
    leading: bool = False
    """Firmware images before the x86 image."""


GENERATIONS = {
    "fermi": Layout((0x70, 0x04), 0x0E22, 1, True, False, 0x10, 0x3, 0x2, 5, None, None),
    "kepler": Layout((0x80, 0x04), 0x1180, 1, True, True, 0x20, 0x3, 0x3, 7, None, None),
    "maxwell": Layout((0x84, 0x04), 0x13C0, 1, True, True, 0x30, 0x3, 0x4, 7, None, None),
    "pascal": Layout((0x86, 0x04), 0x1B80, 2, False, True, 0x30, 0x8, 0x5, 8, 0x05, 2),
    "volta": Layout((0x88, 0x00), 0x1DB4, 2, False, True, 0x30, 0x6, 0x5, 8, None, None),
    "turing": Layout((0x90, 0x02), 0x1E07, 3, False, True, 0x30, 0x9, 0x5, 8, 0x85, 2),
    "ampere": Layout((0x94, 0x02), 0x2206, 3, False, True, 0x30, 0xA, 0x5, 14, 0x85, 3),
    "ada": Layout((0x95, 0x02), 0x2684, 3, False, True, 0x30, 0xA, 0x6, 22, 0x85, 3),
    "hopper": Layout((0x96, 0x00), 0x2331, 3, False, True, 0x30, 0x6, 0x6, 22, None, None),
    "blackwell": Layout((0x98, 0x02), 0x2B85, 3, False, True, 0x40, 0xD, 0x6, 22, 0x18, 6, leading=True),
}


@dataclass(frozen=True)
class Recipe:
    """What a ROM says."""

    layout: Layout
    version: tuple[int, int, int] = (0x26, 0x40, 0x99)
    """The last three bytes; the first two are the generation's."""
    printed: str | None = None
    device_id: int | None = None
    further_device_ids: tuple[int, ...] = ()
    vendor_id: int = 0x10DE
    subsystem: tuple[int, int] = (0x1462, 0x3896)
    flash_subsystem: tuple[int, int] | None = None
    straps: tuple[int, int] = (0x7FFFFFFF, 0)
    sign_on: bytes = b"PG132 SKU 30 VGA BIOS\r\nMAKER0389\r\n"
    board: bytes = b"GPU Board"
    date: bytes = b"08/25/20"
    product: bytes = b"2000G1320030"
    mobile: bool = False
    watts: tuple[int, int, int] = (100, 320, 370)
    power_cap: int = 2
    signatures: int = 3
    flash: bool = True
    """With the flash header and what lies around the images; else the images alone."""
    views: tuple[str, ...] = field(default=("x86", "uefi", "firmware"))

    @property
    def device(self) -> int:
        return self.layout.device_id if self.device_id is None else self.device_id

    @property
    def version_text(self) -> str:
        return ".".join(f"{byte:02X}" for byte in (*self.layout.family, *self.version))


def recipe(generation: str, **changes: object) -> Recipe:
    """The recipe of an honest ROM, with single things changed."""
    return replace(Recipe(GENERATIONS[generation]), **changes)  # type: ignore[arg-type]


def build(generation: str, **changes: object) -> bytes:
    """Bytes of a ROM."""
    return assemble(recipe(generation, **changes))


def assemble(wanted: Recipe) -> bytes:
    """Lay a recipe out."""
    chain = _chain(wanted)
    if not wanted.flash:
        return chain
    head = bytearray(b"\xff" * 0x3400)
    vendor, subsystem = wanted.flash_subsystem or wanted.subsystem
    version = wanted.layout.nvgi
    _put(head, 0x00, b"NVGI")
    _put(head, 0x05, bytes([version]))
    _put(head, 0x06, _u16(0x0010))
    _put(head, 0x08, _u32(0x0200))
    _put(head, 0x0C, _u16(vendor) + _u16(subsystem))
    _put(head, 0x14, _u32(len(head)))
    if version == 3:
        _put(head, 0x200, _u32(0x1000))
        _put(head, 0x2000, b"RFRD" + _u16(3) + _u16(40) + _u32(len(head)))
    return bytes(head) + chain + b"\xff" * 0x2000


def sum_to_zero(image: bytearray) -> bytes:
    """Make all bytes add up to zero with the last one."""
    image[-1] = 0
    image[-1] = -sum(image) & 0xFF
    return bytes(image)


def _chain(wanted: Recipe) -> bytes:
    images = []
    if wanted.layout.leading:
        images += [_leading(wanted), _leading(wanted)]
    images.append(_x86(wanted))
    if "uefi" in wanted.views:
        images.append(_uefi(wanted))
    if "firmware" in wanted.views and wanted.layout.firmware:
        images += [_firmware(wanted, last=False), _firmware(wanted, last=True)]
    return b"".join(images)


def _x86(wanted: Recipe) -> bytes:
    layout, image = wanted.layout, _filler(X86_BYTES, 1)
    alone = wanted.views == ("x86",) or (not layout.firmware and "uefi" not in wanted.views)
    _rom_header(image, b"\x55\xaa", STRUCTURE)
    revision = 3 if wanted.further_device_ids else 0
    listed = b"".join(map(_u16, (*wanted.further_device_ids, 0)))
    _structure(image, b"PCIR", wanted.vendor_id, wanted.device, X86_BYTES, 0x00, alone, revision)
    if wanted.further_device_ids:
        _put(image, STRUCTURE + 0x08, _u16(0x600))
        _put(image, STRUCTURE + 0x600, listed)
    vendor, subsystem = wanted.subsystem
    if layout.old_subsystem:
        keep, force = wanted.straps
        block = bytearray(_u32(keep) + _u32(force) + _u32(0x7FFFFFFF) + _u32(0) + b"\0\0\xa5\0")
        block[-1] = -sum(block) & 0xFF
        _put(image, 0x54, _u16(vendor) + _u16(subsystem) + bytes(block))
        _extension(image, X86_BYTES, alone, b"")
    else:
        _put(image, 0x54, b"PMID" + bytes(20))
        _extension(image, X86_BYTES, alone, _u16(vendor) + _u16(subsystem))
    _table(image, wanted)
    return sum_to_zero(image)


def _table(image: bytearray, wanted: Recipe) -> None:
    layout = wanted.layout
    contents = {
        "B": _version(wanted) + bytes(28),
        "i": _internal(wanted),
        "S": _strings(image, wanted),
        "M": b"\x0a" + _u16(0xC00) + _u16(MEMORY) + bytes(12),
        "N": b"",
        "P": bytes(0x2C) + _u32(_firmware_pointer(layout, POWER)) + bytes(16),
        "p": _u32(_firmware_pointer(layout, APPLICATIONS)),
    }
    head = bytearray(b"\xff\xb8BIT\0\0\x01\x0c\x06" + bytes([len(contents)]) + b"\0")
    head[-1] = -sum(head) & 0xFF
    at, tokens = TOKENS, b""
    for letter, content in contents.items():
        tokens += letter.encode() + (b"\x00" if letter == "N" else b"\x02") + _u16(len(content)) + _u16(at)
        _put(image, at, content)
        at += len(content)
    _put(image, TABLE, bytes(head) + tokens)
    _put(image, MEMORY, _memory(layout))


def _internal(wanted: Recipe) -> bytes:
    raw = bytearray(0xA0)
    _put(raw, 0x00, _version(wanted))
    raw[0x05] = 0x10 if wanted.mobile else 0
    _put(raw, 0x07, _u32(28982237) + _u16(0x023F))
    _put(raw, 0x0F, wanted.date)
    _put(raw, 0x30, wanted.product)
    _put(raw, 0x48, bytes(range(0x10, 0x20)))
    _put(raw, 0x7F, b"300")
    return bytes(raw)


def _strings(image: bytearray, wanted: Recipe) -> bytes:
    printed = wanted.printed or wanted.version_text
    words = [wanted.sign_on, f"Version {printed} \r\n".encode(), b"Copyright (C) Nobody\r\n", b"", b"", wanted.board]
    at, token = STRINGS, b""
    for word in words:
        token += _u16(at) + bytes([min(len(word) + 8, 255)])
        _put(image, at, word + bytes(8))
        at += len(word) + 8
    return token


def _memory(layout: Layout) -> bytes:
    def entry(strap: int, kind: int, vendor: int, density: int) -> bytes:
        return bytes([strap << 4 | kind, vendor << 4, density << 4]) + bytes(layout.entry_bytes - 3)

    entries = [
        entry(0, layout.memory_type, 0x1, layout.density),
        entry(1, layout.memory_type, 0xF, layout.density + 1),
        entry(2, 0xF, 0, 0),
    ]
    return bytes([0x10, 7, layout.entry_bytes, len(entries), 0, 0, 0]) + b"".join(entries)


def _uefi(wanted: Recipe) -> bytes:
    image = _filler(UEFI_BYTES, 2)
    _rom_header(image, b"\x55\xaa", 0x1C)
    _structure(image, b"PCIR", wanted.vendor_id, wanted.device, UEFI_BYTES, 0x03, True, 3, at=0x1C, length=28)
    _extension(image, UEFI_BYTES, not wanted.layout.firmware, b"", at=0x40)
    return sum_to_zero(image)


def _leading(wanted: Recipe) -> bytes:
    image = _filler(BLOCK, 3)
    _rom_header(image, b"\x55\xaa", 0x40)
    _structure(image, b"PCIR", wanted.vendor_id, wanted.device, BLOCK, 0xE0, False, 3, at=0x40, length=28)
    return sum_to_zero(image)


def _firmware(wanted: Recipe, last: bool) -> bytes:
    size = SECOND_FIRMWARE_BYTES if last else FIRST_FIRMWARE_BYTES
    image = _filler(size, 4 + last)
    _rom_header(image, b"VN", 0x20)
    _structure(image, b"NPDS", wanted.vendor_id, wanted.device & 0xFF00, size, 0xE0, last, 0, at=0x20)
    _extension(image, size, last, b"", at=0x40)
    if last:
        _put(image, APPLICATIONS, _applications(wanted))
        _put(image, DESCRIPTORS, _descriptor(wanted))
        _put(image, POWER, _power(wanted))
    return sum_to_zero(image)


def _applications(wanted: Recipe) -> bytes:
    layout = wanted.layout
    entries = bytes([0x01, 0x01]) + _u32(0)
    if layout.application is not None:
        entries += bytes([layout.application, 0x07]) + _u32(_firmware_pointer(layout, DESCRIPTORS))
    return bytes([1, 6, 6, len(entries) // 6, 0x30, 0]) + entries


def _descriptor(wanted: Recipe) -> bytes:
    version = wanted.layout.descriptor
    if version == 3:
        blocks = random.Random(9).randbytes(384 * wanted.signatures)
        head = bytearray(bytes([1, 3]) + _u16(44 + len(blocks)) + bytes(40))
        head[0x27] = wanted.signatures
        return bytes(head) + blocks
    return bytes([1, version or 0]) + _u16(60) + bytes(56) if version == 2 else bytes([1, version or 0]) + bytes(78)


def _power(wanted: Recipe) -> bytes:
    version = wanted.layout.power or 0
    head = bytearray(bytes([version, 0x20, 0x20, 3]) + bytes(28))
    head[0x09 if version == 0x20 else 0x0A] = wanted.power_cap
    limits = b"\x01\x00" + b"".join(_u32(watts * 1000) for watts in wanted.watts)
    return bytes(head) + bytes(64) + limits + bytes(0x20 - len(limits))


def _firmware_pointer(layout: Layout, within: int) -> int:
    """As the x86 image counts: the firmware images follow it, whatever stands between."""
    return X86_BYTES + FIRST_FIRMWARE_BYTES + within if layout.firmware else 0


def _version(wanted: Recipe) -> bytes:
    first, second = wanted.layout.family
    third, fourth, last = wanted.version
    return bytes([fourth, third, second, first, last])


def _rom_header(image: bytearray, signature: bytes, structure: int) -> None:
    _put(image, 0, signature + bytes([len(image) // BLOCK & 0xFF]) + bytes(21) + _u16(structure))


def _structure(
    image: bytearray,
    signature: bytes,
    vendor: int,
    device: int,
    size: int,
    code_type: int,
    last: bool,
    revision: int,
    at: int = STRUCTURE,
    length: int = 24,
) -> None:
    content = signature + _u16(vendor) + _u16(device) + _u16(0) + _u16(length) + bytes([revision]) + b"\0\0\x03"
    content += _u16(size // BLOCK) + _u16(1) + bytes([code_type, 0x80 if last else 0]) + _u16(0)
    _put(image, at, content + bytes(length - len(content)))


def _extension(image: bytearray, size: int, last: bool, subsystem: bytes, at: int = STRUCTURE + 0x20) -> None:
    length = 0x14 if subsystem else 0x0C
    content = b"NPDE" + _u16(0x101) + _u16(length) + _u16(size // BLOCK) + bytes([0x80 if last else 0, 0])
    _put(image, at, content + (bytes(4) + subsystem if subsystem else b""))


def _filler(size: int, seed: int) -> bytearray:
    """Bytes that look like code and hold none of the magic words."""
    return bytearray(random.Random(seed).randbytes(size).replace(b"\x55", b"\x54").replace(b"N", b"M"))


def _put(target: bytearray, at: int, content: bytes) -> None:
    target[at : at + len(content)] = content


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")
