"""Ed25519 keys in PEM, through ``cryptography``, which is loaded when a key is used and may be missing."""

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_INSTALL = "In gpucheck's own environment: pip install 'cryptography>=42'"
_MAKE = "Make one with `gpucheck report keygen -o KEY`."
_WHOSE = "Ask who signed the report for the file KEY.pub."


class SigningError(GpucheckError):
    """Something is missing or cannot be read, so that nothing could be signed or verified."""


def new_key() -> tuple[bytes, bytes]:
    """Make a key pair. Returns the private key (PKCS #8) and the public one (SubjectPublicKeyInfo), both PEM."""
    _require_library()
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return private, key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: "Ed25519PublicKey") -> str:
    """The name by which a key is known: SHA-256 of its 32 bytes, ``sha256:`` and 64 digits."""
    return "sha256:" + hashlib.sha256(key.public_bytes_raw()).hexdigest()


def public_id(public_pem: bytes) -> str:
    """The same of a public key's PEM. Raises ``SigningError``."""
    return key_id(public(public_pem))


def short(key: str) -> str:
    """As much of a key's id as a person compares."""
    return sanitise(key.removeprefix("sha256:"), 80)[:16]


def _require_library() -> None:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise SigningError(
            "Signing needs the Python package cryptography, which is not installed.", _INSTALL
        ) from error
    if not hasattr(ed25519.Ed25519PublicKey, "public_bytes_raw"):
        raise SigningError("The Python package cryptography is too old; 42 or newer is needed.", _INSTALL)


def private(pem: bytes) -> "Ed25519PrivateKey":
    """Read a private key. Raises ``SigningError``."""
    _require_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PUBLIC KEY" in pem:
        raise SigningError(
            "That is the public half of a key; a report is signed with the private half.",
            "Name its file after --key: the one without .pub.",
        )
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise SigningError("The private key is locked with a password, which is not supported.", _MAKE) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError("The private key cannot be read: it is no key in PEM, or was cut off.", _MAKE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError("The private key is of another kind than Ed25519.", _MAKE)
    return key


def public(pem: bytes) -> "Ed25519PublicKey":
    """Read a public key. Raises ``SigningError``."""
    _require_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise SigningError("That is a private key, which is nobody's but its owner's.", "Name the file in .pub.")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError("The public key cannot be read: it is no key in PEM, or was cut off.", _WHOSE) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningError("The public key is of another kind than Ed25519.", _WHOSE)
    return key


def holds(key: "Ed25519PublicKey", value: str, message: bytes) -> bool:
    """Whether ``value``, in Base64, is the key's signature over the message."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(base64.b64decode(value, validate=True), message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
