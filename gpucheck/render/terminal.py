"""A report for a person at a terminal: the verdict first, at most ``width`` columns, no wall of text."""

from collections.abc import Sequence

from gpucheck.model.report import CardReport, Report
from gpucheck.model.verdict import Condition
from gpucheck.render import words
from gpucheck.render.card import failures, name_of, render_card, verdict_of
from gpucheck.render.style import Cell, Look, columns

IN_FULL = 8
"""Cards up to which each is told in full; of more, the table has one line each, and one reason for those that fail."""

_LONGEST_CELL = 3
"""Lines that a place or a name may fill in the table, as a file may state any."""


def render_terminal(report: Report, look: Look | None = None, *, note: str = "") -> str:
    """Return the report as text that ends in a line feed.

    ``note`` says where the evidence came from, where that limits what the verdict can mean.
    """
    look = look or Look()
    cards = report.cards
    lines: list[str] = []
    if len(cards) > 1:
        lines += [*_summary(cards, look, reasons=len(cards) > IN_FULL), ""]
    if len(cards) <= IN_FULL:
        for number, card in enumerate(cards, 1):
            lines += [*_divider(number, len(cards), look), *render_card(card, look), ""]
    lines += _footer(report, look, note)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _divider(number: int, count: int, look: Look) -> list[str]:
    return [look.paint(f"--- Card {number} of {count} ".ljust(look.width, "-"), "dim")] if count > 1 else []


def _summary(cards: Sequence[CardReport], look: Look, *, reasons: bool) -> list[str]:
    lines = [look.paint(f"{len(cards)} cards: {_tally(cards)}", "bold")]
    digits = len(str(len(cards)))
    widths = _widths(cards, look.width - digits - 5)
    for number, card in enumerate(cards, 1):
        cells = (Cell(str(number), digits, right=True), *_cells(card, widths, look))
        lines += ["  " + line for line in look.row(*cells, gap=1)]
        if reasons and (found := failures(card)):
            lines += look.paragraph(found[0].message, indent=digits + 6, limit=200)
    return lines


def _widths(cards: Sequence[CardReport], room: int) -> tuple[int, int, int]:
    """Columns for the place, the name and the verdict: no more than the longest needs, or than its share."""
    place = min(max(columns(card.evidence.label) for card in cards), room * 30 // 100)
    name = min(max(columns(_name(card)) for card in cards), room * 40 // 100)
    return place, name, room - place - name - 2


def _tally(cards: Sequence[CardReport]) -> str:
    verdicts = [card.verdict.authenticity for card in cards]
    return ", ".join(f"{verdicts.count(v)} {v.value}" for v in words.COLOURS if v in verdicts)


def _name(card: CardReport) -> str:
    return ("SIMULATED " if card.simulated else "") + name_of(card)


def _cells(card: CardReport, widths: tuple[int, int, int], look: Look) -> tuple[Cell, Cell, Cell]:
    place, name, rest = widths
    condition = card.verdict.condition
    health = f", {words.CONDITIONS[condition]}" if condition in (Condition.WORN, Condition.DEFECTIVE) else ""
    return (
        Cell(look.fit(card.evidence.label, _LONGEST_CELL * place), place),
        Cell(look.fit(_name(card), _LONGEST_CELL * name), name),
        Cell(verdict_of(card) + health, rest, words.COLOURS[card.verdict.authenticity]),
    )


def _footer(report: Report, look: Look, note: str) -> list[str]:
    rules = [f"gpucheck {report.tool.version}", f"weights {words.short(report.rulebook.weights)}"]
    rules += [f"profile {id_} ({words.short(digest)})" for id_, digest in list(report.rulebook.profiles.items())[:3]]
    rules += [f"catalog {words.short(report.rulebook.catalog)}"] if report.rulebook.catalog else []
    rules += [f"kernels {words.short(words.combined(report.rulebook.kernels))}"] if report.rulebook.kernels else []
    drivers = {card.evidence.host.driver_version for card in report.cards}
    rules += [f"driver {driver}" for driver in sorted(filter(None, drivers))[:3]]
    lines = [look.paint(line, "dim") for line in look.paragraph("Rulebook: " + ", ".join(rules))]
    if note:
        lines += look.paragraph(note)
    return lines + _simulated(report, look)


def _simulated(report: Report, look: Look) -> list[str]:
    names = list(dict.fromkeys(card.simulated for card in report.cards if card.simulated))
    if not names:
        return []
    whole = len([c for c in report.cards if c.simulated]) == len(report.cards)
    what = "No real card was examined" if whole else "Not every card above is real"
    text = f"SIMULATED: {what}. Scenario: {', '.join(names[:5])}{' and others' if len(names) > 5 else ''}."
    return [look.paint(line, "cyan") for line in look.paragraph(text)]
