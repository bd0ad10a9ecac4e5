"""What the formats for machines share: one label a card, its identity as text, and when a verdict is accepted.

All text is cleaned here: one line, bounded, without the control, surrogate, bidirectional and unassigned characters
that XML forbids and that move a cursor.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gpucheck.model.evidence import PciFacts
from gpucheck.model.finding import Finding
from gpucheck.model.report import CardReport, Report
from gpucheck.model.text import sanitise
from gpucheck.model.units import pci_id
from gpucheck.model.verdict import Authenticity, Condition, Verdict

SHORT, LONG = 200, 2000
"""Characters of a label or an identifier, and of a sentence."""
_LABEL = 160
"""Characters of a label: with its number it stays below ``SHORT``, so that no later cut makes two alike."""
NO_CARD = "No card was examined."


class Identity(NamedTuple):
    """Who a card says that it is, all of it declared; a part that is not known is empty."""

    name: str
    device: str
    subsystem: str
    vbios: str
    uuid: str
    serial: str
    board_part_number: str
    bdf: str
    driver: str


def identity(card: CardReport) -> Identity:
    """Return what the card declares; ids come from the bus where the driver states none."""
    facts, pci = card.evidence.declared, card.evidence.pci
    stated = {name: getattr(facts, name, None) for name in _STATED}
    if isinstance(pci, PciFacts):
        stated |= {name: getattr(pci, name) for name in _ON_THE_BUS if stated[name] is None}
    texts = {name: plain(stated[name], SHORT) for name in _STATED}
    return Identity(
        name=plain(card.called or "Unknown card", SHORT),
        device=_ids(stated["vendor_id"], stated["device_id"]),
        subsystem=_ids(stated["subsystem_vendor_id"], stated["subsystem_id"]),
        vbios=texts["vbios_version"],
        uuid=texts["uuid"],
        serial=texts["serial"],
        board_part_number=texts["board_part_number"],
        bdf=texts["bdf"],
        driver=plain(card.evidence.host.driver_version or stated["driver_version"], SHORT),
    )


_ON_THE_BUS = ("bdf", "vendor_id", "device_id", "subsystem_vendor_id", "subsystem_id")
_STATED = (*_ON_THE_BUS, "vbios_version", "uuid", "serial", "board_part_number", "driver_version")


def _ids(vendor: int | None, number: int | None) -> str:
    return "" if number is None else pci_id(vendor, number)


def plain(text: object, limit: int = LONG) -> str:
    """Return hostile text on one line; nothing for ``None``."""
    return "" if text is None else sanitise(str(text), limit)


def labels(report: Report) -> list[str]:
    """Return one label a card, in order, each its own even where two files name a card alike."""
    return distinct(plain(card.evidence.label, _LABEL) or "card" for card in report.cards)


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names; one that was there before gets a number."""
    taken: dict[str, None] = {}
    for name in names:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        taken[free] = None
    return list(taken)


def scenario(card: CardReport) -> str:
    """The scenario of a simulated card, empty for a real one."""
    return plain(card.simulated or card.evidence.simulated, SHORT)


def accepted(verdict: Verdict) -> bool:
    """Whether the card's exit code is 0: authentic, and good, worn or not examined."""
    return verdict.authenticity is Authenticity.AUTHENTIC and verdict.condition is not Condition.DEFECTIVE


def sentence(finding: Finding) -> str:
    """What came of a check: its title and message, what was seen and what was expected, each with its unit."""
    parts = [f"{finding.title}: {finding.message}"]
    parts += [f"{word}: {text}." for word, text in spoken(finding) if text]
    return plain(" ".join(part.replace("..", ".") for part in parts))


def spoken(finding: Finding) -> Sequence[tuple[str, str]]:
    """Observed, expected and remedy under their words."""
    return (("Observed", finding.observed), ("Expected", finding.expected), ("To do", finding.remedy))


def utc(when: dt.datetime) -> str:
    """A moment in UTC to the second, without a zone: ``2026-01-02T03:04:05``."""
    try:
        moved = when.astimezone(dt.UTC)
    except OverflowError:  # the first or last day that a calendar has, in a document that was tampered with
        moved = when
    return moved.replace(tzinfo=None).isoformat(timespec="seconds")
