"""Evidence that somebody saved: the JSON that NVIDIA's tools write, a report alone, or a chain of certificates alone.

Forms, from NVIDIA's attestation-sdk and nvtrust: a list of ``{"arch", "nonce", "evidence", "certificate"}``, the same
under ``evidences`` (``nvattest collect-evidence --format json``) or ``evidence_list`` (requests to NVIDIA's service,
with one ``nonce`` for all), or one of them alone. Report and certificates are in Base64, the nonce in hexadecimal.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Collected, GpucheckError, Reason, Unavailable
from gpucheck.model.text import sanitise
from gpucheck.sources.attestation.verify import verify

LIMIT_BYTES = 4 << 20
MOST_CARDS = 64

_HOW = "Save what `nvattest collect-evidence --format json` prints, or give a report and its certificates (--chain)."

_HEX = re.compile(rb"[0-9A-Fa-f\s]+")


class EvidenceFileError(GpucheckError):
    """A file that holds no evidence that can be read."""

    reason = Reason.FAILED


@dataclass(frozen=True)
class Saved:
    """One card's evidence as it stands in a file; nothing about it is verified."""

    chain: bytes
    report: bytes
    architecture: str = ""
    nonce: bytes | None = None
    """The question, as the file tells it: not ours."""


def read_file(path: str | Path, chain: str | Path | None = None) -> tuple[Saved, ...]:
    """Read the evidence of every card in a file. Raises ``EvidenceFileError`` or ``SourceFileError`` with a hint.

    ``chain`` is a file of certificates for a ``path`` that is a report alone.
    """
    from gpucheck.sources.file_reading import read_bytes

    name = sanitise(str(path), 200)
    data = read_bytes(path, LIMIT_BYTES)
    certificates = read_bytes(chain, LIMIT_BYTES) if chain is not None else b""
    try:
        return parse(data, certificates)
    except EvidenceFileError as error:
        raise EvidenceFileError(f"{name}: {error.message}.", error.hint or _HOW) from error


def verify_saved(saved: Saved, nonce: bytes | None = None) -> Collected[Attestation]:
    """Verify what a file holds. ``nonce`` is the question that whoever asked chose, None where that is not known."""
    facts = verify(saved.chain, saved.report, "file", nonce)
    if isinstance(facts, Unavailable) or saved.nonce is None or saved.nonce == saved.report[4:36]:
        return facts
    told = "the file states another question than the report answers"
    return facts.model_copy(update={"trouble": "; ".join(filter(None, (facts.trouble, told)))})


def parse(data: bytes, certificates: bytes = b"") -> tuple[Saved, ...]:
    """Take a file apart, whatever form it has. Raises ``EvidenceFileError``."""
    plain = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not plain:
        raise EvidenceFileError("it is empty")
    if plain[:1] in (b"{", b"["):
        found = tuple(_entries(_document(plain)))
        if not found:
            raise EvidenceFileError("it holds no evidence of a card")
        return found
    if b"-----BEGIN CERTIFICATE-----" in plain:
        return (Saved(plain, b""),)
    report = bytes.fromhex(plain.decode("ascii")) if _is_hex(plain) else data
    if report[1:2] != b"\xe0":
        raise EvidenceFileError("it is neither NVIDIA's JSON nor a report")
    return (Saved(certificates, report),)


def _is_hex(text: bytes) -> bool:
    return _HEX.fullmatch(text) is not None and len(b"".join(text.split())) % 2 == 0


def _document(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvidenceFileError("it is no JSON that can be read") from error


def _entries(document: Any) -> Iterator[Saved]:
    """Evidence in a list, or within an object that holds such a list."""
    outer = document if isinstance(document, dict) else {}
    listed = next((outer[key] for key in ("evidences", "evidence_list") if isinstance(outer.get(key), list)), None)
    entries = document if isinstance(document, list) else [outer] if listed is None else listed
    if len(entries) > MOST_CARDS:
        raise EvidenceFileError(f"{len(entries)} cards are more than one machine has")
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, dict) and ("evidence" in entry or "certificate" in entry):
            yield _entry(outer | entry, number)


def _entry(entry: dict[str, Any], number: int) -> Saved:
    nonce = entry.get("nonce")
    return Saved(
        chain=_bytes(entry.get("certificate"), number, "certificate"),
        report=_bytes(entry.get("evidence"), number, "evidence"),
        architecture=sanitise(str(entry.get("arch") or ""), 20),
        nonce=parse_nonce(nonce) if isinstance(nonce, str) else None,
    )


def _bytes(value: Any, number: int, what: str) -> bytes:
    """Base64, or PEM as it is."""
    if not isinstance(value, str):
        raise EvidenceFileError(f"entry {number} has no {what}")
    if "-----BEGIN" in value:
        return value.encode("ascii", "replace")
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceFileError(f"the {what} of entry {number} is no Base64") from error


def parse_nonce(text: str) -> bytes | None:
    """Return 32 bytes that stand in hexadecimal, None where they do not."""
    try:
        nonce = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        return None
    return nonce if len(nonce) == 32 else None
