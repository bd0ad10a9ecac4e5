"""Findings on a ROM: contradictions fail, everything that an honest card can show does not."""

from typing import Any

import pytest

from gpucheck.checks import Case
from gpucheck.checks.vbios_agreement import vbios_agreement
from gpucheck.checks.vbios_integrity import vbios_integrity
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import Evidence, Host
from gpucheck.model.finding import Finding, Kind, Severity, Status
from gpucheck.model.vbios import VbiosFacts
from gpucheck.sources.vbios import parse
from tests.builders import make_driver, make_evidence, make_nvml, make_pci, make_vbios
from tests.cards import catalog, report
from tests.vbios.rom_builder import GENERATIONS, build

OTHER_CARD = {"device_id": 0x2204, "version": "94.02.26.40.99", "version_internal": "94.02.26.40.99"}


def case_of(evidence: Evidence) -> Case:
    return Case(evidence, catalog().match(evidence), None, catalog())


def agreement(rom: object = None, **sections: Any) -> Finding:
    return vbios_agreement(case_of(make_evidence(vbios=rom or make_vbios(), **sections)))


def integrity(rom: VbiosFacts) -> Finding:
    return vbios_integrity(case_of(make_evidence(vbios=rom)))


def test_the_cards_own_rom_passes_without_a_remark() -> None:
    found = agreement()
    assert (found.status, found.severity) == (Status.PASS, Severity.INFO)
    assert "95.02.3C.40.0D" in found.observed


@pytest.mark.parametrize("last", ["95.02.3c.40.0d", "95.02.3C.40.FE"])
def test_case_and_the_partners_last_byte_are_no_difference(last: str) -> None:
    assert agreement(nvml=make_nvml(vbios_version=last)).status is Status.PASS


def test_a_partners_rom_for_the_same_model_is_noted_and_no_alarm() -> None:
    rom = make_vbios(subsystem_vendor_id=0x1462, subsystem_id=0x5103, flash_subsystem_vendor_id=0x10DE)
    found = agreement(rom.model_copy(update={"flash_subsystem_id": 0x165B}))
    assert (found.status, found.severity) == (Status.PASS, Severity.LOW)
    assert "1462:5103 of MSI" in found.message
    assert "flash header" in found.message
    assert found.kinds == ()
    judged = report(make_evidence(vbios=rom))
    assert judged.verdict.authenticity == report(make_evidence()).verdict.authenticity


def test_a_file_that_nothing_ties_to_the_card_is_the_models_and_not_the_cards() -> None:
    gone = Unavailable(unavailable=Reason.NOT_INSTALLED)
    found = agreement(make_vbios(source="file"), nvml=gone, driver=gone)
    assert (found.status, "of this model" in found.message) == (Status.PASS, True)
    assert "this card." not in found.message
    assert "of this card." in agreement(make_vbios(source="sysfs"), nvml=gone, driver=gone).message
    assert "of this card." in agreement(make_vbios(source="file")).message


def test_firmware_of_another_die_under_the_cards_id_fails() -> None:
    rom = make_vbios(version="70.26.33.00.01", version_internal="70.26.33.00.01", version_text="70.26.33.00.01")
    stated = make_nvml(vbios_version="70.26.33.00.01")
    found = agreement(rom, nvml=stated)
    assert found.status is Status.FAIL
    assert Kind.REMARKED in found.kinds
    assert "GF116" in found.message
    assert found.remedy
    forged = make_nvml(vbios_version="95.02.3C.40.0D")
    assert agreement(rom, nvml=forged).status is Status.FAIL


def test_firmware_for_another_device_id_that_really_runs_fails() -> None:
    found = agreement(make_vbios(device_id=0x2685))
    assert found.status is Status.FAIL
    assert "2685" in found.message
    assert "2684" in found.message


def test_a_device_list_that_holds_the_card_is_no_contradiction() -> None:
    assert agreement(make_vbios(device_id=0x2680, further_device_ids=(0x2684,))).status is Status.PASS


