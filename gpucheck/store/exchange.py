"""The whole inventory as lines of JSON, to move it to another place or to merge two of them.

The first line is a header, then a line for each item with its notes, and for each report with the items of its cards. A
reader needs one line at a time, whatever the size. Loading gives items new numbers; a card that is there already keeps
its item, and a report that is there already is not taken in again.

The header states how many of what follow, and each line the digest of its rest: a file that was cut off or altered is
not taken for a whole one. Files of the first versions state neither; readers of those versions skip both.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from gpucheck.model.canonical import digest_of
from gpucheck.model.report import Report
from gpucheck.model.text import sanitise
from gpucheck.store import reading, texts, writing
from gpucheck.store.errors import ExportError
from gpucheck.store.rows import moment, stamp
from gpucheck.store.schema import intakes, items, notes, reports
from gpucheck.store.texts import TooLongError

VERSION = 1
LONGEST_LINE = 64 << 20
_COUNTED = {"items": items, "notes": notes, "reports": reports, "intakes": intakes}
_WORDS = ("label", "location", "customer")
_AGAIN = "Nothing was taken in. Export again where the inventory is, or take another copy."
_OTHER = "Nothing was taken in. Update gpucheck, or export again where the inventory is."
_WANTED = (
    "Nothing was taken in. Wanted is what `gpucheck inventory export` wrote; reports, evidence and texts are for "
    "`gpucheck inventory add`."
)


class Loaded(NamedTuple):
    """What loading took in."""

    items: int
    intakes: int
    known: int
    """Intakes that were there already."""


def lines(connection: Connection) -> Iterator[str]:
    """Every line, the header first."""
    holds = {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in _COUNTED.items()
    }
    yield _line({"kind": "inventory", "schema_version": VERSION, "holds": holds})
    for item in reading.all_items(connection):
        told = [{"at": stamp(note.at), "text": note.text} for note in reading.notes_of(connection, item["id"])]
        yield _line({"item": item, "notes": told})
    for (number,) in connection.execute(select(reports.c.id).order_by(reports.c.id)).all():
        chosen = select(intakes.c.item_id, intakes.c.position, intakes.c.added_at).where(intakes.c.report_id == number)
        cards = [dict(row) for row in connection.execute(chosen.order_by(intakes.c.position)).mappings()]
        report = reading.report_of(connection, number)
        yield _line({"cards": cards, "report": report.model_dump(mode="json")})


def _line(content: dict[str, Any]) -> str:
    return _plain(content | {"digest": _digest(content)}) + "\n"


def _digest(content: dict[str, Any]) -> str:
    return digest_of(_plain(content).encode())


def _plain(content: dict[str, Any]) -> str:
    """In ASCII, so that nothing between two programs can break a line or change a character."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def load(connection: Connection, source: Iterator[str]) -> Loaded:
    """Take in every line. Raises ``ExportError`` that names the line at fault."""
    first = next(source, "")
    if not first:
        raise ExportError("is empty.", _WANTED)
    loader = _Loader(connection, _header(first))
    for number, line in enumerate(source, 2):
        try:
            loader.take(_parsed(line))
        except TooLongError as error:
            raise ExportError(f"holds a text in line {number} that is too long: {error.message}", _OTHER) from error
        except ValidationError as error:
            raise ExportError(f"holds a report in line {number} that this gpucheck cannot read.", _OTHER) from error
        except _UNREADABLE as error:
            raise ExportError(f"was cut off or altered: line {number} {_why(error)}.", _AGAIN) from error
    loader.finish()
    return loader.loaded


class _LineError(ValueError):
    """What is wrong with a line, in a person's words."""


_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


def _why(error: Exception) -> str:
    """The fault of a line, as the end of a sentence. What a library says of it helps nobody who did not write it."""
    if isinstance(error, _LineError):
        return sanitise(str(error), 160)
    return "is no JSON" if isinstance(error, json.JSONDecodeError | RecursionError) else "is not as it was written"


