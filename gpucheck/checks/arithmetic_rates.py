"""Whether plain arithmetic runs at the SKU's rates.

What it checks: three rates per clock of each multiprocessor. FP64 against FP32 (1:2 on compute dies, 1:32 or 1:64
elsewhere), fused multiply-add against separate multiplication and addition, and FP32 against the generation's peak.
Why it matters: units that are not there or fused off cannot be forged upwards. A fused multiply-add that is slower than
its two parts is the lock of mining cards. No clock, power limit or heat changes a rate per clock.
How it can be fooled: by whoever can lift a mining lock at run time; the other rates are wired.
A failure does not mean: that the card is counterfeit beyond doubt. A ratio counts only from a factor of two on, but
profiles of rare SKUs may err, and another program on the card takes its share.
References: CUDA C++ Programming Guide, throughput of native arithmetic instructions; mixbench and clpeak results (RTX
2070: 1:37, RTX 5060: 1:63); NVIDIA-patcher issue 73 and FluidX3D issue 8 (CMP 170HX: 0.395 TFLOP/s fused, 6.285 apart).
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, only_a_part, remarked
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import Operation, Throughput
from gpucheck.model.profile import Profile

CONTRADICTION = 2.0
"""Of measured to every legal ratio of FP64 to FP32, either way."""
LOCKED = 0.5
"""Fused multiply-add counts twice as much as separate steps on sound silicon, a sixteenth on a locked CMP 170HX."""
TOO_FAST, TOO_SLOW = 1.3, 0.55
"""Of the generation's FP32 peak per clock and multiprocessor."""
UNSTEADY = 0.25
_USED: tuple[Operation, ...] = ("fp32", "fp32_mul_add", "fp64")
_SWITCHABLE = 24
"""The first GeForce Titans run FP64 at 1:24 until their owner asks for all of it in the driver's panel."""


@check(id="arithmetic-rates", title="Arithmetic rates", severity=Severity.HIGH)
def arithmetic_rates(case: Case) -> Outcome:
    """Compare FP64, FP32 and fused multiply-add with the SKU and its generation."""
    seen = measured(case.evidence.throughput, "throughput")
    if case.partitioned:
        return only_a_part(case)
    observed = f"{_told(seen)} ({case.how})"
    if "fp32" not in seen.rates:
        return inconclusive("FP32 was not measured, and everything else is held against it.", observed)
    expected = _expected(case.profiles)
    wrong = _lock(case, seen) or _double_precision(case, seen) or _single_precision(case, seen)
    if wrong and _wavers(seen):
        return inconclusive("The rates wavered too much; scan with nothing else on the card.", observed, expected)
    if wrong:
        return _fail(wrong, observed, expected)
    if _share(case.profiles, seen) < TOO_SLOW and not _is_locked(seen):
        message = "FP32 is slower than its generation's, as when another program uses the card."
        return inconclusive(message, observed, expected, evidence=("throughput.rates",))
    return Outcome(Status.PASS, f"Arithmetic runs at the rates of {case.sku}.", observed, expected)


def _wavers(seen: Throughput) -> bool:
    return any(seen.rates[name].spread > UNSTEADY for name in _USED if name in seen.rates)


def _told(seen: Throughput) -> str:
    parts = []
    if "fp32" in seen.rates:
        parts.append(f"FP32 {seen.rates['fp32'].per_clock_per_sm:,.0f} operations per clock and multiprocessor")
    if ratio := seen.ratio("fp64", "fp32"):
        parts.append(f"FP64:FP32 1:{1 / ratio:,.1f}")
    return ", ".join(parts) or "nothing"


def _expected(profiles: tuple[Profile, ...]) -> str:
    ratios = sorted({p.fp64_ratio for p in profiles if p.fp64_ratio})
    peak = _peak(profiles)
    parts = [f"FP32 up to {peak:,.0f}"] if peak else []
    return ", ".join([*parts, *([f"FP64:FP32 {' or '.join(ratios)}"] if ratios else [])])


def _peak(profiles: tuple[Profile, ...]) -> float:
    """FP32 peak per clock and multiprocessor of the fastest candidate, 0 where none is known."""
    known = (p.capability.operations_per_clock_per_sm.get("fp32", 0.0) for p in profiles if p.capability)
    return max(known, default=0.0)


def _share(profiles: tuple[Profile, ...], seen: Throughput) -> float:
    peak = _peak(profiles)
    return seen.rates["fp32"].per_clock_per_sm / peak if peak else 1.0


def _is_locked(seen: Throughput) -> bool:
    ratio = seen.ratio("fp32", "fp32_mul_add")
    return ratio is not None and ratio < LOCKED


def _lock(case: Case, seen: Throughput) -> str:
    """A mining card may be locked or not: some never were, some are unlocked by their drivers."""
    if not _is_locked(seen) or any(p.sku_class == "mining" for p in case.profiles):
        return ""
    return f"Fused multiply-add is slower than its two parts: the lock of mining cards, which {case.sku} has not."


def _double_precision(case: Case, seen: Throughput) -> str:
    """How much of FP64 a mining card keeps is published of one only, so none is judged by it."""
    ratio = seen.ratio("fp64", "fp32")
    legal = {n for profile in case.profiles for n in _divisors(profile)}
    if ratio is None or not legal or any(p.sku_class == "mining" or not p.fp64_ratio for p in case.profiles):
        return ""
    if any(1 / CONTRADICTION < ratio * n < CONTRADICTION for n in legal):
        return ""
    told = " or ".join(f"1:{n}" for n in sorted(legal))
    return f"{case.sku} runs FP64 at {told} of FP32; this silicon at 1:{1 / ratio:,.1f}."


def _divisors(profile: Profile) -> set[int]:
    if not profile.fp64_ratio:
        return set()
    stated = {int(profile.fp64_ratio.partition(":")[2])}
    switch = profile.sku_class == "titan" and profile.die.architecture == "Kepler"
    return stated | ({_SWITCHABLE} if switch else set())


def _single_precision(case: Case, seen: Throughput) -> str:
    if _share(case.profiles, seen) <= TOO_FAST:
        return ""
    return f"A multiprocessor does more FP32 in a clock than one of {case.sku} can: it is of another generation."


def _fail(message: str, observed: str, expected: str) -> Outcome:
    return remarked(
        message,
        observed,
        expected,
        "Scan again with nothing else on the card. If it stays so, the die is another SKU's.",
        ("throughput.rates",),
    )
