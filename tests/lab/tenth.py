"""The tenth of the laboratory that ``make test`` judges, and its scoreboard as it is on record.

``python -m tests.lab.tenth`` writes the record anew. What it holds is what a change of a rule may move: verdicts,
conditions, scores and failures by group. A change that moves none of them changed nothing that a user would notice.
"""

import json
from pathlib import Path
from typing import Any

from tests.lab.run import FORGED_CARDS, HONEST_CARDS, SEED, judge_all
from tests.lab.score import Board

SHARE = 10
RECORD = Path(__file__).parent / "tenth.json"


def judge_tenth(workers: int = 1) -> Board:
    """Judge the first tenth of both populations."""
    return judge_all(SEED, HONEST_CARDS // SHARE, FORGED_CARDS // SHARE, workers)


def summary(board: Board) -> dict[str, Any]:
    """The sums as plain data, in a fixed order."""
    names = ("outcomes", "conditions", "decided", "scores", "failures", "misnamed")
    return {name: {_key(key): n for key, n in sorted(getattr(board, name).items())} for name in names}


def _key(key: Any) -> str:
    return " | ".join(map(str, key)) if isinstance(key, tuple) else str(key)


if __name__ == "__main__":
    RECORD.write_text(json.dumps(summary(judge_tenth(2)), indent=1) + "\n", encoding="utf-8")
