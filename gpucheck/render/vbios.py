"""A VBIOS as a person reads it: who it is for, what it can drive, what is in it, and what could not be read."""

from collections.abc import Iterator

from gpucheck.model.units import pci_id
from gpucheck.model.vbios import MemoryChoice, VbiosFacts, VbiosImage
from gpucheck.render.style import Look

_FORMS = {"flash": "from its flash chip", "option_rom": "as PCI shows it"}
_GAP = 15


def render_vbios(facts: VbiosFacts, name: str, look: Look) -> str:
    """Return the page of one ROM; ``name`` is the file."""
    title = facts.sign_on or "VBIOS"
    lines = [look.paint(look.fit(f"{name}: {title}", look.width), "bold")]
    for label, value in _rows(facts):
        lines += look.labelled(label, value, indent=2, gap=_GAP)
    lines += ["", look.paint("Images", "bold")]
    for image in facts.images:
        lines += look.paragraph(_image(image), indent=2)
    lines += _memory(facts, look)
    lines += _missing(facts, look)
    return "\n".join(lines) + "\n"


def _rows(facts: VbiosFacts) -> Iterator[tuple[str, str]]:
    yield "version", _version(facts)
    ids = ", ".join(pci_id(facts.vendor_id, each) for each in facts.device_ids)
    yield "device", f"{ids}{f', {facts.generation}' if facts.generation else ''}"
    if facts.subsystem_vendor_id is not None:
        yield "subsystem", pci_id(facts.subsystem_vendor_id, facts.subsystem_id) + _flash_subsystem(facts)
    if facts.chip_sku or facts.project:
        yield "chip, project", f"SKU {facts.chip_sku or 'not stated'}, {facts.project} {facts.board_sku or ''}"
    if facts.board:
        yield "board", facts.board + (f" (id {facts.board_id:04X})" if facts.board_id else "")
    if facts.build_date:
        yield "built", f"{facts.build_date}{f', build {facts.build_number}' if facts.build_number else ''}"
    if facts.mobile is not None:
        yield "made for", "a notebook" if facts.mobile else "no notebook: a card or a module"
    if facts.power:
        power = facts.power
        yield "power", f"{power.default_watts:g} W, from {power.min_watts:g} W to {power.max_watts:g} W"
    if facts.memory_strap is not None:
        yield "memory strap", f"{facts.memory_strap}, forced by the ROM"
    if facts.signed is not None:
        yield "signed code", "present (not verified)" if facts.signed else "MISSING"
    size = f"{facts.size_bytes:,} bytes" if facts.size_bytes is not None else "no size"
    form = _FORMS.get(facts.form or "", "unknown form")
    images = sum(image.length_bytes for image in facts.images)
    yield "read", f"{size}: {form}, {f'{images:,} bytes of images, all whole' if facts.complete else 'NOT WHOLE'}"
    if facts.digest:
        yield "digest", facts.digest


def _version(facts: VbiosFacts) -> str:
    told = facts.version or facts.version_internal or "not stated"
    others = {
        "build": facts.version_internal if facts.version_internal != told else None,
        "printed": facts.version_text if facts.version_text != told else None,
    }
    differing = [f"{how} as {version}" for how, version in others.items() if version]
    return told + (f" ({', '.join(differing)})" if differing else "")


def _flash_subsystem(facts: VbiosFacts) -> str:
    flash = (facts.flash_subsystem_vendor_id, facts.flash_subsystem_id)
    if None in flash or flash == (facts.subsystem_vendor_id, facts.subsystem_id):
        return ""
    return f", in the flash header {pci_id(*flash)}"


def _image(image: VbiosImage) -> str:
    sums = {"good": "checksum right", "bad": "CHECKSUM WRONG", "none": "no checksum"}
    end = "" if image.whole else ", CUT OFF"
    return (
        f"{image.offset_bytes:#08x}  {image.length_bytes:>7,} bytes  {image.kind} (type {image.code_type:02X})  "
        f"{pci_id(image.vendor_id, image.device_id)}  {sums[image.checksum]}{end}"
    )


def _memory(facts: VbiosFacts, look: Look) -> list[str]:
    if not facts.memory:
        return []
    lines = ["", look.paint("Memory by strap", "bold")]
    for choice in facts.memory:
        lines += look.paragraph(_choice(choice), indent=2)
    return lines


def _choice(choice: MemoryChoice) -> str:
    density = f", {choice.density_gbit:g} Gbit chips" if choice.density_gbit else ""
    return f"{choice.strap:>2}  {choice.type or 'unknown type'} {choice.vendor or 'of an unknown maker'}{density}"


def _missing(facts: VbiosFacts, look: Look) -> list[str]:
    """Absent facts by reason."""
    if not facts.missing:
        return []
    reasons: dict[str, list[str]] = {}
    for field, absence in facts.missing.items():
        reasons.setdefault(absence.detail, []).append(field.replace("_", " "))
    lines = ["", look.paint("Not read", "bold")]
    for detail, fields in reasons.items():
        lines += look.paragraph(f"{', '.join(fields)}: {detail}", indent=2)
    return lines
