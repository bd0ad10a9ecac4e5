"""Whether the card still answers on the bus.

What it checks: a configuration space that reads as ff throughout, which ``lspci`` prints as ``rev ff``.
Why it matters: a card that drops off is defective, badly seated or short of power, and nothing about it can be proven.
How it can be fooled: it cannot, short of pulling the card.
A failure does not mean: that the card is a fake; it is a matter of condition. Laptops switch their card off to save
power, and one that waits for a virtual machine may be switched off too: those count as unknown.
References: a switched-off GeForce 840M among the captures; the kernel's ``power_state``.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, not_applicable
from gpucheck.model.finding import Severity, Status


@check(id="device-on-bus", title="Card answers on the bus", severity=Severity.HIGH, about="condition")
def device_on_bus(case: Case) -> Outcome:
    """Judge a card whose configuration is dead."""
    pci = measured(case.evidence.pci, "pci")
    if not (pci.off_bus or pci.revision_id == 0xFF or pci.vendor_id == 0xFFFF):
        return not_applicable("The card answers on the bus.")
    if why := _switched_off(case):
        return inconclusive(f"The card does not answer; {why}.", "rev ff", evidence=("pci.off_bus",))
    return Outcome(
        Status.FAIL,
        "The card does not answer on the bus: it fell off, or was never started.",
        observed="every byte of its configuration reads as ff",
        expected="an answer",
        remedy="Power the machine off, reseat the card and its cables, try another slot; then scan again.",
        evidence=("pci.off_bus",),
    )


def _switched_off(case: Case) -> str:
    """An innocent cause, empty where none is known."""
    pci = measured(case.evidence.pci, "pci")
    fitting = case.match.fitting
    if (pci.power_state or "").startswith("D3"):
        return f"its power state is {pci.power_state}, so it is switched off"
    if case.evidence.host.chassis == "laptop" or (fitting and all(p.form_factor == "laptop" for p in fitting)):
        return "laptops switch their card off to save power"
    if case.evidence.host.chassis == "unknown" and (not fitting or any(p.form_factor == "laptop" for p in fitting)):
        return "it may sit in a laptop, and laptops switch their card off to save power"
    if pci.driver == "vfio-pci":
        return "it waits for a virtual machine, and may be switched off"
    return ""
