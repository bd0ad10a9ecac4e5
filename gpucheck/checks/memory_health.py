"""Whether the card's own counters report failing memory.

What it checks: row remapping that failed or is pending, retired pages near their limit, uncorrectable errors.
Why it matters: the counters remember what a short test does not meet.
How it can be fooled: most counters can be cleared, and most consumer cards have none.
A failure does not mean: a fake. A few remapped rows are what remapping is for: they are reported as wear, and pass.
References: NVIDIA's documents on row remapping and dynamic page retirement (63 pages is the limit for replacement).
"""

from gpucheck.checks.base import Case, Missing, Outcome, check
from gpucheck.model.finding import Severity, Status

RETIRED_LIMIT = 63


@check(id="memory-health", title="Error counters", severity=Severity.HIGH, about="condition")
def memory_health(case: Case) -> Outcome:
    """Read the counters that speak of failing memory."""
    facts = case.declared
    section = case.declared_section
    grave = {
        "row_remap_failure": facts.row_remap_failure and "a row could not be remapped",
        "row_remap_banks_exhausted": facts.row_remap_banks_exhausted
        and f"{facts.row_remap_banks_exhausted:,} banks of memory have no spare row left",
        "ecc_uncorrected_volatile": facts.ecc_uncorrected_volatile
        and f"{facts.ecc_uncorrected_volatile:,} uncorrectable errors since the driver was loaded",
    }
    retired = (facts.retired_pages_single_bit or 0) + (facts.retired_pages_double_bit or 0)
    if retired >= RETIRED_LIMIT:
        grave["retired_pages_double_bit"] = f"{retired} retired pages"
    wear = {
        "row_remap_uncorrectable": facts.row_remap_uncorrectable
        and f"rows remapped after uncorrectable errors: {facts.row_remap_uncorrectable}",
        "row_remap_pending": facts.row_remap_pending and "a row waits to be remapped at the next restart",
        "repair_pending": facts.repair_pending and "a repair waits for the next restart",
        "retired_pages_pending": facts.retired_pages_pending and "a page waits to be retired at the next restart",
    }
    if failing := {field: str(text) for field, text in grave.items() if text}:
        return _failing(section, failing)
    if worn := {field: str(text) for field, text in wear.items() if text}:
        return _worn(section, worn)
    counters = ("row_remap_correctable", "row_remap_uncorrectable", "row_remap_failure", "retired_pages_double_bit",
                "ecc_uncorrected_volatile")  # fmt: skip
    if all(getattr(facts, name) is None for name in counters):
        raise Missing("the card keeps no error counters, as most consumer cards", section)
    return Outcome(Status.PASS, "The card's counters report no failing memory (declared).")


def _failing(section: str, found: dict[str, str]) -> Outcome:
    words = "; ".join(found.values())
    return Outcome(
        Status.FAIL,
        f"The card's own counters speak of failing memory: {words}.",
        observed=words,
        expected="no such entry",
        remedy="Return it, or have it repaired.",
        evidence=tuple(f"{section}.{field}" for field in found),
        severity=Severity.CRITICAL,
    )


def _worn(section: str, found: dict[str, str]) -> Outcome:
    words = "; ".join(found.values())
    return Outcome(
        Status.PASS,
        f"The card's own counters speak of wear, which it has dealt with: {words}.",
        observed=words,
        expected="few, and not growing",
        remedy="Restart, scan again, and watch whether the count grows.",
        evidence=tuple(f"{section}.{field}" for field in found),
        severity=Severity.LOW,
    )
