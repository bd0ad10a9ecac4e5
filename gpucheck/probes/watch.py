"""Looking at the card's sensors while something runs on it.

A launch does not return before it has ended, so a timer's thread looks in the middle of it. What ends sooner is looked
at right after, in this thread: then the reading is of the card as the work left it.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.measured import Telemetry

T = TypeVar("T")

LOOK_AFTER_SECONDS = 0.03
"""Into the work: clocks and link have risen, and work of 0.1 s still goes on."""
_PATIENCE_SECONDS = 5.0

Look = Callable[[], Collected[Telemetry]]


def look(telemetry: Look) -> Collected[Telemetry]:
    """Read the sensors; whatever goes wrong is an absence with its reason."""
    try:
        return telemetry()
    except Exception as error:  # noqa: BLE001 - sensors must not cost the experiment
        return Unavailable(unavailable=Reason.FAILED, detail=f"{type(error).__name__}: {error}"[:300])


def watched(run: Callable[[], T], telemetry: Look) -> tuple[T, Collected[Telemetry]]:
    """Do some work and look at the sensors in the middle of it. Return what the work returned, and the reading."""
    seen: list[Collected[Telemetry]] = []
    timer = threading.Timer(LOOK_AFTER_SECONDS, lambda: seen.append(look(telemetry)))
    timer.daemon = True
    timer.start()
    try:
        result = run()
    finally:
        timer.cancel()
        timer.join(_PATIENCE_SECONDS)
    if timer.is_alive():
        return result, Unavailable(unavailable=Reason.TIMED_OUT, detail="the sensors gave no answer within 5 s")
    return result, seen[0] if seen else look(telemetry)
