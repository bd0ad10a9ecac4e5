"""The formats for machines at the command line: by option or by the file's name, for scan, assess and render alike."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from prometheus_client.parser import text_string_to_metric_families

from gpucheck.cli.app import cli
from gpucheck.cli.options import FORMATS
from gpucheck.cli.output import SUFFIXES, chosen_format
from gpucheck.cli.scan import RENDERERS
from gpucheck.render.document import render_evidence, render_json
from tests.builders import forged_card, make_card, make_evidence, make_report
from tests.render.samples import HOSTILE, hostile_card


def cards_of_junit(text: str) -> int:
    return len(ET.fromstring(text).findall("testsuite"))


def cards_of_sarif(text: str) -> int:
    return len(json.loads(text)["runs"][0]["logicalLocations"])


def cards_of_csv(text: str) -> int:
    return len(list(csv.DictReader(io.StringIO(text))))


def cards_of_prometheus(text: str) -> int:
    return sum(len(f.samples) for f in text_string_to_metric_families(text) if f.name == "gpucheck_card_info")


READERS: dict[str, Callable[[str], int]] = {
    "junit": cards_of_junit,
    "sarif": cards_of_sarif,
    "csv": cards_of_csv,
    "prometheus": cards_of_prometheus,
}
"""Format to a reader that counts its cards."""


def run(*arguments: str) -> Result:
    """Run ``gpucheck``."""
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(render_json(make_report(make_card(), forged_card())))
    return path


@pytest.mark.parametrize("name", READERS)
def test_render(name: str, saved: Path) -> None:
    result = run("render", str(saved), "--format", name)
    assert (result.exit_code, result.stderr) == (13, "")
    assert READERS[name](result.stdout) == 2


@pytest.mark.parametrize("name", READERS)
def test_assess_of_several_files(name: str, tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        file.write_text(render_evidence([make_evidence()]))
    result = run("assess", *map(str, files), "--format", name)
    assert result.exit_code == 0
    assert READERS[name](result.stdout) == 2


@pytest.mark.parametrize("name", READERS)
def test_scan_of_simulated_cards(name: str) -> None:
    both = ("--simulate", "rtx-4090", "--simulate", "rtx-4090-48gb-forged")
    result = run("scan", "--no-probe", *both, "--format", name)
    assert READERS[name](result.stdout) == 2
    assert "simulated" in result.stdout.lower()


@pytest.mark.parametrize("name", READERS)
def test_a_file_is_chosen_by_its_name_and_replaces_what_was_there(name: str, saved: Path, tmp_path: Path) -> None:
    for end in (end for end, each in SUFFIXES.items() if each == name):
        target = tmp_path / f"Result{end.upper()}"
        target.write_text("what was there before " * 50_000)
        result = run("render", str(saved), "-o", str(target))
        assert (result.exit_code, result.stdout) == (13, "")
        assert READERS[name](target.read_bytes().decode()) == 2


@pytest.mark.parametrize("name", READERS)
def test_the_file_holds_what_stdout_shows(name: str, saved: Path, tmp_path: Path) -> None:
    target = tmp_path / "result"
    run("render", str(saved), "--format", name, "-o", str(target))
    assert target.read_bytes() == run("render", str(saved), "--format", name, "-o", "-").stdout_bytes


@pytest.mark.parametrize("name", READERS)
def test_an_asked_format_goes_before_the_files_name(name: str, saved: Path, tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    run("render", str(saved), "--format", name, "-o", str(target))
    assert READERS[name](target.read_bytes().decode()) == 2


@pytest.mark.parametrize(
    ("target", "expected"),
    [("a.sarif", "sarif"), ("a.sarif.json", "sarif"), ("a.json", "json"), ("a.XML", "junit"), ("xml", "terminal")],
)
def test_ends_of_names(target: str, expected: str) -> None:
    assert chosen_format(None, target) == expected


def test_every_format_is_known_everywhere() -> None:
    assert set(RENDERERS) | {"terminal"} == set(FORMATS)
    assert set(SUFFIXES.values()) == set(FORMATS) - {"terminal"}
    for command in ("scan", "assess", "render"):
        text = " ".join(run(command, "--help").stdout.split())
        assert all(each in text for each in (*FORMATS, ".xml", ".sarif", ".csv", ".prom"))


def test_an_unknown_format_is_a_wrong_call_that_names_them_all(saved: Path) -> None:
    result = run("render", str(saved), "--format", "yaml")
    assert result.exit_code == 2
    assert all(name in result.stderr for name in FORMATS)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_stdout_is_the_same_whatever_its_encoding_and_has_no_colour(name: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(render_json(make_report(make_card(evidence=make_evidence(label="Zürich 名 \u201cA\u201d")))))
    call = [sys.executable, "-m", "gpucheck", "render", str(path), "--format", name]
    variables = os.environ | {"PYTHONIOENCODING": encoding, "NO_COLOR": "1", "TERM": "xterm"}
    done = subprocess.run(call, capture_output=True, env=variables, check=True)
    target = tmp_path / "result"
    run("render", str(path), "--format", name, "-o", str(target))
    assert done.stdout == target.read_bytes()
    assert b"\x1b" not in done.stdout
    assert READERS[name](done.stdout.decode("utf-8")) == 1


@pytest.mark.parametrize("name", READERS)
def test_hostile_text_reaches_no_terminal(name: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    texts = [text for text in HOSTILE if "\ud800" not in text]
    path.write_text(render_json(make_report(*(hostile_card(text) for text in texts))))
    text = run("render", str(path), "--format", name).stdout
    assert all(line.isprintable() for line in text.replace("\r\n", "\n").split("\n"))
    assert READERS[name](text) == len(texts)


@pytest.mark.parametrize("name", READERS)
def test_a_report_without_cards_is_nothing_examined(name: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(render_json(make_report().model_copy(update={"cards": ()})))
    result = run("render", str(path), "--format", name)
    assert result.exit_code == 3
    assert result.stdout


def test_only_the_wanted_renderer_is_loaded(saved: Path) -> None:
    code = (
        "import sys\nfrom gpucheck.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([m for m in sys.modules if m in sys.argv[1].split(',')], file=sys.stderr)"
    )
    others = "gpucheck.render.junit,gpucheck.render.sarif,gpucheck.render.csv_table,xml.etree.ElementTree"
    call = [sys.executable, "-c", code.replace("sys.argv[1]", repr(others)), "render", str(saved)]
    done = subprocess.run([*call, "--format", "prometheus"], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
