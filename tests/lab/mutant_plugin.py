"""A pytest plugin that takes one rule away: ``GPUCHECK_MUTANT="bar1-size deleted"`` or ``"bar1-size without weight"``.

The check keeps its manual and its place in the list, the table its digest: what fails then is what a user would notice.
"""

import os

from gpucheck.checks import ALL_CHECKS, Case
from gpucheck.checks.base import Outcome, not_applicable
from gpucheck.verdict import fusion
from gpucheck.verdict.weights import BY_CHECK, WEIGHTS, Weight

VARIABLE = "GPUCHECK_MUTANT"


def zeroed(weight: Weight) -> Weight:
    """The same row without any weight."""
    return weight._replace(on_fail=0, on_pass=0, decisive=False, required=False)


def mutate(mutant: str) -> None:
    """Take the rule away in this process."""
    name, _, how = mutant.partition(" ")
    if how == "deleted":
        _delete(name)
    else:
        BY_CHECK[name] = zeroed(BY_CHECK[name])
        setattr(fusion, "WEIGHTS", tuple(BY_CHECK[weight.check] for weight in WEIGHTS))  # noqa: B010 - it is imported there


def _delete(name: str) -> None:
    check = next(each for each in ALL_CHECKS if each.id == name)

    def silent(_case: Case) -> Outcome:
        return not_applicable("This rule was taken away.")

    silent.__module__ = check.appraise.__module__
    object.__setattr__(check, "appraise", silent)


if VARIABLE in os.environ:
    mutate(os.environ[VARIABLE])
