"""``gpucheck collect``: evidence for a third party, or for a bug report. Nothing is judged."""

from typing import Any

import click

from gpucheck.cli.examine import examine, something
from gpucheck.cli.exit_codes import ExitCode
from gpucheck.cli.options import depth_options, machine_options, output_option
from gpucheck.cli.output import check_target, write


@click.command(epilog="Example: gpucheck collect --redact -o evidence.json")
@click.option("--redact", is_flag=True, help="Replace serial numbers and UUIDs by short digests.")
@machine_options
@depth_options
@output_option
def collect(redact: bool, output: str | None, **options: Any) -> int:
    """Save the evidence of the cards as JSON without judging it.

    Judge it later, elsewhere, with `gpucheck assess`; it needs no card.
    """
    check_target(output)
    found, whole = examine(options)
    if redact:
        from gpucheck.redaction import redacted

        found = tuple(redacted(each) for each in found)
    from gpucheck.render.document import render_evidence

    write(render_evidence(found), output)
    if not whole:
        return ExitCode.INTERRUPTED
    return ExitCode.AUTHENTIC if any(map(something, found)) else ExitCode.NOTHING
