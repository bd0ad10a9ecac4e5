"""Whether memory controllers and chips are laid out as this SKU has them.

What it checks: whether chips sit on both sides of the board, against the SKU; and partition size times partitions
against the total that the driver states. Ampere and Ada; the layout of other generations is collected and not judged.
Why it matters: added memory shows here: the RTX 4090 of 48 GB sits on a board with chips on both sides, which the model
never has; and what memory controllers were set up for does not follow a number that a library makes up.
How it can be fooled: the registers hold what firmware set up; firmware that was made for the board, or that forges,
sets them to suit. Boards of both kinds exist for some SKUs, and such are passed over.
A failure does not mean: that the memory is bad, or fake. A board revision that nobody has described would look the
same, so look at the back of the board first. What the bit means is known from open tools, and not for every model.
References: LACT, which tells front from back chips by this bit; a public survey of Ampere boards; chip sizes as sold.
"""

from gpucheck.checks.base import Case, Missing, Outcome, absence, check, inconclusive, not_applicable
from gpucheck.checks.die_register import chips_of, registers_of
from gpucheck.checks.memory_size import fits
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.units import MIB, mib

_JUDGED = (range(0x170, 0x180), range(0x190, 0x1A0))
_SLACK_SHARE, _SLACK_BYTES = 0.01, 64 * MIB
"""Partitions tell a little less than their nominal size where error correction is built in: 2047 of 2048 MiB."""
_ONE_SIDE, _BOTH_SIDES = "chips on one side of the board", "chips on both sides of the board"


@check(
    id="memory-organisation",
    title="Layout of the memory",
    severity=Severity.MEDIUM,
    edge=("memory layout", "device id"),
)
def memory_organisation(case: Case) -> Outcome:
    """Compare the sum of the partitions with the stated total, then the board's sides with the SKU's."""
    chips = chips_of(case)
    if chips and not any(chip in judged for chip in chips for judged in _JUDGED):
        return not_applicable("What this generation's registers say of the memory is collected, and not judged yet.")
    facts = registers_of(case)
    if case.evidence.host.hypervisor:
        return inconclusive("Inside a virtual machine the host may answer in the card's place.", _observed(case, facts))
    too_much = _more_than_there_is(case, facts)
    if too_much:
        return too_much
    sides = _sides(case, facts)
    if sides:
        return sides
    agreed = _held_bytes(facts) is not None and _total(case) is not None and not case.partitioned
    if not agreed:
        why = absence(facts.missing.get("clamshell"), f"{case.sku} may be built either way")
        raise Missing(why, "registers.clamshell")
    return Outcome(Status.PASS, "The partitions hold what the driver states.", _observed(case, facts))


def _more_than_there_is(case: Case, facts: RegisterFacts) -> Outcome | None:
    held, total = _held_bytes(facts), _total(case)
    if held is None or total is None or total <= held * (1 + _SLACK_SHARE) + _SLACK_BYTES:
        return None
    return Outcome(
        Status.FAIL,
        f"The driver states {mib(total)}, but the card's memory controllers are set up for {mib(held)}.",
        observed=f"{_observed(case, facts)}; {mib(total)} (declared)",
        expected="no more memory than the controllers hold",
        remedy="Run the memory walk before paying: it tells which of the two numbers is true.",
        confidence=Confidence.MEDIUM,
        evidence=("registers.partition_bytes", f"{case.declared_section}.memory_total_bytes"),
        kinds=(Kind.MEMORY_ALTERED,),
    )


def _sides(case: Case, facts: RegisterFacts) -> Outcome | None:
    """An answer where both the board's sides and the SKU's are known."""
    usual = {layout.is_clamshell(size) for p in case.profiles for layout in p.memory for size in layout.sizes_mib}
    if facts.clamshell is None or len(usual) != 1 or None in usual:
        return None
    (expected,) = usual
    found, wanted = _observed(case, facts), _BOTH_SIDES if expected else _ONE_SIDE
    if facts.clamshell == expected:
        return Outcome(Status.PASS, f"It has its {wanted}, as {case.sku} has.", found, wanted)
    if expected:
        told = f"{case.sku} is known with {wanted}; this board has them on one. A later revision may have fewer chips."
        return inconclusive(told, found, wanted, ("registers.clamshell",))
    return _on_both_sides(case, found, wanted)


def _on_both_sides(case: Case, found: str, wanted: str) -> Outcome:
    total = _total(case)
    odd = total is not None and not any(fits(profile, total) for profile in case.profiles)
    message = f"{case.sku} has its {wanted}, this card has {_BOTH_SIDES}"
    if odd and total:
        message += f", and the driver states {mib(total)} (declared), which it was never sold with."
    else:
        message += ": a board revision that nobody has described, or another board than the maker's."
    return Outcome(
        Status.FAIL,
        message,
        observed=found,
        expected=wanted,
        remedy="Look at the back of the board, or ask for a picture, and compare it with pictures of the model.",
        confidence=Confidence.MEDIUM if odd else Confidence.LOW,
        evidence=("registers.clamshell", f"{case.declared_section}.memory_total_bytes"),
        kinds=(Kind.MEMORY_ALTERED,),
    )


def _held_bytes(facts: RegisterFacts) -> int | None:
    if facts.partition_bytes is None or facts.memory_partitions is None:
        return None
    return facts.partition_bytes * facts.memory_partitions


def _total(case: Case) -> int | None:
    nvml = case.evidence.nvml
    return nvml.memory_total_bytes if isinstance(nvml, NvmlFacts) and not case.partitioned else None


def _observed(case: Case, facts: RegisterFacts) -> str:
    sides = None if facts.clamshell is None else _BOTH_SIDES if facts.clamshell else _ONE_SIDE
    held = None
    if facts.memory_partitions and facts.partition_bytes:
        held = f"{facts.memory_partitions} partitions of {mib(facts.partition_bytes)}"
    how = "simulated" if case.evidence.simulated else "from registers"
    told = ", ".join(part for part in (sides, held) if part)
    return f"{told} ({how})" if told else ""
