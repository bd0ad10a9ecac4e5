"""Drawing of what the memory walk found: which stretches kept their values, which did not, what was not reached."""

from typing import NamedTuple

from gpucheck.model.measured import MemoryFault, MemoryWalk
from gpucheck.model.report import CardReport
from gpucheck.model.units import MIB, mib
from gpucheck.render.html.drawing import Axis, Mark, address_marks, horizontal, size

MOST_FAULTS = 8
LANE, FIRST_LANE = 18, 46
NARROWEST = 3.0
"""So that a single cell can be seen."""
SCATTERED = 0.01
"""Share of wrong bytes below which a stretch is drawn hollow: most of it is sound."""
KINDS = {
    "wraparound": "addresses wrap: two reach the same cell",
    "limbo": "writes vanish",
    "shuffled_alias": "pages share frames",
    "stuck": "a bit never changes",
    "transition": "a bit changes one way only",
    "dead_channel": "a dead channel",
    "retention": "values fade",
    "lost_write": "single writes are lost",
    "corruption": "wrong values without a pattern",
}


class Fault(NamedTuple):
    """One fault: its lane in the drawing, and its figures in words."""

    x: float
    y: float
    width: float
    scattered: bool
    name: str
    first: str
    last: str
    wrong: str
    detail: str


class ErrorMap(NamedTuple):
    """The map with its texts: what was tested from the left on, then what was not."""

    tested: tuple[float, float]
    untested: tuple[float, float]
    faults: tuple[Fault, ...]
    across: tuple[Mark, ...]
    height: int
    summary: str
    more: int


def error_map(card: CardReport) -> ErrorMap | None:
    """Return the map of a card whose memory was walked, else ``None``."""
    walk = card.evidence.memory_walk
    if not isinstance(walk, MemoryWalk) or walk.total_bytes <= 0:
        return None
    across = horizontal(0, walk.total_bytes)
    border, shown = across.at(walk.tested_bytes), walk.faults[:MOST_FAULTS]
    return ErrorMap(
        tested=(across.start, round(border - across.start, 2)),
        untested=(border, round(across.end - border, 2)),
        faults=tuple(_fault(fault, lane, across) for lane, fault in enumerate(shown)),
        across=tuple(address_marks(across)),
        height=FIRST_LANE + LANE * len(shown) + 26,
        summary=_summary(card, walk),
        more=len(walk.faults) - len(shown),
    )


def _fault(fault: MemoryFault, lane: int, across: Axis) -> Fault:
    left, right = across.at(fault.first_byte), across.at(fault.last_byte + 1)
    width = max(right - left, NARROWEST)
    return Fault(
        round(min(left, across.end - width), 2),
        FIRST_LANE + LANE * lane,
        round(width, 2),
        fault.wrong_bytes < SCATTERED * (fault.last_byte + 1 - fault.first_byte),
        KINDS[fault.kind],
        size(max(0, fault.first_byte)),
        size(max(0, fault.last_byte)),
        f"{'about ' * fault.estimated}{size(max(0, fault.wrong_bytes))}",
        _detail(fault),
    )


def _detail(fault: MemoryFault) -> str:
    parts = [fault.detail, fault.doubt]
    if fault.distance_bytes:
        parts.append(f"{size(fault.distance_bytes)} apart")
    if fault.bit is not None:
        parts.append(f"bit {fault.bit} of 64")
    if fault.channel is not None and fault.channels:
        parts.append(f"channel {fault.channel} of {fault.channels}")
    return ", ".join(filter(None, parts))


def _summary(card: CardReport, walk: MemoryWalk) -> str:
    how = "simulated" if card.simulated else "measured"
    passes = f"{walk.passes} pass{'es' * (walk.passes != 1)}"
    kept = f"{_kept(walk)} kept a value of their own in {passes} ({how})."
    holder = f" ({walk.untested_holder.rstrip('.')})" if walk.untested_holder else ""
    left = (
        f" Not reached: {mib(walk.untested_bytes)} of {mib(walk.total_bytes)}{holder}." if walk.untested_bytes else ""
    )
    return kept + left + _outcome(walk)


def _kept(walk: MemoryWalk) -> str:
    lost = walk.tested_bytes - walk.distinct_bytes
    if 0 < lost < MIB:
        return f"All but {size(lost)} of {mib(walk.tested_bytes)}"
    return f"{mib(walk.distinct_bytes)} of {mib(walk.tested_bytes)}"


def _outcome(walk: MemoryWalk) -> str:
    found = len(walk.faults)
    if found:
        return f" {found} fault{'s' * (found != 1)} found."
    return " No wrong word was read." if walk.distinct_bytes == walk.tested_bytes else ""
