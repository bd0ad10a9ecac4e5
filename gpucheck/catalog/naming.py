"""What to call a card of which several SKUs are left: by what they share, never by one that nothing singles out."""

from gpucheck.catalog.matching import Candidates, printed_by_all
from gpucheck.catalog.names import parse_name
from gpucheck.model.match import Claim, Match
from gpucheck.model.profile import Profile

_MAKER = "NVIDIA "


def names_for(match: Match, claim: Claim | None = None) -> tuple[str, ...]:
    """Return what the card may be called: one name where that is settled, else every SKU's; those of the claim alone
    where it names any of them.
    """
    left = _meant(match.candidates or match.fitting, claim)
    notebook = all(profile.form_factor == "laptop" for profile in left)
    if len(left) > 1 and (match.profile or notebook) and (shared := _shared_name(left)):
        return (shared,)
    fitting = tuple(p for p in left if p in match.fitting) or left[:1]
    return tuple(dict.fromkeys(map(_called, fitting)))


def _meant(left: Candidates, claim: Claim | None) -> Candidates:
    wanted = {profile.id for profile in claim.profiles} if claim else set()
    return tuple(profile for profile in left if profile.id in wanted) or left


def _shared_name(left: Candidates) -> str:
    """What drivers call all of them; empty where that is another product's name, or none."""
    return next((name for name in printed_by_all(left) if _names(name, left[0])), "").removeprefix(_MAKER)


def _called(profile: Profile) -> str:
    """The SKU's name; a notebook's as drivers print it, where they mark it as one."""
    marked = (name for name in profile.nvml_names if name.endswith("Laptop GPU") and _names(name, profile))
    return next(marked, profile.name).removeprefix(_MAKER)


def _names(printed: str, profile: Profile) -> bool:
    """Whether a driver's name is this product's own: some ids print a relative's as well."""
    return parse_name(printed).without_brand().product == parse_name(profile.name).without_brand().product
