"""What the parser makes of ROMs of every generation, whole and in views, and of those that are not sound."""

import datetime as dt
import time

import pytest

from gpucheck.model.base import Reason
from gpucheck.model.vbios import VbiosFacts
from gpucheck.sources.vbios import LIMIT_BYTES, VbiosError, parse
from tests.vbios.rom_builder import GENERATIONS, SECOND_FIRMWARE_BYTES, X86_BYTES, build, recipe

EVERY = pytest.mark.parametrize("generation", GENERATIONS)


@EVERY
def test_every_generation_names_itself_its_board_and_its_images(generation: str) -> None:
    wanted, facts = recipe(generation), parse(build(generation))
    assert facts.form == "flash"
    assert facts.complete
    assert facts.generation is not None
    assert facts.generation.lower() == generation
    assert facts.version == facts.version_internal == facts.version_text == wanted.version_text
    assert facts.version_number == int(wanted.version_text.replace(".", ""), 16)
    assert facts.device_ids == (wanted.device,)
    assert (facts.subsystem_vendor_id, facts.subsystem_id) == (0x1462, 0x3896)
    assert (facts.flash_subsystem_vendor_id, facts.flash_subsystem_id) == (0x1462, 0x3896)
    assert facts.flash_header_version == wanted.layout.nvgi
    assert facts.sign_on == "PG132 SKU 30 VGA BIOS  MAKER0389"
    assert (facts.board, facts.chip_sku, facts.project, facts.board_sku) == ("GPU Board", "200", "G132", "0030")
    assert (facts.build_date, facts.build_number, facts.board_id) == (dt.date(2020, 8, 25), 28982237, 0x023F)
    assert facts.build_guid == bytes(range(0x10, 0x20)).hex().upper()
    assert facts.mobile is False
    assert facts.tokens == tuple("BiSMNPp")
    assert facts.table_checksum == "good"
    assert {image.checksum for image in facts.images} == {"good"}
    firmware = 2 * wanted.layout.leading, 2 * wanted.layout.firmware
    kinds = ["firmware"] * firmware[0] + ["x86", "uefi"] + ["firmware"] * firmware[1]
    assert [image.kind for image in facts.images] == kinds


@EVERY
def test_memory_is_read_where_the_layout_is_known(generation: str) -> None:
    names = {0x3: "GDDR5", 0x6: "HBM2", 0x8: "GDDR5X", 0x9: "GDDR6", 0xA: "GDDR6X", 0xD: "GDDR7"}
    layout, facts = GENERATIONS[generation], parse(build(generation))
    assert [(choice.strap, choice.type) for choice in facts.memory] == [
        (0, names[layout.memory_type]),
        (1, names[layout.memory_type]),
    ]
    assert [choice.vendor for choice in facts.memory] == ["Samsung", "Micron"]
    known = layout.entry_bytes >= 7 and layout.memory_type != 0x6
    assert facts.memory[0].density_gbit == (2.0 ** (layout.density - 2) if known else None)


@EVERY
def test_power_and_signatures_are_read_or_missing_with_their_reason(generation: str) -> None:
    layout, facts = GENERATIONS[generation], parse(build(generation))
    if layout.power in (0x20, 0x30):
        assert facts.power is not None
        assert (facts.power.min_watts, facts.power.default_watts, facts.power.max_watts) == (100, 320, 370)
    else:
        assert facts.power is None
        assert facts.missing["power"].unavailable is Reason.NOT_SUPPORTED
    if layout.descriptor in (2, 3):
        assert facts.signed is True
        assert [(c.application, c.signatures) for c in facts.signed_code] == [
            (layout.application, 3 if layout.descriptor == 3 else None)
        ]
    else:
        assert facts.signed is None
        assert "sign" in facts.missing["signed"].detail


