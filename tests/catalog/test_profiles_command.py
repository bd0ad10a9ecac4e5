"""``gpucheck profiles``, as a person calls it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["profiles", *arguments])


@pytest.mark.parametrize("card", ["geforce-rtx-4090", "RTX 4090", "0x2684", "10de:2684", "2684", "4090"])
def test_show_takes_an_id_a_name_or_a_device_id(card: str) -> None:
    result = run("show", card)
    assert result.exit_code == 0
    assert result.stdout.startswith("GeForce RTX 4090  (geforce-rtx-4090)\n")
    assert "24576 MiB GDDR6X, 384 bit, 1,008.0 GB/s" in result.stdout
    assert "L2 cache       72 MiB" in result.stdout
    assert "rtx-4090-48gb" in result.stdout
    assert "pci.ids 2026-08-22" in result.stdout


def test_a_number_is_a_name_before_it_is_a_device_id() -> None:
    # 0x1080 is a GTX 580.
    assert "GeForce GTX 1080 " in run("show", "1080").stdout
    assert "GeForce GTX 580 " in run("show", "0x1080").stdout


def test_show_as_json() -> None:
    (profile,) = json.loads(run("show", "4090", "--json").stdout)
    assert profile["id"] == "geforce-rtx-4090"
    assert profile["die"]["name"] == "AD102"


@pytest.mark.parametrize("card", ["rtx 9999", "0xffff", "2681"])
def test_show_of_something_unknown(card: str) -> None:
    result = run("show", card)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "gpucheck: " in result.stderr


def test_list_finds_words() -> None:
    result = run("list", "ada", "4090")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("geforce-rtx-4090 ")
    assert lines[0].endswith(" 2684")
    assert {row["die"] for row in json.loads(run("list", "ad102", "--json").stdout)} == {"AD102"}


def test_validate() -> None:
    result = run("validate")
    assert (result.exit_code, result.stdout) == (0, "")


def test_validate_tells_problems_on_one_line_each(tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[31m.toml"
    bad.write_text("[[sku]]\nid = ", encoding="utf-8")
    result = run("validate", str(bad), str(tmp_path / "missing.toml"))
    assert result.exit_code == 3
    assert len(result.stdout.splitlines()) == 2
    assert "\x1b" not in result.stdout
    assert "Traceback" not in result.output


def test_usage() -> None:
    assert run("show").exit_code == 2
    assert run("validate", "--nonsense").exit_code == 2
