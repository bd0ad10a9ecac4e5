"""Reading what ``assess`` and ``render`` are given: our JSON, known by its first character, else nvidia-smi text."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gpucheck.cli.errors import CliError, say

if TYPE_CHECKING:
    from gpucheck.model.evidence import Evidence

STDIN = "-"
LIMIT_BYTES = 64 << 20
_HEAD_BYTES = 256


class Sent(NamedTuple):
    """What one file, or stdin, holds."""

    origin: str
    cards: "list[Evidence]"
    printed: bool
    """A program such as nvidia-smi printed it, so that it may tell of a card in part; else it is a document of ours."""


def read_evidence(path: str) -> "list[Evidence]":
    """Return the evidence of every card in a file, or from stdin where it is ``-``."""
    return read_sent(path).cards


def read_sent(path: str) -> Sent:
    """The same, with where it came from."""
    if path == STDIN:
        return _from_text(_text(_stdin(), "stdin"), "stdin")
    if looks_like_json(path):
        from gpucheck.render.document import load_evidence

        return Sent(Path(path).name, load_evidence(read_document(path), path), printed=False)
    from gpucheck.sources.nvidia_smi import read_file

    return _from_nvidia_smi(read_file(path), path)


def read_document(path: str) -> str:
    """Return the text of a JSON document, or of stdin."""
    if path == STDIN:
        return _text(_stdin(), "stdin")
    from gpucheck.sources.file_reading import read_bytes

    return _text(read_bytes(path, LIMIT_BYTES), path)


def read_raw(path: str) -> bytes:
    """Return the bytes of a document, or of stdin, for what must not be guessed at."""
    if path == STDIN:
        return _bounded(_stdin(), "stdin")
    from gpucheck.sources.file_reading import read_bytes

    return read_bytes(path, LIMIT_BYTES)


def looks_like_json(path: str) -> bool:
    """Whether the first character opens a JSON object, in whatever encoding `read_document` reads.

    What cannot be opened is left to the other reader to tell of.
    """
    from gpucheck.sources.file_reading import decode

    file = Path(path)
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            return decode(stream.read(_HEAD_BYTES)).lstrip()[:1] == "{"
    except (OSError, ValueError):
        return False


def _from_text(text: str, origin: str) -> Sent:
    if text.lstrip()[:1] == "{":
        from gpucheck.render.document import load_evidence

        return Sent(origin, load_evidence(text, origin), printed=False)
    if not text.strip():
        raise CliError(f"{origin} is empty.", "Give it a report, evidence, or the output of `nvidia-smi -q -x`.")
    return _from_nvidia_smi(text, origin)


def _from_nvidia_smi(text: str, origin: str) -> Sent:
    from gpucheck.pipeline import acquaint
    from gpucheck.sources.nvidia_smi import parse, to_evidence

    name = Path(origin).name
    parsed = parse(text, name)
    for note in parsed.notes:
        say(f"{name}: {note}")
    return Sent(name, list(acquaint(to_evidence(parsed, name))), printed=True)


def _stdin() -> bytes:
    if sys.stdin is None:
        raise CliError("stdin is closed.", "Name a file, or send it one: gpucheck assess - < FILE")
    return sys.stdin.buffer.read(LIMIT_BYTES + 1)


def _text(data: bytes, origin: str) -> str:
    from gpucheck.sources.file_reading import decode

    return decode(_bounded(data, origin))


def _bounded(data: bytes, origin: str) -> bytes:
    if len(data) > LIMIT_BYTES:
        raise CliError(f"{origin} is larger than {LIMIT_BYTES >> 20} MiB.", "No report needs to be that large.")
    return data
