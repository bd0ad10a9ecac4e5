"""One canonical form of a report everywhere: UTF-8, as pages and signatures have it, and no escapes.

A body without an escape is the same in both forms. The others are written anew, with their digest and those of the
evidence in them, so that the digest of an item's label is that of the report's page.
"""

import hashlib
import json
import zlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write reports anew that hold an escape. A damaged one stays as it is, and is refused when it is read."""
    connection = op.get_bind()
    for number in connection.execute(sa.text("SELECT id FROM reports ORDER BY id")).scalars().all():
        chosen = sa.text("SELECT body, digest FROM reports WHERE id = :id")
        row = connection.execute(chosen, {"id": number}).one()
        try:
            _anew(connection, number, zlib.decompress(bytes(row.body)), row.digest)
        except (zlib.error, ValueError):
            continue


def _anew(connection: sa.Connection, number: int, text: bytes, digest: str) -> None:
    if b"\\u" not in text or _digest(text) != digest:
        return
    content = json.loads(text)
    whole = _canonical(content)
    values = {"id": number, "digest": _digest(whole), "body": zlib.compress(whole, 6)}
    connection.execute(sa.text("UPDATE reports SET digest = :digest, body = :body WHERE id = :id"), values)
    update = sa.text("UPDATE intakes SET evidence_digest = :digest WHERE report_id = :id AND position = :position")
    for position, card in enumerate(content["cards"]):
        evidence = _digest(_canonical(card["evidence"]))
        connection.execute(update, {"id": number, "position": position, "digest": evidence})


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _digest(canonical: bytes) -> str:
    return "sha256:" + hashlib.sha256(canonical).hexdigest()