@pytest.mark.parametrize("source", ["file", "sysfs"])
def test_the_rom_of_another_card_says_nothing_of_this_one(source: str) -> None:
    found = agreement(make_vbios(source=source, **OTHER_CARD))
    assert found.status is Status.INCONCLUSIVE
    assert "other cards" in found.message
    assert "94.02.26.40.99 for 2204" in found.message, "the reader is told whose it is"


def test_a_flash_since_the_driver_started_is_left_open() -> None:
    found = agreement(make_vbios(version="95.02.66.00.02", version_internal="95.02.66.00.02"))
    assert found.status is Status.INCONCLUSIVE
    assert "Restart" in found.message


def test_two_spellings_of_one_version_are_told_once() -> None:
    newer = {"version": "95.02.66.00.02", "version_internal": "95.02.66.00.02"}
    spelt = {"nvml": make_nvml(vbios_version="95.02.3c.40.0d"), "driver": make_driver(vbios_version="95.02.3C.40.0D")}
    for source, words in (("sysfs", False), ("file", True)):
        found = agreement(make_vbios(source=source, **newer), **spelt)
        assert "the driver states 95.02.3C.40.0D: it was flashed" in found.message
        assert ("another card of this model" in found.message) is words


def test_a_listing_without_numeric_ids_does_not_hide_the_drivers() -> None:
    assert agreement(pci=make_pci(device_id=None), nvml=make_nvml(vbios_version=None)).status is Status.PASS


def test_in_a_guest_the_host_may_have_supplied_the_rom() -> None:
    found = agreement(make_vbios(device_id=0x2685), host=Host(hypervisor="KVM"))
    assert found.status is Status.INCONCLUSIVE


def test_a_part_of_a_card_has_no_rom_of_its_own() -> None:
    sliced = make_nvml(mig_enabled=True)
    assert agreement(nvml=sliced).status is Status.NOT_APPLICABLE
    assert vbios_integrity(case_of(make_evidence(nvml=sliced))).status is Status.NOT_APPLICABLE


def test_without_a_rom_nothing_is_found_and_the_reason_is_told() -> None:
    why = Unavailable(unavailable=Reason.NO_PERMISSION, detail="only root may read the card's ROM")
    alone = VbiosFacts(source="nvml", version="95.02.3C.40.0D", missing={"rom": why})
    for section in (why, alone):
        for check in (vbios_agreement, vbios_integrity):
            found = check(case_of(make_evidence(vbios=section)))
            assert found.status is Status.INCONCLUSIVE
            assert "only root" in found.message
    without, whole = report(make_evidence(vbios=alone)).verdict, report(make_evidence()).verdict
    assert (without.authenticity, without.contributions) == (whole.authenticity, whole.contributions)
    assert "As root, a scan would also see the VBIOS ROM itself" in without.explanation


def test_nothing_to_compare_with_is_inconclusive() -> None:
    gone = Unavailable(unavailable=Reason.FAILED)
    found = agreement(pci=gone, nvml=gone, driver=gone)
    assert found.status is Status.INCONCLUSIVE


def test_memory_that_the_firmware_cannot_drive_is_noted() -> None:
    rom = make_vbios(memory=({"strap": 0, "type": "GDDR6"},))
    found = agreement(rom)
    assert (found.status, found.severity) == (Status.PASS, Severity.LOW)
    assert "GDDR6X" in found.message
    unknown = make_vbios(memory=({"strap": 0, "type": None},))
    assert agreement(unknown).severity is Severity.INFO


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_sound_rom_of_every_generation_raises_nothing(generation: str) -> None:
    layout = GENERATIONS[generation]
    for flash, views in ((True, ("x86", "uefi", "firmware")), (False, ("x86", "uefi"))):
        rom = parse(build(generation, flash=flash, views=views), "sysfs")
        stated = {"device_id": layout.device_id, "subsystem_vendor_id": 0x1462, "subsystem_id": 0x3896}
        evidence = make_evidence(
            vbios=rom,
            pci=make_pci(**stated),
            nvml=make_nvml(vbios_version=rom.version, **stated),
            driver=make_driver(vbios_version=rom.version),
        )
        assert vbios_integrity(case_of(evidence)).status is Status.PASS
        found = vbios_agreement(case_of(evidence))
        assert found.status is Status.PASS, found.message


