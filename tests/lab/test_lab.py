"""A tenth of the laboratory, its record, and the tools that make something of what went wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Status
from gpucheck.model.measured import Bandwidth, HostLink, Throughput
from gpucheck.pipeline import assess
from gpucheck.verdict import weights_digest
from gpucheck.verdict.weights import BY_CHECK
from tests.cards import catalog, evidence_from, finding, report
from tests.lab.bank import evidence_of, scan
from tests.lab.card import LabCard
from tests.lab.forged import FORGERIES
from tests.lab.goals import missed_goals
from tests.lab.honest import STRATA
from tests.lab.likelihoods import ENOUGH, basis, estimate
from tests.lab.page import page
from tests.lab.run import FORGED_CARDS, HONEST_CARDS, SEED, judge_all
from tests.lab.score import FORGED, HONEST, Board, Judged, card_of, judged, ranking
from tests.lab.shrink import document, shrunk, wrong_as
from tests.lab.tenth import RECORD, SHARE, judge_tenth, summary

DOCS = Path(__file__).parents[2] / "docs"
COUNTEREXAMPLES = sorted((Path(__file__).parent / "counterexamples").glob("*.json"))


@pytest.mark.longest
def test_the_tenth_reaches_every_goal_and_its_scoreboard_is_the_one_on_record() -> None:
    """Where the record differs, a rule moved verdicts: look at what moved, then let ``make lab`` write it anew."""
    board = judge_tenth()
    assert sum(board.outcomes.values()) == (HONEST_CARDS + FORGED_CARDS) // SHARE
    assert missed_goals(board) == []
    honest_failures = {check for (population, check, _), n in board.failures.items() if population == HONEST and n}
    assert not [check for check in honest_failures if BY_CHECK[check].decisive]
    estimates = {check: estimate(check, board) for check, weight in BY_CHECK.items() if weight.on_fail}
    usable = {c: e for c, e in estimates.items() if e.honest_failed and e.honest_answered >= ENOUGH and e.forged_failed}
    assert {c: round(e.on_fail) for c, e in usable.items() if BY_CHECK[c].on_fail < e.on_fail - 3} == {}
    assert summary(board) == json.loads(RECORD.read_text(encoding="utf-8"))


def test_the_page_was_made_with_these_rules() -> None:
    text = (DOCS / "detection.md").read_text(encoding="utf-8")
    assert weights_digest().removeprefix("sha256:")[:12] in text, "run `make lab`"
    assert (DOCS / "detection.svg").read_text(encoding="utf-8").startswith("<svg")


def test_one_seed_gives_one_scoreboard_however_it_is_divided() -> None:
    one, other = (judge_all(11, 48, 48, workers, size=size) for workers, size in ((1, 48), (2, 20)))
    assert summary(one) == summary(other)
    assert page(one, 11) == page(other, 11)
    assert summary(judge_all(12, 48, 48, 2)) != summary(one)


_FREE = {"memory-bandwidth", "memory-uniformity", "memory-residency", "memory-speed", "load-condition", "host-link"}
"""They hold a rate against a limit, and noise falls otherwise in another scan."""


@pytest.mark.parametrize("population", [HONEST, FORGED])
@pytest.mark.parametrize("number", range(0, 480, 40))
def test_a_card_out_of_the_bank_is_judged_like_a_whole_scan(population: str, number: int) -> None:
    card = card_of(population, SEED, number)
    banked, scanned = (assess(found, catalog()) for found in (evidence_of(card), scan(card)))
    assert banked.verdict.authenticity == scanned.verdict.authenticity
    for one, other in zip(banked.findings, scanned.findings, strict=True):
        if one.check not in _FREE:
            assert (one.check, one.status) == (other.check, other.status)


def test_every_sku_of_the_catalog_is_among_the_honest_cards() -> None:
    met = {card_of(HONEST, SEED, number).silicon["profile"] for number in range(0, HONEST_CARDS, 8)}
    assert met == {profile.id for profile in catalog().all_profiles()}


def test_every_circumstance_and_every_class_is_drawn() -> None:
    honest = {card_of(HONEST, SEED, number).group for number in range(0, HONEST_CARDS, 8)}
    forged = {card_of(FORGED, SEED, number).group.partition(": too little")[0] for number in range(0, FORGED_CARDS, 6)}
    assert honest == {stratum.name for stratum, _ in STRATA}
    assert forged == {forgery.name for forgery, _ in FORGERIES}


def test_cards_that_share_silicon_have_noise_of_their_own() -> None:
    found = [evidence_of(card_of(HONEST, SEED, number)) for number in range(16)]
    for kind in (Bandwidth, Throughput, HostLink):
        sections = [getattr(one, name) for one in found for name in ("bandwidth", "throughput", "host_link")]
        seen = [each.model_dump_json() for each in sections if isinstance(each, kind)]
        assert len(set(seen)) == len(seen)


def test_a_wrong_verdict_is_cut_down_to_the_facts_that_make_it() -> None:
    """A forged capacity among many facts that have nothing to do with it."""
    fault = {"kind": "wraparound", "real_bytes": 12 << 30}
    declared = {"profile": "geforce-rtx-3060-12-gb", "memory_bytes": 24 << 30, "serial": "1322823110528", "vbios": {}}
    environment = {"driver_version": "550.54.14", "display_in_use_bytes": 1 << 30}
    card = LabCard(
        5,
        "planted",
        {"profile": "geforce-rtx-3060-12-gb", "noise": 0.01, "memory_fault": [fault]},
        declared,
        environment,
    )
    seen = judged(HONEST, card, report(scan(card)))
    assert seen.authenticity == "counterfeit"
    small = shrunk(card, wrong_as(seen))
    assert small.declared == {"profile": "geforce-rtx-3060-12-gb", "memory_bytes": 24 << 30}
    assert (small.environment, small.silicon) == ({}, {"profile": "geforce-rtx-3060-12-gb"})
    saved = json.loads(document(small, seen))
    assert finding(evidence_from(saved["scenario"]), "memory-capacity").status is Status.FAIL


@pytest.mark.parametrize("path", COUNTEREXAMPLES, ids=lambda path: path.stem)
def test_what_was_judged_wrongly_once_is_not_any_more(path: Path) -> None:
    saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found: Evidence = evidence_from(saved["scenario"])
    verdict = assess(found, catalog()).verdict
    if saved["was"]["population"] == HONEST:
        assert verdict.authenticity in ("authentic", "inconclusive")
    else:
        assert verdict.authenticity in ("suspect", "modified", "counterfeit")
        assert {kind.value for kind in verdict.kinds} & set(saved["kinds"])


def record(population: str, score: int, authenticity: str = "authentic") -> Judged:
    return Judged(population, 0, "g", True, authenticity, "good", True, score, 1.0, "", (), False)


def test_the_ranking_of_scores() -> None:
    board = Board()
    for population, score in ((HONEST, 40), (HONEST, 30), (FORGED, -20), (FORGED, 30)):
        board.add(record(population, score))
    area, points = ranking(board)
    assert area == pytest.approx((2 + 1.5) / 4)
    assert points == [(-20, 0.0, 0.5), (30, 0.5, 1.0), (40, 1.0, 1.0)]


def test_a_false_alarm_a_miss_and_a_wrong_word_miss_a_goal() -> None:
    for one in (
        record(HONEST, 0, "suspect"),
        record(FORGED, 0, "authentic"),
        record(FORGED, 0, "counterfeit")._replace(named=False),
        record(HONEST, 0)._replace(error=True),
    ):
        board = Board()
        board.add(one)
        assert missed_goals(board), one


def test_a_weight_follows_the_lab_where_honest_cards_fail_as_well() -> None:
    board = Board()
    for population, group, failed, passed in (
        (HONEST, "all", 10, 990),
        (FORGED, "seen", 500, 500),
        (FORGED, "not", 0, 9),
    ):
        board.answers[population, group, "brand", "fail"] = failed
        board.answers[population, group, "brand", "pass"] = passed
    found = estimate("brand", board)
    assert found.on_fail == pytest.approx(-16.8, abs=0.1)
    assert found.on_pass == pytest.approx(3.0, abs=0.1)
    assert basis("brand", board) == "laboratory: -17"
    assert basis("subsystem", board) == "expert estimate"
    board.answers[HONEST, "all", "brand", "fail"] = 0
    assert basis("brand", board).startswith("expert estimate; none of 990 honest cards")
