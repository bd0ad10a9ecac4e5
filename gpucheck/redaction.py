"""Takes what identifies one specimen, and whose machine it was in, out of evidence and reports.

Serial numbers, UUIDs, private identifiers (PDI), board ids, an attestation's certificates and their fingerprints, names
of hosts and users: each is replaced by a short keyed digest of itself (HMAC-SHA256) wherever a text holds it, raw reads
and keys of tables included. Whoever has the same key gets the same digest for the same card and can compare; without
the key a guessed serial number cannot be confirmed. Where no key is given, one is drawn for the life of the process.

Texts alone are searched: a number that happens to have a secret's digits stays, and so does what was encoded in other
ways than those of `_forms`.
"""

import functools
import hashlib
import hmac
import re
import secrets as random
from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin

from gpucheck.model.base import Frozen

Document = TypeVar("Document", bound=Frozen)

PREFIX = "redacted:"
SECRET_FIELDS = frozenset({"serial", "uuid", "pdi"})
SHORTEST = 6
"""Values below this length are replaced in their own field only: elsewhere they could be anything."""

_SECRET_KEY = re.compile(
    r"serial|uuid|pdi\b|\bpdi|board.?id|^certificate \w|^report$|(host|node|computer).?name$", re.IGNORECASE
)
_SAYS_NOTHING = re.compile(r"^(\W*|n/?a|0+|0x0+|unknown.*|\[?not supported\]?|\[?n/a\]?)$", re.IGNORECASE)
_MARK = re.compile(PREFIX + "[0-9a-f]{12}")
_MASKED = re.compile(r"^[0-9a-f]{12}0{52}$")
_UUID = r"\b(?:GPU-|MIG-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
_DEVICE_SERIAL = r"\b(?:[0-9a-f]{2}-){7}[0-9a-f]{2}\b"
_BUILDER = r"(?<=\()(?!dvs-builder@)[^()@\s]{1,64}@[^()\s]{1,64}(?=\))"
_HOME = r"(?<=/home/)[^/\s]+|(?<=\\Users\\)[^\\/\s]+"
_BARE_UUID = re.compile(r"^(?:GPU-|MIG-)?((?:[0-9a-f]+-){4}[0-9a-f]+)$", re.IGNORECASE)
_HEX = re.compile(r"^0x([0-9a-f]{6,32})$", re.IGNORECASE)
_NOBODY = frozenset({"localhost", "nvidia", "geforce", "quadro", "tesla", "titan", "linux", "ubuntu", "debian", "root"})
_CONFIG = ("config", 0x100 * 2)
"""Name of the raw configuration space, and where its extended capabilities start, in hexadecimal digits."""


def redacted(document: Document, key: bytes | None = None, names: Iterable[str] = ()) -> Document:
    """Return evidence or a report without what identifies the specimen. Bus addresses and part numbers stay.

    ``names`` are those of the host and its user; one that is also a word of the card's own name is left alone.
    """
    content = document.model_dump(mode="json")
    words = " ".join(_values(content, "name")).lower()
    people = {name.lower() for name in names if len(name) > 2} - _NOBODY
    cleaner = _Cleaner(set(_secrets(content)), [name for name in people if name not in words], key)
    return cleaner.model(document)


def digest(value: str, key: bytes | None = None) -> str:
    """Return the text that stands for ``value``."""
    made = hmac.new(key or _key_of_this_run(), value.strip().lower().encode("utf-8", "replace"), hashlib.sha256)
    return PREFIX + made.hexdigest()[:12]


@functools.cache
def _key_of_this_run() -> bytes:
    return random.token_bytes(32)


