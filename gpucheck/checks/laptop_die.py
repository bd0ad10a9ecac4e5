"""Whether a laptop die sits in a machine that is no laptop.

What it checks: a laptop SKU by device id, against the chassis that the firmware states and against the claim.
Why it matters: laptop dies are soldered onto desktop boards and sold as the faster desktop card of the same name.
How it can be fooled: by an honest-looking listing; give the claim, and the claim check settles it.
A failure does not mean: that the card is broken. Mini computers, carrier boards and external boxes with laptop dies are
sold honestly, so without a claim for a desktop model nothing is held against the card.
Before the 30 series drivers print one name for both, and sellers copy it: sold under that name, the part is right in a
laptop, and where the chassis is not known the question stays open.
References: laptop ids in NVIDIA's tables; DMI chassis types; names in nvidia-smi output of notebooks.
"""

from gpucheck.catalog.names import parse_name, squash_name
from gpucheck.checks.base import Case, Outcome, check, inconclusive, not_applicable
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.match import Claim
from gpucheck.model.profile import Profile
from gpucheck.model.text import with_article

_NO_BOARD = ("laptop", "unknown")
"""Chassis of which none is known to hold a desktop board."""


def for_desktops(claim: Claim) -> bool:
    """Whether the claim names no laptop part."""
    return all(profile.form_factor != "laptop" for profile in claim.profiles)


def sold_as_printed(case: Case) -> bool:
    """Whether a laptop part was sold under the name that drivers print for it, which is a desktop card's too.

    Never where the chassis is one that holds a desktop board: there the name is no excuse.
    """
    facts, sold = case.evidence.declared, case.claim
    if case.evidence.host.chassis not in _NO_BOARD:
        return False
    if sold is None or not for_desktops(sold) or any(p.form_factor != "laptop" for p in case.profiles):
        return False
    if facts and facts.name:
        known = {squash_name(name) for p in case.profiles for name in p.nvml_names}
        return squash_name(facts.name) in known and _reads_as(facts.name, sold)
    # A listing of the bus shows no driver's name; what drivers print for such a card is known all the same.
    return any(_reads_as(name, sold) for p in case.match.candidates or case.profiles for name in p.nvml_names)


def _reads_as(name: str, sold: Claim) -> bool:
    """Whether a driver's name bears no mark of a laptop and is that of a card that the claim names."""
    printed = parse_name(name)
    return not printed.laptop and any(printed.product == parse_name(p.name).product for p in sold.profiles)


@check(id="laptop-die", title="Laptop die outside a laptop", severity=Severity.HIGH)
def laptop_die(case: Case) -> Outcome:
    """Hold a laptop SKU against chassis and claim."""
    if any(p.form_factor != "laptop" for p in case.profiles):
        return not_applicable("The device id is not a laptop's.")
    chassis = case.evidence.host.chassis
    if case.claim and for_desktops(case.claim) and not sold_as_printed(case):
        return Outcome(
            Status.FAIL,
            f"Sold as {case.claim.text}, but the die is the laptop part {case.sku}{_lesser(case, case.claim)}.",
            observed=case.sku,
            expected=case.claim.text,
            remedy="A laptop die on a desktop board is worth less than the desktop card; ask for the difference back.",
            evidence=("pci.device_id",),
            kinds=(Kind.REMARKED,),
        )
    if chassis == "laptop":
        return Outcome(Status.PASS, "A laptop die, in a laptop.", chassis, "laptop", confidence=Confidence.LOW)
    if chassis in ("desktop", "server"):
        return inconclusive(
            f"This is {with_article(case.sku)}, a laptop part, in a {chassis}. Honest if sold as such; it is not the "
            "desktop card.",
            chassis,
            "laptop",
            ("host.chassis",),
        )
    return inconclusive(f"This is {with_article(case.sku)}, a laptop part; what machine it sits in is not known.")


def _lesser(case: Case, claim: Claim) -> str:
    """What the laptop part has less of, as far as it is on record: many have as many units as the desktop card."""
    parts = case.match.candidates or case.profiles
    found = []
    if less := _below([p.sm_counts for p in parts], [p.sm_counts for p in claim.profiles]):
        found.append(f"{less[0]} multiprocessors where that has {less[1]}")
    if _below(_watts(parts), _watts(claim.profiles)):
        found.append("lower power")
    return f": {', '.join(found)}" if found else ""


def _watts(profiles: tuple[Profile, ...]) -> list[tuple[int, ...]]:
    return [(p.power_default_watts,) if p.power_default_watts else () for p in profiles]


def _below(these: list[tuple[int, ...]], those: list[tuple[int, ...]]) -> tuple[int, int] | None:
    """The most of these and the least of those, where all are known and the first is the lower."""
    if not all(these) or not all(those):
        return None
    most, least = max(map(max, these)), min(map(min, those))
    return (most, least) if most < least else None
