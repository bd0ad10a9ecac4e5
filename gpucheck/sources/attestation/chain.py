"""Whether a chain of certificates holds: every signature, constraint and period, and NVIDIA's root at its end.

The root is pinned by its SHA-256 fingerprint, which the certificates in nvtrust and in the open kernel modules share.
NVIDIA's chains run leaf (the firmware's key), boot ROM of the die, provisioning authority, identity of the chip, root,
all with P-384 keys. A leaf may be older than the certificate above it, so that periods are not held against each other.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from gpucheck.sources.attestation.certificates import common_name, is_root, quiet

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

ROOT_SHA256 = "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48"
"""Of "NVIDIA Device Identity CA", valid from 2021-11-05 on, without an end."""

SAN_IDENTITY = "1.3.6.1.4.1.412.274.1"
"""DMTF's other name in a leaf: ``NVIDIA:GH100:`` and a number of this one die."""

_PROVISIONER = re.compile(r"^NVIDIA (\S+) Provisioner ICA\b")
_CHIP = re.compile(r"^([A-Z]{2}_?[0-9A-Z]{2,4}) ")
_IDENTITY = re.compile(r"NVIDIA:([A-Z]{2}_?[0-9A-Z]{2,4}):[0-9A-F]{1,32}$")
_KNOWN_CRITICAL = {"2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"}
_FIRMWARE = "2.23.133.5.4.1"


@dataclass
class Chain:
    """What came of a chain. None means that it could not be decided."""

    signed: bool | None = True
    in_period: bool = True
    root_pinned: bool | None = None
    chip: str | None = None
    trouble: list[str] = field(default_factory=list)

    @property
    def valid(self) -> bool | None:
        """Every signature, constraint and period holds."""
        return self.signed if self.in_period else False

    def breaks(self, why: str) -> None:
        """Something that does not hold."""
        self.signed = False
        self.trouble.append(why)

    def doubts(self, why: str) -> None:
        """Something that cannot be decided."""
        self.signed = self.signed and None
        self.trouble.append(why)


def check_chain(certificates: Sequence["Certificate"], now: dt.datetime, root_sha256: str = ROOT_SHA256) -> Chain:
    """Verify a chain, the leaf first. ``root_sha256`` is for tests."""
    found = Chain()
    for place, (subject, issuer) in enumerate(pairwise(certificates)):
        _check_link(found, place, subject, issuer)
    _check_end(found, certificates[-1], root_sha256)
    for place, certificate in enumerate(certificates):
        _check_constraints(found, place, certificate)
        _check_period(found, place, certificate, now)
    found.chip = _chip(found, certificates)
    return found


def _check_link(found: Chain, place: int, subject: "Certificate", issuer: "Certificate") -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        with quiet():
            subject.verify_directly_issued_by(issuer)
    except InvalidSignature:
        found.breaks(f"{_name(place, subject)} is not signed by {_name(place + 1, issuer)}")
    except (TypeError, UnsupportedAlgorithm):
        found.doubts(f"{_name(place, subject)} is signed in a way that cannot be verified here")
    except (ValueError, OverflowError):
        found.breaks(f"{_name(place, subject)} does not name {_name(place + 1, issuer)} as its issuer")


def _check_end(found: Chain, last: "Certificate", root_sha256: str) -> None:
    from cryptography.hazmat.primitives.hashes import SHA256

    if last.fingerprint(SHA256()).hex() == root_sha256:
        found.root_pinned = True
    elif is_root(last):
        found.root_pinned = False
        found.trouble.append(f"the chain ends at a root that is not NVIDIA's ({common_name(last) or 'without a name'})")
    else:
        found.doubts("the chain ends before any root")


def _check_constraints(found: Chain, place: int, certificate: "Certificate") -> None:
    """A leaf signs reports and nothing else; those above it sign certificates."""
    from cryptography import x509

    try:
        with quiet():
            extensions = certificate.extensions
    except (ValueError, TypeError, OverflowError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        found.doubts(f"the extensions of {_name(place, certificate)} cannot be read")
        return
    unknown = [e for e in extensions if e.critical and not _known(e.oid.dotted_string)]
    if unknown:
        found.doubts(f"{_name(place, certificate)} has a binding extension that is not known here")
    basic, usage = None, None
    for extension in extensions:
        basic = extension.value if isinstance(extension.value, x509.BasicConstraints) else basic
        usage = extension.value if isinstance(extension.value, x509.KeyUsage) else usage
    if place == 0:
        if (basic is not None and basic.ca) or (usage is not None and not usage.digital_signature):
            found.breaks("the key of the first certificate may not sign reports")
        return
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        found.breaks(f"{_name(place, certificate)} may not sign certificates")
    elif basic.path_length is not None and basic.path_length < place - 1:
        found.breaks(f"the chain below {_name(place, certificate)} is longer than that allows")


def _known(oid: str) -> bool:
    return oid in _KNOWN_CRITICAL or oid.startswith(_FIRMWARE)


def _check_period(found: Chain, place: int, certificate: "Certificate", now: dt.datetime) -> None:
    try:
        with quiet():
            begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, OverflowError):
        found.doubts(f"the dates of {_name(place, certificate)} cannot be read")
        return
    if not begins <= now <= ends:
        found.in_period = False
        found.trouble.append(
            f"by this machine's clock ({now:%Y-%m-%d}) {_name(place, certificate)} is not valid "
            f"({begins:%Y-%m-%d} to {ends:%Y-%m-%d})"
        )


def _chip(found: Chain, certificates: Sequence["Certificate"]) -> str | None:
    """The chip that every certificate which names one agrees on. NVIDIA's authority signed the boot ROM's."""
    names = {match[1] for c in certificates[:2] if (match := _CHIP.match(common_name(c)))}
    names |= {match[1] for c in certificates[1:] if (match := _PROVISIONER.match(common_name(c)))}
    stated = identity(certificates[0])
    names |= {match[1] for match in [_IDENTITY.match(stated)] if match}
    chips = _without_families(names)
    if len(chips) > 1:
        found.trouble.append(f"its certificates name different chips ({', '.join(sorted(chips))})")
    return chips.pop().replace("_", "") if len(chips) == 1 else None


def _without_families(names: set[str]) -> set[str]:
    """``GB20X`` stands for every chip that begins so, and contradicts none of them."""
    single = {name for name in names if not name.endswith("X")}
    families = {name for name in names - single if not any(chip.startswith(name[:-1]) for chip in single)}
    return single | families


def identity(leaf: "Certificate") -> str:
    """The other name of the die in a leaf, empty where there is none."""
    from cryptography import x509

    try:
        with quiet():
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            others = [name for name in names if isinstance(name, x509.OtherName)]
            found = [name.value for name in others if name.type_id.dotted_string == SAN_IDENTITY]
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ""
    # A string of DER: tag, length, text.
    return found[0][2:].decode("ascii", "replace")[:100] if found and found[0][:1] == b"\x0c" else ""


def _name(place: int, certificate: "Certificate") -> str:
    return f"certificate {place + 1} ({common_name(certificate) or 'without a name'})"
