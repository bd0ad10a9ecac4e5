"""Judge the laboratory's populations: ``make lab``. Writes ``docs/detection.md`` and its picture.

``--honest`` and ``--forged`` say how many cards, ``--seed`` which, ``--limit`` for how many seconds at most. Ends with
1 where a goal is missed, or where not all cards were judged in time. ``--counterexamples DIR`` saves what went wrong as
scenarios that are as small as they can be.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.lab.goals import missed_goals
from tests.lab.page import write_page
from tests.lab.score import FORGED, HONEST, Board, judge

SEED = 2026
HONEST_CARDS = FORGED_CARDS = 20_400
_FORK = multiprocessing.get_context("fork")
_BATCH = 240
"""Cards in one piece of work; a multiple of the runs that share silicon, else some of it is scanned twice."""
_LIMIT_SECONDS = 900
_DOCS = Path(__file__).parents[2] / "docs"

Batch = tuple[str, int, int, int]
"""Population, seed, first and behind the last number."""


def batches(seed: int, honest: int, forged: int, size: int = _BATCH) -> list[Batch]:
    """The work in pieces."""
    return [
        (population, seed, first, min(first + size, number))
        for population, number in ((HONEST, honest), (FORGED, forged))
        for first in range(0, number, size)
    ]


def judge_batch(batch: Batch) -> Board:
    """Judge one piece."""
    population, seed, first, end = batch
    board = Board()
    for number in range(first, end):
        board.add(judge(population, seed, number))
    return board


def judge_all(
    seed: int, honest: int, forged: int, workers: int, deadline: float = float("inf"), size: int = _BATCH
) -> Board:
    """Judge in processes side by side; what does not come until the deadline is left out."""
    board = Board()
    for found in _boards(batches(seed, honest, forged, size), workers, deadline):
        board.join(found)
    return board


def _boards(work: list[Batch], workers: int, deadline: float) -> Iterator[Board]:
    if workers < 2:
        yield from (judge_batch(batch) for batch in work if time.monotonic() < deadline)
        return
    with ProcessPoolExecutor(workers, _FORK) as pool:
        futures = [pool.submit(judge_batch, batch) for batch in work]
        for future in futures:
            if time.monotonic() > deadline:
                future.cancel()
            else:
                yield future.result()


def main() -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--honest", type=int, default=HONEST_CARDS)
    parser.add_argument("--forged", type=int, default=FORGED_CARDS)
    parser.add_argument("--limit", type=float, default=_LIMIT_SECONDS, help="seconds (default %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--counterexamples", type=Path)
    asked = parser.parse_args()
    started = time.monotonic()
    board = judge_all(asked.seed, asked.honest, asked.forged, asked.workers, started + asked.limit)
    done = sum(board.outcomes.values())
    print(f"{done:,} cards judged in {time.monotonic() - started:.0f} s with {asked.workers} processes")
    for one in board.trouble[:40]:
        print(
            f"  {one.population} {one.number} ({one.group}): {one.authenticity}, {', '.join(c for c, _ in one.failed)}"
        )
    if asked.counterexamples:
        from tests.lab.shrink import save_all

        save_all(board.trouble, asked.seed, asked.counterexamples)
    failed = missed_goals(board)
    if done < asked.honest + asked.forged:
        failed.append(f"only {done:,} of {asked.honest + asked.forged:,} cards were judged in time")
    elif (asked.seed, asked.honest, asked.forged) == (SEED, HONEST_CARDS, FORGED_CARDS):
        write_page(board, _DOCS, asked.seed)
    for goal in failed:
        print(f"MISSED: {goal}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
