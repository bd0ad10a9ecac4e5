"""``gpucheck inventory intake`` and ``reassess``: many cards at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpucheck.cli.errors import CallError, CliError, report, say
from gpucheck.cli.examine import examine, examined, files_read, tell_left_out
from gpucheck.cli.exit_codes import ExitCode, highest, of_verdict
from gpucheck.cli.inventory.labels import Print, paper_options, prepared, print_labels
from gpucheck.cli.keep import opened, store_files, store_option, tell_table
from gpucheck.cli.options import claim_option, depth_options, machine_options
from gpucheck.cli.output import STDOUT, look_of, write
from gpucheck.cli.progress import Progress
from gpucheck.cli.scan import resolve_claim
from gpucheck.model.text import sanitise

if TYPE_CHECKING:
    from gpucheck.catalog import Catalog
    from gpucheck.model.evidence import Evidence
    from gpucheck.model.inventory import Added, Intake
    from gpucheck.model.match import Claim
    from gpucheck.model.report import CardReport
    from gpucheck.store.store import Store


@click.command(
    short_help="Scan and keep every card of the bench.",
    epilog="Example: gpucheck inventory intake --location 'shelf 4'",
)
@claim_option
@machine_options
@depth_options
@click.option("--location", metavar="TEXT", help="Where the cards will lie.")
@click.option("--customer", metavar="TEXT", help="Whose they are.")
@click.option("--labels", "output", metavar="FILE", help="Write a label for each card into this PDF.")
@paper_options
@store_option
def intake(
    claim: str | None,
    location: str | None,
    customer: str | None,
    output: str | None,
    paper: str | None,
    font: str | None,
    skip: int | None,
    place: str | None,
    **options: Any,
) -> ExitCode:
    """Scan every card of the bench side by side, keep each, and print a table and labels.

    A card that cannot be examined or kept is told of, and the others go on.
    """
    if output is None and any(given is not None for given in (paper, font, skip)):
        raise CallError("--paper, --font and --skip are about labels.", "Add --labels FILE.")
    if output == STDOUT:
        raise CallError("stdout takes the table.", "Name a file after --labels.")
    read = (*store_files(place), *files_read(options))
    job = prepared(output, paper, font, skip, read, option="--labels") if output else None
    _check_words(location=location, customer=customer)
    store = opened(place, make=True)
    from gpucheck.catalog import Catalog

    catalog = Catalog()
    sold = resolve_claim(catalog, claim)
    evidence, whole = examine(options)
    to_keep = [each for each in evidence if whole or examined(each)]
    tell_left_out(len(evidence) - len(to_keep))
    cards, failed = _judged(to_keep, catalog, sold)
    added, code = _kept(store, cards, catalog)
    for number in dict.fromkeys(each.item for each in added):
        store.describe(number, location=location, customer=customer)
    code = highest([failed, code, tell_table(added)])
    if job and added:
        code = highest([code, _labelled(store, added, job)])
    return code if whole else ExitCode.INTERRUPTED


def _check_words(**words: str | None) -> None:
    """Refuse texts that cannot be kept before the scan, not after it."""
    from gpucheck.store.texts import kept

    for name, text in words.items():
        if text is not None:
            kept(name, text)


def _labelled(store: "Store", added: "Sequence[Added]", job: Print) -> ExitCode:
    """Write labels of cards that are kept already: what goes wrong must not lose their verdict's code."""
    try:
        print_labels(store.labelled(list(dict.fromkeys(each.item for each in added))), job)
    except Exception as error:  # noqa: BLE001 - told of here
        code = report(error)
        say("The cards are kept. Print their labels with `gpucheck inventory labels`.")
        return code
    return ExitCode.AUTHENTIC


def _judged(
    evidence: "Sequence[Evidence]", catalog: "Catalog", sold: "Claim | None"
) -> "tuple[list[CardReport], ExitCode]":
    from gpucheck.pipeline import assess

    cards, code = [], ExitCode.AUTHENTIC
    for each in evidence:
        try:
            cards.append(assess(each, catalog, sold))
        except Exception as error:  # noqa: BLE001 - one card's fault must not lose the others
            code = highest([code, report(error)])
    return cards, code


