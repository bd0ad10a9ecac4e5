"""The inventory from the command line, with simulated cards."""

import csv
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.model.canonical import digest
from gpucheck.model.report import Report
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render.document import load_report, render_evidence, render_json
from gpucheck.resources import data_root
from gpucheck.store.store import open_store
from tests.builders import forged_card, make_evidence, make_report
from tests.store.given import BOARD, A, B, card, visit


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def inventory(*arguments: str) -> str:
    """Run a command of the inventory that must succeed, and return its stdout."""
    result = run("inventory", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(text: str) -> str:
    return " ".join(text.split())


def saved(folder: Path, name: str, day: int, **stated: str) -> str:
    path = folder / name
    path.write_text(render_json(visit(day, **stated)))
    return str(path)


def swapped(folder: Path) -> str:
    """A scenario: an A100 with the board facts of the shipped one, and another die."""
    path = folder / "returned.toml"
    path.write_text(
        'title = "the same board with another die"\nseed = 4711\n[silicon]\nprofile = "a100-sxm4-80-gb"\n'
        '[declared]\nprofile = "a100-sxm4-80-gb"\nserial = "1320821287998"\n'
        'board_part_number = "692-2G506-0200-003"\ninforom_image_version = "G506.0200.00.04"\n'
    )
    return str(path)


def test_a_card_that_comes_back_with_another_die_is_named(tmp_path: Path) -> None:
    first = run("scan", "--simulate", "a100-80gb", "--save")
    assert first.exit_code == 0, first.output
    serial = json.loads(inventory("list", "--json"))[0]["item"]["last"]["identity"]["serial"]
    assert serial == "1320821287998", "the returned card's board is this one"
    back = run("scan", "--simulate", swapped(tmp_path), "--save")
    assert back.exit_code == 12, back.output
    assert "MODIFIED (die on a foreign board)" in told(back.stderr)
    shown = told(inventory("diff", "1"))
    assert "Same board, another die since" in shown
    assert "Verdict with what the inventory knows: authentic then modified." in shown
    assert "Die (declared, simulated): GPU-" in shown
    assert "MODIFIED (die on a foreign board)" in told(inventory("list"))
    assert "MODIFIED (die on a foreign board)" in told(inventory("show", "1"))
    assert "another die since" in told(inventory("history", "1"))
    report = told(inventory("show", "1", "--report"))
    assert "By the inventory, which knows what came in before: MODIFIED (die on a foreign board). Same board" in report
    assert "By the inventory" not in told(inventory("show", "1", "--report", "--intake", "1"))


def test_the_report_on_stdout_stays_one_document(tmp_path: Path) -> None:
    result = run("scan", "--simulate", "rtx-4090", "--quick", "--format", "json", "--save")
    assert load_report(result.stdout).cards[0].simulated == "rtx-4090"
    assert "Item 1, intake #1 (a new item)" in result.stderr
    assert load_report(inventory("show", "1", "--report", "--format", "json")) == load_report(result.stdout)


def test_a_second_visit_without_change_says_so(tmp_path: Path) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A, **BOARD), saved(tmp_path, "2.json", 9, **A, **BOARD))
    assert "Nothing that is compared has changed." in inventory("diff", "1")


def test_what_changed_is_shown_with_its_unit_and_source(tmp_path: Path) -> None:
    for number, report in enumerate((visit(0, **A), make_report(forged_card()))):
        path = tmp_path / f"{number}.json"
        path.write_text(render_json(report))
        inventory("add", str(path), *(["--item", "1"] if number else []))
    shown = told(inventory("diff", "1", "1", "2"))
    assert "Memory (declared): 23.99 GiB (25,757,220,864 bytes) -> 47.99 GiB (51,527,024,640 bytes)" in shown
    assert "Authenticity (judged): authentic -> counterfeit" in shown


