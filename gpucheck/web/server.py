"""Listens, and serves the pages until it is interrupted."""

import contextlib
import errno
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import waitress

from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise

THREADS = 4
_LARGEST_REQUEST_BYTES = 1 << 16
"""Nothing is ever sent to these pages but an address and some headers."""
_HINTS = {
    errno.EADDRINUSE: ("something listens there already", "Choose another port: --port 0 takes any free one."),
    errno.EACCES: ("no permission for this port", "Choose a port from 1024 on: --port 8417."),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "Leave out --host, or name an address of this machine."),
}


class CannotListenError(GpucheckError):
    """The address cannot be listened on."""


class Address(NamedTuple):
    """Where to listen, found by its name."""

    family: socket.AddressFamily
    place: tuple[Any, ...]

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(str(self.place[0]).partition("%")[0]).is_loopback

    @property
    def host(self) -> str:
        """As it stands in a URL."""
        text = str(self.place[0])
        return f"[{text}]" if self.family == socket.AF_INET6 else text


def find(host: str, port: int) -> Address:
    """The address of a name. Raises ``CannotListenError``."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise CannotListenError(
            f"there is no host {sanitise(host, 100)}.", "Leave out --host, or correct it."
        ) from error
    return Address(family, place)


def serve(app: Callable[..., Any], address: Address, ready: Callable[[int], object]) -> None:
    """Serve until Ctrl-C or SIGTERM. ``ready`` is called with the port once connections are taken.

    Raises ``CannotListenError``.
    """
    logging.getLogger("waitress").setLevel(logging.ERROR)
    with contextlib.closing(_listening(address)) as bound, _ended_by_sigterm():
        server = waitress.create_server(
            app,
            sockets=[bound],
            threads=THREADS,
            ident="gpucheck",
            max_request_body_size=_LARGEST_REQUEST_BYTES,
            max_request_header_size=_LARGEST_REQUEST_BYTES,
        )
        try:
            ready(bound.getsockname()[1])
            server.run()
        finally:
            server.task_dispatcher.shutdown()
            server.close()


def _listening(address: Address) -> socket.socket:
    bound = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere the option would let two programs have one port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address.place)
        bound.listen()
    except OSError as error:
        bound.close()
        why, hint = _HINTS.get(error.errno or 0, (error.strerror or str(error), ""))
        raise CannotListenError(f"{address.host}:{address.place[1]} cannot be listened on: {why}.", hint) from error
    return bound


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C meanwhile."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
