"""Whether the memory clock belongs to the SKU's class of memory.

What it checks: NVML's highest memory clock against half the data rate of the profile's layouts.
Why it matters: GDDR6 in place of GDDR6X, or DDR3 in place of GDDR5, runs at another class of clock.
How it can be fooled: clocks are set by firmware and driver.
A failure does not mean: fraud. Overclocked cards, laptop power classes and late memory revisions differ by some tens of
percent and are passed over; only a clock of another class fails.
References: 54 of 56 captures agree within 1 %; the rest are overclocked or laptop parts.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.profile import Profile


@check(id="memory-clock", title="Memory clock class", severity=Severity.MEDIUM)
def memory_clock(case: Case) -> Outcome:
    """Compare the highest memory clock with the SKU's class."""
    stated = case.number("memory_clock_max_mhz")
    legal = sorted({clock for p in case.profiles for clock in _clocks(p)})
    if not legal or not stated:
        return inconclusive(f"The memory clock of {case.sku} is not known.", f"{stated:,} MHz")
    expected = " or ".join(f"{clock:,} MHz" for clock in legal)
    ratios = [stated / clock for clock in legal]
    if any(0.97 <= ratio <= 1.03 for ratio in ratios):
        return Outcome(Status.PASS, "The memory clock is of the SKU's class.", f"{stated:,} MHz", expected)
    laptop = any(p.form_factor == "laptop" for p in case.profiles)
    if laptop or any(0.6 <= ratio <= 1.5 for ratio in ratios):
        return inconclusive(
            "The memory clock differs, within what overclocking and memory revisions explain.",
            f"{stated:,} MHz",
            expected,
        )
    return Outcome(
        Status.FAIL,
        f"A highest memory clock of {stated:,} MHz is of another class of memory than {case.sku} has.",
        observed=f"{stated:,} MHz",
        expected=expected,
        remedy="Compare the measured bandwidth; look at the memory chips.",
        confidence=Confidence.MEDIUM,
        evidence=(f"{case.declared_section}.memory_clock_max_mhz",),
        kinds=(Kind.MEMORY_ALTERED,),
    )


def _clocks(profile: Profile) -> set[int]:
    """Of every layout: a GT 640 with GDDR5 runs at almost three times the clock of one with DDR3."""
    stated = {profile.memory_clock_max_mhz} if profile.memory_clock_max_mhz else set()
    return stated | {round(layout.data_rate_gbps * 500) for layout in profile.memory if layout.data_rate_gbps}
