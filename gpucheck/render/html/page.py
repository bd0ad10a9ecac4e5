"""From a report to the page. Templates hold all the markup; every value that they print is cleaned and escaped."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpucheck.model.canonical import digest
from gpucheck.model.profile import Profile
from gpucheck.model.report import Report
from gpucheck.model.text import sanitise
from gpucheck.render.html.view import card_view
from gpucheck.render.qr import qr_code

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 4000
"""Characters of one value; the explanation of a verdict is the longest that we write."""
BRIEF = 200
"""Characters of a name, a place or a digest: a long one must not push the verdict off the page."""
MOST_MARKS = 2
"""Combining marks in a row, as any language needs them; a pile of them would cover the lines above."""


def render_html(report: Report, profiles: Mapping[str, Profile] | None = None, *, note: str = "") -> str:
    """Return the report as one HTML document that ends in a line feed.

    ``profiles`` maps profile ids to reference data, for what only eyes can see on a model; ``note`` says where the
    evidence came from, where that limits what the verdict can mean.
    """
    cards = [card_view(card, number, profiles or {}) for number, card in enumerate(report.cards, 1)]
    sealed = digest(report)
    page = environment().get_template("page.html")
    return page.render(
        report=report,
        cards=cards,
        note=note,
        digest=sealed,
        code=qr_code(sealed),
        simulated=_simulated(report),
        drivers=sorted({d for card in report.cards if (d := card.evidence.host.driver_version)}),
        when=report.created_at.strftime("%Y-%m-%d %H:%M %Z"),
    )


def _simulated(report: Report) -> str:
    """What the banner says, nothing where every card is real."""
    names = list(dict.fromkeys(card.simulated for card in report.cards if card.simulated))
    if not names:
        return ""
    whole = all(card.simulated for card in report.cards)
    what = "No real card was examined" if whole else "Not every card in this report is real"
    more = " and others" if len(names) > 5 else ""
    return f"{what}. Scenario: {', '.join(name[:200] for name in names[:5])}{more}."


@cache
def environment(*folders: Path) -> "Environment":
    """Templates of these folders, else of the report's own, whose values are all cleaned and escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES], encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["brief"] = _brief
    return made


def _shown(value: Any) -> Any:
    """Every value on its way to the page: markup of our own stays as it is, anything else is cleaned text."""
    return value if hasattr(value, "__html__") else clean(str(value))


def _brief(value: object) -> str:
    return clean(str(value), BRIEF)


def clean(text: str, limit: int = LONGEST) -> str:
    """Return hostile text on one line, without control characters, and without piles of combining marks."""
    plain = sanitise(text, limit)
    return plain if plain.isascii() else _flattened(plain)


def _flattened(text: str) -> str:
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)
