"""A die's own signature over a question of ours, and the chain of certificates behind its key."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gpucheck.model.base import Frozen, Unavailable


class AttestedCertificate(Frozen):
    """One certificate of the chain."""

    subject: str
    issuer: str
    serial: str
    not_before: AwareDatetime
    not_after: AwareDatetime
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Attestation(Frozen):
    """A signed report of measurements. It speaks for the die and its firmware, never for board, memory or cooler."""

    route: Literal["nvml", "file", "library", "simulated"]
    chip: str | None = None
    """As the certificates name it: ``GH100``."""
    chain: tuple[AttestedCertificate, ...] = ()
    """From the leaf to the root."""
    chain_valid: bool | None = None
    """Every signature, period and constraint holds."""
    root_pinned: bool | None = None
    """The chain ends at NVIDIA's own root."""
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
