"""Whether the card's own counters report failing memory.

What it checks: row remapping that failed or is pending, retired pages near their limit, uncorrectable errors.
Why it matters: the counters remember what a short test does not meet.
How it can be fooled: most counters can be cleared, and most consumer cards have none.
A failure does not mean: a fake. A few remapped rows are what remapping is for.
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
        "ecc_uncorrected_volatile": facts.ecc_uncorrected_volatile
        and f"{facts.ecc_uncorrected_volatile:,} uncorrectable errors since the driver was loaded",
    }
    retired = (facts.retired_pages_single_bit or 0) + (facts.retired_pages_double_bit or 0)
    if retired >= RETIRED_LIMIT:
        grave["retired_pages_double_bit"] = f"{retired} retired pages"
    wear = {
        "row_remap_uncorrectable": facts.row_remap_uncorrectable
        and f"{facts.row_remap_uncorrectable} rows remapped after uncorrectable errors",
        "row_remap_pending": facts.row_remap_pending and "a row waits to be remapped at the next restart",
        "retired_pages_pending": facts.retired_pages_pending and "a page waits to be retired at the next restart",
    }
    for signs, severity in ((grave, Severity.CRITICAL), (wear, Severity.LOW)):
        found = {field: text for field, text in signs.items() if text}
        if found:
            return _report(section, {k: str(v) for k, v in found.items()}, severity)
    counters = ("row_remap_correctable", "row_remap_uncorrectable", "row_remap_failure", "retired_pages_double_bit",
                "ecc_uncorrected_volatile")  # fmt: skip
    if all(getattr(facts, name) is None for name in counters):
        raise Missing("the card keeps no error counters, as most consumer cards", section)
    return Outcome(Status.PASS, "The card's counters report no failing memory (declared).")


def _report(section: str, found: dict[str, str], severity: Severity) -> Outcome:
    words = "; ".join(found.values())
    grave = severity is Severity.CRITICAL
    return Outcome(
        Status.FAIL,
        f"The card's own counters speak of {'failing' if grave else 'worn'} memory: {words}.",
        observed=words,
        expected="no such entry",
        remedy="Return it, or have it repaired."
        if grave
        else "Restart, scan again, and watch whether the count grows.",
        evidence=tuple(f"{section}.{field}" for field in found),
        severity=severity,
    )
