"""The README's way through the inventory, as it is written there."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import pypdfium2
import pytest
from click.testing import CliRunner

from gpucheck.cli.app import cli
from gpucheck.resources import data_root

README = Path(__file__).resolve().parents[2] / "README.md"
EDITED = Path("mine") / "ada" / "ad102.toml"


def steps() -> list[list[str]]:
    """The commands of the block that takes in forty simulated cards, each as its words."""
    text = README.read_text(encoding="utf-8")
    (block,) = (each for each in re.findall(r"```console\n(.*?)```", text, re.DOTALL) if "37:rtx-4090" in each)
    return [shlex.split(line, comments=True) for line in block.replace("\\\n", "").split("$ ") if line.strip()]


def test_the_path_works_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(data_root() / "profiles", "profiles")
    told = {}
    for program, *words in steps():
        if program == "cp":
            assert words == ["-r", "profiles", "mine"]
            shutil.copytree("profiles", "mine")
            change_the_rtx_4090()
        elif words[:2] != ["inventory", "serve"]:
            result = CliRunner().invoke(cli, words)
            assert result.exit_code == (13 if "intake" in words else 0), result.output
            told[" ".join(words[1:])] = result.stdout
    forged = {"38": "memory size forged", "39": "another model sold as this", "40": "memory altered"}
    taken_in = next(text for call, text in told.items() if call.startswith("intake"))
    assert taken_in.splitlines()[-1] == "40 cards: 37 authentic, 1 modified, 2 counterfeit; 40 new."
    found = " ".join(told["list --verdict counterfeit"].split())
    assert all(what in found for what in list(forged.values())[:2])
    assert "Item 38: SIMULATED GeForce RTX 4090" in told["show 38"]
    for name, count in (("labels.pdf", 40), ("forged.pdf", 3)):
        document = pypdfium2.PdfDocument(name)
        assert len(document) == count
        document.close()
    with Path("inventory.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["item"] for row in rows if row["verdict"] != "authentic"} == set(forged)
    assert "40 intakes of 40 items judged" in told["reassess"]
    assert "no verdict changed" in told["reassess"]
    changed = told["reassess --profiles mine"]
    assert "Item 1, intake #1: authentic, good -> " in changed
    assert "no verdict changed" not in changed


def change_the_rtx_4090() -> None:
    head, name, rest = EDITED.read_text(encoding="utf-8").partition('id = "geforce-rtx-4090"\n')
    EDITED.write_text(head + name + rest.replace("sm_counts = [128]", "sm_counts = [126]", 1), encoding="utf-8")
