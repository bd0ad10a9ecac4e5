"""Whether memory cells are damaged.

What it checks: wrong words of the walk that no forgery explains: bits that stick or do not flip, channels that do not
answer, cells that forget.
Why it matters: damage gives wrong results and crashes. It is a question of condition, not of authenticity.
How it can be fooled: a weak cell may hold for the minute of a walk; ``--deep`` looks longer.
A failure does not mean: that the card is a fake.
References: fault models of memory testing (stuck-at, transition, retention, address decoder).
"""

from gpucheck.checks.base import Case, Outcome, check, measured
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import MemoryFault
from gpucheck.model.units import gib

_VECTOR_BYTES = 16
"""What the walk counts by."""


@check(id="memory-faults", title="Damaged memory", severity=Severity.CRITICAL, about="condition")
def memory_faults(case: Case) -> Outcome:
    """Report damage that the walk found."""
    walk = measured(case.evidence.memory_walk, "memory_walk")
    damage = [f for f in walk.faults if f not in walk.forged]
    if not damage:
        once = " A single pass meets about half of the bits that stick; a default scan meets all." * (walk.passes == 1)
        return Outcome(Status.PASS, f"No damaged cell in {gib(walk.tested_bytes)}.{once}")
    words = "; ".join(_say(f) for f in damage[:4])
    return Outcome(
        Status.FAIL,
        f"The memory is damaged: {words}. This is damage, not a forgery.",
        observed=words,
        expected="every cell keeps what is written",
        remedy="Have the memory repaired, or return the card as defective.",
        evidence=("memory_walk.faults",),
    )


def _say(fault: MemoryFault) -> str:
    first, last = gib(fault.first_byte), gib(fault.last_byte)
    alike = f"between bytes {fault.first_byte:,} and {fault.last_byte:,}"
    where = f"between {first} and {last}" if first != last else alike
    match fault.kind:
        case "dead_channel":
            about = "about " if fault.estimated else ""
            return f"channel {fault.channel} of {fault.channels} does not answer ({about}{gib(fault.wrong_bytes)} lost)"
        case "stuck":
            reads, doubt = ("reads", f" ({fault.doubt})") if fault.doubt else ("always reads", "")
            return f"bit {fault.bit} {reads} {fault.value} {_places(fault)}{doubt}"
        case "transition":
            return f"bit {fault.bit} cannot change to {fault.value} {_places(fault)}"
        case "retention":
            return f"cells {where} forget what was written"
        case _:
            about = "about " if fault.estimated else ""
            return f"{about}{fault.wrong_bytes:,} bytes {where} are wrong ({fault.kind.replace('_', ' ')})"


def _places(fault: MemoryFault) -> str:
    places = fault.wrong_bytes // _VECTOR_BYTES
    first = f"at byte {fault.first_byte:,}"
    return f"in {places:,} places, the first {first}" if places > 1 else first
