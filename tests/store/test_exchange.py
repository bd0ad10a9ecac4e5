"""What `export` wrote comes back whole, or is refused whole: cut off, altered, of another kind, of an earlier time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.render.document import render_json
from gpucheck.store.store import open_store
from tests.store.given import A, B, visit

Spoil = Callable[[list[str]], list[str]]


@pytest.fixture
def export(tmp_path: Path) -> list[str]:
    """The lines of an inventory of three items, one of them with a label and a note."""
    store = open_store(f"{tmp_path}/source.sqlite")
    for day, stated in enumerate((A, B, {})):
        store.add(visit(day, **stated))
    store.describe(2, label="RMA 7")
    store.note(2, "fan loud")
    return list(store.dump())


def taken_in(lines: list[str], folder: Path) -> Result:
    """What importing the lines into an inventory that is not there yet comes to."""
    file = folder / "all.jsonl"
    file.write_text("".join(lines), encoding="utf-8")
    return CliRunner().invoke(cli, ["inventory", "import", str(file), "--store", str(folder / "new" / "new.sqlite")])


def older(lines: list[str]) -> list[str]:
    """The same as a gpucheck wrote it that did not state how much it holds."""
    found = [json.loads(line) for line in lines]
    return [
        json.dumps({name: value for name, value in each.items() if name not in ("holds", "digest")}) + "\n"
        for each in found
    ]


def refused(result: Result, folder: Path) -> str:
    assert result.exit_code == 3, result.output
    assert "taken in," not in result.output
    assert len(result.stderr.splitlines()) == 2, "what happened, and what to do"
    assert not (folder / "new" / "new.sqlite").exists(), "no empty inventory is left behind"
    return " ".join(result.stderr.split())


def test_an_export_states_how_much_it_holds(export: list[str], tmp_path: Path) -> None:
    assert json.loads(export[0])["holds"] == {"items": 3, "notes": 1, "reports": 3, "intakes": 3}
    result = taken_in(export, tmp_path)
    assert result.exit_code == 0, result.output
    assert "3 intakes taken in, 3 new items" in result.stderr


def test_an_empty_inventory_is_an_export_too(tmp_path: Path) -> None:
    result = taken_in(list(open_store(f"{tmp_path}/empty.sqlite").dump()), tmp_path)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("lines", range(1, 7))
def test_one_that_was_cut_off_after_any_line_is_refused(lines: int, export: list[str], tmp_path: Path) -> None:
    assert len(export) == 7
    told = refused(taken_in(export[:lines], tmp_path), tmp_path)
    assert "all.jsonl was cut off or altered: it states 3 items, 1 note, 3 reports, 3 intakes" in told
    assert "Nothing was taken in. Export again" in told


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.9, 0.999])
def test_one_that_was_cut_off_within_a_line_is_refused(share: float, export: list[str], tmp_path: Path) -> None:
    whole = "".join(export)
    refused(taken_in([whole[: int(len(whole) * share)]], tmp_path), tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [*lines[:4], *lines[5:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, *lines],
        lambda lines: [line.replace("RMA 7", "RMA 8") for line in lines],
        lambda lines: [line.replace("fan loud", "fan mute") for line in lines],
        lambda lines: [line.replace('"digest"', '"dijest"') if n == 5 else line for n, line in enumerate(lines)],
        lambda lines: [lines[0].replace('"items":3', '"items":2'), *lines[1:]],
        lambda lines: [lines[0].replace('"holds"', '"holes"'), *lines[1:]],
        lambda lines: [*lines[:-1], lines[-1].replace("0", "1", 1)],
    ],
)
def test_one_that_was_altered_is_refused(spoil: Spoil, export: list[str], tmp_path: Path) -> None:
    assert spoil(export) != export
    assert "Nothing was taken in." in refused(taken_in(spoil(export), tmp_path), tmp_path)


def test_one_of_an_earlier_gpucheck_is_read(export: list[str], tmp_path: Path) -> None:
    result = taken_in(older(export), tmp_path)
    assert result.exit_code == 0, result.output
    store = open_store(f"{tmp_path}/new/new.sqlite")
    assert store.items(["RMA 7"])[1] == 1


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: lines[:-1], "1 item has no report"),
        (lambda lines: lines[:-2], "2 items have no report"),
        (lambda lines: lines[:4], "3 items have no report"),
        (lambda lines: lines[:1], "nothing but its first line"),
        (lambda lines: [*lines[:1], *lines[2:]], "line 4 names item 1, which the file does not hold"),
        (lambda lines: [lines[0], *lines[4:], *lines[1:4]], "line 2 names item 1, which the file does not hold"),
    ],
)
def test_one_of_an_earlier_gpucheck_is_refused_where_something_is_missing(
    spoil: Spoil, says: str, export: list[str], tmp_path: Path
) -> None:
    assert says in refused(taken_in(spoil(older(export)), tmp_path), tmp_path)


def test_a_report_that_cannot_be_read_is_refused(export: list[str], tmp_path: Path) -> None:
    spoilt = [line.replace('"authentic"', '"splendid"') for line in older(export)]
    assert "holds a report in line 5 that this gpucheck cannot read" in refused(taken_in(spoilt, tmp_path), tmp_path)


@pytest.mark.parametrize(("name", "text"), [("RMA 7", "x" * 201), ("fan loud", "x" * 4001)])
def test_a_text_that_would_be_cut_is_refused(name: str, text: str, export: list[str], tmp_path: Path) -> None:
    spoilt = [line.replace(name, text) for line in older(export)]
    assert "holds a text in line 3 that is too long: the " in refused(taken_in(spoilt, tmp_path), tmp_path)


@pytest.mark.parametrize("text", ["x" * 199 + "…", "x" * 200])
def test_a_label_that_was_cut_in_its_time_is_taken_in(text: str, export: list[str], tmp_path: Path) -> None:
    whole = [line.replace("RMA 7", text) for line in older(export)]
    assert taken_in(whole, tmp_path).exit_code == 0
    assert open_store(f"{tmp_path}/new/new.sqlite").items([text])[1] == 1


def test_an_inventory_that_is_there_stays_as_it_was(export: list[str], tmp_path: Path) -> None:
    store = open_store(f"{tmp_path}/new/new.sqlite")
    before = list(store.dump())
    assert taken_in(export[:-1], tmp_path).exit_code == 3
    assert list(store.dump()) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"%PDF-1.7\n\xff\xfe", "{}\n".encode("utf-16"), b"item,simulated,model\r\n1,,x\r\n", b"[1]\n", b"{}\n",
     b"null\n", render_json(visit(**A)).encode(), b"[" * 100_000],
)  # fmt: skip
@pytest.mark.parametrize("by_stdin", [False, True])
def test_a_file_that_is_no_export_says_what_is_wanted(content: bytes, by_stdin: bool, tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_bytes(content)
    call = ["inventory", "import", "-" if by_stdin else str(file), "--store", str(tmp_path / "new" / "new.sqlite")]
    told = refused(CliRunner().invoke(cli, call, input=content), tmp_path)
    assert ("stdin" if by_stdin else "letter") in told
    assert "Wanted is what `gpucheck inventory export` wrote" in told
    assert "Expecting" not in told


def test_a_file_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    call = ["inventory", "import", str(tmp_path / "absent"), "--store", str(tmp_path / "new.sqlite")]
    result = CliRunner().invoke(cli, call)
    assert result.exit_code == 3
    assert not (tmp_path / "new.sqlite").exists()


def test_what_came_in_meanwhile_stays(tmp_path: Path) -> None:
    place = str(tmp_path / "new.sqlite")
    ours, theirs = open_store(place), open_store(place)
    theirs.add(visit(0, **A))
    ours.unmake()
    assert open_store(place, make=False).items()[1] == 1


def test_a_file_that_was_there_is_not_taken_away(tmp_path: Path) -> None:
    place = tmp_path / "mine.sqlite"
    open_store(str(place))
    open_store(str(place)).unmake()
    assert place.exists()
