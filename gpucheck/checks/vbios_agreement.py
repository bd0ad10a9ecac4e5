"""Whether the firmware in the card's ROM is the firmware of this card.

What it checks: device ids, version, die and subsystem that the ROM itself names, against what PCI, the kernel driver
and NVML state and what the profile knows.
Why it matters: a device id that was forged at the bus, by the driver or in the ROM's own header is not forged in the
other places; firmware names the die that it was built for.
How it can be fooled: with a whole, signed ROM of the very model that is claimed, or by a driver that answers for all
routes. A saved file proves nothing about where it was saved.
A failure does not mean: that the seller did it. What is no failure: firmware of another board partner for the same
model, which owners flash for its power limit and which is noted; firmware that was flashed after the driver started; a
saved file, or a host's copy of the boot card's ROM, that belongs to another card; a ROM that a virtual machine's host
supplies. Those are told and left open.
References: PCI Firmware Specification 3.0; NVIDIA's BIOS Information Table; 45 public images: of the 43 whose device
id is in the catalog, all name the die that it belongs to.
"""

from gpucheck.checks.base import Case, Missing, Outcome, check, inconclusive, of_the_whole_card
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import DriverFacts, NvmlFacts, PciFacts
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.units import pci_id
from gpucheck.model.vbios import VbiosFacts

_OFF_THE_BUS = 0xFFFF
_WITHOUT_LAST_BYTE = len("00.00.00.00")
"""A board partner may finish the last byte, and sources differ in which of the two they print."""
_OTHER_FILE = "the file is older than the card's firmware or of another card of this model, "
_OTHER_CARD = {
    "file": "the file was saved from another card",
    "sysfs": "the host keeps a copy of another card's ROM at this place",
}


@check(
    id="vbios-agreement", title="VBIOS ROM against the card", severity=Severity.HIGH, edge=("VBIOS ROM", "device id")
)
def vbios_agreement(case: Case) -> Outcome:
    """Hold what the ROM names against what the card states."""
    if case.partitioned:
        return of_the_whole_card("ROM", case)
    rom = rom_of(case)
    device_id, told = _device_id(case), _told_versions(case)
    own = device_id in rom.device_ids if rom.device_ids and device_id is not None else None
    same = _same_version(rom, told)
    if own is None and same is None:
        return inconclusive("Neither the ROM's device id nor its version can be compared.", _says(rom))
    if own is False and same is not True:
        why = _OTHER_CARD.get(rom.source, "it is another card's")
        return _open(rom, device_id, f"What was read, {_says(rom)}, is firmware for other cards; {why}.")
    contradiction = _foreign_die(case, rom) or (None if own is not False else _foreign_id(rom, device_id))
    if contradiction:
        return _failed(case, rom, contradiction, device_id)
    if same is False:
        return _open(
            rom,
            device_id,
            f"The ROM holds {rom.version}, the driver states {' and '.join(_spellings(told))}: it was flashed since "
            f"the driver started, {_OTHER_FILE if rom.source == 'file' else ''}or the driver makes its version up. "
            "Restart the machine and scan again.",
        )
    return _agreed(case, rom, own=same is True or rom.source != "file")


def rom_of(case: Case) -> VbiosFacts:
    """Return the parsed ROM. Raises ``Missing`` with the reason where it was not read."""
    section = case.evidence.vbios
    if isinstance(section, Unavailable):
        raise Missing(f"the VBIOS ROM was not read ({_reason(section)})", "vbios")
    if not section.read:
        why = section.missing.get("rom")
        raise Missing(f"of the VBIOS ROM only the version is known ({_reason(why) if why else 'no ROM'})", "vbios.rom")
    return section


def runs_on(case: Case, rom: VbiosFacts) -> bool:
    """Whether a ROM is known to be the one that runs: read from the card, or of the version that the driver states."""
    same = _same_version(rom, _told_versions(case))
    return rom.read and (same is True or (same is None and rom.source in ("sysfs", "simulated")))


def _reason(absence: Unavailable) -> str:
    reason = absence.unavailable.value.replace("_", " ")
    return f"{reason}: {absence.detail}" if absence.detail else reason


def _device_id(case: Case) -> int | None:
    pci, declared = case.evidence.pci, case.evidence.declared
    if isinstance(pci, PciFacts) and pci.device_id not in (None, _OFF_THE_BUS):
        return pci.device_id
    return declared.device_id if declared else None


def _told_versions(case: Case) -> dict[str, str]:
    """The version by every route that does not read the ROM."""
    evidence = case.evidence
    told = {
        "nvml": evidence.nvml.vbios_version if isinstance(evidence.nvml, NvmlFacts) else None,
        "nvidia_smi": evidence.nvidia_smi.vbios_version if isinstance(evidence.nvidia_smi, NvmlFacts) else None,
        "driver": evidence.driver.vbios_version if isinstance(evidence.driver, DriverFacts) else None,
    }
    return {route: version for route, version in told.items() if version}


def _spellings(told: dict[str, str]) -> tuple[str, ...]:
    """Each version once: routes differ in the case of its letters."""
    return tuple(dict.fromkeys(version.upper() for version in told.values()))


