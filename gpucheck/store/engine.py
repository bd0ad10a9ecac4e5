"""Where the inventory is, and how a connection to it behaves.

SQLite keeps the rollback journal and not the write-ahead log: the inventory stays one file that can be copied, and read
from a read-only disk. ``synchronous=EXTRA`` waits until file, journal and folder are on the disk, so that what was
acknowledged outlives a power cut (SQLite's documentation of both pragmas).
"""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from gpucheck.store.errors import StoreError

VARIABLE = "GPUCHECK_STORE"
BUSY_SECONDS = 15.0
"""How long a writer waits for another one."""
_WRITING = "gpucheck_writing"


def default_path() -> Path:
    """The inventory in the platform's data folder."""
    from platformdirs import user_data_path

    return user_data_path("gpucheck", appauthor=False) / "inventory.sqlite"


def locate(asked: str | None) -> URL:
    """The inventory that is asked for by URL or path, else by the environment, else the user's own."""
    text = asked or os.environ.get(VARIABLE) or str(default_path())
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = make_url(text)
        kind = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise StoreError("the inventory's URL cannot be read.", _WANTED) from error
    if kind == "sqlite" and url.database not in (None, "", ":memory:"):
        return URL.create("sqlite", database=str(Path(str(url.database)).absolute()))
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise StoreError(f"an inventory cannot be kept in {kind}.", _WANTED)


_WANTED = "Wanted is a path, or a URL such as postgresql://user@host/database."


def name_of(url: URL) -> str:
    """The place for a person, without a password."""
    return str(url.database) if is_file(url) else url.render_as_string(hide_password=True).replace("+psycopg", "")


def is_file(url: URL) -> bool:
    """Whether it is a file of this machine."""
    return url.get_backend_name() == "sqlite"


def files_of(asked: str | None) -> tuple[str, ...]:
    """The files of the inventory that is asked for, there or not: the database, and the journal that mends it."""
    url = locate(asked)
    return (name_of(url), f"{name_of(url)}-journal") if is_file(url) else ()


def connect(url: URL, *, make: bool = True) -> Engine:
    """An engine for the inventory. Nothing is opened yet; the folder of a file is made by ``prepare``.

    With ``make`` False a file that is taken away meanwhile is not made anew.
    """
    if is_file(url):
        path = Path(str(url.database))
        file = url if make else url.set(database=path.as_uri(), query={"uri": "true", "mode": "rw"})
        engine = create_engine(file, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        options = f"-c lock_timeout={int(BUSY_SECONDS * 1000)}"
        return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10, "options": options})
    except ImportError as error:
        hint = "In gpucheck's own environment: pip install 'psycopg[binary]>=3.1.18'"
        raise StoreError("PostgreSQL needs psycopg, which is not installed.", hint) from error


def prepare(url: URL) -> None:
    """Make the folder of a file, readable by its owner alone: serial numbers and customers are nobody else's."""
    if is_file(url):
        folder = Path(str(url.database)).parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def reading(connection: Connection) -> Connection:
    """Mark a connection whose transaction is to see one state of the inventory, as SQLite's always do."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def writing(connection: Connection) -> Connection:
    """Mark a connection whose transaction is going to write: it waits for its turn at the start, not in the middle."""
    connection.execution_options(**{_WRITING: True})
    return connection


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # else Python commits by itself before some statements
    for pragma in ("foreign_keys=ON", "synchronous=EXTRA", f"busy_timeout={int(BUSY_SECONDS * 1000)}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    mode = "IMMEDIATE" if connection.get_execution_options().get(_WRITING) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")
