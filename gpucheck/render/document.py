"""The versioned JSON documents, written and read back. A reader refuses what is newer than itself.

Text that is read may come from anyone: it is bounded, and every failure is a ``DocumentError`` with one clear line.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from gpucheck import __version__
from gpucheck.model.base import Frozen, GpucheckError
from gpucheck.model.evidence import SCHEMA_VERSION, Evidence
from gpucheck.model.report import Report
from gpucheck.model.text import sanitise

LIMIT_BYTES = 64 << 20
"""The largest document that is read."""

Document = TypeVar("Document", bound=Frozen)


class DocumentError(GpucheckError):
    """A JSON document that cannot be used."""


class NotJudgedError(DocumentError):
    """A document of evidence where a report was wanted."""


class EvidenceFile(Frozen):
    """What ``gpucheck collect`` writes: the evidence of all cards, not judged yet."""

    schema_version: Literal[1] = 1
    kind: Literal["evidence"] = "evidence"
    cards: tuple[Evidence, ...]


def render_json(report: Report) -> str:
    """Return the report as JSON that ends in a line feed."""
    return _escaped(report.model_dump_json(indent=2)) + "\n"


def render_evidence(cards: Sequence[Evidence]) -> str:
    """Return an evidence document as JSON that ends in a line feed."""
    return _escaped(EvidenceFile(cards=tuple(cards)).model_dump_json(indent=2)) + "\n"


_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def _escaped(text: str) -> str:
    """The same JSON with what controls a terminal, or reverses its text, written as escapes."""
    return text if text.isascii() and "\x7f" not in text else _HIDDEN.sub(lambda c: json.dumps(c[0])[1:-1], text)


def load_report(text: str, origin: str = "the document") -> Report:
    """Read a report back, also out of a signed document, whose signature is not verified. Raises ``DocumentError``."""
    if text.strip() and text.lstrip()[0] not in "{[":
        raise DocumentError(
            f"{_name(origin)} is no report, and no JSON.",
            "Judge what nvidia-smi or lspci printed with `gpucheck assess`; a report ends in .json.",
        )
    content, text = _parse(text, origin)
    if content.get("kind") == "evidence":
        raise NotJudgedError(f"{_name(origin)} holds evidence, not a report.", "Judge it with `gpucheck assess`.")
    return _validate(Report, text, content, origin)


def load_evidence(text: str, origin: str = "the document") -> list[Evidence]:
    """Read the evidence of every card from an evidence document or from a report. Raises ``DocumentError``."""
    content, text = _parse(text, origin)
    if content.get("kind") == "evidence":
        found = list(_validate(EvidenceFile, text, content, origin).cards)
    else:
        found = [card.evidence for card in _validate(Report, text, content, origin).cards]
    if not found:
        raise DocumentError(f"{_name(origin)} holds no card.", "Collect again on the machine that holds the card.")
    return found


def is_signed(text: str) -> bool:
    """Whether a text begins as a signed report does."""
    return bool(_SIGNED.match(text))


_SIGNED_KIND = "signed_report"
_SIGNED = re.compile(rf'\s*\{{\s*"kind"\s*:\s*"{_SIGNED_KIND}"')


def _parse(text: str, origin: str) -> tuple[dict[str, Any], str]:
    """The document that a text holds, taken out of a signature around it, and the document's own text."""
    name = _name(origin)
    if len(text) > LIMIT_BYTES:
        raise DocumentError(f"{name} is larger than {LIMIT_BYTES >> 20} MiB.", "No report needs to be that large.")
    try:
        content = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise DocumentError(f"{name} is not valid JSON: {sanitise(str(error), 120)}.", _WANTED) from error
    if isinstance(content, dict) and content.get("kind") == _SIGNED_KIND:
        _check_version(content, name)
        content = content.get("report")
        text = to_json(content).decode()
    if not isinstance(content, dict) or "cards" not in content:
        raise DocumentError(f"{name} is JSON, but no document of gpucheck.", _WANTED)
    _check_version(content, name)
    if not _sane(content):
        raise DocumentError(f"{name} holds a number that no card can have.", _WANTED)
    return content, text


def _sane(node: Any) -> bool:
    """Whether every number is finite and of at most 64 bits, so that arithmetic on it cannot fail."""
    if isinstance(node, dict):
        return all(_sane(value) for value in node.values())
    if isinstance(node, list):
        return all(_sane(value) for value in node)
    return not isinstance(node, int | float) or abs(node) < _LARGEST


_LARGEST = 1 << 64
_WANTED = "Wanted is what `gpucheck collect` or `gpucheck scan --format json` wrote."


def _check_version(content: dict[str, Any], name: str) -> None:
    version = content.get("schema_version")
    if type(version) is not int or version < 1:
        raise DocumentError(f"{name} states no schema_version.", _WANTED)
    if version > SCHEMA_VERSION:
        raise DocumentError(
            f"{name} has schema version {version}; this gpucheck {__version__} reads up to {SCHEMA_VERSION}.",
            "Update gpucheck as it was installed, from its repository.",
        )


def _validate(kind: type[Document], text: str, content: dict[str, Any], origin: str) -> Document:
    # Strict: a size that became a text was written by someone else, and its unit is anyone's guess.
    try:
        return kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "document"
        raise DocumentError(f"{_name(origin)}: {sanitise(place, 120)}: {first['msg']}.", _writer(content)) from error
    except RecursionError as error:
        raise DocumentError(f"{_name(origin)} is nested too deeply.", _WANTED) from error


def _writer(content: dict[str, Any]) -> str:
    tool = content.get("tool")
    version = sanitise(str(tool.get("version")), 40) if isinstance(tool, dict) else ""
    if version and version != __version__:
        return f"It says that gpucheck {version} wrote it; this is {__version__}."
    return "The document was altered or cut off after it was written."


def _name(origin: str) -> str:
    return sanitise(origin, 200)
