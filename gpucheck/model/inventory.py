"""A shop's cards: the item, its intakes, the identities that they stated, and what follows from comparing them.

Named tuples, for every command that lists a thousand cards makes a thousand of them. Times are UTC.
"""

import datetime as dt
import re
from typing import NamedTuple

from gpucheck.model.finding import Kind


class Identity(NamedTuple):
    """What a card states that can tell it from others, ``None`` for what it did not state. All of it is declared.

    Texts are sanitised. A text that starts with ``redacted:`` stands for one that was taken out.
    """

    simulated: bool = False
    uuid: str | None = None
    pdi: str | None = None
    serial: str | None = None
    board_part_number: str | None = None
    project: str | None = None
    vbios_version: str | None = None
    device_id: int | None = None
    subsystem_vendor_id: int | None = None
    subsystem_id: int | None = None
    chip_id: int | None = None
    """Of the die, from its own register or the resource manager."""
    virtual: bool = False
    """A virtual GPU: UUID and PDI are no die's."""
    several_dies: bool = False
    """A model whose board carries several dies under one serial number."""
    twin: bool = False
    """Another card of the same scan stated the same UUID or PDI at another bus address."""
    together: int = 1
    """Cards of the same scan."""


class Sighting(NamedTuple):
    """An identity with when and in which intake it was stated."""

    intake: int
    item: int
    report: int
    at: dt.datetime
    identity: Identity


class Notice(NamedTuple):
    """What follows from comparing an intake with all others. ``kind`` is None for a remark that accuses nobody."""

    kind: Kind | None
    item: int
    intake: int
    since: dt.datetime
    message: str
    other: int | None = None
    """The other item that it is about."""


class Intake(NamedTuple):
    """One visit of a card."""

    number: int
    item: int
    report: int
    position: int
    """Which card of its report, from 0."""
    at: dt.datetime
    """When the card was examined."""
    added_at: dt.datetime
    tool_version: str
    host: str
    driver_version: str | None
    simulated: str | None
    model: str
    authenticity: str
    condition: str
    kinds: tuple[str, ...]
    weights: str
    catalog: str
    evidence_digest: str
    identity: Identity


class Item(NamedTuple):
    """A physical card in the inventory, with its last intake."""

    number: int
    created_at: dt.datetime
    label: str
    location: str
    customer: str
    intakes: int
    last: Intake
    authenticity: str
    """Of the last intake, with what the inventory notices of the item counted in."""


class Labelled(NamedTuple):
    """An item with what its label says beside it: what is noticed of it, and the code."""

    item: Item
    notices: tuple[Notice, ...]
    code: str


PRINTED_DIGITS = 12
"""Digits of a digest that a label shows."""

_DIGITS = re.compile(rf"(?:sha256:)?([0-9a-f]{{{PRINTED_DIGITS},64}})", re.IGNORECASE)
_CODE = re.compile(r"(?:gpucheck:([0-9]{1,18}):)?(sha256:[0-9a-f]{64})", re.IGNORECASE)


def label_code(item: int, digest: str) -> str:
    """What the QR code of a label carries: the item, and the digest of the report of its last intake."""
    return f"gpucheck:{item}:{digest}"


def read_code(text: str) -> tuple[int | None, str] | None:
    """Item and digest out of a label's code, or the digest alone out of that of a report's page; ``None`` for neither.

    Scanners may write capital letters.
    """
    found = _CODE.fullmatch(text)
    return (int(found[1]) if found[1] else None, found[2].lower()) if found else None


def read_digits(text: str) -> str | None:
    """The beginning of a digest, as it stands on a label beside the code or longer; ``None`` where it is none."""
    found = _DIGITS.fullmatch(text)
    return found[1].lower() if found else None


def read_number(text: str) -> int | None:
    """The number of an item or an intake, of as many digits as every database takes; ``None`` where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else None


_LONGEST_NUMBER = 18


class Note(NamedTuple):
    """A remark of a person on an item."""

    at: dt.datetime
    text: str


class Added(NamedTuple):
    """What came of one card of a report: its item and intake, and whether either was there already."""

    item: int
    intake: int
    new_item: bool
    new_intake: bool
    at: dt.datetime
    model: str
    authenticity: str
    """As the report says; what the inventory adds is in ``notices``."""
    condition: str
    kinds: tuple[str, ...]
    simulated: str | None
    notices: tuple[Notice, ...] = ()


class Change(NamedTuple):
    """One fact that differs between two intakes. ``source`` says ``declared``, ``measured`` or ``judged``."""

    label: str
    source: str
    old: str
    new: str


class Visit(NamedTuple):
    """An intake with its authenticity, the notices of its time counted in, and those that are new with it."""

    intake: Intake
    authenticity: str
    notices: tuple[Notice, ...]
