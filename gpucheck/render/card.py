"""One card's report as lines of text: the verdict first, then why, then the figures, then what was not seen."""

from collections.abc import Iterable, Sequence

from gpucheck.model.finding import Finding, Severity, Status
from gpucheck.model.report import CardReport
from gpucheck.model.text import quoted
from gpucheck.model.units import pci_id, percent
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render import words
from gpucheck.render.consistency import consistency
from gpucheck.render.facts import table
from gpucheck.render.style import Colour, Look, columns
from gpucheck.render.unseen import unseen

FULL_REASONS = 5
"""Reasons that are told in full; of any further only the title."""
SHORTEST_NAME = 24
"""Columns of the name below which the verdict moves to a line of its own."""
_HARM = list(Severity)


def render_card(card: CardReport, look: Look) -> list[str]:
    """Return one card's part of the report."""
    blocks = (
        headline(card, look),
        look.paragraph(card.verdict.explanation),
        _reasons(card, look),
        table(card, look),
        consistency(card, look),
        _passed(card, look),
        _unseen(card, look),
    )
    return _join(blocks)


def _join(blocks: Iterable[Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        if block:
            lines += [*([""] if lines else []), *block]
    return lines


def name_of(card: CardReport) -> str:
    """The SKU that the card declares, else the name that is stated of it: in quotes where it is no known one."""
    if card.match.profile or card.match.candidates or card.called is None:
        return card.called or "Unknown card"
    return quoted(card.called)


def verdict_of(card: CardReport) -> str:
    """The verdict in words, with its kinds."""
    kinds = ", ".join(words.KINDS[kind] for kind in card.verdict.kinds)
    return card.verdict.authenticity.value.upper() + (f" ({kinds})" if kinds else "")


def headline_verdict(card: CardReport) -> str:
    """The same, and that the card is defective where it is."""
    if card.verdict.condition is not Condition.DEFECTIVE:
        return verdict_of(card)
    joined = ", but DEFECTIVE" if card.verdict.authenticity is Authenticity.AUTHENTIC else ", DEFECTIVE"
    return verdict_of(card) + joined


def headline(card: CardReport, look: Look) -> list[str]:
    """The verdict in one line, the circumstances in the next."""
    verdict = look.fit(headline_verdict(card), look.width - 2)
    prefix = "SIMULATED " if card.simulated else ""
    name = look.clean(name_of(card))
    room = look.width - columns(verdict) - len(prefix) - 2
    together = room >= min(columns(name), SHORTEST_NAME)
    first = look.paint(prefix + look.fit(name, room if together else look.width - len(prefix) - 1), "bold") + ":"
    second = look.paint(verdict, words.COLOURS[card.verdict.authenticity])
    lines = [f"{first} {second}"] if together else [first, f"  {second}"]
    return [*lines, *look.paragraph(_circumstances(card)), *_hints(card, look)]


def _circumstances(card: CardReport) -> str:
    facts = card.evidence.declared
    place = [card.evidence.label]
    if card.evidence.device:
        place.append(f"device {pci_id(*card.evidence.device)}")
    if facts and facts.vbios_version:
        place.append(f"VBIOS {facts.vbios_version}")
    condition = words.CONDITIONS[card.verdict.condition]
    examined = percent(card.verdict.coverage)
    return f"{', '.join(place)}. Condition: {condition}. Examined: {examined} of the evidence by weight."


def _hints(card: CardReport, look: Look) -> list[str]:
    if card.match.claim:
        return look.paragraph(f"Sold as: {card.match.claim}.")
    if card.verdict.authenticity not in (Authenticity.AUTHENTIC, Authenticity.INCONCLUSIVE):
        return []
    return [look.paint(line, "dim") for line in look.paragraph("Sold as something else? Run again with --claim MODEL.")]


def failures(card: CardReport) -> list[Finding]:
    """Failing and crashed checks: what moved the verdict most comes first, then the gravest."""
    moved = {c.check: c.decibans for c in card.verdict.contributions}
    found = [f for f in card.findings if f.status in (Status.FAIL, Status.ERROR)]
    return sorted(found, key=lambda f: (f.about == "condition", moved.get(f.check, 0), -_HARM.index(f.severity)))


def _reasons(card: CardReport, look: Look) -> list[str]:
    found = failures(card)
    if not found:
        return []
    lines = [look.paint("Why", "bold")]
    for finding in found[:FULL_REASONS]:
        lines += _reason(card, finding, look)
    rest = [f.title for f in found[FULL_REASONS:]]
    return lines + (look.labelled("also", ", ".join(rest), indent=2) if rest else [])


def _reason(card: CardReport, finding: Finding, look: Look) -> list[str]:
    colour: Colour = "yellow" if finding.status is Status.ERROR else "red"
    about = "the check itself failed" if finding.status is Status.ERROR else finding.severity.value
    if finding.about == "condition":
        about += ", condition only"
    room = max(look.width, 40) - len(about) - 5
    lines = [f"  {look.paint(look.fit(finding.title, room), colour)} ({about})"]
    if finding.message not in card.verdict.explanation:
        lines += look.paragraph(finding.message, indent=4)
    for label, text in (("observed", finding.observed), ("expected", finding.expected), ("to do", finding.remedy)):
        if text:
            lines += look.labelled(label, text, indent=4, gap=10)
    return lines


def _passed(card: CardReport, look: Look) -> list[str]:
    passed = [f for f in card.findings if f.status is Status.PASS]
    if not passed:
        return []
    lines = [look.paint(f"Passed ({len(passed)})", "bold")]
    lines += look.paragraph(", ".join(f.title for f in passed), indent=2)
    for finding in passed:
        if finding.severity is not Severity.INFO:
            lines += look.paragraph(f"{finding.title}: {finding.message} {finding.remedy}", indent=2)
    return lines


def _unseen(card: CardReport, look: Look) -> list[str]:
    lines = [line for text in unseen(card) for line in look.paragraph(text, indent=2)]
    return [look.paint("Not examined", "bold"), *lines] if lines else []
