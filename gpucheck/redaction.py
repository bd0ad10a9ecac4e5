"""Takes what identifies one specimen out of its evidence: serial numbers, UUIDs, the device's private identifier.

Each is replaced by a short digest of itself, wherever it stands. The digest has no key, so the same card gives the same
digest everywhere and two documents can be compared; who can guess a serial number can also confirm it.
"""

import hashlib
import re
from typing import Any

from gpucheck.model.evidence import Evidence

PREFIX = "redacted:"
SECRET_FIELDS = frozenset({"serial", "uuid", "pdi"})

_SECRET_KEY = re.compile(r"serial|uuid|pdi\b|\bpdi|board.?id|^certificate \w|^report$", re.IGNORECASE)
_UUID = re.compile(r"\b(?:GPU-|MIG-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_SAYS_NOTHING = re.compile(r"^(\W*|n/?a|0+|0x0+|unknown.*|\[?not supported\]?|\[?n/a\]?)$", re.IGNORECASE)
_MASKED = re.compile(r"^[0-9a-f]{12}0{52}$")
_SHORTEST = 6
"""Values below this length are replaced in their own field only: elsewhere they could be anything."""


def redacted(evidence: Evidence) -> Evidence:
    """Return the evidence without what identifies the specimen. Bus addresses and part numbers stay."""
    content = evidence.model_dump(mode="json")
    secrets = sorted(set(_secrets(content)), key=len, reverse=True)
    return Evidence.model_validate(_clean(content, secrets))


def digest(value: str) -> str:
    """Return the text that stands for ``value``."""
    return PREFIX + hashlib.sha256(value.strip().lower().encode()).hexdigest()[:12]


def _secrets(node: Any, key: str = "") -> list[str]:
    """Every value that a field or a raw read calls secret."""
    if isinstance(node, dict):
        return [found for name, value in node.items() for found in _secrets(value, str(name))]
    if isinstance(node, list):
        return [found for value in node for found in _secrets(value, key)]
    return [node.strip()] if isinstance(node, str) and _is_secret(key, node) else []


def _is_secret(key: str, value: str) -> bool:
    if value.startswith(PREFIX) or _SAYS_NOTHING.match(value):
        return False
    return key in SECRET_FIELDS or bool(_SECRET_KEY.search(key))


def _clean(node: Any, secrets: list[str], key: str = "") -> Any:
    if isinstance(node, dict):
        return {name: _clean(value, secrets, str(name)) for name, value in node.items()}
    if isinstance(node, list):
        return [_clean(value, secrets, key) for value in node]
    return _clean_text(node, secrets, key) if isinstance(node, str) else node


def _clean_text(text: str, secrets: list[str], key: str) -> str:
    if key == "sha256":
        return _masked(text)
    if _is_secret(key, text):
        return digest(text)
    for secret in secrets:
        if len(secret) >= _SHORTEST and secret in text:
            text = text.replace(secret, digest(secret))
    return _UUID.sub(lambda found: digest(found[0]), text)


def _masked(fingerprint: str) -> str:
    """A certificate's fingerprint in the form that the field wants, made of twelve digits of its own digest."""
    return fingerprint if _MASKED.match(fingerprint) else digest(fingerprint).removeprefix(PREFIX) + "0" * 52
