"""Judge the forged pairs of the catalog and count the verdicts: ``make fraud-pairs``.

``--limit SECONDS`` stops in time and says how much is left; ``--hard`` judges only the pairs that are hard to tell.
Ends with 1 where a pair was found authentic, or where not all were judged.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import NamedTuple

from gpucheck.pipeline import assess
from tests.cards import catalog
from tests.lab.pairs import HONEST, Pair, compose, differs_in, forged_pairs, honest, is_hard, profiles

_FORK = multiprocessing.get_context("fork")
"""Workers inherit what was scanned before."""
_BATCH = 1000
_USUAL_LIMIT = 900


class Judged(NamedTuple):
    """Verdicts of a batch, and the pairs that passed as authentic."""

    verdicts: Counter[str]
    authentic: list[Pair]


def judge(pairs: list[Pair], deadline: float) -> Judged:
    """Judge pairs until the deadline, in seconds of ``time.monotonic``."""
    verdicts: Counter[str] = Counter()
    authentic = []
    for pair in pairs:
        if time.monotonic() > deadline:
            break
        verdict = assess(compose(pair), catalog()).verdict.authenticity.value
        verdicts[verdict] += 1
        if verdict == "authentic":
            authentic.append(pair)
    return Judged(verdicts, authentic)


def judge_all(pairs: list[Pair], deadline: float, workers: int) -> Judged:
    """Judge in processes side by side."""
    batches = [pairs[start : start + _BATCH] for start in range(0, len(pairs), _BATCH)]
    verdicts: Counter[str] = Counter()
    authentic: list[Pair] = []
    with ProcessPoolExecutor(workers, _FORK) as pool:
        for done in as_completed([pool.submit(judge, batch, deadline) for batch in batches]):
            verdicts += done.result().verdicts
            authentic += done.result().authentic
    return Judged(verdicts, authentic)


def scan_all(workers: int) -> None:
    """Scan an honest card of every SKU."""
    with ProcessPoolExecutor(workers, _FORK) as pool:
        HONEST.update(zip(profiles(), pool.map(honest, profiles(), chunksize=8), strict=True))


def main() -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=_USUAL_LIMIT, help="seconds (default %(default)s)")
    parser.add_argument("--hard", action="store_true", help="only pairs that are hard to tell")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    started = time.monotonic()
    scan_all(asked.workers)
    pairs = [pair for pair in forged_pairs() if not asked.hard or is_hard(pair)]
    print(f"{len(profiles())} SKUs scanned, {len(pairs):,} forged pairs to judge", flush=True)
    found = judge_all(pairs, started + asked.limit, asked.workers)
    for verdict, count in sorted(found.verdicts.items()):
        print(f"{count:>9,} {verdict}")
    for pair in found.authentic:
        print(f"AUTHENTIC: {pair.silicon} as {pair.declared}, which differ in {', '.join(differs_in(pair))}")
    left = len(pairs) - found.verdicts.total()
    print(f"{left:,} not judged within {asked.limit:.0f} s; " if left else "", end="")
    print(f"{time.monotonic() - started:.0f} s with {asked.workers} processes")
    return 1 if found.authentic or left else 0


if __name__ == "__main__":
    sys.exit(main())
