"""``docs/detection.md`` and its picture, made of a scoreboard. No number in them is typed."""

from collections.abc import Sequence
from pathlib import Path

from gpucheck.model.units import percent
from gpucheck.verdict.weights import BY_CHECK, weights_digest
from tests.lab.goals import DETECTED, NAMED
from tests.lab.likelihoods import basis
from tests.lab.picture import curve
from tests.lab.score import ALARMS, FORGED, HONEST, Board, ranking

_ALARMS = tuple(each.value for each in ALARMS)
_DECIDING = 4

_HEAD = """# How often gpucheck is right

{honest:,} honest and {forged:,} forged cards, drawn by chance from seed {seed} and judged like real ones. All are
simulated: the figures say how the rules fare against cards as they are modelled, not how many forgeries are about.
`make lab` judges them anew and writes this page; a tenth of them is judged by `make test`. Rules: weights {weights}.

| | |
|---|---|
| honest cards accused | {false:,} of {honest:,} |
| honest cards called authentic; the others stay open | {passed} |
| forged cards detected, of those with anything to be seen | {detected:,} of {seen:,} ({share}; goal {goal}) |
| named rightly, of those detected | {named} (goal {named_goal}) |
| forged cards with something to be seen that were called authentic | {authentic:,} |
| area under the curve of the score | {area:.5f} |

![Share of forged cards detected and honest cards accused, by threshold of the score](detection.svg)

"""
_WEIGHTS = """Weights are decibans. Where honest cards of the laboratory fail a check, their share and that of forged
cards say what a failure is worth. Where none does, the laboratory gives a bound alone, and the weight is an expert's
estimate: honest cards that are modelled do not show what nobody thought of. A decisive failure settles a card alone.

"""
_SPREADS = """## How they were drawn

Honest cards: every SKU of the catalog under partners' firmware, power limits and drivers, in the circumstances of the
first table; the module `tests/lab/honest.py` says where each spread comes from. Forged cards: the classes of the second
table, from a renamed card to a forger who copies all that the target declares and sets the clocks to fit. Kernels run
on simulated silicon once for every few cards that share it; each card has noise of its own.

What cannot be caught, and relatives so close that a slow card of the model measures the same, are classes of their own
and do not count above. [What software cannot prove](limits.md) says what that means for a buyer.

"""


def write_page(board: Board, folder: Path, seed: int) -> None:
    """Write page and picture."""
    (folder / "detection.md").write_text(page(board, seed), encoding="utf-8")
    (folder / "detection.svg").write_text(curve(ranking(board)[1]), encoding="utf-8")


def page(board: Board, seed: int) -> str:
    """The page as Markdown."""
    seen, detected = board.count(FORGED), board.count(FORGED, None, *_ALARMS)
    every = sum(n for (population, _, _), n in board.outcomes.items() if population == FORGED)
    head = _HEAD.format(
        honest=board.count(HONEST),
        forged=every,
        seed=seed,
        weights=weights_digest().removeprefix("sha256:")[:12],
        false=board.count(HONEST, None, *_ALARMS),
        passed=percent(board.count(HONEST, None, "authentic") / board.count(HONEST), 1),
        detected=detected,
        seen=seen,
        share=percent(detected / seen, 2),
        goal=percent(DETECTED, 1),
        named=percent(1 - sum(board.misnamed.values()) / detected, 2),
        named_goal=percent(NAMED),
        authentic=board.count(FORGED, None, "authentic"),
        area=ranking(board)[0],
    )
    return head + _honest(board) + _forged(board) + _calibration(board) + _checks(board) + _SPREADS.rstrip() + "\n"


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n\n"


def _honest(board: Board) -> str:
    rows = []
    for name in board.groups(HONEST):
        number, false = board.count(HONEST, name), board.count(HONEST, name, *_ALARMS)
        good = board.count(HONEST, name, "authentic")
        rows.append((name, f"{number:,}", f"{good:,}", f"{number - good - false:,}", f"{false:,}"))
    return "## Honest cards\n\n" + _table(("circumstance", "cards", "authentic", "inconclusive", "accused"), rows)


def _forged(board: Board) -> str:
    rows = []
    for name in board.groups(FORGED):
        number, detected = board.count(FORGED, name), board.count(FORGED, name, *_ALARMS)
        counts = [board.count(FORGED, name, verdict) for verdict in ("inconclusive", "authentic")]
        deciding = [
            (n, check) for (group, check), n in board.decided.items() if group == name and name not in board.hidden
        ]
        first = ", ".join(f"`{check}`" for _, check in sorted(deciding, key=lambda x: (-x[0], x[1]))[:_DECIDING])
        told = (f"{number:,}", f"{detected:,}", f"{counts[0]:,}", f"{counts[1]:,}", f"{board.misnamed[name]:,}", first)
        rows.append((name, *told))
    columns = ("class", "cards", "detected", "inconclusive", "authentic", "misnamed", "what decided most often")
    return "## Forged cards\n\n" + _table(columns, rows)


def _calibration(board: Board) -> str:
    """How coverage and confidence go with being right."""
    rows = []
    for tenth in range(10):
        told = [
            sum(n for (p, v, t), n in board.covered.items() if p == population and t == tenth and v in verdicts)
            for population, verdicts in (
                (HONEST, ("authentic",)),
                (HONEST, ("inconclusive",)),
                (FORGED, _ALARMS),
                (FORGED, ("inconclusive", "authentic")),
            )
        ]
        if any(told):
            rows.append((f"{tenth * 10} to {tenth * 10 + 10} %", *(f"{number:,}" for number in told)))
    columns = ("coverage", "honest, authentic", "honest, open", "forged, detected", "forged, not detected")
    return (
        "## Coverage and confidence\n\nCoverage is the share of the evidence, by weight, that was examined.\n\n"
        + _table(columns, rows)
        + _confidence(board)
    )


def _confidence(board: Board) -> str:
    rows = []
    for word in ("high", "medium", "low"):
        counts = [
            sum(n for (p, _, confidence), n in board.failures.items() if p == population and confidence == word)
            for population in (HONEST, FORGED)
        ]
        wrong = percent(counts[0] / sum(counts), 3) if sum(counts) else "-"
        rows.append((word, f"{counts[0]:,}", f"{counts[1]:,}", wrong))
    columns = ("confidence of a failing check", "on honest cards", "on forged cards", "share on honest ones")
    return _table(columns, rows)


def _checks(board: Board) -> str:
    """Which check decided, and how often each failed."""
    rows = []
    for check, weight in BY_CHECK.items():
        decided = sum(n for (_, name), n in board.decided.items() if name == check)
        failed = [
            sum(n for (p, name, _), n in board.failures.items() if p == population and name == check)
            for population in (FORGED, HONEST)
        ]
        if decided or any(failed):
            counts = (f"{number:,}" for number in (decided, *failed))
            rows.append((f"`{check}`", str(weight.on_fail), *counts, basis(check, board)))
    columns = ("check", "weight of a failure", "decided", "failed on forged", "failed on honest", "the weight's basis")
    return "## Checks\n\n" + _WEIGHTS + _table(columns, rows)
