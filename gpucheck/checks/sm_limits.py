"""Whether a multiprocessor holds as much as the named die's.

What it checks: the most warps that a multiprocessor held at a time, and the largest shared memory that a block was
given and kept, against the generation's limits.
Why it matters: they are built into the silicon and differ by generation (64, 32 or 48 warps; 48 to 227 KiB). No name,
clock or firmware changes them.
How it can be fooled: towards less, by programs that keep part of the card. Towards more, not.
A failure does not mean: anything innocent is known for more than the die has. Less is no failure where a disturbed
measurement explains it.
References: CUDA C++ Programming Guide, technical specifications by compute capability; ``profiles/capabilities.toml``.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, measured, only_a_part, remarked
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import Census
from gpucheck.model.units import KIB

_RESERVE_BYTES = 4 * KIB
"""A driver keeps 1 KiB of each block's for itself since Ampere; another one may keep none, or more."""


@check(id="sm-limits", title="Limits of a multiprocessor", severity=Severity.CRITICAL)
def sm_limits(case: Case) -> Outcome:
    """Compare both limits with those of the die's generation."""
    census = measured(case.evidence.census, "census")
    if case.partitioned:
        return only_a_part(case)
    if census.resident_warps_per_sm is None and census.shared_memory_block_bytes is None:
        raise Missing("neither warps nor shared memory of a multiprocessor were measured", "census")
    warps, rooms = _legal(case)
    observed = f"{_say(census.resident_warps_per_sm, census.shared_memory_block_bytes)} ({case.how})"
    if not warps and not rooms:
        return inconclusive(f"The catalog does not know the limits of {case.sku}.", observed)
    expected = " or ".join(dict.fromkeys(_say(*pair) for pair in _pairs(case)))
    if contradictions := _contradictions(census, warps, rooms):
        return _fail(case, contradictions, observed, expected)
    if short := _short(census, warps, rooms):
        why = case.busy or "something else may have run on the card"
        return inconclusive(f"A multiprocessor held other than {case.sku}'s: {short}; {why}.", observed, expected)
    return Outcome(Status.PASS, f"A multiprocessor holds what one of {case.sku} does.", observed, expected)


def _pairs(case: Case) -> list[tuple[int | None, int | None]]:
    known = [p.capability for p in case.profiles if p.capability]
    return [(c.resident_warps_per_sm, c.shared_memory_block_bytes) for c in known]


def _legal(case: Case) -> tuple[list[int], list[int]]:
    pairs = _pairs(case)
    return sorted({w for w, _ in pairs if w}), sorted({r for _, r in pairs if r})


def _contradictions(census: Census, warps: list[int], rooms: list[int]) -> list[str]:
    """Paths of what another generation's silicon alone could show."""
    seen, room = census.resident_warps_per_sm, census.shared_memory_block_bytes
    found = []
    if seen and warps and seen > warps[-1]:
        found.append("census.resident_warps_per_sm")
    if room and rooms and _foreign(room, rooms):
        found.append("census.shared_memory_block_bytes")
    return found


def _foreign(room: int, rooms: list[int]) -> bool:
    """Whether it is more than the die has. Less may be a launch that was refused for some other reason."""
    return room > rooms[-1] + _RESERVE_BYTES


def _short(census: Census, warps: list[int], rooms: list[int]) -> str:
    seen, room = census.resident_warps_per_sm, census.shared_memory_block_bytes
    parts = []
    if seen and warps and seen not in warps:
        parts.append(f"{seen} warps")
    if room and rooms and room not in rooms:
        parts.append(f"{room // KIB} KiB")
    return " and ".join(parts)


def _say(warps: int | None, room: int | None) -> str:
    parts = [f"{warps} warps" if warps else "", f"{room // KIB} KiB of shared memory" if room else ""]
    return ", ".join(part for part in parts if part)


def _fail(case: Case, paths: list[str], observed: str, expected: str) -> Outcome:
    return remarked(
        f"A multiprocessor of {case.sku} holds {expected}; this one holds {observed}: another generation.",
        observed,
        expected,
        "Treat it as a card of the other generation. Do not pay for the named model.",
        tuple(paths),
    )
