"""Whether the GPU part number begins with the card's own device id.

What it checks: the first field of a part number such as ``2684-300-A1``. The driver builds it from the PCI device id
and from the chip SKU that the VBIOS states.
Why it matters: an edited capture, a spoofed PCI id or a foreign VBIOS breaks the pair.
How it can be fooled: by editing both places.
A failure does not mean: anything where an old driver prints the board's part number here; those are told apart by form.
References: 68 of 68 captures that print one agree.
"""

import re

from gpucheck.checks.base import Case, Outcome, check, inconclusive
from gpucheck.model.finding import Kind, Severity, Status

_FORM = re.compile(r"^([0-9A-F]{4})-(\d{3})[0-9A-Z]*-[0-9A-Z]{2}$")


@check(
    id="gpu-part-number",
    title="GPU part number against device id",
    severity=Severity.HIGH,
    edge=("GPU part number", "device id"),
)
def gpu_part_number(case: Case) -> Outcome:
    """Compare the part number's first field with the device id."""
    part = case.text("gpu_part_number").upper()
    device_id = case.number("device_id")
    form = _FORM.match(part)
    if form is None:
        return inconclusive("The part number is not of the form that holds a device id.", part)
    if int(form[1], 16) == device_id:
        return Outcome(Status.PASS, "The part number begins with the card's device id.", part, f"{device_id:04X}-…")
    return Outcome(
        Status.FAIL,
        f"The part number {part} belongs to device id {form[1].lower()}, but the card states {device_id:04x}.",
        observed=part,
        expected=f"{device_id:04X}-…",
        remedy="Ask for a live scan: at least one of the two was edited or spoofed.",
        evidence=(f"{case.declared_section}.gpu_part_number", f"{case.declared_section}.device_id"),
        kinds=(Kind.REMARKED,),
    )