@EVERY
def test_what_pci_shows_is_the_same_card_without_the_firmware(generation: str) -> None:
    whole = parse(build(generation))
    view = parse(build(generation, flash=False, views=("x86", "uefi")), "sysfs")
    assert (view.form, view.complete, view.source) == ("option_rom", True, "sysfs")
    same = ("version", "device_id", "subsystem_vendor_id", "subsystem_id", "project", "memory", "sign_on")
    assert all(getattr(view, name) == getattr(whole, name) for name in same)
    assert view.flash_subsystem_id is None
    assert "flash header" in view.missing["flash_subsystem_id"].detail
    if GENERATIONS[generation].firmware:
        assert view.power is None
        assert "leaves out" in view.missing["power"].detail or "not known" in view.missing["power"].detail


def test_no_absence_is_without_a_reason_and_no_fact_is_called_missing() -> None:
    for generation in GENERATIONS:
        facts = parse(build(generation))
        for name in facts.missing:
            assert getattr(facts, name) in (None, ()), (generation, name)
        silent = {"version", "subsystem_id", "power", "signed", "memory_strap", "chip_sku", "build_date"}
        for name in silent - set(facts.missing):
            assert getattr(facts, name) is not None, (generation, name)


def test_padding_and_half_a_flash_header_are_passed_over() -> None:
    chain = build("ada", flash=False)
    expected = parse(chain)
    for before in (b"\xff" * 1024, bytes(512), b"\x4c\xc0" + b"\xff" * 0x11FE, b"\x55\xaa" + bytes(510)):
        facts = parse(before + chain + bytes(3000))
        assert facts.version == expected.version
        assert facts.images[0].offset_bytes == len(before)
        assert facts.digest == expected.digest


def test_a_flash_header_that_leads_nowhere_costs_only_itself() -> None:
    data = bytearray(build("ada"))
    data[0x2000:0x2004] = b"XXXX"
    facts = parse(bytes(data))
    assert facts.version == recipe("ada").version_text
    assert facts.flash_subsystem_id == 0x3896


def test_the_digest_is_of_the_images_alone() -> None:
    data = bytearray(build("ampere"))
    mine = parse(bytes(data)).digest
    data[0x100:0x110] = b"one specimen's!!"
    assert parse(bytes(data)).digest == mine
    data[0x3400 + 0x700] ^= 1
    assert parse(bytes(data)).digest != mine


def test_the_device_list_of_an_image_for_several_models() -> None:
    facts = parse(build("maxwell", further_device_ids=(0x13C2, 0x13D7)))
    assert facts.device_ids == (0x13C0, 0x13C2, 0x13D7)


def test_a_strap_that_the_rom_forces() -> None:
    assert parse(build("kepler", straps=(0x7FFFFFC3, 0x0000000C))).memory_strap == 3
    free = parse(build("kepler"))
    assert free.memory_strap is None
    assert "resistors" in free.missing["memory_strap"].detail


def test_firmware_of_a_notebook_says_so() -> None:
    assert parse(build("turing", mobile=True)).mobile is True


def test_strings_of_a_counterfeiter_are_cleaned() -> None:
    facts = parse(
        build("kepler", sign_on=b"\x1b[2J\x07GTX 1050 Ti\xe2\x80\xae\r\n" + b"A" * 200, board=b"=cmd|'/c'!A1")
    )
    assert facts.sign_on is not None
    assert facts.sign_on.isprintable()
    assert facts.sign_on.startswith("[2J GTX 1050 Ti???")
    assert "\x1b" not in facts.sign_on
    assert len(facts.sign_on) <= 120
    assert facts.board == "=cmd|'/c'!A1"


def test_blackwell_keeps_the_chip_sku_elsewhere() -> None:
    facts = parse(build("blackwell", product=bytes(4) + b"G1520010"))
    assert (facts.chip_sku, facts.project, facts.board_sku) == ("300", "G152", "0010")


@pytest.mark.parametrize("date", [b"13/41/20", b"8/25/2020", b"\0" * 8, b"\xff" * 8])
def test_a_date_that_is_none_is_missing(date: bytes) -> None:
    facts = parse(build("ada", date=date))
    assert facts.build_date is None
    assert "build_date" in facts.missing
    assert facts.build_number is not None


