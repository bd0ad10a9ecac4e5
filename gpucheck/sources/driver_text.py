"""Texts of ``/proc/driver/nvidia`` inside a file: the driver's version, and a block a card.

They come from a bug report, which puts the path before each, or from somebody's ``cat``. The titles are those of
``nv-procfs.c``; a list with any other title is somebody's own and is left to others.
"""

import re

from gpucheck.model.evidence import DriverFacts
from gpucheck.sources import driver

MAX_CARDS = 256
MAX_LINE = 400

_LINE = re.compile(r"[ \t]{0,8}([A-Z][A-Za-z ]{1,24}):(?:[ \t]+(.*)|)$")
_TITLES = frozenset(
    ("Model", "IRQ", "GPU UUID", "Video BIOS", "Bus Type", "Card Type", "DMA Size", "DMA Mask", "Bus Location",
     "Device Minor", "GPU Firmware", "GPU Excluded", "Blacklisted")
)  # fmt: skip
_OWN = frozenset(("GPU UUID", "Video BIOS", "Bus Location"))
"""A block without any of these is another program's: many print a line that starts with Model."""


def read_driver(lines: list[str]) -> tuple[list[DriverFacts], list[str]]:
    """Every card in the lines, and the lines without what was read; all cards get the version of the first text."""
    version, found, rest = _version(lines), [], list(lines)
    for start, end in _blocks(lines):
        text = "\n".join(line.strip() for line in lines[start:end])
        found.append(driver.parse(version, text))
        rest[start:end] = [""] * (end - start)
    return found, rest


def read_version(lines: list[str]) -> str | None:
    """The kernel driver's version, where its text is among the lines."""
    return driver.parse_version(_version(lines))


def _version(lines: list[str]) -> str:
    return next((line.strip() for line in lines if "NVRM version" in line and len(line) <= MAX_LINE), "")


def _blocks(lines: list[str]) -> list[tuple[int, int]]:
    """First line of every block, and the line behind it."""
    found: list[tuple[int, int]] = []
    start, titles = -1, set[str]()
    for number, line in enumerate([*lines, ""]):
        title = _title(line)
        if start >= 0 and (title is None or title == "Model"):
            if titles <= _TITLES and titles & _OWN and len(found) < MAX_CARDS:
                found.append((start, number))
            start, titles = -1, set()
        if title == "Model":
            start = number
        if start >= 0 and title is not None:
            titles.add(title)
    return found


def _title(line: str) -> str | None:
    if ":" not in line[:40] or len(line) > MAX_LINE:
        return None
    match = _LINE.match(line)
    return match[1] if match else None
