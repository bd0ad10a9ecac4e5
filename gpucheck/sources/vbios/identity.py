"""Who the firmware says that it is: versions, strings, build, board and subsystem.

Facts of the format: NVIDIA's ``BIOS-Information-Table`` (tokens ``B`` and ``S``), envytools' ``nvbios/info.c`` (token
``i``) and its documentation of the hardware straps. Public images of Fermi to Blackwell, held against what nvflash
prints of the same generations, taught the rest: build number, board id, chip SKU and project within ``i``, the GUID
behind them, and the subsystem in ``NPDE`` where the old place no longer holds one.
"""

import datetime as dt
import re
from typing import Any

from gpucheck.sources.vbios.chain import Header
from gpucheck.sources.vbios.rom import Rom, Unreadable, text
from gpucheck.sources.vbios.table import Table

_DATE = re.compile(rb"(\d\d)/(\d\d)/(\d\d)")
_PRINTED = re.compile(r"\b([0-9A-F]{2}(?:\.[0-9A-F]{2}){3,4})\b", re.IGNORECASE)
_SKU = re.compile(rb"(\d{3})([0-9A-Z\0])([A-Z]?\d{3,4})(\d{4})")
_LATE_SKU = re.compile(rb"\d{3}")
_LATE_SKU_AT = 0x7F
"""Blackwell leaves the old place empty and repeats the chip SKU here; seen in one image."""
_MOBILE = 0x10
_STRINGS = {"sign_on": 0, "version_text": 1, "board": 5}
_NO_BIT = 0xFFFF


def read_version(table: Table) -> dict[str, Any]:
    """The version by number and by text, from token ``B``: a board partner may finish its last byte."""
    raw = table.rom.block(table.token("B", 5).at, 5)
    return {"version": _version(raw), "version_number": int.from_bytes(raw[3::-1] + raw[4:], "big")}


def read_internal_version(table: Table) -> dict[str, Any]:
    """The version that NVIDIA's build gave, from token ``i``."""
    return {"version_internal": _version(table.rom.block(table.token("i", 5).at, 5))}


def read_strings(table: Table) -> dict[str, Any]:
    """Sign-on, printed version and product string, from token ``S``: a pointer and a length each."""
    token = table.token("S")
    if token.version != 2:
        raise Unreadable(f"strings of version {token.version} are not known")
    found: dict[str, Any] = {}
    for name, number in _STRINGS.items():
        if 3 * number + 3 <= token.size:
            length = table.rom.u8(token.at + 3 * number + 2)
            found[name] = text(table.rom.block(table.follow(token, 3 * number, 2), length))
    printed = _PRINTED.search(found.get("version_text") or "")
    found["version_text"] = printed[1].upper() if printed else None
    return found


def read_build(table: Table) -> dict[str, Any]:
    """When, and as which number, NVIDIA built it."""
    raw = table.content("i")
    found: dict[str, Any] = {"build_date": _date(raw[0x0F:0x17]), "mobile": None, "build_number": None}
    if len(raw) >= 0x0D:
        found["mobile"] = bool(raw[0x05] & _MOBILE)
        found["build_number"] = int.from_bytes(raw[0x07:0x0B], "little") or None
        found["board_id"] = int.from_bytes(raw[0x0B:0x0D], "little") or None
    guid = raw[0x48:0x58]
    found["build_guid"] = guid.hex().upper() if len(guid) == 16 and any(guid) else None
    return found


def read_product(table: Table) -> dict[str, Any]:
    """Chip SKU, project and board SKU: ``200``, ``G132`` and ``0030`` in ``2000G1320030``."""
    raw = table.content("i")
    field = raw[0x30:0x3C]
    if len(field) < 12:
        raise Unreadable("token i ends before chip SKU and project")
    match = _SKU.fullmatch(field)
    if match:
        return {"chip_sku": match[1].decode(), "project": match[3].decode(), "board_sku": match[4].decode()}
    late = raw[_LATE_SKU_AT : _LATE_SKU_AT + 3]
    project = re.fullmatch(rb"\0{4}([A-Z]\d{3})(\d{4})", field)
    if project is None:
        raise Unreadable("chip SKU and project are not in a known form")
    sku = late.decode() if _LATE_SKU.fullmatch(late) else None
    return {"chip_sku": sku, "project": project[1].decode(), "board_sku": project[2].decode()}


def read_subsystem(rom: Rom, header: Header) -> dict[str, Any]:
    """The subsystem that the x86 image was made for: in ``NPDE`` since Pascal, before that at a fixed place."""
    at = header.extension
    if at is not None and rom.u16(at + 0x06) >= 0x14:
        vendor, subsystem = rom.u16(at + 0x10), rom.u16(at + 0x12)
    elif straps(rom, header.image.offset_bytes) is not None:
        vendor, subsystem = (rom.u16(header.image.offset_bytes + place) for place in (0x54, 0x56))
    else:
        raise Unreadable("this generation keeps it at a place that is not known")
    if vendor in (0, _NO_BIT):
        raise Unreadable("the image names no subsystem")
    return {"subsystem_vendor_id": vendor, "subsystem_id": subsystem}


def read_flash_header(rom: Rom, flash: int) -> dict[str, Any]:
    """The header version and the subsystem that the card loads at reset, from ``NVGI``."""
    vendor, subsystem = rom.u16(flash + 0x0C), rom.u16(flash + 0x0E)
    found: dict[str, Any] = {"flash_header_version": rom.u8(flash + 0x05)}
    if vendor not in (0, _NO_BIT):
        found |= {"flash_subsystem_vendor_id": vendor, "flash_subsystem_id": subsystem}
    return found


def straps(rom: Rom, image: int) -> tuple[int, int] | None:
    """AND and OR mask over the first strap register; None where the block that holds them does not add up to zero."""
    try:
        block = rom.block(image + 0x58, 0x14)
    except Unreadable:
        return None
    if sum(block) & 0xFF or block[0x12] != 0xA5:
        return None
    return int.from_bytes(block[0:4], "little"), int.from_bytes(block[4:8], "little")


def _version(raw: bytes) -> str:
    return ".".join(f"{byte:02X}" for byte in (*raw[3::-1], raw[4]))


def _date(raw: bytes) -> dt.date | None:
    match = _DATE.fullmatch(raw)
    if match is None:
        return None
    month, day, year = (int(part) for part in match.groups())
    try:
        return dt.date(2000 + year if year < 70 else 1900 + year, month, day)
    except ValueError:
        return None
