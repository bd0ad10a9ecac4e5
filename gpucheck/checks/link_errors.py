"""Whether the link to the host had to send packets again.

What it checks: how far the card's replay counter rose during the transfers.
Why it matters: damaged contacts, lost capacitors and bad solder joints show as packets that arrive broken. They are
sent again, so nothing is lost but speed, until the link fails.
How it can be fooled: some cards keep no such counter.
A failure does not mean: a fake, nor always the card's fault: a riser, a dirty slot or a long cable do the same.
References: PCI Express base specification (replay, bit error rate 10^-12); ``nvmlDeviceGetPcieReplayCounter``.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, measured
from gpucheck.model.base import Unavailable
from gpucheck.model.counters import ALL_ONES, all_ones, counted
from gpucheck.model.finding import Confidence, Severity, Status
from gpucheck.model.measured import HostLink

_USUAL, _MANY, _GRAVE = 3, 100, 1000
"""Replays in some gigabytes: the specification's error rate allows none or one, and a change of speed a few."""


@check(id="link-errors", title="Errors of the link", severity=Severity.HIGH, about="condition")
def link_errors(case: Case) -> Outcome:
    """Judge the growth of the replay counter."""
    link = measured(case.evidence.host_link, "host_link")
    before, after = counted(link.replays_before), counted(link.replays_after)
    if before is None or after is None:
        raise Missing(_why(link), "host_link.replays_after")
    grown = max(0, after - before)
    observed = f"{grown:,} packets sent again (declared)"
    if not grown:
        return Outcome(Status.PASS, "No packet had to be sent again during the transfers (declared).")
    if grown <= _USUAL:
        message = f"{grown} packets had to be sent again during the transfers, which may be chance (declared)."
        return Outcome(Status.PASS, message, observed, "none or a few")
    severity = Severity.HIGH if grown >= _GRAVE else Severity.MEDIUM if grown >= _MANY else Severity.LOW
    return Outcome(
        Status.FAIL,
        f"The link had to send {grown:,} packets again during the transfers (declared): a bad contact, slot or riser.",
        observed=observed,
        expected="none or a few",
        remedy="Clean the edge connector and scan again in another slot, without a riser. If it stays, it is the card.",
        confidence=Confidence.MEDIUM,
        evidence=("host_link.replays_before", "host_link.replays_after"),
        severity=severity,
    )


def _why(link: HostLink) -> str:
    if any(number is not None and all_ones(number) for number in (link.replays_before, link.replays_after)):
        return f"the card's replay counter is {ALL_ONES}"
    told = link.missing.get("replays_after")
    detail = told.detail or told.unavailable.value.replace("_", " ") if isinstance(told, Unavailable) else ""
    return "the card's replay counter was not told" + (f" ({detail})" if detail else "")
