"""Killed at any moment, a full disk, a locked, read-only, damaged or absent inventory: told, and nothing touched."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpucheck.cli.app import cli
from gpucheck.model.base import GpucheckError
from gpucheck.render.document import render_json
from gpucheck.store import engine
from gpucheck.store.errors import StoreError
from gpucheck.store.store import open_store
from tests.store.given import A, B, visit

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from gpucheck.store.store import open_store
from tests.store.given import A, visit
store = open_store(sys.argv[1])
print("open", flush=True)
for day in range(int(sys.argv[2]), 10**6):
    (added,) = store.add(visit(day, **A))
    print(added.intake, day, flush=True)
"""


def _killed(place: str, first: int, after: int, seconds: float) -> list[tuple[int, int]]:
    """Start a writer, kill it some time after so many intakes, and return what it acknowledged: intakes and days."""
    call = [sys.executable, "-c", WRITER, place, str(first)]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    waited = "".join(process.stdout.readline() for _ in range(after))
    time.sleep(seconds)
    process.kill()
    told, _ = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    whole = [line for line in (waited + told).splitlines(keepends=True) if line.endswith("\n")]
    return [(int(line.split()[0]), int(line.split()[1])) for line in whole]


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_nothing_that_it_acknowledged(place: str) -> None:
    chance = random.Random(6)
    acknowledged: list[tuple[int, int]] = []
    for turn in range(8):
        acknowledged += _killed(place, 1000 * turn, turn % 3, chance.uniform(0.0, 0.2))
        store = open_store(place)
        _, total, _ = store.items()
        if not acknowledged:
            continue
        assert total == 1
        intakes = {intake.number: intake for intake in store.item(1)[1]}
        assert {number for number, _ in acknowledged} <= set(intakes)
        for number, intake in intakes.items():
            report, card = store.report(intake)
            assert card.evidence.collected_at == intake.at, f"intake {number} is whole"
            assert len(report.cards) == 1
    if "://" not in place:
        with sqlite3.connect(place) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        plain.close()


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """An inventory of one card."""
    path = tmp_path / "inventory.sqlite"
    open_store(str(path)).add(visit(0, **A))
    return path


@pytest.fixture
def another(tmp_path: Path) -> str:
    """A report that is not in it."""
    path = tmp_path / "report.json"
    path.write_text(render_json(visit(1, **B)))
    return str(path)


def refused(filled: Path, *arguments: str) -> str:
    """Run a command that the inventory cannot serve, and return what it told."""
    before = filled.read_bytes()
    result = CliRunner().invoke(cli, ["inventory", *arguments, "--store", str(filled)])
    assert result.exit_code == 4, result.output
    assert result.stdout == ""
    assert filled.read_bytes() == before
    assert len(result.stderr.splitlines()) <= 2
    assert str(filled) in result.stderr
    return result.stderr


