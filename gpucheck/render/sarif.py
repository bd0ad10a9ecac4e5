"""The report as SARIF 2.1.0 (OASIS Standard with errata 01), the format in which tools exchange what they found.

One run: every check is a rule with its manual as help, every finding a result. A failing check is of kind ``fail`` at
the level of its severity. A crashed check is one too, at ``warning``, and a notification of the invocation: it is told,
and accuses nothing. What stayed open is of kind ``open``, the others ``pass`` and ``notApplicable``; the standard wants
level ``none`` for these. The verdict is a rule of its own.

A card is no file: its place is a logical location, without which nothing could be told of it. Viewers that show files
alone therefore show nothing. Texts are escaped as the standard says for messages: braces doubled, and no pair of
brackets that would become a link. The JSON is in ASCII.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from gpucheck import __version__
from gpucheck.model.finding import Finding, Status
from gpucheck.model.report import CardReport, Report
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render.card import verdict_of
from gpucheck.render.machine import SHORT, accepted, distinct, identity, labels, plain, scenario, sentence, utc
from gpucheck.render.sarif_rules import HOME, LEVELS, VERDICT, Node, message, rules_of
from gpucheck.render.words import CONDITIONS

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_KINDS = {
    Status.PASS: "pass",
    Status.FAIL: "fail",
    Status.ERROR: "fail",
    Status.INCONCLUSIVE: "open",
    Status.NOT_APPLICABLE: "notApplicable",
}


def render_sarif(report: Report) -> str:
    """Return the report as SARIF that ends in a line feed."""
    import json

    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]}, indent=2) + "\n"


def _run(report: Report) -> Node:
    rules = rules_of(report)
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    named = list(zip(labels(report), _fingerprinted(report), report.cards, strict=True))
    results = [result for each in named for result in _results(*each)]
    for result in results:
        result["ruleIndex"] = places[result["ruleId"]]
    return {
        "tool": {"driver": _driver(report, rules)},
        "invocations": [_invocation(report)],
        "logicalLocations": [_location(label, card) for label, _, card in named],
        "results": results,
        "properties": {
            "cards": [_summary(label, card) for label, _, card in named],
            "weights": plain(report.rulebook.weights),
            "catalog": plain(report.rulebook.catalog),
            "profiles": _cleaned(report.rulebook.profiles),
            "kernels": _cleaned(report.rulebook.kernels),
            "manualsOf": f"gpucheck {__version__}",
        },
    }


def _cleaned(digests: Mapping[str, str]) -> dict[str, str]:
    return {plain(name, SHORT): plain(digest, SHORT) for name, digest in sorted(digests.items())}


def _driver(report: Report, rules: Sequence[Node]) -> Node:
    return {
        "name": "gpucheck",
        "version": plain(report.tool.version, SHORT),
        "informationUri": HOME,
        "rules": list(rules),
    }


def _results(label: str, fingerprint: str, card: CardReport) -> Iterator[Node]:
    shared = {"locations": [{"logicalLocations": [_location(label, card)]}]}
    yield _verdict(label, card) | shared | {"partialFingerprints": _fingerprint(fingerprint, VERDICT)}
    for finding, rule in zip(card.findings, distinct(plain(f.check, SHORT) for f in card.findings), strict=True):
        yield _result(label, card, finding) | shared | {"partialFingerprints": _fingerprint(fingerprint, rule)}


def _verdict(label: str, card: CardReport) -> Node:
    verdict = card.verdict
    text = f"{identity(card).name}: {verdict_of(card)}, condition {CONDITIONS[verdict.condition]}."
    kind = {True: "pass", False: "fail"}[accepted(verdict)]
    if verdict.authenticity is Authenticity.INCONCLUSIVE and verdict.condition is not Condition.DEFECTIVE:
        kind = "open"
    grave = verdict.authenticity is Authenticity.COUNTERFEIT
    return {
        "ruleId": VERDICT,
        "kind": kind,
        "level": ("error" if grave else "warning") if kind == "fail" else "none",
        "message": _said(card, f"{text} {verdict.explanation}"),
        "properties": _summary(label, card),
    }


def _result(label: str, card: CardReport, finding: Finding) -> Node:
    return {
        "ruleId": plain(finding.check, SHORT),
        "kind": _KINDS[finding.status],
        "level": _level(finding),
        "message": _said(card, sentence(finding)),
        "properties": _properties(label, card, finding),
    }


def _level(finding: Finding) -> str:
    if finding.status is Status.ERROR:
        return "warning"
    return LEVELS[finding.severity] if finding.status is Status.FAIL else "none"


def _said(card: CardReport, text: str) -> Node:
    return message(f"SIMULATED: {text}" if scenario(card) else text)


def _properties(label: str, card: CardReport, finding: Finding) -> Node:
    """The finding's own fields, and what it moved: decibans, positive towards genuine."""
    moved = {c.check: c.decibans for c in card.verdict.contributions}
    stated = {
        "card": label,
        "simulated": scenario(card),
        "verdict": card.verdict.authenticity.value,
        "status": finding.status.value,
        "about": finding.about,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "observed": plain(finding.observed),
        "expected": plain(finding.expected),
        "remedy": plain(finding.remedy),
        "evidence": [plain(path, SHORT) for path in finding.evidence],
        "kinds": [kind.value for kind in finding.kinds],
        "edge": [plain(part, SHORT) for part in finding.edge or ()],
    }
    told = {name: value for name, value in stated.items() if value}
    return told | ({"decibans": moved[finding.check]} if finding.check in moved else {})


def _summary(label: str, card: CardReport) -> Node:
    facts, verdict = identity(card), card.verdict
    stated = {
        "card": label,
        "simulated": scenario(card),
        "name": facts.name,
        "claim": plain(card.match.claim, SHORT),
        "profile": plain(card.match.profile, SHORT),
        "authenticity": verdict.authenticity.value,
        "condition": verdict.condition.value,
        "kinds": [kind.value for kind in verdict.kinds],
        "deviceId": facts.device,
        "vbiosVersion": facts.vbios,
    }
    return {name: value for name, value in stated.items() if value} | {"coverageRatio": verdict.coverage}


def _location(label: str, card: CardReport) -> Node:
    told = {"bdf": identity(card).bdf, "simulated": scenario(card)}
    properties = {name: value for name, value in told.items() if value}
    place = {"name": label, "fullyQualifiedName": f"card/{label}", "kind": "resource"}
    return place | ({"properties": properties} if properties else {})


def _invocation(report: Report) -> Node:
    crashed = [f for card in report.cards for f in card.findings if f.status is Status.ERROR]
    return {
        "executionSuccessful": not crashed and bool(report.cards),
        "endTimeUtc": f"{utc(report.created_at)}Z",
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": message(sentence(finding)),
                "associatedRule": {"id": plain(finding.check, SHORT)},
            }
            for finding in crashed
        ],
    }


def _fingerprinted(report: Report) -> list[str]:
    """What a card is known by: its UUID, which follows it to another slot, else its label; each its own."""
    return distinct(identity(c).uuid or name for c, name in zip(report.cards, labels(report), strict=True))


def _fingerprint(card: str, rule: str) -> dict[str, str]:
    """The same for the same rule on the same card, whatever was measured this time."""
    return {"gpucheckCardAndRule/v1": hashlib.sha256(repr((card, rule)).encode()).hexdigest()}
