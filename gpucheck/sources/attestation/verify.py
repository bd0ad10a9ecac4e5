"""From certificates and a report to the section: everything is verified here, offline, and nothing is believed.

What is not done: asking NVIDIA's servers whether a certificate was revoked (OCSP), and comparing measurements with the
values that NVIDIA publishes for a firmware (RIM). Both need a network; neither is about which die this is.
"""

import base64
import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.text import sanitise
from gpucheck.sources.attestation import certificates as reader
from gpucheck.sources.attestation import firmware_id, opaque, spdm
from gpucheck.sources.attestation.chain import ROOT_SHA256, Chain, check_chain, identity

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Route = Literal["nvml", "file", "library"]

NO_LIBRARY = Unavailable(
    unavailable=Reason.NOT_INSTALLED,
    detail="the Python package cryptography, which verifies signatures, is not installed or older "
    "than 42: pip install 'cryptography>=42'",
)
_OUTSIDE_P384 = "the key of the first certificate is not of the kind that signs reports (P-384)"
_REPORT_RAW_BYTES = 1 << 14


@dataclass
class _Findings:
    values: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, Unavailable] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    raw: dict[str, str] = field(default_factory=dict)

    def lack(self, why: str, *fields: str) -> None:
        absence = Unavailable(unavailable=Reason.FAILED, detail=why)
        self.missing |= dict.fromkeys(fields, absence)


def verify(
    chain: bytes,
    report: bytes,
    route: Route,
    nonce: bytes | None = None,
    *,
    now: dt.datetime | None = None,
    root_sha256: str = ROOT_SHA256,
) -> Collected[Attestation]:
    """Verify a chain (PEM, or DER in a row) and a report over ``nonce``, which is None where no question was ours.

    ``now`` and ``root_sha256`` are for tests. Never raises for what the bytes hold.
    """
    if not reader.installed():
        return NO_LIBRARY
    found = _Findings()
    leaf = _read_chain(found, chain, now or dt.datetime.now(dt.UTC), root_sha256)
    _read_report(found, report, leaf, nonce)
    return Attestation(
        route=route, trouble="; ".join(found.trouble)[:1000], missing=found.missing, raw=found.raw, **found.values
    )


def _read_chain(found: _Findings, data: bytes, now: dt.datetime, root_sha256: str) -> "Certificate | None":
    """Verify the certificates and return the leaf, None where there is none."""
    fields = ("chip", "chain_valid", "chain_signed", "period_valid", "root_pinned")
    try:
        encoded = reader.encoded(data)
        found.raw |= {f"certificate {n}": base64.b64encode(each).decode() for n, each in enumerate(encoded, start=1)}
        loaded = reader.load(encoded)
        found.values["chain"] = tuple(reader.described(each) for each in loaded)
    except reader.NoChain as error:
        found.trouble.append(f"the certificates cannot be read: {error}")
        found.lack(str(error), *fields)
        return None
    judged = check_chain(loaded, now, root_sha256)
    found.trouble += judged.trouble
    found.values |= _of_chain(judged)
    for name in fields:
        if found.values[name] is None:
            found.lack(_why_open(name, judged), name)
    if named := identity(loaded[0]):
        found.raw["certificate identity"] = sanitise(named, 100)
    return loaded[0]


def _of_chain(chain: Chain) -> dict[str, Any]:
    return {
        "chip": chain.chip,
        "chain_valid": chain.valid,
        "chain_signed": chain.signed,
        "period_valid": chain.in_period,
        "root_pinned": chain.root_pinned,
    }


def _why_open(name: str, chain: Chain) -> str:
    if name == "chip":
        return "the certificates name no chip, or several"
    return chain.trouble[-1] if chain.trouble else "not decided"


def _read_report(found: _Findings, data: bytes, leaf: "Certificate | None", nonce: bytes | None) -> None:
    fields = ("signature_valid", "nonce_ours", "firmware_bound")
    found.raw["report"] = data[:_REPORT_RAW_BYTES].hex()
    if nonce is not None:
        found.raw["nonce"] = nonce[:64].hex()
    try:
        report = spdm.parse(data)
    except spdm.NoReport as error:
        found.trouble.append(f"the report cannot be read: {error}")
        found.lack(str(error), *fields, *opaque.facts({})[1])
        return
    _read_nonce(found, report, nonce)
    stated = opaque.fields(report.opaque)
    if stated is None:
        found.trouble.append("the report's own data is cut off")
    values, missing = opaque.facts(stated or {})
    found.values |= values
    found.missing |= missing
    _read_firmware(found, (stated or {}).get(opaque.FIRMWARE_ID), leaf)
    _read_signature(found, report, leaf)


def _read_nonce(found: _Findings, report: spdm.Report, nonce: bytes | None) -> None:
    if nonce is None:
        found.lack("no question of ours was in it, so that it may be of any age", "nonce_ours")
        return
    found.values["nonce_ours"] = report.nonce == nonce
    if report.nonce != nonce:
        found.trouble.append("the report answers another question than ours")


def _read_signature(found: _Findings, report: spdm.Report, leaf: "Certificate | None") -> None:
    """Verify the signature over the transcript, by SPDM 1.1 without any prefix."""
    if leaf is None or not report.wants_signature:
        why = "there is no certificate to verify it with" if leaf is None else "no signature was asked for"
        found.lack(why, "signature_valid")
        found.trouble += [] if leaf is None else [why]
        return
    valid = _signature_holds(report, leaf)
    if valid is None:
        found.trouble.append(_OUTSIDE_P384)
        found.lack(_OUTSIDE_P384, "signature_valid")
        return
    found.values["signature_valid"] = valid
    if not valid:
        found.trouble.append("the report is not signed with the key of the first certificate")


def _signature_holds(report: spdm.Report, leaf: "Certificate") -> bool | None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA384

    half = spdm.SIGNATURE_BYTES // 2
    r, s = (int.from_bytes(part, "big") for part in (report.signature[:half], report.signature[half:]))
    try:
        with reader.quiet():
            key = leaf.public_key()
            if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
                return None
            key.verify(encode_dss_signature(r, s), report.signed, ec.ECDSA(SHA384()))
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return True


def _read_firmware(found: _Findings, stated: bytes | None, leaf: "Certificate | None") -> None:
    """Compare the firmware's digest in the report with those in the leaf. Firmware before 2024 states none."""
    named = _firmware_of(leaf) if leaf is not None else ()
    if stated is None or not named:
        why = "the report states no firmware" if stated is None else "the first certificate names no firmware"
        found.missing["firmware_bound"] = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=why)
        return
    found.values["firmware_bound"] = stated in named
    if stated not in named:
        found.trouble.append("the first certificate was made for other firmware than the report states")


def _firmware_of(leaf: "Certificate") -> tuple[bytes, ...]:
    from cryptography import x509

    try:
        with reader.quiet():
            held = [e.value for e in leaf.extensions if e.oid.dotted_string in firmware_id.EXTENSIONS]
    except (ValueError, TypeError, OverflowError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()
    raw = [value.value for value in held if isinstance(value, x509.UnrecognizedExtension)]
    # The second digest of a list is of what was loaded later, and all zero where that is nothing.
    return tuple(digest for each in raw for digest in firmware_id.digests(each) if any(digest))
