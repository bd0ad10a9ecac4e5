"""The page as a person, a screen reader and an attacker meet it. How it looks is for ``test_html_browser``."""

import itertools
import re
from typing import Any

import pytest

from gpucheck.model.base import Reason
from gpucheck.model.canonical import digest
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.report import CardReport, MatchSummary, Report
from gpucheck.model.verdict import Authenticity, Condition, Contribution
from gpucheck.render.html import render_html
from gpucheck.render.html.page import clean
from gpucheck.render.qr import QUIET_MODULES
from tests.builders import (
    forged_card,
    make_card,
    make_evidence,
    make_finding,
    make_nvml,
    make_report,
    make_vbios,
    make_verdict,
    unavailable,
)
from tests.cards import catalog, evidence_of
from tests.cards import report as judged
from tests.render.pages import Page

SIMULATED = make_card(evidence=make_evidence(simulated="rtx-4090-48gb-forged"))
REPORTS = {
    "authentic": make_report(),
    "forged": make_report(forged_card()),
    "simulated": make_report(SIMULATED),
    "several": make_report(make_card(), forged_card(), SIMULATED),
    "none": make_report().model_copy(update={"cards": ()}),
    "scanned": make_report(judged(evidence_of("rtx-4090-48gb-forged")), judged(evidence_of("rtx-3060-stuck-bit"))),
}