def test_limits_that_make_no_sense_are_no_limits() -> None:
    assert parse(build("ada", watts=(100, 400, 300))).power is None
    assert parse(build("ada", watts=(100, 5001, 5001))).power is None
    without = parse(build("ada", power_cap=0xFF))
    assert "no limit" in without.missing["power"].detail


def test_a_wrong_checksum_is_seen_in_its_image_alone() -> None:
    data = bytearray(build("turing"))
    whole = parse(bytes(data))
    last = whole.images[-1]
    data[last.offset_bytes + 0x1000] ^= 0x40
    assert [image.checksum for image in parse(bytes(data)).images] == ["good", "good", "good", "bad"]


def test_a_file_that_was_cut_says_which_image_it_ends_in() -> None:
    data = build("ampere", flash=False)
    facts = parse(data[: -SECOND_FIRMWARE_BYTES // 2])
    assert [image.whole for image in facts.images] == [True, True, True, False]
    assert not facts.complete
    assert facts.signed is None
    assert "ends before" in facts.missing["signed"].detail
    assert facts.version is not None


@EVERY
def test_a_flash_that_was_cut_between_two_images_is_not_whole(generation: str) -> None:
    data = build(generation)
    for image in parse(data).images[:-1]:
        facts = parse(data[: image.offset_bytes + image.length_bytes])
        assert all(each.whole for each in facts.images)
        assert (facts.complete, facts.signed) == (False, None), (
            "it lacks what was cut off, and not what never was there"
        )


def test_the_hosts_copy_of_a_boot_cards_rom_is_known_as_one() -> None:
    data = bytearray(build("turing", flash=False, views=("x86", "uefi"))[: X86_BYTES - 1024])
    data[0x170 + 0x10 : 0x170 + 0x12] = ((X86_BYTES - 1024) // 512).to_bytes(2, "little")
    facts = parse(bytes(data))
    assert facts.shadow
    assert facts.images[0].length_bytes == X86_BYTES - 1024
    assert facts.images[0].whole
    assert not facts.complete


def test_signed_code_that_was_wiped_is_missing_and_not_unknown() -> None:
    assert parse(build("ampere", signatures=0)).signed is False
    data = bytearray(build("ampere"))
    start = parse(bytes(data)).images[-1].offset_bytes
    data[start + 0x80 : start + 0x2000] = bytes(0x2000 - 0x80)
    assert parse(bytes(data)).signed is False


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "every byte is the same"),
        (b"\xff" * 4096, "every byte is the same"),
        (bytes(4096), "every byte is the same"),
        (b"MZ" + b"program" * 1000, "no VBIOS image"),
        (b"NVGI" + b"\x01" * 2000, "no VBIOS image"),
        (b"\x55\xaa" * 500, "no VBIOS image"),
        (build("ada", flash=False)[:0x180], "within the header"),
        (build("kepler", vendor_id=0x1002), "vendor 1002"),
    ],
)
def test_bytes_that_hold_no_vbios_are_one_clear_error(data: bytes, says: str) -> None:
    with pytest.raises(VbiosError, match=says) as caught:
        parse(data)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_a_file_larger_than_any_flash_chip_is_refused() -> None:
    with pytest.raises(VbiosError, match="16 MiB"):
        parse(bytes(LIMIT_BYTES + 1))


def test_a_rom_without_an_information_table_still_gives_its_images() -> None:
    data = bytearray(build("ada", flash=False))
    at = data.find(b"\xff\xb8BIT")
    data[at : at + 6] = b"\0" * 6
    facts = parse(bytes(data))
    assert facts.device_id == 0x2684
    assert facts.version is None
    assert "no information table" in facts.missing["version"].detail


def test_a_megabyte_takes_less_than_a_tenth_of_a_second() -> None:
    data = build("ada")
    data += b"\xff" * ((1 << 20) - len(data))
    fastest = min(_seconds(data) for _ in range(3))
    assert fastest < 0.1


def _seconds(data: bytes) -> float:
    start = time.perf_counter()
    parse(data)
    return time.perf_counter() - start


def test_facts_survive_json() -> None:
    facts = parse(build("ada"))
    assert VbiosFacts.model_validate_json(facts.model_dump_json()) == facts
