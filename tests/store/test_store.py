"""Items, intakes and reports, on SQLite and on PostgreSQL alike."""

import datetime as dt
import hashlib
import json
import multiprocessing
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, inspect, select, text

from gpucheck.model.canonical import canonical_json, digest_of
from gpucheck.model.evidence import Twin
from gpucheck.model.finding import Kind
from gpucheck.store import migrate, noticing, packing, reading
from gpucheck.store.engine import connect, locate
from gpucheck.store.errors import ExportError, NotThereError, StoreError
from gpucheck.store.reading import Wanted
from gpucheck.store.rows import row_of, stamp
from gpucheck.store.schema import HEAD, REVISIONS, intakes, items, metadata, reports
from gpucheck.store.searching import search
from gpucheck.store.store import Store, open_store
from tests.builders import WHEN, make_report
from tests.store.given import BOARD, OTHER_BOARD, A, B, card, visit

HOSTILE = "=cmd|' /C calc'!A0 \x1b[2J\u202eevil\x00 <script>"


def test_a_report_comes_back_as_it_was(place: str) -> None:
    report = visit(**A, **BOARD)
    (added,) = open_store(place).add(report)
    assert (added.item, added.new_item, added.new_intake) == (1, True, True)
    store = open_store(place)
    _, (intake,), _, _ = store.item(1)
    assert store.report(intake)[0] == report
    assert intake.at == WHEN
    assert intake.identity.serial == BOARD["serial"]
    assert (intake.authenticity, intake.condition, intake.model) == ("authentic", "good", "GeForce RTX 4090")


def test_the_same_report_twice_is_one_intake(place: str) -> None:
    store = open_store(place)
    store.add(visit(**A))
    (again,) = store.add(visit(**A))
    assert (again.item, again.intake, again.new_item, again.new_intake) == (1, 1, False, False)
    later = visit(**A).model_copy(update={"created_at": WHEN + dt.timedelta(days=400)})
    assert not store.add(later)[0].new_intake, "the same evidence, judged again, is the same visit"
    assert len(store.item(1)[1]) == 1


def test_a_later_visit_is_another_intake_of_the_item(place: str) -> None:
    store = open_store(place)
    store.add(visit(3, **A))
    assert store.add(visit(9, **A))[0].item == 1
    store.add(visit(1, **A))
    assert [(intake.number, intake.at.day) for intake in store.item(1)[1]] == [(3, 3), (1, 5), (2, 11)]
    assert store.items()[0][0].last.number == 2


def test_another_die_on_the_board_is_found_when_it_comes_in(place: str) -> None:
    store = open_store(place)
    store.add(visit(0, **A, **BOARD))
    (added,) = store.add(visit(70, **B, **BOARD))
    assert added.item == 1
    assert [notice.kind for notice in added.notices] == [Kind.TRANSPLANTED]
    assert "another die since 2026-03-13" in added.notices[0].message
    assert [n.kind for n in store.items()[2][1]] == [Kind.TRANSPLANTED]


def test_a_die_that_moved_to_another_items_board_is_found(place: str) -> None:
    store = open_store(place)
    store.add(visit(0, **A, **BOARD))
    store.add(visit(1, **B, **OTHER_BOARD))
    (added,) = store.add(visit(2, **A, **OTHER_BOARD))
    assert added.item == 1
    assert [(n.kind, n.other) for n in added.notices] == [(Kind.TRANSPLANTED, 2)]


def test_cards_of_one_report_with_one_uuid_are_two_items(place: str) -> None:
    twin = (Twin(label="x", field="uuid"),)
    pair = make_report(*(card(together=2, twins=twin, **A, **b) for b in (BOARD, OTHER_BOARD)))
    added = open_store(place).add(pair)
    assert [each.item for each in added] == [1, 2]
    assert [[n.kind for n in each.notices] for each in added] == [[Kind.IDENTITY_CLONED]] * 2