def page_of(*cards: CardReport, note: str = "") -> Page:
    return Page(render_html(make_report(*cards), note=note))


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_well_formed_and_names_resolve(name: str) -> None:
    page = Page(render_html(REPORTS[name]))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        assert set(attributes.get("aria-labelledby", "").split()) <= set(ids)
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_is_asked_of_anyone_else(name: str) -> None:
    text = render_html(REPORTS[name], note="Judged from files.")
    page = Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "iframe", "img", "object", "embed", "form", "base"})
    assert not [n for _, attributes in page.tags for n in attributes if n.startswith("on") or n in ("src", "style")]
    assert {a["href"] for a in page.all("link")} == {"data:,"}
    assert "url(" not in text
    assert "@import" not in text
    assert "://" not in text
    (policy,) = (a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_can_be_heard(name: str) -> None:
    page = Page(render_html(REPORTS[name]))
    assert page.all("html") == [{"lang": "en"}]
    assert [len(page.all(tag)) for tag in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
    assert all(a.get("role") == "img" and a.get("aria-labelledby") for a in page.all("svg"))
    assert len([tag for tag, _ in page.tags if tag == "title"]) == len(page.all("svg")) + 1
    assert all("aria-label" in a for a in page.all("nav"))


@pytest.mark.parametrize("authenticity", Authenticity)
@pytest.mark.parametrize("condition", Condition)
def test_the_verdict_is_a_sentence_and_never_kinder_than_it_is(
    authenticity: Authenticity, condition: Condition
) -> None:
    text = page_of(make_card(verdict=make_verdict(authenticity.value, condition=condition))).text
    assert authenticity.value.upper() in text
    assert ("This card is what it says it is" in text) == (authenticity is Authenticity.AUTHENTIC)
    assert ("it is defective." in text) == (condition is Condition.DEFECTIVE)
    assert f"Condition: {condition.value.replace('_', ' ')}".lower() in text.lower()


def test_a_card_that_was_sold_as_another_is_told_so() -> None:
    claim = make_finding("claim", Status.FAIL, title="Sold as")
    card = make_card(
        findings=(claim,),
        match=MatchSummary(claim="RTX 5090"),
        verdict=make_verdict("counterfeit", kinds=("remarked",)),
    )
    text = page_of(card).text
    assert "This card is not what it was sold as." in text
    assert "Sold as: RTX 5090." in text
    assert "another model sold as this" in text


def test_reasons_come_by_weight_with_cost_and_remedy_and_condition_last() -> None:
    worn = make_finding("memory-health", Status.FAIL, title="Worn rows", about="condition", severity=Severity.LOW)
    light = make_finding("brand", Status.FAIL, title="Brand", severity=Severity.MEDIUM, remedy="Ask for the box.")
    heavy = make_finding("memory-capacity", Status.FAIL, title="Capacity", message="Half of it is missing.")
    verdict = make_verdict(
        "counterfeit",
        contributions=(
            Contribution(group="name", check="brand", decibans=-10),
            Contribution(group="memory", check="memory-capacity", decibans=-60),
        ),
    )
    page = page_of(make_card(findings=(worn, light, heavy), verdict=verdict))
    assert page.inside("h4")[:3] == ["Capacity", "Brand", "Worn rows"]
    assert "60 decibans against the card; confidence high" in page.text
    assert "Half of it is missing." in page.text
    assert "Ask for the box." in page.text
    assert "a part of what the card is worth or can do (medium)" in page.text
    assert "none: it is about the condition, not about what the card is" in page.text


def test_a_check_that_crashed_is_no_cost_and_no_pass() -> None:
    page = page_of(make_card(findings=(make_finding("brand", Status.ERROR),), verdict=make_verdict("inconclusive")))
    assert "the check itself failed, and nothing that did not run counts as passed" in page.text
    assert "Passed" not in page.text


def test_what_a_failure_does_not_mean_is_told_from_the_manual() -> None:
    page = page_of(make_card(findings=(make_finding("bar1-size", Status.FAIL),), verdict=make_verdict("suspect")))
    assert "Does not mean fraud." in page.text


def test_absent_evidence_has_its_reason_and_no_drawing() -> None:
    gone = {name: unavailable(Reason.TIMED_OUT, "no answer") for name in ("slab_map", "memory_walk", "latency")}
    page = page_of(make_card(evidence=make_evidence(**gone)))
    assert "Timed out: memory walk, map of memory rates, memory latency (no answer)." in page.text
    assert page.all("figure") == []
    assert len(page_of().all("figure")) == 3


def test_pairs_and_figures_stand_side_by_side() -> None:
    page = page_of(judged(evidence_of("rtx-4090-48gb-forged")))
    assert page.inside("th").count("Declared") == 1
    assert "Contradict device id with memory memory with BAR1" in page.text
    assert "Memory 49,140 MiB 24,576 MiB proven 24,576 MiB" in page.text


@pytest.mark.parametrize("name", ["simulated", "scanned"])
def test_a_simulated_report_says_so_everywhere(name: str) -> None:
    text = render_html(REPORTS[name])
    page = Page(text)
    assert "No real card was examined." in page.text
    assert "measured" not in page.text.lower().replace("fuses against measured rates", "")
    marks = page.inside("span").count("SIMULATED")
    cards = len(page.all("article"))
    assert marks == cards * 4 + (cards if cards > 1 else 0)
    assert page.inside("title")[0].startswith("SIMULATED: ")
    assert "SIMULATED: no card in this report is real" in text


def test_of_several_cards_only_the_simulated_are_called_so() -> None:
    text = render_html(REPORTS["several"])
    page = Page(text)
    assert "Not every card in this report is real. Scenario: rtx-4090-48gb-forged." in page.text
    assert "SIMULATED: not every card in this report is real" in text
    assert page.inside("span").count("SIMULATED") == 5
    assert page.inside("th").count("Measured") == 2
    assert page.inside("th").count("Simulated") == 1


def test_a_real_card_is_nowhere_called_simulated() -> None:
    page = Page(render_html(REPORTS["forged"]))
    assert "SIMULATED" not in page.text
    assert "Simulated" not in page.text


def test_several_cards_have_a_table_of_contents() -> None:
    page = Page(render_html(REPORTS["several"]))
    assert [a["href"] for a in page.all("a")] == ["#card-1", "#card-2", "#card-3"]
    assert page_of().all("nav") == []


def test_the_rulebook_and_the_digest_are_on_the_page_and_in_the_code() -> None:
    report = make_report()
    page = Page(render_html(report, note="Shown as the file states it."))
    rulebook = report.rulebook
    for value in (rulebook.weights, *rulebook.profiles.values(), *rulebook.kernels.values(), digest(report)):
        assert value in page.inside("code")
    assert "Shown as the file states it." in page.text


def test_the_code_is_that_of_the_digest() -> None:
    import segno

    report = make_report()
    page = Page(render_html(report))
    (path,) = page.all("path")
    dark = set()
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path["d"]):
        dark |= {(int(x) + n - QUIET_MODULES, int(y) - QUIET_MODULES) for n in range(int(length))}
    rows = list(segno.make(digest(report), error="m", micro=False).matrix)
    assert dark == {(x, y) for y, row in enumerate(rows) for x, module in enumerate(row) if module}
    (drawing,) = (each for each in page.all("svg") if each.get("class") == "code")
    assert drawing["viewbox"] == f"0 0 {len(rows) + 8} {len(rows) + 8}"


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b]0;owned\x07\x00\x9b31m",
    "\u202egnp.exe\u2066\u200f",
    "' onmouseover='alert(1)",
    "--><!--",
    "]]>&lt;&#60;",
    "javascript:alert(1)",
    "e" + "\u0301" * 200,
    "名" * 300,
    "x" * 9000,
]


