"""Reports as they are kept: canonical JSON, compressed, with a digest that every reading checks.

Canonical means sorted names, no blanks, ASCII with escapes: the same report has the same digest whichever file it came
in. The digest is the inventory's own: ``render.canonical``, which pages show, writes UTF-8.
A report of one simulated A100 takes 58 KB so; zlib, which every Python has, leaves 17.
"""

import hashlib
import json
import zlib
from typing import Any

from gpucheck.model.base import Frozen
from gpucheck.model.report import Report
from gpucheck.store.errors import StoreError

_LARGEST_BYTES = 256 << 20


def canonical(document: Frozen | dict[str, Any]) -> str:
    """The one text of a document."""
    content = document.model_dump(mode="json") if isinstance(document, Frozen) else document
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """What identifies a canonical text."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def pack(text: str) -> bytes:
    """The text as it is stored."""
    return zlib.compress(text.encode(), 6)


def unpack(body: bytes, expected: str) -> Report:
    """The report of a stored body. Raises ``StoreError`` where it is not what was stored."""
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(body, _LARGEST_BYTES).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise StoreError("a stored report is damaged.", _HINT) from error
    if digest(text) != expected:
        raise StoreError("a stored report was altered after it was stored.", _HINT)
    return Report.model_validate_json(text)


_HINT = "Restore the inventory from a copy, or add the report again from its file."
