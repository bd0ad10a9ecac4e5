"""Taking turns: a lock between processes that its holder's death opens, waited for only so long."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_POLL_SECONDS = 0.02


@contextlib.contextmanager
def lock_file() -> Iterator[str | None]:
    """Make a file to take turns by, and remove it at the end; None where there is no place for one."""
    try:
        number, name = tempfile.mkstemp(prefix="gpucheck-", suffix=".lock")
    except OSError:
        yield None
        return
    os.close(number)
    try:
        yield name
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink()


@contextlib.contextmanager
def turn(name: str | None, seconds: float) -> Iterator[bool]:
    """Hold the lock inside; True where it is one's own, False where it could not be had in so many seconds.

    Without a file nobody else is there, and the turn is one's own.
    """
    if name is None:
        yield True
        return
    try:
        number = os.open(name, os.O_RDWR)
    except OSError:
        yield False
        return
    try:
        yield _taken(number, time.monotonic() + seconds)
    finally:
        os.close(number)  # which gives the lock back


def _taken(number: int, deadline: float) -> bool:
    while not _try(number):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


if sys.platform == "win32":

    def _try(number: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _try(number: int) -> bool:
        import fcntl

        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