def test_evidence_and_a_sellers_text_are_judged_when_they_come_in(tmp_path: Path) -> None:
    evidence, text = tmp_path / "evidence.json", tmp_path / "seller.txt"
    evidence.write_text(render_evidence([make_evidence()]))
    text.write_text("GPU 0: NVIDIA GeForce RTX 3090 (UUID: GPU-11112222-3333-4444-5555-666677778888)\n")
    out = inventory("add", str(evidence), str(text))
    assert "Item 1, intake #1 (a new item): GeForce RTX 4090, AUTHENTIC" in told(out)
    assert "Item 2, intake #2 (a new item): GeForce RTX 3090, INCONCLUSIVE" in told(out)


def test_a_file_that_powershell_wrote_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(render_evidence([make_evidence()]), encoding="utf-16")
    assert "Item 1, intake #1 (a new item): GeForce RTX 4090, AUTHENTIC" in told(inventory("add", str(path)))


def test_one_bad_file_costs_the_others_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"cards": 7')
    result = run("inventory", "add", str(bad), saved(tmp_path, "1.json", 0, **A), str(tmp_path / "absent"))
    assert result.exit_code == 3
    assert "Item 1" in result.stdout
    assert "bad.json is not valid JSON" in result.stderr
    assert "absent" in result.stderr


@pytest.mark.parametrize(
    "call",
    [
        ("inventory", "add", "nowhere.json"),
        ("inventory", "import", "nowhere.jsonl"),
        ("inventory", "intake", "--simulate", "nowhere.toml"),
        ("scan", "--save", "--simulate", "nowhere.toml"),
    ],
    ids=" ".join,
)
def test_what_keeps_nothing_leaves_no_inventory_behind(call: tuple[str, ...], tmp_path: Path) -> None:
    place = tmp_path / "new" / "shop.sqlite"
    result = run(*call, "--store", str(place))
    assert result.exit_code > 1, result.output
    assert not place.exists()
    open_store(str(place)).add(visit(0, **A))
    assert run(*call, "--store", str(place)).exit_code == result.exit_code
    assert "item 1" in inventory("show", "1", "--store", str(place)).lower()


def test_label_note_and_search(tmp_path: Path) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A), saved(tmp_path, "2.json", 0, **B))
    inventory("label", "2", "--label", "RMA 7", "--location", "shelf 4", "--customer", "Kim")
    inventory("note", "2", "fan loud")
    found = inventory("list", "rma", "SHELF")
    assert "RMA 7, shelf 4" in found
    assert len(found.splitlines()) == 1
    page = inventory("show", "2")
    for words in ("RMA 7", "shelf 4", "Kim", "fan loud", "states no serial number"):
        assert words in page
    assert inventory("list", "nothing like it") == "No item.\n"


@pytest.mark.parametrize(
    ("call", "name", "most"),
    [
        (("label", "1", "--label"), "label", 200),
        (("label", "1", "--label", "RMA 7", "--location"), "location", 200),
        (("label", "1", "--customer"), "customer", 200),
        (("note", "1"), "note", 4000),
        (("intake", "--simulate", "rtx-4090", "--no-probe", "--location"), "location", 200),
        (("intake", "--simulate", "rtx-4090", "--no-probe", "--customer"), "customer", 200),
    ],
)
def test_a_text_that_is_too_long_is_refused_and_not_cut(
    call: tuple[str, ...], name: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A))
    before = inventory("export")
    with monkeypatch.context() as patch:
        patch.setattr("gpucheck.watchdog.collect_all", lambda *_, **__: pytest.fail("the scan ran"))
        result = run("inventory", *call, "x" * (most + 1))
    assert result.exit_code == 2, result.output
    assert f"the {name} has {most + 1:,} characters; the most are {most:,}." in result.stderr
    assert inventory("export") == before
    longest = " " + "ä" * most + "\n"
    assert run("inventory", *call, longest).exit_code in (0, 10), "blanks around it do not count"
    assert ("\\u00e4" * most) in inventory("export")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "9"), "no item 9"),
        (("history", "9"), "no item 9"),
        (("diff", "1"), "one intake"),
        (("diff", "1", "1", "55"), "no intake 55"),
        (("show", "1", "--format", "json"), "--report"),
        (("show", "1", "--all-cards"), "--report"),
        (("label", "1"), "--label"),
        (("note", "1", " "), "empty"),
        (("show", "0"), "0"),
        (("list", "--limit", "0"), "--limit"),
        (("intake", "--simulate", "rtx-9999"), "rtx-9999"),
    ],
)
def test_a_wrong_call_is_one_clear_error(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A))
    result = run("inventory", *arguments)
    assert result.exit_code == 2, result.output
    assert says in result.stderr