class _Cleaner:
    """Knows the secrets of one document and takes them out of any part of it."""

    def __init__(self, secrets: Collection[str], names: Collection[str], key: bytes | None) -> None:
        self._key = key
        long = {secret for secret in secrets if len(secret) >= SHORTEST}
        derived = {form.lower(): secret for secret in sorted(long) for form in _forms(secret) if len(form) >= SHORTEST}
        self._meant = derived | {secret.lower(): secret for secret in long}
        forms = _any_of(self._meant.keys() | long)
        whole = [rf"(?<![\w.-]){re.escape(name)}(?![\w-])" for name in names]
        patterns = [_MARK.pattern, *filter(None, [forms]), *whole, _UUID, _DEVICE_SERIAL, _BUILDER, _HOME]
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE)
        self._again = re.compile(f"(?=({forms}))", re.IGNORECASE) if forms else None

    def model(self, node: Document) -> Document:
        """The record with every free text in it cleaned; what comes from a fixed list of words is left alone."""
        return node.model_copy(update={name: self._node(getattr(node, name), name) for name in _free(type(node))})

    def _node(self, node: Any, key: str) -> Any:
        if isinstance(node, Frozen):
            return self.model(node)
        if isinstance(node, dict):
            return self._table(node)
        if isinstance(node, list | tuple):
            return type(node)(self._node(value, key) for value in node)
        return self._text(node, key) if isinstance(node, str) and not isinstance(node, Enum) else node

    def _table(self, table: dict[Any, Any]) -> dict[Any, Any]:
        clean: dict[Any, Any] = {}
        for key, value in table.items():
            name = shown = self._clean(key) if isinstance(key, str) else key
            while name in clean:
                name = f"{shown} ({len(clean)})"
            clean[name] = self._node(value, str(key))
        return clean

    def _text(self, text: str, key: str) -> str:
        if key == "sha256":
            return text if _MASKED.match(text) else digest(text, self._key).removeprefix(PREFIX) + "0" * 52
        if _is_secret(key, text):
            return digest(text, self._key)
        return self._clean(_without_serial_number(text) if key == _CONFIG[0] else text)

    def _clean(self, text: str) -> str:
        clean = self._pattern.sub(self._replacement, text)
        return digest(text, self._key) if clean != text and self._leaks(clean) else clean

    def _replacement(self, found: re.Match[str]) -> str:
        text = found[0]
        if _MARK.fullmatch(text):
            return text
        return digest(self._meant.get(text.lower(), text), self._key)

    def _leaks(self, text: str) -> bool:
        """Whether a secret still stands in the text, as where two occurrences of it overlapped."""
        marks = [mark.span() for mark in _MARK.finditer(text)]
        spans = (found.span(1) for found in self._again.finditer(text)) if self._again else ()
        return any(not any(first <= start and end <= last for first, last in marks) for start, end in spans)


def _any_of(texts: Collection[str], depth: int = 3) -> str:
    """A pattern for any of the texts, the longest first, grouped by beginnings so that few are tried at a place."""
    if not depth:
        return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    heads: dict[str, list[str]] = {}
    for text in sorted(texts):
        heads.setdefault(text[0], []).append(text[1:])
    return "|".join(f"{re.escape(head)}(?:{_any_of(rest, depth - 1)})" for head, rest in heads.items())


def _forms(secret: str) -> Iterator[str]:
    """Other ways in which raw reads write the same value."""
    if len(secret) > 64:
        return
    yield secret.encode("utf-8", "replace").hex()
    uuid, number = _BARE_UUID.match(secret), _HEX.match(secret)
    if uuid:
        yield from (uuid[1], uuid[1].replace("-", ""))
    if number:
        yield from (number[1], str(int(number[1], 16)))
        yield bytes.fromhex(number[1].zfill(len(number[1]) + len(number[1]) % 2))[::-1].hex()


@functools.cache
def _free(kind: type[Frozen]) -> tuple[str, ...]:
    """Names of the fields that may hold any text."""
    return tuple(name for name, field in kind.model_fields.items() if not _fixed(field.annotation))


def _fixed(annotation: Any) -> bool:
    """Whether a field takes words from a fixed list alone."""
    return get_origin(annotation) is Literal or any(_fixed(part) for part in get_args(annotation))


def _secrets(node: Any, key: str = "") -> Iterator[str]:
    """Every value that a field or a raw read calls secret."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _secrets(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _secrets(value, key)
    elif isinstance(node, str) and _is_secret(key, node):
        yield node.strip()


def _values(node: Any, key: str) -> Iterator[str]:
    """Every text under a key of this name."""
    if isinstance(node, list):
        for value in node:
            yield from _values(value, key)
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from ([value] if name == key and isinstance(value, str) else _values(value, key))


def _is_secret(key: str, value: str) -> bool:
    if _MARK.fullmatch(value) or _SAYS_NOTHING.match(value) or (key == "sha256" and _MASKED.match(value)):
        return False
    return key in SECRET_FIELDS or key == "sha256" or bool(_SECRET_KEY.search(key))


def _without_serial_number(config: str) -> str:
    """A configuration space in hexadecimal with the Device Serial Number capability (PCI Express, id 3) blanked."""
    at, seen = _CONFIG[1], set[int]()
    while at >= _CONFIG[1] and at not in seen and re.fullmatch(r"[0-9a-f]{8}", config[at : at + 8]):
        seen.add(at)
        head = int.from_bytes(bytes.fromhex(config[at : at + 8]), "little")
        if head & 0xFFFF == 3:
            config = config[: at + 8] + "0" * len(config[at + 8 : at + 24]) + config[at + 24 :]
        at = (head >> 20) * 2
    return config
