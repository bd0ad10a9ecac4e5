"""Whether the tensor cores are of the SKU's tier.

What it checks: the rate of matrix instructions with 32-bit sums against that with 16-bit sums, per clock. Professional
cards run both alike; GeForce cards of the same die run the first at half the rate, by a fuse. Mining cards run all of
them far slower than their plain arithmetic, and some dies have no tensor cores at all.
Why it matters: it tells a GeForce die under a professional name, and a mining die under any, whatever firmware says.
No clock, power limit or heat changes a ratio of two bursts that follow each other.
How it can be fooled: by whoever can lift the lock at run time, as is done with mining cards; never by a reflash.
A failure does not mean: that the card is counterfeit beyond doubt. The tiers of SKUs are rules for their class; where
nothing else speaks for the rule (data-centre cards, Blackwell), a doubt stays inconclusive.
References: Sun and others, "Dissecting Tensor Cores via Microbenchmarks" (arXiv 2206.02874); clpeak's results (RTX
5060: 0.51); Xing, Zenodo 18995979 (CMP 170HX: a 32nd); cubecl pull request 1591 (GTX 1660 Super runs them slowly).
"""

from typing import Literal

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, only_a_part, remarked
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import Throughput
from gpucheck.model.profile import Profile

FULL_FROM, HALF_FROM, HALF_TO = 0.8, 0.4, 0.62
SLOW_TURING = 307.0
"""Turing's smallest tensor core does 512 operations a clock and multiprocessor; FP16 units in its stead at most 256."""
UNSTEADY = 0.25
SEEN = frozenset({"7.5", "8.6", "8.9"})
"""Generations whose two tiers are documented by published measurements of both."""
_PUBLISHED = SEEN | {"7.0", "8.0", "9.0"}
"""Generations of which the rate of this instruction is published. Newer ones have others, and may run it slowly."""
RULED = frozenset({"geforce", "titan", "workstation"})
"""Classes whose rule has no published exception. Data sheets give some data-centre cards (A10G, L20, L40) half."""

Tier = Literal["full", "half", "between", "slow", "absent"]
_WORDS = {
    "full": "the full rate with 32-bit sums",
    "half": "half the rate with 32-bit sums",
    "capped": "matrix instructions locked to a crawl",
    "none": "no tensor cores",
}


@check(id="tensor-tier", title="Tensor core tier", severity=Severity.HIGH)
def tensor_tier(case: Case) -> Outcome:
    """Compare the ratio, and whether there are tensor cores at all, with the SKU."""
    seen = measured(case.evidence.throughput, "throughput")
    if case.partitioned:
        return only_a_part(case)
    facts = {p.tensor_fp32_accumulate for p in case.profiles}
    tier = _tier(seen, case.profiles)
    observed = f"{_told(seen, tier)} ({case.how})"
    known = sorted(fact for fact in facts if fact is not None)
    if len(known) < len(facts):
        return inconclusive(f"The catalog does not know the tensor cores of {case.sku}.", observed)
    expected = " or ".join(_WORDS[fact] for fact in known)
    if tier in known or (tier == "slow" and {"capped", "none"} & facts) or (tier == "absent" and "none" in facts):
        return Outcome(Status.PASS, f"The tensor cores are those of {case.sku}.", observed, expected)
    if _steady(seen) and not _doubtful(tier, case.profiles):
        return _fail(case, tier, observed, expected)
    return inconclusive(
        f"The tensor cores do not look like those of {case.sku}, but not clearly enough to tell; scan the card alone.",
        observed,
        expected,
        evidence=("throughput.rates",),
    )


def _tier(seen: Throughput, profiles: tuple[Profile, ...]) -> Tier:
    ratio = seen.ratio("tensor_fp16_fp32", "tensor_fp16_fp16")
    if ratio is None:
        return "absent"
    best = max(seen.rates[name].per_clock_per_sm for name in ("tensor_fp16_fp32", "tensor_fp16_fp16"))
    if best < max((_slow_below(profile) for profile in profiles), default=0.0):
        return "slow"
    if ratio > FULL_FROM:
        return "full"
    return "half" if HALF_FROM <= ratio <= HALF_TO else "between"


def _slow_below(profile: Profile) -> float:
    """A rate that any tensor core exceeds: that of the plain arithmetic units."""
    if profile.die.compute_capability == "7.5":
        return SLOW_TURING
    return profile.capability.operations_per_clock_per_sm.get("fp32", 0.0) if profile.capability else 0.0


def _told(seen: Throughput, tier: Tier) -> str:
    if tier == "absent":
        return "no matrix instruction"
    ratio = seen.ratio("tensor_fp16_fp32", "tensor_fp16_fp16") or 0.0
    rate = seen.rates["tensor_fp16_fp16"].per_clock_per_sm
    return f"32-bit sums at {ratio:.2f} of the rate of 16-bit sums, {rate:,.0f} operations per clock and multiprocessor"


def _steady(seen: Throughput) -> bool:
    return all(rate.spread <= UNSTEADY for name, rate in seen.rates.items() if name.startswith("tensor_fp16"))


def _doubtful(tier: Tier, profiles: tuple[Profile, ...]) -> bool:
    """Whether what is published leaves room for an honest card that shows this."""
    facts = {p.tensor_fp32_accumulate for p in profiles}
    if tier == "absent":
        return False
    if tier == "slow":
        return not all(p.die.compute_capability in _PUBLISHED for p in profiles)
    if "capped" in facts:
        return True
    if facts == {"none"}:
        return False
    ruled = all(p.sku_class in RULED and p.die.compute_capability in SEEN for p in profiles)
    return tier == "between" or not ruled


def _fail(case: Case, tier: Tier, observed: str, expected: str) -> Outcome:
    meaning = {
        "full": "Dies of professional cards run so.",
        "half": "Dies that were fused for GeForce run so.",
        "between": "It has tensor cores.",
        "slow": "Mining cards run so, and dies without tensor cores.",
        "absent": "It is silicon from before tensor cores.",
    }[tier]
    return remarked(
        f"{case.sku} has {expected}; this silicon does not. {meaning}",
        observed,
        expected,
        "Scan again with nothing else on the card. If it stays so, the die is another SKU's.",
        ("throughput.rates",),
    )
