"""The VBIOS that a simulated card declares: ``[declared.vbios]`` of a scenario, completed from the card's other facts.

A scenario without the table declares the version alone, as a driver states it where the ROM cannot be read.
"""

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import Field

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.evidence import U16, NvmlFacts
from gpucheck.model.profile import Profile
from gpucheck.model.vbios import ImageKind, VbiosFacts, VbiosImage
from gpucheck.simulation.faults import Strict

_WORD = Annotated[str, Field(max_length=120)]
_VERSION = Annotated[str, Field(pattern=r"^[0-9A-F]{2}(\.[0-9A-F]{2}){4}$")]
_SIGNED_FROM = (6, 0)
_CHAINS: dict[bool, tuple[tuple[ImageKind, int, int], ...]] = {
    False: (("x86", 0x00, 62976), ("uefi", 0x03, 70144)),
    True: (("x86", 0x00, 65024), ("uefi", 0x03, 83968), ("firmware", 0xE0, 22016), ("firmware", 0xE0, 395264)),
}
"""Signed or not to kind, code type and length in bytes of each image."""
_FLASH_HEADER_BYTES = 0x9400
_NO_ROM = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="the scenario declares no ROM")
_NO_VERSION = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="no VBIOS is declared")


class DeclaredVbios(Strict):
    """What the ROM says. What is not stated is what an honest ROM of the declared card says."""

    version: _VERSION | None = None
    version_text: _VERSION | None = None
    device_id: U16 | None = None
    subsystem_vendor_id: U16 | None = None
    subsystem_id: U16 | None = None
    flash_subsystem_vendor_id: U16 | None = None
    flash_subsystem_id: U16 | None = None
    form: Literal["flash", "option_rom"] = "flash"
    sign_on: _WORD | None = None
    build_date: dt.date | None = None
    chip_sku: Annotated[str, Field(pattern=r"^\d{3}$")] | None = None
    project: Annotated[str, Field(pattern=r"^([A-Z]\d{3}|\d{4})$")] | None = None
    board_id: U16 | None = None
    mobile: bool | None = None
    memory_types: Annotated[tuple[_WORD, ...], Field(strict=False, max_length=16)] = ()
    signed: bool | None = None
    checksum: Literal["good", "bad"] = "good"
    complete: bool = True


def declared_vbios(given: DeclaredVbios | None, nvml: NvmlFacts, profile: Profile) -> Collected[VbiosFacts]:
    """Return the section: the whole ROM, the version alone, or why there is neither."""
    if given is None:
        if not nvml.vbios_version:
            return _NO_VERSION
        return VbiosFacts(source="simulated", version=nvml.vbios_version, missing={"rom": _NO_ROM})
    stated = given.model_dump(exclude_none=True, exclude={"memory_types", "checksum", "complete"})
    capability = tuple(int(part) for part in profile.die.compute_capability.split("."))
    version = given.version or nvml.vbios_version
    facts: dict[str, Any] = {
        "version": version,
        "version_internal": version,
        "version_text": version,
        "generation": profile.die.architecture,
        "vendor_id": 0x10DE,
        "device_id": nvml.device_id,
        "subsystem_vendor_id": nvml.subsystem_vendor_id,
        "subsystem_id": nvml.subsystem_id,
        "chip_sku": _chip_sku(nvml),
        "mobile": profile.form_factor == "laptop",
        "signed": True if capability >= _SIGNED_FROM else None,
        "table_checksum": "good",
        **stated,
    }
    return VbiosFacts(
        source="simulated",
        images=_images(given, facts["device_id"] or 0, bool(capability >= _SIGNED_FROM)),
        complete=given.complete,
        memory=_memory(given.memory_types or tuple(layout.type for layout in profile.memory)),
        **facts,
    )


def _images(given: DeclaredVbios, device_id: int, signed: bool) -> tuple[VbiosImage, ...]:
    chain = _CHAINS[signed]
    chain = chain if given.form == "flash" else chain[:2]
    offset = _FLASH_HEADER_BYTES if given.form == "flash" else 0
    images = []
    for number, (kind, code_type, length) in enumerate(chain, start=1):
        last = number == len(chain)
        images.append(
            VbiosImage(
                offset_bytes=offset,
                length_bytes=length,
                code_type=code_type,
                kind=kind,
                vendor_id=0x10DE,
                device_id=device_id,
                last=last and given.complete,
                checksum=given.checksum if last else "good",
            )
        )
        offset += length
    return tuple(images)


def _memory(types: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    return tuple({"strap": strap, "type": kind, "vendor": "Samsung"} for strap, kind in enumerate(dict.fromkeys(types)))


def _chip_sku(nvml: NvmlFacts) -> str | None:
    match = re.match(r"[0-9A-F]{4}-(\d{3})", nvml.gpu_part_number or "")
    return match[1] if match else None
