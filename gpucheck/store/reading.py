"""Reads items, intakes and reports."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, or_, select

from gpucheck.model.inventory import Intake, Item, Note, read_code, read_digits, read_number
from gpucheck.model.report import Report
from gpucheck.model.text import sanitise
from gpucheck.store import packing
from gpucheck.store.errors import NotThereError
from gpucheck.store.rows import intake_of, moment
from gpucheck.store.schema import intakes, items, notes, reports
from gpucheck.store.writing import want_item

_ITEM = tuple(
    items.c[name].label(f"item_{name}") for name in ("created_at", "label", "location", "customer", "authenticity")
)
_LAST = items.join(intakes, intakes.c.id == items.c.last_intake_id)
AT_ONCE = 500
_SEARCHED = (
    items.c.label, items.c.location, items.c.customer, intakes.c.model, intakes.c.serial, intakes.c.uuid,
    intakes.c.pdi, intakes.c.board_part_number,
)  # fmt: skip


class Wanted(NamedTuple):
    """Which items: those that hold all words, and are what else is asked for.

    The verdict counts in what the inventory notices; condition and model are those of the last intake.
    """

    words: Sequence[str] = ()
    verdict: str | None = None
    model: str | None = None
    condition: str | None = None


def find_numbers(connection: Connection, wanted: Wanted) -> list[int]:
    """The numbers of all items that are wanted, newest first."""
    return list(connection.execute(_narrowed(select(items.c.id), wanted).order_by(items.c.id.desc())).scalars())


def find_standings(connection: Connection, wanted: Wanted) -> list[tuple[int, str]]:
    """The same, each with the verdict of its item."""
    chosen = _narrowed(select(items.c.id, items.c.authenticity), wanted).order_by(items.c.id.desc())
    return [(row[0], row[1]) for row in connection.execute(chosen)]


def find_items(connection: Connection, numbers: Sequence[int]) -> Iterator[list[Item]]:
    """The items of these numbers, which come newest first, some hundred at a time."""
    found = select(intakes, *_ITEM, _count()).select_from(_LAST).order_by(items.c.id.desc())
    for at in range(0, len(numbers), AT_ONCE):
        some = found.where(items.c.id.in_(numbers[at : at + AT_ONCE]))
        yield [_item(row) for row in connection.execute(some).mappings()]


def digests_of(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Of each item the digest of the report that its last intake came with."""
    joined = _LAST.join(reports, reports.c.id == intakes.c.report_id)
    found: dict[int, str] = {}
    for at in range(0, len(numbers), AT_ONCE):
        some = items.c.id.in_(numbers[at : at + AT_ONCE])
        rows = connection.execute(select(items.c.id, reports.c.digest).select_from(joined).where(some))
        found |= {row[0]: row[1] for row in rows}
    return found


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    asked = (
        (items.c.authenticity, wanted.verdict),
        (intakes.c.model, wanted.model),
        (intakes.c.condition, wanted.condition),
    )
    narrowed = [_holds(word) for word in wanted.words] + [column == value for column, value in asked if value]
    return query.select_from(_LAST).where(*narrowed)


def models(connection: Connection) -> list[str]:
    """What the items declare to be, each once, in the order of the alphabet."""
    return sorted(connection.execute(select(intakes.c.model).select_from(_LAST).distinct()).scalars())


def _count() -> Any:
    each = intakes.alias("each")
    return select(func.count()).where(each.c.item_id == items.c.id).scalar_subquery().label("item_intakes")


def _holds(word: str) -> ColumnElement[bool]:
    """Whether a text holds the word, or it is the item's number, or a digest as a label carries or shows it."""
    code = read_code(word)
    if code:
        item, digest = code
        with_it = _came_with(reports.c.digest == digest)
        return with_it if item is None else and_(items.c.id == item, with_it)
    text = sanitise(word)
    if word and not text:
        return false()  # stored texts are clean: none holds it
    held = [column.icontains(text, autoescape=True) for column in _SEARCHED]
    number, digits = read_number(text.removeprefix("#")), read_digits(text)
    held += [items.c.id == number] if number is not None else []
    held += [_came_with(reports.c.digest.startswith(f"sha256:{digits}"))] if digits else []
    return or_(*held)


def _came_with(wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the item came with such a report, at whatever time."""
    return items.c.id.in_(select(intakes.c.item_id).join(reports, intakes.c.report_id == reports.c.id).where(wanted))


def _item(row: Any) -> Item:
    return Item(
        number=row["item_id"],
        created_at=moment(row["item_created_at"]),
        label=row["item_label"],
        location=row["item_location"],
        customer=row["item_customer"],
        intakes=row["item_intakes"],
        authenticity=row["item_authenticity"],
        last=intake_of(row),
    )


def one_item(connection: Connection, number: int) -> Item:
    """One item. Raises ``StoreError`` where there is none."""
    want_item(connection, number)
    chosen = select(intakes, *_ITEM, _count()).select_from(_LAST).where(items.c.id == number)
    row = connection.execute(chosen).mappings().first()
    if row is None:
        raise NotThereError(f"item {number} has no intake.", "Add one: gpucheck inventory add --item N FILE.")
    return _item(row)


def intakes_of(connection: Connection, item: int) -> list[Intake]:
    """An item's intakes, oldest first."""
    want_item(connection, item)
    chosen = select(intakes).where(intakes.c.item_id == item).order_by(intakes.c.measured_at, intakes.c.id)
    return [intake_of(row) for row in connection.execute(chosen).mappings()]


def one_intake(connection: Connection, number: int) -> Intake:
    """One intake. Raises ``StoreError`` where there is none."""
    row = connection.execute(select(intakes).where(intakes.c.id == number)).mappings().first()
    if row is None:
        raise NotThereError(f"there is no intake {number}.", "`gpucheck inventory history ITEM` names them.")
    return intake_of(row)


def notes_of(connection: Connection, item: int) -> list[Note]:
    """An item's notes, oldest first."""
    chosen = select(notes).where(notes.c.item_id == item).order_by(notes.c.id)
    return [Note(moment(row["at"]), row["text"]) for row in connection.execute(chosen).mappings()]


def report_of(connection: Connection, number: int) -> Report:
    """A report as it was stored. Raises ``StoreError`` where it is damaged."""
    row = connection.execute(select(reports).where(reports.c.id == number)).mappings().one()
    return packing.unpack(row["body"], row["digest"])


def holds_reports(connection: Connection) -> bool:
    """Whether any card was kept."""
    return connection.execute(select(reports.c.id).limit(1)).first() is not None


def all_items(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every item as its columns."""
    for row in connection.execute(select(items).order_by(items.c.id)).mappings():
        yield dict(row)
