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
from gpucheck.model.vbios import ImageKind, MemoryChoice, PowerLimits, VbiosFacts, VbiosImage
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
_FOR_ROOT = Unavailable(unavailable=Reason.NO_PERMISSION, detail="only root may read the card's ROM")
_NO_WINDOW = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="this system shows no ROM of the card")
_NOT_FIELDS = {"memory_types", "memory_density_gbit", "power_default_watts", "checksum", "complete"}
_LARGEST_GBIT = {"GDDR5": 8, "GDDR5X": 8, "GDDR6": 16, "GDDR6X": 16, "GDDR7": 24}
_OLDER_CHIPS = {"geforce-rtx-3090": 8.0}
"""SKUs built of twice as many chips as they would need today."""
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
    chip_sku: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    project: Annotated[str, Field(pattern=r"^([A-Z][0-9]{3}|[0-9]{4})$")] | None = None
    board_id: U16 | None = None
    mobile: bool | None = None
    memory_types: Annotated[tuple[_WORD, ...], Field(strict=False, max_length=16)] = ()
    memory_density_gbit: Annotated[float, Field(gt=0, le=64)] | None = None
    """Of the chips that the firmware is set to; by default those that an honest card of this size has."""
    memory_strap: Annotated[int, Field(ge=0, le=15)] | None = None
    power_default_watts: Annotated[float, Field(gt=0, le=2000)] | None = None
    signed: bool | None = None
    checksum: Literal["good", "bad"] = "good"
    complete: bool = True


def declared_vbios(
    given: DeclaredVbios | None, nvml: NvmlFacts, profile: Profile, windows: bool = False
) -> Collected[VbiosFacts]:
    """Return the section: the whole ROM, the version alone, or why there is neither."""
    if given is None:
        if not nvml.vbios_version:
            return _NO_VERSION
        why = _NO_WINDOW if windows else _FOR_ROOT
        return VbiosFacts(source="simulated", version=nvml.vbios_version, missing={"rom": why})
    stated = given.model_dump(exclude_none=True, exclude=_NOT_FIELDS)
    capability = profile.die.capability_numbers
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
        memory=_memory(given, profile),
        power=_power(given, nvml),
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


def _memory(given: DeclaredVbios, profile: Profile) -> tuple[MemoryChoice, ...]:
    types = dict.fromkeys(given.memory_types or tuple(layout.type for layout in profile.memory))
    densities = {kind: given.memory_density_gbit or density_gbit(profile, kind) for kind in types}
    return tuple(
        MemoryChoice(strap=strap, type=kind, vendor="Samsung", density_gbit=densities[kind])
        for strap, kind in enumerate(types)
    )


def density_gbit(profile: Profile, kind: str) -> float | None:
    """Of one chip, where the SKU's usual size is built of as few as there can be; None for stacked and odd builds."""
    layout = next((each for each in profile.memory if each.type == kind), profile.memory[0])
    width, most = layout.bus_width_bits, _LARGEST_GBIT.get(kind)
    if not width or not most or width % 32 or layout.uneven:
        return None
    wanted = max(layout.sizes_mib) * 8 / 1024 / (width / 32)
    fewest = next((wanted / chips for chips in (1, 2) if wanted / chips <= most), None)
    return _OLDER_CHIPS.get(profile.id, fewest)


def _power(given: DeclaredVbios, nvml: NvmlFacts) -> PowerLimits | None:
    watts = given.power_default_watts or nvml.power_default_watts
    if watts is None or nvml.power_min_watts is None or nvml.power_max_watts is None:
        return None
    return PowerLimits(
        min_watts=min(watts, nvml.power_min_watts), default_watts=watts, max_watts=max(watts, nvml.power_max_watts)
    )


def _chip_sku(nvml: NvmlFacts) -> str | None:
    match = re.match(r"[0-9A-F]{4}-(\d{3})", nvml.gpu_part_number or "")
    return match[1] if match else None
