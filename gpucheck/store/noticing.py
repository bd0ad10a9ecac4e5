"""Compares items with the whole inventory, and keeps with each what its verdict is with that counted in.

An item's ``authenticity`` depends on other items: it is drawn anew, in the same transaction, whenever one that shares
an identity with it gets an intake. So items are chosen by it without comparing ten thousand of them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from gpucheck.model.inventory import Notice, Sighting
from gpucheck.store import recognition
from gpucheck.store.rows import sighting_of, sightings
from gpucheck.store.schema import intakes, items

KEYS = ("uuid_key", "pdi_key", "serial_key")
_AT_ONCE = 500


def refresh(connection: Connection, changed: Iterable[int]) -> None:
    """Keep with each changed item, and with all that share an identity with one, its last intake and its verdict."""
    wanted = {sighting.item for sighting in neighbours(connection, changed)}
    found = notices_of(connection, sorted(wanted))
    for item, notices in found.items():
        mine = select(intakes.c.id, intakes.c.authenticity).where(intakes.c.item_id == item)
        last = connection.execute(mine.order_by(intakes.c.measured_at.desc(), intakes.c.id.desc()).limit(1)).one()
        weighed = recognition.weigh(last.authenticity, notices)
        values = {"last_intake_id": last.id, "authenticity": weighed}
        connection.execute(update(items).where(items.c.id == item).values(values))


def refresh_all(connection: Connection) -> None:
    """Do so with every item: after a migration."""
    every = connection.execute(select(items.c.id).order_by(items.c.id)).scalars().all()
    for at in range(0, len(every), _AT_ONCE):
        refresh(connection, every[at : at + _AT_ONCE])


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


def related(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[Sighting]:
    """All sightings that share a key with one of the rows."""
    conditions = []
    for name in KEYS:
        wanted = sorted({row[name] for row in rows if row[name]})
        conditions += [intakes.c[name].in_(wanted[at : at + _AT_ONCE]) for at in range(0, len(wanted), _AT_ONCE)]
    found: dict[int, Sighting] = {}
    for condition in conditions:
        for row in connection.execute(sightings().where(condition)).mappings():
            found[row["id"]] = sighting_of(row)
    return list(found.values())


def neighbours(connection: Connection, chosen: Iterable[int]) -> list[Sighting]:
    """The sightings of the items, and of all others that share an identity with one of them."""
    wanted = sorted(set(chosen))
    columns = [intakes.c[name] for name in KEYS]
    rows: list[dict[str, Any]] = []
    own: list[Sighting] = []
    for at in range(0, len(wanted), _AT_ONCE):
        some = intakes.c.item_id.in_(wanted[at : at + _AT_ONCE])
        own += [sighting_of(row) for row in connection.execute(sightings().where(some)).mappings()]
        rows += [dict(row) for row in connection.execute(select(*columns).where(some).distinct()).mappings()]
    return list({s.intake: s for s in [*own, *related(connection, rows)]}.values())
