"""``gpucheck render``: show a saved report again, in any format. Nothing is judged anew."""

import click

from gpucheck.cli.inputs import STDIN, read_document
from gpucheck.cli.options import result_options
from gpucheck.cli.output import check_target
from gpucheck.cli.scan import deliver

_NOTE = "Shown as the file states it. `gpucheck assess FILE` judges its evidence again."


@click.command(epilog="Example: gpucheck render report.json")
@click.argument("report", metavar="REPORT")
@result_options
def render(report: str, format_: str | None, output: str | None) -> int:
    """Show a saved report again. A REPORT of - is stdin."""
    check_target(output, (report,))
    from gpucheck.render.document import load_report

    return deliver(load_report(read_document(report), "stdin" if report == STDIN else report), format_, output, _NOTE)
