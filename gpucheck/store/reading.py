"""Reads items, intakes and reports."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from gpucheck.model.inventory import Intake, Item, Note, Notice
from gpucheck.model.report import Report
from gpucheck.store import packing, recognition
from gpucheck.store.errors import NotThereError
from gpucheck.store.rows import intake_of, moment
from gpucheck.store.schema import intakes, items, notes, reports
from gpucheck.store.writing import neighbours, want_item

_ITEM = tuple(items.c[name].label(f"item_{name}") for name in ("created_at", "label", "location", "customer"))
_JOINED = items.join(intakes, intakes.c.item_id == items.c.id)
_AT_ONCE = 500
_SEARCHED = (
    items.c.label, items.c.location, items.c.customer, intakes.c.model, intakes.c.serial, intakes.c.uuid,
    intakes.c.board_part_number,
)  # fmt: skip


def find_items(
    connection: Connection, words: Sequence[str] = (), verdict: str | None = None, limit: int | None = None
) -> tuple[list[Item], int]:
    """Items whose texts or last intake hold all words, newest first, and how many there are without the limit."""
    conditions = [_holds(word) for word in words]
    conditions += [intakes.c.authenticity == verdict] if verdict else []
    chosen, total = _chosen(connection, conditions, limit)
    found = select(intakes, *_ITEM, _count()).select_from(_JOINED).where(_last_intakes())
    rows: list[Any] = []
    for at in range(0, len(chosen), _AT_ONCE):
        some = found.where(items.c.id.in_(chosen[at : at + _AT_ONCE])).order_by(items.c.id.desc())
        rows += connection.execute(some).mappings()
    return [_item(row) for row in rows], total


def _chosen(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], limit: int | None
) -> tuple[list[int], int]:
    """The numbers of the items that are wanted, newest first, and how many there are without the limit."""
    newest = select(items.c.id).order_by(items.c.id.desc())
    if not conditions:
        total = connection.execute(select(func.count()).select_from(items)).scalar_one()
        return list(connection.execute(newest.limit(limit)).scalars()), total
    found = list(connection.execute(newest.select_from(_JOINED).where(*conditions, _last_intakes())).scalars())
    return found[:limit], len(found)


def _last_intakes() -> ColumnElement[bool]:
    """Only the intake of an item that no other one of it comes after."""
    later = intakes.alias("later")
    after = or_(
        later.c.measured_at > intakes.c.measured_at,
        and_(later.c.measured_at == intakes.c.measured_at, later.c.id > intakes.c.id),
    )
    return ~select(later.c.id).where(later.c.item_id == intakes.c.item_id, after).exists()


def _count() -> Any:
    each = intakes.alias("each")
    return select(func.count()).where(each.c.item_id == items.c.id).scalar_subquery().label("item_intakes")


def _holds(word: str) -> ColumnElement[bool]:
    return or_(*(column.icontains(word, autoescape=True) for column in _SEARCHED))


def _item(row: Any) -> Item:
    return Item(
        number=row["item_id"],
        created_at=moment(row["item_created_at"]),
        label=row["item_label"],
        location=row["item_location"],
        customer=row["item_customer"],
        intakes=row["item_intakes"],
        last=intake_of(row),
    )


def one_item(connection: Connection, number: int) -> Item:
    """One item. Raises ``StoreError`` where there is none."""
    want_item(connection, number)
    joined = items.join(intakes, intakes.c.item_id == items.c.id)
    chosen = select(intakes, *_ITEM, _count()).select_from(joined).where(items.c.id == number)
    row = connection.execute(chosen.order_by(intakes.c.measured_at.desc(), intakes.c.id.desc())).mappings().first()
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


def notices_of(connection: Connection, chosen: Sequence[int]) -> dict[int, list[Notice]]:
    """What comparing with the whole inventory says of each item."""
    seen = neighbours(connection, chosen)
    by_item: dict[int, list[int]] = {}
    for number, sighting in enumerate(seen):
        by_item.setdefault(sighting.item, []).append(number)
    keys: dict[str, list[int]] = {}
    for number, sighting in enumerate(seen):
        for key in _keys(sighting.identity):
            keys.setdefault(key, []).append(number)
    found = {}
    for item in chosen:
        own = by_item.get(item, [])
        near = {other for number in own for key in _keys(seen[number].identity) for other in keys[key]} | set(own)
        found[item] = recognition.notices(item, [seen[number] for number in sorted(near)])
    return found


def _keys(identity: Any) -> frozenset[str]:
    serial = recognition.key(identity.serial)
    return recognition.die_keys(identity) | ({f"serial {serial}"} if serial else frozenset())


def report_of(connection: Connection, number: int) -> Report:
    """A report as it was stored. Raises ``StoreError`` where it is damaged."""
    row = connection.execute(select(reports).where(reports.c.id == number)).mappings().one()
    return packing.unpack(row["body"], row["digest"])


def all_items(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every item as its columns."""
    for row in connection.execute(select(items).order_by(items.c.id)).mappings():
        yield dict(row)
