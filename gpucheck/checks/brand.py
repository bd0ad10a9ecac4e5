"""Whether the driver's brand fits the class of the SKU.

What it checks: GeForce or Titan on one side, professional and data-centre brands on the other, against the profile.
Why it matters: a mining or consumer board that is passed off as a data-centre card keeps its own brand.
How it can be fooled: with the rest of the driver's tables.
A failure does not mean: much by itself; brand names changed over the years, and only the coarse line is drawn here.
References: NVML brand enumeration; CMP 100-210 sold as V100 states the brand Quadro.
"""

from gpucheck.checks.base import Case, Outcome, check, inconclusive
from gpucheck.model.finding import Confidence, Kind, Severity, Status

_CONSUMER = ("geforce", "titan")


@check(id="brand", title="Brand against class", severity=Severity.MEDIUM)
def brand(case: Case) -> Outcome:
    """Compare the brand with the SKU's class."""
    stated = case.text("brand")
    if stated.lower() in ("unknown", "n/a", "nvidia", "graphics device"):
        return inconclusive("The driver states no telling brand.", stated)
    classes = {p.sku_class for p in case.profiles}
    if classes & {"mining", "vgpu"}:
        return inconclusive("Boards of this class carry various brands.", stated)
    consumer = any(word in stated.lower() for word in _CONSUMER)
    if consumer == bool(classes & {"geforce", "titan"}):
        return Outcome(Status.PASS, f"The brand {stated} fits {case.sku}.", stated, confidence=Confidence.LOW)
    return Outcome(
        Status.FAIL,
        f"The driver calls the brand {stated}, which does not fit {case.sku}.",
        observed=stated,
        expected="a GeForce brand" if classes & {"geforce", "titan"} else "a professional or data-centre brand",
        remedy="Compare with the other findings; by itself this proves little.",
        confidence=Confidence.MEDIUM,
        evidence=(f"{case.declared_section}.brand",),
        kinds=(Kind.REMARKED,),
    )
