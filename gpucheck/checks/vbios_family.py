"""Whether the VBIOS was made for the die that the device id names.

What it checks: the first two bytes of the VBIOS version against the die. They follow the die, not the product name: an
RTX 3060 on a GA104 rightly carries 94.04.
Why it matters: an old chip with a rewritten device id still runs, and states, its own generation's firmware.
How it can be fooled: a patched driver can state any version.
A failure does not mean: that the card was tampered with by the seller; it may have passed through many hands.
References: 156 captures of real cards, none against; envytools for the generations before Ampere.
"""

import re

from gpucheck.checks.base import Case, Outcome, check, inconclusive
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.text import with_article

_VERSION = re.compile(r"^[0-9A-F]{2}\.[0-9A-F]{2}\.[0-9A-F]{2}")


@check(id="vbios-family", title="VBIOS family against die", severity=Severity.CRITICAL, edge=("VBIOS", "die"))
def vbios_family(case: Case) -> Outcome:
    """Compare the VBIOS family with the die's."""
    version, section = _version(case)
    family = version[:5]
    dies = tuple(dict.fromkeys(p.die.name for p in case.profiles))
    expected = sorted({f for p in case.profiles for f in p.die.vbios_families})
    if not _VERSION.match(version) or version.startswith("00.00"):
        return inconclusive("The VBIOS version is not in a form that names a family.", version)
    if family in expected:
        return Outcome(Status.PASS, f"VBIOS {version} belongs to {' or '.join(dies)}.", family, " or ".join(expected))
    others = case.catalog.dies_of_vbios_family(family)
    if not expected or not others:
        return inconclusive("This VBIOS family, or the die's, is not in the catalog.", family, " or ".join(expected))
    return Outcome(
        Status.FAIL,
        f"The card names itself {case.sku}, {with_article(' or '.join(dies))}, but its VBIOS {version} was made for "
        f"{' or '.join(others)}. Firmware of another die cannot run on the named one.",
        observed=f"{family} ({' or '.join(others)})",
        expected=" or ".join(expected),
        remedy="Treat it as a card of the die that its VBIOS was made for. Do not pay for the named model.",
        evidence=(f"{section}.vbios_version", "pci.device_id"),
        kinds=(Kind.REMARKED,),
    )


def _version(case: Case) -> tuple[str, str]:
    """NVML's account, else the kernel driver's; and where it comes from."""
    driver = case.evidence.driver
    stated = case.evidence.declared
    if not (stated and stated.vbios_version) and not isinstance(driver, Unavailable) and driver.vbios_version:
        return driver.vbios_version.upper(), "driver"
    return case.text("vbios_version").upper(), case.declared_section
