"""The fused answer."""

from enum import StrEnum

from gpucheck.model.base import Frozen
from gpucheck.model.finding import Kind


class Authenticity(StrEnum):
    """Is it what it says it is?"""

    AUTHENTIC = "authentic"
    INCONCLUSIVE = "inconclusive"
    SUSPECT = "suspect"
    MODIFIED = "modified"
    COUNTERFEIT = "counterfeit"


class Condition(StrEnum):
    """Is it in good condition? A worn card is not a fake."""

    GOOD = "good"
    WORN = "worn"
    DEFECTIVE = "defective"
    NOT_EXAMINED = "not_examined"


class Contribution(Frozen):
    """How one group of correlated checks moved the score: positive towards genuine."""

    group: str
    check: str
    decibans: int


class Verdict(Frozen):
    """Authenticity and condition, kept apart, with the reasons."""

    authenticity: Authenticity
    condition: Condition
    kinds: tuple[Kind, ...] = ()
    explanation: str
    coverage: float
    """Weight of the checks that gave an answer over the weight of all that could have, 0 to 1."""
    contributions: tuple[Contribution, ...] = ()