def told_by(hostile: str) -> Report:
    """A report in which every text that others may have written is the given one."""
    fields: dict[str, Any] = {"title": hostile, "message": hostile, "observed": hostile, "expected": hostile}
    found = make_finding("memory-size", Status.FAIL, remedy=hostile, edge=(hostile, "die"), **fields)
    open_ = make_finding("brand", Status.INCONCLUSIVE, title=hostile, message=hostile)
    passed = make_finding("link", Status.PASS, title=hostile, severity=Severity.LOW, message=hostile)
    stated = make_nvml(name=hostile, vbios_version=hostile, serial=hostile, board_part_number=hostile)
    evidence = make_evidence(
        label=hostile,
        simulated=hostile,
        nvml=stated,
        vbios=make_vbios(project=hostile, chip_sku=hostile),
        pci=unavailable(Reason.FAILED, hostile),
    )
    card = make_card(
        evidence=evidence,
        findings=(found, open_, passed),
        match=MatchSummary(profile="x", profile_name=hostile, claim=hostile),
        verdict=make_verdict("suspect", explanation=hostile, kinds=(Kind.REMARKED,)),
    )
    rulebook = make_report().rulebook.model_copy(
        update={"weights": hostile, "catalog": hostile, "profiles": {hostile: hostile}, "kernels": {hostile: hostile}}
    )
    host = evidence.host.model_copy(update={"os": hostile, "driver_version": hostile})
    return make_report(card, card, rulebook=rulebook, host=host)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(hostile: str) -> None:
    text = render_html(told_by(hostile), note=hostile)
    page = Page(text)
    assert page.shape == Page(render_html(told_by("harmless"), note="harmless")).shape
    assert all(line.isprintable() for line in text.split("\n"))
    shown = " ".join(clean(hostile).split())
    assert shown in page.text
    assert len(shown) <= 4000


def test_a_long_name_does_not_push_the_verdict_away() -> None:
    before, found, _ = Page(render_html(told_by("x" * 9000))).text.partition("Something about this card does not fit")
    assert found
    assert len(before) < 4000


def test_green_means_that_nothing_is_wrong() -> None:
    def tones(condition: Condition) -> set[str]:
        page = page_of(make_card(verdict=make_verdict(condition=condition)), make_card(verdict=make_verdict("suspect")))
        return {a["class"] for _, a in page.tags if a.get("class") in ("good", "head good")}

    assert tones(Condition.GOOD) == {"good", "head good"}
    assert tones(Condition.DEFECTIVE) == set()


def test_no_pile_of_marks_covers_the_lines_above() -> None:
    assert clean("e" + "\u0301" * 200 + "f") == "e\u0301\u0301f"
    assert clean("Việt Nam") == "Việt Nam"


def test_what_eyes_should_see_depends_on_the_model() -> None:
    def eyes(scenario: str) -> str:
        card = judged(evidence_of(scenario))
        profile = catalog().by_id(card.match.profile or "")
        return Page(render_html(make_report(card), {profile.id: profile})).text.partition("What only eyes can see")[2]

    assert "has 12, all on the die's side of the board." in eyes("rtx-4090")
    assert "GeForce RTX 4090 takes 450 W by its reference data" in eyes("rtx-4090")
    assert "has AD102 by its reference data" in eyes("rtx-4090")
    assert "has 24, on both sides of the board." in eyes("rtx-3090")
    assert "beside the die, on one package" in eyes("h100-80gb")
    assert "power connector" not in eyes("rtx-4090-laptop")


def test_printed_numbers_are_those_that_firmware_states_and_say_so() -> None:
    stated = make_nvml(serial="0321922012345", board_part_number="900-1G136-2530-000")
    card = make_card(evidence=make_evidence(nvml=stated, vbios=make_vbios(project="G139", chip_sku="301")))
    text = page_of(card).text
    assert "project G139 (declared)" in text
    assert "PG139" in text
    assert "Serial number on the label: 0321922012345 (declared)." in text
    assert "Part number on the label: 900-1G136-2530-000 (declared)." in text


def test_a_model_that_is_not_known_has_no_list_of_its_own() -> None:
    text = page_of(make_card(match=MatchSummary())).text.partition("What only eyes can see")[2]
    assert "Traces of work" in text
    assert "Memory chips:" not in text
