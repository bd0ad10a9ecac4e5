"""An item's intakes with what the inventory knew at the time of each, and two of them held against each other."""

from collections.abc import Sequence
from typing import NamedTuple

from gpucheck.model.inventory import Change, Intake, Notice, Visit
from gpucheck.store.changes import changes
from gpucheck.store.errors import NotThereError
from gpucheck.store.recognition import until, weigh
from gpucheck.store.store import Store


class Compared(NamedTuple):
    """Two visits of an item and what differs. Of the later one only the notices that came since the earlier one."""

    old: Visit
    new: Visit
    changes: list[Change]


def visits(intakes: Sequence[Intake], notices: Sequence[Notice]) -> list[Visit]:
    """Each intake with its authenticity at its time, and the notices that began with it."""
    found = []
    for each in intakes:
        held = until(notices, each.at, each.number)
        fresh = tuple(n for n in held if n.intake == each.number or len(intakes) == 1)
        found.append(Visit(each, weigh(each.authenticity, held), fresh))
    return found


def chosen(intakes: Sequence[Intake], number: int | None) -> Intake:
    """An intake of an item by its number, else its last one. Raises ``NotThereError``."""
    if number is None:
        return intakes[-1]
    found = next((intake for intake in intakes if intake.number == number), None)
    if found is None:
        item = intakes[0].item
        raise NotThereError(f"item {item} has no intake {number}.", f"`gpucheck inventory history {item}` names them.")
    return found


def pair(intakes: Sequence[Intake], old: int | None, new: int | None) -> tuple[Intake, Intake]:
    """The two intakes of these numbers, else the last two. Raises ``NotThereError``."""
    if old is None and len(intakes) < 2:
        raise NotThereError(
            f"item {intakes[0].item} has one intake, and two are compared.", "Scan it again with --save."
        )
    return (chosen(intakes, old) if old is not None else intakes[-2]), chosen(intakes, new)


def compare(store: Store, earlier: Intake, later: Intake, notices: Sequence[Notice]) -> Compared:
    """What changed between two intakes, by their reports and by what the inventory noticed of the item."""
    found = changes(store.report(earlier)[1], store.report(later)[1])
    one, other = visits([earlier], notices)[0], visits([later], notices)[0]
    since = tuple(n for n in other.notices if n.since > earlier.at or n.intake == later.number)
    return Compared(one, other._replace(notices=since), found)
