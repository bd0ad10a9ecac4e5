"""The inventory's tables, as the newest migration leaves them. ``tests/store`` holds both to each other.

Times are texts, RFC 3339 in UTC with microseconds, so that they sort, and mean the same on SQLite and PostgreSQL.
Columns named ``*_key`` hold what recognition compares (``recognition.key``); the others are for reading.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0003"
"""The revision that these tables are."""
REVISIONS = ("0001", "0002", "0003")
"""All revisions that this program knows, oldest first."""
VERSION_TABLE = "gpucheck_version"

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")

items = Table(
    "items",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("created_at", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("last_intake_id", _Id),
    Column("authenticity", String(32)),
    sqlite_autoincrement=True,  # the number of an item that is gone is never given to another
)

reports = Table(
    "reports",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("digest", String(71), nullable=False, unique=True),
    Column("created_at", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

intakes = Table(
    "intakes",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("item_id", _Id, ForeignKey("items.id"), nullable=False),
    Column("report_id", _Id, ForeignKey("reports.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("measured_at", String(32), nullable=False),
    Column("added_at", String(32), nullable=False),
    Column("tool_version", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("driver_version", Text),
    Column("simulated", Text),
    Column("model", Text, nullable=False),
    Column("authenticity", String(32), nullable=False),
    Column("condition", String(32), nullable=False),
    Column("kinds", Text, nullable=False),
    Column("weights", Text, nullable=False),
    Column("catalog", Text, nullable=False),
    Column("evidence_digest", String(71), nullable=False),
    Column("uuid", Text),
    Column("pdi", Text),
    Column("serial", Text),
    Column("board_part_number", Text),
    Column("project", Text),
    Column("vbios_version", Text),
    Column("device_id", Integer),
    Column("subsystem_vendor_id", Integer),
    Column("subsystem_id", Integer),
    Column("chip_id", Integer),
    Column("virtual", Boolean, nullable=False),
    Column("several_dies", Boolean, nullable=False),
    Column("twin", Boolean, nullable=False),
    Column("together", Integer, nullable=False),
    Column("uuid_key", Text),
    Column("pdi_key", Text),
    Column("serial_key", Text),
    UniqueConstraint("report_id", "position", name="one_intake_a_card"),
    Index("intakes_by_item", "item_id", "measured_at", "id"),
    Index("intakes_by_evidence", "evidence_digest"),
    Index("intakes_by_uuid", "uuid_key"),
    Index("intakes_by_pdi", "pdi_key"),
    Index("intakes_by_serial", "serial_key"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("item_id", _Id, ForeignKey("items.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Index("notes_by_item", "item_id", "id"),
)
