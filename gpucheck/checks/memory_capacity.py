"""Whether every byte that the card declares is there, distinct from every other.

What it checks: the full walk: all memory written with values that name their own address, then all read back. A cell
that two addresses share holds only one of the two values, so what was kept is what exists.
Why it matters: forged capacity works until it is filled, and then data is lost without a word.
How it can be fooled: memory that other programs held during the walk is untested, and reported as such. Host memory
that answers instead is found by its speed.
A failure does not mean: damage; damaged cells are told apart and reported as damage.
References: ``kernels/memory_walk.cu``; the taxonomy of f3 for forged flash memory.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured
from gpucheck.model.evidence import MemoryWalk
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.units import gib

COVERED = 0.97
"""Share of the declared memory that must be proven. Below it, a missing chip of 32 could hide in the rest."""
FORGED = ("wraparound", "limbo", "shuffled_alias")


@check(id="memory-capacity", title="Memory that really exists", severity=Severity.CRITICAL)
def memory_capacity(case: Case) -> Outcome:
    """Compare the bytes proven distinct with the bytes declared."""
    walk = measured(case.evidence.memory_walk, "memory_walk")
    declared = case.evidence.declared
    total = max(walk.total_bytes, (declared.memory_total_bytes or 0) if declared and not case.partitioned else 0)
    observed = f"{gib(walk.distinct_bytes)} proven of {gib(total)} declared (measured)"
    if any(fault.kind in FORGED for fault in walk.faults):
        return _forged(walk, total, observed)
    proven = walk.distinct_bytes / total
    if proven >= COVERED:
        return Outcome(
            Status.PASS, f"{proven:.1%} of the memory was proven to exist.", observed, f"at least {COVERED:.0%}"
        )
    if walk.distinct_bytes < walk.tested_bytes * 0.999:
        return inconclusive(
            "Part of the memory does not keep what is written. It looks damaged, not forged; until it is repaired, the "
            "capacity is not proven.", observed, f"at least {COVERED:.0%}", ("memory_walk.distinct_bytes",)
        )  # fmt: skip
    return inconclusive(
        f"Only {proven:.1%} of the memory was free to be tested; the rest was held by {walk.untested_holder}. "
        "Close other programs and scan again.", observed, f"at least {COVERED:.0%}", ("memory_walk.untested_bytes",)
    )  # fmt: skip


def _forged(walk: MemoryWalk, total: int, observed: str) -> Outcome:
    fault = next(f for f in walk.faults if f.kind in FORGED)
    real = real_bytes(walk)
    how = {
        "wraparound": "addresses wrap, and two of them reach the same cell",
        "limbo": "what is written beyond the end vanishes",
        "shuffled_alias": "pages share cells in a shuffled order",
    }[fault.kind]
    return Outcome(
        Status.FAIL,
        f"The card declares {gib(total)}, but only {real:,} bytes ({gib(real)}) exist: {how}.",
        observed=f"{real:,} bytes (measured); {observed}",
        expected=f"{total:,} bytes (declared)",
        remedy="Return it. Data beyond the real capacity is silently lost.",
        evidence=("memory_walk.distinct_bytes", "memory_walk.faults"),
        kinds=(Kind.CAPACITY_FORGED,),
    )


def real_bytes(walk: MemoryWalk) -> int:
    """The true capacity: the distance of a clean wrap, else what kept its own value."""
    distances = [f.distance_bytes for f in walk.faults if f.kind == "wraparound" and f.distance_bytes]
    return min(distances, default=walk.distinct_bytes)
