"""``gpucheck scan``: collect, judge, show."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

import click

from gpucheck.cli import exit_codes
from gpucheck.cli.errors import CallError, say
from gpucheck.cli.errors import report as tell_of
from gpucheck.cli.examine import examine, examined, files_read, tell_left_out
from gpucheck.cli.keep import opened, save, store_files, store_option
from gpucheck.cli.options import claim_option, depth_options, exclusive, machine_options, result_options
from gpucheck.cli.output import STDOUT, check_target, chosen_format, look_of, write
from gpucheck.cli.redact import hiding, key_files, redact_options

if TYPE_CHECKING:
    from gpucheck.catalog import Catalog
    from gpucheck.model.match import Claim
    from gpucheck.model.report import Report
    from gpucheck.store.store import Store

_MOST_TOLD = 8


@click.command(epilog="Example: gpucheck scan --claim 'RTX 4090' -o report.json")
@claim_option
@machine_options
@depth_options
@redact_options
@result_options
@click.option("--save", "keep", is_flag=True, help="Keep the cards in the inventory (see `gpucheck inventory`).")
@store_option
def scan(
    claim: str | None, format_: str | None, output: str | None, keep: bool, place: str | None, **options: Any
) -> int:
    """Examine the cards of this machine and say whether each is what it claims to be.

    Reads what each card declares, measures what its silicon does, and judges the contradiction.
    """
    exclusive(save=keep, redact=options["redact"] or bool(options["redact_key"]))
    kept_in = store_files(place) if keep else ()
    check_target(output, (*key_files(options["redact_key"]), *files_read(options), *kept_in))
    chosen_format(format_, output)
    hide = hiding(options["redact"], options["redact_key"])
    store = opened(place, make=True) if keep else None
    from gpucheck.catalog import Catalog
    from gpucheck.pipeline import assess, make_report

    catalog = Catalog()
    sold = resolve_claim(catalog, claim)
    evidence, whole = examine(options)
    cards = [assess(each, catalog, sold) for each in evidence]
    report = make_report(cards, evidence[0].host, catalog)
    if store is None:
        code = deliver(hide(report), format_, output)
    else:
        kept = [card for card in cards if whole or examined(card.evidence)]
        tell_left_out(len(cards) - len(kept))
        to_keep = report if len(kept) == len(cards) else make_report(kept, report.host, catalog)
        code = _delivered_and_saved(report, format_, output, store, to_keep)
    return code if whole else exit_codes.ExitCode.INTERRUPTED


def _delivered_and_saved(
    report: "Report", format_: str | None, output: str | None, store: "Store", to_keep: "Report"
) -> int:
    """Show a report and keep its cards. Neither that fails may cost the other, or the verdict's code."""
    code: int = exit_codes.ExitCode.AUTHENTIC
    delivered = False
    try:
        code = deliver(report, format_, output)
        delivered = True
    except Exception as error:  # noqa: BLE001 - told of here
        code = tell_of(error)
    if not to_keep.cards:
        return code
    try:
        code = max(code, save(store, to_keep, err=True))
    except Exception as error:  # noqa: BLE001 - told of here
        return max(code, tell_of(error))
    if not delivered:
        say("The cards are kept. `gpucheck inventory show ITEM --report` shows what was found.")
    return code


def resolve_claim(catalog: "Catalog", claim: str | None) -> "Claim | None":
    """What the seller's words mean. An unknown model is a mistake in the call."""
    if claim is None:
        return None
    from gpucheck.model.base import GpucheckError

    try:
        return catalog.resolve_claim(claim)
    except GpucheckError as error:
        raise CallError(error.message, error.hint) from error


def deliver(report: "Report", format_: str | None, output: str | None, note: str = "") -> int:
    """Write a report where it is wanted and return its exit code."""
    write(rendered(report, format_, output, note), output)
    if output not in (None, STDOUT) and sys.stderr.isatty():
        _tell_verdicts(report)
    return exit_codes.of_report(report)


def _tell_verdicts(report: "Report") -> None:
    """Say the answer to who looks on, where the report itself went into a file."""
    from gpucheck.render.card import headline_verdict, name_of

    for card in report.cards[:_MOST_TOLD]:
        simulated = "SIMULATED " if card.simulated else ""
        say(f"{simulated}{name_of(card)}: {headline_verdict(card)}")
    if len(report.cards) > _MOST_TOLD:
        say(f"and {len(report.cards) - _MOST_TOLD} more: `gpucheck render` shows a report in JSON.")


def rendered(report: "Report", format_: str | None, output: str | None, note: str = "") -> str:
    """The report as text in the wanted format."""
    chosen = chosen_format(format_, output)
    if chosen in RENDERERS:
        module, _, name = RENDERERS[chosen].partition(":")
        renderer = getattr(importlib.import_module(module), name)
        if chosen != "html":
            return str(renderer(report))
        from gpucheck.catalog.reported import profiles_of

        return str(renderer(report, profiles_of(report), note=note))
    from gpucheck.render.terminal import render_terminal

    return render_terminal(report, look_of(output), note=note)


RENDERERS = {
    "json": "gpucheck.render.document:render_json",
    "html": "gpucheck.render.html:render_html",
    "junit": "gpucheck.render.junit:render_junit",
    "sarif": "gpucheck.render.sarif:render_sarif",
    "csv": "gpucheck.render.csv_table:render_csv",
    "prometheus": "gpucheck.render.prometheus:render_prometheus",
}
"""Format to the function that writes it, imported when it is asked for."""