def test_a_module_with_two_dies_is_two_items_without_notice(place: str) -> None:
    store = open_store(place)
    added = store.add(make_report(*(card(together=2, **die, **BOARD) for die in (A, B))))
    assert [(each.item, each.notices) for each in added] == [(1, ()), (2, ())]
    again = store.add(make_report(*(card(5, together=2, **die, **BOARD) for die in (B, A))))
    assert [(each.item, each.notices) for each in again] == [(2, ()), (1, ())]


def test_simulated_cards_with_the_same_evidence_are_kept_each(place: str) -> None:
    store = open_store(place)
    twice = make_report(card(simulated="x", **A), card(simulated="x", **A))
    assert [each.new_intake for each in store.add(twice)] == [True, True]
    assert [each.new_intake for each in store.add(twice)] == [False, False]
    assert not store.add(make_report(card(simulated="x", **A)))[0].new_intake


def test_a_card_that_states_nothing_is_a_new_item_unless_it_is_named(place: str) -> None:
    store = open_store(place)
    assert store.add(visit(0))[0].item == 1
    assert store.add(visit(1))[0].item == 2
    assert store.add(visit(2), item=1)[0].item == 1
    with pytest.raises(NotThereError, match="no item 77"):
        store.add(visit(3), item=77)
    assert store.items()[1] == 2


def tally(store: Store, *words: str, model: str | None = None) -> dict[str, int]:
    return search(store, Wanted(words, model=model), 1).tally


def test_words_verdict_and_limit_choose(place: str) -> None:
    store = open_store(place)
    store.add(visit(0, **A, **BOARD))
    store.add(visit(1, **B))
    store.describe(2, label="100% sure_thing", location="shelf 4", customer="Ü & Sons")
    assert [item.number for item in store.items()[0]] == [2, 1]
    for words in (["100%"], ["sure_thing", "SHELF"], ["& sons"], ["rtx", "shelf"]):
        assert [item.number for item in store.items(words)[0]] == [2], words
    assert [item.number for item in store.items([BOARD["serial"]])[0]] == [1]
    assert store.items(["%"])[1] == 1
    assert store.items(["nowhere"])[0] == []
    assert store.items(verdict="counterfeit")[0] == []
    found, total, _ = store.items(limit=1)
    assert (len(found), total) == (1, 2)


def test_a_card_that_only_the_inventory_knows_to_be_altered_is_found_by_its_verdict(place: str) -> None:
    store = open_store(place)
    store.add(visit(0, **A, **BOARD))
    store.add(visit(1))
    assert tally(store) == {"authentic": 2}
    store.add(visit(9, **B, **BOARD))
    assert [(item.number, item.authenticity) for item in store.items(verdict="modified")[0]] == [(1, "modified")]
    assert [item.number for item in store.items(verdict="authentic")[0]] == [2]
    assert tally(store) == {"authentic": 1, "modified": 1}
    assert tally(store, BOARD["serial"]) == {"modified": 1}


def test_a_verdict_follows_what_comes_in_for_another_item(place: str) -> None:
    store = open_store(place)
    store.add(visit(0, **A))
    assert tally(store) == {"authentic": 1}
    store.add(visit(1, **A | {"pdi": B["pdi"]}))
    assert tally(store) == {"suspect": 2}, "two dies state one UUID: which is the copy cannot be told"


def test_model_and_pages_choose(place: str) -> None:
    store = open_store(place)
    for day in range(5):
        store.add(visit(day))
    store.add(make_report(card(9, **B), created_at=WHEN))
    every = [item.number for item in store.items()[0]]
    pages = [[item.number for item in search(store, Wanted(), 2, at).items] for at in (0, 2, 4, 6)]
    assert pages == [every[:2], every[2:4], every[4:], []]
    assert search(store, Wanted(), 2, 4).total == 6
    (model,) = search(store, Wanted(), 1).models
    assert search(store, Wanted(model=model), 2).total == 6
    assert search(store, Wanted(model=model[:-1]), 2).total == 0
    assert tally(store, model="GeForce RTX 9999") == {}


