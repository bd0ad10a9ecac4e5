"""Progress goes to stderr: overwritten on a terminal, plain lines where asked, else nothing."""

import io

import pytest

from gpucheck.cli.progress import Progress
from gpucheck.model.base import Reason, Unavailable
from gpucheck.watchdog import Event

EVENTS = (
    Event("card\x1b[2J", "memory_walk", 0.0),
    Event("card\x1b[2J", "memory_walk", 0.42),
    Event("card\x1b[2J", "memory_walk", 1.0, Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer")),
)


class Stream(io.StringIO):
    """A stderr that may be a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, verbose: bool) -> str:
    """What a run leaves on stderr."""
    stream = Stream(terminal)
    monkeypatch.setattr("sys.stderr", stream)
    with Progress(verbose=verbose) as progress:
        for event in EVENTS:
            progress(event)
    return stream.getvalue()


def test_a_terminal_gets_one_line_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, terminal=True, verbose=False)
    assert "memory walk 42 %" in text
    assert text.endswith("\r\x1b[K")
    assert "\n" not in text
    assert "\x1b[2J" not in text


def test_a_line_is_never_wider_than_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(True)
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("COLUMNS", "40")
    Progress()(Event("rtx-4090-48gb-forged at 0000:01:00.0", "memory_walk", 0.42))
    assert stream.getvalue() == "\r\x1b[K" + "rtx-4090-48gb-forged at 0000:01:00.0: m"


def test_a_stage_is_called_as_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(True)
    monkeypatch.setattr("sys.stderr", stream)
    Progress()(Event("card", "slab_map", 0.42))
    assert "card: map of memory rates 42 %" in stream.getvalue()


def test_which_stage_of_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(True)
    monkeypatch.setattr("sys.stderr", stream)
    event = Event("card", "memory_walk", 0.42, number=9, of=13)
    Progress(verbose=False)(event)
    assert "card: 9 of 13, memory walk 42 %" in stream.getvalue()
    Progress(verbose=True)(Event("card", "memory_walk", 0.0, number=9, of=13))
    assert stream.getvalue().endswith("card: 9 of 13, memory_walk ...\n")


def test_how_many_of_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(True)
    monkeypatch.setattr("sys.stderr", stream)
    with Progress() as progress:
        for number in (1, 2):
            progress.count("cards judged", number, 2)
    assert stream.getvalue() == "\r\x1b[Kcards judged: 1 of 2\r\x1b[Kcards judged: 2 of 2\r\x1b[K"


def test_a_pipe_is_told_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(False)
    monkeypatch.setattr("sys.stderr", stream)
    with Progress() as progress:
        progress.count("cards judged", 1, 2)
    assert stream.getvalue() == ""


def test_a_pipe_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, terminal=False, verbose=False) == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_verbose_gets_plain_lines(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, terminal=terminal, verbose=True)
    assert text.splitlines() == ["card [2J: memory_walk ...", "card [2J: memory_walk: timed out (no answer)"]
