"""QR codes as runs of dark modules, for whatever draws them."""

from collections.abc import Iterator
from typing import NamedTuple

QUIET_MODULES = 4
"""Blank border that the standard, ISO/IEC 18004, asks for."""


class Run(NamedTuple):
    """Dark modules side by side, one module high. The place is that of the first, from the corner of the border."""

    x: int
    y: int
    length: int


class Code(NamedTuple):
    """A QR code: the side of the square in modules, its border included, and the dark ones, row by row."""

    side: int
    runs: tuple[Run, ...]


def qr_code(text: str) -> Code:
    """Return the code that carries ``text``; about 15 % of it may be unreadable (level M)."""
    import segno

    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    runs = tuple(run for y, row in enumerate(rows, QUIET_MODULES) for run in _runs(row, y))
    return Code(len(rows) + 2 * QUIET_MODULES, runs)


def _runs(row: bytes, y: int) -> Iterator[Run]:
    x = 0
    while x < len(row):
        end = x
        while end < len(row) and row[end]:
            end += 1
        if end > x:
            yield Run(x + QUIET_MODULES, y, end - x)
        x = end + 1
