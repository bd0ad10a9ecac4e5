"""What differs between two intakes of a card. Pure: two judged cards in, a list of changes out.

Rates vary from scan to scan, and so does the place where a latency curve bends: they are a change from a tolerance on.
"""

from collections.abc import Callable, Iterator
from typing import Any

from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.inventory import Change
from gpucheck.model.report import CardReport
from gpucheck.model.units import gib, rate
from gpucheck.store.identity import identity_of
from gpucheck.store.recognition import same_board, same_die

UNKNOWN = "not known"
TOLERANCES = {"read_bytes_per_second": 0.05, "copy_bytes_per_second": 0.05, "l2_capacity_bytes": 0.10}
"""Share by which a measured figure may differ without being a change; any other counts as it is."""

_DECLARED: tuple[tuple[str, str, str], ...] = (
    ("Name", "declared", "name"),
    ("UUID", "declared", "uuid"),
    ("PDI", "declared", "pdi"),
    ("Serial number", "declared", "serial"),
    ("Board part number", "declared", "board_part_number"),
    ("GPU part number", "declared", "gpu_part_number"),
    ("VBIOS version", "declared", "vbios_version"),
    ("InfoROM image", "declared", "inforom_image_version"),
    ("Device id", "declared", "device_id"),
    ("Subsystem vendor id", "declared", "subsystem_vendor_id"),
    ("Subsystem id", "declared", "subsystem_id"),
    ("Memory", "declared", "memory_total_bytes"),
    ("Memory bus", "declared", "memory_bus_width_bits"),
    ("Default power limit", "declared", "power_default_watts"),
    ("Driver", "declared", "driver_version"),
    ("Rows remapped after uncorrectable errors", "declared", "row_remap_uncorrectable"),
    ("Pages retired for double-bit errors", "declared", "retired_pages_double_bit"),
)
_MEASURED: tuple[tuple[str, str, str], ...] = (
    ("Distinct memory found", "memory_walk", "distinct_bytes"),
    ("Multiprocessors that ran", "census", "sm_count"),
    ("Second-level cache", "latency", "l2_capacity_bytes"),
    ("Rate of reading memory", "bandwidth", "read_bytes_per_second"),
    ("Rate of copying memory", "bandwidth", "copy_bytes_per_second"),
)


def changes(old: CardReport, new: CardReport) -> list[Change]:
    """Everything that differs, identity first, then verdict and findings, then declared and measured facts."""
    return [*_identity(old, new), *_judged(old, new), *_declared(old, new), *_measured(old, new)]


def _identity(old: CardReport, new: CardReport) -> Iterator[Change]:
    one, other = identity_of(old.evidence), identity_of(new.evidence)
    if same_die(one, other) is False:
        yield Change("Die", _how("declared", new), one.uuid or one.pdi or UNKNOWN, other.uuid or other.pdi or UNKNOWN)
    if same_board(one, other) is False:
        yield Change("Board", _how("declared", new), one.serial or UNKNOWN, other.serial or UNKNOWN)


def _judged(old: CardReport, new: CardReport) -> Iterator[Change]:
    for label, name in (("Authenticity", "authenticity"), ("Condition", "condition")):
        before, after = getattr(old.verdict, name), getattr(new.verdict, name)
        if before != after:
            yield Change(label, "judged", before.value, after.value)
    kinds = [", ".join(card.verdict.kinds) or "none" for card in (old, new)]
    if kinds[0] != kinds[1]:
        yield Change("In what way", "judged", *kinds)
    statuses = {finding.check: finding.status for finding in old.findings}
    for finding in new.findings:
        status = statuses.get(finding.check)
        if status != finding.status:
            yield Change(finding.title, "judged", status.value if status else "no such check", finding.status.value)


def _declared(old: CardReport, new: CardReport) -> Iterator[Change]:
    for label, source, name in _DECLARED:
        before, after = _value(old.evidence, source, name), _value(new.evidence, source, name)
        if before is not None and after is not None and before != after:
            yield Change(label, _how(source, new), _text(name, before), _text(name, after))


def _measured(old: CardReport, new: CardReport) -> Iterator[Change]:
    for label, section, name in _MEASURED:
        before, after = _value(old.evidence, section, name), _value(new.evidence, section, name)
        if before is not None and after is not None and _differs(name, before, after):
            yield Change(label, _how("measured", new), _text(name, before), _text(name, after))


def _differs(name: str, before: Any, after: Any) -> bool:
    if name in TOLERANCES:
        return bool(abs(after - before) > TOLERANCES[name] * max(abs(before), abs(after)))
    return bool(before != after)


def _value(evidence: Evidence, section: str, name: str) -> Any:
    held = getattr(evidence, section)
    return None if held is None or isinstance(held, Unavailable) else getattr(held, name)


def _how(source: str, card: CardReport) -> str:
    return f"{source}, simulated" if card.simulated else source


_UNITS: dict[str, Callable[[Any], str]] = {
    "_bytes": lambda value: f"{gib(value)} ({value:,} bytes)",
    "_per_second": rate,
    "_bits": lambda value: f"{value} bits",
    "_watts": lambda value: f"{value:g} W",
    "_id": lambda value: f"0x{value:04x}",
}


def _text(name: str, value: Any) -> str:
    for ending, shown in _UNITS.items():
        if name.endswith(ending):
            return shown(value)
    return str(value)
