"""Whether the driver reports a fault of the card.

What it checks: what NVML answered instead of facts (the card is lost, needs a reset, has a corrupted InfoROM, lacks its
power cable, raises no interrupts), and a question that was never answered. In a text of ``nvidia-smi``: the same words
of the driver, and fields that it could not read (``Unknown Error``, ``ERR!``).
Why it matters: such a card tells half of what it should, and a scan that goes on without a word about that would hide
the likeliest reason to return it.
How it can be fooled: it cannot make a card look better; a driver that hides faults has them in the kernel's log.
A failure does not mean: that the card is a fake; it is a matter of condition. Cables, risers, slots, a hung driver and
an interrupted update do the same, so all but a lost card and a corrupted InfoROM stay open until the next scan. A text
is of one moment that may be long past, so all of it stays open; laptops print ``ERR!`` for the limit of their power.
References: ``nvmlReturn_t`` in NVIDIA's ``nvml.h``.
"""

from typing import NamedTuple

from gpucheck.checks.base import Case, Missing, Outcome, absence, check, inconclusive, not_applicable
from gpucheck.model.base import Reason
from gpucheck.model.evidence import CORRUPTED_INFOROM, LOST, NEEDS_RESET, NO_INTERRUPTS, NO_POWER, NvmlFacts
from gpucheck.model.finding import Confidence, Severity, Status

_AGAIN = "Restart the machine and scan again"
_STAYS = f"{_AGAIN}; if it stays so, the driver or the card is at fault."
_ASK = "Ask for the output anew, after a restart: a card that shows this again is defective."
_PATH, _PATH_IN_A_TEXT = "nvml.fault", "nvidia_smi.fault"
_GRAVE_IN_A_TEXT = ("lost", "reset", "fallen off")


class _Fault(NamedTuple):
    words: str
    remedy: str
    severity: Severity | None = None
    """None where it says nothing of the card yet."""


_FAULTS = {
    LOST: _Fault(
        "The driver lost the card while it was asked: it no longer answers.",
        "Power the machine off, reseat the card and its cables, try another slot; then scan again.",
        Severity.HIGH,
    ),
    CORRUPTED_INFOROM: _Fault(
        "The driver finds the card's InfoROM corrupted: its serial number and error counters prove nothing.",
        "Ask what was repaired or flashed; the maker's service can write it anew.",
        Severity.MEDIUM,
    ),
    NEEDS_RESET: _Fault(
        "The driver wants the card to be reset after an error", f"{_AGAIN}; if it comes back, the card is defective."
    ),
    NO_POWER: _Fault("The driver misses the card's external power", "Connect its power cables and scan again."),
    NO_INTERRUPTS: _Fault(
        "The driver gets no interrupts from the card", f"{_AGAIN}; if it stays so, try another slot or machine."
    ),
}


@check(id="driver-faults", title="Faults that the driver reports", severity=Severity.MEDIUM, about="condition")
def driver_faults(case: Case) -> Outcome:
    """Judge what NVML said, or did not say, of the card's state."""
    nvml, text = case.evidence.nvml, case.evidence.nvidia_smi
    if isinstance(nvml, NvmlFacts):
        return _of_the_driver(nvml)
    if nvml.unavailable is Reason.TIMED_OUT:
        return _open(f"The driver did not answer ({nvml.detail.rstrip('.')})", nvml.detail, f"{_AGAIN}.", "nvml")
    if isinstance(text, NvmlFacts):
        return _of_a_text(text)
    if nvml.unavailable is Reason.NOT_REQUESTED:
        return not_applicable("No driver was asked about the card's state.")
    raise Missing(f"NVML was not read ({absence(nvml, '')})", "nvml")


def _of_the_driver(facts: NvmlFacts) -> Outcome:
    if facts.fault is None:
        unanswered = facts.missing.get("fault")
        if unanswered is None:
            return not_applicable("The driver reports no fault.")
        return _open(f"The driver stopped answering ({unanswered.detail})", unanswered.detail, _STAYS)
    known = _FAULTS.get(facts.fault, _Fault(f"The driver reports a fault: {facts.fault}", _STAYS))
    if known.severity is None:
        return _open(known.words, facts.fault, known.remedy)
    return Outcome(
        Status.FAIL,
        known.words,
        observed=f"{facts.fault} (declared)",
        expected="no fault",
        remedy=known.remedy,
        confidence=Confidence.MEDIUM,
        evidence=(_PATH,),
        severity=known.severity,
    )


def _of_a_text(facts: NvmlFacts) -> Outcome:
    """All stays open; what says little of the card has nothing observed, so that no report begins with it."""
    if facts.fault is None:
        return not_applicable("The driver reports no fault.")
    if any(words in facts.fault.lower() for words in _GRAVE_IN_A_TEXT):
        return _open("The driver had no hold of the card when this was printed", facts.fault, _ASK, _PATH_IN_A_TEXT)
    told = f"The driver could not read all of the card ({facts.fault}); that happens to healthy ones too."
    return inconclusive(told, evidence=(_PATH_IN_A_TEXT,))


def _open(what: str, told: str, remedy: str, path: str = _PATH) -> Outcome:
    return inconclusive(f"{what}. {remedy}", f"{told.rstrip('.')} (declared)", "an answer", (path,))
