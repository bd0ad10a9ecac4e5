"""Brings the inventory to this program's version, and refuses what a newer program or another one wrote.

Alembic is loaded only where there is something to do.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gpucheck.store import noticing
from gpucheck.store.errors import StoreError
from gpucheck.store.schema import HEAD, REVISIONS, VERSION_TABLE, metadata

_LOCK = 0x67707563
"""For PostgreSQL's advisory lock: two programs that find an empty database must not both fill it."""


def revision_of(connection: Connection) -> str | None:
    """The version of what is there; None where nothing is. Raises ``StoreError`` where it is not ours to use."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        foreign = tables if connection.dialect.name == "sqlite" else tables & set(metadata.tables)
        if foreign:
            raise StoreError("this is a database, but no inventory of gpucheck.", "Name another one with --store.")
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()  # noqa: S608 - a constant
    if len(found) != 1 or found[0] not in REVISIONS:
        raise StoreError(
            "a newer gpucheck wrote this inventory. Nothing was changed.",
            "Update gpucheck as it was installed, from its repository.",
        )
    return str(found[0])


def upgrade(connection: Connection, target: str = HEAD) -> None:
    """Run the migrations that are missing, within the connection's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if revision_of(connection) == target:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
    if target == HEAD:
        noticing.refresh_all(connection)
