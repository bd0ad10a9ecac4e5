"""Takes each rule away in turn and looks whether the laboratory notices: ``make lab-mutations``.

A check is deleted (it gives no answer any more), or its weight is set to zero. Evidence and findings of a part of the
populations are made once; each mutant is fused anew. One that leaves the scoreboard as it is has to fail a test of the
checks or of the verdict. Ends with 1 where nothing notices.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gpucheck.checks import Case
from gpucheck.model.finding import Finding, Status
from gpucheck.verdict import fusion, judge
from gpucheck.verdict.weights import WEIGHTS
from tests.cards import catalog
from tests.lab.bank import evidence_of
from tests.lab.mutant_plugin import VARIABLE, zeroed
from tests.lab.run import FORGED_CARDS, HONEST_CARDS, SEED
from tests.lab.score import FORGED, HONEST, card_of
from tests.lab.tenth import SHARE

_BATCH = 240
_TESTS = ("tests/verdict", "tests/checks", "tests/vbios", "tests/attestation")


@dataclass(frozen=True)
class Judged:
    """A card's case and findings, ready to be fused again."""

    case: Case
    findings: tuple[Finding, ...]


def examine(population: str, first: int, end: int) -> dict[str, int]:
    """How many cards of a part each mutant judges otherwise."""
    from gpucheck.checks import ALL_CHECKS

    held = []
    for number in range(first, end):
        card = card_of(population, SEED, number)
        evidence = evidence_of(card)
        claim = catalog().resolve_claim(card.claim) if card.claim else None
        case = Case(evidence, catalog().match(evidence), claim, catalog())
        held.append(Judged(case, tuple(check(case) for check in ALL_CHECKS)))
    usual = [_verdict(one.case, one.findings) for one in held]
    found: dict[str, int] = {}
    for weight in WEIGHTS:
        found[f"{weight.check} deleted"] = sum(
            _verdict(one.case, _without(one.findings, weight.check)) != was
            for one, was in zip(held, usual, strict=True)
        )
        if weight.on_fail or weight.on_pass:
            with _weightless(weight.check):
                found[f"{weight.check} without weight"] = sum(
                    _verdict(one.case, one.findings) != was for one, was in zip(held, usual, strict=True)
                )
    return found


def _verdict(case: Case, findings: Sequence[Finding]) -> tuple[Any, ...]:
    """What the scoreboard keeps of a verdict."""
    verdict = judge(case, findings)
    moved = sum(each.decibans for each in verdict.contributions)
    failed = tuple(f.check for f in findings if f.status is Status.FAIL)
    return verdict.authenticity, verdict.condition, verdict.kinds, moved, failed


def _without(findings: Sequence[Finding], check: str) -> tuple[Finding, ...]:
    gone = {"status": Status.NOT_APPLICABLE, "kinds": ()}
    return tuple(f.model_copy(update=gone) if f.check == check else f for f in findings)


def _weightless(check: str) -> Any:
    table = tuple(zeroed(w) if w.check == check else w for w in WEIGHTS)
    return patch.multiple(fusion, WEIGHTS=table, BY_CHECK={w.check: w for w in table})


def caught_by_tests(mutant: str) -> bool:
    """Whether a test of checks, verdict or probes fails for a mutant that the scoreboard does not show."""
    call = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "tests.lab.mutant_plugin",
        "-p",
        "no:cacheprovider",
        *_TESTS,
    ]
    done = subprocess.run(
        call, env={**os.environ, VARIABLE: mutant}, capture_output=True, cwd=Path(__file__).parents[2], check=False
    )
    return done.returncode == 1


def main() -> int:
    """Run as a script."""
    work = [
        (population, first, min(first + _BATCH, number // SHARE))
        for population, number in ((HONEST, HONEST_CARDS), (FORGED, FORGED_CARDS))
        for first in range(0, number // SHARE, _BATCH)
    ]
    total: dict[str, int] = {}
    with ProcessPoolExecutor() as pool:
        for found in pool.map(examine, *zip(*work, strict=True)):
            for mutant, moved in found.items():
                total[mutant] = total.get(mutant, 0) + moved
    for mutant, moved in total.items():
        print(f"{moved:>6,} cards judged otherwise: {mutant}")
    quiet = [mutant for mutant, moved in total.items() if not moved]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        caught = dict(zip(quiet, threads.map(caught_by_tests, quiet), strict=True))
    for mutant, noticed in caught.items():
        print(f"{'caught by a test' if noticed else 'UNSEEN'}: {mutant}")
    unseen = [mutant for mutant, noticed in caught.items() if not noticed]
    print(f"{len(total) - len(unseen)} of {len(total)} mutants are seen, {sum(caught.values())} of them by tests alone")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
