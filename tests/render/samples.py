"""Reports that the formats for machines must be able to tell: good, bad, absent, crashed, hostile, alike, empty."""

from typing import Any

from gpucheck.model.base import Reason
from gpucheck.model.evidence import SECTIONS
from gpucheck.model.finding import Kind, Status
from gpucheck.model.report import CardReport, MatchSummary, Report, Tool
from gpucheck.model.verdict import Condition
from tests.builders import forged_card, make_card, make_evidence, make_finding, make_nvml, make_report, make_verdict
from tests.builders import unavailable as absent

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    "\x1b]0;owned\x07",
    'quote " and \\ and, comma; =1+1',
    "</failure><b>&amp;]]>",
    "\u202egnp\u0000\ufffe\uffff",
    "[click](http://evil.example) {0}",
    "名" * 300,
    "x" * 5000,
    'a"} 1\ngpucheck_verdict{authenticity="authentic',
    "\uff1d1+1",
    "\ud800 alone",
)


def hostile_card(text: str) -> CardReport:
    """A card that says ``text`` wherever it can say anything."""
    said: dict[str, Any] = dict.fromkeys(("title", "message", "observed", "expected", "remedy"), text)
    finding = make_finding("memory-size", Status.FAIL, evidence=(text,), **said)
    facts = dict.fromkeys(("name", "uuid", "serial", "board_part_number", "vbios_version", "bdf"), text)
    return make_card(
        evidence=make_evidence(label=text, simulated=text, nvml=make_nvml(**facts), pci=absent(Reason.FAILED, text)),
        findings=(finding, make_finding(text, Status.INCONCLUSIVE, title=text, message=text)),
        match=MatchSummary(profile=text, profile_name=text, claim=text, modification=text),
        verdict=make_verdict("suspect", explanation=text),
    )


def bare_card() -> CardReport:
    """A card of which nothing could be read."""
    sections = {name: absent(Reason.NOT_INSTALLED) for name in SECTIONS}
    return make_card(
        evidence=make_evidence(label="card", **sections),
        match=MatchSummary(),
        findings=(make_finding("memory-capacity", Status.INCONCLUSIVE, message="Not examined: no driver."),),
        verdict=make_verdict("inconclusive", condition=Condition.NOT_EXAMINED, coverage=0.0),
    )


def crashed_card(**fields: Any) -> CardReport:
    """A card on which one check crashed, and another failed that is about condition alone."""
    findings = (
        make_finding("brand", Status.ERROR, title="Brand against class", message="The check itself failed (KeyError)."),
        make_finding("memory-faults", Status.FAIL, title="Damaged memory", about="condition", message="One is dead."),
        make_finding("multiprocessors", title="Multiprocessors that run", observed="128", expected="128"),
    )
    told: dict[str, Any] = {"findings": findings, "verdict": make_verdict(condition=Condition.DEFECTIVE)}
    return make_card(**told | fields)


def empty() -> Report:
    """A report without cards."""
    return make_report().model_copy(update={"cards": ()})


REPORTS: dict[str, Report] = {
    "authentic": make_report(),
    "forged": make_report(forged_card()),
    "simulated": make_report(make_card(evidence=make_evidence(simulated="rtx-4090"))),
    "bare": make_report(bare_card()),
    "crashed": make_report(crashed_card()),
    "alike": make_report(make_card(), forged_card(), bare_card(), bare_card()),
    "hostile": make_report(*(hostile_card(text) for text in HOSTILE)),
    "hostile-rulebook": make_report(tool=Tool(version=HOSTILE[-3])),
    "all-kinds": make_report(make_card(verdict=make_verdict("counterfeit", kinds=tuple(Kind)))),
    "empty": empty(),
}
