"""Where results go: stdout, or a file that appears whole or not at all."""

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucheck.cli.errors import CallError, CliError

if TYPE_CHECKING:
    from gpucheck.render.style import Look

WIDEST = 100
"""Columns beyond which lines become hard to read."""
STDOUT = "-"
_DATABASE = b"SQLite format 3\0"
NOT_WRITTEN = "Make room there or name another file; one that was there before is as it was."
SUFFIXES = {
    ".sarif.json": "sarif",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
    ".xml": "junit",
    ".sarif": "sarif",
    ".csv": "csv",
    ".prom": "prometheus",
}
"""End of a file's name to the format that it means; the longer of two ends comes first."""
_OTHER_PROGRAMS = (".pdf", ".doc", ".docx", ".odt", ".xls", ".xlsx", ".ods", ".png", ".jpg", ".jpeg")
"""Ends of names whose programs would open none of these formats."""


def chosen_format(asked: str | None, output: str | None, known: Sequence[str] = ()) -> str:
    """The format that was asked for, else the one that the file's name means.

    Text for a terminal in a file that a browser opens would be taken for markup: where the meant format is none of
    ``known``, if any are given, the call is refused.
    """
    if asked is None and output and output.lower().endswith(_OTHER_PROGRAMS):
        raise CallError(
            f"No {Path(output).suffix[1:].upper()[:8]} is written.",
            "Name a file that ends in .html: a browser shows, prints and saves it. For tables .csv.",
        )
    meant = next((each for end, each in SUFFIXES.items() if output and output.lower().endswith(end)), "terminal")
    if asked is None and known and meant not in known:
        raise CallError(f"This command writes no {meant}.", f"Name the file otherwise, or give --format {known[0]}.")
    return asked or meant


def check_target(output: str | None, inputs: Sequence[str] = (), *, option: str = "-o") -> None:
    """Refuse a file that cannot be written, or that is read, before the work starts, not after it.

    ``option`` is the one that names the file.
    """
    if output in (None, STDOUT):
        return
    target = Path(str(output))
    if any(_is_same(target, Path(each)) for each in inputs):
        raise CallError(f"{target} is read and must not be written over.", f"Name another file after {option}.")
    if target.is_dir():
        raise CliError(f"{target} is a folder.", f"Name a file after {option}.")
    folder = target.absolute().parent
    if not folder.is_dir():
        if blocking := next((each for each in (folder, *folder.parents) if each.is_file()), None):
            raise CliError(f"{target} cannot be written: {blocking} is a file.", f"Name another file after {option}.")
        raise CliError(f"{target} cannot be written: its folder does not exist.", "Make the folder first.")
    if _is_database(target):
        raise CallError(f"{target} is a database, as an inventory is.", f"Name another file after {option}.")
    if target.exists() and not os.access(target, os.W_OK):
        raise CliError(f"{target} cannot be written: it is read-only.", f"Name another file after {option}.")
    if not os.access(folder, os.W_OK):
        raise CliError(f"{target} cannot be written: no permission for its folder.", "Choose another folder.")


def _is_database(target: Path) -> bool:
    """Whether a file is one of SQLite: no result of ours is meant to take its place."""
    if not target.is_file():
        return False
    try:
        with target.open("rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:
        return False


def _is_same(one: Path, other: Path) -> bool:
    """Whether two names mean one file: by any link where both are there, else by the place where it would be made."""
    if one.exists() and other.exists():
        return one.is_file() and one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


def write(result: str | bytes, output: str | None) -> None:
    """Write a result to a file or, without one, to stdout."""
    if output is None or output == STDOUT:
        _write_stdout(result)
        return
    try:
        write_pieces([result], Path(output))
    except OSError as error:
        raise CliError(f"{output} cannot be written: {error.strerror or error}.", NOT_WRITTEN) from error
    if sys.stderr.isatty():
        click.echo(f"{output} written.", err=True)


def _write_stdout(result: str | bytes) -> None:
    from gpucheck.cli.app import silence_stdout

    if sys.stdout is None:
        raise CliError("the result cannot be written: stdout is closed.", "Name a file after -o.")
    try:
        if isinstance(result, str) and "\r" not in result and (result.isascii() or _takes_unicode()):
            click.echo(result, nl=False, color=True)
        else:
            click.echo(_bytes(result), nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    except OSError as error:
        silence_stdout()
        raise CliError(f"the result cannot be written to stdout: {error.strerror or error}.") from error


def write_pieces(pieces: Iterable[str | bytes], path: Path) -> None:
    """Write piece by piece beside the target and move into place, so that no reader ever sees half of it."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as device:
            device.writelines(map(_bytes, pieces))
        return
    draft = target.with_name(f".{target.name[:80]}.{os.urandom(4).hex()}")
    try:
        with draft.open("xb") as file:
            file.writelines(map(_bytes, pieces))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _bytes(piece: str | bytes) -> bytes:
    return piece.encode("utf-8") if isinstance(piece, str) else piece


def look_of(output: str | None) -> "Look":
    """What can be shown where the result goes."""
    from gpucheck.render.style import Look

    if output not in (None, STDOUT):
        return Look()
    tty = sys.stdout is not None and sys.stdout.isatty()
    return Look(width=_width() if tty else 80, colour=tty and _wants_colour(), unicode=_takes_unicode())


def _width() -> int:
    import shutil

    return min(shutil.get_terminal_size((80, 24)).columns, WIDEST)


def _wants_colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _takes_unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").startswith("utf")
