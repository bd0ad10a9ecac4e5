"""The BIOS information table (BIT) of the x86 image: a list of tokens, each pointing to a structure.

Facts of the format: NVIDIA's ``BIOS-Information-Table`` in open-gpu-doc.
"""

from dataclasses import dataclass
from typing import Literal

from gpucheck.sources.vbios.chain import Chain
from gpucheck.sources.vbios.rom import Rom, Unreadable

MAGIC = b"\xff\xb8BIT\0"
_MOST_HEADERS = 16
"""The magic can also stand in code; so many places are looked at."""


@dataclass(frozen=True)
class Token:
    """One entry: its letter, the version and size of its structure, and where that is in the file."""

    letter: str
    version: int
    size: int
    at: int


@dataclass(frozen=True)
class Table:
    """All tokens of one image."""

    rom: Rom
    chain: Chain
    at: int
    tokens: tuple[Token, ...]
    checksum: Literal["good", "bad"]

    def token(self, letter: str, size: int = 0) -> Token:
        """Return a token whose structure has at least ``size`` bytes. Raises ``Unreadable`` where there is none."""
        found = next((token for token in self.tokens if token.letter == letter), None)
        if found is None:
            raise Unreadable(f"the information table has no token {letter}")
        if found.size < size:
            raise Unreadable(f"token {letter} has {found.size} bytes, which end before it")
        return found

    def content(self, letter: str) -> bytes:
        """Return a token's structure."""
        token = self.token(letter)
        return self.rom.block(token.at, token.size)

    def follow(self, token: Token, offset: int, width: int) -> int:
        """Return where a pointer of ``width`` bytes in a token's structure leads. Raises ``Unreadable`` for zero."""
        if offset + width > token.size:
            raise Unreadable(f"token {token.letter} has {token.size} bytes, which end before its pointer")
        pointer = self.rom.number(token.at + offset, width)
        if not pointer:
            raise Unreadable(f"token {token.letter} points nowhere")
        return self.chain.resolve(pointer)


def read_table(rom: Rom, chain: Chain) -> Table:
    """Find the table. Raises ``Unreadable`` where the ROM has none."""
    header = chain.main
    if header is None:
        raise Unreadable("there is no x86 image, which would hold the information table")
    start = header.image.offset_bytes
    end = min(start + header.image.length_bytes, len(rom))
    found = [at for at in _places(rom, start, end) if _is_table(rom, at)]
    if not found:
        raise Unreadable("the x86 image has no information table")
    sound = [at for at in found if _sum(rom, at) == 0]
    at = (sound or found)[0]
    return Table(rom, chain, at, _tokens(rom, at, start), "good" if sound else "bad")


def _places(rom: Rom, start: int, end: int) -> list[int]:
    places: list[int] = []
    at = rom.data.find(MAGIC, start, end)
    while at >= 0 and len(places) < _MOST_HEADERS:
        places.append(at)
        at = rom.data.find(MAGIC, at + 1, end)
    return places


def _is_table(rom: Rom, at: int) -> bool:
    try:
        return rom.u8(at + 0x08) >= 0x0C and rom.u8(at + 0x09) in (6, 8) and rom.u8(at + 0x0A) > 0
    except Unreadable:
        return False


def _sum(rom: Rom, at: int) -> int:
    try:
        return sum(rom.block(at, rom.u8(at + 0x08))) & 0xFF
    except Unreadable:
        return -1


def _tokens(rom: Rom, at: int, start: int) -> tuple[Token, ...]:
    head, width, count = rom.u8(at + 0x08), rom.u8(at + 0x09), rom.u8(at + 0x0A)
    tokens = []
    for number in range(count):
        entry = at + head + number * width
        try:
            letter, version, size = rom.u8(entry), rom.u8(entry + 1), rom.u16(entry + 2)
            pointer = rom.number(entry + 4, width - 4)
        except Unreadable:
            break
        name = chr(letter) if 0x21 <= letter <= 0x7E else f"{letter:#04x}"
        tokens.append(Token(name, version, size, start + pointer))
    return tuple(tokens)
