"""Certificates from bytes: PEM, or DER one after the other, with bounds on all of it.

Only functions of this package touch ``cryptography``, and only when they run. Certificates are hostile input: whatever
they hold, the outcome is a list or ``NoChain``.
"""

import base64
import binascii
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpucheck.model.attestation import AttestedCertificate
from gpucheck.model.text import sanitise

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CHAIN_LIMIT_BYTES = 1 << 16
MOST_CERTIFICATES = 10
"""Chains of GPUs have five."""
CERTIFICATE_LIMIT_BYTES = 8192

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,16384})-----END CERTIFICATE-----")
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_NAME_LIMIT = 200


class NoChain(Exception):  # noqa: N818 - an outcome, not an error: nothing can be said of these bytes
    """The bytes are no certificates that can be read; the text says why."""


def installed() -> bool:
    """Whether the library that verifies signatures is there, and new enough (42) to be used."""
    try:
        from cryptography import x509
    except ImportError:
        return False
    return hasattr(x509.Certificate, "not_valid_before_utc")


def encoded(data: bytes) -> list[bytes]:
    """Return the DER form of each certificate, in the order in which they stand. Raises ``NoChain``."""
    if len(data) > CHAIN_LIMIT_BYTES:
        raise NoChain(f"a chain of {len(data):,} bytes is larger than any")
    found = list(_from_pem(data)) if _BEGIN in data else list(_from_der(data.rstrip(b"\0")))
    if not found:
        raise NoChain("there is no certificate in it")
    if len(found) > MOST_CERTIFICATES:
        raise NoChain(f"{len(found)} certificates are more than any chain has")
    if max(map(len, found)) > CERTIFICATE_LIMIT_BYTES:
        raise NoChain("a certificate in it is larger than any")
    return found


def load(der: list[bytes]) -> list["Certificate"]:
    """Parse certificates, the leaf first. Raises ``NoChain`` where one of them cannot be read."""
    from cryptography import x509

    loaded: list[Certificate] = []
    for number, each in enumerate(der, start=1):
        try:
            with quiet():
                loaded.append(x509.load_der_x509_certificate(each))
        except (ValueError, TypeError, OverflowError, x509.InvalidVersion) as error:
            raise NoChain(f"certificate {number} of {len(der)} cannot be read ({type(error).__name__})") from error
    # SPDM hands a chain over from the root, NVIDIA's tools write it from the leaf.
    return loaded[::-1] if len(loaded) > 1 and _self_issued(loaded[0]) and not _self_issued(loaded[-1]) else loaded


def described(certificate: "Certificate") -> AttestedCertificate:
    """Return what a person may want to know of a certificate. Raises ``NoChain`` where its parts cannot be read."""
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        with quiet():
            return AttestedCertificate(
                subject=sanitise(certificate.subject.rfc4514_string(), _NAME_LIMIT),
                issuer=sanitise(certificate.issuer.rfc4514_string(), _NAME_LIMIT),
                serial=f"{certificate.serial_number:X}"[:64],
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                sha256=certificate.fingerprint(SHA256()).hex(),
            )
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise NoChain(f"a certificate's names or dates cannot be read ({type(error).__name__})") from error


def common_name(certificate: "Certificate") -> str:
    """The subject's common name, empty where it has none that can be read."""
    from cryptography.x509.oid import NameOID

    try:
        with quiet():
            names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, TypeError):
        return ""
    return sanitise(str(names[0].value), _NAME_LIMIT) if names else ""


def is_root(certificate: "Certificate") -> bool:
    """Whether a certificate names itself as its issuer."""
    return _self_issued(certificate)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the library's remarks on odd certificates from the terminal: what is odd is told by us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _self_issued(certificate: "Certificate") -> bool:
    try:
        with quiet():
            return certificate.subject == certificate.issuer
    except (ValueError, TypeError):
        return False


def _from_pem(data: bytes) -> Iterator[bytes]:
    found = _PEM.findall(data)
    if len(found) != data.count(_BEGIN):
        raise NoChain("a certificate in it is cut off or is no Base64")
    for body in found:
        try:
            yield base64.b64decode(b"".join(body.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise NoChain("a certificate in it is no Base64") from error


def _from_der(data: bytes) -> Iterator[bytes]:
    """Split a row of DER sequences by their lengths."""
    at = 0
    while at < len(data):
        if data[at : at + 2] != b"\x30\x82" or at + 4 > len(data):
            raise NoChain("it is neither PEM nor a row of certificates in DER")
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            raise NoChain("the last certificate in it is cut off")
        yield data[at:end]
        at = end
