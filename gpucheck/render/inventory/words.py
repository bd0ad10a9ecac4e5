"""The words for an item and its visits, the same on a terminal and on a page."""

import datetime as dt
from collections.abc import Sequence

from gpucheck.model.canonical import digest
from gpucheck.model.inventory import Intake, Item, Notice, Visit
from gpucheck.model.report import Report
from gpucheck.model.units import pci_id
from gpucheck.model.verdict import Condition
from gpucheck.render import words

NVIDIA = 0x10DE
NO_SERIAL = "The board states no serial number: whether it was changed, the inventory cannot tell."
NO_CHANGE = "Nothing that is compared has changed."
AS_STORED = "Shown as it was stored; nothing was judged anew."


def one_of(whole: Report, way: str, visit: Visit) -> str:
    """What is said beside a card's own report: what the inventory noticed with it, which no report can know by itself;
    and where it came in with others, the way to the whole and its digest.
    """
    said = f"{noticed(visit)}{AS_STORED}"
    if len(whole.cards) == 1:
        return said
    return (
        f"{said} The report of this intake holds {len(whole.cards)} cards; this is one of them. {way} "
        f"Labels and the inventory name it by the digest of the whole: {digest(whole)}."
    )


def noticed(visit: Visit) -> str:
    """The verdict that the inventory came to beside a report, and why; empty where it noticed nothing."""
    if not visit.notices:
        return ""
    kinds = every_kind(visit.intake.kinds, visit.notices)
    verdict = verdict_line(visit.authenticity, visit.intake.condition, kinds)
    return (
        f"By the inventory, which knows what came in before: {verdict}. {' '.join(n.message for n in visit.notices)} "
    )


def every_kind(own: Sequence[str], notices: Sequence[Notice]) -> tuple[str, ...]:
    """The kinds of a verdict with those of the inventory's notices, each once."""
    return tuple(dict.fromkeys([*own, *(notice.kind.value for notice in notices if notice.kind)]))


def kinds_in_words(kinds: Sequence[str]) -> str:
    """What was done to a card, in words."""
    named = {kind.value: text for kind, text in words.KINDS.items()}
    return ", ".join(named.get(kind, kind) for kind in kinds)


def health_in_words(condition: str) -> str:
    """The condition, where it is one to tell of beside the verdict."""
    return words.CONDITIONS[Condition(condition)] if condition in ("worn", "defective") else ""


def verdict_line(authenticity: str, condition: str, kinds: Sequence[str]) -> str:
    """A stored verdict: authenticity, kinds, and the condition where it is not good."""
    told, health = kinds_in_words(kinds), health_in_words(condition)
    return authenticity.upper() + (f" ({told})" if told else "") + (f", {health}" if health else "")


def model_name(model: str, simulated: str | None) -> str:
    """The model, marked where no real card was examined."""
    return f"SIMULATED {model}" if simulated else model


def day(when: dt.datetime) -> str:
    """A date."""
    return when.date().isoformat()


def facts_of(item: Item) -> list[tuple[str, str]]:
    """What a person wrote of an item, and what the card stated at its last visit; of each only what is known."""
    stated = item.last.identity
    rows = [
        ("Label", item.label), ("Location", item.location), ("Customer", item.customer), ("UUID", stated.uuid),
        ("PDI", stated.pdi), ("Serial", stated.serial), ("Board part", stated.board_part_number),
        ("Project", stated.project), ("VBIOS", stated.vbios_version),
        ("Device", pci_id(NVIDIA, stated.device_id) if stated.device_id is not None else None),
    ]  # fmt: skip
    return [(label, value) for label, value in rows if value]


def circumstances(intake: Intake) -> str:
    """By what and where a card was examined."""
    told = f"by gpucheck {intake.tool_version} on {intake.host}"
    told += f", driver {intake.driver_version}" if intake.driver_version else ""
    return told + (f", VBIOS {intake.identity.vbios_version}" if intake.identity.vbios_version else "")


def compared(old: Intake, new: Intake) -> str:
    """Which two visits are held against each other."""
    return f"Intake #{old.number} of {day(old.at)} against #{new.number} of {day(new.at)}"


def turned(old: str, new: str) -> str:
    """That the verdict is another one, nothing where it is not."""
    return f"Verdict with what the inventory knows: {old} then {new}." if old != new else ""
