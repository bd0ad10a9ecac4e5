"""A child process that does one piece of work and sends what it finds as it finds it.

A driver call can hang for good or take its process down, so nothing here ever waits without limit: messages are read
without blocking, half a message is dropped, and a child that survives being killed (it is stuck in the kernel) is left
behind.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import process as process_registry
from typing import Any

Send = Callable[[Any], None]
Work = Callable[[Send], None]

KILL_SECONDS = 2.0
TERMINATE_SECONDS = 0.3

_HEADER = struct.Struct("!Q")
_PR_SET_PDEATHSIG = 1
_UNSAFE_TO_FORK = ("cupy", "pynvml")


@dataclass(frozen=True)
class Garbled:
    """A message that came whole and makes no sense."""

    problem: str


class Child:
    """A running child. ``work`` gets a function that sends any picklable object to ``receive`` on this side."""

    def __init__(self, work: Work) -> None:
        self._socket, theirs = socket.socketpair()
        self._buffer = bytearray()
        self.at_end = False
        """No message will come any more."""
        context = multiprocessing.get_context(start_method())
        self._process = context.Process(target=_run, args=(theirs, work), daemon=True)  # type: ignore[attr-defined]
        try:
            with _without_interrupts():
                self._process.start()
        except BaseException:
            self.kill()
            raise
        finally:
            theirs.close()
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For ``select``: readable where there is something to receive."""
        return self._socket.fileno()

    def receive(self) -> list[Any]:
        """Return the messages that are complete, without waiting; ``Garbled`` stands for one that cannot be read."""
        while not self.at_end:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.at_end = not data
            self._buffer += data
        return list(self._messages())

    def kill(self) -> bool:
        """End the child; False where it cannot be ended and was left behind."""
        self._socket.close()
        self.at_end = True
        if self._process.pid is None:
            return True
        self._process.join(0)
        for end, seconds in ((self._process.terminate, TERMINATE_SECONDS), (self._process.kill, KILL_SECONDS)):
            if self._process.exitcode is None:
                end()
                self._process.join(seconds)
        if self._process.exitcode is None:
            # The interpreter waits for its children when it exits; it would wait for this one for ever.
            process_registry._children.discard(self._process)  # type: ignore[attr-defined] # noqa: SLF001
            return False
        return True

    def obituary(self) -> str:
        """How the process ended, once ``at_end``."""
        self._process.join(KILL_SECONDS)
        code = self._process.exitcode
        if code is None:
            return "it closed its connection and did not end"
        return f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"

    def _messages(self) -> Iterator[Any]:
        while len(self._buffer) >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._buffer)
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield _unpacked(body)


def start_method() -> str:
    """``fork`` where it is quick and safe, else ``spawn``: no driver library loaded, no second thread."""
    forkable = sys.platform == "linux" and threading.active_count() == 1
    return "fork" if forkable and not any(name in sys.modules for name in _UNSAFE_TO_FORK) else "spawn"


def call(function: Callable[[], Any], seconds: float) -> Any:
    """Run ``function`` in a child and return its result.

    Raises ``TimeoutError`` where it takes too long, ``ChildProcessError`` where it fails or dies.
    """
    child = Child(_Answer(function))
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in child.receive():
                return _result(message)
            if child.at_end:
                raise ChildProcessError(child.obituary())
            wait([child], deadline - time.monotonic())
        raise TimeoutError(f"no answer within {seconds:g} s")
    finally:
        child.kill()


def wait(children: list[Child], seconds: float) -> None:
    """Sleep until a child has something to say, or ``seconds`` have passed."""
    import select

    select.select(children, [], [], max(0.0, seconds))


class _Answer:
    """Work that sends one result, or the problem."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __call__(self, send: Send) -> None:
        try:
            result = self.function()
        except Exception as error:  # noqa: BLE001 - it is told to the parent
            send((None, describe(error)))
        else:
            send((result, ""))


def _result(message: Any) -> Any:
    result, problem = (None, message.problem) if isinstance(message, Garbled) else message
    if problem:
        raise ChildProcessError(problem)
    return result


def _unpacked(body: bytes) -> Any:
    try:
        return pickle.loads(body)  # noqa: S301 - the other end is this program
    except Exception as error:  # noqa: BLE001 - a broken pickle raises anything
        return Garbled(f"the answer cannot be read: {describe(error)}")


def describe(error: BaseException) -> str:
    """Name and text of an exception, short."""
    return f"{type(error).__name__}: {error}"[:300]


def _run(connection: socket.socket, work: Work) -> None:
    """Life of a child: deaf to Ctrl-C, mute on the terminal, gone when the parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with_parent()
    _silence()

    def send(message: Any) -> None:
        body = pickle.dumps(message)
        connection.sendall(_HEADER.pack(len(body)) + body)

    with contextlib.suppress(ConnectionError):
        work(send)


def _die_with_parent() -> None:
    """Linux: be killed when the parent dies, even in the middle of a call that does not return."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdout = sys.stderr = open(nowhere, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open as long as the process


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back while a child starts: it inherits that, and cannot be hit before it has gone deaf."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
