"""Whether every byte that the card declares is there, distinct from every other.

What it checks: the full walk: all memory written with values that name their own address, then all read back. A cell
that two addresses share holds only one of the two values, so what was kept is what exists.
Why it matters: forged capacity works until it is filled, and then data is lost without a word.
How it can be fooled: memory that other programs held during the walk is untested, and reported as such. Host memory
that answers instead is found by its speed.
A failure does not mean: damage; damaged cells are told apart and reported as damage.
References: ``kernels/memory_walk.cu``; the taxonomy of f3 for forged flash memory.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, only_a_part, others
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.measured import MemoryWalk
from gpucheck.model.profile import Profile
from gpucheck.model.units import gib, percent

COVERED = 0.97
"""Share of the declared memory that must be proven, unless the rest is too small to hide anything."""
LEAST_COVERED = 0.9
_HIDDEN_BITS, _HIDDEN_SHARE = 32, 0.9
"""Half of the narrowest memory partition, and what of its memory may stay untested."""


@check(id="memory-capacity", title="Memory that really exists", severity=Severity.CRITICAL)
def memory_capacity(case: Case) -> Outcome:
    """Compare the bytes proven distinct with the bytes declared."""
    walk = measured(case.evidence.memory_walk, "memory_walk")
    declared = case.evidence.declared
    total = max(walk.total_bytes, (declared.memory_total_bytes or 0) if declared and not case.partitioned else 0)
    observed = f"{gib(walk.distinct_bytes)} proven of {gib(total)} declared ({case.how})"
    if walk.forged:
        return _forged(walk, total, case.how)
    if case.partitioned:
        return only_a_part(case)
    proven, needed = walk.distinct_bytes / total, needed_share(case.profiles)
    expected = f"at least {percent(needed, 1)}"
    dead = any(fault.kind == "dead_channel" for fault in walk.faults)
    if proven >= needed and not dead:
        return Outcome(Status.PASS, f"{percent(proven, 1)} of the memory was proven to exist.", observed, expected)
    if dead or walk.distinct_bytes < walk.tested_bytes * 0.999:
        message = "Part of the memory does not keep what is written. It looks damaged, not forged; "
        message += "until it is repaired, the capacity is not proven."
        return inconclusive(message, observed, expected, ("memory_walk.distinct_bytes",))
    if walk.total_bytes / total < needed:
        message = f"CUDA states {gib(walk.total_bytes)} in all, so only {percent(proven, 1)} of the declared "
        message += f"{gib(total)} was tested. Scan again with NVIDIA's own driver, outside of containers and virtual "
        message += "machines."
        return inconclusive(message, observed, expected, ("memory_walk.total_bytes",))
    holder = walk.untested_holder.rstrip(".")
    message = f"Only {percent(proven, 1)} of the memory was free to be tested: {holder}. {_way(case)}"
    return inconclusive(message, observed, expected, ("memory_walk.untested_bytes",))


def _way(case: Case) -> str:
    """How more of the memory comes free, here and with what is known to be on the card."""
    host, facts = case.evidence.host, case.evidence.nvml
    told = None if isinstance(facts, Unavailable) else facts
    alone = told is not None and told.processes == ()
    if told is None or not told.display_active:
        if host.lends_memory:
            return f"{'Scan' if alone else 'Close other programs, or scan'} under Linux, where less is kept back."
        who = "Stop what else uses the card, also in containers," if alone else "Close other programs"
        return f"{who} and scan again."
    if host.lends_memory:
        again = "Scan again" if alone else "Close other programs and scan again"
        return (
            f"{again} with the display on another card or on the processor's graphics, or scan under Linux, where less "
            "is kept back."
        )
    closing = "Close other programs, end" if not alone and others(told) else "End"
    return f"{closing} the desktop and scan again from a text console, or with the display on another card."


def needed_share(profiles: tuple[Profile, ...]) -> float:
    """Share of the memory that must be proven so that nothing missing can hide in the rest.

    Memory is spread over all channels, so that a missing chip shows everywhere; only what ends a partition early can
    hide at the end. One strap sets one density for all chips, so that the least is half the chips of a partition of
    64 bits, as in NVIDIA's own uneven boards (GTX 550 Ti, GTX 660): 32 / width of all.
    """
    widest = max((width for p in profiles for width in p.bus_widths_bits), default=None)
    if widest is None:
        return COVERED
    return max(LEAST_COVERED, min(COVERED, 1 - _HIDDEN_SHARE * _HIDDEN_BITS / widest))


def _forged(walk: MemoryWalk, total: int, how_known: str) -> Outcome:
    fault, real = walk.forged[0], walk.real_bytes
    how = {
        "wraparound": "addresses wrap, and two of them reach the same cell",
        "limbo": "what is written beyond the end vanishes",
        "shuffled_alias": "pages share cells in a shuffled order",
    }[fault.kind]
    return Outcome(
        Status.FAIL,
        f"The card declares {gib(total)}, but only {real:,} bytes ({gib(real)}) exist: {how}.",
        observed=f"{real:,} bytes ({how_known})",
        expected=f"{total:,} bytes (declared)",
        remedy="Return it. Data beyond the real capacity is silently lost.",
        evidence=("memory_walk.distinct_bytes", "memory_walk.faults"),
        kinds=(Kind.CAPACITY_FORGED,),
    )
