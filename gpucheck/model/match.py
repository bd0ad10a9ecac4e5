"""Which SKU the declared identity names."""

from typing import Literal

from gpucheck.model.base import Frozen
from gpucheck.model.modification import Modification
from gpucheck.model.profile import Profile


class Claim(Frozen):
    """What the card was sold as: the buyer's words, and the SKUs that they can mean."""

    text: str
    profiles: tuple[Profile, ...]
    memory_mib: int | None = None
    """A capacity named in the claim, such as the 12 GB of ``RTX 3080 12GB``."""


class Match(Frozen):
    """Profiles that fit the declared identity. Several where an id or a name is shared and nothing tells them apart."""

    profile: Profile | None = None
    candidates: tuple[Profile, ...] = ()
    modification: Modification | None = None
    basis: Literal["device_id", "name", "none"] = "none"
    note: str = ""

    @property
    def fitting(self) -> tuple[Profile, ...]:
        """The one profile where there is one, else every candidate."""
        return (self.profile,) if self.profile else self.candidates
