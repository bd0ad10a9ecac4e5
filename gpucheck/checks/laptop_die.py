"""Whether a laptop die sits in a machine that is no laptop.

What it checks: a laptop SKU by device id, against the chassis that the firmware states and against the claim.
Why it matters: laptop dies are soldered onto desktop boards and sold as the faster desktop card of the same name.
How it can be fooled: by an honest-looking listing; give the claim, and the claim check settles it.
A failure does not mean: that the card is broken. Mini computers, carrier boards and external boxes with laptop dies are
sold honestly, so without a claim for a desktop model nothing is held against the card.
References: laptop ids in NVIDIA's tables; DMI chassis types.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, not_applicable
from gpucheck.model.finding import Confidence, Kind, Severity, Status


@check(id="laptop-die", title="Laptop die outside a laptop", severity=Severity.HIGH)
def laptop_die(case: Case) -> Outcome:
    """Hold a laptop SKU against chassis and claim."""
    if any(p.form_factor != "laptop" for p in case.profiles):
        return not_applicable("The device id is not a laptop's.")
    chassis = case.evidence.host.chassis
    if case.claim and all(p.form_factor != "laptop" for p in case.claim.profiles):
        return Outcome(
            Status.FAIL,
            f"Sold as {case.claim.text}, but the die is the laptop part {case.sku}: fewer units, lower power.",
            observed=case.sku,
            expected=case.claim.text,
            remedy="A laptop die on a desktop board is worth less than the desktop card; ask for the difference back.",
            evidence=("pci.device_id",),
            kinds=(Kind.REMARKED,),
        )
    if chassis == "laptop":
        return Outcome(Status.PASS, "A laptop die, in a laptop.", chassis, "laptop", confidence=Confidence.LOW)
    if chassis in ("desktop", "server"):
        return inconclusive(
            f"This is {case.sku}, a laptop part, in a {chassis}. Honest if sold as such; not the desktop card.",
            chassis,
            "laptop",
            ("host.chassis",),
        )
    return inconclusive(f"This is {case.sku}, a laptop part; what machine it sits in is not known.")
