"""Reports as they are kept: in their canonical form, compressed, with its digest, which every reading checks.

A report of one simulated A100 takes 58 KB so; zlib, which every Python has, leaves 17.
"""

import zlib

from gpucheck.model.canonical import digest_of
from gpucheck.model.report import Report
from gpucheck.store.errors import StoreError

_LARGEST_BYTES = 256 << 20


def pack(canonical: bytes) -> bytes:
    """The canonical form as it is stored."""
    return zlib.compress(canonical, 6)


def unpack(body: bytes, expected: str) -> Report:
    """The report of a stored body. Raises ``StoreError`` where it is not what was stored."""
    try:
        unpacker = zlib.decompressobj()
        canonical = unpacker.decompress(body, _LARGEST_BYTES)
    except zlib.error as error:
        raise StoreError("a stored report is damaged.", _HINT) from error
    if digest_of(canonical) != expected:
        raise StoreError("a stored report was altered after it was stored.", _HINT)
    return Report.model_validate_json(canonical)


_HINT = "Restore the inventory from a copy, or add the report again from its file."