def test_a_locked_inventory(filled: Path, another: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    holder = sqlite3.connect(filled, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert "another program holds it locked" in refused(filled, "add", another)
        assert "another program holds it locked" in refused(filled, "list")
    finally:
        holder.close()
    assert CliRunner().invoke(cli, ["inventory", "add", another, "--store", str(filled)]).exit_code == 0


def test_a_full_disk(filled: Path, another: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = engine._set_up_sqlite

    def small(connection: sqlite3.Connection, record: object) -> None:
        plain(connection, record)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    monkeypatch.setattr(engine, "_set_up_sqlite", small)
    assert "the disk is full" in refused(filled, "add", another)
    monkeypatch.undo()
    assert open_store(str(filled)).items()[1] == 1


def test_a_disk_that_really_is_full(another: str, tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(mount)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        path = mount / "inventory.sqlite"
        store = open_store(str(path))
        fits = [store.add(visit(day, **A))[0].intake for day in range(3)]
        with pytest.raises(StoreError, match=r"disk is full|failed to read or write"):
            fits += [store.add(visit(day, **A))[0].intake for day in range(3, 100)]
        intakes = store.item(1)[1]
        assert {intake.number for intake in intakes} >= set(fits)
        assert all(store.report(intake)[0] for intake in intakes)
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_damaged_file(filled: Path) -> None:
    whole = filled.read_bytes()
    filled.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    assert "damaged" in refused(filled, "list")


@pytest.mark.parametrize(
    "content", [b"This is a letter and no inventory. " * 300, b"SQLite format 3\x00" + b"\xff" * 9000]
)
def test_a_file_that_is_something_else(filled: Path, another: str, content: bytes) -> None:
    filled.write_bytes(content)
    assert "damaged" in refused(filled, "add", another)


def test_a_newer_inventory(filled: Path, another: str) -> None:
    with sqlite3.connect(filled) as plain:
        plain.execute("UPDATE gpucheck_version SET version_num = '0042'")
    plain.close()
    for call in (("add", another), ("list",), ("show", "1"), ("export",)):
        assert "a newer gpucheck wrote this inventory" in refused(filled, *call)


def test_an_inventory_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    absent = tmp_path / "typo" / "inventory.sqlite"
    for call in (("list",), ("show", "1"), ("history", "1"), ("export",), ("reassess",), ("note", "1", "x")):
        result = CliRunner().invoke(cli, ["inventory", *call, "--store", str(absent)])
        assert result.exit_code == 4, call
        assert "there is no inventory" in result.stderr
    assert not absent.parent.exists()


READERS = (
    ("list",), ("show", "1"), ("history", "1"), ("diff", "1"), ("export",), ("reassess",), ("note", "1", "x"),
    ("label", "1", "--label", "x"), ("labels", "1", "-o", "labels.pdf"), ("serve", "--port", "0"),
)  # fmt: skip


@pytest.mark.parametrize("call", READERS, ids=" ".join)
def test_looking_takes_an_empty_file_for_damage(
    call: tuple[str, ...], filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    filled.write_bytes(b"")
    assert "the file is empty: the inventory that was in it is lost, or none ever was" in refused(filled, *call)


def test_looking_makes_no_inventory_of_a_database_without_tables(filled: Path) -> None:
    filled.unlink()
    with sqlite3.connect(filled) as plain:
        plain.execute("PRAGMA user_version = 7")
    plain.close()
    assert filled.stat().st_size > 0
    assert "there is no inventory in it" in refused(filled, "list")


@pytest.mark.parametrize(
    "call",
    [("inventory", "add", "{report}"), ("inventory", "import", "{export}"),
     ("inventory", "intake", "--simulate", "rtx-4090", "--no-probe"),
     ("scan", "--simulate", "rtx-4090", "--no-probe", "--save")],
)  # fmt: skip
def test_keeping_cards_begins_an_inventory_in_an_empty_file_and_says_so(
    call: tuple[str, ...], filled: Path, another: str, tmp_path: Path
) -> None:
    export, empty = tmp_path / "all.jsonl", tmp_path / "made-by-mktemp"
    export.write_text("".join(open_store(str(filled)).dump()))
    empty.touch()
    words = [word.format(report=another, export=export) for word in call]
    result = CliRunner().invoke(cli, [*words, "--store", str(empty)])
    assert f"{empty} is an empty file: a new inventory is begun in it." in result.stderr
    assert open_store(str(empty), make=False).items()[1] == 1
    again = CliRunner().invoke(cli, [*words, "--store", str(empty)])
    assert "is begun" not in again.stderr


@pytest.mark.skipif(os.getuid() == 0, reason="root may write what is read-only")
def test_a_read_only_file(filled: Path, another: str) -> None:
    filled.chmod(0o444)
    assert "read-only" in refused(filled, "add", another)


def test_a_read_only_connection(filled: Path, another: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = engine._set_up_sqlite

    def read_only(connection: sqlite3.Connection, record: object) -> None:
        plain(connection, record)
        connection.execute("PRAGMA query_only=ON")

    monkeypatch.setattr(engine, "_set_up_sqlite", read_only)
    assert "read-only" in refused(filled, "add", another)
    assert CliRunner().invoke(cli, ["inventory", "list", "--store", str(filled)]).exit_code == 0


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["inventory", "list", "--store", str(tmp_path)])
    assert result.exit_code == 4
    assert "cannot be opened" in result.stderr


def test_a_server_out_of_reach_is_named_without_its_password() -> None:
    url = "postgresql://shop:s3cret-word@127.0.0.1:1/inventory"
    result = CliRunner().invoke(cli, ["inventory", "list", "--store", url])
    assert result.exit_code == 4
    assert "cannot be reached" in result.stderr
    assert "127.0.0.1" in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize("url", ["mysql://host/x", "postgresql://[::bad", "nonsense://", "sqlite://"])
def test_a_url_that_means_nothing_here(url: str) -> None:
    result = CliRunner().invoke(cli, ["inventory", "list", "--store", url])
    assert result.exit_code == 4, result.output
    assert len(result.stderr.splitlines()) <= 2


def test_the_place_may_come_from_the_environment(tmp_path: Path, another: str) -> None:
    path = tmp_path / "by variable.sqlite"
    done = CliRunner().invoke(cli, ["inventory", "add", another], env={"GPUCHECK_STORE": str(path)})
    assert done.exit_code == 0, done.output
    assert path.exists()


def test_the_users_own_inventory_is_for_nobody_else(tmp_path: Path, another: str) -> None:
    done = CliRunner().invoke(cli, ["inventory", "add", another])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "data" / "gpucheck"
    assert (folder / "inventory.sqlite").is_file()
    assert folder.stat().st_mode & 0o077 == 0


@pytest.fixture
def no_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)


def test_without_psycopg_it_is_said_what_to_install(no_psycopg: None) -> None:
    with pytest.raises(GpucheckError, match="psycopg, which is not installed"):
        open_store("postgresql://host/inventory")
