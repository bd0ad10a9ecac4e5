"""VBIOS images: from bytes to facts, and where the bytes come from.

Parsing is pure: it never reads a file, never waits, and for any input gives facts or raises ``VbiosError``.
"""

from gpucheck.sources.vbios.parse import parse
from gpucheck.sources.vbios.rom import LIMIT_BYTES, VbiosError

__all__ = ["LIMIT_BYTES", "VbiosError", "parse"]
