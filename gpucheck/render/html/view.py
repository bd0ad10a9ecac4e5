"""What the page says of one card, ready for a template: words and drawings, no markup."""

from collections.abc import Mapping
from typing import NamedTuple

from gpucheck.model.finding import Finding, Severity, Status
from gpucheck.model.profile import Profile
from gpucheck.model.report import CardReport
from gpucheck.model.units import pci_id, percent
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render import words
from gpucheck.render.card import failures, headline_verdict, name_of
from gpucheck.render.consistency import compared
from gpucheck.render.facts import Row, rows
from gpucheck.render.html.error_map import ErrorMap, error_map
from gpucheck.render.html.eyes import for_eyes
from gpucheck.render.html.latency import LatencyDrawing, latency_drawing
from gpucheck.render.html.slab import SlabDrawing, slab_drawing
from gpucheck.render.manual import parts
from gpucheck.render.unseen import unseen

SENTENCES = {
    Authenticity.AUTHENTIC: "This card is what it says it is.",
    Authenticity.INCONCLUSIVE: "What was examined does not settle whether this card is what it says it is.",
    Authenticity.SUSPECT: "Something about this card does not fit: do not rely on what it says it is.",
    Authenticity.MODIFIED: "This card was altered after it left the factory.",
    Authenticity.COUNTERFEIT: "This card is not what it says it is.",
}
PLACE = 200
"""Characters of each part of the place."""
TONES = {"green": "good", "yellow": "warn", "red": "bad"}
COSTS = {
    Severity.INFO: "nothing by itself (info)",
    Severity.LOW: "little (low)",
    Severity.MEDIUM: "a part of what the card is worth or can do (medium)",
    Severity.HIGH: "much of what the card is worth or can do (high)",
    Severity.CRITICAL: "most or all of what the card is worth or can do (critical)",
}


class Reason(NamedTuple):
    """One failing or crashed check: what was found, what it costs, what to do, and what it does not mean."""

    finding: Finding
    cost: str
    weight: str
    not_meant: str


class CardView(NamedTuple):
    """One card. ``how`` is the word for measured figures: a simulated card has none."""

    number: int
    card: CardReport
    name: str
    how: str
    tone: str
    verdict: str
    sentence: str
    condition: str
    examined: str
    place: str
    reasons: tuple[Reason, ...]
    pairs: list[tuple[str, list[str]]]
    rows: tuple[Row, ...]
    slab: SlabDrawing | None
    latency: LatencyDrawing | None
    errors: ErrorMap | None
    passed: tuple[str, ...]
    noted: tuple[Finding, ...]
    unseen: list[str]
    eyes: tuple[str, ...]


def card_view(card: CardReport, number: int, profiles: Mapping[str, Profile]) -> CardView:
    """Put together what the page says of a card; ``profiles`` holds the reference data of the declared SKU."""
    passed = [f for f in card.findings if f.status is Status.PASS]
    return CardView(
        number=number,
        card=card,
        name=name_of(card),
        how="simulated" if card.simulated else "measured",
        tone=tone(card.verdict.authenticity, card.verdict.condition),
        verdict=headline_verdict(card),
        sentence=_sentence(card),
        condition=words.CONDITIONS[card.verdict.condition],
        examined=percent(card.verdict.coverage),
        place=_place(card),
        reasons=tuple(_reason(card, finding) for finding in failures(card)),
        pairs=compared(card),
        rows=rows(card),
        slab=slab_drawing(card),
        latency=latency_drawing(card),
        errors=error_map(card),
        passed=tuple(f.title for f in passed),
        noted=tuple(f for f in passed if f.severity is not Severity.INFO),
        unseen=unseen(card),
        eyes=for_eyes(card, profiles.get(card.match.profile or "")),
    )


def tone(authenticity: Authenticity, condition: Condition) -> str:
    """The colour of a verdict: never green where something is wrong, be it the condition alone."""
    found = TONES[words.COLOURS[authenticity]]
    return "warn" if found == "good" and condition is Condition.DEFECTIVE else found


def _sentence(card: CardReport) -> str:
    verdict = card.verdict
    told = SENTENCES[verdict.authenticity]
    if any(f.check == "claim" and f.status is Status.FAIL for f in card.findings):
        told = "This card is not what it was sold as."
    if verdict.condition is Condition.DEFECTIVE:
        return told.removesuffix(".") + (
            ", but it is defective." if verdict.authenticity is Authenticity.AUTHENTIC else ", and it is defective."
        )
    return told


def _place(card: CardReport) -> str:
    facts = card.evidence.declared
    told = [card.evidence.label[:PLACE]]
    if card.evidence.device:
        told.append(f"device {pci_id(*card.evidence.device)} (declared)")
    if facts and facts.vbios_version:
        told.append(f"VBIOS {facts.vbios_version[:PLACE]} (declared)")
    return ", ".join(told)


def _reason(card: CardReport, finding: Finding) -> Reason:
    crashed = finding.status is Status.ERROR
    return Reason(
        finding,
        "not known: the check itself failed, and nothing that did not run counts as passed"
        if crashed
        else COSTS[finding.severity],
        _weight(card, finding),
        "" if crashed else _not_meant(finding.check),
    )


def _weight(card: CardReport, finding: Finding) -> str:
    if finding.about == "condition":
        return "none: it is about the condition, not about what the card is"
    moved = {c.check: c.decibans for c in card.verdict.contributions}.get(finding.check)
    if finding.status is Status.ERROR:
        return "none, but a check that failed forbids the verdict authentic"
    if not moved:
        return "none of its own: related evidence counts once"
    return f"{abs(moved)} decibans {'against' if moved < 0 else 'for'} the card"


def _not_meant(check: str) -> str:
    """From the check's manual, so that nobody is accused of what a failure does not show."""
    from gpucheck.checks import ALL_CHECKS

    manual = next((each.manual for each in ALL_CHECKS if each.id == check), "")
    return dict(parts(manual)).get("A failure does not mean", "").replace("``", "")
