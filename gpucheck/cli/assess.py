"""``gpucheck assess``: judge what was collected elsewhere, or what a seller sent. Needs no card."""

from typing import TYPE_CHECKING

import click

from gpucheck.cli.errors import report, say
from gpucheck.cli.exit_codes import ExitCode, highest
from gpucheck.cli.inputs import Sent, read_sent
from gpucheck.cli.options import claim_option, result_options
from gpucheck.cli.output import check_target
from gpucheck.cli.scan import deliver, resolve_claim

if TYPE_CHECKING:
    from gpucheck.catalog import Catalog
    from gpucheck.model.evidence import Evidence
    from gpucheck.model.match import Claim
    from gpucheck.model.report import CardReport

_JOINED = (
    "Put together, as files of one card: {files}. If they are of different machines, judge each machine's files in a "
    "call of their own."
)
_TOLD = 8
_NOTE = "Judged from files. A file can be edited: only a scan of the card in your own hands proves anything."


@click.command(epilog="Example: gpucheck assess --claim 'RTX 4090' seller.xml")
@claim_option
@result_options
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def assess(claim: str | None, format_: str | None, output: str | None, files: tuple[str, ...]) -> int:
    """Judge saved evidence, saved reports (again), or what nvidia-smi or lspci printed for a seller.

    A FILE of - is stdin. Files that cannot be read are told of, and the others are judged. What nvidia-smi, lspci and
    the kernel driver printed of one card is judged together; give the files of each machine in a call of their own.
    """
    check_target(output, files)
    from gpucheck.catalog import Catalog
    from gpucheck.pipeline import make_report

    catalog = Catalog()
    sold = resolve_claim(catalog, claim)
    sent, unread = _read(files)
    evidence, note = _together(sent)
    cards, code = _judged(evidence, catalog, sold)
    code = highest([unread, code])
    if not cards:
        return highest([code, ExitCode.NOTHING])
    delivered = deliver(make_report(cards, cards[0].evidence.host, catalog), format_, output, f"{_NOTE}{note}")
    return highest([code, ExitCode(delivered)])


def _read(files: tuple[str, ...]) -> "tuple[list[Sent], ExitCode]":
    sent: list[Sent] = []
    code = ExitCode.AUTHENTIC
    for path in files:
        try:
            sent.append(read_sent(path))
        except Exception as error:  # noqa: BLE001 - one file's fault must not lose the others
            code = highest([code, report(error), ExitCode.NOTHING])
    return sent, code


def _together(sent: "list[Sent]") -> "tuple[list[Evidence], str]":
    """The cards of all files in their order, and what is to be said of files that were put together.

    Documents of ours are whole, each of its own card.
    """
    if sum(each.printed for each in sent) < 2:
        return [card for each in sent for card in each.cards], ""
    from gpucheck.sources.one_card import File, put_together

    found = put_together([File(each.origin, each.cards, whole=not each.printed) for each in sent])
    for remark in found.notes:
        say(f"{remark}.")
    if not found.files:
        return list(found.cards), ""
    named = "; ".join(", ".join(names) for names in found.files[:_TOLD])
    more = f" and {len(found.files) - _TOLD} more" if len(found.files) > _TOLD else ""
    return list(found.cards), f" {_JOINED.format(files=named + more)}"


def _judged(
    evidence: "list[Evidence]", catalog: "Catalog", sold: "Claim | None"
) -> "tuple[list[CardReport], ExitCode]":
    from gpucheck.pipeline import assess as judge

    cards: list[CardReport] = []
    code = ExitCode.AUTHENTIC
    for each in evidence:
        try:
            cards.append(judge(each, catalog, sold))
        except Exception as error:  # noqa: BLE001 - one card's fault must not lose the others
            code = highest([code, report(error), ExitCode.NOTHING])
    return cards, code
