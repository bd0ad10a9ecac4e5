"""Whether the silicon's generation is the named die's.

What it checks: the compute capability that NVML and CUDA state, and the machine code that really ran, against the die.
Why it matters: machine code of a newer generation does not run on an older chip, whatever its firmware says.
How it can be fooled: stated values by a patched driver, so they alone never pass; the code that ran, not.
A failure does not mean: anything innocent is known; an unknown new variant of a die would first need a profile.
References: NVIDIA's table of compute capabilities per die.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Kind, Severity, Status


@check(id="compute-capability", title="Generation of the silicon", severity=Severity.CRITICAL)
def compute_capability(case: Case) -> Outcome:
    """Compare every statement and the code that ran with the die."""
    seen = _seen(case)
    if not seen:
        raise Missing("no source stated a compute capability and no kernel ran", "cuda.compute_capability")
    expected = sorted({p.die.compute_capability for p in case.profiles})
    wrong = {path: value for path, value in seen.items() if value not in expected}
    if not wrong:
        stated = ", ".join(sorted(set(seen.values())))
        if "census.machine_code" not in seen:
            message = f"Compute capability {stated} is that of {case.sku}, but declared alone: no machine code ran."
            return inconclusive(message, f"{stated} (declared)", " or ".join(expected), tuple(seen))
        return Outcome(
            Status.PASS,
            f"Compute capability {stated} is that of {case.sku}: machine code for it ran.",
            observed=stated,
            expected=" or ".join(expected),
            evidence=tuple(seen),
        )
    values = " and ".join(sorted(set(wrong.values())))
    return Outcome(
        Status.FAIL,
        f"{case.sku} has compute capability {' or '.join(expected)}; this silicon has {values}: another generation.",
        observed=values,
        expected=" or ".join(expected),
        remedy="Treat it as a card of the other generation. Do not pay for the named model.",
        evidence=tuple(wrong),
        kinds=(Kind.REMARKED,),
    )


def _seen(case: Case) -> dict[str, str]:
    found: dict[str, str] = {}
    declared = case.evidence.declared
    if declared and declared.compute_capability:
        found[f"{case.declared_section}.compute_capability"] = declared.compute_capability
    if not isinstance(case.evidence.cuda, Unavailable):
        found["cuda.compute_capability"] = case.evidence.cuda.compute_capability
    if not isinstance(case.evidence.census, Unavailable):
        found["census.machine_code"] = case.evidence.census.machine_code
    return found
