"""``gpucheck inventory``: look at the cards that were kept. Nothing is judged anew here."""

import json
from typing import TYPE_CHECKING, Any

import click

from gpucheck.cli.errors import CallError
from gpucheck.cli.inventory.bench import intake, reassess
from gpucheck.cli.inventory.files import add, export, import_
from gpucheck.cli.inventory.labels import labels
from gpucheck.cli.inventory.serve import serve
from gpucheck.cli.keep import choice_options, opened, store_files, store_option
from gpucheck.cli.options import result_options
from gpucheck.cli.output import check_target, look_of, write
from gpucheck.cli.scan import rendered

if TYPE_CHECKING:
    from gpucheck.store.store import Store

json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")
item_argument = click.argument("item", metavar="ITEM", type=click.IntRange(min=1, max=(1 << 62)))


@click.group()
def inventory() -> None:
    """Keep cards, and know them again by die and board."""


@inventory.command(
    "list", short_help="Find items.", epilog="Example: gpucheck inventory list 'RTX 4090' --verdict modified"
)
@click.argument("words", nargs=-1)
@choice_options
@click.option("--limit", type=click.IntRange(min=1, max=1_000_000), default=100, show_default=True, metavar="N")
@json_option
@store_option
def list_(
    words: tuple[str, ...], verdict: str | None, condition: str | None, limit: int, as_json: bool, place: str | None
) -> None:
    """List items, the newest first: those whose label, location, customer, model or numbers hold all WORDS.

    A word may also be an item's number, or what a scanner reads from a label or from a report, or the digits that stand
    beside a label's code. Cards that came in together have the same digits: give the item's number as well.
    """
    found, total, notices = opened(place).items(words, verdict, limit, condition=condition)
    from gpucheck.render.inventory.text import Shown, render_list

    shown = [Shown(each, each.authenticity, tuple(notices[each.number])) for each in found]
    write(_json(shown) if as_json else render_list(shown, total, look_of(None)), None)


@inventory.command(
    short_help="Show an item, or one of its reports.",
    epilog="Example: gpucheck inventory show 17 --report --format json -o report.json",
)
@item_argument
@click.option("--report", "whole", is_flag=True, help="The card's report of the last intake instead.")
@click.option("--intake", "number", type=int, metavar="N", help="With --report: that of this intake.")
@click.option("--all-cards", is_flag=True, help="With --report: of all cards that came in together, as it was stored.")
@result_options
@store_option
def show(
    item: int,
    whole: bool,
    number: int | None,
    all_cards: bool,
    format_: str | None,
    output: str | None,
    place: str | None,
) -> None:
    """Show an item: verdict, identity, history and notes; or one of its reports, as it was stored."""
    check_target(output, store_files(place))
    if (number is not None or format_ is not None or all_cards) and not whole:
        raise CallError("--intake, --all-cards and --format choose a report.", "Add --report.")
    store = opened(place)
    if whole:
        _show_report(store, item, number, format_, output, all_cards=all_cards)
        return
    found, intakes, notes, notices = store.item(item)
    from gpucheck.render.inventory.text import Shown, render_item
    from gpucheck.store.visits import visits

    shown = Shown(found, found.authenticity, tuple(notices))
    write(render_item(shown, visits(intakes, notices), notes, look_of(output)), output)


def _show_report(
    store: "Store", item: int, number: int | None, format_: str | None, output: str | None, *, all_cards: bool
) -> None:
    from gpucheck.render.inventory.words import AS_STORED, one_of
    from gpucheck.store.visits import chosen, visits

    _, intakes, _, notices = store.item(item)
    intake = chosen(intakes, number)
    whole, _ = store.report(intake)
    if all_cards:
        write(rendered(whole, format_, output, AS_STORED), output)
    else:
        note = one_of(whole, "`--all-cards` shows all.", visits([intake], notices)[0])
        write(rendered(whole.of_one(intake.position), format_, output, note), output)


@inventory.command()
@item_argument
@json_option
@store_option
def history(item: int, as_json: bool, place: str | None) -> None:
    """Show an item's intakes, the oldest first."""
    _, intakes, _, notices = opened(place).item(item)
    from gpucheck.render.inventory.text import render_history
    from gpucheck.store.visits import visits

    found = visits(intakes, notices)
    write(_json(found) if as_json else render_history(item, found, look_of(None)), None)


@inventory.command(short_help="Show what changed between two intakes.", epilog="Example: gpucheck inventory diff 17")
@item_argument
@click.argument("old", type=int, required=False)
@click.argument("new", type=int, required=False)
@json_option
@store_option
def diff(item: int, old: int | None, new: int | None, as_json: bool, place: str | None) -> None:
    """Show what changed between the last two intakes of an item, or between intakes OLD and NEW."""
    store = opened(place)
    _, intakes, _, notices = store.item(item)
    from gpucheck.render.inventory.text import render_diff
    from gpucheck.store.visits import compare, pair

    found = compare(store, *pair(intakes, old, new), notices)
    write(_json(found.changes) if as_json else render_diff(*found, look_of(None)), None)


@inventory.command(short_help="Set an item's label, location or customer.")
@item_argument
@click.option("--label", metavar="TEXT", help="What stands on the card's sticker.")
@click.option("--location", metavar="TEXT", help="Where it lies.")
@click.option("--customer", metavar="TEXT", help="Whose it is, or the order's number.")
@store_option
def label(item: int, place: str | None, **words: str | None) -> None:
    """Set an item's label, location or customer, of up to 200 characters each; an empty text takes one away."""
    if not any(text is not None for text in words.values()):
        raise CallError("Nothing to set.", "Give --label, --location or --customer.")
    opened(place).describe(item, **words)


@inventory.command()
@item_argument
@click.argument("text")
@store_option
def note(item: int, text: str, place: str | None) -> None:
    """Add a remark of up to 4,000 characters to an item."""
    if not text.strip():
        raise CallError("The note is empty.", "Give it as one text in quotes.")
    opened(place).note(item, text)


def _json(rows: Any) -> str:
    return json.dumps(_plain(rows), indent=2, default=str) + "\n"


def _plain(value: Any) -> Any:
    """Records as objects with their names."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


for command in (add, intake, reassess, labels, export, import_, serve):
    inventory.add_command(command)
