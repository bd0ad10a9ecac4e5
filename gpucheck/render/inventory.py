"""The inventory for a person: items, one item, its history, and what changed between two intakes."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from gpucheck.model.inventory import Added, Change, Intake, Item, Note, Notice
from gpucheck.model.units import pci_id
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render import words
from gpucheck.render.style import Cell, Colour, Look

NVIDIA = 0x10DE
MODEL_SHARE = 46
"""Percent of the room beside numbers and dates that a model's name gets; a verdict gets the rest."""


class Shown(NamedTuple):
    """An item with its authenticity, the inventory's notices counted in."""

    item: Item
    authenticity: str
    notices: tuple[Notice, ...]


class Visit(NamedTuple):
    """An intake with its authenticity, the notices of its time counted in, and those that are new with it."""

    intake: Intake
    authenticity: str
    notices: tuple[Notice, ...]


def render_list(shown: Sequence[Shown], total: int, look: Look) -> str:
    """One line an item, its notices below it."""
    if not shown:
        return "No item.\n"
    digits = max(4, len(str(max(each.item.number for each in shown))))
    room = max(look.width, 60) - digits - 16
    narrow = room * MODEL_SHARE // 100
    lines = []
    for each in shown:
        item, last = each.item, each.item.last
        verdict = _verdict(each.authenticity, last.condition, every_kind(last.kinds, each.notices))
        where = ", ".join(filter(None, (item.label, item.location)))
        lines += look.row(
            Cell(str(item.number), digits, right=True),
            Cell(_day(last.at), 10),
            Cell(_model(last.model, last.simulated), narrow),
            Cell(f"{verdict}; {where}" if where else verdict, room - narrow, _colour(each.authenticity)),
        )
        lines += [line for notice in each.notices for line in look.paragraph(notice.message, indent=digits + 2)]
    if total > len(shown):
        lines.append(f"{len(shown)} of {total} items, the newest; --limit shows more, words choose among them.")
    return _text(lines)


def render_item(shown: Shown, visits: Sequence[Visit], notes: Sequence[Note], look: Look) -> str:
    """Everything that is known of an item."""
    item, last = shown.item, shown.item.last
    title = f"Item {item.number}: {_model(last.model, last.simulated)}"
    lines = [look.paint(look.fit(title, look.width), "bold")]
    verdict = _verdict(shown.authenticity, last.condition, every_kind(last.kinds, shown.notices))
    rows = [
        ("Verdict", f"{verdict}, as of {_day(last.at)}"), ("Label", item.label), ("Location", item.location),
        ("Customer", item.customer), ("UUID", last.identity.uuid), ("PDI", last.identity.pdi),
        ("Serial", last.identity.serial), ("Board part", last.identity.board_part_number),
        ("Project", last.identity.project), ("VBIOS", last.identity.vbios_version),
        ("Device", pci_id(NVIDIA, last.identity.device_id) if last.identity.device_id is not None else ""),
    ]  # fmt: skip
    for label, value in rows:
        lines += look.labelled(label, value, gap=12) if value else []
    if not last.identity.serial:
        lines += look.paragraph("The board states no serial number: whether it was changed, the inventory cannot tell.")
    for notice in shown.notices:
        lines += ["", *look.paragraph(notice.message)]
    lines += ["", *_visits(visits, look)]
    for note in notes:
        lines += look.labelled(_day(note.at), note.text, gap=12)
    return _text(lines)


def render_history(item: int, visits: Sequence[Visit], look: Look) -> str:
    """An item's intakes, oldest first."""
    return _text([look.paint(f"Item {item}", "bold"), *_visits(visits, look)])


def _visits(visits: Sequence[Visit], look: Look) -> list[str]:
    lines = []
    for visit in visits:
        intake = visit.intake
        verdict = _verdict(visit.authenticity, intake.condition, every_kind(intake.kinds, visit.notices))
        told = f"{verdict}, by gpucheck {intake.tool_version} on {intake.host}"
        told += f", driver {intake.driver_version}" if intake.driver_version else ""
        told += f", VBIOS {intake.identity.vbios_version}" if intake.identity.vbios_version else ""
        told += ", SIMULATED" if intake.simulated else ""
        lines += look.labelled(f"#{intake.number}", f"{_day(intake.at)}  {told}", gap=8)
        lines += [line for notice in visit.notices for line in look.paragraph(notice.message, indent=8)]
    return lines


