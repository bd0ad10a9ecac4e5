"""``gpucheck inventory serve``: the inventory in a browser, for reading alone."""

import contextlib
import os
import re

import click

from gpucheck.cli.errors import DEBUG_VARIABLE, CallError, say
from gpucheck.cli.keep import opened, store_option
from gpucheck.cli.output import write
from gpucheck.model.text import sanitise

PORT = 8417
_NAME = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\]", re.IGNORECASE)


@click.command(
    short_help="Show the inventory in a browser.",
    epilog="Example: gpucheck inventory serve, then open http://127.0.0.1:8417/ in a browser",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    metavar="N",
    help="Where to listen; 0 is any free port.",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Answer to this name as well, besides localhost. Wanted for an ADDRESS that others can reach.",
)
@store_option
def serve(port: int, host: str, hosts: tuple[str, ...], place: str | None) -> None:
    """Show the inventory as pages in a browser of this machine, until Ctrl-C.

    The pages only read; an inventory of an earlier gpucheck is brought to this one at the start. They ask for no
    password: whoever reaches them sees labels, customers and serial numbers.
    """
    for name in hosts:
        if not _NAME.fullmatch(name):
            raise CallError(
                f"{sanitise(name, 100)!r} is no name of a host.",
                "Give it without scheme and port: --allow-host bench7.",
            )
    store = opened(place)
    with contextlib.suppress(KeyboardInterrupt):
        from gpucheck.web import server
        from gpucheck.web.app import make_app

        address = server.find(host, port)
        if not address.is_local:
            _warn(host, hosts)
        named = address.host if address.is_local else hosts[0]
        app = make_app(store, {*hosts, *([address.host] if address.is_local else [])}, _tell)
        server.serve(
            app, address, lambda bound: write(f"http://{named}:{bound}/ shows {store.place}. Ctrl-C ends it.\n", None)
        )


def _warn(host: str, hosts: tuple[str, ...]) -> None:
    """Other machines are let in only where that was said twice."""
    shown = sanitise(host, 100)
    if not hosts:
        raise CallError(
            f"other machines could reach {shown}, and the pages ask for no password.",
            "Leave out --host, or name what others call this machine: --allow-host NAME.",
        )
    say(f"Anybody who reaches this machine at {shown} can read the inventory.")


def _tell(error: Exception, path: str) -> None:
    say(f"gpucheck: {path}: internal error: {type(error).__name__}: {error}")
    if os.environ.get(DEBUG_VARIABLE) == "1":
        import traceback

        traceback.print_exception(error)
