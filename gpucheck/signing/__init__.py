"""A report and a signature over it in one document, and where such a document was changed since.

The signature is Ed25519 (RFC 8032) over the canonical form of everything that the document states but the signature's
own value: the whole report's SHA-256, and a tree of short digests in the shape of the report, one for each text, number
and array of them. The first says *that* something changed, the second *where*, as a JSON pointer (RFC 6901).

What can be located: every value that was altered, added or taken away; in an array of plain values, the array. What
cannot: which of two changes came first, what stood there before, and anything once the signature itself was altered,
for then the tree is nobody's word. An element that is put in or taken out moves those after it, which then differ too.
Blanks, the order of names and the spelling of a text's escapes mean nothing and are no change.

A signature says who vouches for the report and that nothing changed since. It never says that the report is true.
"""

import base64
from datetime import datetime
from typing import Any, NamedTuple

from gpucheck.model.base import GpucheckError
from gpucheck.model.canonical import digest_of
from gpucheck.model.strict_json import canonical
from gpucheck.model.text import sanitise
from gpucheck.signing import keys
from gpucheck.signing.keys import SigningError
from gpucheck.signing.tree import Place, differences, step, tree

KIND = "signed_report"
VERSION = 1
ALGORITHM = "Ed25519"
MOST_PLACES = 5
"""So many places are named; of further ones, the number."""

_DOMAIN = b"gpucheck signed report, version 1\n"
_PARTS = frozenset({"kind", "schema_version", "report", "signature"})
_STATED = frozenset({"algorithm", "key", "signed_at", "digest", "tree", "value"})
_ASK = "Ask who sent it for the file as it was signed."


class RefusedError(GpucheckError):
    """The signature does not hold. ``places`` are JSON pointers of what differs, empty where that cannot be told."""

    def __init__(self, message: str, hint: str = "", places: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.places = places


class Signed(NamedTuple):
    """What a signature that holds says."""

    key: str
    """Id of the key, as ``keys.key_id`` makes it."""
    signed_at: str
    """By the signer's clock, RFC 3339."""
    digest: str
    """Of the report's canonical form."""
    report: dict[str, Any]


def sign(report: dict[str, Any], private_pem: bytes, signed_at: datetime) -> dict[str, Any]:
    """Return the signed document of a report, which is taken as it is. Raises ``SigningError``."""
    key = keys.private(private_pem)
    stated = {
        "algorithm": ALGORITHM,
        "key": keys.key_id(key.public_key()),
        "signed_at": signed_at.isoformat(timespec="seconds"),
        "digest": _sha256(report),
        "tree": tree(report),
    }
    value = base64.b64encode(key.sign(_message(stated))).decode()
    return {"kind": KIND, "schema_version": VERSION, "report": report, "signature": stated | {"value": value}}


def verify(document: Any, public_pem: bytes) -> Signed:
    """Hold a signed document against a key. Raises ``RefusedError`` where it does not hold, else ``SigningError``."""
    key = keys.public(public_pem)
    report, stated = _opened(document)
    _check_key(stated["key"], keys.key_id(key))
    if not keys.holds(key, stated.pop("value"), _message(stated)):
        raise RefusedError(
            "The signature is not that of this key over what it states: /signature was altered.",
            f"What was changed elsewhere cannot be told then. {_ASK}",
            ("/signature",),
        )
    if _sha256(report) != stated["digest"]:
        raise _altered(report, stated["tree"])
    return Signed(stated["key"], stated["signed_at"], stated["digest"], report)


def _opened(document: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report and what is stated of it, in the shape that they must have."""
    if not isinstance(document, dict) or document.get("kind") != KIND:
        hint = "Ask who wrote it for the signed one, or sign your own: gpucheck report sign REPORT --key KEY"
        raise SigningError("This is no signed report.", hint)
    version = document.get("schema_version")
    if type(version) is int and version > VERSION:
        raise SigningError(f"It is signed in version {version}; this gpucheck knows {VERSION}.", "Update gpucheck.")
    report, stated = document.get("report"), document.get("signature")
    wrong = _wrong_names(document, _PARTS, "") or _wrong_names(stated, _STATED, "/signature")
    if not wrong and isinstance(stated, dict):
        wrong = _wrong_kinds(stated)
        wrong += () if type(version) is int and version == VERSION else (Place("/schema_version", ""),)
        wrong += () if isinstance(report, dict) else (Place("/report", ""),)
        if isinstance(report, dict) and not wrong:
            return report, dict(stated)
    raise _refused("The document was altered after it was signed", wrong)


def _wrong_names(found: Any, wanted: frozenset[str], pointer: str) -> tuple[Place, ...]:
    if not isinstance(found, dict):
        return (Place(pointer, ""),)
    wrong = sorted(wanted ^ found.keys())
    return tuple(Place(f"{pointer}/{step(name)}", "taken away" if name in wanted else "added") for name in wrong)


def _wrong_kinds(stated: dict[str, Any]) -> tuple[Place, ...]:
    wrong = [name for name in sorted(_STATED - {"tree"}) if not isinstance(stated[name], str)]
    if stated["algorithm"] != ALGORITHM and "algorithm" not in wrong:
        wrong.append("algorithm")
    return tuple(Place(f"/signature/{name}", "") for name in wrong)


def _check_key(stated: str, wanted: str) -> None:
    if stated != wanted:
        raise RefusedError(
            f"It says that it is signed by another key ({keys.short(stated)}); this one is {keys.short(wanted)}.",
            "Verify it with the public key of who signed it. Who alters a report can sign it with a key of his own.",
        )


def _altered(report: Any, was: Any) -> RefusedError:
    places = tuple(place._replace(pointer="/report" + place.pointer) for place in differences(report, was))
    return _refused("The report was altered after it was signed", places)


def _refused(what: str, places: tuple[Place, ...]) -> RefusedError:
    shown = [sanitise(place.pointer, 200) + (f" ({place.how})" if place.how else "") for place in places[:MOST_PLACES]]
    rest = f" and {len(places) - MOST_PLACES} more places" if len(places) > MOST_PLACES else ""
    where = f"at {', '.join(shown)}{rest}" if shown else "where cannot be told"
    return RefusedError(f"{what}: {where}.", _ASK, tuple(place.pointer for place in places))


def _message(stated: dict[str, Any]) -> bytes:
    return _DOMAIN + canonical(stated)


def _sha256(node: Any) -> str:
    return digest_of(canonical(node))
