"""Findings to verdict: per group of correlated checks the strongest counts, and physical impossibilities settle it."""

from collections.abc import Sequence

from gpucheck.checks import Case
from gpucheck.model.finding import Finding, Kind, Severity, Status
from gpucheck.model.verdict import Authenticity, Condition, Contribution, Verdict
from gpucheck.verdict.explanation import explain
from gpucheck.verdict.limits import limits
from gpucheck.verdict.weights import AUTHENTIC_FROM, BY_CHECK, COVERAGE_FLOOR, DOUBT_AT, SUSPECT_AT, WEIGHTS

_SILICON = ("compute-capability", "multiprocessors", "silicon-match")
"""Checks by which a die is known to be the named SKU's."""
_WEAK = ("rework", "power")


def judge(case: Case, findings: Sequence[Finding]) -> Verdict:
    """Fuse the findings of one card. Their order never matters."""
    contributions = contribute(findings)
    covered = coverage(findings)
    authenticity = _authenticity(findings, contributions, covered)
    condition = _condition(findings)
    kinds = _kinds(findings, authenticity)
    return Verdict(
        authenticity=authenticity,
        condition=condition,
        kinds=kinds,
        explanation=f"{explain(case, findings, authenticity, condition, covered)} {limits(case)}".strip(),
        coverage=covered,
        contributions=contributions,
    )


def contribute(findings: Sequence[Finding]) -> tuple[Contribution, ...]:
    """The strongest failing check of each group, else the strongest passing one; the weightiest first."""
    strongest: dict[str, Contribution] = {}
    for finding in findings:
        weight = BY_CHECK[finding.check]
        points = {Status.FAIL: weight.worth(finding.confidence), Status.PASS: weight.on_pass}.get(finding.status, 0)
        if not points:
            continue
        held = strongest.get(weight.group)
        if held is None or _rank(points, finding.check) > _rank(held.decibans, held.check):
            strongest[weight.group] = Contribution(group=weight.group, check=finding.check, decibans=points)
    return tuple(sorted(strongest.values(), key=lambda c: (-abs(c.decibans), c.group)))


def _rank(points: int, check: str) -> tuple[bool, int, str]:
    """A failure outranks every pass, then the larger weight, then the name, so that order cannot matter."""
    return points < 0, abs(points), check


def coverage(findings: Sequence[Finding]) -> float:
    """Weight of the checks that gave an answer over the weight of all that apply, 0 to 1."""
    status = {f.check: f.status for f in findings}
    applicable = [w for w in WEIGHTS if w.on_pass and status.get(w.check) is not Status.NOT_APPLICABLE]
    answered = sum(w.on_pass for w in applicable if status.get(w.check) in (Status.PASS, Status.FAIL))
    return round(answered / sum(w.on_pass for w in applicable), 3) if applicable else 0.0


def _authenticity(findings: Sequence[Finding], contributions: Sequence[Contribution], covered: float) -> Authenticity:
    failures = [f for f in findings if f.status is Status.FAIL]
    failed, passed = {f.check for f in failures}, {f.check for f in findings if f.status is Status.PASS}
    settled = {BY_CHECK[f.check].settles for f in failures if BY_CHECK[f.check].settles_alone(f.confidence)}
    if "counterfeit" in settled:
        return Authenticity.COUNTERFEIT
    if "modified" in settled or ({"memory-size"} <= failed and "memory-capacity" in passed):
        return Authenticity.MODIFIED
    if _transplanted(findings):
        return Authenticity.MODIFIED
    against = sum(c.decibans for c in contributions if c.decibans < 0)
    if against <= SUSPECT_AT:
        return Authenticity.SUSPECT
    if against <= DOUBT_AT:
        return Authenticity.INCONCLUSIVE
    required = {w.check for w in WEIGHTS if w.required} | _unanswered(findings)
    crashed = any(f.status is Status.ERROR for f in findings)
    score = sum(c.decibans for c in contributions)
    if required <= passed and not crashed and covered >= COVERAGE_FLOOR and score >= AUTHENTIC_FROM:
        return Authenticity.AUTHENTIC
    return Authenticity.INCONCLUSIVE


def _unanswered(findings: Sequence[Finding]) -> set[str]:
    """The claim, where it was examined and may be true or not: then the buyer's question has no answer."""
    return {f.check for f in findings if f.check == "claim" and f.status is Status.INCONCLUSIVE}


def _condition(findings: Sequence[Finding]) -> Condition:
    about = [f for f in findings if f.about == "condition" and f.status in (Status.PASS, Status.FAIL)]
    if any(f.status is Status.FAIL and f.severity in (Severity.HIGH, Severity.CRITICAL) for f in about):
        return Condition.DEFECTIVE
    if any(f.status is Status.FAIL or f.severity is not Severity.INFO for f in about):
        return Condition.WORN
    return Condition.GOOD if about else Condition.NOT_EXAMINED


def _meant(finding: Finding, findings: Sequence[Finding]) -> tuple[Kind, ...]:
    """The kinds of one failure. Where the silicon is the named SKU's, it was the firmware that was another's."""
    proven = any(f.check == "silicon-match" and f.status is Status.PASS for f in findings)
    if proven and Kind.REMARKED in finding.kinds and len(finding.kinds) > 1:
        return tuple(kind for kind in finding.kinds if kind is not Kind.REMARKED)
    return finding.kinds


def _transplanted(findings: Sequence[Finding]) -> bool:
    """Whether two groups of evidence say that a die, which is what it says, sits on a foreign board."""
    status = {f.check: f.status for f in findings}
    if any(status.get(check) is not Status.PASS for check in _SILICON):
        return False
    telling = {BY_CHECK[f.check].group for f in findings if f.status is Status.FAIL and Kind.TRANSPLANTED in f.kinds}
    return len({group for group in telling if group not in _WEAK}) > 1


def _kinds(findings: Sequence[Finding], authenticity: Authenticity) -> tuple[Kind, ...]:
    """The kinds of the weighty failures. Memory that does not exist was not altered, it was made up."""
    if authenticity in (Authenticity.AUTHENTIC, Authenticity.INCONCLUSIVE):
        return ()
    failed = [f for f in findings if f.status is Status.FAIL and f.about == "authenticity"]
    weighty = [f for f in failed if BY_CHECK[f.check].worth(f.confidence) <= SUSPECT_AT] or failed
    kinds = {kind for f in weighty for kind in _meant(f, findings)}
    if kinds & {Kind.CAPACITY_FORGED, Kind.PAGED}:
        kinds.discard(Kind.MEMORY_ALTERED)
    return tuple(kind for kind in Kind if kind in kinds)
