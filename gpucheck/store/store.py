"""The inventory as commands use it. Each call is one transaction: all of it happens, or nothing."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, groupby
from pathlib import Path

from sqlalchemy import Connection, Engine

from gpucheck.model.inventory import Added, Intake, Item, Labelled, Note, Notice, label_code
from gpucheck.model.report import CardReport, Report
from gpucheck.store import exchange, migrate, noticing, reading, recognition, writing
from gpucheck.store.engine import connect, is_file, locate, name_of, prepare
from gpucheck.store.engine import reading as for_reading
from gpucheck.store.engine import writing as for_writing
from gpucheck.store.errors import StoreError, told
from gpucheck.store.schema import HEAD


class Store:
    """An open inventory. Make one with ``open_store``."""

    def __init__(self, engine: Engine, place: str, made: Path | None = None) -> None:
        self._engine = engine
        self._made = made
        self.place = place

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """A transaction that reads one state of the inventory."""
        with told(self.place), self._engine.connect() as connection, for_reading(connection).begin():
            yield connection

    @contextmanager
    def writer(self) -> Iterator[Connection]:
        """A transaction that writes: kept where the block ends, undone where it raises."""
        with told(self.place), self._engine.connect() as connection, for_writing(connection).begin():
            yield connection

    def add(self, report: Report, item: int | None = None) -> list[Added]:
        """Save a report's cards, and say of each what the inventory knows about it.

        ``item`` names the item of a report's only card, where the card cannot tell it itself.
        """
        if item is not None and len(report.cards) != 1:
            raise StoreError(f"the report holds {len(report.cards)} cards, and --item names one.", "Leave out --item.")
        with self.writer() as connection:
            if item is not None:
                writing.want_item(connection, item)
            added = writing.add_report(connection, report, {} if item is None else {0: item})
        with self.reader() as connection:
            known = noticing.notices_of(connection, [each.item for each in added])
        return [
            each._replace(notices=tuple(recognition.until(known[each.item], each.at, each.intake))) for each in added
        ]

    def items(
        self,
        words: Sequence[str] = (),
        verdict: str | None = None,
        limit: int | None = None,
        *,
        condition: str | None = None,
    ) -> tuple[list[Item], int, dict[int, list[Notice]]]:
        """Items that hold all words, newest first, how many there are, and what is noticed of those returned.

        ``verdict`` is that of the last intake, with what the inventory notices counted in; ``condition`` is as it was
        then.
        """
        with self.reader() as connection:
            numbers = reading.find_numbers(connection, reading.Wanted(words, verdict, condition=condition))
            shown = numbers[:limit]
            found = list(chain.from_iterable(reading.find_items(connection, shown)))
            return found, len(numbers), noticing.notices_of(connection, shown)

    def every_item(
        self, words: Sequence[str] = (), verdict: str | None = None, condition: str | None = None
    ) -> Iterator[tuple[Item, list[Notice]]]:
        """All such items with what is noticed of each, newest first, from one state of the inventory."""
        with self.reader() as connection:
            numbers = reading.find_numbers(connection, reading.Wanted(words, verdict, condition=condition))
            for found in reading.find_items(connection, numbers):
                noticed = noticing.notices_of(connection, [item.number for item in found])
                yield from ((item, noticed[item.number]) for item in found)

    def labelled(
        self, numbers: Sequence[int] = (), verdict: str | None = None, condition: str | None = None
    ) -> list[Labelled]:
        """What labels say of these items, or of all, in their order; only of those that are as asked.

        Raises ``StoreError`` where one of the numbers is no item's.
        """
        with self.reader() as connection:
            every = reading.find_numbers(connection, reading.Wanted())
            for number in set(numbers).difference(every):
                reading.one_item(connection, number)
            like_that = set(reading.find_numbers(connection, reading.Wanted((), verdict, condition=condition)))
            wanted = [number for number in dict.fromkeys(numbers or sorted(every)) if number in like_that]
            found = {item.number: item for some in reading.find_items(connection, wanted) for item in some}
            notices = noticing.notices_of(connection, wanted)
            digests = reading.digests_of(connection, wanted)
        return [Labelled(found[n], tuple(notices[n]), label_code(n, digests[n])) for n in wanted]

    def item(self, number: int) -> tuple[Item, list[Intake], list[Note], list[Notice]]:
        """One item with its intakes (oldest first), notes, and what is noticed of it."""
        with self.reader() as connection:
            notices = noticing.notices_of(connection, [number])[number]
            whole = reading.one_item(connection, number)
            return whole, reading.intakes_of(connection, number), reading.notes_of(connection, number), notices

    def report(self, intake: Intake) -> tuple[Report, CardReport]:
        """The report that an intake came with, and its card."""
        with self.reader() as connection:
            report = reading.report_of(connection, intake.report)
        return report, report.cards[intake.position]

    def cards(self, wanted: Sequence[Intake]) -> Iterator[tuple[Intake, CardReport]]:
        """Each intake with its card, report by report: each is read once, and one is held at a time."""
        for _, group in groupby(sorted(wanted, key=lambda each: each.report), key=lambda each: each.report):
            first, *rest = group
            report, card = self.report(first)
            yield first, card
            yield from ((intake, report.cards[intake.position]) for intake in rest)

    def describe(self, item: int, **changes: str | None) -> None:
        """Replace ``label``, ``location`` or ``customer``; None leaves one as it is."""
        with self.writer() as connection:
            writing.describe(connection, item, changes)

    def note(self, item: int, words: str) -> None:
        """Append a remark."""
        with self.writer() as connection:
            writing.add_note(connection, item, words, dt.datetime.now(dt.UTC))

    def dump(self) -> Iterator[str]:
        """The whole inventory as lines of JSON, from one state of it."""
        with self.reader() as connection:
            yield from exchange.lines(connection)

    def load(self, lines: Iterator[str]) -> exchange.Loaded:
        """Take in another inventory's lines: all of them, or none. Raises ``ExportError``."""
        with self.writer() as connection:
            return exchange.load(connection, lines)

    def unmake(self) -> None:
        """Take away a file that opening this inventory made, unless something came into it since."""
        if self._made is None:
            return
        with suppress(StoreError), self.writer() as connection:
            if not reading.holds_reports(connection):
                self._made.unlink(missing_ok=True)


