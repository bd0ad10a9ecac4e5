"""A client of the resource manager: opens the device nodes, makes the objects that queries go through, frees them.

It sends the queries of ``controls.ALLOWED`` and nothing else. What it makes lives in the driver's memory alone and is
given back whatever happens; closing the control node alone would do it too.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from gpucheck.model.base import Reason, Unavailable
from gpucheck.sources.resource_manager import controls, wire
from gpucheck.sources.resource_manager.controls import Control
from gpucheck.sources.resource_manager.wire import Parameters

_RETRIES = 20
"""Of a request that a signal interrupted."""
_INTERRUPTED = frozenset({errno.EINTR, errno.EAGAIN})


class RefusedError(Exception):
    """The driver or the system did not answer; ``reason`` is what goes into the evidence."""

    def __init__(self, reason: Unavailable, status: int = wire.OK) -> None:
        super().__init__(reason.detail)
        self.reason = reason
        self.status = status


class NotAllowedError(ValueError):
    """Somebody tried to send what is no query of the list."""


class Transport(Protocol):
    """What the client needs of an operating system; tests put a kernel of their own in its place."""

    def open(self, path: str) -> int:
        """Open a device node for reading and writing. Raises ``OSError``."""

    def ioctl(self, handle: int, request: int, argument: bytearray) -> None:
        """Send a request; the reply comes in ``argument``. Raises ``OSError``."""

    def close(self, handle: int) -> None:
        """Close a node. Raises ``OSError``."""


class SystemTransport:
    """The real kernel."""

    def open(self, path: str) -> int:
        """Open a node. It is not handed on to programs that this one starts."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def ioctl(self, handle: int, request: int, argument: bytearray) -> None:
        """Send a request."""
        import fcntl

        fcntl.ioctl(handle, request, argument, True)

    def close(self, handle: int) -> None:
        """Close a node."""
        os.close(handle)


class Client:
    """A connection to one card. Use it as a context manager: what it opened and made is given back at the end."""

    def __init__(self, transport: Transport, branch: int | None) -> None:
        self._transport = transport
        self._branch = branch
        self._nodes: list[int] = []
        self._objects: list[tuple[int, int]] = []
        self._target = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give back every object, the youngest first, and close every node. Never raises for what a driver says."""
        while self._objects:
            parent, handle = self._objects.pop()
            root = self._objects[0][1] if self._objects else handle
            with suppress(RefusedError):
                self._send(wire.FREE, wire.free(root, parent, handle), "freeing an object")
        while self._nodes:
            with suppress(OSError):
                self._transport.close(self._nodes.pop())

    def connect(self, folder: str, minor: int, bdf: str) -> None:
        """Reach the card at ``bdf``, whose node is ``nvidia<minor>``. Raises ``RefusedError``."""
        self._nodes.append(self._opened(str(Path(folder) / "nvidiactl")))
        self._target = root = self._made(0, 0, wire.ROOT_CLIENT, None)
        card = self._opened(str(Path(folder) / f"nvidia{minor}"))
        self._nodes.append(card)
        self._send(wire.REGISTER, wire.register(self._nodes[0]), "registering the card's node", card)
        device, subdevice = self._numbers(bdf)
        parent = self._made(root, root, wire.DEVICE, wire.device_parameters(device))
        self._target = self._made(root, parent, wire.SUBDEVICE, wire.subdevice_parameters(subdevice))

    def ask(self, control: Control, question: bytes = b"") -> bytes:
        """Send one query and return the parameters as the driver left them.

        Raises ``RefusedError`` where there is no answer, ``NotAllowedError`` for anything that is not on the list.
        """
        if control not in controls.ALLOWED or (any(question) and not control.takes_input):
            raise NotAllowedError(f"{control.name} (0x{control.command:x}) is no query that may be sent so")
        if self._branch is not None and self._branch < control.first_branch:
            detail = f"{control.name}: drivers before branch {control.first_branch} have no such query"
            raise RefusedError(Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=detail))
        first: RefusedError | None = None
        for size in control.layouts(self._branch):
            try:
                return self._asked(control, question.ljust(size, b"\0"))
            except RefusedError as refused:
                first = first or refused
                if refused.status not in wire.LAYOUT_REFUSED:
                    raise
        raise first or RefusedError(wire.refusal(0x3A, control.name))

    def _asked(self, control: Control, question: bytes) -> bytes:
        held = Parameters.of(question)
        root = self._objects[0][1]
        reply = self._send(wire.CONTROL, wire.control(root, self._target, control.command, held), control.name)
        status = wire.controlled(reply)
        if status != wire.OK:
            raise RefusedError(wire.refusal(status, control.name), status)
        return held.content

    def _numbers(self, bdf: str) -> tuple[int, int]:
        """Number of the card's device and subdevice, by its address: the node's number may be another."""
        ids = memoryview(self.ask(controls.ATTACHED_IDS)).cast("I")
        for card in ids:
            if card != 0xFFFFFFFF and self._address(card) == bdf:
                told = memoryview(self.ask(controls.CARD_NUMBERS, card.to_bytes(4, "little"))).cast("I")
                return int(told[2]), int(told[3])
        detail = "the resource manager does not list this card"
        raise RefusedError(Unavailable(unavailable=Reason.FAILED, detail=detail))

    def _address(self, card: int) -> str:
        try:
            told = self.ask(controls.CARD_ADDRESS, card.to_bytes(4, "little"))
        except RefusedError:
            return ""
        domain, place = int.from_bytes(told[4:8], "little"), told[8:12]
        bus, slot = int.from_bytes(place[:2], "little"), int.from_bytes(place[2:], "little")
        return f"{domain:04x}:{bus:02x}:{slot:02x}.0"

    def _made(self, root: int, parent: int, kind: int, parameters: Parameters | None) -> int:
        what = f"making an object of class 0x{kind:x}"
        handle, status = wire.allocated(self._send(wire.ALLOCATE, wire.allocate(root, parent, kind, parameters), what))
        if status != wire.OK or not handle:
            raise RefusedError(wire.refusal(status or 0xFFFF, what), status)
        self._objects.append((parent, handle))
        return handle

    def _opened(self, path: str) -> int:
        try:
            return self._transport.open(path)
        except FileNotFoundError as error:
            detail = f"there is no {path}: the driver is not loaded, or this container was not given it"
            raise RefusedError(Unavailable(unavailable=Reason.NOT_INSTALLED, detail=detail)) from error
        except OSError as error:
            raise RefusedError(wire.failure(error, path)) from error

    def _send(self, escape: int, argument: bytearray, what: str, node: int | None = None) -> bytes:
        request = wire.request_number(escape, len(argument))
        for attempt in range(_RETRIES):
            try:
                self._transport.ioctl(self._nodes[0] if node is None else node, request, argument)
            except OSError as error:
                if error.errno in _INTERRUPTED and attempt < _RETRIES - 1:
                    continue
                raise RefusedError(wire.failure(error, what)) from error
            break
        return bytes(argument)
