"""Whether the driver marks the card as what its device id is not: a mining card, or a laptop part.

What it checks: two marks of the driver's resource manager. One is set on dies that were sold for mining (CMP), one
where the firmware is that of a laptop part.
Why it matters: mining cards are sold as the GeForce or data-centre card of the same die, and laptop dies as the desktop
card of the same name. A changed device id or name leaves the marks as they are.
How it can be fooled: by a kernel module that answers otherwise, and by firmware of the very model that is claimed.
A failure does not mean: that the card does not work. The laptop mark fails only for a desktop model, in a desktop or
server, beside a second sign of laptop firmware (a die SKU of 700 to 799, or the ROM's own mark): all-in-one machines,
mini computers and module boards with laptop firmware are honest. A mining card that is not marked is no contradiction.
References: ``CMP_SKU`` and ``MOBILE_CONFIG_ENABLED`` in NVIDIA's open kernel modules (``ctrl2080gpu.h``). What the
marks rest on is not published; die SKUs of laptop parts begin with 7 in all captures.
"""

import re
from dataclasses import replace

from gpucheck.checks.base import Case, Missing, Outcome, answered, check, inconclusive
from gpucheck.checks.vbios_agreement import runs_on
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status

_MOBILE = frozenset({"laptop", "embedded"})
_LAPTOP_SKU = re.compile(r"7\d\d")
_PART_NUMBER = re.compile(r"[0-9A-F]{4}-(\d{3})")


@check(
    id="product-flags",
    title="Marks of mining and laptop parts",
    severity=Severity.HIGH,
    edge=("laptop and mining marks", "device id"),
)
def product_flags(case: Case) -> Outcome:
    """Hold both marks against the model."""
    mining, mobile = _mark(case, "mining"), _mark(case, "mobile")
    if mining is None and mobile is None:
        raise Missing("the driver tells of neither mark", "resource_manager.mining")
    observed = _says(mining, mobile)
    if mining and not any(p.sku_class == "mining" for p in case.profiles):
        return _failed(case, "a die that was sold for mining", observed, "mining", ())
    if mobile and not any(p.form_factor in _MOBILE for p in case.profiles):
        return _laptop(case, observed)
    if mining is False and all(p.sku_class == "mining" for p in case.profiles):
        return inconclusive("The driver does not mark this mining card; not all of them are marked.", observed)
    if mobile is False and all(p.form_factor == "laptop" for p in case.profiles):
        return inconclusive("The driver does not mark this laptop part; outside a laptop that is common.", observed)
    return Outcome(Status.PASS, f"The driver's marks are those of {case.sku}.", observed)


def _laptop(case: Case, observed: str) -> Outcome:
    chassis, sign = case.evidence.host.chassis, _laptop_sign(case)
    plain = all(p.form_factor == "desktop" for p in case.profiles)
    if plain and chassis in ("desktop", "server") and not case.evidence.host.hypervisor and sign:
        failure = _failed(case, f"a laptop part, and {sign[0]}", observed, "mobile", (sign[1],))
        return replace(failure, severity=Severity.MEDIUM)
    return inconclusive(
        f"The driver marks this {case.sku} as a laptop part. Firmware of small and all-in-one machines does so too.",
        observed,
        "no mark",
        ("resource_manager.mobile",),
    )


def _laptop_sign(case: Case) -> tuple[str, str] | None:
    """A second sign of laptop firmware in words, and where it stands; a ROM counts where it is the one that runs."""
    asked, declared, held = case.evidence.resource_manager, case.evidence.declared, case.evidence.vbios
    rom = None if isinstance(held, Unavailable) or not runs_on(case, held) else held
    part = _PART_NUMBER.match(declared.gpu_part_number or "") if declared else None
    codes = {
        f"{case.declared_section}.gpu_part_number" if declared else "": part[1] if part else None,
        "resource_manager.chip_sku": None if isinstance(asked, Unavailable) else asked.chip_sku,
        "vbios.chip_sku": rom.chip_sku if rom else None,
    }
    for path, code in codes.items():
        if code and _LAPTOP_SKU.fullmatch(code):
            return f"its die SKU {code} is a laptop part's", path
    if rom and rom.mobile:
        return "its ROM says so too", "vbios.mobile"
    return None


def _mark(case: Case, name: str) -> bool | None:
    """One of the two marks; None where only this one is missing. Raises ``Missing`` without any answers at all."""
    if isinstance(case.evidence.resource_manager, Unavailable):
        answered(case, name)
    return getattr(case.evidence.resource_manager, name, None)


def _says(mining: bool | None, mobile: bool | None) -> str:
    words = {True: "yes", False: "no", None: "not told"}
    return f"mining: {words[mining]}, laptop part: {words[mobile]} (declared)"


def _failed(case: Case, what: str, observed: str, field: str, more: tuple[str, ...]) -> Outcome:
    return Outcome(
        Status.FAIL,
        f"The driver marks the card as {what}; its device id is that of {case.sku}.",
        observed=observed,
        expected="no mark",
        remedy="Treat the card as such a part until it is measured: that is worth less than the model it names.",
        confidence=Confidence.MEDIUM,
        evidence=(f"resource_manager.{field}", *more),
        kinds=(Kind.REMARKED,),
    )
