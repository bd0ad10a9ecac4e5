"""Whether the card's own link capability is the SKU's.

What it checks: the generation and lanes that the card could do, never what the slot or idle state gives it. Ampere and
newer lower their stated generation to the slot's, so a lower one counts only below what the slot offers; a limit that
is set for the slot is shown to root alone, and without it the question stays open. Lanes that both ends have and the
link does not use are told, and count for nothing: a riser, dust or a shared slot takes them.
Why it matters: mining boards are cut to first-generation speed and few lanes; lost lanes are damage or missing parts.
How it can be fooled: the capability register follows straps and firmware.
A failure does not mean: fraud by itself. Risers, narrow slots and power saving never show here.
References: CMP 170HX (generation 1, 4 lanes) offered as A100; LnkCap in captures of genuine cards.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, not_applicable
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status

_FOLLOWS_SINCE = (8, 0)
"""Compute capability of the first dies that lower their stated generation to the slot's: Ampere."""


@check(id="pcie-link", title="PCIe link capability", severity=Severity.MEDIUM, edge=("link", "device id"))
def pcie_link(case: Case) -> Outcome:
    """Compare the capability with the SKU's link."""
    if case.evidence.host.hypervisor:
        return not_applicable("A virtual machine shows a link of its own making.")
    if any(p.form_factor in ("laptop", "sxm", "embedded") for p in case.profiles):
        return not_applicable("Soldered and module form factors are wired as their maker liked.")
    generation, lanes, path = _capability(case)
    wanted_generation = min((p.pcie_generation for p in case.profiles if p.pcie_generation), default=None)
    wanted_lanes = min((p.pcie_lanes for p in case.profiles if p.pcie_lanes), default=None)
    if wanted_generation is None:
        return inconclusive(f"The catalog does not know the link of {case.sku}.")
    able = f"generation {generation}" + (f", {_lanes(lanes)}" if lanes else "")
    observed = f"{able} (declared)"
    expected = f"generation {wanted_generation}" + (f", {_lanes(wanted_lanes)}" if wanted_lanes else "")
    narrow = bool(lanes and wanted_lanes and lanes * 4 <= wanted_lanes)
    offered = _offered(case)
    if generation >= wanted_generation and not (lanes and wanted_lanes and lanes < wanted_lanes):
        unused = _unused(case)
        message = f"The card's link is capable of what the SKU's is.{unused and ' '}{unused}"
        return Outcome(Status.PASS, message, observed, expected, severity=Severity.LOW if unused else None)
    slow = offered is not None and generation <= min(wanted_generation, offered) - 2
    if not slow and not narrow:
        return inconclusive(_open(case, generation, wanted_generation), observed, expected, (path,))
    return Outcome(
        Status.FAIL,
        f"The card states that it can do {able} at most; {case.sku} does {expected}.",
        observed=observed,
        expected=expected,
        remedy="Look for missing coupling capacitors at the edge connector; mining boards are sold like this.",
        confidence=Confidence.MEDIUM,
        evidence=(path,),
        kinds=(Kind.REMARKED,),
    )


def _unused(case: Case) -> str:
    """Lanes that card and port both have and the link does not use, in words; a narrower port explains itself."""
    pci = case.evidence.pci
    if isinstance(pci, Unavailable) or not (pci.link_lanes_max and pci.link_lanes_current):
        return ""
    common = min(pci.link_lanes_max, pci.port_link_lanes_max or 0)
    if pci.link_lanes_current >= common:
        return ""
    return (
        f"It runs on {pci.link_lanes_current} of {common} lanes that card and slot have: "
        "reseat it, clean its contacts, or do without the riser."
    )


def _offered(case: Case) -> int | None:
    """The generation that the port above the card offers, as it is set; None where it is not known."""
    pci = case.evidence.pci
    if isinstance(pci, Unavailable) or pci.port_link_generation_max is None or _limit_hidden(case):
        return None
    return min(pci.port_link_generation_max, pci.port_link_generation_target or 9)


def _limit_hidden(case: Case) -> bool:
    """Whether a limit may be set for the slot, which this user was not shown, and the card follows such a limit."""
    pci = case.evidence.pci
    hidden = None if isinstance(pci, Unavailable) else pci.missing.get("port_link_generation_target")
    follows = any(p.die.capability_numbers >= _FOLLOWS_SINCE for p in case.profiles)
    return follows and hidden is not None and hidden.unavailable is Reason.NO_PERMISSION


def _open(case: Case, generation: int, wanted: int) -> str:
    if generation <= wanted - 2 and _limit_hidden(case):
        return (
            "The card states a slower link than the SKU's. Firmware may have set that limit for the slot, "
            "and root alone is shown it: scan as root, or look for the link speed in the machine's setup."
        )
    return "The link is a little less capable than the SKU's."


def _capability(case: Case) -> tuple[int, int | None, str]:
    pci = case.evidence.pci
    if not isinstance(pci, Unavailable) and pci.link_generation_max:
        return pci.link_generation_max, pci.link_lanes_max, "pci.link_generation_max"
    declared = case.evidence.declared
    if declared and declared.pcie_generation_device_max:
        return declared.pcie_generation_device_max, None, f"{case.declared_section}.pcie_generation_device_max"
    raise Missing("no source stated what the card's own link can do", "pci.link_generation_max")


def _lanes(number: int) -> str:
    return f"{number} lane{'s' * (number > 1)}"
