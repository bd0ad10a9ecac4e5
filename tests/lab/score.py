"""What the judge made of the laboratory's cards: one record a card, and sums of them that do not depend on order."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from gpucheck.model.finding import Finding, Status
from gpucheck.model.report import CardReport
from gpucheck.model.verdict import Authenticity
from gpucheck.pipeline import assess
from gpucheck.verdict.weights import BY_CHECK
from tests.cards import catalog
from tests.lab.bank import evidence_of
from tests.lab.card import LabCard
from tests.lab.forged import forged_card
from tests.lab.honest import honest_card

ALARMS = (Authenticity.SUSPECT, Authenticity.MODIFIED, Authenticity.COUNTERFEIT)
HONEST, FORGED = "honest", "forged"
_MAKERS = {HONEST: honest_card, FORGED: forged_card}


class Judged(NamedTuple):
    """One card and what came of it."""

    population: str
    number: int
    group: str
    observable: bool
    authenticity: str
    condition: str
    named: bool
    """One of the kinds is the right word for the forgery; True for an honest card without an alarm."""
    score: int
    """Sum of the contributions in decibans: positive towards genuine."""
    coverage: float
    decided: str
    """The check that moved the verdict most: the decisive failure, else the heaviest contribution."""
    failed: tuple[tuple[str, str], ...]
    """Checks of authenticity that failed, with the confidence of each."""
    error: bool
    answers: tuple[tuple[str, str], ...] = ()
    """Every check that passed or failed, and which of the two."""

    @property
    def alarmed(self) -> bool:
        """Whether the verdict accuses the card."""
        return self.authenticity in [each.value for each in ALARMS]


def card_of(population: str, seed: int, number: int) -> LabCard:
    """Card ``number`` of a population."""
    return _MAKERS[population](seed, number)


def judge(population: str, seed: int, number: int) -> Judged:
    """Make one card, collect its evidence and judge it."""
    card = card_of(population, seed, number)
    claim = catalog().resolve_claim(card.claim) if card.claim else None
    return judged(population, card, assess(evidence_of(card), catalog(), claim))


def judged(population: str, card: LabCard, report: CardReport) -> Judged:
    """The record of one report."""
    verdict = report.verdict
    failed = [f for f in report.findings if f.status is Status.FAIL and f.about == "authenticity"]
    alarmed = verdict.authenticity in ALARMS
    return Judged(
        population,
        card.number,
        card.group,
        card.observable,
        verdict.authenticity.value,
        verdict.condition.value,
        bool(card.kinds & set(verdict.kinds)) if card.kinds else not alarmed,
        sum(each.decibans for each in verdict.contributions),
        verdict.coverage,
        _decided(report, failed),
        tuple((f.check, f.confidence.value) for f in failed),
        any(f.status is Status.ERROR for f in report.findings),
        tuple((f.check, f.status.value) for f in report.findings if f.status in (Status.PASS, Status.FAIL)),
    )


def _decided(report: CardReport, failed: Iterable[Finding]) -> str:
    decisive = sorted((BY_CHECK[f.check].on_fail, f.check) for f in failed if BY_CHECK[f.check].decisive)
    if decisive:
        return decisive[0][1]
    against = sorted((each.decibans, each.check) for each in report.verdict.contributions if each.decibans < 0)
    return against[0][1] if against else ""


@dataclass
class Board:
    """Sums over many records. Adding two boards is the same in any order."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(population, group, authenticity) to number of cards."""
    conditions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(population, group, condition) to number of cards."""
    misnamed: Counter[str] = field(default_factory=Counter)
    """Class to cards that were detected and got none of the right words."""
    hidden: set[str] = field(default_factory=set)
    """Classes in which nothing can be seen."""
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(class, check) to alarmed cards in which the check weighed most."""
    scores: Counter[tuple[str, int]] = field(default_factory=Counter)
    """(population, score in decibans) to cards, hidden classes left out."""
    covered: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """(population, authenticity, coverage in tenths) to cards."""
    failures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(population, check, confidence) to failing findings."""
    answers: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """(population, group, check, pass or fail) to cards, hidden classes left out."""
    trouble: list[Judged] = field(default_factory=list)
    """Honest cards that were accused, forged ones that were missed or misnamed, and crashes."""

    def add(self, one: Judged) -> None:
        """Count one record."""
        self.outcomes[one.population, one.group, one.authenticity] += 1
        self.conditions[one.population, one.group, one.condition] += 1
        self.covered[one.population, one.authenticity, min(9, int(one.coverage * 10))] += 1
        for check, confidence in one.failed:
            self.failures[one.population, check, confidence] += 1
        if not one.observable:
            self.hidden.add(one.group)
        else:
            self.scores[one.population, one.score] += 1
            self.answers.update((one.population, one.group, check, status) for check, status in one.answers)
        if one.alarmed and one.decided:
            self.decided[one.group, one.decided] += 1
        if one.population == FORGED and one.observable and one.alarmed and not one.named:
            self.misnamed[one.group] += 1
        if _troubling(one):
            self.trouble.append(one)

    def join(self, other: "Board") -> None:
        """Add another board's sums."""
        for name in ("outcomes", "conditions", "misnamed", "decided", "scores", "covered", "failures", "answers"):
            getattr(self, name).update(getattr(other, name))
        self.hidden |= other.hidden
        self.trouble = sorted([*self.trouble, *other.trouble])

    def count(self, population: str, group: str | None = None, *verdicts: str) -> int:
        """Cards of a population, of one group or all that can be seen, with one of the verdicts or any."""
        return sum(
            number
            for (held, name, verdict), number in self.outcomes.items()
            if held == population
            and (name == group if group else name not in self.hidden)
            and (not verdicts or verdict in verdicts)
        )

    def groups(self, population: str) -> list[str]:
        """The groups of a population by name, hidden classes last."""
        names = {name for held, name, _ in self.outcomes if held == population}
        return sorted(names, key=lambda name: (name in self.hidden, name))


def _troubling(one: Judged) -> bool:
    if one.error:
        return True
    if one.population == HONEST:
        return one.alarmed
    return one.observable and (not one.alarmed or not one.named)


def ranking(board: Board) -> tuple[float, list[tuple[int, float, float]]]:
    """Area under the curve, and its points: threshold, share of honest cards accused, share of forged ones detected.

    A card is accused where its score is at or below the threshold. Half of a tie counts.
    """
    totals = {population: sum(n for (p, _), n in board.scores.items() if p == population) for population in _MAKERS}
    points, honest, forged, area = [], 0, 0, 0.0
    for score in sorted({score for _, score in board.scores}):
        more_honest, more_forged = board.scores[HONEST, score], board.scores[FORGED, score]
        area += more_honest * (forged + more_forged / 2)
        honest, forged = honest + more_honest, forged + more_forged
        points.append((score, honest / totals[HONEST], forged / totals[FORGED]))
    return area / (totals[HONEST] * totals[FORGED]), points