def test_the_bench_is_taken_in_and_the_forged_one_found() -> None:
    simulated = [f"--simulate={name}" for name in ("rtx-4090", "rtx-4090-48gb-forged", "l40s")]
    result = run("inventory", "intake", "--quick", "--location", "shelf 4", *simulated)
    assert result.exit_code == 13, result.output
    assert inventory("list", "--verdict", "counterfeit").count("memory size forged") == 1
    assert inventory("list", "shelf").count("SIMULATED") == 3


def test_defective_cards_are_found_by_their_condition() -> None:
    run("inventory", "intake", "--quick", "--simulate=rtx-4090", "--simulate=rtx-4090-dead-channel")
    assert inventory("list", "--condition", "defective").startswith("   2  ")
    assert inventory("list", "--condition", "good").startswith("   1  ")
    assert inventory("export", "--condition", "defective", "--format", "csv").count("\n") == 2
    assert inventory("list", "--condition", "worn") == "No item.\n"
    for option, choices in (("--verdict", Authenticity), ("--condition", Condition)):
        assert all(inventory("list", option, choice.value) for choice in choices), "each one can be asked for"


def test_one_card_that_cannot_be_judged_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpucheck import pipeline

    plain = pipeline.assess

    def fail(evidence: object, *rest: object) -> object:
        if getattr(evidence, "simulated", "") == "l40s":
            raise ZeroDivisionError("a fault of ours")
        return plain(evidence, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "assess", fail)
    result = run("inventory", "intake", "--quick", "--simulate", "l40s", "--simulate", "rtx-4090")
    assert "ZeroDivisionError" in result.stderr
    assert result.exit_code == 1
    assert "SIMULATED GeForce RTX 4090 AUTHENTIC" in told(result.stdout)


def test_reassess_shows_what_todays_rulebook_says_otherwise(tmp_path: Path) -> None:
    assert run("scan", "--simulate", "rtx-4090", "--quick", "--save").exit_code == 0
    assert "no verdict changed" in inventory("reassess")
    path = tmp_path / "old.json"
    document = json.loads(run("scan", "--simulate", "rtx-3090-as-rtx-4090", "--quick", "--format", "json").stdout)
    document["cards"][0]["verdict"] |= {"authenticity": "authentic", "kinds": []}
    path.write_text(json.dumps(document))
    inventory("add", str(path))
    shown = inventory("reassess")
    assert "Item 2, intake #2: authentic, " in shown
    assert "-> counterfeit" in shown
    assert "1 verdicts changed" in shown
    assert "AUTHENTIC" in inventory("list", "3090") + inventory("list", "--verdict", "authentic"), "nothing was stored"


@pytest.fixture
def bench(tmp_path: Path) -> Report:
    """Three cards that came in with one report."""
    report = make_report(card(0, **A), card(0, **B), forged_card())
    (tmp_path / "bench.json").write_text(render_json(report))
    run("inventory", "add", str(tmp_path / "bench.json"))
    return report


