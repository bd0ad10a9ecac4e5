"""Whether the die's own number is the one of the named die.

What it checks: the number that a register of the card holds, or else the driver's resource manager reads there, against
the die of the SKU that the device id names; and both against each other.
Why it matters: the number is wired in silicon. Names, device ids, firmware and libraries can be rewritten, this cannot.
How it can be fooled: by a machine that lies about the card's memory window: a hypervisor, or a patched kernel. Another
SKU of the same die has the same number.
A failure does not mean: that the seller did it. Dies whose revisions have numbers of their own (GK110 and GK110B, GK208
and GK208B) count as one, a number that no profile has never fails, and inside a virtual machine the question is open.
Registers need root; without them the resource manager's answer stands alone, and a patched driver could make it up.
References: NV_PMC_BOOT_0 and NV_PMC_BOOT_42 in NVIDIA's open-gpu-doc and open kernel modules; chip ids of envytools.
"""

from gpucheck.checks.base import Case, Missing, Outcome, absence, check, inconclusive
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.registers import RegisterFacts

_REVISIONS = ({0x0F0, 0x0F1, 0x0F2}, {0x106, 0x108})
"""Chips that are sold under the same names and device ids."""
_SECTIONS = ("registers", "resource_manager")
_ROUTES = {"registers": "the die's own register", "resource_manager": "the driver's resource manager"}


@check(
    id="die-register", title="Die by its own register", severity=Severity.CRITICAL, edge=("die register", "device id")
)
def die_register(case: Case) -> Outcome:
    """Compare the numbers that were read with each other and with the named die's."""
    told = _told(case)
    observed = "; ".join(f"{_die(case, chip)} by {_ROUTES[section]}{_how(case)}" for section, chip in told.items())
    evidence = tuple(f"{section}.chip_id" for section in told)
    if emulated := _emulated(case):
        return inconclusive(f"The number means little here: {emulated}.", observed, evidence=evidence)
    chips = list(told.values())
    if any(not _same(chips[0], chip) for chip in chips):
        return _disputed(case, told, observed, evidence)
    return _compared(case, chips[0], observed, evidence)


def registers_of(case: Case) -> RegisterFacts:
    """Return what the card's registers say. Raises ``Missing`` with the reason where they were not read."""
    section = case.evidence.registers
    if isinstance(section, Unavailable):
        raise Missing(f"the card's registers were not read ({absence(section, '')})", "registers")
    return section


def chips_of(case: Case) -> tuple[int, ...]:
    """Return the chip's number by its register, else the numbers that it may have by the device id."""
    section = case.evidence.registers
    if not isinstance(section, Unavailable) and section.chip_id is not None:
        return (section.chip_id,)
    return tuple(profile.die.chip_id for profile in case.match.fitting if profile.die.chip_id is not None)


def _told(case: Case) -> dict[str, int]:
    """The chip's number by section. Raises ``Missing`` with the reason where nothing told it."""
    found: dict[str, int] = {}
    reasons = {}
    for section in _SECTIONS:
        facts = getattr(case.evidence, section)
        chip = None if isinstance(facts, Unavailable) else facts.chip_id
        if chip is not None:
            found[section] = chip
        else:
            reasons[section] = facts if isinstance(facts, Unavailable) else facts.missing.get("chip_id")
    if not found:
        raise Missing(absence(reasons["registers"], "the card's registers were not read"), "registers.chip_id")
    return found


def _emulated(case: Case) -> str:
    """Why something else than the card may have answered; empty where nothing shows that."""
    host = case.evidence.host
    if host.hypervisor or host.wsl:
        return f"inside a virtual machine ({host.hypervisor or 'WSL'}) the host may answer in the card's place"
    return case.partitioned if "virtual" in case.partitioned else ""


def _compared(case: Case, chip: int, observed: str, evidence: tuple[str, ...]) -> Outcome:
    dies = {profile.die.name: profile.die.chip_id for profile in case.profiles}
    expected = " or ".join(_named(name, number) for name, number in dies.items())
    if any(number is not None and _same(number, chip) for number in dies.values()):
        return Outcome(Status.PASS, f"It is the number of {case.sku}'s die.", observed, expected, evidence=evidence)
    if not case.catalog.dies_of_chip(chip) or None in dies.values():
        return inconclusive(
            "The number cannot be compared: this one or the named die's is not on record.", observed, expected, evidence
        )
    return Outcome(
        Status.FAIL,
        f"{case.sku} is cut from {' or '.join(dies)}, but this die says of itself that it is {_die(case, chip)}.",
        observed,
        expected,
        remedy="Treat it as a card of the die that is really there. Do not pay for the named model.",
        evidence=(*evidence, "pci.device_id"),
        kinds=(Kind.REMARKED,),
    )


def _disputed(case: Case, told: dict[str, int], observed: str, evidence: tuple[str, ...]) -> Outcome:
    words = " and ".join(f"{_ROUTES[section]} says {_die(case, chip)}" for section, chip in told.items())
    return Outcome(
        Status.FAIL,
        f"Two routes to one number that is wired in silicon differ: {words}. One of them is made up.",
        observed,
        "the same die by both routes",
        remedy="Boot a clean system with NVIDIA's own driver, and scan again. Do not trust what this machine says.",
        evidence=evidence,
        kinds=(Kind.REMARKED,),
    )


def _same(one: int, other: int) -> bool:
    return one == other or any({one, other} <= revisions for revisions in _REVISIONS)


def _die(case: Case, chip: int) -> str:
    return _named(" or ".join(case.catalog.dies_of_chip(chip)), chip)


def _named(name: str, chip: int | None) -> str:
    return " ".join(part for part in (name or "a chip", "" if chip is None else f"({chip:#05x})") if part)


def _how(case: Case) -> str:
    return f" ({case.how})" if case.evidence.simulated else ""
