"""A die's own signature over a question of ours, and the chain of certificates behind its key."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gpucheck.model.base import Frozen, Unavailable

DATA_CENTRE_BLACKWELL = frozenset({"GB100", "GB102", "GB110", "GB112"})
"""Halves and variants of one design. Which of the names a product's certificates carry is on record for B200 alone."""
ATTESTING_DIES = frozenset({"GH100", *DATA_CENTRE_BLACKWELL, "GB202", "GB203", "GB205", "GB206", "GB207"})
"""Dies for which NVIDIA's open kernel modules carry the certificate of a provisioning authority (release 595)."""


class AttestedCertificate(Frozen):
    """One certificate of the chain."""

    subject: str
    issuer: str
    serial: str
    not_before: AwareDatetime
    not_after: AwareDatetime
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Attestation(Frozen):
    """A signed report of measurements. It speaks for the die and its firmware, never for board, memory or cooler.

    A ``None`` among the flags was not decided: ``missing`` or ``trouble`` says why. It is neither good nor bad.
    """

    route: Literal["nvml", "file", "library", "simulated"]
    chip: str | None = None
    """As the certificates name it: ``GH100``."""
    chain: tuple[AttestedCertificate, ...] = ()
    """From the leaf to the root."""
    chain_valid: bool | None = None
    """Every signature, period and constraint holds."""
    chain_signed: bool | None = None
    """Every signature and constraint holds, whatever the dates say."""
    period_valid: bool | None = None
    """By this machine's clock, every certificate is within its period."""
    root_pinned: bool | None = None
    """The chain ends at NVIDIA's own root. None where it ends before any root."""
    signature_valid: bool | None = None
    """The report is signed with the leaf's key."""
    nonce_ours: bool | None = None
    """The report answers the question that we asked, so it is fresh; None where no question of ours was in it."""
    firmware_bound: bool | None = None
    """The leaf's certificate names the firmware that the report measured."""
    vbios_version: str | None = None
    driver_version: str | None = None
    board_id: str | None = None
    chip_sku: str | None = None
    project: str | None = None
    project_sku: str | None = None
    trouble: str = ""
    """What does not hold, in words; empty where all of it does."""
    missing: dict[str, Unavailable] = {}
    raw: dict[str, str] = {}
    """Certificates in Base64, report and nonce in hexadecimal, so that a better parser can read them again."""
