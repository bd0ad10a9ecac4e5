"""Sizes of labels, and the sheets and rolls that they come on."""

from typing import NamedTuple

from gpucheck.model.base import GpucheckError


class PaperError(GpucheckError):
    """A size that is none, or that a label does not fit on."""

    fault = "call"


class Paper(NamedTuple):
    """Labels of one size in mm, and how many of them a page holds; a page of one label is as large as the label.

    ``left`` and ``top`` are those of the first label, ``across`` and ``down`` the distance from one to the next.
    """

    width: float
    height: float
    page: tuple[float, float]
    columns: int = 1
    rows: int = 1
    left: float = 0.0
    top: float = 0.0
    across: float = 0.0
    down: float = 0.0
    margin: float = 1.8
    """Of every label; a printer does not reach the edge of a sheet."""

    @property
    def labels(self) -> int:
        """Labels on a page."""
        return self.columns * self.rows


SHEETS = {
    "a4": Paper(70, 37, (210, 297), 3, 8, 0, 0.5, 70, 37, 4),
    "letter": Paper(66.675, 25.4, (215.9, 279.4), 3, 10, 4.7625, 12.7, 69.85, 25.4),
}
"""Sheets that are sold everywhere: 24 labels of 70 x 37 mm (Avery 3474), 30 of 2 5/8 x 1 inch (Avery 5160)."""
SMALLEST_MM, LARGEST_MM = (40.0, 20.0), (300.0, 300.0)


def paper_of(text: str) -> Paper:
    """Return ``a4``, ``letter``, or a label of WIDTHxHEIGHT in mm. Raises ``PaperError``."""
    name = text.strip().lower()
    if name in SHEETS:
        return SHEETS[name]
    hint = f"Wanted is {', '.join(SHEETS)}, or WIDTHxHEIGHT in mm, such as 62x29."
    try:
        width, height = (float(part) for part in name.removesuffix("mm").split("x"))
    except ValueError as error:
        raise PaperError(f"{text[:40]!r} is no size of a label.", hint) from error
    long, short = max(width, height), min(width, height)
    if not (long >= SMALLEST_MM[0] and short >= SMALLEST_MM[1] and long <= LARGEST_MM[0]):
        smallest = f"{SMALLEST_MM[0]:g} x {SMALLEST_MM[1]:g}"
        raise PaperError(
            f"a label of {width:g} x {height:g} mm cannot be drawn: the smallest is {smallest} mm, "
            f"the largest {LARGEST_MM[0]:g} mm a side.",
            hint,
        )
    return Paper(width, height, (width, height))
