"""Whether the card looks like a known modification.

What it checks: the match against ``profiles/modifications``: the altered total, or a subsystem id that only the
altered board carries.
Why it matters: a known modification has a known method, known weak points and a known price.
How it can be fooled: by a modification that nobody has described yet, or one that hides its signs.
A failure does not mean: that the card is bad or that the seller hides something; many are sold openly as what they are.
References: each modification file names where it was seen.
"""

from gpucheck.checks.base import Case, Outcome, check
from gpucheck.model.finding import Confidence, Severity, Status


@check(id="known-modification", title="Known modifications", severity=Severity.HIGH)
def known_modification(case: Case) -> Outcome:
    """Report the matched modification."""
    known = case.match.modification
    if known is None:
        if any(modification.memory_mib for p in case.profiles for modification in case.catalog.modifications_of(p)):
            case.field("memory_total_bytes")
        return Outcome(Status.PASS, f"No known modification of {case.sku} shows.")
    return Outcome(
        Status.FAIL,
        f"This looks like {known.title}. {known.method}",
        observed=known.title,
        expected=f"{case.sku} as it left the factory",
        remedy=known.remedy or "Judge it, and price it, as a modified card.",
        confidence=Confidence(known.confidence),
        evidence=(f"{case.declared_section}.memory_total_bytes", "pci.subsystem_id"),
        kinds=(known.kind,),
    )
