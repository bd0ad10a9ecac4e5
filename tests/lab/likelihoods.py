"""How much likelier an answer of a check is on honest cards of the laboratory than on forged ones, in decibans.

Of forged cards those classes count in which the check fails at all: what a weight says is how a failure is to be taken,
and not how many forgeries are of a kind. Half a card is added to every count.
"""

import math
from typing import NamedTuple

from gpucheck.model.finding import Status
from gpucheck.verdict.weights import BY_CHECK
from tests.lab.score import FORGED, HONEST, Board

ENOUGH = 300
"""Honest cards with an answer, below which the laboratory says nothing of a check."""


class Estimate(NamedTuple):
    """What the laboratory says of one check."""

    on_fail: float
    on_pass: float
    honest_failed: int
    honest_answered: int
    forged_failed: int


def estimate(check: str, board: Board) -> Estimate:
    """Count, and take the logarithms of the ratios."""
    telling = {
        group
        for (population, group, name, status), n in board.answers.items()
        if (population, name, status) == (FORGED, check, Status.FAIL.value) and n
    }
    failed, passed = dict.fromkeys((HONEST, FORGED), 0), dict.fromkeys((HONEST, FORGED), 0)
    for (population, group, name, status), n in board.answers.items():
        if name == check and (population == HONEST or group in telling):
            counts = failed if status == Status.FAIL.value else passed
            counts[population] += n
    rate = {p: (failed[p] + 0.5) / (failed[p] + passed[p] + 1) for p in (HONEST, FORGED)}
    return Estimate(
        10 * math.log10(rate[HONEST] / rate[FORGED]),
        10 * math.log10((1 - rate[HONEST]) / (1 - rate[FORGED])),
        failed[HONEST],
        failed[HONEST] + passed[HONEST],
        failed[FORGED],
    )


def basis(check: str, board: Board) -> str:
    """What the weight of a failure rests on, in words."""
    if not BY_CHECK[check].on_fail:
        return "no weight"
    found = estimate(check, board)
    if not found.forged_failed or found.honest_answered < ENOUGH:
        return "expert estimate"
    if found.honest_failed:
        return f"laboratory: {found.on_fail:.0f}"
    return f"expert estimate; none of {found.honest_answered:,} honest cards failed ({found.on_fail:.0f} or beyond)"