def _kept(store: "Store", cards: "list[CardReport]", catalog: "Catalog") -> "tuple[list[Added], ExitCode]":
    """Keep the scan as one report; where that fails, each card by itself. What is not kept is told with its verdict."""
    from gpucheck.model.base import GpucheckError
    from gpucheck.pipeline import make_report
    from gpucheck.render.card import headline_verdict, name_of

    if not cards:
        return [], ExitCode.NOTHING
    host = cards[0].evidence.host
    try:
        return store.add(make_report(cards, host, catalog)), ExitCode.AUTHENTIC
    except GpucheckError as error:
        code, told = report(error), error.message
    added: list[Added] = []
    left = [] if len(cards) > 1 else cards
    for card in cards if len(cards) > 1 else ():
        try:
            added += store.add(make_report([card], host, catalog))
        except GpucheckError as error:
            code = code if error.message == told else highest([code, report(error)])
            left.append(card)
    for card in left:
        simulated = "SIMULATED " if card.simulated else ""
        say(f"Not kept: {card.evidence.label}, {simulated}{name_of(card)}: {headline_verdict(card)}.")
    return added, highest([code, *(of_verdict(card.verdict) for card in left)])


@click.command(short_help="Judge stored evidence again.")
@click.option("--all", "every", is_flag=True, help="Every intake, not only the last of each item.")
@click.option("--profiles", "folder", metavar="FOLDER", help="With the profiles of this folder, not the shipped ones.")
@store_option
def reassess(every: bool, folder: str | None, place: str | None) -> None:
    """Judge stored evidence again with today's rulebook, and show what changed. Nothing is stored.

    A claim that was made at the time is held against the card again.
    """
    store = opened(place)
    catalog = _catalog(folder)
    items, total, _ = store.items()
    wanted = [intake for item in items for intake in (store.item(item.number)[1] if every else [item.last])]
    told = _again(store, wanted, catalog)
    lines = [line for intake in wanted for line in told[intake.number]]
    lines.append(f"{len(wanted)} intakes of {total} items judged with catalog {catalog.digest[7:19]}: {_tally(lines)}.")
    look = look_of(None)
    write("".join(f"{look.clean(line)}\n" for line in lines), None)


def _catalog(folder: str | None) -> "Catalog":
    """The shipped profiles, or those of a folder, which must be in order before they judge."""
    from gpucheck.catalog import Catalog

    if folder is None:
        return Catalog()
    catalog = Catalog(Path(folder))
    problems = catalog.validate(())
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise CliError(f"{sanitise(problems[0], 300)}{more}.", f"gpucheck profiles validate {sanitise(folder, 200)}")
    return catalog


def _again(store: "Store", wanted: "Sequence[Intake]", catalog: "Catalog") -> dict[int, list[str]]:
    """What changes with each intake, by its number; report by report, for many cards may have come in with one."""
    from gpucheck.pipeline import assess

    told = {}
    with Progress() as progress:
        for count, (intake, old) in enumerate(store.cards(wanted), 1):
            claim = resolve_claim(catalog, old.match.claim) if old.match.claim else None
            told[intake.number] = _changed(intake, old, assess(old.evidence, catalog, claim))
            progress.count("cards judged", count, len(wanted))
    return told


def _changed(intake: "Intake", old: "CardReport", new: "CardReport") -> list[str]:
    before, after = _verdict(old), _verdict(new)
    if before == after:
        return []
    findings = [f"  {title}: {was} -> {now}" for title, was, now in _findings(old, new)]
    return [f"Item {intake.item}, intake #{intake.number}: {before} -> {after}", *findings]


def _verdict(card: "CardReport") -> str:
    kinds = ", ".join(card.verdict.kinds)
    return f"{card.verdict.authenticity.value}{f' ({kinds})' if kinds else ''}, {card.verdict.condition.value}"


def _findings(old: "CardReport", new: "CardReport") -> list[tuple[str, str, str]]:
    was = {finding.check: finding.status.value for finding in old.findings}
    return [
        (finding.title, was.get(finding.check, "no such check"), finding.status.value)
        for finding in new.findings
        if was.get(finding.check) != finding.status.value
    ]


def _tally(lines: list[str]) -> str:
    changed = sum(line.startswith("Item ") for line in lines)
    return f"{changed} verdicts changed" if changed else "no verdict changed"
