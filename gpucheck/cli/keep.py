"""The inventory for commands: the option that names it, saving a report, and telling what came of it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from gpucheck.cli.errors import say
from gpucheck.cli.exit_codes import ExitCode, highest

if TYPE_CHECKING:
    from gpucheck.model.inventory import Added
    from gpucheck.model.report import Report
    from gpucheck.store.store import Store

VARIABLE = "GPUCHECK_STORE"

store_option = click.option(
    "--store",
    "place",
    metavar="URL|PATH",
    envvar=VARIABLE,
    help=f"The inventory: a file or postgresql://... Also by {VARIABLE}. Default: in the user's data folder.",
)

VERDICTS = ("authentic", "inconclusive", "suspect", "modified", "counterfeit")
CONDITIONS = ("good", "worn", "defective", "not_examined")


_Command = TypeVar("_Command", bound=Callable[..., object])


def choice_options(command: _Command) -> _Command:
    """``--verdict`` and ``--condition``, which choose items."""
    command = click.option(
        "--condition", type=click.Choice(CONDITIONS), help="Only items that were in this condition when last examined."
    )(command)
    return click.option(
        "--verdict", type=click.Choice(VERDICTS), help="Only items of this verdict, with what the inventory noticed."
    )(command)


def opened(place: str | None, *, make: bool = False) -> "Store":
    """Open the inventory, and make it where that is wanted.

    One that the command made and that is still empty when the command ends is taken away.
    """
    from gpucheck.store.store import open_store

    store = open_store(place, make=make, tell=say)
    if make and (command := click.get_current_context(silent=True)):
        command.call_on_close(store.unmake)
    return store


def store_files(place: str | None) -> tuple[str, ...]:
    """The files that hold the inventory, which no result may write over."""
    from gpucheck.store.engine import files_of

    return files_of(place)


def save(store: "Store", report: "Report", item: int | None = None, *, err: bool = False) -> ExitCode:
    """Save a report, tell where its cards went, and return the code of the verdicts with the inventory's notices."""
    return tell(store.add(report, item), err=err)


def tell(added: "Sequence[Added]", *, err: bool = False) -> ExitCode:
    """Tell where cards went, on stdout or stderr."""
    from gpucheck.cli.output import look_of, write
    from gpucheck.render.inventory.text import render_added

    text = render_added(weighed := _weighed(added), look_of("-"))
    if err:
        click.echo(text, nl=False, err=True)
    else:
        write(text, None)
    return _code(weighed)


def tell_table(added: "Sequence[Added]") -> ExitCode:
    """Tell where many cards went, as a table on stdout."""
    from gpucheck.cli.output import look_of, write
    from gpucheck.render.inventory.text import render_intake

    write(render_intake(weighed := _weighed(added), look_of(None)), None)
    return _code(weighed)


def _weighed(added: "Sequence[Added]") -> "list[tuple[Added, str]]":
    """Each card with its authenticity, the inventory's notices counted in."""
    from gpucheck.store.recognition import weigh

    return [(each, weigh(each.authenticity, each.notices)) for each in added]


def _code(weighed: "Sequence[tuple[Added, str]]") -> ExitCode:
    return highest(code_of(authenticity, each.condition) for each, authenticity in weighed)


def code_of(authenticity: str, condition: str) -> ExitCode:
    """The exit code of a stored verdict."""
    if authenticity == "authentic":
        return ExitCode.DEFECTIVE if condition == "defective" else ExitCode.AUTHENTIC
    return ExitCode[authenticity.upper()]
