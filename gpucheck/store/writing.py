"""Saves reports: every card's intake goes to the item that it is, or to a new one, in one transaction a report."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text, update

from gpucheck.model.canonical import canonical_json, digest_of
from gpucheck.model.inventory import Added, Sighting
from gpucheck.model.report import Report
from gpucheck.store import noticing, packing, recognition, texts
from gpucheck.store.errors import NotThereError
from gpucheck.store.rows import identity_from, moment, row_of, stamp
from gpucheck.store.schema import intakes, items, notes, reports


def add_report(
    connection: Connection, report: Report, items_of: Mapping[int, int] | None = None, at: dt.datetime | None = None
) -> list[Added]:
    """Save every card of a report. What is there already is not saved again.

    ``items_of`` maps positions in the report to items that are known otherwise than by recognition.
    """
    take_turn(connection)
    now = at or dt.datetime.now(dt.UTC)
    rows = [row_of(report, position, now) for position in range(len(report.cards))]
    there = _known_intakes(connection, rows)
    fresh = [position for position, found in enumerate(there) if found is None]
    number = _keep(connection, report) if fresh else 0
    cards = [Sighting(0, 0, number, moment(rows[n]["measured_at"]), identity_from(rows[n])) for n in fresh]
    chosen = recognition.assign(cards, noticing.related(connection, [rows[n] for n in fresh]))
    made = {
        position: _save(connection, rows[position], number, (items_of or {}).get(position, known), now)
        for position, known in zip(fresh, chosen, strict=True)
    }
    noticing.refresh(connection, {added.item for added in made.values()})
    return [made[n] if found is None else found for n, found in enumerate(there)]


def take_turn(connection: Connection) -> None:
    """Let one writer at a time decide which item a card is. SQLite does so by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE items IN SHARE ROW EXCLUSIVE MODE"))


def want_item(connection: Connection, item: int) -> None:
    """Raise ``StoreError`` where there is no such item."""
    if connection.execute(select(items.c.id).where(items.c.id == item)).first() is None:
        raise NotThereError(f"there is no item {item}.", "`gpucheck inventory list` names them all.")


def _known_intakes(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[Added | None]:
    """Of each card the intake of the same evidence, if it is there: the same visit, judged at whatever time.

    Two cards of one report may have the very same evidence, if they are simulated: each has an intake of its own.
    """
    counted: dict[str, int] = {}
    found = []
    for row in rows:
        digest = row["evidence_digest"]
        same = select(intakes).where(intakes.c.evidence_digest == digest).order_by(intakes.c.id)
        there = connection.execute(same.offset(counted.get(digest, 0)).limit(1)).mappings().first()
        counted[digest] = counted.get(digest, 0) + 1
        found.append(_added(there, there["item_id"], there["id"]) if there else None)
    return found


def _added(
    row: RowMapping | dict[str, Any], item: int, intake: int, *, new_item: bool = False, new_intake: bool = False
) -> Added:
    kinds = tuple(filter(None, row["kinds"].split(",")))
    at = moment(row["measured_at"])
    judged = row["model"], row["authenticity"], row["condition"], kinds, row["simulated"]
    return Added(item, intake, new_item, new_intake, at, *judged)


def _keep(connection: Connection, report: Report) -> int:
    """Store the report whole, once."""
    whole = canonical_json(report)
    digest = digest_of(whole)
    found = connection.execute(select(reports.c.id).where(reports.c.digest == digest)).scalar()
    if found is not None:
        return int(found)
    values = {"digest": digest, "created_at": stamp(report.created_at), "body": packing.pack(whole)}
    return _inserted(connection, reports, values)


def _save(connection: Connection, row: dict[str, Any], report: int, known: int | None, now: dt.datetime) -> Added:
    item = known if known is not None else make_item(connection, now)
    number = _inserted(connection, intakes, row | {"item_id": item, "report_id": report})
    return _added(row, item, number, new_item=known is None, new_intake=True)


def make_item(connection: Connection, at: dt.datetime) -> int:
    """A new item without intakes."""
    return _inserted(connection, items, {"created_at": stamp(at), "label": "", "location": "", "customer": ""})


def _inserted(connection: Connection, table: Any, values: dict[str, Any]) -> int:
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    assert key is not None  # noqa: S101 - every table has a key of one column
    return int(key[0])


def describe(connection: Connection, item: int, changes: dict[str, str | None]) -> None:
    """Replace label, location or customer; None leaves one as it is. Raises ``TooLongError``."""
    want_item(connection, item)
    values = {name: texts.kept(name, value) for name, value in changes.items() if value is not None}
    if values:
        connection.execute(update(items).where(items.c.id == item).values(values))


def add_note(connection: Connection, item: int, words: str, at: dt.datetime) -> None:
    """Append a remark to an item. Raises ``TooLongError``."""
    want_item(connection, item)
    values = {"item_id": item, "at": stamp(at), "text": texts.kept("note", words)}
    connection.execute(insert(notes).values(values))
