"""The one form of a report that is digested and signed: UTF-8 JSON, names sorted, no blanks."""

import hashlib

from gpucheck.model import strict_json
from gpucheck.model.report import Report


def canonical(report: Report) -> bytes:
    """Return the report in its canonical form."""
    return strict_json.canonical(report.model_dump(mode="json"))


def digest(report: Report) -> str:
    """Return the SHA-256 of the canonical form: ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(canonical(report)).hexdigest()
