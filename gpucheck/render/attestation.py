"""A verified attestation as a person reads it: what holds, what does not, what was signed, and what it cannot say."""

from collections.abc import Iterator

from gpucheck.model.attestation import Attestation, AttestedCertificate
from gpucheck.render.style import Look

_GAP = 15
_LIMITS = (
    "A valid attestation says that a die of this name, made by NVIDIA, runs firmware that NVIDIA signed. It says "
    "nothing of board, memory and cooler. Whether NVIDIA revoked a certificate since was not asked."
)


def render_attestation(facts: Attestation, name: str, look: Look) -> str:
    """Return the page of one die; ``name`` is the file."""
    lines = [look.paint(look.fit(f"{name}: {facts.chip or 'no die that it names'}", look.width), "bold")]
    for label, value in (*_verified(facts), *_signed(facts)):
        lines += look.labelled(label, value, indent=2, gap=_GAP)
    if facts.chain:
        lines += ["", look.paint("Certificates", "bold")]
        for certificate in facts.chain:
            lines += look.paragraph(_certificate(certificate), indent=2)
    if facts.trouble:
        lines += ["", look.paint(_heading(facts), "bold"), *look.paragraph(facts.trouble, indent=2)]
    lines += ["", *look.paragraph(_LIMITS)]
    return "\n".join(lines) + "\n"


def _verified(facts: Attestation) -> Iterator[tuple[str, str]]:
    signed = {True: "every signature and constraint holds", False: "DOES NOT HOLD"}
    yield "chain", f"{len(facts.chain)} certificates, {_told(facts, 'chain_signed', signed)}"
    yield "root", _told(facts, "root_pinned", {True: "NVIDIA's own", False: "NOT NVIDIA'S"})
    yield "dates", _told(facts, "period_valid", {True: "valid now", False: "NOT VALID by this machine's clock"})
    signature = {True: "signed with the die's certified key", False: "SIGNATURE WRONG"}
    yield "report", _told(facts, "signature_valid", signature)
    yield "question", _told(facts, "nonce_ours", {True: "yours, so it is fresh", False: "ANOTHER THAN YOURS"})
    firmware = {True: "as the certificate names it", False: "OTHER than the certificate names"}
    yield "firmware", _told(facts, "firmware_bound", firmware)


def _heading(facts: Attestation) -> str:
    flags = (facts.chain_valid, facts.root_pinned, facts.signature_valid, facts.nonce_ours, facts.firmware_bound)
    return "Does not hold" if False in flags else "Not decided"


def _told(facts: Attestation, field: str, words: dict[bool, str]) -> str:
    value = getattr(facts, field)
    if value is not None:
        return words[value]
    absence = facts.missing.get(field)
    return f"not decided: {absence.detail}" if absence else "not decided"


def _signed(facts: Attestation) -> Iterator[tuple[str, str]]:
    """What the report states, by the firmware's word."""
    if facts.vbios_version:
        yield "VBIOS", facts.vbios_version
    if facts.driver_version:
        yield "driver", facts.driver_version
    if facts.chip_sku or facts.project:
        project = f"{facts.project or 'no project'} {facts.project_sku or ''}".rstrip()
        yield "chip, project", f"SKU {facts.chip_sku or 'not stated'}, {project}"
    if facts.board_id:
        yield "board id", facts.board_id


def _certificate(certificate: AttestedCertificate) -> str:
    begins, ends = f"{certificate.not_before:%Y-%m-%d}", f"{certificate.not_after:%Y-%m-%d}"
    return f"{certificate.subject}; {begins} to {ends}; SHA-256 {certificate.sha256[:16]}"
