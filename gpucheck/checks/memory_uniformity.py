"""Whether all of the memory is equally fast.

What it checks: the rate of every window of the slab map and of the walk against the median window. The slab map is
believed first, as for `memory-residency`; what the walk alone saw beside it is not enough.
Why it matters: a region at half speed has lost a channel or runs its links with errors that are retransmitted.
How it can be fooled: by a busy card; scan it idle and alone.
A failure does not mean: a fake. A few old models (GTX 970, 660 Ti, 550 Ti) were built with a slower last part.
References: kernel drivers' handling of mixed memory; reports of GDDR error retransmission.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, unless_busy
from gpucheck.checks.memory_residency import Mapped, maps
from gpucheck.model.finding import Confidence, Severity, Status
from gpucheck.model.measured import SlowRegion
from gpucheck.model.units import MIB, gib, percent

_BUILT_UNEVEN = (
    "geforce-gtx-970",
    "geforce-gtx-660-ti",
    "geforce-gtx-660",
    "geforce-gtx-550-ti",
    "geforce-gtx-650-ti-boost",
)
_SLOW = 0.8
_LEAST_BYTES = 128 * MIB
"""So little is timed by few readings: what the walk alone saw of it may be chance."""
_MOST_PLACES = 2
"""Damage lies together. Who takes turns with the walk slows it here and there, and without NVML nobody tells of it."""


@check(id="memory-uniformity", title="Evenly fast memory", severity=Severity.HIGH, about="condition")
def memory_uniformity(case: Case) -> Outcome:
    """Look for regions that are slow, but too fast for the host's bus."""
    first, *others = maps(case)
    elsewhere = [each for each in others if _slow(each)]
    slow = _slow(first) or [region for each in elsewhere for region in _diluted(each, first)]
    if not slow and not elsewhere:
        return Outcome(Status.PASS, "All windows are about equally fast.")
    words = _words(slow or _slow(elsewhere[0]))
    if any(p.id in _BUILT_UNEVEN for p in case.profiles):
        return inconclusive(f"{case.sku} was built with a slower part of memory.", words)
    if not slow:
        return inconclusive(
            f"{elsewhere[0].name.capitalize()} met slow windows, {first.name} did not{_by_others(case)}.",
            words, "all windows within a few percent", (elsewhere[0].path,),
        )  # fmt: skip
    failure = Outcome(
        Status.FAIL,
        f"Part of the memory is slow: {words}. That is damage or a cut channel, not a forgery.",
        observed=words,
        expected="all windows within a few percent",
        remedy="Scan again on an idle card. If it stays so, have the memory and its channels examined.",
        confidence=Confidence.HIGH if elsewhere else Confidence.MEDIUM,
        evidence=(first.path, *(each.path for each in elsewhere)),
    )
    if any(region in first.doubtful for region in slow):
        return inconclusive(
            f"Part of the memory is slow: {words}. It is damaged, or lent by the host.", words,
            "all windows within a few percent", (first.path,),
        )  # fmt: skip
    doubt = _doubt(first, slow, others)
    if doubt and not case.busy:
        return inconclusive(doubt, words, "all windows within a few percent", (first.path,))
    return unless_busy(case, failure)


def _by_others(case: Case) -> str:
    return f"; {case.busy}, and may be the cause" if case.busy else ". Scan again on an idle card"


def _doubt(seen: Mapped, slow: list[SlowRegion], others: list[Mapped]) -> str:
    """Why what seems slow may have been disturbed; empty where nothing suggests that."""
    if seen.disturbed:
        return "Windows seemed slow, but differed from one round to the next: something else used the card. Scan alone."
    if seen.section == "memory_walk" and not others and all(r.length_bytes < _LEAST_BYTES for r in slow):
        return "A little of the memory seemed slow to the walk, and no map of rates bears it out. Scan again."
    if seen.section == "memory_walk" and len(slow) > _MOST_PLACES:
        return (
            f"Memory seemed slow to the walk in {len(slow)} places, as when something else uses the card. Scan alone."
        )
    return ""


def _words(slow: list[SlowRegion]) -> str:
    return "; ".join(
        f"{gib(r.length_bytes)} at {percent(r.ratio)} of the median, from {gib(r.first_byte)}" for r in slow[:3]
    )


def _slow(seen: Mapped) -> list[SlowRegion]:
    hosts = seen.at_host_speed
    return [r for r in seen.slow if r.ratio < _SLOW and r not in hosts and not _shared_with_host(r, seen)]


def _diluted(seen: Mapped, by: Mapped) -> list[SlowRegion]:
    """Regions that fill no window of the other map, which met them too, but not as slow."""
    longest = 0 if by.disturbed else 2 * by.window_bytes
    return [
        region
        for region in _slow(seen)
        if _LEAST_BYTES <= region.length_bytes < longest and any(_overlap(region, other) for other in by.slow)
    ]


def _overlap(one: SlowRegion, other: SlowRegion) -> bool:
    return max(one.first_byte, other.first_byte) < min(
        one.first_byte + one.length_bytes, other.first_byte + other.length_bytes
    )


def _shared_with_host(region: SlowRegion, seen: Mapped) -> bool:
    """Whether it is the one window in which the card's memory ends and the host's begins."""
    ends = {region.first_byte, region.first_byte + region.length_bytes}
    beside = any(ends & {r.first_byte, r.first_byte + r.length_bytes} for r in seen.at_host_speed)
    return beside and region.length_bytes <= seen.window_bytes
