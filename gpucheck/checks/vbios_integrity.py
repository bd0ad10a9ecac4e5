"""Whether the VBIOS ROM is whole and agrees with itself.

What it checks: the checksum of every image, the end of the chain of images, the printed version against the binary
one, and the presence of the signed code that ROMs of this generation have.
Why it matters: an edit by hand, a flash that broke off and a flash chip that loses bits leave such traces.
How it can be fooled: whoever edits a ROM can correct its checksums, and ROM editors do: of five public images that
are known to be edited four are sound here. Nothing is verified cryptographically, so a pass is worth nothing.
A failure does not mean: fraud. Damage looks the same as tampering. The copy that the host keeps of the boot card's ROM
is changed while the card runs and may be cut short, and a file may have been cut on its way: those are left open.
References: PCI Firmware Specification 3.0; of 45 public images one that its owner calls corrupted fails, one that is
signed by its editor fails, and no other does.
"""

from collections.abc import Iterator

from gpucheck.checks.base import Case, Outcome, check, inconclusive, of_the_whole_card
from gpucheck.checks.vbios_agreement import rom_of
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.vbios import VbiosFacts, VbiosImage

_WITHOUT_LAST_BYTE = len("00.00.00.00")


@check(id="vbios-integrity", title="VBIOS ROM in itself", severity=Severity.MEDIUM)
def vbios_integrity(case: Case) -> Outcome:
    """Look for damage and edits."""
    if case.partitioned:
        return of_the_whole_card("ROM", case)
    rom = rom_of(case)
    faults, doubts = list(_faults(rom)), list(_doubts(rom))
    if faults:
        return Outcome(
            Status.FAIL,
            f"The ROM does not agree with itself: {'; '.join(faults)}. It was damaged, or edited by hand.",
            observed="; ".join(faults),
            expected="sound checksums, one version, the signed code of its generation",
            remedy="Save it again with another tool. If it stays so, have the firmware replaced by the maker's.",
            confidence=Confidence.MEDIUM,
            evidence=("vbios.images", "vbios.version_text", "vbios.signed"),
            kinds=(Kind.FIRMWARE_ALTERED,),
        )
    if doubts:
        return inconclusive(
            f"The ROM was not read whole, or not from the card itself: {'; '.join(doubts)}.",
            doubts[0],
            evidence=("vbios.images",),
        )
    sums = sum(image.checksum == "good" for image in rom.images)
    if not sums:
        return inconclusive("All images switch their checksum off, so nothing tells whether they were edited.", "none")
    signed = " Signed code is there; it was not verified." if rom.signed else ""
    return Outcome(
        Status.PASS,
        f"{_images(sums, len(rom.images))}; the chain is whole.{signed}",
        f"{sums} right",
        confidence=Confidence.LOW,
    )


def _images(sums: int, images: int) -> str:
    """How many were held against their checksum; of the others nothing is said."""
    if sums == images:
        return f"The checksum of {'the image' if images == 1 else f'all {images} images'} is right"
    return f"The checksum is right in {sums} of {images} images, and the others have none"


def _faults(rom: VbiosFacts) -> Iterator[str]:
    """What neither a copy in the host's memory nor a cut file explains."""
    for number, image in enumerate(rom.images, start=1):
        if image.checksum == "bad" and not _changes_at_run_time(rom, image):
            yield f"the checksum of image {number} ({image.kind}) is wrong"
    if rom.table_checksum == "bad":
        yield "the checksum of its information table is wrong"
    binary = {version[:_WITHOUT_LAST_BYTE] for version in (rom.version, rom.version_internal) if version}
    printed = (rom.version_text or "")[:_WITHOUT_LAST_BYTE]
    if binary and printed and printed not in binary:
        yield f"it prints version {rom.version_text} and is {rom.version or rom.version_internal}"
    if rom.signed is False:
        yield f"the signed code that every {rom.generation} ROM has is missing"


def _doubts(rom: VbiosFacts) -> Iterator[str]:
    for number, image in enumerate(rom.images, start=1):
        if not image.whole:
            yield f"it ends within image {number} ({image.kind})"
        if image.checksum == "bad" and _changes_at_run_time(rom, image):
            yield f"the checksum of image {number} ({image.kind}) is wrong, as in the copy that a running host keeps"
    if rom.shadow:
        yield "it is the copy that the host keeps, which the card's start-up code cut down"
    elif not rom.complete and all(image.whole for image in rom.images):
        yield "images are announced that are not in it"


def _changes_at_run_time(rom: VbiosFacts, image: VbiosImage) -> bool:
    return image.kind == "x86" and rom.form == "option_rom"
