"""``gpucheck collect``: evidence for a third party, or for a bug report. Nothing is judged."""

from typing import Any

import click

from gpucheck.cli.examine import examine, files_read, something
from gpucheck.cli.exit_codes import ExitCode
from gpucheck.cli.options import depth_options, machine_options, output_option
from gpucheck.cli.output import check_target, write
from gpucheck.cli.redact import hiding, key_files, redact_options


@click.command(epilog="Example: gpucheck collect --redact -o evidence.json")
@redact_options
@machine_options
@depth_options
@output_option
def collect(redact: bool, redact_key: str | None, output: str | None, **options: Any) -> int:
    """Save the evidence of the cards as JSON without judging it.

    Judge it later, elsewhere, with `gpucheck assess`; it needs no card.
    """
    check_target(output, (*key_files(redact_key), *files_read(options)))
    hide = hiding(redact, redact_key)
    found, whole = examine(options)
    from gpucheck.render.document import EvidenceFile, render_evidence

    write(render_evidence(hide(EvidenceFile(cards=found)).cards), output)
    if not whole:
        return ExitCode.INTERRUPTED
    return ExitCode.AUTHENTIC if any(map(something, found)) else ExitCode.NOTHING
