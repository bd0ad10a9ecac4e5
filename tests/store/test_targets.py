"""No result is written over the inventory that the call uses, by whatever name it goes."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.store.store import open_store
from tests.store.given import A, visit

WRITERS = (
    ("inventory", "export", "-o"),
    ("inventory", "export", "--format", "csv", "-o"),
    ("inventory", "labels", "1", "-o"),
    ("inventory", "show", "1", "-o"),
    ("inventory", "show", "1", "--report", "-o"),
    ("inventory", "intake", "--simulate", "rtx-4090", "--labels"),
    ("scan", "--simulate", "rtx-4090", "--save", "-o"),
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of one card, and no time for a scan."""
    monkeypatch.setattr("gpucheck.watchdog.collect_all", lambda *_, **__: pytest.fail("the scan ran"))
    path = tmp_path / "shop.sqlite"
    open_store(str(path)).add(visit(0, **A))
    return path


def refused(result: Result, target: Path, store: Path, content: bytes) -> None:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert f"{target} is read and must not be written over." in result.stderr
    assert "Name another file after -" in result.stderr
    assert store.read_bytes() == content


@pytest.mark.parametrize("call", WRITERS, ids=" ".join)
@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_the_inventory_is_not_written_over(call: tuple[str, ...], link: object, filled: Path, tmp_path: Path) -> None:
    target, content = filled, filled.read_bytes()
    if callable(link):
        target = tmp_path / "other.name"
        link(filled, target)
    refused(run(*call, str(target), "--store", str(filled)), target, filled, content)


@pytest.mark.parametrize("call", WRITERS, ids=" ".join)
def test_nor_one_that_is_named_otherwise(call: tuple[str, ...], filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = filled.read_bytes()
    monkeypatch.setenv("GPUCHECK_STORE", f"sqlite:///{filled}")
    refused(run(*call, str(filled)), filled, filled, content)


def test_nor_the_users_own(tmp_path: Path) -> None:
    own = tmp_path / "data" / "gpucheck" / "inventory.sqlite"
    open_store().add(visit(0, **A))
    refused(run("inventory", "export", "-o", str(own)), own, own, own.read_bytes())


@pytest.mark.parametrize("call", WRITERS[-2:], ids=" ".join)
def test_nor_one_that_is_yet_to_be_made(call: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpucheck.watchdog.collect_all", lambda *_, **__: pytest.fail("the scan ran"))
    (tmp_path / "folder").symlink_to(tmp_path)
    new = tmp_path / "new.sqlite"
    result = run(*call, str(tmp_path / "folder" / "new.sqlite"), "--store", str(new))
    assert result.exit_code == 2, result.output
    assert not new.exists()


def test_nor_the_journal_that_mends_it(filled: Path) -> None:
    result = run("inventory", "export", "-o", f"{filled}-journal", "--store", str(filled))
    assert result.exit_code == 2, result.output


@pytest.mark.parametrize("command", [("scan", "-o"), ("collect", "-o"), ("inventory", "intake", "--labels")])
def test_nor_the_rom_that_is_read(command: tuple[str, ...], filled: Path, tmp_path: Path) -> None:
    rom = tmp_path / "rom.bin"
    rom.write_bytes(b"\x55\xaa")
    result = run(*command, str(rom), "--simulate", "rtx-4090", "--vbios", str(rom))
    assert result.exit_code == 2, result.output
    assert rom.read_bytes() == b"\x55\xaa"


@pytest.mark.parametrize(
    "call", [("scan", "--simulate", "rtx-4090", "-o"), ("collect", "--simulate", "rtx-4090", "-o")]
)
def test_nor_an_inventory_that_the_call_does_not_use(call: tuple[str, ...], filled: Path) -> None:
    content = filled.read_bytes()
    result = run(*call, str(filled))
    assert result.exit_code == 2, result.output
    assert f"{filled} is a database, as an inventory is." in result.stderr
    assert filled.read_bytes() == content
