"""Whether the driver accepts a card that the bus shows.

What it checks: a display device on the PCI bus that NVIDIA's driver is loaded for and nevertheless does not list.
Why it matters: an old chip with a rewritten device id looks modern on the bus, and the driver, which asks the chip
itself, refuses it.
How it can be fooled: it cannot make the driver work.
A failure does not mean: fraud alone. A power cable that is missing does the same, so alone it is held against no card.
Excluded are cards bound to no driver or to another one (pass-through), cards that the driver was told to leave alone,
generations that the installed driver has dropped, and cards that fell off the bus.
References: driver branches 390 (last for Fermi), 470 (Kepler), 580 (Maxwell, Pascal, Volta).
"""

import re

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, not_applicable
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import NOT_LISTED, DriverFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status

_LAST_BRANCH = {"Fermi": 390, "Kepler": 470, "Maxwell": 580, "Pascal": 580, "Volta": 580}


@check(id="driver-support", title="Driver accepts the card", severity=Severity.HIGH)
def driver_support(case: Case) -> Outcome:
    """Judge a card that is on the bus and not in NVML."""
    pci = measured(case.evidence.pci, "pci")
    nvml = case.evidence.nvml
    if not isinstance(nvml, Unavailable):
        return Outcome(Status.PASS, "The driver lists the card.", confidence=Confidence.LOW)
    if pci.off_bus or pci.revision_id == 0xFF or pci.vendor_id == 0xFFFF:
        return inconclusive("The card does not answer on the bus, so the driver cannot ask it.")
    if pci.driver is None and "driver" not in pci.missing:
        return inconclusive("No kernel driver is bound to the card, so nothing could ask it.", "no driver", "nvidia")
    if isinstance(case.evidence.driver, DriverFacts) and case.evidence.driver.excluded:
        return inconclusive("The driver was told to leave this card alone.", "excluded", "listed")
    if nvml.detail != NOT_LISTED:
        return not_applicable("NVML did not say whether it knows the card.")
    version = case.evidence.host.driver_version
    branch = re.match(r"(\d+)\.", version or "")
    if branch is None:
        return not_applicable("NVIDIA's driver is not loaded.")
    if pci.driver != "nvidia":
        return not_applicable(f"The card is bound to {pci.driver or 'an unknown driver'}, not to NVIDIA's.")
    last = min(_LAST_BRANCH.get(p.die.architecture, 9999) for p in case.profiles)
    if int(branch[1]) > last:
        return not_applicable(f"Driver {version} no longer supports this generation; {last} was the last branch.")
    return Outcome(
        Status.FAIL,
        f"The bus shows {case.sku}, which driver {version} supports, and yet the driver does not accept the card.",
        observed=nvml.detail or "not listed by NVML",
        expected="listed by NVML",
        remedy="Try another slot and power cable; if it stays so, suspect an older chip behind a rewritten device id.",
        confidence=Confidence.MEDIUM,
        evidence=("pci.device_id", "nvml"),
        kinds=(Kind.REMARKED,),
    )
