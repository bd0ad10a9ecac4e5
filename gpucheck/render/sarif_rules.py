"""The rules of a SARIF run: every check with its manual, as viewers show it, and the verdict."""

from collections.abc import Sequence
from typing import Any

from gpucheck.checks import ALL_CHECKS, Check
from gpucheck.model.finding import Severity
from gpucheck.model.report import Report
from gpucheck.render.machine import SHORT, plain
from gpucheck.render.manual import parts

Node = dict[str, Any]

HOME = "https://github.com/gpucheck/gpucheck"
VERDICT = "verdict"
"""Rule of the fused answer."""
LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
"""Severity to the level of a failing result."""


def rules_of(report: Report) -> list[Node]:
    """The verdict's, every check's, and one by its title alone for each check that this version does not know."""
    found = {VERDICT: _verdict_rule()} | {check.id: _rule(check) for check in ALL_CHECKS}
    for card in report.cards:
        for finding in card.findings:
            name = plain(finding.check, SHORT)
            if name not in found:
                found[name] = {"id": name, "shortDescription": message(finding.title)}
    return list(found.values())


def _verdict_rule() -> Node:
    return {
        "id": VERDICT,
        "name": "Verdict",
        "shortDescription": {"text": "What all findings say together"},
        "fullDescription": {"text": "Whether the card is what it claims to be, and in what condition it is."},
        "defaultConfiguration": {"level": "error"},
        "helpUri": f"{HOME}/blob/main/docs/exit-codes.md",
    }


def _rule(check: Check) -> Node:
    manual = parts(check.manual)
    headed = [(heading, text) for heading, text in manual if text]
    return {
        "id": check.id,
        "name": check.id.title().replace("-", ""),
        "shortDescription": message(check.title),
        "fullDescription": message(next((text for _, text in headed), check.title).replace("``", "")),
        "help": {
            "text": _manual(headed, "{}: {}", ""),
            "markdown": _manual(headed, "**{}**: {}", "`"),
        },
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "helpUri": f"{HOME}/blob/main/docs/checks.md#{check.id}",
        "properties": {"about": check.about, "severity": check.severity.value, "tags": [check.about]},
    }


def _manual(headed: Sequence[tuple[str, str]], form: str, quote: str) -> str:
    told = (form.format(heading, text) if heading else text for heading, text in headed)
    return _braced("\n\n".join(told).replace("``", quote))


def message(text: object) -> Node:
    """A message of cleaned text, escaped as the standard says."""
    return {"text": _braced(plain(text))}


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")
