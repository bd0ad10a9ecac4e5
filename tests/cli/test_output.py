"""Results appear whole or not at all."""

import io
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpucheck.cli import output
from gpucheck.cli.app import cli
from gpucheck.cli.errors import CallError, CliError
from gpucheck.cli.options import PLAIN_FORMATS
from gpucheck.cli.scan import deliver
from tests.builders import forged_card, make_card, make_report


def test_a_file_is_written_whole_with_the_mode_of_a_new_file(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    umask = os.umask(0o027)
    try:
        output.write("ä\n", str(target))
    finally:
        os.umask(umask)
    assert target.read_bytes() == "ä\n".encode()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_writer_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")

    def fail(_handle: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CliError if isinstance(error, OSError) else KeyboardInterrupt):
        output.write("new", str(target))
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    output.write("new", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    output.write("x", os.devnull)
    assert not Path(os.devnull).is_file()


def test_a_missing_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="folder does not exist"):
        output.check_target(str(tmp_path / "no" / "report.json"))


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(CliError, match="reports is a file"):
        output.check_target(str(tmp_path / "reports" / "2026" / "report.json"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="is a folder"):
        output.check_target(str(tmp_path))


@pytest.mark.parametrize("name", ["r.pdf", "R.DOCX", "r.xlsx"])
def test_a_name_that_another_program_would_open_is_refused_before_the_scan(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucheck.watchdog.collect_all", lambda *_, **__: pytest.fail("the scan ran"))
    result = CliRunner().invoke(cli, ["scan", "--simulate", "rtx-4090", "-o", str(tmp_path / name)])
    assert result.exit_code == 2, result.output
    assert "Name a file that ends in .html" in result.stderr
    assert not (tmp_path / name).exists()
    assert output.chosen_format("json", name) == "json"


@pytest.mark.parametrize("target", [None, "-"])
def test_stdout_needs_no_check(target: str | None) -> None:
    output.check_target(target)


@pytest.mark.parametrize(
    ("asked", "target", "expected"),
    [
        (None, None, "terminal"),
        (None, "-", "terminal"),
        (None, "r.JSON", "json"),
        (None, "r.txt", "terminal"),
        (None, "r.html", "html"),
        (None, "R.HTM", "html"),
        ("json", "r.html", "json"),
        ("terminal", "r.json", "terminal"),
        ("json", None, "json"),
    ],
)
def test_the_format_follows_the_name(asked: str | None, target: str | None, expected: str) -> None:
    assert output.chosen_format(asked, target) == expected


def test_what_has_no_page_is_not_written_into_one() -> None:
    with pytest.raises(CallError, match="writes no html"):
        output.chosen_format(None, "rom.html", PLAIN_FORMATS)
    assert output.chosen_format("terminal", "rom.html", PLAIN_FORMATS) == "terminal"
    assert output.chosen_format(None, "rom.json", PLAIN_FORMATS) == "json"


def test_a_file_gets_plain_text_of_80_columns() -> None:
    look = output.look_of("report.txt")
    assert (look.width, look.colour, look.unicode) == (80, False, True)


class Terminal:
    """A stdout that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_at_a_terminal(variables: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Terminal())
    look = output.look_of(None)
    assert (look.colour, look.width) == (colour, output.WIDEST)


@pytest.mark.parametrize("terminal", [True, False])
def test_who_looks_on_is_told_the_answer_where_the_report_goes_into_a_file(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", stream)
    target = str(tmp_path / "report.json")
    assert deliver(make_report(make_card(), *[forged_card()] * 8), None, target) == 13
    told = stream.getvalue().splitlines()
    if not terminal:
        assert told == []
        return
    assert told[:3] == [
        f"{target} written.",
        "GeForce RTX 4090: AUTHENTIC",
        "GeForce RTX 4090: COUNTERFEIT (memory size forged)",
    ]
    assert told[-1] == "and 1 more: `gpucheck render` shows a report in JSON."
