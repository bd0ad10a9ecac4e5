"""Whether the board's firmware was written for this much memory.

What it checks: the largest BAR1 that the card offers against its memory. Firmware of a resizable-BAR card offers the
next power of two at or above the memory that it was made for.
Why it matters: an RTX 4090 with 48 GB keeps the 32 GiB ceiling of its 24 GB firmware; a genuine 48 GB card offers 64.
How it can be fooled: by firmware of another product, or a patched driver.
A failure does not mean: fraud. Cards without resizable BAR, first-series firmware that stops at 256 MiB, and virtual
machines are passed over. A BAR1 that the host chose smaller than the card offers says nothing.
References: 18 of 18 resizable-BAR cards in bug reports; aikitoria/open-gpu-kernel-modules#14.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, not_applicable
from gpucheck.checks.memory_size import fits
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.units import MIB, mib

_CLASSIC = 256 * MIB


@check(id="bar1-size", title="BAR1 ceiling against memory", severity=Severity.MEDIUM, edge=("BAR1", "memory"))
def bar1_size(case: Case) -> Outcome:
    """Compare the BAR1 ceiling with the memory."""
    total = case.number("memory_total_bytes")
    if case.evidence.host.hypervisor:
        return not_applicable("A virtual machine hides what the card offers.")
    ceiling, path = _ceiling(case)
    if ceiling is None:
        return not_applicable("Nothing told how large BAR1 can be.")
    if ceiling <= _CLASSIC:
        return not_applicable("No resizable BAR is in use, so its ceiling says nothing.")
    observed = f"{mib(ceiling)} (declared)"
    if ceiling >= total:
        return Outcome(Status.PASS, "BAR1 reaches all of the memory.", observed, f"at least {mib(total)}")
    if path.startswith("pci") or not any(fits(p, total) for p in case.profiles):
        return Outcome(
            Status.FAIL,
            f"The card's BAR1 ends at {mib(ceiling)}, below the {mib(total)} that it declares: its firmware was made "
            "for less memory.",
            observed=observed,
            expected=f"at least {mib(total)}",
            remedy="Expect trouble with peer-to-peer access; ask what was done to the memory.",
            confidence=Confidence.MEDIUM,
            evidence=(path,),
            kinds=(Kind.MEMORY_ALTERED,),
        )
    return inconclusive(
        "BAR1 is set below the memory; the host may have chosen that.", observed, f"at least {mib(total)}", (path,)
    )


def _ceiling(case: Case) -> tuple[int | None, str]:
    pci = case.evidence.pci
    if not isinstance(pci, Unavailable) and pci.bar1_supported_bytes:
        return max(pci.bar1_supported_bytes), "pci.bar1_supported_bytes"
    declared = case.evidence.declared
    return (declared.bar1_total_bytes if declared else None), f"{case.declared_section}.bar1_total_bytes"
