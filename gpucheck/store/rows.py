"""Between rows of the tables and records of the model."""

import datetime as dt
from typing import Any

from sqlalchemy import RowMapping, Select, select

from gpucheck.model.canonical import digest
from gpucheck.model.inventory import Identity, Intake, Sighting
from gpucheck.model.report import CardReport, Report
from gpucheck.model.text import sanitise
from gpucheck.store.identity import identity_of
from gpucheck.store.recognition import key
from gpucheck.store.schema import intakes

_STATED = tuple(name for name in Identity._fields if name != "simulated")
_SIGHTING = tuple(intakes.c[name] for name in ("id", "item_id", "report_id", "measured_at", "simulated", *_STATED))


def stamp(when: dt.datetime) -> str:
    """A time as the tables hold it."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> dt.datetime:
    """A time out of the tables."""
    return dt.datetime.fromisoformat(text)


def row_of(report: Report, position: int, added_at: dt.datetime) -> dict[str, Any]:
    """The columns of one card's intake, but for item and report."""
    card = report.cards[position]
    identity = identity_of(card.evidence)
    host = card.evidence.host
    stated = identity._asdict() | {"simulated": card.simulated and sanitise(card.simulated, 120)}
    return stated | {
        "position": position,
        "measured_at": stamp(card.evidence.collected_at),
        "added_at": stamp(added_at),
        "tool_version": sanitise(card.evidence.tool_version, 40),
        "host": sanitise(host.os, 120),
        "driver_version": host.driver_version and sanitise(host.driver_version, 40),
        "model": model_of(card),
        "authenticity": card.verdict.authenticity.value,
        "condition": card.verdict.condition.value,
        "kinds": ",".join(card.verdict.kinds),
        "weights": sanitise(report.rulebook.weights, 100),
        "catalog": sanitise(report.rulebook.catalog, 100),
        "evidence_digest": digest(card.evidence),
        "uuid_key": None if identity.virtual else key(identity.uuid),
        "pdi_key": None if identity.virtual else key(identity.pdi),
        "serial_key": key(identity.serial),
    }


def model_of(card: CardReport) -> str:
    """What the card declares to be: the SKU, else its own name for itself."""
    return sanitise(card.called or "unknown card", 120)


def intake_of(row: RowMapping) -> Intake:
    """One intake."""
    return Intake(
        number=row["id"],
        item=row["item_id"],
        report=row["report_id"],
        position=row["position"],
        at=moment(row["measured_at"]),
        added_at=moment(row["added_at"]),
        tool_version=row["tool_version"],
        host=row["host"],
        driver_version=row["driver_version"],
        simulated=row["simulated"],
        model=row["model"],
        authenticity=row["authenticity"],
        condition=row["condition"],
        kinds=tuple(filter(None, row["kinds"].split(","))),
        weights=row["weights"],
        catalog=row["catalog"],
        evidence_digest=row["evidence_digest"],
        identity=identity_from(row),
    )


def identity_from(row: RowMapping | dict[str, Any]) -> Identity:
    """The identity that an intake's columns hold."""
    return Identity(simulated=row["simulated"] is not None, **{name: row[name] for name in _STATED})


def sightings() -> Select[Any]:
    """Select what recognition compares."""
    return select(*_SIGHTING)


def sighting_of(row: RowMapping) -> Sighting:
    """One row of ``sightings``."""
    return Sighting(row["id"], row["item_id"], row["report_id"], moment(row["measured_at"]), identity_from(row))
