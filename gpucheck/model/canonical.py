"""One form of a report that is the same byte for byte wherever it is written, and the digest over it.

Canonical is the saved JSON read back and written with sorted keys (by code point), without blanks, in UTF-8, each
number in the shortest form that reads back as the same. Python's ``json.dumps(document, sort_keys=True,
ensure_ascii=False, separators=(",", ":"))`` makes it from any saved report, without this program.
"""

import hashlib
import json

from gpucheck.model import strict_json
from gpucheck.model.base import Frozen


def canonical_json(document: Frozen) -> bytes:
    """Return the canonical form of a report, or of any other document of ours."""
    return strict_json.canonical(json.loads(document.model_dump_json()))


def digest(document: Frozen) -> str:
    """Return ``sha256:`` and the digest of the canonical form in hexadecimal. It tells of changes, not of authors."""
    return digest_of(canonical_json(document))


def digest_of(canonical: bytes) -> str:
    """Return the digest of a canonical form that is there already."""
    return "sha256:" + hashlib.sha256(canonical).hexdigest()
