"""Asking single cells again: a bit that sticks is wrong each time, one that forgets is right now and then.

Three passes read a cell too seldom to tell the two apart. Where no more than a few vectors were wrong, each of them is
written and read some times more, with all caches emptied in between.
"""

from collections.abc import Sequence

import numpy as np

from gpucheck.probes.pattern import ALL_ONES
from gpucheck.probes.walk_journal import Observed
from gpucheck.probes.walk_passes import Walk
from gpucheck.probes.walk_rows import few_flips

MOST_VECTORS = 16
"""More of them tell by their number what they are."""
ROUNDS = 48
"""A weak cell that keeps its bit one time in four is wrong in half of them with one in a thousand."""


def ask(walk: Walk, evict_bytes: int) -> None:
    """Ask the wrong vectors of a walk, in the polarities in which they were wrong, until each was right in all."""
    asked = _few(walk.observed)
    if not asked:
        return
    doubtful = {complement: _wrong(walk.observed, complement) for complement in (0, ALL_ONES)}
    for number in range(ROUNDS):
        left = [complement for complement, vectors in doubtful.items() if vectors]
        if not left:
            break
        complement = left[number % len(left)]
        doubtful[complement] &= _wrong([walk.ask(asked, complement, evict_bytes)], complement)


def _few(observed: Sequence[Observed]) -> list[int]:
    """The wrong vectors, ascending; none where they are too many, or wrong in more than some bits."""
    if not all(seen.complete and few_flips(seen.rows).all() for seen in observed):
        return []
    wrong = np.unique(np.concatenate([seen.rows[:, 0] for seen in observed]))
    return [int(index) for index in wrong] if wrong.size <= MOST_VECTORS else []


def _wrong(observed: Sequence[Observed], complement: int) -> set[int]:
    """Vectors that were wrong in a pass of a polarity."""
    return {int(index) for seen in observed if seen.values.complement == complement for index in seen.rows[:, 0]}