def _parsed(line: str) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise _LineError("is too long")
    content = json.loads(line)
    if not isinstance(content, dict):
        raise _LineError("is not as it was written")
    return content


def _header(line: str) -> dict[str, int] | None:
    """How much the file states to hold; None where it was written before that was stated."""
    try:
        content = _parsed(line)
        version = content.get("schema_version")
        if content.get("kind") != "inventory" or type(version) is not int:
            raise _LineError("is no header")
    except _UNREADABLE as error:
        raise ExportError("is no export of an inventory.", _WANTED) from error
    if version > VERSION:
        raise ExportError("was written by a newer gpucheck. Nothing was taken in.", "Update gpucheck.")
    if not content.keys() & {"holds", "digest"}:
        return None
    holds = content.get("holds")
    if not isinstance(holds, dict) or not _is_whole(content):
        raise ExportError("was cut off or altered: line 1 is not as it was written.", _AGAIN)
    return {name: int(holds.get(name, 0)) for name in _COUNTED}


def _is_whole(content: dict[str, Any]) -> bool:
    """Whether a line is as it was written, by its own digest, which is taken out of it."""
    return bool(content.pop("digest", None) == _digest(content))


class _Loader:
    """Takes lines in, and remembers which of their items became which of ours."""

    def __init__(self, connection: Connection, stated: dict[str, int] | None) -> None:
        self._connection = connection
        self._stated = stated
        self._held: Counter[str] = Counter()
        self._waiting: dict[int, dict[str, Any]] = {}
        self._ours: dict[int, int] = {}
        self.loaded = Loaded(0, 0, 0)

    def take(self, content: dict[str, Any]) -> None:
        """One line after the header."""
        if self._stated is not None and not _is_whole(content):
            raise _LineError("is not as it was written")
        if "item" in content:
            item = content["item"]
            _ = [texts.kept(name, str(item[name])) for name in _WORDS]
            _ += [texts.kept("note", str(note["text"])) for note in content["notes"]]
            self._waiting[int(item["id"])] = content
            self._held.update(items=1, notes=len(content["notes"]))
        else:
            self._report(content)
            self._held.update(reports=1, intakes=len(content["cards"]))

    def finish(self) -> None:
        """After the last line: whether everything was there. Raises ``ExportError``."""
        if self._stated is not None and self._stated != {name: self._held[name] for name in _COUNTED}:
            told = [_amounts(held) for held in (self._stated, self._held)]
            raise ExportError(f"was cut off or altered: it states {told[0]}, and holds {told[1]}.", _AGAIN)
        if self._waiting:
            left = "1 item has" if len(self._waiting) == 1 else f"{len(self._waiting):,} items have"
            raise ExportError(f"was cut off or altered: {left} no report.", _AGAIN)
        if self._stated is None and not self._held:
            raise ExportError("holds nothing but its first line: it was cut off, or holds no card.", _AGAIN)

    def _report(self, content: dict[str, Any]) -> None:
        theirs = {int(card["position"]): int(card["item_id"]) for card in content["cards"]}
        for item in theirs.values():
            if item not in self._waiting and item not in self._ours:
                raise _LineError(f"names item {item}, which the file does not hold")
        report = Report.model_validate_json(json.dumps(content["report"]), strict=True)
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
        words = {name: str(content["item"][name]) for name in _WORDS}
        writing.describe(self._connection, ours, {n: w for n, w in words.items() if new or not mine[n]})
        there = {(note.at, note.text) for note in reading.notes_of(self._connection, ours)}
        for note in content["notes"]:
            at, text = moment(str(note["at"])), str(note["text"])
            if (at, text) not in there:
                writing.add_note(self._connection, ours, text, at)


def _amounts(held: Mapping[str, int]) -> str:
    return ", ".join(f"{held[name]:,} {name.removesuffix('s') if held[name] == 1 else name}" for name in _COUNTED)
