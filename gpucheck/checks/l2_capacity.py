"""Whether the second-level cache is as large as the SKU's.

What it checks: from which footprint on dependent loads leave the second-level cache. Its capacity lies between the last
footprint that fits and the first of which three quarters miss; only a bracket that is clearly below or above what the
SKU has is a contradiction.
Why it matters: the cache is cut with the die and named nowhere that a reflash reaches: 72 MiB on an RTX 4090, 6 on an
RTX 3090. It tells silicon apart that has the same number of multiprocessors.
How it can be fooled: not by firmware. A driver cannot make a cache larger.
A failure does not mean: fraud by itself. A cache that is partitioned (MIG, a slice of it for another program), set
aside by a program that wants its data to persist, or used by other programs at the same time looks smaller. On GA100,
GH100 and GB100 each half of the chip reaches one half of the cache faster. Where the curve does not show the far half,
its knee may be that of the near one, and only less than that is too small. Where no real card has told the size, the
catalog has it from one table, which is wrong of one model in fifteen: then a contradiction weighs little.
References: te42kyfo/gpu-benches (published curves of V100, A100, H100, L40); data sheets; profiles under
``l2_cache_bytes``, whose source ``l2`` names what CUDA stated on a real card.
"""

from dataclasses import replace

from gpucheck.checks.base import (
    BY_ONE_TABLE,
    ONE_TABLE,
    Case,
    Outcome,
    check,
    inconclusive,
    measured,
    only_a_part,
    remarked,
    unless_busy,
)
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Severity, Status
from gpucheck.model.measured import Latency
from gpucheck.model.units import cache_size

SMALLER, LARGER = 0.7, 1.5
"""A bracket all below or all above so much of the SKU's cache contradicts it; published curves stay within."""


@check(id="l2-capacity", title="Second-level cache", severity=Severity.HIGH)
def l2_capacity(case: Case) -> Outcome:
    """Compare the bracket around the knee with the SKU's cache."""
    seen = measured(case.evidence.latency, "latency")
    if case.partitioned:
        return only_a_part(case)
    if seen.l2_least_bytes is None or seen.l2_most_bytes is None:
        return inconclusive("The curve of latencies shows no knee at which loads leave the second-level cache.")
    observed = _bracket(case, seen.l2_least_bytes, seen.l2_most_bytes)
    legal = sorted({p.l2_cache_bytes for p in case.profiles if p.l2_cache_bytes})
    if not legal or any(not p.l2_cache_bytes for p in case.profiles):
        return inconclusive(f"The catalog does not know the cache of {case.sku}.{_stated(case, seen)}", observed)
    expected = " or ".join(cache_size(each) for each in legal)
    if seen.l2_most_bytes < SMALLER * legal[0] / (2 if _half_unseen(case, seen) else 1):
        return unless_busy(case, _fail(case, "smaller", observed, expected))
    if seen.l2_least_bytes > LARGER * legal[-1]:
        return unless_busy(case, _fail(case, "larger", observed, expected))
    return Outcome(Status.PASS, f"Loads leave the cache where that of {case.sku} ends.", observed, expected)


def _half_unseen(case: Case, seen: Latency) -> bool:
    """Whether the cache has a far half that the curve does not show: then its knee may be that of the near half."""
    split = all(profile.capability and "l2_far" in profile.capability.latency_cycles for profile in case.profiles)
    return split and all(level.level != "l2_far" for level in seen.levels)


def _bracket(case: Case, least: int, most: int) -> str:
    return f"{cache_size(least)} to {cache_size(most)} ({case.how})"


def _stated(case: Case, seen: Latency) -> str:
    """Whether the curve bears out what CUDA states, for a person; it is no fact of the SKU."""
    cuda = case.evidence.cuda
    if isinstance(cuda, Unavailable) or not cuda.l2_cache_bytes or not seen.l2_most_bytes or not seen.l2_least_bytes:
        return ""
    agrees = seen.l2_most_bytes >= SMALLER * cuda.l2_cache_bytes and seen.l2_least_bytes <= LARGER * cuda.l2_cache_bytes
    verb = "bears out" if agrees else "contradicts"
    return f" CUDA states {cache_size(cuda.l2_cache_bytes)}, which the curve {verb}."


def _fail(case: Case, what: str, observed: str, expected: str) -> Outcome:
    """Fail; at low confidence where the catalog's size rests on one table."""
    evidence = ("latency.l2_least_bytes", "latency.l2_most_bytes")
    message = f"The second-level cache is {what} than that of {case.sku}."
    again = "Scan again while no other program uses the card. If it stays so, ask which silicon this is."
    if all(profile.l2_corroborated for profile in case.profiles):
        return remarked(message, observed, expected, again, evidence)
    told = f"{BY_ONE_TABLE} the second-level cache is {what} than that of {case.sku}."
    return replace(remarked(told, observed, expected, ONE_TABLE, evidence), confidence=Confidence.LOW)
