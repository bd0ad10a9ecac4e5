"""Labels for the cards of an inventory, as a PDF: on a roll, one label a page, or on sheets of them."""

import datetime as dt
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gpucheck.model.base import GpucheckError
from gpucheck.model.inventory import PRINTED_DIGITS, Labelled
from gpucheck.render.inventory.paper import Paper
from gpucheck.render.inventory.words import day, every_kind, health_in_words, kinds_in_words
from gpucheck.render.qr import qr_code

if TYPE_CHECKING:
    from fpdf import FPDF

LEADING = 1.18
"""Distance of lines, in heights of the type."""
MM_PER_POINT = 25.4 / 72
SCALES = (2.6, 2.2, 1.9, 1.6, 1.4, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6)
"""Sizes of type that are tried, the largest first, as a factor of the sizes below."""
LEGIBLE, SMALL_SCALES = SCALES[:-2], SCALES[-5:]
LARGE, PLAIN, SMALL = 15.0, 8.5, 7.0
"""Points."""
_CORE_FONT = "Helvetica"
_TABLES = ("head", "hhea", "maxp", "hmtx", "cmap", "name", "OS/2", "post")
"""What a font must hold to be embedded (OpenType specification, required tables)."""
_WHOLE, _OTHERS_CUT, _WANTED_CUT = 0, 1, 2
_ENCODING = "cp1252"
"""What the fonts that every reader of PDF has can show."""


class FontError(GpucheckError):
    """A font that labels cannot be set in."""


class Labels(NamedTuple):
    """A PDF of labels. ``missing`` holds the characters that its font cannot show, each once."""

    pdf: bytes
    missing: str


def render_labels(labels: Sequence[Labelled], paper: Paper, font: Path | None = None, skip: int = 0) -> Labels:
    """Draw one label for each item. The same items on the same paper give the same bytes.

    ``font`` is a TrueType or OpenType font for what the usual one has no characters for; ``skip`` leaves the first
    places of the first sheet empty. Raises ``FontError``.
    """
    with _usable(font) if font else nullcontext():
        return _drawn(labels, paper, font, skip)


def _drawn(labels: Sequence[Labelled], paper: Paper, font: Path | None, skip: int) -> Labels:
    pdf = _document(labels, paper, font)
    drawer = _Drawer(pdf)
    for place, label in enumerate(labels, skip):
        if place % paper.labels == 0 or pdf.page == 0:
            pdf.add_page()
        row, column = divmod(place % paper.labels, paper.columns)
        drawer.draw(label, paper, paper.left + column * paper.across, paper.top + row * paper.down)
    return Labels(bytes(pdf.output()), "".join(sorted(drawer.missing)))


def _document(labels: Sequence[Labelled], paper: Paper, font: Path | None) -> "FPDF":
    from fpdf import FPDF

    pdf = FPDF(unit="mm", format=paper.page)
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_title("gpucheck labels")
    pdf.set_creator("gpucheck")
    pdf.set_creation_date(max((label.item.last.at for label in labels), default=dt.datetime.fromtimestamp(0, dt.UTC)))
    if font is None:
        pdf.core_fonts_encoding = _ENCODING
    else:
        _add_font(pdf, font)
    return pdf


@contextmanager
def _usable(font: Path) -> Iterator[None]:
    """Tell of whatever goes wrong with a font: the library has an error of its own for each of its tables."""
    try:
        yield
    except FontError:
        raise
    except Exception as error:
        why = error.args[0] if error.args else type(error).__name__
        raise FontError(f"{font} is no font that can be used: {why}.", _WANTED) from error


def _add_font(pdf: "FPDF", font: Path) -> None:
    from fontTools.ttLib import TTFont

    if font.suffix.lower() not in {".ttf", ".otf"}:
        raise FontError(f"{font} is no font that can be used.", _WANTED)
    try:
        data = font.read_bytes()
    except OSError as error:
        raise FontError(f"{font} cannot be read: {error.strerror or error}.", _WANTED) from error
    with TTFont(BytesIO(data)) as found:
        _ = [found[table] for table in _TABLES]  # what is no font fails here, where no file stays open
    for style in ("", "B"):
        pdf.add_font("own", style, font)


_WANTED = "Wanted is a .ttf or .otf file."


class Line(NamedTuple):
    """A line of a label before it is broken. One that is ``wanted`` is never left out, others are from the last on."""

    text: str
    points: float
    bold: bool = False
    wanted: bool = False
    reverse: bool = False
    """White on black."""
    most: int = 1
    """Lines that it may take."""


def lines_of(label: Labelled) -> list[Line]:
    """What stands beside the code: the verdict with the inventory's notices counted in, and what tells the card."""
    item, last = label.item, label.item.last
    verdict = ", ".join(filter(None, (item.authenticity.upper(), health_in_words(last.condition))))
    kinds = kinds_in_words(every_kind(last.kinds, label.notices))
    stated = last.identity
    known = f"S/N {stated.serial}" if stated.serial else (stated.uuid or "")[:12]
    lines = [
        Line("SIMULATED" if last.simulated else "", PLAIN, bold=True, wanted=True, reverse=True),
        Line(f"#{item.number}", LARGE, bold=True, wanted=True),
        Line(last.model, PLAIN, bold=True, wanted=True, most=2),
        Line(verdict, PLAIN, bold=True, wanted=True, most=3),
        Line(kinds, PLAIN, wanted=True, most=3),
        Line(", ".join(filter(None, (item.label, item.customer, item.location))), SMALL, most=2),
        Line(f"examined {day(last.at)}", SMALL),
        Line(known, SMALL),
        Line(label.code.rpartition(":")[2][:PRINTED_DIGITS], SMALL),
    ]
    return [line for line in lines if line.text]


