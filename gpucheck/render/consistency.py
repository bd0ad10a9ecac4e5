"""Which parts of the card fit each other: die, board, firmware and memory, each pair by the check that compares it."""

from collections.abc import Sequence

from gpucheck.model.finding import Finding, Status
from gpucheck.model.report import CardReport
from gpucheck.render.style import Look

_WORDS = {Status.FAIL: "contradict", Status.PASS: "agree", Status.INCONCLUSIVE: "not compared"}
"""Status of the comparing check to the word for it, in the order in which they are shown."""


def compared(card: CardReport) -> list[tuple[str, list[str]]]:
    """Return a word with the pairs that it is true of, such as ``agree``; nothing where no pair was compared."""
    found = [finding for finding in card.findings if finding.edge and finding.about == "authenticity"]
    if not any(finding.status in (Status.FAIL, Status.PASS) for finding in found):
        return []
    told = [(word, _pairs(found, status)) for status, word in _WORDS.items()]
    return [(word, pairs) for word, pairs in told if pairs]


def consistency(card: CardReport, look: Look) -> list[str]:
    """Return the pairs by what came of them; nothing where none was compared."""
    found = compared(card)
    lines = [look.paint("Die, board, firmware and memory against each other", "bold")] if found else []
    for word, pairs in found:
        lines += look.labelled(word, "; ".join(pairs), indent=2, gap=14)
    return lines


def _pairs(findings: Sequence[Finding], status: Status) -> list[str]:
    """By the part with which the others were compared: ``device id with silicon, memory``."""
    partners: dict[str, list[str]] = {}
    for finding in findings:
        if finding.edge and finding.status is status and finding.edge[0] not in partners.get(finding.edge[1], []):
            partners.setdefault(finding.edge[1], []).append(finding.edge[0])
    return [f"{part} with {', '.join(others)}" for part, others in partners.items()]
