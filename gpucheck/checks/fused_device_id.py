"""Whether the device id in the die's fuses is the one on the bus.

What it checks: both device ids in the fuses of an Ampere die, against the id that the PCI bus shows.
Why it matters: the fuses are blown at the factory. Firmware, straps or a driver that state another id leave them alone.
How it can be fooled: by a machine that lies about the card's memory window. Other generations keep these fuses where
nobody has described them, and are passed over.
A failure does not mean: a proven fraud. The place of the fuses rests on one survey of boards. Its A100 of 40 GB read as
20b1 under the id 20b0, so big dies (GA100) are left open; so is a card on which software may set the id.
References: a public survey of the registers of 15 Ampere boards, in whose table the fuses of 11 kinds are legible.
"""

from gpucheck.checks.base import Case, Missing, Outcome, absence, check, inconclusive, not_applicable
from gpucheck.checks.die_register import chips_of, registers_of
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import PciFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status

_AMPERE, _GA100 = range(0x170, 0x180), 0x170
_OFF_THE_BUS = 0xFFFF
_ALIAS = 0x40
"""The second fuse is so much above the first on every surveyed board."""
_EVIDENCE = ("registers.fused_device_ids", "pci.device_id")


@check(id="fused-device-id", title="Device id in the fuses", severity=Severity.HIGH, edge=("fuses", "device id"))
def fused_device_id(case: Case) -> Outcome:
    """Look for the bus's device id among the fused ones."""
    chips = chips_of(case)
    if chips and not any(chip in _AMPERE for chip in chips):
        return not_applicable("Where this generation keeps the device id in its fuses is not on record.")
    facts = registers_of(case)
    if len(facts.fused_device_ids) < 2:
        raise Missing(absence(facts.missing.get("fused_device_ids"), "the fuses were not read"), _EVIDENCE[0])
    device_id = _device_id(case)
    observed = f"{device_id:04x} on the bus, {' and '.join(f'{each:04x}' for each in facts.fused_device_ids)} fused"
    observed += f" ({case.how})" if case.evidence.simulated else ""
    if device_id in {*facts.fused_device_ids, facts.fused_device_ids[0] + _ALIAS}:
        return Outcome(Status.PASS, "The bus shows the id that the fuses hold.", observed, evidence=_EVIDENCE)
    if doubt := _doubt(case):
        return inconclusive(f"The fuses hold another device id than the bus shows; {doubt}.", observed, "", _EVIDENCE)
    return Outcome(
        Status.FAIL,
        f"The bus shows the device id {device_id:04x}, but the die's fuses hold "
        f"{' and '.join(f'{each:04x}' for each in facts.fused_device_ids)}.",
        observed,
        expected=f"{device_id:04x} among the fused ids",
        remedy="Measure the silicon; treat the card as the SKU that the fuses name until then.",
        confidence=Confidence.MEDIUM,
        evidence=_EVIDENCE,
        kinds=(Kind.REMARKED,),
    )


def _device_id(case: Case) -> int:
    """From the bus, else from the driver. Raises ``Missing``."""
    pci, declared = case.evidence.pci, case.evidence.declared
    shown = pci.device_id if isinstance(pci, PciFacts) else None
    if shown is None and declared:
        shown = declared.device_id
    if shown is None or shown == _OFF_THE_BUS:
        reason = pci if isinstance(pci, Unavailable) else pci.missing.get("device_id")
        raise Missing(absence(reason, "no device id was read"), "pci.device_id")
    return shown


def _doubt(case: Case) -> str:
    """Why that may be innocent; empty where nothing is known."""
    facts, host = case.evidence.registers, case.evidence.host
    if isinstance(facts, Unavailable) or facts.chip_id is None:
        return "which die it is was not read"
    if host.hypervisor or host.wsl:
        return "inside a virtual machine the host may show any id"
    if facts.chip_id == _GA100:
        return "genuine cards of this die are known to differ so"
    if facts.device_id_locked is not True:
        return "software may set the id of this one"
    return ""
