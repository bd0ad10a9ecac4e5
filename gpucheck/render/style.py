"""Plain text that fits a terminal: cleaned, measured in columns, wrapped, coloured only where asked."""

import unicodedata
from collections.abc import Iterable
from typing import Literal, NamedTuple

from gpucheck.model.text import sanitise

Colour = Literal["red", "green", "yellow", "cyan", "bold", "dim"]

_CODES: dict[Colour, str] = {"red": "1;31", "green": "1;32", "yellow": "1;33", "cyan": "36", "bold": "1", "dim": "2"}
_ASCII = {
    0x2026: "...",
    0xB7: "-",
    0x2013: "-",
    0x2014: "-",
    0xD7: "x",
    0xB5: "u",
    0x2265: ">=",
    0x2264: "<=",
    0x2019: "'",
}
NARROWEST = 40


class Look(NamedTuple):
    """What the terminal can show. ``width`` is in columns; below 40 it is taken as 40."""

    width: int = 80
    colour: bool = False
    unicode: bool = True

    def clean(self, text: object, limit: int = 512) -> str:
        """Return hostile text on one line, without control characters, in characters that the stream can take."""
        plain = sanitise(str(text), limit)
        return plain if self.unicode else plain.translate(_ASCII).encode("ascii", "replace").decode()

    def paint(self, text: str, colour: Colour) -> str:
        """Colour ``text``, which is clean already."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.colour and text else text

    def paragraph(self, text: object, indent: int = 0, limit: int = 2000) -> list[str]:
        """Clean and wrap; every line starts with ``indent`` blanks."""
        pad = " " * indent
        return [pad + line for line in wrap(self.clean(text, limit), max(self.width, NARROWEST) - indent)]

    def labelled(self, label: str, text: object, indent: int = 0, gap: int = 11) -> list[str]:
        """A label in the margin, the wrapped text beside it."""
        lines = self.paragraph(text, indent + gap)
        head = " " * indent + pad(label, gap)
        return [head + lines[0].lstrip(), *lines[1:]] if lines else []

    def row(self, *cells: "Cell", gap: int = 2) -> list[str]:
        """Cells side by side, each wrapped within its columns."""
        broken = [wrap(self.clean(cell.text), cell.columns) for cell in cells]
        lines = []
        for number in range(max(map(len, broken))):
            pieces = [pieces[number] if number < len(pieces) else "" for pieces in broken]
            shown = [self._placed(piece, cell) for piece, cell in zip(pieces, cells, strict=True)]
            lines.append((" " * gap).join(shown).rstrip())
        return lines

    def _placed(self, piece: str, cell: "Cell") -> str:
        blanks = " " * (cell.columns - columns(piece))
        told = self.paint(piece, cell.colour) if cell.colour else piece
        return blanks + told if cell.right else told + blanks

    def fit(self, text: object, columns: int) -> str:
        """Clean, and cut to at most ``columns``."""
        return cut(self.clean(text), columns, "…" if self.unicode else "...")

    def cell(self, text: object, columns: int) -> str:
        """Clean, cut and pad to exactly ``columns``."""
        return pad(self.fit(text, columns), columns)


class Cell(NamedTuple):
    """One cell of a row: its text, how many columns it may take, its colour, and whether it stands on the right."""

    text: str
    columns: int
    colour: Colour | None = None
    right: bool = False


def columns(text: str) -> int:
    """Columns that a terminal needs: wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def pad(text: str, width: int) -> str:
    """Fill up with blanks to ``width`` columns."""
    return text + " " * (width - columns(text))


def cut(text: str, width: int, mark: str = "…") -> str:
    """Shorten to ``width`` columns, with a mark where something is missing."""
    if columns(text) <= width:
        return text
    kept, used = [], columns(mark)
    for character in text:
        used += _columns_of(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + mark


def wrap(text: str, width: int) -> list[str]:
    """Break into lines of at most ``width`` columns, between words where that can be done."""
    lines: list[str] = []
    line = ""
    for word in _pieces(text.split(), width):
        joined = f"{line} {word}" if line else word
        if columns(joined) <= width:
            line = joined
        else:
            lines.append(line)
            line = word
    return [*lines, line] if line else lines


def _pieces(words: Iterable[str], width: int) -> Iterable[str]:
    for word in words:
        rest = word
        while columns(rest) > width:
            piece = cut(rest, width, "")
            yield piece
            rest = rest[len(piece) :]
        if rest:
            yield rest
