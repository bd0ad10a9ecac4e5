"""The root command. Subcommands are imported when they are called, so that ``--help`` answers at once."""

import contextlib
import errno
import gc
import importlib
import os
import sys
from typing import Any, NoReturn

import click

from gpucheck import __version__
from gpucheck.cli import exit_codes
from gpucheck.cli.errors import CliError, report
from gpucheck.cli.exit_codes import ExitCode

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# Looking for plugins reads the metadata of every installed package, a tenth of the time of a short command.

_NEW_OBJECTS = 100_000
"""After so many does Python look for unused objects that hold each other, usually after 700. Loading a command makes
40,000 that stay, and judging a thousand files leaves some hundred of the kind: usual searches find next to nothing."""

COMMANDS: dict[str, tuple[str, str]] = {
    "scan": ("gpucheck.cli.scan:scan", "Examine the cards of this machine, or simulated ones."),
    "collect": ("gpucheck.cli.collect:collect", "Save the evidence of the cards without judging it."),
    "assess": ("gpucheck.cli.assess:assess", "Judge saved evidence, or nvidia-smi output that a seller sent."),
    "render": ("gpucheck.cli.render:render", "Show a saved report again."),
    "report": ("gpucheck.cli.report:report", "Sign a report, or verify a signed one."),
    "inventory": ("gpucheck.cli.inventory.items:inventory", "Keep cards, and know them again."),
    "vbios": ("gpucheck.cli.vbios:vbios", "Show what a saved VBIOS ROM says."),
    "attest": ("gpucheck.cli.attest:attest", "Verify a die's saved attestation."),
    "explain": ("gpucheck.cli.explain:explain", "Explain a check: what, why, how it is fooled."),
    "profiles": ("gpucheck.cli.profiles:profiles", "The reference data of the models."),
    "scenarios": ("gpucheck.cli.scenarios:scenarios", "The simulated cards."),
}
"""Name to where the command is and its line in ``--help``."""


class Root(click.Group):
    """A group that loads a command when it is called, and turns every failure into a line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and leave with its exit code."""
        try:
            code = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            silence_stdout()
            code = ExitCode.AUTHENTIC
        except Exception as error:  # noqa: BLE001 - the outermost edge: every failure becomes one line
            code = _full(error) if _is_full(error) else report(error)
        raise click.exceptions.Exit(int(code or 0))


def silence_stdout() -> None:
    """Send what is still buffered nowhere, after the reader of a pipe has left or the disk is full."""
    with contextlib.suppress(OSError, ValueError):
        stdout = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stdout)
        os.close(nowhere)


@click.group(
    name="gpucheck",
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=exit_codes.help_epilog(),
)
@click.version_option(__version__, "-V", "--version", prog_name="gpucheck", message="%(prog)s %(version)s")
def cli() -> None:
    """Say whether an NVIDIA card is what it claims to be.

    Start with `gpucheck scan`, or without a card with `gpucheck scan --simulate rtx-4090`.
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    gc.set_threshold(_NEW_OBJECTS)
    _hold_standard_streams()
    try:
        code = cli(prog_name="gpucheck")
    except OSError as error:  # a page of help goes out before any command is there to catch it
        code = _full(error) if _is_full(error) else report(error)
    finally:
        gc.freeze()  # else Python takes apart at the exit all that was loaded, a tenth of the time of a short command
    sys.exit(code)


def _hold_standard_streams() -> None:
    """Keep the places of streams that the caller closed: a file or a socket that took one would be written over."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open as long as the process


def _is_full(error: Exception) -> bool:
    """Whether stdout could not take what was written; what goes to files is told of where it is written."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def _full(error: Exception) -> ExitCode:
    silence_stdout()
    return report(CliError(f"the result cannot be written to stdout: {getattr(error, 'strerror', error)}."))
