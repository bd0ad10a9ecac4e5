"""With each item its last intake, and the verdict of it with what the inventory notices counted in.

The columns are filled after all migrations, by the program's own comparison (``gpucheck.store.noticing``).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("items", sa.Column("last_intake_id", sa.BigInteger().with_variant(sa.Integer, "sqlite")))
    op.add_column("items", sa.Column("authenticity", sa.String(32)))
