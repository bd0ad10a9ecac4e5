"""``gpucheck explain``: the manual of a check."""

import difflib

import click

from gpucheck.cli.errors import CallError
from gpucheck.cli.output import look_of, write


@click.command(epilog="Example: gpucheck explain memory-capacity")
@click.argument("check", required=False)
def explain(check: str | None) -> int:
    """Explain a CHECK: what it checks, why, how it is fooled. Without one, list all."""
    from gpucheck.checks import ALL_CHECKS
    from gpucheck.render import manual

    look = look_of(None)
    if check is None:
        write(manual.overview(ALL_CHECKS, look), None)
        return 0
    known = {each.id: each for each in ALL_CHECKS}
    wanted = check.lower().replace("_", "-")
    if wanted not in known:
        close = difflib.get_close_matches(wanted, known, n=3)
        hint = f"Did you mean {', '.join(close)}? " if close else ""
        raise CallError(f"there is no check {check!r}.", f"{hint}`gpucheck explain` lists all.")
    write(manual.explain(known[wanted], look), None)
    return 0