def test_the_report_of_an_item_is_of_its_card_alone(bench: Report) -> None:
    for number, text in ((1, A["uuid"]), (2, B["uuid"])):
        for format_ in ("json", "csv", "html", "terminal"):
            shown = inventory("show", str(number), "--report", "--format", format_)
            other = {A["uuid"], B["uuid"]} - {text}
            assert not other & set(re.findall(r"GPU-[0-9a-f-]{36}", shown)), "no other customer's card"
        alone = load_report(inventory("show", str(number), "--report", "--format", "json"))
        assert alone == bench.model_copy(update={"cards": (bench.cards[number - 1],), "rulebook": alone.rulebook})
        assert set(alone.rulebook.profiles) == set(alone.cards[0].match.candidates) & set(bench.rulebook.profiles)


def test_it_says_where_the_whole_report_is(bench: Report) -> None:
    shown = told(inventory("show", "2", "--report"))
    assert "The report of this intake holds 3 cards; this is one of them. `--all-cards` shows all." in shown
    assert f"Labels and the inventory name it by the digest of the whole: {digest(bench)}" in shown
    whole = inventory("show", "2", "--report", "--all-cards", "--format", "json")
    assert load_report(whole) == bench
    assert "one of them" not in told(inventory("show", "2", "--report", "--all-cards"))


