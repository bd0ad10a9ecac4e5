"""The verdict in one paragraph, for a person who has a card in hand and must decide."""

from collections.abc import Sequence

from gpucheck.checks import Case
from gpucheck.checks.silicon_match import contradiction, silicon_match
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import MEASURED_SECTIONS
from gpucheck.model.finding import Finding, Severity, Status
from gpucheck.model.partition import VIRTUAL
from gpucheck.model.text import in_a_sentence, quoted, with_article
from gpucheck.model.units import pci_id, percent
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.verdict.weights import BY_CHECK

_ORACLE = silicon_match.id
_OWN_FIRMWARE = {"vbios-agreement", "bar1-size", "memory-capacity"}
_TOLD_WHERE_OPEN = {
    Authenticity.INCONCLUSIVE: ("claim", "memory-size", "laptop-die", "driver-faults"),
    Authenticity.AUTHENTIC: ("laptop-die", "driver-faults"),
}
_NO_SIGN = "That is no sign of fraud: nothing contradicts the claim, and nothing supports it."
_TOLD = 3
"""Failures that an explanation tells; the report lists them all."""
_SAID_BY_ANOTHER = {"memory-bandwidth": "memory-speed"}
"""Checks whose failure says no more than that of the other."""

_AGAIN = "Scan again; if it stays so, with a longer --timeout."


def explain(
    case: Case, findings: Sequence[Finding], authenticity: Authenticity, condition: Condition, coverage: float
) -> str:
    """Say what was found, what it rests on, and what was not looked at."""
    opening, reasons = _opening(case, findings, authenticity, coverage), _reasons(findings, authenticity)
    parts = [
        opening,
        *_open(case, findings, authenticity),
        _silicon(case, authenticity),
        *reasons,
        _reach(findings, authenticity),
        _health(condition, findings),
    ]
    return " ".join(part for part in parts if part)


def _opening(case: Case, findings: Sequence[Finding], authenticity: Authenticity, coverage: float) -> str:
    name = _name(case)
    match authenticity:
        case Authenticity.AUTHENTIC:
            return _affirmed(findings, name)
        case Authenticity.MODIFIED:
            return f"The card is {name} that was altered after it left the factory."
        case Authenticity.COUNTERFEIT:
            return _denial(findings, name)
        case Authenticity.SUSPECT:
            return f"Something does not fit: the card states that it is {name}, but part of what was seen denies it."
        case Authenticity.INCONCLUSIVE:
            return _undecided(case, findings, name, coverage)


def _affirmed(findings: Sequence[Finding], name: str) -> str:
    if odd := _doubts(findings):
        return (
            f"What the silicon did under test is what {name} does. What does not fit weighs little against that: {odd}"
        )
    return f"What the silicon did under test is what {name} does, and nothing that it declares contradicts that."


def _denial(findings: Sequence[Finding], name: str) -> str:
    if any(f.check == "claim" and f.status is Status.FAIL for f in findings):
        return "The card is not what it was sold as."
    return f"The card is not what it declares itself to be, {name}."


def _name(case: Case) -> str:
    return with_article(case.sku) if case.match.fitting else "an unknown card"


def _undecided(case: Case, findings: Sequence[Finding], name: str, coverage: float) -> str:
    if not case.match.fitting:
        return _unknown_sku(case)
    errors = [f.title for f in findings if f.status is Status.ERROR]
    if errors:
        return f"No answer: the check '{errors[0]}' itself failed, and nothing that did not run counts as passed."
    if doubts := _doubts(findings):
        return f"This is not proven to be {name}. Something speaks against it, too little to accuse the card: {doubts}"
    measured = [s for s in MEASURED_SECTIONS if not isinstance(getattr(case.evidence, s), Unavailable)]
    if not measured:
        return (
            f"Nothing that was read contradicts the claim that this is {name}. But everything read can be rewritten, "
            f"and nothing was measured, so the silicon is unproven. {_unmeasured(case)}"
        )
    if case.partitioned:
        return f"Nothing contradicts the claim that this is {name}, but only a part of it was visible."
    what = f"Nothing contradicts the claim that this is {name}, but it is not proven."
    return f"{what} {_missing(case, findings, coverage)}".rstrip()


def _unmeasured(case: Case) -> str:
    """Why nothing was measured where something should have been, else how the silicon can be."""
    sections = [getattr(case.evidence, name) for name in ("cuda", *MEASURED_SECTIONS)]
    for absent in (section for section in sections if isinstance(section, Unavailable)):
        if absent.unavailable is not Reason.NOT_REQUESTED:
            why = absent.detail or absent.unavailable.value.replace("_", " ")
            again = f" {_AGAIN}" if absent.unavailable is Reason.TIMED_OUT else ""
            return f"The measurements did not run: {why.rstrip('.')}.{again}"
    if isinstance(case.evidence.nvml, Unavailable):
        facts = case.evidence.declared
        of_files = case.evidence.nvml.unavailable is Reason.NOT_REQUESTED
        little = of_files if facts is None else facts.device_id is None and facts.vbios_version is None
        more = "Ask for the output of `nvidia-smi -q -x`, which tells more. " if little else ""
        return f"{more}Scan the card itself (`gpucheck scan`) before you rely on it."
    return "Scan it without --no-probe."


