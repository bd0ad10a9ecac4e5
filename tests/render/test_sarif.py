"""SARIF: it obeys the published schema and the rules that a schema cannot state."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gpucheck.checks import ALL_CHECKS
from gpucheck.model.finding import Severity, Status
from gpucheck.model.report import Report
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render.sarif import render_sarif
from tests.builders import (
    UUID,
    forged_card,
    make_card,
    make_evidence,
    make_finding,
    make_nvml,
    make_report,
    make_verdict,
)
from tests.render.samples import REPORTS, crashed_card, hostile_card

SCHEMA = Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json"


@cache
def validator() -> Any:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema)


def run(report: Report) -> Any:
    (only,) = json.loads(render_sarif(report))["runs"]
    return only


def result(report: Report, rule: str) -> Any:
    (found,) = (each for each in run(report)["results"] if each["ruleId"] == rule)
    return found


@pytest.mark.parametrize("name", REPORTS)
def test_it_obeys_the_published_schema(name: str) -> None:
    text = render_sarif(REPORTS[name])
    assert text.isascii()
    assert [error.message for error in validator().iter_errors(json.loads(text))] == []


def test_the_schema_would_notice() -> None:
    wrong = json.loads(render_sarif(REPORTS["forged"]))
    wrong["runs"][0]["results"][0]["level"] = "grave"
    assert not validator().is_valid(wrong)


@pytest.mark.parametrize("name", REPORTS)
def test_what_the_standard_asks_beyond_the_schema(name: str) -> None:
    told = run(REPORTS[name])
    rules = told["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for each in told["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        assert (each["level"] == "none") is (each["kind"] != "fail")
        assert each["message"]["text"]
        assert each["locations"][0]["logicalLocations"][0] in told["logicalLocations"]
    prints = [each["partialFingerprints"]["gpucheckCardAndRule/v1"] for each in told["results"]]
    assert len(set(prints)) == len(prints)


def test_every_check_is_a_rule_with_its_manual() -> None:
    rules = {rule["id"]: rule for rule in run(make_report())["tool"]["driver"]["rules"]}
    for check in ALL_CHECKS:
        rule = rules[check.id]
        assert rule["shortDescription"]["text"] == check.title
        assert rule["fullDescription"]["text"]
        assert "Why it matters" in rule["help"]["text"]
        assert "**How it can be fooled**" in rule["help"]["markdown"]
        assert rule["helpUri"].endswith(f"docs/checks.md#{check.id}")


@pytest.mark.parametrize(
    ("status", "severity", "kind", "level"),
    [
        (Status.FAIL, Severity.CRITICAL, "fail", "error"),
        (Status.FAIL, Severity.HIGH, "fail", "error"),
        (Status.FAIL, Severity.MEDIUM, "fail", "warning"),
        (Status.FAIL, Severity.LOW, "fail", "note"),
        (Status.ERROR, Severity.CRITICAL, "fail", "warning"),
        (Status.INCONCLUSIVE, Severity.CRITICAL, "open", "none"),
        (Status.NOT_APPLICABLE, Severity.INFO, "notApplicable", "none"),
        (Status.PASS, Severity.INFO, "pass", "none"),
    ],
)
def test_kind_and_level_of_a_finding(status: Status, severity: Severity, kind: str, level: str) -> None:
    card = make_card(findings=(make_finding("brand", status, severity=severity),))
    found = result(make_report(card), "brand")
    assert (found["kind"], found["level"]) == (kind, level)


@pytest.mark.parametrize(
    ("authenticity", "condition", "kind", "level"),
    [
        (Authenticity.AUTHENTIC, Condition.WORN, "pass", "none"),
        (Authenticity.AUTHENTIC, Condition.NOT_EXAMINED, "pass", "none"),
        (Authenticity.AUTHENTIC, Condition.DEFECTIVE, "fail", "warning"),
        (Authenticity.INCONCLUSIVE, Condition.GOOD, "open", "none"),
        (Authenticity.INCONCLUSIVE, Condition.DEFECTIVE, "fail", "warning"),
        (Authenticity.SUSPECT, Condition.GOOD, "fail", "warning"),
        (Authenticity.MODIFIED, Condition.GOOD, "fail", "warning"),
        (Authenticity.COUNTERFEIT, Condition.GOOD, "fail", "error"),
    ],
)
def test_the_verdict_is_a_result(authenticity: Authenticity, condition: Condition, kind: str, level: str) -> None:
    report = make_report(make_card(verdict=make_verdict(authenticity.value, condition=condition)))
    found = result(report, "verdict")
    assert (found["kind"], found["level"]) == (kind, level)
    assert authenticity.value.upper() in found["message"]["text"]


def test_a_finding_keeps_its_evidence_and_what_it_moved() -> None:
    told = result(make_report(forged_card()), "memory-capacity")["properties"]
    assert told["evidence"] == ["memory_walk.distinct_bytes"]
    assert told["decibans"] == -60
    assert told["verdict"] == "counterfeit"
    assert told["kinds"] == ["capacity_forged"]


def test_a_crash_is_a_notification_and_no_success() -> None:
    (invocation,) = run(make_report(crashed_card()))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [each["associatedRule"]["id"] for each in invocation["toolExecutionNotifications"]] == ["brand"]
    assert run(make_report())["invocations"][0]["executionSuccessful"] is True
    assert run(REPORTS["empty"])["invocations"][0]["executionSuccessful"] is False


def test_a_simulated_card_says_so_in_every_result() -> None:
    told = run(REPORTS["simulated"])
    for each in told["results"]:
        assert each["message"]["text"].startswith("SIMULATED: ")
        assert each["properties"]["simulated"] == "rtx-4090"
        assert each["locations"][0]["logicalLocations"][0]["properties"]["simulated"] == "rtx-4090"
    assert "simulated" not in json.dumps(run(REPORTS["authentic"])["results"]).lower()


def fingerprints(report: Report) -> dict[str, str]:
    return {each["ruleId"]: each["partialFingerprints"]["gpucheckCardAndRule/v1"] for each in run(report)["results"]}


def test_a_fingerprint_follows_the_card_and_not_the_slot_or_the_measurement() -> None:
    before = fingerprints(make_report())
    moved = make_evidence(label="0000:41:00.0", nvml=make_nvml(bdf="0000:41:00.0"))
    again = make_card(evidence=moved, findings=(make_finding("memory-size", Status.FAIL, observed="other"),))
    assert fingerprints(make_report(again))["memory-size"] == before["memory-size"]
    other = make_card(evidence=make_evidence(nvml=make_nvml(uuid=UUID[:-1] + "0")))
    assert not set(fingerprints(make_report(other)).values()) & set(before.values())


def test_hostile_text_becomes_neither_link_nor_placeholder() -> None:
    texts = json.dumps(run(make_report(hostile_card("[click](http://evil.example) {0} \x1b[2J\u202e")))["results"])
    messages = " ".join(re.findall(r'"text": "(.*?)(?<!\\)"', texts))
    assert "](" not in messages
    assert "{{0}}" in messages
    assert not re.search(r"(?<!\{)\{0\}(?!\})", messages)
    assert "\\u001b" not in texts
    assert "\\u202e" not in texts


def test_a_check_of_another_version_is_a_rule_by_its_title() -> None:
    card = make_card(findings=(make_finding("check-of-tomorrow", title="Of tomorrow"),))
    rules = {rule["id"]: rule for rule in run(make_report(card))["tool"]["driver"]["rules"]}
    assert rules["check-of-tomorrow"]["shortDescription"]["text"] == "Of tomorrow"


def test_the_same_report_gives_the_same_text() -> None:
    assert render_sarif(make_report(forged_card())) == render_sarif(make_report(forged_card()))
