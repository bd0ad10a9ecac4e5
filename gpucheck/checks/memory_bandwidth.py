"""Whether the memory is as fast as the SKU's.

What it checks: measured streaming rates against bus width times data rate. Genuine cards reach 75 to 98 % of it.
Why it matters: a narrower bus, slower memory or missing channels show here, whatever the firmware says. A card that
is faster than its SKU could be is another SKU.
How it can be fooled: doubled memory keeps its speed, and overclocked memory gains some percent.
A failure does not mean: fraud by itself: a hot, busy or power-limited card is slow too. Scan it idle and alone.
References: measured rates of 391 runs in public benchmarks; profiles under ``memory``.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, not_applicable, unless_busy
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.units import rate

TOO_SLOW, SLOW, TOO_FAST = 0.5, 0.65, 1.15


@check(id="memory-bandwidth", title="Memory bandwidth", severity=Severity.HIGH)
def memory_bandwidth(case: Case) -> Outcome:
    """Compare the measured rates with the theoretical peak."""
    seen = measured(case.evidence.bandwidth, "bandwidth")
    if case.partitioned:
        return not_applicable(f"Only a part of the card is visible: {case.partitioned}.")
    peaks = sorted({b for p in case.profiles for b in p.bandwidths_bytes_per_second})
    best = max(seen.read_bytes_per_second, seen.copy_bytes_per_second)
    observed = f"{rate(best)} ({case.how})"
    if not peaks:
        return inconclusive(f"The catalog does not know the bandwidth of {case.sku}.", observed)
    expected = " or ".join(f"{rate(p)} peak" for p in peaks)
    share = best / peaks[-1]
    if best > TOO_FAST * peaks[-1]:
        return _fail(f"At {rate(best)} the memory is faster than {case.sku} can be.", observed, expected)
    if best < TOO_SLOW * peaks[0]:
        message = f"The memory reaches {rate(best)}, {best / peaks[0]:.0%} of what {case.sku} could."
        return unless_busy(case, _fail(message, observed, expected))
    if best < SLOW * peaks[0]:
        return inconclusive("The memory is slower than usual; scan again on an idle, cool card.", observed, expected)
    return Outcome(Status.PASS, f"{share:.0%} of the theoretical peak, as genuine cards reach.", observed, expected)


def _fail(message: str, observed: str, expected: str) -> Outcome:
    return Outcome(
        Status.FAIL,
        message,
        observed=observed,
        expected=expected,
        remedy="Scan again on an idle, cool card. If it stays so, the memory or its bus is not the SKU's.",
        confidence=Confidence.MEDIUM,
        evidence=("bandwidth.read_bytes_per_second", "bandwidth.copy_bytes_per_second"),
        kinds=(Kind.REMARKED,),
    )
