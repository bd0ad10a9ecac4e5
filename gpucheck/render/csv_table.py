"""The report as CSV: one row a card under stable columns, for spreadsheets and scripts.

RFC 4180: commas, CRLF, quotes where they are needed. UTF-8 without a byte order mark, which many readers would take for
a part of the first column's name; a spreadsheet may have to be told the encoding. Sizes are in bytes:
``memory_declared_bytes`` is declared, ``memory_proven_bytes`` measured, or simulated where ``simulated`` names a
scenario. What is not known is an empty cell.

A spreadsheet calculates a cell that begins like a formula (OWASP, *CSV Injection*), so text that does is led by an
apostrophe, also where it only looks like a number. The same is done after a semicolon, at which a spreadsheet in some
languages splits.
"""

import re
from collections.abc import Sequence

from gpucheck.model.finding import Status
from gpucheck.model.report import CardReport, Report
from gpucheck.render.card import failures
from gpucheck.render.facts import proven_bytes
from gpucheck.render.machine import SHORT, identity, labels, plain, scenario, utc

COLUMNS = (
    "card",
    "simulated",
    "name",
    "claim",
    "verdict",
    "condition",
    "kinds",
    "coverage_ratio",
    "memory_declared_bytes",
    "memory_proven_bytes",
    "reason",
    "failed_checks",
    "crashed_checks",
    "open_checks",
    "device_id",
    "subsystem_id",
    "vbios_version",
    "uuid",
    "serial",
    "board_part_number",
    "driver_version",
    "profile",
    "modification",
    "created_at",
    "tool_version",
    "weights",
    "catalog",
    "profile_digest",
)
"""Names and order stay; new ones go to the end."""

_FORMULA = re.compile(r"(^|;)(\s*)(?=[=+\-@|%\uff1d\uff0b\uff0d\uff20\u2212])")
"""Where a spreadsheet may begin to calculate: the four signs, their full-width forms, and two that some add to them."""


def render_csv(report: Report) -> str:
    """Return a header and one line a card, each ending in CRLF."""
    rows = (_row(report, card, label) for label, card in zip(labels(report), report.cards, strict=True))
    return "".join(map(line, (COLUMNS, *rows)))


def line(cells: Sequence[str | int]) -> str:
    """Return one line of a table, ending in CRLF."""
    import csv
    import io

    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue()


def guarded(text: object) -> str:
    """Return hostile text on one line, as a cell that no spreadsheet calculates."""
    return _FORMULA.sub(r"\1'\2", plain(text))


def _row(report: Report, card: CardReport, label: str) -> Sequence[str | int]:
    cells = _judged(card) | _stated(card) | _rests_on(report, card) | {"card": guarded(label)}
    return [cells[name] for name in COLUMNS]


def _judged(card: CardReport) -> dict[str, str | int]:
    verdict, proven = card.verdict, proven_bytes(card)
    return {
        "verdict": verdict.authenticity.value,
        "condition": verdict.condition.value,
        "kinds": " ".join(verdict.kinds),
        "coverage_ratio": guarded(f"{verdict.coverage:.4f}"),
        "memory_proven_bytes": "" if proven is None else proven,
        "reason": guarded(_reason(card)),
        "failed_checks": _checks(card, Status.FAIL),
        "crashed_checks": _checks(card, Status.ERROR),
        "open_checks": _checks(card, Status.INCONCLUSIVE),
    }


def _stated(card: CardReport) -> dict[str, str | int]:
    facts, declared = identity(card), card.evidence.declared
    size = declared.memory_total_bytes if declared else None
    return {
        "simulated": guarded(scenario(card)),
        "name": guarded(facts.name),
        "claim": guarded(card.match.claim),
        "memory_declared_bytes": "" if size is None else size,
        "device_id": guarded(facts.device),
        "subsystem_id": guarded(facts.subsystem),
        "vbios_version": guarded(facts.vbios),
        "uuid": guarded(facts.uuid),
        "serial": guarded(facts.serial),
        "board_part_number": guarded(facts.board_part_number),
        "driver_version": guarded(facts.driver),
    }


def _rests_on(report: Report, card: CardReport) -> dict[str, str | int]:
    profile = card.match.profile or ""
    return {
        "profile": guarded(profile),
        "modification": guarded(card.match.modification),
        "created_at": f"{utc(report.created_at)}Z",
        "tool_version": guarded(plain(report.tool.version, SHORT)),
        "weights": guarded(report.rulebook.weights),
        "catalog": guarded(report.rulebook.catalog),
        "profile_digest": guarded(report.rulebook.profiles.get(profile)),
    }


def _reason(card: CardReport) -> str:
    """The finding that weighed most; the explanation where nothing failed and the card is not authentic."""
    found = failures(card)
    if found:
        return f"{found[0].title}: {found[0].message}"
    return "" if card.verdict.authenticity == "authentic" else card.verdict.explanation


def _checks(card: CardReport, status: Status) -> str:
    return guarded(" ".join(plain(f.check, SHORT) for f in card.findings if f.status is status))
