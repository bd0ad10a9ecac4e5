"""Texts of ``/proc/driver/nvidia`` inside a file: the driver's version, and a block a card.

They come from a bug report, which puts the path before each, or from somebody's ``cat``.
"""

import re

from gpucheck.model.evidence import DriverFacts
from gpucheck.sources import driver

MAX_CARDS = 256
MAX_LINE = 400
_BLOCK_LINES = 32

_LINE = re.compile(r"[ \t]{0,8}([A-Z][A-Za-z ]{1,24}):(?:[ \t]+(.*)|)$")
_PATH = re.compile(r"\*{3} /proc/driver/nvidia/\S*gpus/([0-9a-fA-F:.]{7,20})/information")
_OWN = ("GPU UUID", "Video BIOS", "Bus Location")
"""A block without any of these is another program's: many print a line that starts with Model."""


def read_driver(lines: list[str]) -> list[DriverFacts]:
    """Read every card in the lines; the version goes to all that follow it, and to those before the first one."""
    version, found = _version(lines), []
    start: int | None = None
    for number, line in enumerate([*lines, ""]):
        is_line = len(line) <= MAX_LINE and _LINE.match(line) is not None
        if start is not None and (not is_line or number - start >= _BLOCK_LINES or _is_start(line)):
            found += _block(lines[start:number], version)
            start = None
        if _is_start(line) and is_line and len(found) < MAX_CARDS:
            start = number
    return found


def read_version(lines: list[str]) -> str | None:
    """The kernel driver's version, where its text is among the lines."""
    return driver.parse_version(_version(lines))


def _version(lines: list[str]) -> str:
    return next((line.strip() for line in lines if "NVRM version" in line and len(line) <= MAX_LINE), "")


def _is_start(line: str) -> bool:
    return line.lstrip().startswith("Model:")


def _block(lines: list[str], version: str) -> list[DriverFacts]:
    text = "\n".join(line.strip() for line in lines)
    return [driver.parse(version, text)] if any(f"{name}:" in text for name in _OWN) else []
