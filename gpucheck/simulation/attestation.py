"""A simulated die's attestation: ``[declared.attestation]`` of a scenario. Nothing is signed; the outcome is stated."""

import datetime as dt
import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field

from gpucheck.model.attestation import Attestation, AttestedCertificate
from gpucheck.model.base import Collected
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.profile import Profile
from gpucheck.simulation.faults import Strict
from gpucheck.sources.attestation.chain import ROOT_SHA256
from gpucheck.sources.attestation.generation import unasked

_FROM = dt.datetime(2023, 6, 20, tzinfo=dt.UTC)
_UNTIL = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
_HELD = {
    "chain_valid": True,
    "chain_signed": True,
    "period_valid": True,
    "root_pinned": True,
    "signature_valid": True,
    "nonce_ours": True,
    "firmware_bound": True,
}
_BROKEN: dict[str, dict[str, Any]] = {
    "wrong_root": {"root_pinned": False, "trouble": "the chain ends at a root that is not NVIDIA's"},
    "bad_signature": {
        "signature_valid": False,
        "trouble": "the report is not signed with the key of the first certificate",
    },
    "stale_nonce": {"nonce_ours": False, "trouble": "the report answers another question than ours"},
    "other_firmware": {
        "firmware_bound": False,
        "trouble": "the first certificate was made for other firmware than the report states",
    },
    "wrong_clock": {
        "chain_valid": False,
        "period_valid": False,
        "trouble": "by this machine's clock (2002-01-01) certificate 1 is not valid",
    },
    "cut_off": {
        "chain_valid": None,
        "chain_signed": None,
        "root_pinned": None,
        "trouble": "the chain ends before any root",
    },
}


class DeclaredAttestation(Strict):
    """What came of asking the die. Without the table it is not asked, for want of the mode or of certificates."""

    state: Literal[
        "valid", "absent", "wrong_root", "bad_signature", "stale_nonce", "other_firmware", "wrong_clock", "cut_off",
        "other_chip",
    ] = "absent"  # fmt: skip
    chip: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9A-Z]{2,4}$")] | None = None
    """What the certificates name; with ``other_chip`` another die than the declared one where it is not given."""
    vbios_version: Annotated[str, Field(max_length=40)] | None = None
    chip_sku: Annotated[str, Field(max_length=10)] | None = None
    project: Annotated[str, Field(max_length=10)] | None = None


def declared_attestation(
    given: DeclaredAttestation | None, nvml: NvmlFacts, profile: Profile
) -> Collected[Attestation]:
    """Return the section: what a die of the declared card attests, or why it is not asked."""
    if given is None or given.state == "absent":
        major, minor = (nvml.compute_capability or profile.die.compute_capability).split(".")
        return unasked((int(major), int(minor)))
    other = "GB207" if profile.die.name != "GB207" else "GB206"
    chip = given.chip or (other if given.state == "other_chip" else profile.die.name)
    facts = {
        **_HELD,
        "chip": chip,
        "chain": _chain(chip),
        "vbios_version": given.vbios_version or nvml.vbios_version,
        "driver_version": nvml.driver_version,
        "chip_sku": given.chip_sku or (nvml.gpu_part_number or "").partition("-")[2][:3] or None,
        "project": given.project,
        **_BROKEN.get(given.state, {}),
    }
    return Attestation(route="simulated", **facts)


def _chain(chip: str) -> tuple[AttestedCertificate, ...]:
    names = (f"{chip} A01 GSP FMC LF", f"{chip} A01 GSP BROM", f"NVIDIA {chip} Provisioner ICA 00000")
    subjects = [*names, f"NVIDIA {chip} Identity", "NVIDIA Device Identity CA"]
    prints = [hashlib.sha256(subject.encode()).hexdigest() for subject in subjects[:-1]]
    return tuple(
        AttestedCertificate(
            subject=f"CN={subject}",
            issuer=f"CN={issuer}",
            serial=mark[:16].upper(),
            not_before=_FROM,
            not_after=_UNTIL,
            sha256=mark,
        )
        for subject, issuer, mark in zip(subjects, [*subjects[1:], subjects[-1]], [*prints, ROOT_SHA256], strict=True)
    )
