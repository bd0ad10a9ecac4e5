"""The reference data that a finished report speaks of."""

import contextlib

from gpucheck.catalog.catalog import Catalog
from gpucheck.catalog.files import ProfileError
from gpucheck.model.profile import Profile
from gpucheck.model.report import Report


def profiles_of(report: Report, catalog: Catalog | None = None) -> dict[str, Profile]:
    """The SKUs that the report names, as far as they are known here."""
    known = catalog or Catalog()
    found: dict[str, Profile] = {}
    for id_ in dict.fromkeys(card.match.profile for card in report.cards):
        with contextlib.suppress(ProfileError):
            found |= {id_: known.by_id(id_)} if id_ else {}
    return found
