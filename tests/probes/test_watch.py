"""Looking at sensors while something runs."""

import threading

import pytest

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.measured import Telemetry
from gpucheck.probes import watch

HOT = Telemetry(temperature_celsius=71.0)


def test_long_work_is_looked_at_in_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_AFTER_SECONDS", 0.005)
    looked = threading.Event()

    def look() -> Collected[Telemetry]:
        looked.set()
        return HOT

    assert watch.watched(lambda: looked.wait(5), look) == (True, HOT)


def test_short_work_is_looked_at_right_after_by_the_same_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_AFTER_SECONDS", 60)
    threads: list[int] = []

    def look() -> Collected[Telemetry]:
        threads.append(threading.get_ident())
        return HOT

    assert watch.watched(lambda: 7, look) == (7, HOT)
    assert threads == [threading.get_ident()]


def test_sensors_that_fail_cost_nothing_but_themselves() -> None:
    def broken() -> Collected[Telemetry]:
        raise ZeroDivisionError("planted")

    result, seen = watch.watched(lambda: 3, broken)
    assert result == 3
    assert isinstance(seen, Unavailable)
    assert "planted" in seen.detail


def test_sensors_that_never_answer_are_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_AFTER_SECONDS", 0.001)
    monkeypatch.setattr(watch, "_PATIENCE_SECONDS", 0.02)
    release, begun = threading.Event(), threading.Event()

    def stuck() -> Collected[Telemetry]:
        begun.set()
        release.wait(10)
        return HOT

    result, seen = watch.watched(lambda: begun.wait(5), stuck)
    release.set()
    assert result
    assert isinstance(seen, Unavailable)
    assert seen.unavailable is Reason.TIMED_OUT


def test_work_that_fails_leaves_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_AFTER_SECONDS", 60)
    looks: list[int] = []

    def look() -> Collected[Telemetry]:
        looks.append(1)
        return HOT

    def fail() -> None:
        raise ValueError("work")

    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="work"):
        watch.watched(fail, look)
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(5)
    assert looks == []
    assert not any(thread.is_alive() for thread in left)
