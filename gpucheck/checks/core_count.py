"""Whether the declared number of cores is the SKU's.

What it checks: the CUDA cores that NVML states, over the cores per multiprocessor, against the profile.
Why it matters: which multiprocessors are fused off decides which SKU a die was binned as.
How it can be fooled: by a patched driver; the census counts multiprocessors that really run.
A failure does not mean: fraud where the card is shared out (MIG, vGPU), which is passed over. What the catalog knows
from one table alone contradicts nobody: such tables err of whole models.
References: cores per multiprocessor by compute capability; SKU tables.
"""

from gpucheck.checks.base import BY_ONE_TABLE, ONE_TABLE, Case, Outcome, check, inconclusive, only_a_part
from gpucheck.model.finding import Kind, Severity, Status


@check(id="core-count", title="Declared core count", severity=Severity.HIGH, edge=("core count", "device id"))
def core_count(case: Case) -> Outcome:
    """Compare the declared cores with the SKU's."""
    if case.partitioned:
        return only_a_part(case)
    stated = case.number("core_count")
    legal = sorted({n * p.die.cores_per_sm for p in case.profiles for n in p.sm_counts})
    if not legal:
        return inconclusive(f"The catalog does not know the core count of {case.sku}.", str(stated))
    expected = " or ".join(f"{n:,} cores" for n in legal)
    if stated in legal:
        return Outcome(Status.PASS, f"{stated:,} cores, as {case.sku} has.", f"{stated:,} cores", expected)
    if not case.corroborated:
        message = f"{BY_ONE_TABLE} {case.sku} has {expected}; the driver counts {stated:,}."
        return inconclusive(f"{message} {ONE_TABLE}", f"{stated:,} cores", expected)
    return Outcome(
        Status.FAIL,
        f"{case.sku} has {expected}; the driver counts {stated:,}.",
        observed=f"{stated:,} cores",
        expected=expected,
        remedy="The die was binned as another SKU: ask what it was before.",
        evidence=(f"{case.declared_section}.core_count",),
        kinds=(Kind.REMARKED,),
    )
