"""Failures of the inventory in a person's words. Whatever the cause, the transaction that met it left nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise

_UNTOUCHED = "Nothing was changed."
_SQLITE = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Make room, then do it again."),
    sqlite3.SQLITE_READONLY: ("it is read-only", "Get permission to write to the file and its folder, or use --store."),
    sqlite3.SQLITE_PERM: ("no permission", "Get permission for the file and its folder, or name another with --store."),
    sqlite3.SQLITE_BUSY: ("another program holds it locked", "Wait until that one is done, then do it again."),
    sqlite3.SQLITE_LOCKED: ("another program holds it locked", "Wait until that one is done, then do it again."),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "Restore it from a copy; keep the damaged file aside."),
    sqlite3.SQLITE_NOTADB: ("the file is no inventory, or is damaged", "Name the right file with --store."),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "Check the folder and its permissions."),
    sqlite3.SQLITE_IOERR: ("the disk failed to read or write", "Check the disk, and that it is not full."),
}
_POSTGRES = {
    "53100": ("the server's disk is full", "Make room on the server, then do it again."),
    "25006": ("the server is read-only", "Name the server that takes changes."),
    "55P03": ("another program holds it locked", "Wait until that one is done, then do it again."),
    "57014": ("the server did not answer in time", "Wait, then do it again."),
    "42501": ("no permission", "Ask for the right to read and write the inventory's tables."),
    "28P01": ("the server refuses the password", "Check user and password in --store."),
    "28000": ("the server refuses the user", "Check user and password in --store."),
    "3D000": ("there is no such database", "Make it first: createdb NAME."),
}


class StoreError(GpucheckError):
    """The inventory cannot be used: which one, why, and what to do."""

    fault = "store"


class NotThereError(GpucheckError):
    """The call names an item or an intake that the inventory does not have."""

    fault = "call"


class ExportError(GpucheckError):
    """A file that is no export, or not a whole one. Nothing of it was taken in."""


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn what SQLAlchemy or a driver raises into a ``StoreError`` that names the inventory at ``place``."""
    try:
        yield
    except SQLAlchemyError as error:
        why, hint = _reason(error.orig if isinstance(error, DBAPIError) else error)
        raise StoreError(f"inventory {place}: {why}.", f"{_UNTOUCHED} {hint}".strip()) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError(f"inventory {place}: {why}.", f"{_UNTOUCHED} Check the folder and its permissions.") from error


def _reason(error: BaseException | None) -> tuple[str, str]:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _SQLITE:
        return _SQLITE[code & 0xFF]
    state = getattr(error, "sqlstate", None)
    if state in _POSTGRES:
        return _POSTGRES[str(state)]
    text = sanitise(str(error), 300).rstrip(".")
    if isinstance(error, Exception) and type(error).__module__.startswith("psycopg") and state is None:
        return f"the server cannot be reached ({text})", "Check the address, and that the server runs."
    return text, ""