def open_store(asked: str | None = None, *, make: bool = True, tell: Callable[[str], object] | None = None) -> Store:
    """Open the inventory that is asked for by URL or path, else by the environment, else the user's own.

    It is brought to this program's version; ``tell`` hears of it first, because a large one takes a minute, and of one
    that is begun in an empty file. With ``make`` False, one that does not exist is an error and is not made, nor begun
    in a file that is empty. Raises ``StoreError``.
    """
    url = locate(asked)
    place = name_of(url)
    with told(place):
        file = Path(place) if is_file(url) else None
        new = file is not None and not file.exists()
        empty = file is not None and not new and file.stat().st_size == 0
        if make:
            prepare(url)
        elif new:
            raise StoreError(
                f"there is no inventory at {place}.", "`gpucheck inventory intake`, `add` or `scan --save` makes it."
            )
    store = Store(connect(url, make=make), place, file if new else None)
    try:
        _bring_up(store, make=make, empty=empty, tell=tell or (lambda _: None))
    except StoreError as error:
        if error.message.startswith("inventory "):
            raise
        raise StoreError(f"inventory {place}: {error.message}", error.hint) from error
    return store


def _bring_up(store: Store, *, make: bool, empty: bool, tell: Callable[[str], object]) -> None:
    with store.reader() as connection:
        found = migrate.revision_of(connection)
    if found is None and not make:
        raise StoreError(_EMPTY if empty else "there is no inventory in it.", _NOT_BEGUN)
    if found is None and empty:
        tell(f"{store.place} is an empty file: a new inventory is begun in it.")
    if found not in (None, HEAD):
        tell("An earlier gpucheck wrote this inventory. It is brought up to date, which can take a minute.")
    if found != HEAD:
        with store.writer() as connection:
            migrate.upgrade(connection)


_EMPTY = "the file is empty: the inventory that was in it is lost, or none ever was."
_NOT_BEGUN = (
    "Restore it from a copy, or name the right one with --store. `gpucheck inventory intake`, `add` and `import` begin "
    "a new one there."
)