def _same_version(rom: VbiosFacts, told: dict[str, str]) -> bool | None:
    held = {v[:_WITHOUT_LAST_BYTE].upper() for v in (rom.version, rom.version_internal) if v}
    if not held or not told:
        return None
    return all(version[:_WITHOUT_LAST_BYTE].upper() in held for version in told.values())


def _foreign_die(case: Case, rom: VbiosFacts) -> str | None:
    """How the die that the version was built for differs from the one that the card's id names."""
    if not case.match.fitting or not rom.version:
        return None
    family = rom.version[:5]
    expected = {known for profile in case.profiles for known in profile.die.vbios_families}
    others = case.catalog.dies_of_vbios_family(family)
    if not expected or family in expected or not others:
        return None
    dies = " or ".join(dict.fromkeys(profile.die.name for profile in case.profiles))
    return f"its version {rom.version} was built for {' or '.join(others)}, the card's id names {dies}"


def _foreign_id(rom: VbiosFacts, device_id: int | None) -> str:
    made_for = ", ".join(f"{each:04x}" for each in rom.device_ids)
    return f"it was made for device id {made_for}, the card states {device_id or 0:04x}, and both state {rom.version}"


def _failed(case: Case, rom: VbiosFacts, contradiction: str, device_id: int | None) -> Outcome:
    host = case.evidence.host
    if host.hypervisor or host.wsl:
        return _open(rom, device_id, f"The ROM contradicts the card ({contradiction}); a host can supply its own ROM.")
    return Outcome(
        Status.FAIL,
        f"The ROM is not the firmware of the card that this one states to be: {contradiction}.",
        observed=_says(rom),
        expected=f"firmware for {pci_id(0x10DE, device_id)}",
        remedy="Ask who flashed or rebuilt it. Until the silicon is measured, treat it as the model of its firmware.",
        confidence=Confidence.MEDIUM,
        evidence=("vbios.device_id", "vbios.version", "pci.device_id", f"{case.declared_section}.vbios_version"),
        kinds=(Kind.REMARKED, Kind.FIRMWARE_ALTERED),
    )


def _agreed(case: Case, rom: VbiosFacts, *, own: bool) -> Outcome:
    """``own`` says that it is known to be this card's, and no file of another one of the model."""
    notes = [note for note in (_other_partner(case, rom), _rewritten_header(rom), _other_memory(case, rom)) if note]
    if not notes and not own:
        told = (
            "The ROM is firmware of this model. No driver stated a version by which to tell whether it is this card's."
        )
        return Outcome(Status.PASS, told, _says(rom), confidence=Confidence.LOW)
    if not notes:
        return Outcome(Status.PASS, "The ROM is firmware of this card.", _says(rom))
    return Outcome(
        Status.PASS,
        f"The ROM is firmware of this model. Noted: {'; '.join(notes)}.",
        observed=_says(rom),
        remedy="If the card was sold as untouched, ask who flashed it.",
        severity=Severity.LOW,
        evidence=("vbios.subsystem_id", "pci.subsystem_id"),
    )


def _other_partner(case: Case, rom: VbiosFacts) -> str | None:
    """Another board's firmware of the same model: common, and the owner's right."""
    live = _live_subsystem(case)
    own = (rom.subsystem_vendor_id, rom.subsystem_id)
    if live is None or None in own or own == live or live[0] in (0, _OFF_THE_BUS):
        return None
    maker = case.catalog.subsystem_vendor(own[0] or 0)
    return f"it was made for the board {pci_id(*own)}{f' of {maker}' if maker else ''}, the card states {pci_id(*live)}"


def _rewritten_header(rom: VbiosFacts) -> str | None:
    """The flash header and the image within it were not written together."""
    flash, own = (rom.flash_subsystem_vendor_id, rom.flash_subsystem_id), (rom.subsystem_vendor_id, rom.subsystem_id)
    if None in flash or None in own or flash == own:
        return None
    return f"its flash header names the board {pci_id(*flash)}, its image {pci_id(*own)}"


def _other_memory(case: Case, rom: VbiosFacts) -> str | None:
    """Memory that the model has and this firmware cannot drive."""
    known = {choice.type for choice in rom.memory}
    sold = {layout.type for profile in case.match.fitting for layout in profile.memory}
    if not known or None in known or not sold or any(type_.startswith("HBM") for type_ in sold) or known & sold:
        return None
    return f"it drives {', '.join(sorted(filter(None, known)))}, the model is sold with {' or '.join(sorted(sold))}"


def _live_subsystem(case: Case) -> tuple[int, int] | None:
    pci, declared = case.evidence.pci, case.evidence.declared
    for section in (pci, declared):
        if isinstance(section, PciFacts | NvmlFacts):
            vendor, subsystem = section.subsystem_vendor_id, section.subsystem_id
            if vendor is not None and subsystem is not None:
                return vendor, subsystem
    return None


def _open(rom: VbiosFacts, device_id: int | None, message: str) -> Outcome:
    expected = f"firmware for {pci_id(0x10DE, device_id)}"
    return inconclusive(message, _says(rom), expected, ("vbios.device_id", "vbios.version"))


def _says(rom: VbiosFacts) -> str:
    ids = "/".join(f"{each:04x}" for each in rom.device_ids) or "no device id"
    return f"{rom.version or 'no version'} for {ids}"
