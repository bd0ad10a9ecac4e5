"""The inventory for a person: items, one item, its history, and what changed between two intakes."""

from collections.abc import Sequence
from typing import NamedTuple

from gpucheck.model.inventory import Added, Change, Item, Note, Notice, Visit
from gpucheck.model.verdict import Authenticity
from gpucheck.render import words
from gpucheck.render.inventory.words import NO_CHANGE, NO_SERIAL, circumstances, compared, every_kind, facts_of, turned
from gpucheck.render.inventory.words import day as _day
from gpucheck.render.inventory.words import model_name as _model
from gpucheck.render.inventory.words import verdict_line as _verdict
from gpucheck.render.style import Cell, Colour, Look

MODEL_SHARE = 46
"""Percent of the room beside numbers and dates that a model's name gets; a verdict gets the rest."""


class Shown(NamedTuple):
    """An item with its authenticity, the inventory's notices counted in."""

    item: Item
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
    for label, value in [("Verdict", f"{verdict}, as of {_day(last.at)}"), *facts_of(item)]:
        lines += look.labelled(label, value, gap=12)
    lines += [] if last.identity.serial else look.paragraph(NO_SERIAL)
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
        told = f"{verdict}, {circumstances(intake)}{', SIMULATED' if intake.simulated else ''}"
        lines += look.labelled(f"#{intake.number}", f"{_day(intake.at)}  {told}", gap=8)
        lines += [line for notice in visit.notices for line in look.paragraph(notice.message, indent=8)]
    return lines


def render_diff(old: Visit, new: Visit, changes: Sequence[Change], look: Look) -> str:
    """What changed, with the inventory's notices before all else."""
    lines = [look.paint(compared(old.intake, new.intake), "bold")]
    lines += look.paragraph(turned(old.authenticity, new.authenticity))
    for notice in new.notices:
        lines += [look.paint(line, "yellow" if notice.kind else "dim") for line in look.paragraph(notice.message)]
    for change in changes:
        text = f"{change.label} ({change.source}): {change.old} -> {change.new}"
        lines += look.paragraph(text, indent=2)
    if not changes:
        lines.append(NO_CHANGE)
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


def _colour(authenticity: str) -> Colour:
    return words.COLOURS[Authenticity(authenticity)]


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in lines)
