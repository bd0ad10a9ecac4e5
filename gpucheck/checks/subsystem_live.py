"""Whether the card still says what it said when the system started.

What it checks: device id and subsystem id in the configuration space, read now, against the kernel's copy from the
time of enumeration.
Why it matters: both can be written while the system runs; a tool that does so leaves the kernel's copy behind.
How it can be fooled: by doing it before the system looks, in the card's firmware.
A failure does not mean: fraud by itself. Firmware that was just flashed shows so until the next start, and an owner may
have written the id by hand. A card that its firmware set up only after enumeration shows zeros before.
References: the kernel's sysfs ABI; the writable copy of the subsystem id at 0x40 (envytools, ``hw/bus/pci``).
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, measured, not_applicable
from gpucheck.model.evidence import PciFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.units import pci_id

_EMPTY = (0, 0xFFFF)
_UNANSWERED = 0xFFFF
"""No card has this device id: a virtual function reads so by the standard, and so does a card that is going away."""


@check(id="subsystem-live", title="Ids now and at start", severity=Severity.MEDIUM)
def subsystem_live(case: Case) -> Outcome:
    """Compare the two accounts of the card's own ids."""
    pci = measured(case.evidence.pci, "pci")
    if case.evidence.host.hypervisor:
        return not_applicable("A virtual machine shows ids of its own making.")
    ids = [(pci.device_id, pci.live_device_id)] if pci.live_device_id != _UNANSWERED else []
    pairs = [(f"{then:04x}", f"{now:04x}") for then, now in ids if _both(then, now)]
    if _both(pci.subsystem_id, pci.live_subsystem_id):
        if pci.live_subsystem_vendor_id in _EMPTY or pci.subsystem_vendor_id in _EMPTY:
            then, now = _said(pci)
            return inconclusive("The card was set up after the system looked at it, or is not set up.", now, then)
        pairs.append(_said(pci))
    if not pairs:
        raise Missing("only one account of the card's ids is at hand", "pci.live_subsystem_id")
    changed = [(then, now) for then, now in pairs if then != now]
    if not changed:
        return Outcome(Status.PASS, "The card says the same as at the start.", ", ".join(now for _, now in pairs))
    then, now = (", ".join(part) for part in zip(*changed, strict=True))
    return Outcome(
        Status.FAIL,
        f"When the system started the card said {then}; now it says {now}.",
        observed=now,
        expected=then,
        remedy="Switch the machine off and on, then scan again: what was written while it ran is lost by that.",
        confidence=Confidence.MEDIUM,
        evidence=("pci.live_subsystem_id", "pci.subsystem_id"),
        kinds=(Kind.FIRMWARE_ALTERED,),
    )


def _both(then: int | None, now: int | None) -> bool:
    return then is not None and now is not None


def _said(pci: PciFacts) -> tuple[str, str]:
    """Subsystem at the start, and now."""
    then = pci_id(pci.subsystem_vendor_id, pci.subsystem_id)
    return then, pci_id(pci.live_subsystem_vendor_id, pci.live_subsystem_id)
