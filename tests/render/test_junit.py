"""JUnit XML: it obeys the published schemas, and no card that is not accepted is shown green."""

import itertools
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema

from gpucheck.cli.exit_codes import of_report, of_verdict
from gpucheck.model.finding import Severity, Status
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render.junit import render_junit
from gpucheck.render.machine import accepted
from tests.builders import forged_card, make_card, make_evidence, make_finding, make_report, make_verdict
from tests.render.samples import REPORTS, crashed_card, hostile_card

SCHEMAS = Path(__file__).parent / "schemas"


@cache
def schema(name: str) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(SCHEMAS / name)


def suites(name: str) -> list[ET.Element]:
    return ET.fromstring(render_junit(REPORTS[name])).findall("testsuite")


def case(suite: ET.Element, name: str) -> ET.Element:
    (found,) = (each for each in suite.findall("testcase") if each.get("name") == name)
    return found


@pytest.mark.parametrize("published", ["jenkins-junit-10.xsd", "ant-junit.xsd"])
@pytest.mark.parametrize("name", REPORTS)
def test_it_obeys_the_published_schema(name: str, published: str) -> None:
    text = render_junit(REPORTS[name])
    assert text.isascii()
    schema(published).validate(text)


def test_the_schema_would_notice() -> None:
    wrong = render_junit(REPORTS["forged"]).replace("<failure ", "<fault ").replace("</failure>", "</fault>")
    assert not schema("jenkins-junit-10.xsd").is_valid(wrong)


@pytest.mark.parametrize(("authenticity", "condition"), list(itertools.product(Authenticity, Condition)))
def test_the_verdict_is_green_exactly_where_the_exit_code_is_zero(
    authenticity: Authenticity, condition: Condition
) -> None:
    verdict = make_verdict(authenticity.value, condition=condition)
    assert accepted(verdict) is (of_verdict(verdict) == 0)
    root = ET.fromstring(render_junit(make_report(make_card(verdict=verdict))))
    assert (root.find(".//testcase[@name='verdict']/failure") is None) is (of_verdict(verdict) == 0)


@pytest.mark.parametrize("name", REPORTS)
def test_no_file_is_green_whose_exit_code_is_not(name: str) -> None:
    red = sum(int(suite.get("failures", "0")) for suite in suites(name))
    assert red or of_report(REPORTS[name]) == 0


@pytest.mark.parametrize("name", REPORTS)
def test_counts_are_what_is_there(name: str) -> None:
    for suite in suites(name):
        cases = suite.findall("testcase")
        outcomes = [child.tag for each in cases for child in each]
        assert int(suite.get("tests", "")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute, "")) == outcomes.count(tag)


@pytest.mark.parametrize(
    ("status", "element"),
    [
        ("pass", None),
        ("fail", "failure"),
        ("error", "error"),
        ("inconclusive", "skipped"),
        ("not_applicable", "skipped"),
    ],
)
def test_every_status_has_its_element_and_its_message(status: str, element: str | None) -> None:
    finding = make_finding("brand", Status(status), title="Brand", message="Reason told.", severity=Severity.LOW)
    root = ET.fromstring(render_junit(make_report(make_card(findings=(finding,)))))
    (suite,) = root.findall("testsuite")
    found = list(case(suite, "brand"))
    assert [child.tag for child in found] == ([element] if element else [])
    assert all("Reason told." in child.get("message", "") for child in found)


def test_a_failure_tells_what_was_seen_what_was_expected_and_what_to_do() -> None:
    (suite,) = suites("forged")
    failure = case(suite, "memory-capacity").find("failure")
    assert failure is not None
    assert failure.get("type") == "critical"
    assert "Observed: 25,769,803,776 bytes (measured)" in (failure.text or "")
    assert "Expected: 51,527,024,640 bytes (declared)" in (failure.text or "")
    assert "To do: Return it." in (failure.text or "")
    assert "memory_walk.distinct_bytes" in (failure.text or "")


def test_properties_name_the_rulebook_and_leave_out_what_is_not_known() -> None:
    (suite,) = suites("authentic")
    stated = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert stated["weights"] == "sha256:" + "cd" * 32
    assert stated["profile_digest"] == "sha256:" + "ef" * 32
    assert stated["kernel.memory_walk"] == "sha256:" + "ab" * 32
    assert "simulated" not in stated
    assert "" not in stated.values()


def test_a_simulated_card_says_so_in_suite_class_and_messages() -> None:
    card = crashed_card(evidence=make_evidence(simulated="rtx-4090-dead-channel"))
    (suite,) = ET.fromstring(render_junit(make_report(card))).findall("testsuite")
    assert "SIMULATED" in suite.get("name", "")
    assert all("SIMULATED" in each.get("classname", "") for each in suite.findall("testcase"))
    assert all("SIMULATED" in each.get("message", "") for each in suite.iter() if "message" in each.attrib)
    assert "declared" in suite.findtext("system-out", "")
    assert "measured" not in suite.findtext("system-out", "")


def test_cards_that_are_named_alike_are_told_apart() -> None:
    names = [suite.get("name") for suite in suites("alike")]
    assert len(set(names)) == len(names) == 4


def test_hostile_text_stays_text() -> None:
    root = ET.fromstring(render_junit(make_report(hostile_card("</failure><b>&amp;]]>\x1b\x00\ufffe"))))
    assert not list(root.iter("b"))
    failure = root.find(".//testcase[@name='memory-size']/failure")
    assert failure is not None
    assert "</failure><b>&amp;]]>" in (failure.text or "")


def test_the_same_report_gives_the_same_text() -> None:
    assert render_junit(make_report(forged_card())) == render_junit(make_report(forged_card()))
