"""The whole inventory as lines of JSON, to move it to another place or to merge two of them.

The first line is a header, then a line for each item with its notes, and for each report with the items of its cards. A
reader needs one line at a time, whatever the size. Loading gives items new numbers; a card that is there already keeps
its item, and a report that is there already is not taken in again.
"""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, select

from gpucheck.model.report import Report
from gpucheck.model.text import sanitise
from gpucheck.store import reading, writing
from gpucheck.store.errors import StoreError
from gpucheck.store.rows import moment, stamp
from gpucheck.store.schema import intakes, items, reports

VERSION = 1
LONGEST_LINE = 64 << 20


class Loaded(NamedTuple):
    """What loading took in."""

    items: int
    intakes: int
    known: int
    """Intakes that were there already."""


def lines(connection: Connection) -> Iterator[str]:
    """Every line, the header first."""
    yield _line({"kind": "inventory", "schema_version": VERSION})
    for item in reading.all_items(connection):
        told = [{"at": stamp(note.at), "text": note.text} for note in reading.notes_of(connection, item["id"])]
        yield _line({"item": item, "notes": told})
    for (number,) in connection.execute(select(reports.c.id).order_by(reports.c.id)).all():
        chosen = select(intakes.c.item_id, intakes.c.position, intakes.c.added_at).where(intakes.c.report_id == number)
        cards = [dict(row) for row in connection.execute(chosen.order_by(intakes.c.position)).mappings()]
        report = reading.report_of(connection, number)
        yield _line({"cards": cards, "report": report.model_dump(mode="json")})


def _line(content: dict[str, Any]) -> str:
    """In ASCII, so that nothing between two programs can break a line or change a character."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def load(connection: Connection, source: Iterator[str]) -> Loaded:
    """Take in every line. Raises ``StoreError`` that names the line at fault."""
    loader = _Loader(connection)
    number = 0
    for number, line in enumerate(source, 1):
        try:
            content = _parsed(line)
            if number == 1:
                _check_header(content)
            else:
                loader.take(content)
        except (KeyError, TypeError, ValueError, AttributeError, ValidationError, RecursionError) as error:
            why = sanitise(str(error).splitlines()[0] if str(error) else type(error).__name__, 160)
            raise StoreError(f"line {number} is no part of an inventory: {why}.", "Nothing was taken in.") from error
    if not number:
        raise StoreError("the file is empty.", "Wanted is what `gpucheck inventory export` wrote.")
    return loader.loaded


def _parsed(line: str) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise ValueError("it is too long")
    content = json.loads(line)
    if not isinstance(content, dict):
        raise TypeError("it is no object")
    return content


def _check_header(content: dict[str, Any]) -> None:
    version = content.get("schema_version")
    if content.get("kind") != "inventory" or type(version) is not int:
        raise ValueError("no header")
    if version > VERSION:
        raise StoreError("a newer gpucheck wrote this file. Nothing was taken in.", "Update gpucheck.")


class _Loader:
    """Takes lines in, and remembers which of their items became which of ours."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: dict[int, dict[str, Any]] = {}
        self._ours: dict[int, int] = {}
        self.loaded = Loaded(0, 0, 0)

    def take(self, content: dict[str, Any]) -> None:
        """One line after the header."""
        if "item" in content:
            self._waiting[int(content["item"]["id"])] = content
        else:
            self._report(content)

    def _report(self, content: dict[str, Any]) -> None:
        report = Report.model_validate_json(json.dumps(content["report"]), strict=True)
        theirs = {int(card["position"]): int(card["item_id"]) for card in content["cards"]}
        at = moment(str(content["cards"][0]["added_at"])) if content["cards"] else dt.datetime.now(dt.UTC)
        items_of = {position: self._ours[item] for position, item in theirs.items() if item in self._ours}
        for position, added in enumerate(writing.add_report(self._connection, report, items_of, at)):
            self.loaded = self.loaded._replace(
                items=self.loaded.items + added.new_item,
                intakes=self.loaded.intakes + added.new_intake,
                known=self.loaded.known + (not added.new_intake),
            )
            if position in theirs:
                self._ours.setdefault(theirs[position], added.item)
                self._describe(theirs[position], added.item, new=added.new_item)

    def _describe(self, theirs: int, ours: int, *, new: bool) -> None:
        """Give an item their words, where it has none of its own, and their notes, where it does not have them."""
        content = self._waiting.pop(theirs, None)
        if content is None:
            return
        mine = self._connection.execute(select(items).where(items.c.id == ours)).mappings().one()
        words = {name: str(content["item"][name]) for name in ("label", "location", "customer")}
        writing.describe(self._connection, ours, {n: w for n, w in words.items() if new or not mine[n]})
        there = {(note.at, note.text) for note in reading.notes_of(self._connection, ours)}
        for note in content["notes"]:
            at, text = moment(str(note["at"])), str(note["text"])
            if (at, text) not in there:
                writing.add_note(self._connection, ours, text, at)