def test_an_item_is_found_by_its_number_and_by_the_code_on_its_label(place: str) -> None:
    store = open_store(place)
    for day, stated in enumerate((A, B, {})):
        store.add(visit(day, **stated))
    assert [item.number for item in store.items(["2"])[0] if item.number == 2] == [2]
    assert [item.number for item in store.items(["#3"])[0]] == [3]
    with store.reader() as connection:
        digest = connection.execute(text("SELECT digest FROM reports ORDER BY id LIMIT 1 OFFSET 1")).scalar_one()
    assert [item.number for item in store.items([f"gpucheck:2:{digest}"])[0]] == [2]
    assert [item.number for item in store.items([f"GPUCHECK:2:{digest.upper()}"])[0]] == [2]
    assert store.items([f"gpucheck:1:{digest}"])[0] == [], "the label of another inventory"
    assert [item.number for item in store.items([digest])[0]] == [2], "what the code on a report's page carries"
    assert digest == digest_of(canonical_json(visit(1, **B)))
    for hostile in ("9" * 18, "9" * 40, "\u0663", "a\0b", "gpucheck:2:sha256:zz", f"sha256:{0:064}"):
        assert store.items([hostile])[1] == 0, hostile


def test_what_a_label_says_is_of_the_last_intake_and_in_the_order_asked_for(place: str) -> None:
    store = open_store(place)
    store.add(visit(0, **A, **BOARD))
    store.add(visit(1))
    store.add(visit(9, **B, **BOARD))
    found = store.labelled([2, 1, 2])
    assert [each.item.number for each in found] == [2, 1]
    assert [each.code for each in found] == [
        f"gpucheck:2:{digest_of(canonical_json(visit(1)))}",
        f"gpucheck:1:{digest_of(canonical_json(visit(9, **B, **BOARD)))}",
    ]
    assert [notice.kind for notice in found[1].notices] == [Kind.TRANSPLANTED]
    assert [each.item.number for each in store.labelled()] == [1, 2]
    assert [each.item.number for each in store.labelled(verdict="modified")] == [1]
    assert store.labelled([2], "modified") == []
    with pytest.raises(NotThereError, match="no item 3"):
        store.labelled([1, 3])


def test_a_word_that_no_text_can_hold_finds_nothing(place: str) -> None:
    store = open_store(place)
    store.add(visit(0, **A))
    for word in ("\udcff", "\0", "\u202e", "\udcffrtx 5090"):
        assert store.items([word])[1] == 0, repr(word)
    assert store.items(["rtx\n"])[1] == 1, "a scanner ends what it reads with a line"


def test_a_reader_sees_one_state(place: str) -> None:
    if "://" not in place:
        pytest.skip("SQLite lets a writer wait for the reader instead")
    store = open_store(place)
    store.add(visit(0, **A))
    with store.reader() as connection:
        counted = text("SELECT count(*) FROM items")
        assert connection.execute(counted).scalar() == 1
        open_store(place).add(visit(1, **B))
        assert connection.execute(counted).scalar() == 1
    assert store.items()[1] == 2


