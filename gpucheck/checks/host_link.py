"""Whether the card moves data over the host's bus faster than the SKU could.

What it checks: measured transfers from and to pinned memory against the SKU's generation and lanes.
Why it matters: a link carries no more than its lanes allow, so a faster one is another SKU's.
How it can be fooled: downwards by any narrow slot; never upwards.
A failure does not mean: a slow link. Risers, slots that share their lanes, a busy processor and virtual machines slow
transfers down; that is noted and never held against a card.
References: PCI Express base specifications; transfers of genuine cards reach 0.75 to 0.9 of the peak (nvbandwidth).
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, not_applicable, only_a_part, remarked
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import HostLink
from gpucheck.model.units import link_rate, percent, rate

TOO_FAST, SLOW = 1.1, 0.6
_OWN_WAYS = ("laptop", "sxm", "embedded")
_COHERENT = ("GH200", "GB200", "GB300", "GB10")
"""Processor and card share one module and a link of their own."""


@check(id="host-link", title="Transfers over the host's bus", severity=Severity.MEDIUM)
def host_link(case: Case) -> Outcome:
    """Compare the faster direction with the peak of the SKU's link."""
    seen = measured(case.evidence.host_link, "host_link")
    if case.partitioned:
        return only_a_part(case)
    if any(p.form_factor in _OWN_WAYS or p.name.startswith(_COHERENT) for p in case.profiles):
        return not_applicable("Soldered and module form factors are wired as their maker liked.")
    observed = _observed(seen, case.how)
    links = {(p.pcie_generation, p.pcie_lanes) for p in case.profiles if p.pcie_generation and p.pcie_lanes}
    if not links:
        return inconclusive(f"The catalog does not know the link of {case.sku}.", observed)
    generation, lanes = max(links, key=lambda link: link_rate(*link))
    peak = link_rate(generation, lanes)
    expected = f"at most {rate(peak)}: generation {generation}, {lanes} lanes"
    best = max(seen.host_to_device_bytes_per_second, seen.device_to_host_bytes_per_second)
    if best > TOO_FAST * peak:
        return _fail(f"At {rate(best)} the link is faster than {case.sku}'s can be.", observed, expected)
    if best < SLOW * peak:
        message = f"Transfers reach {percent(best / peak)} of what {case.sku}'s link could carry: {_why(case, seen)}."
        return Outcome(Status.PASS, f"{message} That says nothing against the card.", observed, expected)
    return Outcome(Status.PASS, f"Transfers reach {percent(best / peak)} of the link's peak.", observed, expected)


def _observed(seen: HostLink, how: str) -> str:
    there, back = rate(seen.host_to_device_bytes_per_second), rate(seen.device_to_host_bytes_per_second)
    link = _link(seen.generation_under_load, seen.lanes_under_load)
    return f"{there} to the card, {back} from it ({how})" + (f"; {link} (declared)" if link else "")


def _link(generation: int | None, lanes: int | None) -> str:
    parts = [f"generation {generation}" if generation else "", f"{lanes} lane{'s' * (lanes > 1)}" if lanes else ""]
    return ", ".join(part for part in parts if part)


def _why(case: Case, seen: HostLink) -> str:
    """The likeliest of the innocent causes that the evidence knows."""
    if case.evidence.host.hypervisor:
        return "a virtual machine stands between"
    pci = case.evidence.pci
    if not isinstance(pci, Unavailable):
        slot = _link(pci.port_link_generation_max, pci.port_link_lanes_max)
        offered = link_rate(pci.port_link_generation_max or 0, pci.port_link_lanes_max or 0)
        if slot and offered and offered < _sku_rate(case):
            return f"the slot offers {slot} (declared)"
    ran = link_rate(seen.generation_under_load or 0, seen.lanes_under_load or 0)
    if ran and ran < _sku_rate(case):
        now = _link(seen.generation_under_load, seen.lanes_under_load)
        return f"the link ran at {now} (declared); look at slot and riser"
    return case.busy or "a riser, the slot or a busy processor may be the cause"


def _sku_rate(case: Case) -> float:
    return max((link_rate(p.pcie_generation or 0, p.pcie_lanes or 0) for p in case.profiles), default=0.0)


def _fail(message: str, observed: str, expected: str) -> Outcome:
    return remarked(
        message,
        observed,
        expected,
        "Look which SKUs have such a link; this card is likely one of them.",
        ("host_link.host_to_device_bytes_per_second", "host_link.device_to_host_bytes_per_second"),
    )
