"""Whether the firmware was built for the class of product that the device id names.

What it checks: the chip SKU, ``301`` in ``AD102-301``, as the VBIOS, the resource manager and the GPU part number state
it. Its first digit goes with the class: 1 to 4 for desktop GeForce and mining cards, 6 and 7 for laptops, 8 for
workstations and data centres, 9 for their laptops.
Why it matters: the device id is fused into the die, the chip SKU is what the board's firmware was built for. A GeForce
die on a professional board, or a laptop die on a desktop board, carries the other class's number.
How it can be fooled: with firmware of the declared model, which a die of the same kind runs.
A failure does not mean: that the seller flashed it. Titans, embedded modules and boards of old generations are passed
over: too few of their numbers are known.
References: 45 part numbers in captures and 28 of 28 public images of desktop GeForce cards, Kepler to Blackwell (140 to
450), three of laptops (755, 775) and one of a mobile Quadro (980); none against.
"""

import re

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, not_applicable
from gpucheck.checks.vbios_agreement import runs_on
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.profile import Profile

_PART = re.compile(r"^[0-9A-F]{4}-(\d{3})[0-9A-Z]*-[0-9A-Z]{2}$")
_SKU = re.compile(r"^\d{3}$")
_DESKTOP, _LAPTOP, _PROFESSIONAL, _MOBILE = "desktop GeForce", "laptop GeForce", "professional", "mobile professional"
_CLASSES = {**dict.fromkeys("1234", _DESKTOP), **dict.fromkeys("67", _LAPTOP), "8": _PROFESSIONAL, "9": _MOBILE}
_EXPECTED = {
    ("geforce", "desktop"): _DESKTOP,
    ("geforce", "oem"): _DESKTOP,
    ("geforce", "laptop"): _LAPTOP,
    ("workstation", "workstation"): _PROFESSIONAL,
    ("workstation", "laptop"): _MOBILE,
    ("datacenter", "pcie"): _PROFESSIONAL,
    ("datacenter", "sxm"): _PROFESSIONAL,
}
_SINCE = (3, 0)
_APART = {frozenset((_DESKTOP, _PROFESSIONAL)), frozenset((_DESKTOP, _LAPTOP)), frozenset((_PROFESSIONAL, _LAPTOP))}
"""Classes of which no number of one was ever seen on the other. A mobile professional part may be either."""


@check(
    id="chip-sku",
    title="Chip SKU against device id",
    severity=Severity.HIGH,
    edge=("chip SKU", "device id"),
)
def chip_sku(case: Case) -> Outcome:
    """Compare the class that the number belongs to with the class of the SKU."""
    expected = _expected(case.profiles)
    if expected is None:
        return not_applicable("For this class of product the numbers are not known.")
    told = _told(case)
    observed = ", ".join(f"{number} by {route}" for route, number in told.items())
    foreign = {route: n for route, n in told.items() if frozenset((_CLASSES.get(n[0]), expected)) in _APART}
    if foreign:
        return _foreign(case, foreign, observed, expected)
    if any(_CLASSES.get(number[0]) == expected for number in told.values()):
        return Outcome(Status.PASS, f"Chip SKU and device id both name a {expected} product.", observed)
    return inconclusive("The chip SKU is not of a form whose class is known.", observed)


def _foreign(case: Case, foreign: dict[str, str], observed: str, expected: str) -> Outcome:
    route, number = next(iter(foreign.items()))
    return Outcome(
        Status.FAIL,
        f"The firmware was built for chip SKU {number}, a {_CLASSES[number[0]]} product; the device id names "
        f"{case.sku}, a {expected} one.",
        observed=observed,
        expected=f"a number of a {expected} product",
        remedy="Compare the board's part number and its memory chips with photographs of the model.",
        confidence=Confidence.MEDIUM,
        evidence=(route, "pci.device_id"),
        kinds=(Kind.TRANSPLANTED, Kind.FIRMWARE_ALTERED),
    )


def _expected(profiles: tuple[Profile, ...]) -> str | None:
    classes = {_EXPECTED.get((p.sku_class, p.form_factor)) for p in profiles}
    old = any(p.die.capability_numbers < _SINCE for p in profiles)
    return None if old or len(classes) != 1 else classes.pop()


def _told(case: Case) -> dict[str, str]:
    """Path of the evidence to the number that it states. Raises ``Missing`` where none is stated."""
    evidence, declared = case.evidence, case.evidence.declared
    found: dict[str, str | None] = {}
    if not isinstance(evidence.vbios, Unavailable) and runs_on(case, evidence.vbios):
        found["vbios.chip_sku"] = evidence.vbios.chip_sku
    if not isinstance(evidence.resource_manager, Unavailable):
        found["resource_manager.chip_sku"] = evidence.resource_manager.chip_sku
    if declared and (part := _PART.match((declared.gpu_part_number or "").upper())):
        found[f"{case.declared_section}.gpu_part_number"] = part[1]
    told = {route: number for route, number in found.items() if number and _SKU.match(number)}
    if not told:
        raise Missing("no source stated the chip SKU", "vbios.chip_sku")
    return told
