"""``gpucheck render``: show a saved report again, in any format. Nothing is judged anew."""

import click

from gpucheck.cli.inputs import STDIN, read_document
from gpucheck.cli.options import result_options
from gpucheck.cli.output import check_target
from gpucheck.cli.redact import hiding, key_files, redact_options
from gpucheck.cli.scan import deliver

_NOTE = "Shown as the file states it. `gpucheck assess FILE` judges its evidence again."
_SIGNED = "It is signed, and the signature was not verified here: gpucheck report verify."


@click.command(epilog="Example: gpucheck render report.json")
@click.argument("report", metavar="REPORT")
@redact_options
@result_options
def render(report: str, redact: bool, redact_key: str | None, format_: str | None, output: str | None) -> int:
    """Show a saved report again. A REPORT of - is stdin."""
    check_target(output, (report, *key_files(redact_key)))
    hide = hiding(redact, redact_key)
    from gpucheck.render.document import is_signed, load_report

    text = read_document(report)
    shown = hide(load_report(text, "stdin" if report == STDIN else report))
    return deliver(shown, format_, output, f"{_NOTE} {_SIGNED}" if is_signed(text) else _NOTE)
