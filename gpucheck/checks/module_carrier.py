"""Whether a module for server boards sits on an adapter.

What it checks: an SXM module, by its device id, in a machine whose firmware says that it is a desktop.
Why it matters: such modules are sold on adapter boards with a PCIe connector, openly and at a lower price. Who pays for
the PCIe card wants to know that.
How it can be fooled: chassis types are what the machine's firmware says.
A failure does not mean: there is none. An adapter is no alteration of the module, so this notes it and passes.
References: adapters for P100 to H100 modules as they are sold; DMI chassis types.
"""

from gpucheck.checks.base import Case, Outcome, check, not_applicable
from gpucheck.model.finding import Confidence, Severity, Status


@check(id="module-carrier", title="Module on an adapter", severity=Severity.LOW, edge=("module", "machine"))
def module_carrier(case: Case) -> Outcome:
    """Note a server module outside a server."""
    if any(p.form_factor != "sxm" for p in case.profiles):
        return not_applicable("The device id is not that of a server module.")
    chassis = case.evidence.host.chassis
    if chassis not in ("desktop", "laptop"):
        return not_applicable("Nothing says that the module is outside a server.")
    return Outcome(
        Status.PASS,
        f"A module for server boards ({case.sku}) in a {chassis}: it sits on an adapter. That is no alteration.",
        observed=chassis,
        expected="server, or an adapter that the seller names",
        remedy="See to the adapter's power and cooling. The link between modules (NVLink) is not there.",
        confidence=Confidence.MEDIUM,
        severity=Severity.LOW,
        evidence=("pci.device_id", "host.chassis"),
    )
