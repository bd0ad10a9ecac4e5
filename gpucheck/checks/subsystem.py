"""Whether the maker that the subsystem id names could have made such a board.

What it checks: the subsystem vendor of data-centre boards. NVIDIA makes those itself; server makers put their own id on
them; makers of gaming cards do not.
Why it matters: the subsystem id follows the flashed VBIOS, so foreign firmware brings a foreign maker along.
How it can be fooled: with firmware that carries the right id.
A failure does not mean: much by itself. Unknown vendors are passed over: many small makers have no id on record, and
consumer cards rightly carry NVIDIA's own.
References: pci.ids; subsystem vendors in captures.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.text import with_article
from gpucheck.model.units import pci_id

_GAMING_ONLY = {0x19DA, 0x1569, 0x10B0, 0x196E, 0x1B4C, 0x7377, 0x3842, 0x1ACC, 0x154B, 0x1F0A}


@check(id="subsystem", title="Board maker", severity=Severity.MEDIUM, edge=("board maker", "device id"))
def subsystem(case: Case) -> Outcome:
    """Judge the subsystem vendor against the SKU's class."""
    vendor, part, path = _subsystem(case)
    seen = pci_id(vendor, part)
    if vendor in (0, 0xFFFF):
        return inconclusive("The board names no maker.", seen)
    name = case.catalog.subsystem_vendor(vendor)
    professional = all(p.sku_class == "datacenter" for p in case.profiles)
    if professional and vendor in _GAMING_ONLY:
        return Outcome(
            Status.FAIL,
            f"The board names {name or seen} as its maker, who never made {with_article(case.sku)}.",
            observed=seen,
            expected="NVIDIA or a server maker",
            remedy="Ask for a photograph of the board.",
            confidence=Confidence.MEDIUM,
            evidence=(path,),
            kinds=(Kind.TRANSPLANTED,),
        )
    if name is None:
        return inconclusive("The board's maker has no id on record; that is common and harmless.", seen)
    return Outcome(Status.PASS, f"The board names {name} as its maker.", seen, confidence=Confidence.LOW)


def _subsystem(case: Case) -> tuple[int, int | None, str]:
    """Vendor, board, and where they are stated."""
    pci = case.evidence.pci
    if not isinstance(pci, Unavailable) and pci.subsystem_vendor_id is not None:
        return pci.subsystem_vendor_id, pci.subsystem_id, "pci.subsystem_vendor_id"
    declared = case.evidence.declared
    if declared and declared.subsystem_vendor_id is not None:
        path = f"{case.declared_section}.subsystem_vendor_id"
        return declared.subsystem_vendor_id, declared.subsystem_id, path
    raise Missing("no source stated a subsystem id", "pci.subsystem_vendor_id")
