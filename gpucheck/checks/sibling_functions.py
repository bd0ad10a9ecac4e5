"""Whether the functions beside the display belong to the same die.

What it checks: the device ids of the sound, USB and USB-C functions in the card's slot, against those that dies have.
Why it matters: a rewritten device id changes the display function alone; the sound function still says which die it is.
How it can be fooled: by switching the other functions off, or by a kernel that lies about the bus.
A failure does not mean: fraud in a virtual machine, where functions of two cards can be put together. Ids that are on
record for no die count as unknown, and a card without other functions is passed over: most data-centre cards have none.
References: pci.ids; NVIDIA's open-gpu-doc; ids in captures of 12 dies.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, not_applicable
from gpucheck.model.evidence import PciSibling
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.units import pci_id

_NVIDIA = 0x10DE
_KINDS = {0x0403: "sound", 0x0C03: "USB", 0x0C80: "USB-C"}


@check(
    id="sibling-functions", title="Functions beside the display", severity=Severity.HIGH, edge=("sound function", "die")
)
def sibling_functions(case: Case) -> Outcome:
    """Look up the die of every function in the slot."""
    pci = measured(case.evidence.pci, "pci")
    if case.evidence.host.hypervisor:
        return not_applicable("A virtual machine puts functions together as it likes.")
    functions = [each for each in pci.siblings if each.vendor_id == _NVIDIA and _kind(each)]
    if not functions:
        return not_applicable("No function beside the display was shown; many cards have none.")
    dies = {profile.die.name for profile in case.profiles}
    found = {each: set(case.catalog.dies_of_function(each.device_id)) for each in functions}
    observed = ", ".join(f"{_kind(each)} {pci_id(each.vendor_id, each.device_id)}" for each in functions)
    foreign = {each: names for each, names in found.items() if names and not names & dies}
    if foreign:
        return _foreign(case, foreign, observed, " or ".join(sorted(dies)))
    if not any(found.values()):
        return inconclusive("These functions are on record for no die.", observed, evidence=("pci.siblings",))
    return Outcome(Status.PASS, f"They are those of {' or '.join(sorted(dies))}.", observed)


def _foreign(case: Case, foreign: dict[PciSibling, set[str]], observed: str, dies: str) -> Outcome:
    told = "; ".join(
        f"the {_kind(each)} function {pci_id(each.vendor_id, each.device_id)} is that of {' or '.join(sorted(names))}"
        for each, names in foreign.items()
    )
    return Outcome(
        Status.FAIL,
        f"The device id names {case.sku}, which is cut from {dies}, but {told}.",
        observed=observed,
        expected=f"functions of {dies}",
        remedy="Measure the silicon: a kernel run tells the generation and the number of units.",
        evidence=("pci.siblings", "pci.device_id"),
        kinds=(Kind.REMARKED,),
    )


def _kind(function: PciSibling) -> str:
    return _KINDS.get((function.class_code or 0) >> 8, "")
