"""Whether the card's own counters report failing memory.

What it checks: row remapping that failed or is pending, retired pages near their limit, uncorrectable errors.
Why it matters: the counters remember what a short test does not meet.
How it can be fooled: most counters can be cleared, and most consumer cards have none.
A failure does not mean: a fake. A few remapped rows are what remapping is for: they are reported as wear, and pass. A
counter that is all ones counts nothing: it is full, or was not read, and says so.
References: NVIDIA's documents on row remapping and dynamic page retirement (63 pages is the limit for replacement).
"""

from gpucheck.checks.base import Case, Missing, Outcome, check
from gpucheck.model.counters import ALL_ONES, COUNTERS, counted, unread
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.finding import Severity, Status

RETIRED_LIMIT = 63
_TELLING = ("row_remap_correctable", "row_remap_uncorrectable", "row_remap_failure", "retired_pages_double_bit",
            "ecc_uncorrected_volatile")  # fmt: skip
_ABOUT_MEMORY = frozenset(COUNTERS) - {"pcie_replay_count"}
_NONE_KEPT = "the card keeps no error counters, as most consumer cards"


@check(id="memory-health", title="Error counters", severity=Severity.HIGH, about="condition")
def memory_health(case: Case) -> Outcome:
    """Read the counters that speak of failing memory."""
    facts = case.declared
    section = case.declared_section
    grave = _grave(facts)
    remapped = counted(facts.row_remap_uncorrectable)
    wear = {
        "row_remap_uncorrectable": remapped and f"rows remapped after uncorrectable errors: {remapped}",
        "row_remap_pending": facts.row_remap_pending and "a row waits to be remapped at the next restart",
        "repair_pending": facts.repair_pending and "a repair waits for the next restart",
        "retired_pages_pending": facts.retired_pages_pending and "a page waits to be retired at the next restart",
    }
    if failing := {field: str(text) for field, text in grave.items() if text}:
        return _failing(section, failing)
    if worn := {field: str(text) for field, text in wear.items() if text}:
        return _worn(section, worn)
    full = [name for name in unread(facts) if name in _ABOUT_MEMORY]
    if all(getattr(facts, name) is None or name in full for name in _TELLING):
        why = f"the card's error counters are {ALL_ONES}" if full else _NONE_KEPT
        raise Missing(why, f"{section}.{full[0]}" if full else section)
    rest = f" {len(full)} of them cannot be used: {ALL_ONES}." if full else ""
    return Outcome(Status.PASS, f"The card's counters report no failing memory (declared).{rest}")


def _grave(facts: NvmlFacts) -> dict[str, object]:
    banks, errors = counted(facts.row_remap_banks_exhausted), counted(facts.ecc_uncorrected_volatile)
    grave: dict[str, object] = {
        "row_remap_failure": facts.row_remap_failure and "a row could not be remapped",
        "row_remap_banks_exhausted": banks and f"{banks:,} banks of memory have no spare row left",
        "ecc_uncorrected_volatile": errors and f"{errors:,} uncorrectable errors since the driver was loaded",
    }
    retired = (counted(facts.retired_pages_single_bit) or 0) + (counted(facts.retired_pages_double_bit) or 0)
    if retired >= RETIRED_LIMIT:
        grave["retired_pages_double_bit"] = f"{retired} retired pages"
    return grave


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
