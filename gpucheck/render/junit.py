"""The report as JUnit XML, for continuous integration: a suite a card, a case a check, and the verdict as a case.

There is no single standard. What is written obeys two published schemas: that of Jenkins' xUnit plugin
(``junit-10.xsd``) and the stricter one of Apache Ant's task (Windy Road's ``JUnit.xsd``), which wants ``package``,
``id``, ``hostname`` and ``time``. A report names no host, so ``hostname`` is ``localhost``, as Ant's schema says for an
unknown one; ``time`` is 0, as judging takes none of the card's time.

A failing check is a ``failure`` and a crashed one an ``error``; what stayed open or does not apply is ``skipped`` with
its reason, for JUnit knows nothing between. The case ``verdict`` fails wherever the exit code would not be 0, so that a
counterfeit, a suspect and a card of which too little was seen are never shown green. The XML is in ASCII.
"""

from typing import TYPE_CHECKING

from gpucheck.model.finding import Finding, Status
from gpucheck.model.report import CardReport, Report
from gpucheck.render.card import verdict_of
from gpucheck.render.facts import rows
from gpucheck.render.machine import NO_CARD, accepted, identity, labels, plain, scenario, sentence, spoken, utc
from gpucheck.render.words import CONDITIONS

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ELEMENTS = {Status.FAIL: "failure", Status.ERROR: "error"}
"""What is neither of these nor a pass is skipped."""


def render_junit(report: Report) -> str:
    """Return the report as XML that ends in a line feed."""
    from xml.etree import ElementTree as ET

    root = ET.Element("testsuites")
    for number, (label, card) in enumerate(zip(labels(report), report.cards, strict=True)):
        root.append(_suite(report, card, label, number))
    if not report.cards:
        root.append(_nothing(report))
    ET.indent(root)
    body = ET.tostring(root, encoding="us-ascii").decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _suite(report: Report, card: CardReport, label: str, number: int) -> "Element":
    simulated = scenario(card)
    suite = _empty_suite(report, f"{label} (SIMULATED)" if simulated else label, number)
    for name, value in _properties(report, card).items():
        _child(suite[0], "property", name=name, value=value)
    place = f"gpucheck.{'SIMULATED.' if simulated else ''}{label.replace('.', '_')}"
    suite.append(_verdict(card, place))
    suite.extend(_case(finding, place, bool(simulated)) for finding in card.findings)
    _child(suite, "system-out").text = _account(card)
    _child(suite, "system-err")
    _count(suite)
    return suite


def _nothing(report: Report) -> "Element":
    suite = _empty_suite(report, "gpucheck", 0)
    case = _child(suite, "testcase", name="verdict", classname="gpucheck", time="0")
    _child(case, "failure", type="not_examined", message=NO_CARD)
    _child(suite, "system-out")
    _child(suite, "system-err")
    _count(suite)
    return suite


def _empty_suite(report: Report, name: str, number: int) -> "Element":
    """A suite with empty properties; counts are set by ``_count``."""
    from xml.etree.ElementTree import Element

    when = utc(report.created_at)
    suite = Element(
        "testsuite", name=name, package="gpucheck", id=str(number), timestamp=when, hostname="localhost", time="0"
    )
    _child(suite, "properties")
    return suite


def _count(suite: "Element") -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{element}"))))


def _verdict(card: CardReport, place: str) -> "Element":
    case = _new_case("verdict", place)
    if not accepted(card.verdict):
        authenticity, condition = card.verdict.authenticity.value, CONDITIONS[card.verdict.condition]
        kind = "defective" if authenticity == "authentic" else authenticity
        prefix = "SIMULATED " if scenario(card) else ""
        message = f"{prefix}{plain(identity(card).name)}: {verdict_of(card)}, condition {condition}"
        _child(case, "failure", type=kind, message=message).text = plain(card.verdict.explanation)
    return case


def _case(finding: Finding, place: str, simulated: bool) -> "Element":
    case = _new_case(plain(finding.check) or "check", place)
    if finding.status is Status.PASS:
        return case
    element = _ELEMENTS.get(finding.status, "skipped")
    message = ("SIMULATED: " if simulated else "") + sentence(finding)
    outcome = _child(case, element, message=message)
    if element != "skipped":
        outcome.set("type", finding.severity.value if element == "failure" else "error")
        outcome.text = _body(finding)
    return case


def _new_case(name: str, place: str) -> "Element":
    from xml.etree.ElementTree import Element

    return Element("testcase", name=name, classname=place, time="0")


def _body(finding: Finding) -> str:
    lines = [plain(finding.message)]
    lines += [f"{word}: {plain(text)}" for word, text in spoken(finding) if text]
    lines.append(f"About: {finding.about}; severity {finding.severity.value}, confidence {finding.confidence.value}")
    if finding.evidence:
        lines.append(f"Evidence: {plain(', '.join(finding.evidence))}")
    return "\n".join(lines)


def _account(card: CardReport) -> str:
    """The explanation, and what is declared against what was measured."""
    how = "simulated" if scenario(card) else "measured"
    lines = [plain(card.verdict.explanation)]
    for row in rows(card):
        told = ((f"{row.declared} declared", row.declared), (f"{row.measured} {how}", row.measured))
        known = [text for text, value in told if value]
        lines.append(plain(f"{row.label}: {'; '.join(known)}"))
    return "\n".join(lines)


def _properties(report: Report, card: CardReport) -> dict[str, str]:
    """What the suite rests on; empty values are left out, so that absence is not a value."""
    facts, rulebook, profile = identity(card), report.rulebook, card.match.profile or ""
    stated = {
        "simulated": scenario(card),
        "name": facts.name,
        "claim": card.match.claim,
        "authenticity": card.verdict.authenticity.value,
        "condition": card.verdict.condition.value,
        "kinds": " ".join(card.verdict.kinds),
        "coverage_ratio": f"{card.verdict.coverage:.4f}",
        "device_id": facts.device,
        "subsystem_id": facts.subsystem,
        "vbios_version": facts.vbios,
        "driver_version": facts.driver,
        "tool_version": report.tool.version,
        "weights": rulebook.weights,
        "catalog": rulebook.catalog,
        "profile": profile,
        "profile_digest": rulebook.profiles.get(profile),
    } | {f"kernel.{name}": digest for name, digest in sorted(rulebook.kernels.items())}
    return {plain(name): plain(value) for name, value in stated.items() if plain(value)}


def _child(parent: "Element", tag: str, **attributes: str) -> "Element":
    from xml.etree.ElementTree import SubElement

    return SubElement(parent, tag, attributes)
