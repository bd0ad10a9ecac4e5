"""Presence of signed code in the firmware images. Presence is no proof: nothing is verified here.

Facts of the format: ``nova-core`` and NVIDIA's open kernel modules (``kernel_gsp_fwsec.c``) for the table of
applications and descriptors 2 and 3. Public images show which application a generation has: 0x05 on Pascal, 0x85 on
Turing, Ampere and Ada. Blackwell has descriptors of version 6, whose layout is not known.
"""

from collections.abc import Iterator

from gpucheck.model.vbios import SignedCode
from gpucheck.sources.vbios.rom import Unreadable
from gpucheck.sources.vbios.table import Table

_EXPECTED = {0x86: 0x05, 0x90: 0x85, 0x94: 0x85, 0x95: 0x85}
"""First byte of the version to the application that every ROM of this generation has."""
_WITH_TOKEN = {0x90, 0x94, 0x95}
"""Turing to Ada: secure code starts the card there, so a table without the token that leads to it was cut down."""
_NEVER = {0x62, 0x70, 0x75, 0x80}
"""Tesla to Kepler: ROMs have checksums only."""
_SIGNATURE_BYTES = 384
_HEADER_BYTES = {2: 60, 3: 44}
_FORMED = 1
"""Flag of a descriptor that has a version and a size at all."""


def read_signatures(table: Table, version_number: int | None) -> tuple[bool, tuple[SignedCode, ...]]:
    """Return whether this generation's secure code is there, and all secure code that was found."""
    family = (version_number or 0) >> 32
    if family in _NEVER:
        raise Unreadable("ROMs of this generation are not signed")
    if family in _WITH_TOKEN and table.chain.complete and all(token.letter != "p" for token in table.tokens):
        return False, ()
    token = table.token("p", 4)
    if token.version != 2 or family not in _EXPECTED:
        raise Unreadable("where this generation keeps its signatures is not known")
    at = table.follow(token, 0, 4)
    if not table.chain.complete:
        raise Unreadable("the file ends before the firmware images do")
    try:
        found = tuple(_applications(table, at))
    except Unreadable:
        found = ()
    return any(code.application == _EXPECTED[family] for code in found), found


def _applications(table: Table, at: int) -> Iterator[SignedCode]:
    rom = table.rom
    version, head, width, count = (rom.u8(at + place) for place in range(4))
    if version != 1 or width < 6:
        raise Unreadable(f"a table of applications of version {version} is not known")
    for number in range(count):
        entry = at + head + number * width
        pointer = rom.u32(entry + 2)
        if not pointer:
            continue
        try:
            code = _descriptor(table, rom.u8(entry), table.chain.resolve(pointer))
        except Unreadable:
            continue
        if code is not None:
            yield code


def _descriptor(table: Table, application: int, at: int) -> SignedCode | None:
    flags, version, size = table.rom.u8(at), table.rom.u8(at + 1), table.rom.u16(at + 2)
    head = _HEADER_BYTES.get(version)
    if not flags & _FORMED or head is None or size < head:
        return None
    if version == 2:
        return SignedCode(application=application, descriptor_version=version) if size == head else None
    count = table.rom.u8(at + 0x27)
    blocks = table.rom.block(at + head, count * _SIGNATURE_BYTES)
    if size != head + len(blocks) or len(set(blocks)) < 2:
        return None
    return SignedCode(application=application, descriptor_version=version, signatures=count)