def render_diff(old: Visit, new: Visit, changes: Sequence[Change], look: Look) -> str:
    """What changed, with the inventory's notices before all else."""
    title = (
        f"Intake #{old.intake.number} of {_day(old.intake.at)} against #{new.intake.number} of {_day(new.intake.at)}"
    )
    lines = [look.paint(title, "bold")]
    if old.authenticity != new.authenticity:
        lines += look.paragraph(f"Verdict with what the inventory knows: {old.authenticity} then {new.authenticity}.")
    for notice in new.notices:
        lines += [look.paint(line, "yellow" if notice.kind else "dim") for line in look.paragraph(notice.message)]
    for change in changes:
        text = f"{change.label} ({change.source}): {change.old} -> {change.new}"
        lines += look.paragraph(text, indent=2)
    if not changes:
        lines.append("Nothing that is compared has changed.")
    return _text(lines)


def render_added(added: Sequence[tuple[Added, str]], look: Look) -> str:
    """Where each card went, with its authenticity as the inventory's notices leave it."""
    lines = []
    for each, authenticity in added:
        what = "a new item" if each.new_item else "known" if each.new_intake else "this visit is there already"
        verdict = _verdict(authenticity, each.condition, every_kind(each.kinds, each.notices))
        text = f"Item {each.item}, intake #{each.intake} ({what}): {_model(each.model, each.simulated)}, {verdict}"
        lines += look.paragraph(text)
        lines += [line for notice in each.notices for line in look.paragraph(notice.message, indent=2)]
    return _text(lines)


def render_intake(added: Sequence[tuple[Added, str]], look: Look) -> str:
    """The cards of a bench as a table, with what the inventory notices below each, and how many there are of what."""
    if not added:
        return "No card was kept.\n"
    digits = max(4, *(len(str(each.item)) for each, _ in added))
    wide = max(6, *(len(f"#{each.intake}") for each, _ in added))
    room = max(look.width, 60) - digits - wide - 13
    narrow = room * MODEL_SHARE // 100

    def row(*texts: str, colour: Colour | None = None) -> list[str]:
        item, intake, seen, model, verdict = texts
        return look.row(
            Cell(item, digits, right=True),
            Cell(intake, wide, right=True),
            Cell(seen, 5),
            Cell(model, narrow),
            Cell(verdict, room - narrow, colour),
        )

    lines = [look.paint(line, "bold") for line in row("Item", "Intake", "Seen", "Card", "Verdict")]
    for each, authenticity in added:
        verdict = _verdict(authenticity, each.condition, every_kind(each.kinds, each.notices))
        seen = "new" if each.new_item else "again" if each.new_intake else "kept"
        model = _model(each.model, each.simulated)
        lines += row(str(each.item), f"#{each.intake}", seen, model, verdict, colour=_colour(authenticity))
        lines += [line for notice in each.notices for line in look.paragraph(notice.message, indent=digits + 2)]
    return _text([*lines, "", *look.paragraph(_counted(added))])


def _counted(added: Sequence[tuple[Added, str]]) -> str:
    found = [authenticity for _, authenticity in added]
    verdicts = [f"{found.count(each.value)} {each.value}" for each in Authenticity if each.value in found]
    told = f"{len(found)} {'card' if len(found) == 1 else 'cards'}: {', '.join(verdicts)}"
    new = sum(each.new_item for each, _ in added)
    again = sum(each.new_intake and not each.new_item for each, _ in added)
    kept = len(added) - new - again
    seen = [f"{new} new"] if new else []
    seen += [f"{again} seen again"] if again else []
    seen += [f"{kept} whose visit was kept already"] if kept else []
    return f"{told}; {', '.join(seen)}."


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


def _verdict(authenticity: str, condition: str, kinds: Sequence[str]) -> str:
    told, health = kinds_in_words(kinds), health_in_words(condition)
    return authenticity.upper() + (f" ({told})" if told else "") + (f", {health}" if health else "")


def _model(model: str, simulated: str | None) -> str:
    return f"SIMULATED {model}" if simulated else model


def _colour(authenticity: str) -> Colour:
    return words.COLOURS[Authenticity(authenticity)]


def _day(when: dt.datetime) -> str:
    return when.date().isoformat()


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in lines)
