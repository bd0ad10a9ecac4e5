"""A VBIOS image as facts: every part is read by itself, and what cannot be read is missing with its reason."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gpucheck.model.vbios import Source, VbiosFacts
from gpucheck.sources.vbios import identity
from gpucheck.sources.vbios.chain import Chain, device_list, read_chain
from gpucheck.sources.vbios.memory import read_memory, read_strap
from gpucheck.sources.vbios.power import read_power
from gpucheck.sources.vbios.rom import LIMIT_BYTES, Rom, Unreadable, VbiosError
from gpucheck.sources.vbios.signatures import read_signatures
from gpucheck.sources.vbios.table import Table, read_table

T = TypeVar("T")

_GENERATIONS = {
    0x62: "Tesla",
    0x70: "Fermi",
    0x75: "Fermi",
    0x80: "Kepler",
    0x82: "Maxwell",
    0x84: "Maxwell",
    0x86: "Pascal",
    0x88: "Volta",
    0x90: "Turing",
    0x92: "Ampere",
    0x94: "Ampere",
    0x95: "Ada",
    0x96: "Hopper",
    0x97: "Blackwell",
    0x98: "Blackwell",
}
"""By the first byte of the version. 70.15 to 70.18 and 70.89 are the last chips of Tesla's generation."""
_LATE_TESLA = (0x15, 0x16, 0x18, 0x89)
_OF_TABLE = (
    "version",
    "version_internal",
    "version_text",
    "sign_on",
    "board",
    "build_date",
    "build_number",
    "build_guid",
    "board_id",
    "mobile",
    "chip_sku",
    "project",
    "board_sku",
    "memory",
    "power",
    "signed",
)
_RAW_BYTES = 512
_RAW_TOKENS = ("i", "B", "M", "p")


def parse(data: bytes, source: Source = "file") -> VbiosFacts:
    """Make facts of a ROM's bytes. Raises ``VbiosError``, and nothing else, for bytes that hold no VBIOS."""
    if len(data) > LIMIT_BYTES:
        raise VbiosError(f"it has more than {LIMIT_BYTES >> 20} MiB; no VBIOS is that large", "Give the ROM alone.")
    rom = Rom(bytes(data))
    chain = read_chain(rom)
    draft = _Draft(rom, chain, source)
    draft.read_images()
    draft.read_table()
    return VbiosFacts.model_validate({**draft.facts, "missing": draft.missing, "raw": draft.raw})


class _Draft:
    """Facts as they are found, and the reasons for those that are not."""

    def __init__(self, rom: Rom, chain: Chain, source: Source) -> None:
        self.rom, self.chain = rom, chain
        self.facts: dict[str, Any] = {"source": source, "size_bytes": len(rom), "images": chain.images}
        self.missing: dict[str, Any] = {}
        self.raw: dict[str, str] = {}

    def attempt(self, names: Sequence[str], read: Callable[[], dict[str, Any]]) -> None:
        """Take what ``read`` finds; where it gives up, ``names`` are missing for that reason."""
        try:
            found = read()
        except Unreadable as unreadable:
            self.missing |= dict.fromkeys(names, unreadable.absence)
            return
        self.facts |= found
        empty = Unreadable("it is not stated in a known form").absence
        self.missing |= {name: empty for name in names if self.facts.get(name) is None}

    def keep(self, name: str, content: bytes) -> None:
        """Keep a structure as it came."""
        self.raw[name] = content[:_RAW_BYTES].hex()

    def read_images(self) -> None:
        """What the chain, the flash header and the main image's own header say."""
        chain, rom = self.chain, self.rom
        flash = chain.flash is not None or (chain.images[0].offset_bytes > 0 and b"RFRD" in rom.data)
        self.facts |= {
            "form": "flash" if flash else "option_rom",
            "complete": chain.complete,
            "shadow": any(header.shadow for header in chain.headers),
            "digest": _digest(rom, chain),
        }
        flashed = ("flash_header_version", "flash_subsystem_vendor_id", "flash_subsystem_id")
        self.attempt(flashed, self._flash_header)
        main = chain.main or chain.headers[0]
        self.facts |= {"vendor_id": main.image.vendor_id, "device_id": main.image.device_id}
        self.keep("PCIR", rom.data[main.structure : main.structure + 0x30])
        self.attempt((), lambda: {"further_device_ids": device_list(rom, main)})
        self.attempt(("subsystem_vendor_id", "subsystem_id"), lambda: identity.read_subsystem(rom, main))
        self.attempt(("memory_strap",), lambda: {"memory_strap": read_strap(rom, main.image.offset_bytes)})

    def read_table(self) -> None:
        """What the information table leads to."""
        try:
            table = read_table(self.rom, self.chain)
        except Unreadable as unreadable:
            self.missing |= dict.fromkeys(_OF_TABLE, unreadable.absence)
            return
        self.facts |= {"tokens": tuple(t.letter for t in table.tokens), "table_checksum": table.checksum}
        self.attempt(("version",), lambda: identity.read_version(table))
        self.attempt(("version_internal",), lambda: identity.read_internal_version(table))
        self.attempt(("version_text", "sign_on", "board"), lambda: identity.read_strings(table))
        build = ("build_date", "build_number", "build_guid", "board_id", "mobile")
        self.attempt(build, lambda: identity.read_build(table))
        self.attempt(("chip_sku", "project", "board_sku"), lambda: identity.read_product(table))
        self.attempt(("memory",), lambda: self._memory(table))
        self.attempt(("power",), lambda: {"power": read_power(table)})
        self.attempt(("signed",), lambda: self._signatures(table))
        self.facts["generation"] = _generation(self.facts.get("version_number"))
        self._keep_table(table)

    def _flash_header(self) -> dict[str, Any]:
        if self.chain.flash is None:
            raise Unreadable("what was read does not begin with a flash header")
        self.keep("NVGI", self.rom.data[self.chain.flash : self.chain.flash + 0x40])
        return identity.read_flash_header(self.rom, self.chain.flash)

    def _memory(self, table: Table) -> dict[str, Any]:
        choices, content = read_memory(table)
        self.keep("memory", content)
        return {"memory": choices}

    def _signatures(self, table: Table) -> dict[str, Any]:
        there, found = read_signatures(table, self.facts.get("version_number"))
        return {"signed": there, "signed_code": found}

    def _keep_table(self, table: Table) -> None:
        self.keep("BIT", self.rom.data[table.at : table.at + 0x0C + 8 * len(table.tokens)])
        for letter in _RAW_TOKENS:
            try:
                self.keep(letter, table.content(letter))
            except Unreadable:
                continue


def _digest(rom: Rom, chain: Chain) -> str:
    """Of the images one after the other: flash header, update ledger and InfoROM differ from card to card."""
    state = hashlib.sha256()
    for image in chain.images:
        state.update(rom.data[image.offset_bytes : image.offset_bytes + image.length_bytes])
    return f"sha256:{state.hexdigest()}"


def _generation(version_number: int | None) -> str | None:
    number = version_number or 0
    family, chip = number >> 32, number >> 24 & 0xFF
    return "Tesla" if family == 0x70 and chip in _LATE_TESLA else _GENERATIONS.get(family)
