"""``gpucheck vbios``: what a saved VBIOS ROM says. No card is needed, and nothing is judged."""

from pathlib import Path

import click

from gpucheck.cli.exit_codes import ExitCode
from gpucheck.cli.options import PLAIN_FORMATS, plain_result_options
from gpucheck.cli.output import check_target, chosen_format, look_of, write


@click.command(epilog="Example: gpucheck vbios card.rom")
@click.argument("file", metavar="FILE")
@plain_result_options
def vbios(file: str, format_: str | None, output: str | None) -> int:
    """Show what a VBIOS ROM says of itself: version, board, memory, power, images.

    FILE is a ROM that nvflash or GPU-Z saved, or a copy of sysfs' `rom`. To judge a card with it:
    `gpucheck scan --vbios FILE`.
    """
    check_target(output, (file,))
    chosen = chosen_format(format_, output, PLAIN_FORMATS)
    from gpucheck.sources.vbios.origin import read_file

    facts = read_file(file)
    if chosen == "json":
        text = facts.model_dump_json(indent=2) + "\n"
    else:
        from gpucheck.render.vbios import render_vbios

        text = render_vbios(facts, Path(file).name, look_of(output))
    write(text, output)
    return ExitCode.AUTHENTIC
