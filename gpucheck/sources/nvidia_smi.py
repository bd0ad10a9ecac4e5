"""What a seller sends: files that nvidia-smi or lspci wrote, in any of their formats, and reports that quote them.

`read_file` opens and decodes, `parse` reads; nothing but `SourceFileError` leaves either. Everything is declared.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from gpucheck import __version__
from gpucheck.model.base import NOT_REQUESTED
from gpucheck.model.evidence import DriverFacts, Evidence, Host, NvmlFacts, PciFacts
from gpucheck.model.text import sanitise
from gpucheck.sources.file_reading import MAX_LINES, SourceFileError, clean, read_file, split_lines
from gpucheck.sources.smi_draft import Draft
from gpucheck.sources.smi_merge import Merger

__all__ = ["ParsedFile", "SmiCard", "SourceFileError", "parse", "read_file", "to_evidence"]

_HOW = "Ask for the output of `nvidia-smi -q -x`."
_ALL = "Ask for all of the output of `nvidia-smi -q -x`, from its first line to its last, as a file."
_COMPLAINTS = (
    ("couldn't communicate with the NVIDIA driver", "nvidia-smi reached no driver, so it says nothing about a card"),
    ("Failed to initialize NVML", "nvidia-smi could not start, so it says nothing about a card"),
    ("No devices were found", "nvidia-smi found no card"),
    ("nvidia-smi: command not found", "nvidia-smi was not installed where this was made"),
    ("is not recognized as", "nvidia-smi was not found where this was made"),
)
_OWN_TABLE = re.compile(r"\s*(?:item|card),simulated,\w+,")
_OWN = ("Rulebook: gpucheck ", "<h1>gpucheck report", 'package="gpucheck"', "# HELP gpucheck_")
"""Marks of reports that gpucheck itself wrote for people and for other programs."""
_WINDOWS_MODELS = {"WDDM", "TCC", "MCDM"}
_WSL = re.compile(r"\bWSL2?\b|microsoft-standard|/usr/lib/wsl/")
_WINDOWS = re.compile(r"\bWindows (?:10|11|Server)\b")
_TWO_VERSIONS = re.compile(r"NVIDIA-SMI (\d{3}\.[\d.]{2,8}) +(?:Driver|KMD) Version: +(\d{3}\.[\d.]{2,8})")


class SmiCard(NamedTuple):
    """One card of a file. ``facts`` holds next to nothing where the file has nothing from nvidia-smi."""

    label: str
    facts: NvmlFacts
    pci: PciFacts | None = None
    driver: DriverFacts | None = None

    @property
    def has_facts(self) -> bool:
        """Whether nvidia-smi, or a report that quotes it, said anything about this card."""
        return bool(self.facts.raw or self.facts.fault)


class ParsedFile(NamedTuple):
    """All cards of a file, the host as far as it shows, when it was written, and remarks for the reader."""

    cards: tuple[SmiCard, ...]
    host: Host
    timestamp: datetime | None
    notes: tuple[str, ...]


def parse(text: str, origin: str) -> ParsedFile:
    """Read ``text``, which came from ``origin``. Raises `SourceFileError` where nothing about a card is in it."""
    text = clean(text, origin)
    if _OWN_TABLE.match(text):
        raise _own(origin)
    merger = Merger()
    try:
        rest = _add_xml(text, merger)
    except SourceFileError as error:
        raise SourceFileError(f"{sanitise(origin, 200)}: {error.message}", error.hint) from error
    lines = split_lines(rest)
    if len(lines) == MAX_LINES:
        merger.note(f"only the first {MAX_LINES} lines were read")
    bus = _add_lines(lines, merger)
    if not merger.cards:
        raise _nothing(text, origin, merger.notes, bus.get("driver_version"))
    cards = tuple(SmiCard(card.label, card.facts(), card.pci, card.driver) for card in merger.cards)
    stamp = next((card.timestamp for card in merger.cards if card.timestamp), None)
    host = _host(merger.cards, text).model_copy(update=bus)
    return ParsedFile(cards, host, stamp, tuple(merger.notes))


def _add_xml(text: str, merger: Merger) -> str:
    if "<" not in text:
        return text
    from gpucheck.sources.smi_xml import find_documents, read_xml

    documents, rest = find_documents(text)
    for document in documents:
        drafts, notes = read_xml(document)
        merger.add(drafts)
        for note in notes:
            merger.note(note)
    return rest


def _add_lines(lines: list[str], merger: Merger) -> dict[str, str]:
    """Every other format, the most trusted first; guesses only where nothing better was found.

    Returns what ``lspci`` and the kernel driver tell of the host.
    """
    if not any(line.strip() for line in lines):
        return {}
    from gpucheck.sources.driver_text import read_driver
    from gpucheck.sources.smi_csv import read_csv
    from gpucheck.sources.smi_loose import read_list
    from gpucheck.sources.smi_row import read_rows
    from gpucheck.sources.smi_table import read_table
    from gpucheck.sources.smi_text import read_text

    listings, lines = read_text(lines)
    for listing in listings:
        merger.add(listing)
    blocks, rest = read_csv(lines)
    for block in blocks:
        merger.add(block)
    merger.add(read_table(lines))
    merger.add(read_rows(rest))
    structured = bool(merger.cards)
    merger.add(read_list(lines))
    accounts, others = read_driver(lines)
    if not structured:
        merger.add(_guess(others))
    merger.join_driver(accounts)
    return _add_bus(lines, merger)


def _add_bus(lines: list[str], merger: Merger) -> dict[str, str]:
    """What the bus shows, and what it and the kernel driver tell of the host."""
    from gpucheck.sources.driver_text import read_version
    from gpucheck.sources.lspci import read_lspci

    listing = read_lspci(lines)
    merger.join(listing.cards)
    for note in listing.notes:
        merger.note(note)
    told = {"hypervisor": listing.hypervisor, "driver_version": read_version(lines)}
    return {name: value for name, value in told.items() if value}


def _guess(lines: list[str]) -> list[Draft]:
    from gpucheck.sources.smi_keys import read_keys
    from gpucheck.sources.smi_loose import read_reports
    from gpucheck.sources.smi_text import read_headless

    for reader in (read_headless, read_reports, read_keys):
        if drafts := reader(lines):
            return drafts
    return []


def _host(cards: list[Draft], text: str) -> Host:
    def first(name: str) -> str | None:
        return next((str(card.values[name]) for card in cards if name in card.values), None)

    versions = _TWO_VERSIONS.search(text) if "NVIDIA-SMI " in text else None
    # Only inside the Linux guest of a Windows host do nvidia-smi and the driver differ in version.
    hinted = ("WSL" in text or "microsoft-standard" in text or "/wsl/" in text) and _WSL.search(text)
    wsl = bool(hinted) or (versions is not None and versions[1].split(".")[:2] != versions[2].split(".")[:2])
    windows = wsl or first("driver_model") in _WINDOWS_MODELS or ("Windows " in text and bool(_WINDOWS.search(text)))
    return Host(
        os="Windows" if windows and not wsl else "Linux (WSL)" if wsl else "unknown",
        driver_version=first("driver_version"),
        cuda_version=first("cuda_version"),
        wsl=wsl,
        windows=windows,
    )


def _nothing(text: str, origin: str, notes: list[str], driver: str | None) -> SourceFileError:
    name = sanitise(origin, 200)
    if any(mark in text for mark in _OWN):
        return _own(origin)
    for words, meaning in _COMPLAINTS:
        if words in text:
            return SourceFileError(f"{name}: {meaning}.", "Make it again on the machine that holds the card.")
    if notes:
        return SourceFileError(f"{name}: {notes[0]}.", _ALL)
    if driver:
        return SourceFileError(
            f"{name}: it states the driver's version, {driver}, and says nothing about a card.", _HOW
        )
    return SourceFileError(f"{name} says nothing about an NVIDIA card in a form that can be read.", _HOW)


def _own(origin: str) -> SourceFileError:
    return SourceFileError(
        f"{sanitise(origin, 200)} is what gpucheck wrote for reading, not for judging again.",
        "Ask for its report or evidence in JSON.",
    )


def to_evidence(parsed: ParsedFile, origin: str) -> list[Evidence]:
    """One evidence document per card, dated as the file is."""
    when = parsed.timestamp or datetime.now(UTC)
    return [
        Evidence.of(
            collected_at=when,
            tool_version=__version__,
            label=sanitise(f"{origin} {card.label}"),
            host=parsed.host,
            pci=card.pci or NOT_REQUESTED,
            driver=card.driver or NOT_REQUESTED,
            nvidia_smi=card.facts if card.has_facts else NOT_REQUESTED,
        )
        for card in parsed.cards
    ]
