"""Whether the architecture that the driver states is the one of the named die.

What it checks: the architecture name against the profile's die.
Why it matters: the driver reads it from the chip, not from the name table.
How it can be fooled: by a patched driver or a replaced NVML library.
A failure does not mean: that the measured silicon differs; see the checks that ran kernels.
References: NVML architecture enumeration.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive
from gpucheck.model.finding import Kind, Severity, Status

_KNOWN = ("fermi", "kepler", "maxwell", "pascal", "volta", "turing", "ampere", "ada", "hopper", "blackwell", "rubin")


@check(id="architecture", title="Architecture against die", severity=Severity.CRITICAL)
def architecture(case: Case) -> Outcome:
    """Compare the architecture names."""
    stated = case.text("architecture")
    word = next((a for a in _KNOWN if stated.lower().startswith(a)), None)
    expected = sorted({p.die.architecture for p in case.profiles})
    if word is None:
        return inconclusive("The architecture's name is not one that the catalog knows.", stated)
    if word in {e.lower().split()[0] for e in expected}:
        return Outcome(Status.PASS, f"{stated} is the architecture of {case.sku}.", stated, " or ".join(expected))
    return Outcome(
        Status.FAIL,
        f"{case.sku} is {' or '.join(expected)} silicon, but the driver reads {stated} from the chip.",
        observed=stated,
        expected=" or ".join(expected),
        remedy="Treat it as a card of the generation that the chip states.",
        evidence=(f"{case.declared_section}.architecture",),
        kinds=(Kind.REMARKED,),
    )
