"""What to call a card of which several SKUs are left: by what they share, never by one that nothing singles out."""

from gpucheck.catalog.matching import Candidates, printed_by_all
from gpucheck.catalog.names import parse_name
from gpucheck.model.match import Claim, Match

_MAKER = "NVIDIA "


def names_for(match: Match, claim: Claim | None = None) -> tuple[str, ...]:
    """Return what the card may be called: one name where that is settled, else every SKU's; those of the claim alone
    where it names any of them.
    """
    left = _meant(match.candidates or match.fitting, claim)
    if len(left) == 1:
        return (left[0].name,)
    notebook = all(profile.form_factor == "laptop" for profile in left)
    if left and (match.profile or notebook) and (shared := _shared_name(left)):
        return (shared,)
    fitting = tuple(p for p in left if p in match.fitting) or left[:1]
    return tuple(dict.fromkeys(profile.name for profile in fitting))


def _meant(left: Candidates, claim: Claim | None) -> Candidates:
    wanted = {profile.id for profile in claim.profiles} if claim else set()
    return tuple(profile for profile in left if profile.id in wanted) or left


def _shared_name(left: Candidates) -> str:
    """What drivers call all of them; empty where that is another product's name, or none."""
    product = parse_name(left[0].name).product
    names = (name for name in printed_by_all(left) if parse_name(name).product == product)
    return next(names, "").removeprefix(_MAKER)
