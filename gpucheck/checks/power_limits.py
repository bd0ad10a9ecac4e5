"""Whether the power limits suit the model, and are those of the firmware.

What it checks: the default limit that the driver states, against the model's usual one and against the power table of
the ROM where that was read.
Why it matters: firmware of a laptop, a mining card or another board brings its own limits; an edited table no longer
says what the driver was given.
How it can be fooled: limits are a number in a table that some generations do not sign.
A failure does not mean: fraud. Board partners go a quarter above the usual limit, makers of small machines far below;
only what is far outside counts, and little. The limit that a user set is not the default and is not looked at.
References: default limits in 27 captures of genuine GeForce and workstation cards lie between 1.0 and 1.28 of the
usual one; an A10G states twice what its data sheet says, so data-centre cards are passed over.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, not_applicable
from gpucheck.checks.vbios_agreement import runs_on
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Confidence, Kind, Severity, Status

_LEAST, _MOST = 0.6, 1.7
"""Against the usual limit."""
_SAME_WATTS, _SAME_SHARE = 3.0, 0.02


@check(
    id="power-limits",
    title="Power limits against model and firmware",
    severity=Severity.LOW,
    edge=("power limits", "firmware"),
)
def power_limits(case: Case) -> Outcome:
    """Compare the default limit with the model's and the ROM's."""
    profiles = case.profiles
    if any(p.sku_class not in ("geforce", "workstation") or p.form_factor in ("laptop", "embedded") for p in profiles):
        return not_applicable("For laptops, modules, mining and data-centre cards the limit is the machine maker's.")
    stated = case.field("power_default_watts")
    if not isinstance(stated, float | int) or stated <= 0:
        raise Missing("no default power limit was stated", f"{case.declared_section}.power_default_watts")
    usual = [p.power_default_watts for p in profiles if p.power_default_watts]
    odd = [words for words in (_unusual(stated, usual), _not_the_roms(case, stated)) if words]
    if odd:
        return Outcome(
            Status.FAIL,
            f"The default power limit is {'; '.join(odd)}.",
            observed=f"{stated:.0f} W (declared)",
            expected=_range(usual),
            remedy="Ask whose firmware the card runs, and whether its cooler and supply suit that limit.",
            confidence=Confidence.LOW,
            evidence=(f"{case.declared_section}.power_default_watts", "vbios.power"),
            kinds=(Kind.FIRMWARE_ALTERED,),
        )
    if not usual:
        return inconclusive("The model's usual limit is not on record.", f"{stated:.0f} W (declared)")
    return Outcome(Status.PASS, "The default power limit suits the model.", f"{stated:.0f} W (declared)", _range(usual))


def _range(usual: list[int]) -> str:
    return f"about {' or '.join(str(watts) for watts in sorted(set(usual)))} W" if usual else "that of the ROM"


def _unusual(stated: float, usual: list[int]) -> str:
    if not usual or _LEAST * min(usual) <= stated <= _MOST * max(usual):
        return ""
    return f"{stated:.0f} W, where {' or '.join(str(watts) for watts in sorted(set(usual)))} W is usual"


def _not_the_roms(case: Case, stated: float) -> str:
    rom = case.evidence.vbios
    if isinstance(rom, Unavailable) or rom.power is None or not runs_on(case, rom):
        return ""
    own = rom.power.default_watts
    near = abs(own - stated) <= max(_SAME_WATTS, _SAME_SHARE * own)
    return "" if near else f"{stated:.0f} W by the driver, {own:.0f} W by the firmware that runs"
