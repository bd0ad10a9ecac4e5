"""Whether the memory could be trained when the card started.

What it checks: the resource manager's own flag that the calibration of a memory line did not lock.
Why it matters: each start measures how late every data line is. A line that cannot be measured has a bad joint or a bad
chip, and the card runs on what is left, or not for long.
How it can be fooled: the flag is of this start alone.
A failure does not mean: a fake. It says that memory or its joints are bad.
References: ``NV2080_CTRL_CMD_FB_GET_CALIBRATION_LOCK_FAILED`` in NVIDIA's open kernel modules.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, measured, not_applicable
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Severity, Status


@check(id="memory-training", title="Training of the memory", severity=Severity.HIGH, about="condition")
def memory_training(case: Case) -> Outcome:
    """Read the flag."""
    facts = measured(case.evidence.resource_manager, "resource_manager")
    if facts.calibration_failed is None:
        raise Missing("the driver does not tell how the memory's training went", "resource_manager.calibration_failed")
    if not facts.calibration_failed:
        if isinstance(case.evidence.memory_walk, Unavailable):
            # A pass would call a card good of which nobody looked at anything.
            return not_applicable("The memory's training succeeded, but the memory was not walked.")
        return Outcome(Status.PASS, "The memory's training succeeded at the last start (declared).")
    return Outcome(
        Status.FAIL,
        "At the last start the training of a memory line failed (declared): a bad joint or a bad chip.",
        observed="calibration not locked",
        expected="calibration locked",
        remedy="Return it, or have the memory's joints repaired; then run the memory walk with --deep.",
        confidence=Confidence.MEDIUM,
        evidence=("resource_manager.calibration_failed",),
    )
