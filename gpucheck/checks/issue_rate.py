"""Whether arithmetic runs at full speed that the die's fuses slow down.

What it checks: the driver's resource manager tells how often each class of instructions may issue, by fuses of the die.
Where it states that a class is slowed, the measured rate of that class must be slow as well: fused multiply-add (FFMA)
and FP64 (DP) against the generation's peak, and on Ampere matrix instructions with 32-bit sums (FMLA32) against those
with 16-bit sums.
Why it matters: mining cards are slowed by fuses that nobody can undo; patches lift the lock at each start of the driver
by an override. Then the driver still states the fuses, and the silicon runs free.
How it can be fooled: by a kernel module that states fuses to match what it lifted.
A failure does not mean: that the card is broken or that its owner did wrong. Being slower than stated, or full rates
stated by a driver that knows none, is never held against a card, and no other class is compared: what the remaining
ones govern is not published.
References: ``ctrl2080gr.h`` and ``kernel_graphics.c`` in NVIDIA's open kernel modules; a survey of fuses on 15 Ampere
boards (cmp170hx-zh: FMLA32 is 0 on professional dies, 1 on GeForce, 5 on the CMP 170HX, and stays 5 when unlocked).
"""

from gpucheck.checks.base import Case, Outcome, answered, check, inconclusive, measured, not_applicable, only_a_part
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.measured import Throughput

FULL_FROM, SLOWED_TO = 0.8, 0.62
"""Of the full rate: no card that is slowed to a half or less reaches the first, and none exceeds the second."""
UNSTEADY = 0.25
SURVEYED = frozenset({"8.0", "8.6"})
"""Generations of which fuses and rates of matrix instructions are both on record."""
_FP64_FULL = 0.4
"""Of the FP32 peak; compute dies reach a half, and slowed ones, like all others, at most a 32nd."""
_PATHS = ("resource_manager.issue_rates", "throughput.rates")


@check(id="issue-rate", title="Fuses against measured rates", severity=Severity.HIGH)
def issue_rate(case: Case) -> Outcome:
    """Compare every class that is stated as slowed and was measured."""
    stated = answered(case, "issue_rates")
    if not isinstance(stated, dict) or not stated:
        return inconclusive("The driver tells no issue rates.", evidence=_PATHS[:1])
    seen = measured(case.evidence.throughput, "throughput")
    if case.partitioned:
        return only_a_part(case)
    shares = {name: share for name, share in _shares(case, seen, stated).items() if share is not None}
    if not shares:
        return not_applicable("The driver states no class of instructions as slowed whose rate was measured.")
    observed = ", ".join(f"{name} at {share:.2f} of the full rate" for name, share in shares.items())
    observed, expected = f"{observed} ({case.how})", _stated(stated, shares)
    freed = [name for name, share in shares.items() if share >= FULL_FROM]
    if freed and not _wavers(seen):
        return _failed(case, freed, observed, expected)
    if freed or any(share > SLOWED_TO for share in shares.values()):
        return inconclusive(
            "The rates are neither those of slowed units nor clearly others.", observed, expected, _PATHS
        )
    return Outcome(Status.PASS, "What the fuses slow down is slow.", observed, expected)


def _shares(case: Case, seen: Throughput, stated: dict[str, int]) -> dict[str, float | None]:
    """Rate of each class that is stated as slowed, as a share of the full one; None where it cannot be told."""
    peak = max((p.capability.operations_per_clock_per_sm.get("fp32", 0.0) for p in case.profiles if p.capability),
               default=0.0)  # fmt: skip
    found: dict[str, float | None] = {}
    if stated.get("ffma"):
        found["FFMA"] = _per_clock(seen, "fp32") / peak if peak and "fp32" in seen.rates else None
    if stated.get("dp"):
        found["DP"] = (
            _per_clock(seen, "fp64") / peak / (_FP64_FULL / FULL_FROM) if peak and "fp64" in seen.rates else None
        )
    matrix = stated.get("fmla32", 0) > stated.get("fmla16", 0)
    if matrix and all(p.die.compute_capability in SURVEYED for p in case.profiles):
        found["FMLA32"] = seen.ratio("tensor_fp16_fp32", "tensor_fp16_fp16")
    return found


def _per_clock(seen: Throughput, operation: str) -> float:
    return next(rate.per_clock_per_sm for name, rate in seen.rates.items() if name == operation)


def _stated(stated: dict[str, int], shares: dict[str, float]) -> str:
    divisors = {name: "slowed" if name == "DP" else f"1/{1 << stated[name.lower()]}" for name in shares}
    return ", ".join(f"{name} {told}" for name, told in divisors.items()) + " (declared, by fuses)"


def _wavers(seen: Throughput) -> bool:
    return any(rate.spread > UNSTEADY for rate in seen.rates.values())


def _failed(case: Case, freed: list[str], observed: str, expected: str) -> Outcome:
    return Outcome(
        Status.FAIL,
        f"By its fuses the die runs {' and '.join(freed)} slowly, but it ran at full speed: a lock of {case.sku} was "
        "lifted since the driver started, or the driver is a patched one.",
        observed=observed,
        expected=expected,
        remedy="Scan again with NVIDIA's own driver from trusted boot media: what a patch frees is slow again there.",
        confidence=Confidence.MEDIUM,
        evidence=_PATHS,
        kinds=(Kind.FIRMWARE_ALTERED,),
    )
