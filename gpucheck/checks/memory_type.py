"""Whether the driver runs the kind of memory that the model is built with.

What it checks: the memory type by the driver's resource manager, against every layout that models of this device id
were sold with.
Why it matters: a board with memory of another kind was rebuilt, or is another model's board. The type follows from the
firmware's memory table and the board's resistors; it decides data rate and bandwidth.
How it can be fooled: by firmware or a kernel that states the expected type; the measured bandwidth does not follow.
A failure does not mean: that the memory is bad. Models were sold with a second type without another name (RTX 4070,
GTX 1650), and one such may not be on record. The driver has one code for HBM2 and HBM2e, so stacked memory counts as
one kind. So do all types up to GDDR5X, which older entry models were sold with in turns; and on the die TU117, which
was put beside GDDR5 and GDDR6 under the same names, these two are not told apart.
References: memory types in NVIDIA's open kernel modules (``ctrl2080fb.h``); LACT, which shows them.
"""

from gpucheck.checks.base import Case, Outcome, answered, check, inconclusive, of_the_whole_card
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status

_OLDER = "up to GDDR5X"
_KINDS = {"DDR3": _OLDER, "DDR4": _OLDER, "GDDR3": _OLDER, "GDDR5": _OLDER, "GDDR5X": _OLDER}
_KINDS |= {"HBM": "HBM", "HBM2": "HBM", "HBM2e": "HBM", "HBM3": "HBM", "HBM3e": "HBM"}
_KINDS |= {kind: kind for kind in ("GDDR6", "GDDR6X", "GDDR7")}
"""What counts as one; of a type that is not here there is nothing to compare with."""
_EITHER = {"TU117": {_OLDER, "GDDR6"}}
"""Kinds that a die was put beside without another name."""


@check(id="memory-type", title="Type of memory", severity=Severity.HIGH, edge=("memory type", "device id"))
def memory_type(case: Case) -> Outcome:
    """Look up the stated type among those of the model."""
    stated = str(answered(case, "memory_type"))
    if case.partitioned:
        return of_the_whole_card("memory", case)
    sold = _sold(case)
    observed, expected = f"{stated} (declared)", " or ".join(sold)
    if stated in _KINDS and _KINDS[stated] in _kinds(case, sold):
        return Outcome(Status.PASS, f"The driver runs the memory of {case.sku}.", observed, expected)
    if stated not in _KINDS:
        return inconclusive(
            f"{stated} is on record for no model.", observed, expected, ("resource_manager.memory_type",)
        )
    return Outcome(
        Status.FAIL,
        f"The driver runs {stated}, but {case.sku} is built with {expected}: other memory was put on, or it is the "
        "board of another model.",
        observed=observed,
        expected=expected,
        remedy="Compare the markings of the memory chips with those of the model, and scan with `--deep`.",
        confidence=Confidence.MEDIUM,
        evidence=("resource_manager.memory_type",),
        kinds=(Kind.MEMORY_ALTERED,),
    )


def _sold(case: Case) -> list[str]:
    """Types of the matched model, and of all that share its device id: the match itself may rest on memory."""
    sharing = [profile for number in sorted(_device_ids(case)) for profile in case.catalog.by_device_id(number)]
    return sorted({layout.type for profile in (*case.profiles, *sharing) for layout in profile.memory})


def _device_ids(case: Case) -> set[int]:
    evidence = case.evidence
    sections = (evidence.pci, evidence.nvml, evidence.nvidia_smi)
    told = (section.device_id for section in sections if not isinstance(section, Unavailable))
    return {number for number in told if number is not None}


def _kinds(case: Case, sold: list[str]) -> set[str]:
    either = [_EITHER.get(profile.die.name, set()) for profile in case.profiles]
    return {_KINDS.get(memory, memory) for memory in sold}.union(*either)
