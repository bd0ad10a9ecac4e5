"""``gpucheck inventory add``, ``export`` and ``import``: between the inventory and files."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from gpucheck.cli.errors import CallError, CliError, report, say
from gpucheck.cli.exit_codes import ExitCode, highest
from gpucheck.cli.inputs import STDIN, looks_like_json, read_document, read_evidence
from gpucheck.cli.keep import choice_options, opened, save, store_files, store_option
from gpucheck.cli.options import output_option
from gpucheck.cli.output import NOT_WRITTEN, check_target, chosen_format, write_pieces
from gpucheck.model.text import sanitise

if TYPE_CHECKING:
    from gpucheck.model.evidence import Evidence
    from gpucheck.model.report import Report


@click.command(
    short_help="Keep saved reports, evidence or texts.", epilog="Example: gpucheck inventory add intake.json"
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--item", type=click.IntRange(min=1), metavar="N", help="It is this item, whatever the card states.")
@store_option
def add(files: tuple[str, ...], item: int | None, place: str | None) -> int:
    """Keep saved reports, or saved evidence and nvidia-smi output, which is judged first. A FILE of - is stdin.

    Each file is kept whole or not at all; one that cannot be read is told of, and the others are kept.
    """
    store = opened(place, make=True)
    code = ExitCode.AUTHENTIC
    for path in files:
        try:
            found = _report(path)
        except Exception as error:  # noqa: BLE001 - one file's fault must not lose the others
            code = highest([code, report(error), ExitCode.NOTHING])
            continue
        save(store, found, item)
    return code


def _report(path: str) -> "Report":
    """The report in a file as it stands, or one made of the evidence in it."""
    text = read_document(path) if path == STDIN or looks_like_json(path) else ""
    if text.lstrip()[:1] == "{":
        from gpucheck.render.document import NotJudgedError, load_evidence, load_report

        try:
            return load_report(text, path)
        except NotJudgedError:
            return _judged(load_evidence(text, path))
    if path == STDIN:
        raise CliError("stdin holds no report and no evidence.", "Name a file of nvidia-smi output instead.")
    return _judged(read_evidence(path))


def _judged(evidence: "list[Evidence]") -> "Report":
    from gpucheck.catalog import Catalog
    from gpucheck.pipeline import assess, make_report

    catalog = Catalog()
    return make_report([assess(each, catalog) for each in evidence], evidence[0].host, catalog)


@click.command(
    short_help="Write a copy of the inventory, or a table.",
    epilog="Examples: gpucheck inventory export -o all.jsonl; ... export 'customer 7' -o theirs.csv",
)
@click.argument("words", nargs=-1)
@choice_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(("jsonl", "csv")),
    help="jsonl (the default): all of it, for `import`. csv (the default where FILE ends in .csv): a row an item.",
)
@output_option
@store_option
def export(
    words: tuple[str, ...],
    verdict: str | None,
    condition: str | None,
    format_: str | None,
    output: str | None,
    place: str | None,
) -> None:
    """Write the whole inventory as lines of JSON, a copy to keep or to take to another place; or as a table.

    WORDS, --verdict and --condition choose items for a table, as in `list`.
    """
    check_target(output, store_files(place))
    store = opened(place)
    if chosen_format(format_, output) == "csv":
        from gpucheck.render.inventory.table import csv_lines

        _write_lines(csv_lines(store.every_item(words, verdict, condition)), output)
        return
    if words or verdict or condition:
        raise CallError("Lines of JSON hold the whole inventory.", "Add --format csv, or leave out what chooses items.")
    _write_lines(store.dump(), output)


def _write_lines(lines: Iterator[str], output: str | None) -> None:
    """Line by line, for an inventory may be larger than the memory."""
    if output in (None, STDIN):
        for line in lines:
            click.echo(line.encode(), nl=False)
        return
    try:
        write_pieces(lines, Path(str(output)))
    except OSError as error:
        raise CliError(f"{output} cannot be written: {error.strerror or error}.", NOT_WRITTEN) from error


@click.command(
    "import", short_help="Take in what `export` wrote.", epilog="Example: gpucheck inventory import inventory.jsonl"
)
@click.argument("file", metavar="FILE")
@store_option
def import_(file: str, place: str | None) -> None:
    """Take in what `export` wrote, all of it or nothing. Cards that are there already keep their items."""
    from gpucheck.store.errors import ExportError

    store = opened(place, make=True)
    try:
        loaded = store.load(_lines(file))
    except ExportError as error:
        raise CliError(f"{_name(file)} {error.message}", error.hint) from error
    say(f"{loaded.intakes} intakes taken in, {loaded.items} new items; {loaded.known} intakes were there already.")


def _lines(path: str) -> Iterator[str]:
    try:
        with _opened(path) as file:
            for line in file:
                yield line.decode("utf-8-sig")
    except OSError as error:
        raise CliError(f"{_name(path)} cannot be read: {error.strerror or error}.", "Name a file.") from error
    except UnicodeDecodeError as error:
        raise CliError(f"{_name(path)} is no text in UTF-8.", _WANTED) from error


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    if path != STDIN:
        return Path(path).open("rb")
    if sys.stdin is None:
        raise CliError("stdin is closed.", "Name a file.")
    return nullcontext(sys.stdin.buffer)


def _name(path: str) -> str:
    return "stdin" if path == STDIN else sanitise(path, 200)


_WANTED = "Wanted is what `gpucheck inventory export` wrote. Nothing was taken in."
