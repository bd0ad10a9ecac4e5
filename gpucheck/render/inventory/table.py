"""The inventory as CSV: one row an item, in the form of ``csv_table``, for spreadsheets."""

from collections.abc import Iterable, Iterator, Sequence

from gpucheck.model.inventory import Item, Notice
from gpucheck.model.units import pci_id
from gpucheck.render.csv_table import guarded, line
from gpucheck.render.inventory.words import NVIDIA, every_kind
from gpucheck.render.machine import utc

COLUMNS = (
    "item",
    "simulated",
    "model",
    "verdict",
    "condition",
    "kinds",
    "noticed",
    "label",
    "location",
    "customer",
    "examined_at",
    "intakes",
    "uuid",
    "pdi",
    "serial",
    "board_part_number",
    "device_id",
    "subsystem_id",
    "vbios_version",
    "driver_version",
    "host",
    "tool_version",
    "weights",
    "catalog",
    "evidence_digest",
    "created_at",
)
"""Names and order stay; new ones go to the end."""


def csv_lines(found: Iterable[tuple[Item, Sequence[Notice]]]) -> Iterator[str]:
    """Yield a header and one line an item, each ending in CRLF. Facts are those of the item's last intake.

    ``verdict`` and ``kinds`` have the inventory's notices counted in; ``noticed`` tells them.
    """
    yield line(COLUMNS)
    for item, notices in found:
        yield line(_row(item, notices))


def _row(item: Item, notices: Sequence[Notice]) -> Sequence[str | int]:
    last, stated = item.last, item.last.identity
    cells: dict[str, str | int] = {
        "item": item.number,
        "simulated": guarded(last.simulated),
        "model": guarded(last.model),
        "verdict": item.authenticity,
        "condition": last.condition,
        "kinds": " ".join(every_kind(last.kinds, notices)),
        "noticed": guarded(" ".join(notice.message for notice in notices)),
        "label": guarded(item.label),
        "location": guarded(item.location),
        "customer": guarded(item.customer),
        "examined_at": f"{utc(last.at)}Z",
        "intakes": item.intakes,
        "device_id": "" if stated.device_id is None else pci_id(NVIDIA, stated.device_id),
        "subsystem_id": "" if stated.subsystem_id is None else pci_id(stated.subsystem_vendor_id, stated.subsystem_id),
        "evidence_digest": last.evidence_digest,
        "driver_version": guarded(last.driver_version),
        "created_at": f"{utc(item.created_at)}Z",
    }
    cells |= {name: guarded(getattr(stated, name)) for name in _STATED}
    cells |= {name: guarded(getattr(last, name)) for name in ("host", "tool_version", "weights", "catalog")}
    return [cells[name] for name in COLUMNS]


_STATED = ("uuid", "pdi", "serial", "board_part_number", "vbios_version")
