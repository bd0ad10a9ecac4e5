"""The manual of the checks, made from their docstrings: for ``gpucheck explain`` and for ``docs/checks.md``."""

import re
from collections.abc import Sequence

from gpucheck.checks.base import Check
from gpucheck.render.style import Look

_PART = re.compile(r"^(What it checks|Why it matters|How it can be fooled|A failure does not mean|References):\s*")
_INTRODUCTION = """# Checks

Every rule by which gpucheck judges a card, in the order in which a report lists them. `gpucheck explain ID` prints one.

Generated from the docstrings of `gpucheck/checks/`; `make docs` writes this page anew.
"""


def parts(manual: str) -> list[tuple[str, str]]:
    """Split a manual into its summary, which has no heading, and its headed parts."""
    found: list[tuple[str, str]] = []
    for line in manual.strip().splitlines():
        start = _PART.match(line)
        if start:
            found.append((start[1], line[start.end() :].strip()))
        elif not found:
            found.append(("", line.strip()))
        else:
            heading, text = found[-1]
            found[-1] = (heading, f"{text} {line.strip()}".strip())
    return found


def explain(check: Check, look: Look) -> str:
    """Return one check's manual for a terminal."""
    lines = [look.paint(f"{check.id}: {check.title}", "bold")]
    lines.append(f"About {check.about}; a failure is {check.severity.value} unless the report says otherwise.")
    for heading, text in parts(check.manual):
        plain = text.replace("``", "")
        lines += ["", *(look.paragraph(plain) if not heading else [heading, *look.paragraph(plain, indent=2)])]
    return "\n".join(lines) + "\n"


def overview(checks: Sequence[Check], look: Look) -> str:
    """Return one line per check: id, title, severity."""
    wide = max(len(check.id) for check in checks)
    lines = [f"  {check.id:<{wide}}  {check.title} ({check.severity.value})" for check in checks]
    return (
        "\n".join([look.paint(f"{len(checks)} checks", "bold"), *lines, "", "gpucheck explain ID tells more."]) + "\n"
    )


def checks_page(checks: Sequence[Check]) -> str:
    """Return ``docs/checks.md``."""
    return _INTRODUCTION + "".join(_entry(check) for check in checks)


def _entry(check: Check) -> str:
    lines = ["", f"## {check.id}", "", f"**{check.title}.** About {check.about}; severity {check.severity.value}.", ""]
    for heading, text in parts(check.manual):
        plain = text.replace("``", "`")
        lines += [f"- *{heading}*: {plain}" if heading else f"{plain}\n"]
    return "\n".join(lines) + "\n"
