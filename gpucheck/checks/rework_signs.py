"""Whether signs of rework go together with an identity that does not fit.

What it checks: errors of the bus, of its lanes and of the memory's training, where parts of the card also contradict
each other.
Why it matters: a die that was lifted and soldered anew often has a weak joint left, which shows as errors.
How it can be fooled: good work leaves no sign, and counters start anew with the machine.
A failure does not mean: that rework was proven. Dirt, a riser or age cause the same, so errors alone say nothing of
where a die comes from: this counts only beside a contradiction, and little even then.
References: the remains of repaired contacts as shops describe them; the weight is an estimate.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, not_applicable
from gpucheck.checks.bus_errors import wear
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import NvmlFacts, PciFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status


@check(id="rework-signs", title="Signs of rework", severity=Severity.LOW)
def rework_signs(case: Case) -> Outcome:
    """Hold signs of bad joints beside what contradicts itself."""
    signs = _signs(case)
    if signs is None:
        raise Missing("no source told of errors of the bus or the memory", "pci")
    if not signs:
        return not_applicable("Nothing that could be read speaks of bad joints.")
    broken = _contradictions(case)
    words = "; ".join(signs)
    if not broken:
        return not_applicable(
            f"{words[:1].upper()}{words[1:]}; but nothing about the card's identity contradicts itself."
        )
    return Outcome(
        Status.FAIL,
        f"The card shows errors as bad joints cause them ({words}), beside parts that do not belong together "
        f"({', '.join(broken)}).",
        observed=words,
        expected="no such errors",
        remedy="Have die and memory looked at for flux and uneven edges.",
        confidence=Confidence.LOW,
        evidence=("pci.aer_correctable", "pci.lane_errors", "nvml.pcie_replay_count"),
        kinds=(Kind.TRANSPLANTED,),
    )


def _signs(case: Case) -> list[str] | None:
    """What speaks of bad joints; None where nothing was there to be read."""
    evidence = case.evidence
    manager = evidence.resource_manager
    trained = None if isinstance(manager, Unavailable) else manager.calibration_failed
    if not isinstance(evidence.pci, PciFacts) and not isinstance(evidence.nvml, NvmlFacts) and trained is None:
        return None
    return [*(seen.words for seen in wear(case)), *(["the memory's training failed"] if trained else [])]


def _contradictions(case: Case) -> list[str]:
    """Edges between parts of the card that do not hold, by name."""
    from gpucheck.checks import ALL_CHECKS

    edges = {one.edge: one for one in ALL_CHECKS if one.edge and one.about == "authenticity"}
    return [f"{a} and {b}" for (a, b), one in edges.items() if one(case).status is Status.FAIL]
