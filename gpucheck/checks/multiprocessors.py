"""Whether as many multiprocessors run as the SKU has.

What it checks: the multiprocessors that reported themselves from running blocks, against the profile.
Why it matters: a multiprocessor that is fused off cannot run a block, so this number cannot be forged upwards.
How it can be fooled: downwards, by locking units; never upwards. Another program's blocks can keep a multiprocessor
to themselves: on a busy card fewer than the driver counts prove nothing, nor does less than all under MPS.
A failure does not mean: fraud where only a slice is visible (MIG, vGPU), which is passed over. Where the catalog has
the number from one table alone, the table may err: one gave the A10G 72 multiprocessors, and real ones have 80. Then a
number that no known SKU has contradicts nobody, and another SKU's makes the card suspect at most.
References: SKU tables; the ``%smid`` register of the PTX instruction set.
"""

from gpucheck.checks.base import BY_ONE_TABLE, ONE_TABLE, Case, Outcome, check, inconclusive, measured, only_a_part
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.measured import Census


@check(id="multiprocessors", title="Multiprocessors that run", severity=Severity.CRITICAL)
def multiprocessors(case: Case) -> Outcome:
    """Compare the census with the SKU."""
    census = measured(case.evidence.census, "census")
    if case.partitioned:
        return only_a_part(case)
    legal = sorted({n for p in case.profiles for n in p.sm_counts})
    if not legal:
        return inconclusive(f"The catalog does not know how many multiprocessors {case.sku} has.", str(census.sm_count))
    expected = " or ".join(str(n) for n in legal)
    if census.sm_count in legal:
        return Outcome(
            Status.PASS,
            f"{_in_words(str(census.sm_count))} ran, as {case.sku} has.",
            f"{census.sm_count} ({case.how})",
            expected,
        )
    if census.sm_count < min(legal) and (why := _kept_by(case)):
        return inconclusive(
            f"Only {census.sm_count} multiprocessors ran, but {why} the others. Scan again alone.",
            f"{census.sm_count} ({case.how})",
            expected,
        )
    if not case.corroborated:
        return _by_one_table(case, census, expected)
    return Outcome(
        Status.FAIL,
        f"{case.sku} has {_in_words(expected)}; on this silicon {census.sm_count} ran.",
        observed=f"{census.sm_count} ({case.how})",
        expected=expected,
        remedy="The die is another SKU's. Do not pay for the named model.",
        evidence=("census.sm_count",),
        kinds=(Kind.REMARKED,),
    )


def _by_one_table(case: Case, census: Census, expected: str) -> Outcome:
    """Fail at low confidence where the count is that of another known SKU; else the table is as likely to be wrong."""
    observed = f"{census.sm_count} ({case.how})"
    told = f"{BY_ONE_TABLE} {case.sku} has {_in_words(expected)}"
    known = case.catalog.cut_to(census.machine_code, census.sm_count)
    others = dict.fromkeys(profile.name for profile in known if census.sm_count in profile.sm_counts)
    if not others:
        message = f"{told}; on this silicon {census.sm_count} ran, which no known SKU has. {ONE_TABLE}"
        return inconclusive(message, observed, expected, ("census.sm_count",))
    named = " or ".join(list(others)[:2]) + (" or others" if len(others) > 2 else "")
    return Outcome(
        Status.FAIL,
        f"{told}; on this silicon {census.sm_count} ran, the number of {named}.",
        observed=observed,
        expected=expected,
        remedy=ONE_TABLE,
        confidence=Confidence.LOW,
        evidence=("census.sm_count",),
        kinds=(Kind.REMARKED,),
    )


def _kept_by(case: Case) -> str:
    """Who may have kept the multiprocessors that did not run; empty where nobody could."""
    if case.evidence.host.mps:
        return "CUDA's Multi-Process Service (MPS) is at work and may have kept"
    return f"{case.busy}, and may have kept" if case.busy and not _all_given(case) else ""


def _all_given(case: Case) -> bool:
    """Whether every multiprocessor ran that the CUDA driver itself counts: then no other program kept one."""
    census, cuda = case.evidence.census, case.evidence.cuda
    if isinstance(census, Unavailable) or isinstance(cuda, Unavailable):
        return False
    return census.sm_count >= cuda.sm_count


def _in_words(count: str) -> str:
    return f"{count} multiprocessor{'s' * (count != '1')}"
