"""Whether the memory clock belongs to the SKU's class of memory.

What it checks: the highest memory clock that NVML and CUDA state, each against half the data rate of the profile's
layouts, and against each other.
Why it matters: GDDR6 in place of GDDR6X, or DDR3 in place of GDDR5, runs at another class of clock.
How it can be fooled: clocks are set by firmware and driver. CUDA reads the hardware by another route than NVML.
A failure does not mean: fraud. Overclocked cards, laptop power classes and late memory revisions differ by some tens of
percent and are passed over; only a clock of another class fails.
References: 54 of 56 captures agree within 1 %; the rest are overclocked or laptop parts.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.profile import Profile


@check(id="memory-clock", title="Memory clock class", severity=Severity.MEDIUM, edge=("memory clock", "device id"))
def memory_clock(case: Case) -> Outcome:
    """Compare the highest memory clocks with the SKU's class."""
    seen = _seen(case)
    legal = sorted({clock for p in case.profiles for clock in _clocks(p)})
    observed = " and ".join(f"{clock:,} MHz" for clock in dict.fromkeys(seen.values()))
    if not legal or not all(seen.values()):
        return inconclusive(f"The memory clock of {case.sku} is not known.", observed)
    expected = " or ".join(f"{clock:,} MHz" for clock in legal)
    if all(_same(clock, legal) for clock in seen.values()):
        if _same(max(seen.values()), [min(seen.values())]):
            return Outcome(Status.PASS, "The memory clock is of the SKU's class.", observed, expected)
        return inconclusive("NVML and CUDA state the memory clocks of two builds.", observed, expected, tuple(seen))
    other = {path: clock for path, clock in seen.items() if not _near(clock, legal)}
    laptop = any(p.form_factor == "laptop" for p in case.profiles)
    if laptop or not other:
        return inconclusive(
            "The memory clock differs, within what overclocking and memory revisions explain.", observed, expected
        )
    wrong = next(iter(other.values()))
    return Outcome(
        Status.FAIL,
        f"A highest memory clock of {wrong:,} MHz is of another class of memory than {case.sku} has.",
        observed=observed,
        expected=expected,
        remedy="Compare the measured bandwidth; look at the memory chips.",
        confidence=Confidence.MEDIUM,
        evidence=tuple(other),
        kinds=(Kind.MEMORY_ALTERED,),
    )


def _seen(case: Case) -> dict[str, int]:
    """Every statement by its path. Raises ``Missing`` where neither NVML nor CUDA makes one."""
    cuda, declared = case.evidence.cuda, case.evidence.declared
    by_cuda = None if isinstance(cuda, Unavailable) else cuda.memory_clock_mhz
    found = {"cuda.memory_clock_mhz": by_cuda} if by_cuda else {}
    if found and (declared is None or declared.memory_clock_max_mhz is None):
        return found
    return {f"{case.declared_section}.memory_clock_max_mhz": case.number("memory_clock_max_mhz"), **found}


def _same(stated: int, legal: list[int]) -> bool:
    return any(0.97 <= stated / clock <= 1.03 for clock in legal)


def _near(stated: int, legal: list[int]) -> bool:
    return any(0.6 <= stated / clock <= 1.5 for clock in legal)


def _clocks(profile: Profile) -> set[int]:
    """Of every layout: a GT 640 with GDDR5 runs at almost three times the clock of one with DDR3."""
    stated = {profile.memory_clock_max_mhz} if profile.memory_clock_max_mhz else set()
    return stated | {round(layout.data_rate_gbps * 500) for layout in profile.memory if layout.data_rate_gbps}
