"""Errors of the link to the host that were counted before this scan.

What it checks: the kernel's counts of link errors since its start, lanes with errors, and the card's replays since the
driver was loaded.
Why it matters: damaged contacts, lost capacitors and bad solder joints show as packets that arrive broken.
How it can be fooled: the counts start anew with the machine, and many machines keep none.
A failure does not mean: a fake, nor always the card's fault: a riser, a dirty slot or a long cable do the same. Errors
that have nothing to do with the wire, such as unsupported requests, are not counted.
A counter of all ones is full, or was not read, and is not counted either. Nor are lane errors on half of the lanes or
more: a contact is one lane's, and a link that trains marks most of them.
References: PCI Express base specification, section on error signalling; the kernel's ``aer_dev_*`` files; nine replays
on a sound H100 in a capture; a published ``lspci`` of eight H100 in one machine, of which each marks 15 or 16 lanes and
none a broken packet.
"""

from dataclasses import dataclass

from gpucheck.checks.base import Case, Missing, Outcome, check, not_applicable
from gpucheck.model.base import Unavailable
from gpucheck.model.counters import ALL_ONES, all_ones, counted, unread
from gpucheck.model.evidence import PciFacts
from gpucheck.model.finding import Confidence, Severity, Status

_WIRE = ("RxErr", "BadTLP", "BadDLLP", "Rollover", "Timeout")
"""Correctable errors that broken packets cause."""
_BROKEN = ("DLP", "SDES", "FCP", "RxOF", "MalfTLP")
"""The same of those that are not corrected."""
_NAMED = {"lane_error": "errors of single lanes", "bad_tlp": "broken packets", "lcrc_error": "wrong checksums"}
"""Kinds that NVML counts and that a bad contact causes."""
_SOME, _MANY = 100, 10_000
_LANES = 16
_RETRY = "Clean the edge connector and scan again in another slot, without a riser. If it stays, it is the card."


@dataclass(frozen=True)
class Seen:
    """One kind of error."""

    words: str
    path: str
    severity: Severity


@check(id="bus-errors", title="Errors of the link since the start", severity=Severity.MEDIUM, about="condition")
def bus_errors(case: Case) -> Outcome:
    """Judge what was counted."""
    found = wear(case)
    if not found:
        if not _known(case):
            raise Missing(_full(case) or "this machine keeps no counts of the link's errors", "pci.aer_correctable")
        if isinstance(case.evidence.host_link, Unavailable):
            # A pass would call a card good of which nobody looked at anything.
            return not_applicable("No errors of the link were counted, but nothing was sent over it either.")
        full = _full(case)
        rest = f" {full[:1].upper()}{full[1:]}." if full else ""
        return Outcome(Status.PASS, f"No more errors of the link were counted than chance brings (declared).{rest}")
    words = "; ".join(seen.words for seen in found)
    worst = max((seen.severity for seen in found), key=list(Severity).index)
    paths = tuple(seen.path for seen in found)
    if worst is Severity.LOW:
        message = f"Errors of the link were counted and mended: {words} (declared)."
        return Outcome(Status.PASS, message, words, "none or a few", _RETRY, evidence=paths, severity=worst)
    return Outcome(
        Status.FAIL,
        f"The link to the host is bad: {words} (declared).",
        observed=words,
        expected="none or a few",
        remedy=_RETRY,
        confidence=Confidence.MEDIUM,
        evidence=paths,
        severity=worst,
    )


def wear(case: Case) -> list[Seen]:
    """Errors of the link beyond chance."""
    pci, found = case.evidence.pci, []
    if isinstance(pci, PciFacts) and not case.evidence.host.hypervisor:
        broken = _sum(pci.aer_fatal, _BROKEN) + _sum(pci.aer_nonfatal, _BROKEN)
        if broken:
            found.append(Seen(f"{broken:,} packets were lost on the way", "pci.aer_fatal", Severity.MEDIUM))
        if (mended := _sum(pci.aer_correctable, _WIRE)) > _SOME:
            harm = Severity.MEDIUM if mended > _MANY else Severity.LOW
            found.append(Seen(f"{mended:,} packets arrived broken since the start", "pci.aer_correctable", harm))
        if pci.lane_errors and 2 * len(pci.lane_errors) < (pci.link_lanes_max or _LANES):
            lanes = ", ".join(map(str, pci.lane_errors))
            found.append(Seen(f"errors on lane {lanes}", "pci.lane_errors", Severity.LOW))
    return [*found, *_by_driver(case)]


def _by_driver(case: Case) -> list[Seen]:
    """What NVML counted since the driver was loaded."""
    declared, found = case.evidence.declared, []
    if declared is None:
        return []
    errors = declared.pcie_errors or {}
    if (replays := counted(declared.pcie_replay_count) or 0) > _SOME:
        harm = Severity.MEDIUM if replays > _MANY else Severity.LOW
        found.append(Seen(f"{replays:,} packets were sent again", "nvml.pcie_replay_count", harm))
    for kind, words in _NAMED.items():
        if (number := counted(errors.get(kind)) or 0) > _SOME:
            harm = Severity.MEDIUM if number > _MANY else Severity.LOW
            found.append(Seen(f"{number:,} {words}", "nvml.pcie_errors", harm))
    return found


def _known(case: Case) -> bool:
    pci, declared = case.evidence.pci, case.evidence.declared
    by_kernel = not isinstance(pci, Unavailable) and (pci.aer_correctable is not None or pci.lane_errors is not None)
    return by_kernel or bool(declared and counted(declared.pcie_replay_count) is not None)


def _full(case: Case) -> str:
    """What to say where the counter of replays counts nothing; empty where it does, or there is none."""
    declared = case.evidence.declared
    if declared is None or "pcie_replay_count" not in unread(declared):
        return ""
    return f"the count of packets sent again is {ALL_ONES}"


def _sum(counts: dict[str, int] | None, kinds: tuple[str, ...]) -> int:
    return sum(number for kind, number in (counts or {}).items() if kind in kinds and not all_ones(number))
