"""Certificates and signed reports as a die would give them, from a root of our own; each part can be made wrong."""

import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gpucheck.model.attestation import Attestation
from gpucheck.sources.attestation import verify

BEGIN, END = dt.datetime(2023, 6, 20, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
NONCE = bytes(range(32))
FIRMWARE = bytes(range(100, 148))
VBIOS, DRIVER, BOARD, CHIP_SKU, PROJECT, PROJECT_SKU, FWID = 6, 3, 14, 15, 17, 18, 20
SHA384_OID = bytes.fromhex("0609608648016503040202")
KEY_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    wide = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(wide))) + wide + content


def firmware_extension(form: str, digest: bytes, critical: bool = False) -> tuple[x509.UnrecognizedExtension, bool]:
    """GH100 has the composite form, GB100 the list."""
    pair = der(0x30, SHA384_OID + der(0x04, digest))
    if form == "composite":
        key = der(0x30, der(0x30, bytes.fromhex("06072a8648ce3d020106052b81040022")) + der(0x03, bytes(98)))
        value, oid = der(0x30, b"\x02\x01\x01" + key + pair), "2.23.133.5.4.1"
    else:
        empty = der(0x30, SHA384_OID + der(0x04, bytes(48)))
        told = der(0x80, b"NVIDIA") + der(0x81, b"GB202 A01 GSP") + der(0x83, b"\x01")
        value, oid = der(0x30, told + der(0xA6, pair + empty) + der(0x87, bytes(5))), "2.23.133.5.4.1.1"
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


@dataclass(frozen=True)
class Die:
    """A die with its chain, the leaf first, and the key with which it signs."""

    certificates: tuple[x509.Certificate, ...]
    key: Any
    root: str

    @property
    def pem(self) -> bytes:
        return b"".join(c.public_bytes(Encoding.PEM) for c in self.certificates)

    @property
    def der(self) -> bytes:
        """As SPDM hands it over: from the root, without anything between."""
        return b"".join(c.public_bytes(Encoding.DER) for c in reversed(self.certificates))

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(SHA384())))
        return r.to_bytes(48, "big") + s.to_bytes(48, "big")


@dataclass
class Wishes:
    """How the chain differs from an honest one."""

    chip: str = "GB202"
    names: dict[int, str] = field(default_factory=dict)
    """Common names by place, 0 the leaf."""
    not_ca: tuple[int, ...] = ()
    no_basic: tuple[int, ...] = ()
    path_length: dict[int, int] = field(default_factory=dict)
    no_cert_sign: tuple[int, ...] = ()
    leaf_is_ca: bool = False
    leaf_may_sign: bool = True
    unknown_critical: int | None = None
    swapped_key: int | None = None
    """The certificate at this place is signed by a stranger in its issuer's name."""
    firmware: str | None = "list"
    digest: bytes = FIRMWARE
    identity: str | None = None
    begin: dt.datetime = BEGIN
    end: dt.datetime = END
    leaf_curve: ec.EllipticCurve = field(default_factory=ec.SECP384R1)


def name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Corporation"),
        ]
    )


def make(**wishes: Any) -> Die:
    """A die of five certificates: leaf, boot ROM, provisioner, identity, root."""
    wish = Wishes(**wishes)
    chip = wish.chip
    common = [f"{chip} A01 GSP FMC LF", f"{chip} A01 GSP BROM", f"NVIDIA {chip} Provisioner ICA 00000"]
    common += ["NVIDIA GB20X Identity", "Example Device Identity CA"]
    common = [wish.names.get(place, text) for place, text in enumerate(common)]
    keys = [ec.generate_private_key(wish.leaf_curve if place == 0 else ec.SECP384R1()) for place in range(5)]
    chain = []
    for place in range(5):
        above = min(place + 1, 4)
        signer = ec.generate_private_key(ec.SECP384R1()) if wish.swapped_key == place else keys[above]
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common[place]))
            .issuer_name(name(common[above]))
            .public_key(keys[place].public_key())
            .serial_number(0x1000 + place)
            .not_valid_before(wish.begin)
            .not_valid_after(wish.end)
        )
        for extension, critical in extensions(wish, place):
            builder = builder.add_extension(extension, critical)
        chain.append(builder.sign(signer, SHA384()))
    return Die(tuple(chain), keys[0], chain[-1].fingerprint(SHA256()).hex())


def extensions(wish: Wishes, place: int) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    if place and place not in wish.no_basic:
        is_ca = place not in wish.not_ca
        found.append((x509.BasicConstraints(is_ca, wish.path_length.get(place) if is_ca else None), True))
    elif wish.leaf_is_ca:
        found.append((x509.BasicConstraints(True, None), True))
    uses = dict.fromkeys(KEY_USES, False)
    uses |= {"key_cert_sign": place not in wish.no_cert_sign} if place else {"digital_signature": wish.leaf_may_sign}
    uses["content_commitment"] = not any(uses.values())
    found.append((x509.KeyUsage(**uses), True))
    if place == 0:
        told = wish.identity or f"NVIDIA:{wish.chip}:48B02D0011223344"
        other = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.412.274.1"), der(0x0C, told.encode()))
        found.append((x509.SubjectAlternativeName([other]), False))
        if wish.firmware:
            found.append(firmware_extension(wish.firmware, wish.digest))
    if wish.unknown_critical == place:
        found.append((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\0"), True))
    return found


@cache
def honest(chip: str = "GB202", firmware: str = "list") -> Die:
    return make(chip=chip, firmware=firmware)


FIELDS: dict[int, bytes] = {
    VBIOS: bytes.fromhex("0088009805000000"),
    BOARD: bytes.fromhex("37040000"),
    CHIP_SKU: b"885\0\0\0\0\0\0",
    PROJECT: b"G520\0",
    PROJECT_SKU: b"0200\0",
    DRIVER: b"590.12\0",
    FWID: FIRMWARE,
}


def opaque(fields: dict[int, bytes]) -> bytes:
    return b"".join(k.to_bytes(2, "little") + len(v).to_bytes(2, "little") + v for k, v in fields.items())


def transcript(
    nonce: bytes = NONCE,
    fields: dict[int, bytes | None] | None = None,
    *,
    version: int = 0x11,
    asked: int = 1,
    blocks: int = 4,
) -> bytes:
    """Question and answer up to where the signature begins. A field that is None is left out."""
    told = {kind: value for kind, value in (FIELDS | (fields or {})).items() if value is not None}
    measured = b"".join(
        bytes((n, 1)) + (51).to_bytes(2, "little") + b"\x01\x30\0" + bytes((n,)) * 48 for n in range(1, blocks + 1)
    )
    data = opaque(told)
    question = bytes((version, 0xE0, asked, 0xFF)) + nonce + b"\0"
    head = bytes((version, 0x60, 0, 0, blocks)) + len(measured).to_bytes(3, "little")
    return question + head + measured + bytes(32) + len(data).to_bytes(2, "little") + data


def report(die: Die, **wishes: Any) -> bytes:
    signed = transcript(**wishes)
    return signed + die.sign(signed)


def judged(
    die: Die, data: bytes | None = None, nonce: bytes | None = NONCE, chain: bytes | None = None, **given: Any
) -> Attestation:
    """Verify with the root of our own as the pinned one."""
    root = given.pop("root_sha256", die.root)
    facts = verify(
        die.pem if chain is None else chain,
        report(die) if data is None else data,
        "nvml",
        nonce,
        now=given.pop("now", NOW),
        root_sha256=root,
    )
    assert isinstance(facts, Attestation)
    return facts
