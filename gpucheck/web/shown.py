"""What the pages say of items and visits, ready for a template: words, no markup."""

from collections.abc import Sequence
from typing import NamedTuple

from gpucheck.model.inventory import Intake, Item, Notice, Visit
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render.html.view import tone
from gpucheck.render.inventory.words import circumstances, day, every_kind, verdict_line


class Row(NamedTuple):
    """An item in a list."""

    number: int
    model: str
    simulated: str | None
    verdict: str
    tone: str
    where: str
    day: str
    visits: int
    notices: tuple[Notice, ...]


class VisitRow(NamedTuple):
    """A visit in a history, and the number of the intake before it."""

    intake: Intake
    verdict: str
    tone: str
    day: str
    how: str
    notices: tuple[Notice, ...]
    before: int | None


def row_of(item: Item, notices: Sequence[Notice]) -> Row:
    """An item with what is noticed of it."""
    last = item.last
    return Row(
        number=item.number,
        model=last.model,
        simulated=last.simulated,
        verdict=verdict_line(item.authenticity, last.condition, every_kind(last.kinds, notices)),
        tone=_tone(item.authenticity, last.condition),
        where=", ".join(filter(None, (item.label, item.location, item.customer))),
        day=day(last.at),
        visits=item.intakes,
        notices=tuple(notices),
    )


def history_of(visits: Sequence[Visit]) -> list[VisitRow]:
    """An item's visits, oldest first."""
    before = [None, *(visit.intake.number for visit in visits)]
    return [
        VisitRow(
            intake=visit.intake,
            verdict=verdict_line(
                visit.authenticity, visit.intake.condition, every_kind(visit.intake.kinds, visit.notices)
            ),
            tone=_tone(visit.authenticity, visit.intake.condition),
            day=day(visit.intake.at),
            how=circumstances(visit.intake),
            notices=visit.notices,
            before=earlier,
        )
        for visit, earlier in zip(visits, before, strict=False)
    ]


def _tone(authenticity: str, condition: str) -> str:
    return tone(Authenticity(authenticity), Condition(condition))