def test_every_item_is_searched_for_once(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpucheck.store.reading.AT_ONCE", 2)
    store = open_store(place)
    for day in range(5):
        store.add(visit(day))
    looked = []
    plain = reading.find_numbers

    def look(*call: Any) -> list[int]:
        looked.append(call)
        return plain(*call)

    monkeypatch.setattr(reading, "find_numbers", look)
    assert [item.number for item, _ in store.every_item(["rtx"])] == [5, 4, 3, 2, 1]
    assert len(looked) == 1


def test_labels_and_notes_are_kept_and_hostile_text_stays_one_line(place: str) -> None:
    store = open_store(place)
    store.add(visit(**A))
    store.describe(1, label=HOSTILE, location="bin 3", customer=None)
    store.describe(1, label=None, location=None, customer="order 9")
    store.note(1, HOSTILE)
    item, _, (note,), _ = store.item(1)
    assert (item.location, item.customer) == ("bin 3", "order 9")
    for told in (item.label, note.text):
        assert told.startswith("=cmd|")
        assert not {"\x1b", "\u202e", "\x00"} & set(told)
    store.describe(1, label="", location=None, customer=None)
    assert store.item(1)[0].label == ""


@pytest.mark.parametrize("call", ["item", "describe", "note"])
def test_an_item_that_is_not_there(place: str, call: str) -> None:
    store = open_store(place)
    calls: dict[str, Callable[[], object]] = {
        "item": lambda: store.item(5),
        "describe": lambda: store.describe(5, label="x"),
        "note": lambda: store.note(5, "x"),
    }
    with pytest.raises(NotThereError, match="no item 5"):
        calls[call]()


def test_a_report_that_was_altered_in_the_tables_is_refused(place: str) -> None:
    store = open_store(place)
    store.add(visit(**A))
    other = packing.pack(canonical_json(visit(**B)))
    with store.writer() as connection:
        connection.execute(text("UPDATE reports SET body = :body"), {"body": other})
    with pytest.raises(StoreError, match="altered"):
        store.report(store.item(1)[1][0])
    with store.writer() as connection:
        connection.execute(text("UPDATE reports SET body = :body"), {"body": b"nonsense"})
    with pytest.raises(StoreError, match="damaged"):
        store.report(store.item(1)[1][0])


def test_what_fails_halfway_leaves_nothing(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(place)
    from gpucheck.store import writing

    calls = []

    def fail(*arguments: object) -> int:
        calls.append(arguments)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return plain(*arguments)  # type: ignore[arg-type]

    plain = writing._inserted
    monkeypatch.setattr(writing, "_inserted", fail)
    with pytest.raises(StoreError, match="No space left"):
        store.add(visit(**A))
    monkeypatch.undo()
    assert store.items()[1] == 0
    assert store.add(visit(**A))[0].new_item


def test_moving_an_inventory_loses_nothing(place: str, tmp_path: object) -> None:
    store = open_store(place)
    store.add(visit(0, **A, **BOARD))
    store.add(visit(70, **B, **BOARD))
    store.add(visit(3))
    store.add(visit(4), item=2)
    store.describe(2, label="no identity", location=None, customer=None)
    store.note(1, "fan loud")
    lines = list(store.dump())
    other = open_store(f"{tmp_path}/other.sqlite")
    assert other.load(iter(lines)) == (2, 4, 0)
    assert [n.kind for n in other.item(1)[3]] == [Kind.TRANSPLANTED]
    assert [len(other.item(n)[1]) for n in (1, 2)] == [2, 2]
    assert other.item(2)[0].label == "no identity"
    assert [note.text for note in other.item(1)[2]] == ["fan loud"]
    assert other.load(iter(lines)) == (0, 0, 4)
    assert len(other.item(1)[2]) == 1
    back = open_store(place)
    assert back.load(iter(list(other.dump()))) == (0, 0, 4)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: [], "empty"),
        (lambda lines: lines[1:], "no export"),
        (lambda lines: [lines[0].replace('"schema_version":1', '"schema_version":99'), *lines[1:]], "newer"),
        (lambda lines: [*lines[:-1], lines[-1][:200]], "line 4"),
        (lambda lines: [*lines[:-1], lines[-1].replace('"authentic"', '"splendid"')], "line 4"),
        (lambda lines: [*lines, "[]\n"], "line 5"),
        (lambda lines: [*lines, "{}\n"], "line 5"),
    ],
)
def test_a_spoilt_file_is_refused_whole(place: str, spoil: object, says: str, tmp_path: object) -> None:
    source = open_store(f"{tmp_path}/source.sqlite")
    source.add(visit(0, **A))
    source.add(visit(1, **A))
    lines = list(source.dump())
    assert callable(spoil)
    store = open_store(place)
    with pytest.raises(ExportError, match=says):
        store.load(iter(spoil(lines)))
    assert store.items()[1] == 0


def _add_many(place: str, first: int, count: int) -> None:
    store = open_store(place)
    for day in range(first, first + count):
        store.add(visit(day, **A))


