"""Turns between processes: one at a time, opened by death, and never waited for without end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpucheck import turns

ROOT = Path(__file__).resolve().parents[1]
HOLDER = """
import sys, time
from gpucheck import turns
with turns.turn(sys.argv[1], 10) as mine:
    print(mine, flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(name: str, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLDER, name, str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "True\n"
    return process


def test_nobody_else() -> None:
    with turns.turn(None, 0) as alone:
        assert alone


def test_one_after_the_other() -> None:
    with turns.lock_file() as name:
        assert name
        process = holder(name, 0.3)
        with turns.turn(name, 0.02) as early:
            assert not early
        started = time.monotonic()
        with turns.turn(name, 10) as mine:
            assert mine
        assert time.monotonic() - started < 5
        process.communicate(timeout=10)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_dead_holder_holds_nothing() -> None:
    with turns.lock_file() as name:
        assert name
        process = holder(name, 600)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        with turns.turn(name, 5) as mine:
            assert mine


def test_the_file_is_gone_afterwards_and_then_there_is_no_turn() -> None:
    with turns.lock_file() as name:
        assert name
        assert Path(name).exists()
    assert not Path(name).exists()
    with turns.turn(name, 0) as mine:
        assert not mine


def test_no_place_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with turns.lock_file() as name:
        assert name is None
