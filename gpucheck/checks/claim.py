"""Whether the card declares itself as what it was sold as.

What it checks: the SKU that the card's own device id (or, lacking one, its name) stands for, against ``--claim``.
Why it matters: a laptop die, a mining card or a lesser model that is consistent with itself passes every other check.
How it can be fooled: by rewriting what the card declares; the measured checks are there for that.
A failure does not mean: that the card was altered. A seller's mistake in the listing looks the same. The name that a
driver prints for an older notebook, the desktop card's, is no failure in a laptop or where the chassis is not known.
References: PCI device id tables of pci.ids and of NVIDIA's open kernel modules.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, not_applicable
from gpucheck.checks.laptop_die import sold_as_printed
from gpucheck.checks.memory_size import shows_a_part
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.match import Claim
from gpucheck.model.partition import VIRTUAL
from gpucheck.model.units import MIB, mib


@check(id="claim", title="Sold as", severity=Severity.CRITICAL)
def claim(case: Case) -> Outcome:
    """Compare the claim with the declared SKU."""
    sold = case.claim
    if sold is None:
        return not_applicable("No claim was given; say what the card was sold as with --claim.")
    if not case.match.fitting and case.partitioned == VIRTUAL:
        return inconclusive("A virtual GPU does not tell which card it is a part of, so the claim stands untested.")
    if not case.match.fitting:
        return inconclusive("The card declares nothing that a profile matches, so the claim stands untested.")
    wanted = {p.id for p in sold.profiles}
    # Where nothing tells several SKUs apart, the card may be any of them: a GTX 1070 of a notebook has no other name.
    other = wanted.isdisjoint(p.id for p in (*case.profiles, *case.match.candidates))
    printed = other and sold_as_printed(case)
    if other and not printed:
        return _mismatch(case, sold, f"The card was sold as {sold.text}, but declares itself as {case.sku}.", case.sku)
    total = case.evidence.declared.memory_total_bytes if case.evidence.declared else None
    if sold.memory_mib and total and not _has_size(case, sold.memory_mib * MIB, total):
        seen = f"{case.sku} with {mib(total)}"
        return _mismatch(case, sold, f"Sold with {sold.memory_mib:,} MiB, but it declares {mib(total)}.", seen)
    if printed and case.evidence.host.chassis != "laptop":
        return _may_be_either(case, sold)
    return Outcome(
        Status.PASS,
        f"The card declares itself as what it was sold as: {case.sku}.",
        observed=case.sku,
        expected=sold.text,
    )


def _has_size(case: Case, wanted: int, total: int) -> bool:
    """Whether the card states the memory that it was sold with, or may state a part of that."""
    return 0.9 <= total / wanted <= 1.01 or (total < wanted and shows_a_part(case, total) is not None)


def _may_be_either(case: Case, sold: Claim) -> Outcome:
    return inconclusive(
        f"Sold as {sold.text}, and that is what drivers print for this card: before the 30 series they call notebooks "
        f"and desktop cards alike. But its id is that of the laptop part {case.sku}. In a laptop that is right; on a "
        "desktop board it would be a laptop die, which is not the desktop card.",
        case.sku,
        sold.text,
        ("host.chassis",),
    )


def _which(case: Case) -> str:
    """A claim is held against every card of a call, and a machine has others than the one for sale."""
    together = case.evidence.scanned_together
    if together < 2:
        return ""
    how = (
        "leave it out of the file" if isinstance(case.evidence.nvml, Unavailable) else "choose the other with --device"
    )
    return f"The claim was held against all {together} cards; if this one is not for sale, {how}. "


def _mismatch(case: Case, sold: Claim, message: str, observed: str) -> Outcome:
    return Outcome(
        Status.FAIL,
        message,
        observed=observed,
        expected=sold.text,
        remedy=_which(case)
        + "Do not pay the price of the claimed model. Ask the seller to correct the listing or take it back.",
        confidence=Confidence.HIGH if case.match.basis == "device_id" else Confidence.MEDIUM,
        evidence=("pci.device_id", f"{case.declared_section}.name"),
        kinds=(Kind.REMARKED,),
    )