def test_two_programs_at_once_both_land(place: str) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_many, args=(place, first, 12)) for first in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    found, total, notices = open_store(place).items()
    assert total == 1, "one card is one item, whoever comes first"
    assert found[0].intakes == 24
    assert notices[1] == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_earlier_version_is_brought_up_with_its_data(place: str, revision: str, tmp_path: Path) -> None:
    newest = open_store(str(tmp_path / "newest.sqlite"))
    newest.add(visit(0, **A, **BOARD))
    newest.add(visit(1))
    newest.add(visit(9, **B, **BOARD))
    newest.describe(1, label="old")
    newest.note(2, "fan loud")
    with connect(locate(place)).begin() as connection, newest.reader() as source:
        migrate.upgrade(connection, revision)
        for table in metadata.sorted_tables:
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            kept = [column for column in table.columns if column.name in there]
            for row in source.execute(select(*kept)).mappings().all():
                connection.execute(insert(table).values(**row))
        if revision == HEAD:
            noticing.refresh_all(connection)
    store = open_store(place)
    with store.reader() as connection:
        assert migrate.revision_of(connection) == HEAD
    assert store.items() == newest.items()
    assert [item.label for item in store.items(verdict="modified")[0]] == ["old"]
    assert store.item(1) == newest.item(1)
    assert store.report(store.item(1)[1][-1]) == newest.report(newest.item(1)[1][-1])
    assert [note.text for note in store.item(2)[2]] == ["fan loud"]


def test_an_earlier_versions_digests_become_those_of_the_page(place: str) -> None:
    named, altered, plain = visit(0, **A, name="GeForce 名 ä"), visit(1, **B, name="Ω"), visit(2)
    with connect(locate(place)).begin() as connection:
        migrate.upgrade(connection, "0002")
        for number, report in enumerate((named, altered, plain), 1):
            body = json.dumps(report.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
            digest = "sha256:" + hashlib.sha256(body if report is not altered else b"").hexdigest()
            row = row_of(report, 0, WHEN) | {"item_id": number, "report_id": number, "evidence_digest": "old"}
            item = {"id": number, "created_at": stamp(WHEN), "label": "", "location": "", "customer": ""}
            connection.execute(insert(items).values(item))
            stored = {"id": number, "digest": digest, "created_at": stamp(WHEN), "body": zlib.compress(body)}
            connection.execute(insert(reports).values(stored))
            connection.execute(insert(intakes).values(row))
    store = open_store(place)
    last = store.items()[0]
    assert store.report(last[2].last)[0] == named
    assert last[2].last.evidence_digest == digest_of(canonical_json(named.cards[0].evidence))
    assert store.items([f"gpucheck:1:{digest_of(canonical_json(named))}"])[1] == 1, "found by what its page shows"
    assert not store.add(named)[0].new_intake
    assert store.report(last[0].last)[0] == plain
    with pytest.raises(StoreError, match="altered"):
        store.report(last[1].last)


def test_the_migrations_make_the_tables_that_the_program_uses(place: str) -> None:
    store = open_store(place)
    with store.reader() as connection:
        found = inspect(connection)
        for table in metadata.tables.values():
            columns = {c["name"]: bool(c["nullable"]) for c in found.get_columns(table.name)}
            assert columns == {c.name: bool(c.nullable) for c in table.columns}, table.name
            indexes = {i["name"] for i in found.get_indexes(table.name) if not i.get("duplicates_constraint")}
            assert indexes - {None} >= {str(i.name) for i in table.indexes}, table.name


def test_a_newer_inventory_is_refused_and_left_alone(place: str) -> None:
    store = open_store(place)
    store.add(visit(**A))
    with store.writer() as connection:
        connection.execute(text("UPDATE gpucheck_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer gpucheck"):
        open_store(place)
    with store.reader() as connection:
        assert connection.execute(text("SELECT version_num FROM gpucheck_version")).scalar() == "9999"


def test_a_database_of_something_else_is_refused(place: str) -> None:
    with connect(locate(place)).begin() as connection:
        connection.execute(text("CREATE TABLE items (id INTEGER)"))
    with pytest.raises(StoreError, match="no inventory of gpucheck"):
        open_store(place)


def test_sqlite_is_set_to_keep_what_it_acknowledged(tmp_path: object) -> None:
    store: Store = open_store(f"{tmp_path}/inventory.sqlite")
    with store.reader() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with sqlite3.connect(f"{tmp_path}/inventory.sqlite") as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    plain.close()
