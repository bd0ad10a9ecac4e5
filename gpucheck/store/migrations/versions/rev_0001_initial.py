"""Items, their intakes, reports kept whole, notes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "items",
        sa.Column("id", _ID, primary_key=True),
        *(sa.Column(name, sa.Text if name != "created_at" else sa.String(32), nullable=False) for name in _ITEM),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "reports",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("digest", sa.String(71), nullable=False, unique=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    _make_intakes()
    op.create_table(
        "notes",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("item_id", _ID, sa.ForeignKey("items.id"), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("notes_by_item", "notes", ["item_id", "id"])


_ITEM = ("created_at", "label", "location", "customer")
_STATED = ("uuid", "pdi", "serial", "board_part_number", "project", "vbios_version")
_NUMBERS = ("device_id", "subsystem_vendor_id", "subsystem_id", "chip_id")
_KEYS = ("uuid_key", "pdi_key", "serial_key")


def _make_intakes() -> None:
    op.create_table(
        "intakes",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("item_id", _ID, sa.ForeignKey("items.id"), nullable=False),
        sa.Column("report_id", _ID, sa.ForeignKey("reports.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("measured_at", sa.String(32), nullable=False),
        sa.Column("added_at", sa.String(32), nullable=False),
        sa.Column("tool_version", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("driver_version", sa.Text),
        sa.Column("simulated", sa.Text),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("authenticity", sa.String(32), nullable=False),
        sa.Column("condition", sa.String(32), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kinds", "weights", "catalog")),
        sa.Column("evidence_digest", sa.String(71), nullable=False),
        *(sa.Column(name, sa.Text) for name in _STATED),
        *(sa.Column(name, sa.Integer) for name in _NUMBERS),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("virtual", "several_dies", "twin")),
        sa.Column("together", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text) for name in _KEYS),
        sa.UniqueConstraint("report_id", "position", name="one_intake_a_card"),
    )
    op.create_index("intakes_by_item", "intakes", ["item_id", "measured_at", "id"])
    op.create_index("intakes_by_evidence", "intakes", ["evidence_digest"])
    for name in _KEYS:
        op.create_index(f"intakes_by_{name.removesuffix('_key')}", "intakes", [name])
