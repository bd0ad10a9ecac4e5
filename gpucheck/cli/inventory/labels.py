"""``gpucheck inventory labels``, and the labels of ``gpucheck inventory intake``."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from gpucheck.cli.errors import CallError, CliError, say
from gpucheck.cli.keep import choice_options, opened, store_files, store_option
from gpucheck.cli.options import together
from gpucheck.cli.output import STDOUT, check_target, write

if TYPE_CHECKING:
    from gpucheck.model.inventory import Labelled
    from gpucheck.render.inventory.paper import Paper

MOST = 10_000
DEFAULT_PAPER = "62x29"
_CHOICE = re.compile(r"#?([0-9]{1,18})(?:-([0-9]{1,18}))?")

paper_options = together(
    click.option(
        "--paper",
        metavar="SIZE",
        help=f"One label's WIDTHxHEIGHT in mm for a roll (default {DEFAULT_PAPER}), or a4 or letter for sheets.",
    ),
    click.option("--font", metavar="FILE", help="A .ttf or .otf font, for what the usual one has no characters for."),
    click.option("--skip", type=click.IntRange(min=0), metavar="N", help="Leave the first N places of a sheet empty."),
)


class Print(NamedTuple):
    """Where labels go, and on what."""

    output: str
    paper: "Paper"
    font: Path | None
    skip: int


@click.command(
    short_help="Write labels with QR codes as a PDF.",
    epilog="Examples: gpucheck inventory labels 17 -o 17.pdf; ... labels 1-40 --paper a4 -o labels.pdf",
)
@click.argument("items", metavar="ITEM...", nargs=-1)
@choice_options
@click.option("-o", "--output", metavar="FILE", required=True, help="The PDF to write; - is stdout.")
@paper_options
@store_option
def labels(
    items: tuple[str, ...],
    verdict: str | None,
    condition: str | None,
    output: str,
    paper: str | None,
    font: str | None,
    skip: int | None,
    place: str | None,
) -> None:
    """Write a PDF with a label for each ITEM: a number, or several as in 3-40.

    With --verdict or --condition alone, for all items that are so. The QR code names the item and the digest of its
    last report. What a scanner reads from it can be given to `list`.
    """
    if not (items or verdict or condition):
        how = "Name some, such as 17 or 3-40, or choose them with --verdict or --condition."
        raise CallError("No item is named.", how)
    if output == STDOUT and sys.stdout is not None and sys.stdout.isatty():
        raise CallError("A PDF is nothing for a terminal.", "Name a file after -o, or send stdout to a program.")
    numbers = _numbers(items)
    job = prepared(output, paper, font, skip, store_files(place))
    found = opened(place).labelled(numbers, verdict, condition)
    if not found:
        raise CliError("None of these items is like that.", "`gpucheck inventory list` shows verdicts and conditions.")
    print_labels(found, job)


def prepared(
    output: str,
    paper: str | None,
    font: str | None,
    skip: int | None,
    read: Sequence[str] = (),
    *,
    option: str = "-o",
) -> Print:
    """Check all that can be checked before there is anything to print. ``read`` are files not to be written over."""
    from gpucheck.render.inventory.labels import render_labels
    from gpucheck.render.inventory.paper import paper_of

    check_target(output, [*read, *([font] if font else [])], option=option)
    job = Print(output, paper_of(paper or DEFAULT_PAPER), Path(font) if font else None, skip or 0)
    if job.skip >= job.paper.labels:
        why = "each label is a page of its own" if job.paper.labels == 1 else f"a page holds {job.paper.labels} labels"
        raise CallError(f"{job.skip} places cannot be left empty: {why}.", "Give a smaller number after --skip.")
    render_labels([], job.paper, job.font)
    return job


def print_labels(found: "Sequence[Labelled]", job: Print) -> None:
    """Write the PDF, and say what its font had no characters for."""
    from gpucheck.render.inventory.labels import render_labels

    made = render_labels(found, job.paper, job.font, job.skip)
    write(made.pdf, job.output)
    if made.missing:
        other = "Give another font with --font." if job.font else "Give a font that has them with --font FILE."
        say(f"The labels show ? for {made.missing[:40]}, which their font does not have. {other}")


def _numbers(items: Sequence[str]) -> list[int]:
    numbers: list[int] = []
    for text in items:
        found = _CHOICE.fullmatch(text.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if last < first:
            raise CallError(f"{text[:60]!r} names no item.", "Wanted is a number, such as 17, or several, as in 3-40.")
        if last - first + len(numbers) >= MOST:
            raise CallError(f"More than {MOST:,} labels at once.", "Print them in several files.")
        numbers += range(first, last + 1)
    return numbers
