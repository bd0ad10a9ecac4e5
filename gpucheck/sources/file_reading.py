"""Files that a stranger sent: opened with a bound, decoded, and cleared of terminal noise.

Nothing is read from what is not a regular file, and never more than ``LIMIT_BYTES``.
"""

import os
import re
import stat
from pathlib import Path

from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise

LIMIT_BYTES = 16 << 20
"""The largest file that is read. A bug report with everything in it stays well below."""

MAX_LINES = 200_000
MAX_LINE_CHARS = 32_768

_HOW = "Ask for the text that `nvidia-smi -q -x` prints, saved as a file."
_HOW_ROM = (
    "`gpucheck vbios FILE` shows what it says; `gpucheck scan --vbios FILE` holds it against the card in your machine."
)
_FORMATS = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it first, for instance with `gunzip`."),
    (b"PK\x03\x04", "a zip archive or an office document", "Unpack it, or save its content as plain text."),
    (b"\x89PNG", "a picture", _HOW),
    (b"\xff\xd8\xff", "a picture", _HOW),
    (b"GIF8", "a picture", _HOW),
    (b"%PDF", "a PDF document", _HOW),
    (b"\x7fELF", "a program", _HOW),
    (b"BZh", "a bzip2 archive", "Unpack it first."),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first."),
)
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])|\x9b[0-?]*[ -/]*[@-~]")
_QUOTE_MARKS = re.compile(r"^[> ]*> ?", re.MULTILINE)
_CONTROLS = bytes(c for c in range(32) if c not in b"\n\t") + b"\x7f"
_FEW_CONTROLS = 0.02


class SourceFileError(GpucheckError):
    """A file that cannot be opened, or that says nothing about a card."""


def read_file(path: str | Path) -> str:
    """The text of ``path``, at most ``LIMIT_BYTES`` of it. Raises `SourceFileError` with one line and a hint."""
    name = sanitise(str(path), 200)
    data = read_bytes(path, LIMIT_BYTES)
    if not data.strip():
        raise SourceFileError(f"{name} is empty.", _HOW)
    for magic, what, hint in _FORMATS:
        if data.startswith(magic):
            raise SourceFileError(f"{name} is {what}, not text.", hint)
    if _is_rom(data):
        raise SourceFileError(f"{name} is a VBIOS ROM, not text.", _HOW_ROM)
    return decode(data)


def _is_rom(data: bytes) -> bool:
    """Whether it holds a PCI option ROM, which may begin with a flash header or with padding."""
    return b"\0" in data and b"PCIR" in data and (b"\x55\xaa" in data or data.startswith(b"NVGI"))


def read_bytes(path: str | Path, limit: int) -> bytes:
    """What a regular file holds, at most ``limit`` bytes. Raises `SourceFileError`; never waits for a pipe."""
    name = sanitise(str(path), 200)
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer before it could be refused.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable file name"
        raise SourceFileError(f"{name} cannot be opened: {why}.", "Check the path and its permissions.") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SourceFileError(f"{name} is not a regular file.", "Give the path of a text file.")
        data = b"" if status.st_size > limit else _read_all(handle, limit)
    except OSError as error:
        raise SourceFileError(f"{name} cannot be read: {error.strerror}.", "Copy it elsewhere, and retry.") from error
    finally:
        os.close(handle)
    if max(status.st_size, len(data)) > limit:
        raise _too_large(name, limit)
    return data


def _read_all(handle: int, limit: int) -> bytes:
    """What the file holds, at most one byte more than the limit: its size may be untrue, or grow."""
    with os.fdopen(handle, "rb", closefd=False) as stream:
        return stream.read(limit + 1)


def _too_large(name: str, limit: int = LIMIT_BYTES) -> SourceFileError:
    return SourceFileError(
        f"{name} is larger than {limit >> 20} MiB.", "Cut it down to what is about the card, and retry."
    )


def decode(data: bytes) -> str:
    """Text of ``data``: UTF-8, UTF-16 or UTF-32 with or without a mark (as PowerShell writes it), else Windows-1252."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    head = data[:4096]
    pairs = max(1, len(head) // 2)
    if head[1::2].count(0) > pairs * 0.6:
        return data.decode("utf-16-le", "replace")
    if head[0::2].count(0) > pairs * 0.6:
        return data.decode("utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def clean(text: str, origin: str) -> str:
    """``text`` with plain line ends and without escapes, control characters and quote marks of a mail or a forum.

    Raises `SourceFileError` where it is no text at all.
    """
    if len(text) > LIMIT_BYTES:
        raise _too_large(sanitise(origin, 200))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    if not text.isascii():
        text = text.replace("\xa0", " ").replace("\u2502", "|").replace("\ufeff", "")
    data = text.encode("utf-8", "replace")
    stripped = data.translate(None, _CONTROLS)
    if len(data) - len(stripped) > max(16, len(data) * _FEW_CONTROLS):
        raise SourceFileError(f"{sanitise(origin, 200)} is a binary file, not text.", _HOW)
    text = stripped.decode("utf-8", "replace")
    return _QUOTE_MARKS.sub("", text) if text.startswith(">") or "\n>" in text else text


def split_lines(text: str) -> list[str]:
    """The lines of ``text``: no more than ``MAX_LINES``, and none that is absurdly long."""
    lines = text.split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        lines.pop()
    return [line if len(line) <= MAX_LINE_CHARS else "" for line in lines]