class _Drawer:
    """Draws labels on the current page."""

    def __init__(self, pdf: "FPDF") -> None:
        self._pdf = pdf
        own = pdf.fonts.get("own")
        self._own: Container[int] | None = getattr(own, "cmap", None)
        self._family = _CORE_FONT if self._own is None else "own"
        self._widths: dict[tuple[bool, str], float] = {}
        self.missing: set[str] = set()

    def draw(self, label: Labelled, paper: Paper, x: float, y: float) -> None:
        """One label with its upper left corner at a place of the page, in mm."""
        margin, wide = paper.margin, paper.width >= paper.height
        width, height = paper.width - 2 * margin, paper.height - 2 * margin
        side = min(height, 0.44 * width) if wide else min(width, 0.5 * height)
        x, y = x + margin, y + margin
        self._code(label.code, x, y, side)
        if wide:
            self._text(lines_of(label), (x + side, y), (width - side, height))
        else:
            self._text(lines_of(label), (x, y + side), (width, height - side))

    def _code(self, text: str, x: float, y: float, side: float) -> None:
        code = qr_code(text)
        module = side / code.side
        self._pdf.set_fill_color(0)
        for run in code.runs:
            self._pdf.rect(x + run.x * module, y + run.y * module, run.length * module, module, style="F")

    def _text(self, lines: Sequence[Line], start: tuple[float, float], box: tuple[float, float]) -> None:
        y = start[1]
        for line, scale in self._fitted([line._replace(text=self._shown(line.text)) for line in lines], box):
            height = _height(line, scale)
            self._font(line, scale)
            if line.reverse:
                self._pdf.rect(start[0], y, min(self._width(line, line.text, scale) + 2, box[0]), height, style="F")
            self._pdf.set_text_color(255 if line.reverse else 0)
            self._pdf.set_xy(start[0] + line.reverse, y)
            self._pdf.cell(box[0], height, line.text)
            y += height

    def _fitted(self, lines: Sequence[Line], box: tuple[float, float]) -> list[tuple[Line, float]]:
        """Lines broken to the box: whole, else cut where that does least harm, else without those not wanted."""
        for worst, scales in ((_WHOLE, LEGIBLE), (_OTHERS_CUT, SCALES), (_WANTED_CUT, SMALL_SCALES)):
            for scale in scales:
                broken, harm = self._broken(lines, scale, box[0])
                if harm <= worst and sum(_height(line, scale) for line in broken) <= box[1]:
                    return [(line, scale) for line in broken]
        ranked = sorted(lines, key=lambda line: not line.wanted)
        broken, _ = self._broken(ranked, scale, box[0])
        ends = accumulate(_height(line, scale) for line in broken)
        return [(line, scale) for line, end in zip(broken, ends, strict=True) if end <= box[1]]

    def _broken(self, lines: Sequence[Line], scale: float, width: float) -> tuple[list[Line], int]:
        """The lines at this size, and the worst that was done to one."""
        found, harm = [], _WHOLE
        for line in lines:
            pieces, whole = self._pieces(line, scale, width - 2 * line.reverse)
            harm = max(harm, _WHOLE if whole else _WANTED_CUT if line.wanted else _OTHERS_CUT)
            found += [line._replace(text=piece) for piece in pieces]
        return found, harm

    def _pieces(self, line: Line, scale: float, width: float) -> tuple[list[str], bool]:
        pieces, whole = [""], True
        for word in line.text.split():
            joined = f"{pieces[-1]} {word}".strip()
            if self._width(line, joined, scale) <= width:
                pieces[-1] = joined
            elif pieces[-1] and len(pieces) < line.most:
                pieces.append(word)
            else:
                pieces[-1], whole = joined, False
                break  # what follows is cut off
        cut = [self._cut(line, piece, scale, width) for piece in pieces]
        return cut, whole and cut == pieces

    def _cut(self, line: Line, text: str, scale: float, width: float) -> str:
        if self._width(line, text, scale) <= width:
            return text
        room = width - self._width(line, "...", scale)
        ends = accumulate(self._width(line, character, scale) for character in text)
        return text[: sum(end <= room for end in ends)].rstrip() + "..."

    def _width(self, line: Line, text: str, scale: float) -> float:
        """In mm. The widths of characters add up: no pairs are moved closer."""
        return sum(self._of_one(line.bold, character) for character in text) * line.points * scale

    def _of_one(self, bold: bool, character: str) -> float:
        """Of a character in type of one point; asked of the PDF once."""
        key = (bold, character)
        if key not in self._widths:
            self._pdf.set_font(self._family, "B" if bold else "", 100)
            self._widths[key] = self._pdf.get_string_width(character) / 100
        return self._widths[key]

    def _font(self, line: Line, scale: float) -> None:
        self._pdf.set_font(self._family, "B" if line.bold else "", round(line.points * scale, 2))

    def _shown(self, text: str) -> str:
        """The text in characters that the font has; the caller tells of those that it lacks."""
        lacking = {character for character in text if not self._has(character)}
        self.missing |= lacking
        return "".join("?" if character in lacking else character for character in text)

    def _has(self, character: str) -> bool:
        if self._own is not None:
            return ord(character) in self._own
        return bool(character.encode(_ENCODING, "ignore"))


def _height(line: Line, scale: float) -> float:
    return line.points * scale * MM_PER_POINT * LEADING