def images(*checksums: str) -> tuple[dict[str, Any], ...]:
    """One image for each, in a chain."""
    return tuple(
        {"offset_bytes": 512 * n, "length_bytes": 512, "code_type": 0, "kind": "x86", "vendor_id": 0x10DE,
         "device_id": 0x2684, "last": n == len(checksums) - 1, "checksum": checksum}
        for n, checksum in enumerate(checksums)
    )  # fmt: skip


def test_a_rom_without_any_checksum_is_not_called_sound() -> None:
    found = integrity(make_vbios(images=images("none", "none")))
    assert (found.status, "switch their checksum off" in found.message) == (Status.INCONCLUSIVE, True)


@pytest.mark.parametrize(
    ("checksums", "words"),
    [(("good",), "of the image is right"), (("good", "good"), "of all 2 images"), (("good", "none"), "in 1 of 2")],
)
def test_a_pass_says_how_many_images_it_rests_on(checksums: tuple[str, ...], words: str) -> None:
    found = integrity(make_vbios(images=images(*checksums)))
    assert (found.status, words in found.message) == (Status.PASS, True), found.message


@pytest.mark.parametrize("generation", ["turing", "ampere", "ada"])
def test_secure_code_that_was_cut_out_with_its_token_is_missed(generation: str) -> None:
    data = build(generation)
    at = data.index(b"p\x02\x04\0")
    rom = parse(data[:at] + b"q" + data[at + 1 :])
    assert rom.signed is False
    assert "signed code" in integrity(rom).observed
    assert parse(data[:at]).signed is None, "a file that was cut off lacks it as well"


def test_a_damaged_image_fails_and_never_settles_the_matter() -> None:
    data = bytearray(build("ada", device_id=0x2684))
    start = parse(bytes(data)).images[-1].offset_bytes
    data[start + 0x1800] ^= 1
    found = integrity(parse(bytes(data)))
    assert found.status is Status.FAIL
    assert Kind.FIRMWARE_ALTERED in found.kinds
    judged = report(make_evidence(vbios=make_vbios(table_checksum="bad")))
    assert judged.verdict.authenticity == "authentic"
    assert [f.check for f in judged.findings if f.status is Status.FAIL] == ["vbios-integrity"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version_text": "95.02.40.10.A0"}, "prints version"),
        ({"table_checksum": "bad"}, "information table"),
        ({"signed": False}, "signed code"),
    ],
)
def test_what_only_an_edit_or_damage_explains_fails(change: dict[str, Any], says: str) -> None:
    found = integrity(make_vbios(**change))
    assert found.status is Status.FAIL
    assert says in found.observed
    assert found.severity is Severity.MEDIUM


def test_the_last_byte_of_the_printed_version_may_differ() -> None:
    assert integrity(make_vbios(version="95.02.3C.40.A1", version_text="95.02.3C.40.7F")).status is Status.PASS


def test_the_hosts_copy_and_a_cut_file_are_left_open() -> None:
    view = build("turing", flash=False, views=("x86", "uefi"))
    changed = bytearray(view)
    changed[0x3000] ^= 1
    cut = build("turing", flash=False)[:-4096]
    for data in (bytes(changed), cut):
        found = integrity(parse(data))
        assert found.status is Status.INCONCLUSIVE, found.message
        assert found.kinds == ()


def test_unknown_signatures_are_no_fault() -> None:
    assert integrity(make_vbios(signed=None)).status is Status.PASS
