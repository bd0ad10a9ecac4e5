"""Alembic's migrations of the inventory, oldest first in ``versions``. A released one is never edited."""
