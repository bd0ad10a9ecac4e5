"""Showing saved reports, and the manual."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.checks import ALL_CHECKS
from gpucheck.cli.app import cli
from gpucheck.model.canonical import digest
from gpucheck.render.document import load_report, render_evidence, render_json
from gpucheck.render.manual import parts
from tests.builders import forged_card, make_card, make_evidence, make_report

REPORT = make_report(make_card(), forged_card())


def run(*arguments: str) -> Result:
    """Run ``gpucheck``."""
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(render_json(REPORT))
    return path


def test_render_shows_the_report_as_it_was_judged(saved: Path) -> None:
    result = run("render", str(saved))
    assert result.exit_code == 13
    assert result.stdout.startswith("2 cards: 1 authentic, 1 counterfeit\n")
    assert "as the file states it" in " ".join(result.stdout.split())


def test_render_of_what_a_seller_printed_names_the_command_that_judges_it(tmp_path: Path) -> None:
    printed = tmp_path / "seller.txt"
    printed.write_text("==============NVSMI LOG==============\n")
    result = run("render", str(printed))
    assert result.exit_code == 3
    assert "is no report" in result.stderr
    assert "`gpucheck assess`" in result.stderr


def test_render_as_json_changes_nothing(saved: Path) -> None:
    assert load_report(run("render", str(saved), "--format", "json").stdout) == REPORT


def test_render_as_html_holds_the_digest_of_the_file(saved: Path) -> None:
    result = run("render", str(saved), "--format", "html")
    assert result.exit_code == 13
    assert result.stdout.startswith("<!DOCTYPE html>\n")
    assert digest(REPORT) in result.stdout
    assert "as the file states it" in result.stdout
    assert "has 12, all on the die&#39;s side of the board" in result.stdout


@pytest.mark.parametrize("profile", ["", "no-such-profile", "../../etc/passwd", "名"])
def test_render_as_html_of_a_model_that_is_not_known_here(saved: Path, profile: str) -> None:
    content = json.loads(saved.read_text())
    content["cards"][0]["match"]["profile"] = profile
    saved.write_text(json.dumps(content))
    result = run("render", str(saved), "-o", str(saved.with_suffix(".html")))
    assert result.exit_code == 13
    assert "Traces of work" in saved.with_suffix(".html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["vbios", "attest"])
def test_commands_without_a_page_refuse_one(saved: Path, command: str) -> None:
    page = saved.with_suffix(".html")
    assert run(command, str(saved), "-o", str(page)).exit_code == 2
    assert run(command, str(saved), "--format", "html").exit_code == 2
    assert not page.exists()


def test_render_refuses_what_is_newer(saved: Path) -> None:
    saved.write_text(json.dumps(json.loads(saved.read_text()) | {"schema_version": 99}))
    result = run("render", str(saved))
    assert result.exit_code == 3
    assert "schema version 99" in result.stderr


def test_render_refuses_evidence(saved: Path) -> None:
    saved.write_text(render_evidence([make_evidence()]))
    assert "gpucheck assess" in run("render", str(saved)).stderr


def test_render_of_nothing(tmp_path: Path) -> None:
    assert run("render", str(tmp_path / "missing")).exit_code == 3
    assert run("render", str(tmp_path)).exit_code == 3


def test_explain_lists_every_check() -> None:
    text = run("explain").stdout
    assert all(check.id in text for check in ALL_CHECKS)


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.id)
def test_every_manual_has_all_its_parts_and_fits(check: object) -> None:
    identity = getattr(check, "id", "")
    text = run("explain", identity).stdout
    headings = ("Why it matters", "How it can be fooled", "A failure does not mean", "References")
    assert all(heading in text for heading in headings)
    assert all(len(line) <= 80 for line in text.splitlines())


def test_an_unknown_check_is_a_wrong_call_with_a_guess() -> None:
    result = run("explain", "memory-sise")
    assert result.exit_code == 2
    assert "memory-size" in result.stderr


def test_parts_join_wrapped_lines() -> None:
    manual = "Summary\nof it.\n\nWhy it matters: because\nit does.\nReferences: none."
    assert parts(manual)[1:] == [("Why it matters", "because it does."), ("References", "none.")]
