"""Alembic's entry: runs the migrations on the connection, and in the transaction, that the store opened."""

from alembic import context

from gpucheck.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
