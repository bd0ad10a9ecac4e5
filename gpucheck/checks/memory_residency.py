"""Whether all of the memory is the card's own.

What it checks: the rate of every window of the walk. A window at a small fraction of the rest is answered from the
host's memory over the bus. Windows that are all at a small fraction of the SKU's rate prove nothing.
Why it matters: a driver can make up missing memory from the host; it holds data, at a twentieth of the speed.
How it can be fooled: it cannot be made faster than the bus.
A failure does not mean: fraud on Windows, whose driver does this by design when the card is full; there it is noted.
The last 512 MiB of a GTX 970 are that slow by build, and passed over.
References: NVIDIA's note on system memory fallback since driver 536.40; rates of PCIe generations.
"""

from itertools import pairwise
from statistics import median

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, unless_busy
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.measured import MemoryWalk, SlowRegion
from gpucheck.model.units import GIB, MIB, gib, rate

HOST_SPEED = 0.25
"""Windows below this share of the median rate are not on the card: five generations of PCIe stay below it."""
_BUS_SPEED = 0.15
"""What links reach of the memory's rate, but for the fastest link and the slowest memory."""

_BUILT_SLOW = {"geforce-gtx-970": 512 * MIB}
"""Models whose last part of memory is that slow by build: one of eight controllers serves it alone."""


@check(id="memory-residency", title="Memory on the card", severity=Severity.CRITICAL)
def memory_residency(case: Case) -> Outcome:
    """Look for windows at the speed of the host's bus."""
    walk = measured(case.evidence.memory_walk, "memory_walk")
    paged = [r for r in walk.slow_regions if r.ratio < HOST_SPEED]
    if paged and _built_so(case, walk, paged):
        return Outcome(Status.PASS, f"The last part of the memory is slow, as {case.sku} was built.")
    if not paged and _slow_everywhere(case, walk):
        return inconclusive(
            "All of the memory answers so slowly that it could be the host's. Scan again on an idle, cool card.",
            f"{rate(median(walk.window_bytes_per_second))} ({case.how})", "the speed of the card's own memory",
            ("memory_walk.window_bytes_per_second",),
        )  # fmt: skip
    if not paged:
        return Outcome(Status.PASS, "Every window answers at the speed of the card's own memory.")
    size = sum(r.length_bytes for r in paged)
    slowest = min(r.bytes_per_second for r in paged)
    own = walk.tested_bytes - size
    observed = f"{gib(size)} at {rate(slowest)}, {gib(own)} at full speed ({case.how})"
    if case.evidence.host.windows or case.evidence.host.wsl:
        return inconclusive(
            f"{gib(size)} answered at the speed of the host's memory. Windows does this when the card is full; close "
            "other programs, or scan under Linux.", observed, "all of it at full speed", ("memory_walk.slow_regions",)
        )  # fmt: skip
    failure = Outcome(
        Status.FAIL,
        f"{gib(size)} of the declared memory is the host's, not the card's: it answers at {rate(slowest)}. "
        f"The card's own memory ends at {gib(own)}.",
        observed=observed,
        expected="all of it at full speed",
        remedy="Return it: the missing memory is lent by the computer, at a fraction of the speed.",
        evidence=("memory_walk.slow_regions",),
        kinds=(Kind.PAGED,),
    )
    return failure if _one_stretch(paged) else unless_busy(case, failure)


def _one_stretch(paged: list[SlowRegion]) -> bool:
    """Whether it lies together and is far slower than turns with other programs make it, which hit here and there."""
    together = all(one.first_byte + one.length_bytes == next_.first_byte for one, next_ in pairwise(paged))
    return together and sum(r.length_bytes for r in paged) >= GIB and all(r.ratio < _BUS_SPEED for r in paged)


def _slow_everywhere(case: Case, walk: MemoryWalk) -> bool:
    """Whether most windows stay below what a bus to the host could reach."""
    peaks = [peak for p in case.match.fitting for peak in p.bandwidths_bytes_per_second]
    if not peaks or case.partitioned or not walk.window_bytes_per_second:
        return False
    return median(walk.window_bytes_per_second) < HOST_SPEED * min(peaks)


def _built_so(case: Case, walk: MemoryWalk, slow: list[SlowRegion]) -> bool:
    """Whether no more is slow than the model's slow part, give or take the window that both parts share."""
    built = min((_BUILT_SLOW.get(p.id, 0) for p in case.match.fitting), default=0)
    return bool(built) and sum(r.length_bytes for r in slow) <= built + walk.window_bytes