def _open(case: Case, findings: Sequence[Finding], authenticity: Authenticity) -> list[str]:
    """What was seen of claim, memory, machine and driver that has an innocent cause and another, for a buyer to ask."""
    told = _TOLD_WHERE_OPEN.get(authenticity, ())
    if not case.match.fitting:
        return []
    return [f.message for f in findings if f.check in told and f.status is Status.INCONCLUSIVE and f.observed]


def _doubts(findings: Sequence[Finding]) -> str:
    """What failed and has a weight, in the words of the checks; the heaviest first, and three at most."""
    failed = [f for f in findings if f.status is Status.FAIL and BY_CHECK[f.check].on_fail]
    failed.sort(key=lambda f: (BY_CHECK[f.check].worth(f.confidence), f.check))
    return " ".join(f.message for f in failed[:_TOLD])


def _missing(case: Case, findings: Sequence[Finding], coverage: float) -> str:
    """What keeps the question open: in the words of the check where something was seen, else by its title."""
    open_ = [f for f in findings if f.status is not Status.PASS and BY_CHECK[f.check].required]
    if not open_ and any(f.check == "claim" and f.status is Status.INCONCLUSIVE for f in findings):
        return ""
    if not open_:
        return f"Too little was examined ({percent(coverage)})."
    seen = [f for f in open_ if f.observed or len(open_) == 1][:_TOLD]
    titles = ", ".join(in_a_sentence(f.title) for f in open_ if f not in seen)
    slow = any(_gave_no_answer(case, f) for f in open_)
    return " ".join([f"Still open: {titles}."] * bool(titles) + [f.message for f in seen] + [_AGAIN] * slow)


def _gave_no_answer(case: Case, finding: Finding) -> bool:
    section = getattr(case.evidence, finding.evidence[0], None) if finding.evidence else None
    return isinstance(section, Unavailable) and section.unavailable is Reason.TIMED_OUT


def _unknown_sku(case: Case) -> str:
    name, device = case.evidence.stated_name, case.evidence.device
    what = f"device id {pci_id(*device)}" if device else "what this card declares"
    if name and case.partitioned == VIRTUAL and device is None:
        told = f"{quoted(name)} is not a model of a card but a kind of virtual GPU"
        return f"{told}, so there is no card to hold it against."
    if case.evidence.declared is None and device is None and name is None:
        why = case.evidence.nvml.detail.rstrip(".") if isinstance(case.evidence.nvml, Unavailable) else ""
        return f"Nothing that could be read tells which card this is{f': {why}' if why else ''}. {_NO_SIGN}"
    called = f" ({quoted(name)})" if name else ""
    return f"There is no profile for {what}{called}, so there is nothing to hold the card against. {_NO_SIGN}"


def _silicon(case: Case, authenticity: Authenticity) -> str:
    """What the silicon is instead, where another SKU fits clearly better than the declared one."""
    if authenticity not in (Authenticity.COUNTERFEIT, Authenticity.SUSPECT):
        return ""
    told = contradiction(case)
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _reasons(findings: Sequence[Finding], authenticity: Authenticity) -> list[str]:
    if authenticity in (Authenticity.AUTHENTIC, Authenticity.INCONCLUSIVE):
        return []
    # The oracle's answer has its own sentence.
    failed = [f for f in findings if f.status is Status.FAIL and f.about == "authenticity" and f.check != _ORACLE]
    told = {f.check for f in failed}
    failed = sorted((f for f in failed if _SAID_BY_ANOTHER.get(f.check) not in told), key=_gravity)
    return [f.message for f in failed[:_TOLD]]


def _gravity(failure: Finding) -> tuple[bool, int, str]:
    weight = BY_CHECK[failure.check]
    return not weight.settles_alone(failure.confidence), weight.worth(failure.confidence), failure.check


def _reach(findings: Sequence[Finding], authenticity: Authenticity) -> str:
    """How far software can see, where an altered card's firmware was made for what it is now."""
    passed = {f.check for f in findings if f.status is Status.PASS}
    if authenticity is not Authenticity.MODIFIED or not passed >= _OWN_FIRMWARE:
        return ""
    return (
        "Its firmware fits this memory wherever it could be read, so nothing but the record of what the model was sold "
        "with shows the change. Who did it, how well, and with which chips, no software can see."
    )


def _health(condition: Condition, findings: Sequence[Finding]) -> str:
    """What is wrong with it, at the worst, where it is not in good condition."""
    said = {Condition.DEFECTIVE: "It is defective", Condition.WORN: "It shows wear"}.get(condition)
    if said is None:
        return ""
    # A card that has dealt with its wear passes, and its finding has a severity all the same.
    signs = [f for f in findings if f.about == "condition" and f.status in (Status.FAIL, Status.PASS)]
    worst = max(signs, key=lambda f: (f.status is Status.FAIL, list(Severity).index(f.severity)), default=None)
    reason = f" {worst.message}" if worst and worst.severity is not Severity.INFO else ""
    return f"{said}; that is a matter of condition, apart from what the card is.{reason}"