def test_a_report_of_one_card_keeps_its_digest(tmp_path: Path) -> None:
    path = saved(tmp_path, "1.json", 0, **A)
    inventory("add", path)
    shown = inventory("show", "1", "--report", "--format", "json")
    assert digest(load_report(shown)) == digest(load_report(Path(path).read_text()))
    assert "of them" not in told(inventory("show", "1", "--report"))


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digests of the reports that are unpacked."""
    from gpucheck.store import packing

    plain, found = packing.unpack, list[str]()

    def unpack(body: bytes, expected: str) -> object:
        found.append(expected)
        return plain(body, expected)

    monkeypatch.setattr(packing, "unpack", unpack)
    return found


@pytest.mark.parametrize("every", [(), ("--all",)])
def test_reassess_reads_each_report_once(tmp_path: Path, unpacked: list[str], every: tuple[str, ...]) -> None:
    for day in range(2):
        path = tmp_path / f"{day}.json"
        cards = [card(day, **A), card(day, **B), card(day, uuid="GPU-cccccccc-59a1-4c5f-9d0c-0f4a9be1c333")]
        document = json.loads(render_json(make_report(*cards)))
        for each in document["cards"]:
            each["verdict"] |= {"authenticity": "counterfeit"}
        path.write_text(json.dumps(document))
        run("inventory", "add", str(path))
    unpacked.clear()
    shown = inventory("reassess", *every)
    assert f"{6 if every else 3} intakes of 3 items judged" in shown
    assert len(unpacked) == (2 if every else 1)
    numbers = [line.split(":")[0] for line in shown.splitlines() if line.startswith("Item ")]
    ordered = [f"Item {n}, intake #{n + before}" for n in (3, 2, 1) for before in ((0, 3) if every else (3,))]
    assert numbers == ordered, "item by item, the newest first, whatever report they came with"


def test_reassess_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpucheck.cli.progress import Progress

    inventory("add", saved(tmp_path, "1.json", 0, **A), saved(tmp_path, "2.json", 0, **B))
    told_of: list[tuple[str, int, int]] = []
    monkeypatch.setattr(Progress, "count", lambda _self, *what: told_of.append(what))
    inventory("reassess")
    assert told_of == [("cards judged", 1, 2), ("cards judged", 2, 2)]


def test_an_inventory_moves_by_file(tmp_path: Path) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A))
    file, other = str(tmp_path / "all.jsonl"), str(tmp_path / "other.sqlite")
    inventory("export", "-o", file)
    assert inventory("export") == Path(file).read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.json", "all.jsonl", "data"]
    result = run("inventory", "import", file, "--store", other)
    assert result.exit_code == 0, result.output
    assert "1 intakes taken in, 1 new items" in result.stderr
    assert inventory("list", "--store", other) == inventory("list")


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A))
    file = tmp_path / "all.jsonl"
    file.write_text("old")

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    result = run("inventory", "export", "-o", str(file))
    assert result.exit_code == 3
    assert "No space left" in result.stderr
    assert file.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.json", "all.jsonl", "data"]


def test_saving_that_fails_after_the_scan_keeps_report_and_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpucheck.store.errors import StoreError
    from gpucheck.store.store import Store

    def fail(*_: object, **__: object) -> None:
        raise StoreError("inventory x: the disk is full.", "Nothing was changed.")

    monkeypatch.setattr(Store, "add", fail)
    authentic = run("scan", "--simulate", "rtx-4090", "--quick", "--save")
    assert authentic.exit_code == 4
    assert "AUTHENTIC" in authentic.stdout
    assert "the disk is full" in authentic.stderr
    assert run("scan", "--simulate", "rtx-4090-48gb-forged", "--quick", "--save").exit_code == 13


@pytest.mark.parametrize("places", [0, 1])
def test_cards_that_an_intake_cannot_keep_are_named_with_their_verdicts(
    places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gpucheck.store.errors import StoreError
    from gpucheck.store.store import Store

    add = Store.add
    taken: list[Report] = []

    def fail(store: Store, report: Report, *rest: int) -> object:
        if len(report.cards) > 1 or len(taken) == places:
            raise StoreError("inventory x: the disk is full.", "Nothing was changed.")
        taken.append(report)
        return add(store, report, *rest)

    monkeypatch.setattr(Store, "add", fail)
    forged = ["--simulate", "rtx-4090-48gb-forged"]
    result = run("inventory", "intake", "--quick", *(["--simulate", "rtx-4090"] * places), *forged)
    assert result.exit_code == 13
    assert result.stderr.count("the disk is full") == 1
    assert result.stderr.count("Not kept: ") == 1
    assert "SIMULATED GeForce RTX 4090: COUNTERFEIT (memory size forged).\n" in result.stderr
    assert ("1 authentic" in result.stdout) == bool(places)


def test_a_report_that_cannot_be_written_costs_no_card_that_was_to_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "report.json"
    monkeypatch.setattr("os.fsync", fail)
    call = ("scan", "--quick", "--save", "-o", str(target), "--simulate")
    result = run(*call, "2:rtx-4090")
    assert result.exit_code == 3
    told_of, hint, *rest = result.stderr.splitlines()
    assert "report.json cannot be written: No space left on device." in told_of
    assert hint.strip().startswith("Make room there or name another file")
    assert [line.split(":")[0] for line in rest[:2]] == [
        "Item 1, intake #1 (a new item)",
        "Item 2, intake #2 (a new item)",
    ]
    assert rest[-1].startswith("The cards are kept. `gpucheck inventory show ITEM --report` shows")
    assert "Nothing was changed" not in result.stderr
    assert inventory("show", "2", "--report", "--format", "csv").count("\n") >= 2
    assert run(*call, "rtx-4090-48gb-forged").exit_code == 13, "the verdict's code is told all the same"
    assert not target.exists()


def test_an_inventory_that_cannot_be_used_is_told_of_before_the_scan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gpucheck.watchdog.collect_all", lambda *_, **__: pytest.fail("the scan ran"))
    result = run("scan", "--simulate", "rtx-4090", "--save", "--store", str(tmp_path))
    assert result.exit_code == 4


@pytest.mark.parametrize("call", [("scan", "--simulate", "rtx-4090", "--no-probe"), ("inventory", "--help")])
def test_what_needs_no_inventory_loads_none(call: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom gpucheck.cli import main\n"
        "try: main()\n"
        "except SystemExit:\n"
        "    print([m for m in ('sqlalchemy', 'alembic', 'platformdirs') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *call], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_it_is_told_once_that_an_earlier_inventory_is_brought_up(tmp_path: Path) -> None:
    place = tmp_path / "inventory.sqlite"
    first = run("inventory", "add", saved(tmp_path, "1.json", 0, **A), "--store", str(place))
    assert "brought up" not in first.output
    with sqlite3.connect(place) as plain:
        plain.execute("UPDATE gpucheck_version SET version_num = '0002'")
    plain.close()
    shown = [run("inventory", "list", "--json", "--store", str(place)) for _ in range(2)]
    assert ["brought up to date" in each.stderr for each in shown] == [True, False]
    assert shown[0].stdout == shown[1].stdout


def test_looking_needs_no_migrations(tmp_path: Path) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A))
    code = (
        "import sys\nfrom gpucheck.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([m for m in ('alembic', 'numpy') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "inventory", "list"], capture_output=True, text=True, check=True)
    assert "GeForce RTX 4090" in done.stdout
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_bench_is_taken_in_and_written_as_a_table(tmp_path: Path) -> None:
    forged = ("rtx-4090-48gb-forged", "rtx-3090-as-rtx-4090", "rtx-3080-20gb-with-matching-firmware")
    simulated = [f"--simulate={name}" for name in ("3:rtx-4090", *forged)]
    assert run("inventory", "intake", "--quick", "--location", "=shelf 4", *simulated).exit_code == 13
    table = tmp_path / "all.csv"
    inventory("export", "-o", str(table))
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["uuid"] for row in rows}) == len(rows) == 6, "each simulated card has an identity of its own"
    wrong = {row["simulated"]: row["kinds"] for row in rows if row["verdict"] != "authentic"}
    assert wrong == dict(zip(forged, ("capacity_forged", "remarked", "memory_altered"), strict=True))
    assert {row["location"] for row in rows} == {"'=shelf 4"}, "no spreadsheet calculates it"
    assert inventory("export", "shelf", "--verdict", "modified", "--format", "csv").count("\n") == 2


def test_a_table_tells_what_only_the_inventory_knows(tmp_path: Path) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A, **BOARD), saved(tmp_path, "2.json", 9, **B, **BOARD))
    (row,) = csv.DictReader(inventory("export", "--format", "csv").splitlines())
    assert (row["verdict"], row["kinds"], row["intakes"]) == ("modified", "transplanted", "2")
    assert row["noticed"].startswith("Same board, another die since ")
    assert inventory("list", "--verdict", "modified").startswith("   1  ")
    assert inventory("list", "--verdict", "authentic") == "No item.\n"


def test_cards_are_judged_again_with_profiles_that_were_changed(tmp_path: Path) -> None:
    assert run("scan", "--simulate", "rtx-4090", "--quick", "--save").exit_code == 0
    mine = tmp_path / "mine"
    shutil.copytree(data_root() / "profiles", mine)
    assert "no verdict changed" in inventory("reassess", "--profiles", str(mine))
    die = mine / "ada" / "ad102.toml"
    head, name, rest = die.read_text(encoding="utf-8").partition('id = "geforce-rtx-4090"\n')
    die.write_text(head + name + rest.replace("sm_counts = [128]", "sm_counts = [126]", 1), encoding="utf-8")
    shown = told(inventory("reassess", "--profiles", str(mine)))
    assert "Item 1, intake #1: authentic, good -> " in shown
    assert "1 verdicts changed" in shown
    assert "no verdict changed" in inventory("reassess"), "the shipped ones are as they were"
    die.write_text("id = 7", encoding="utf-8")
    for folder in (mine, tmp_path / "nowhere"):
        result = run("inventory", "reassess", "--profiles", str(folder))
        assert result.exit_code == 3
        assert "gpucheck profiles validate" in result.stderr


@pytest.mark.parametrize("count", ["0", "1001", "99999999"])
def test_too_many_simulated_cards_are_refused(count: str) -> None:
    result = run("scan", "--simulate", f"{count}:rtx-4090")
    assert result.exit_code == 2
    assert "Ask for 1 to 1000." in result.stderr


def test_a_copy_to_import_is_whole(tmp_path: Path) -> None:
    inventory("add", saved(tmp_path, "1.json", 0, **A))
    result = run("inventory", "export", "4090")
    assert result.exit_code == 2
    assert "--format csv" in result.stderr
