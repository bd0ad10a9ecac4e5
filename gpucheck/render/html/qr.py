"""A QR code as one path of an SVG drawing."""

from typing import NamedTuple

QUIET_MODULES = 4
"""Blank border that the standard, ISO/IEC 18004, asks for."""


class Code(NamedTuple):
    """A QR code: the side of the square in modules, its border included, and the path of the dark ones, row by row."""

    side: int
    rows: tuple[str, ...]


def qr_code(text: str) -> Code:
    """Return the code that carries ``text``; about 15 % of it may be unreadable (level M)."""
    import segno

    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    dark = (_row(row, y) for y, row in enumerate(rows, QUIET_MODULES))
    return Code(len(rows) + 2 * QUIET_MODULES, tuple(dark))


def _row(row: bytes, y: int) -> str:
    """Every run of dark modules as a rectangle one module high."""
    path, x = "", 0
    while x < len(row):
        end = x
        while end < len(row) and row[end]:
            end += 1
        if end > x:
            path += f"M{x + QUIET_MODULES} {y}h{end - x}v1h-{end - x}z"
        x = end + 1
    return path
