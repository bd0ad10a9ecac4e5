"""Whether another card of the same machine states the same identity.

What it checks: UUID and device identifier (PDI) of all cards that were scanned together.
Why it matters: both are made of what is fused into one die. Two cards that state the same one cannot both be honest:
firmware, driver or library gives at least one of them the other's name.
How it can be fooled: only cards side by side can be compared; a copy in another machine is for an inventory to find.
A failure does not mean: that this card is the copy. Which of the two it is, cannot be told from here, so both are
suspect. Serial numbers are no identity: the two dies of one module share theirs.
References: ``NV2080_CTRL_CMD_GPU_GET_GID_INFO`` (UUID from the fused identifier); GB200 modules share a serial number.
"""

from gpucheck.checks.base import Case, Outcome, check, not_applicable
from gpucheck.model.finding import Kind, Severity, Status


@check(id="identity-unique", title="Identity of its own", severity=Severity.CRITICAL, edge=("UUID", "other cards"))
def identity_unique(case: Case) -> Outcome:
    """Look for the card's identity among the others."""
    evidence = case.evidence
    if evidence.scanned_together < 2:
        return not_applicable("No other card was examined beside this one.")
    if case.partitioned:
        return not_applicable(f"Parts of one card share its identity ({case.partitioned}).")
    if evidence.twins:
        names = " and ".join(dict.fromkeys(twin.label for twin in evidence.twins))
        fields = " and ".join(dict.fromkeys(twin.field.upper() for twin in evidence.twins))
        return Outcome(
            Status.FAIL,
            f"{names} states the same {fields} as this card. It belongs to one die, so at least one of them is not "
            "what it says.",
            observed=f"{fields} shared with {names}",
            expected="one identity a card",
            remedy="Scan each card alone, in another machine, with NVIDIA's own driver, and compare.",
            evidence=("twins",),
            kinds=(Kind.IDENTITY_CLONED,),
        )
    declared = evidence.declared
    if not declared or not (declared.uuid or declared.pdi):
        return not_applicable("The card states no identity that could be compared.")
    return Outcome(Status.PASS, f"None of {evidence.scanned_together} cards shares its identity.", "unique here")
