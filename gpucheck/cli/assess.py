"""``gpucheck assess``: judge what was collected elsewhere, or what a seller sent. Needs no card."""

from typing import TYPE_CHECKING

import click

from gpucheck.cli.errors import report
from gpucheck.cli.exit_codes import ExitCode, highest
from gpucheck.cli.inputs import read_evidence
from gpucheck.cli.options import claim_option, result_options
from gpucheck.cli.output import check_target
from gpucheck.cli.scan import deliver, resolve_claim

if TYPE_CHECKING:
    from gpucheck.catalog import Catalog
    from gpucheck.model.match import Claim
    from gpucheck.model.report import CardReport

_NOTE = "Judged from files. A file can be edited: only a scan of the card in your own hands proves anything."


@click.command(epilog="Example: gpucheck assess --claim 'RTX 4090' seller.xml")
@claim_option
@result_options
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def assess(claim: str | None, format_: str | None, output: str | None, files: tuple[str, ...]) -> int:
    """Judge saved evidence, saved reports (again), or what nvidia-smi or lspci printed for a seller.

    A FILE of - is stdin. Files that cannot be read are told of, and the others are judged.
    """
    check_target(output, files)
    from gpucheck.catalog import Catalog
    from gpucheck.pipeline import make_report

    catalog = Catalog()
    sold = resolve_claim(catalog, claim)
    cards, code = _judged(files, catalog, sold)
    if not cards:
        return highest([code, ExitCode.NOTHING])
    delivered = deliver(make_report(cards, cards[0].evidence.host, catalog), format_, output, _NOTE)
    return highest([code, ExitCode(delivered)])


def _judged(files: tuple[str, ...], catalog: "Catalog", sold: "Claim | None") -> "tuple[list[CardReport], ExitCode]":
    from gpucheck.pipeline import assess as judge

    cards: list[CardReport] = []
    code = ExitCode.AUTHENTIC
    for path in files:
        try:
            cards += [judge(evidence, catalog, sold) for evidence in read_evidence(path)]
        except Exception as error:  # noqa: BLE001 - one file's fault must not lose the others
            code = highest([code, report(error), ExitCode.NOTHING])
    return cards, code
