"""From values to a page: the templates of this room, over those of the report, whose style sheet they share."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import url_for

from gpucheck.render.html.page import TEMPLATES, environment

OWN = Path(__file__).parent / "templates"


def page(name: str, **values: Any) -> str:
    """The page of a template. Values are cleaned and escaped as they are in a report."""
    return environment(OWN).get_template(name).render(link=url_for, **values)


@cache
def style_sheet() -> str:
    """The report's style sheet, and what only these pages need."""
    return "\n".join(
        (folder / name).read_text("utf-8") for folder, name in ((TEMPLATES, "style.css"), (OWN, "web.css"))
    )


def digest_of_style(text: str) -> str:
    """What a policy names the one style sheet inside a report by."""
    inside = text.partition("<style>")[2].partition("</style>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
