"""``lspci`` text in every verbosity, cut off, without ids, with several cards, and hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucheck.model.base import Reason
from gpucheck.model.evidence import PciFacts
from gpucheck.sources.lspci import read_lspci
from gpucheck.sources.nvidia_smi import parse
from tests.sources.config_space import MIB, config_space

GIB = 1 << 30
PORT = """00:01.0 PCI bridge [0604]: Intel Corporation Device [8086:a70d] (rev 01) (prog-if 00 [Normal decode])
	Bus: primary=00, secondary=01, subordinate=01, sec-latency=0
	Capabilities: [40] Express (v2) Root Port (Slot+), MSI 00
		LnkCap:	Port #2, Speed 32GT/s, Width x8, ASPM L1, Exit Latency L1 <16us
		LnkSta:	Speed 16GT/s (downgraded), Width x8 (ok)
		LnkCtl2: Target Link Speed: 16GT/s, EnterCompliance- SpeedDis-

"""
HEAD = (
    "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation AD102 [GeForce RTX 4090] [10de:2684] "
    "(rev a1) (prog-if 00 [VGA controller])\n"
)
CARD = (
    HEAD
    + """	Subsystem: NVIDIA Corporation Device [10de:167c]
	Control: I/O+ Mem+ BusMaster+ SpecCycle-
	Region 0: Memory at f6000000 (32-bit, non-prefetchable) [size=16M]
	Region 1: Memory at 7000000000 (64-bit, prefetchable) [size=32G]
	Region 3: Memory at 7800000000 (64-bit, prefetchable) [size=32M]
	Region 5: I/O ports at f000 [size=128]
	Expansion ROM at f7000000 [disabled] [size=512K]
	Capabilities: [60] Power Management version 3
		Status: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-
	Capabilities: [78] Express (v2) Legacy Endpoint, MSI 00
		LnkCap:	Port #0, Speed 16GT/s, Width x16, ASPM L1, Exit Latency L1 <16us
		LnkSta:	Speed 2.5GT/s (downgraded), Width x8 (downgraded)
		LnkCap2: Supported Link Speeds: 2.5-16GT/s, Crosslink- Retimer+ 2Retimers+ DRS-
		LnkCtl2: Target Link Speed: 16GT/s, EnterCompliance- SpeedDis-
	Capabilities: [420 v2] Advanced Error Reporting
		UESta:	DLP- SDES- TLP- FCP- CmpltTO+ UnsupReq-
		UEMsk:	DLP- SDES- TLP+
		CESta:	RxErr+ BadTLP- AdvNonFatalErr-
	Capabilities: [900 v1] Secondary PCI Express
		LaneErrStat: LaneErr at lane: 2 11
	Capabilities: [bb0 v1] Physical Resizable BAR
		BAR 0: current size: 16MB, supported: 16MB
		BAR 1: current size: 32GB, supported: 64MB 256MB 32GB
	Kernel driver in use: nvidia
	Kernel modules: nvidiafb, nouveau, nvidia_drm, nvidia
"""
)
AUDIO = """
01:00.1 Audio device [0403]: NVIDIA Corporation AD102 High Definition Audio Controller [10de:22ba] (rev a1)
	Subsystem: NVIDIA Corporation Device [10de:167c]
	Kernel driver in use: snd_hda_intel
"""


def cards(text: str) -> tuple[PciFacts, ...]:
    return read_lspci(text.split("\n")).cards


def only(text: str) -> PciFacts:
    (card,) = cards(text)
    return card


def dump(space: bytes, length: int | None = None) -> str:
    data = space[:length]
    return "".join(f"{at:02x}: {data[at : at + 16].hex(' ')}\n" for at in range(0, len(data), 16))


def test_the_whole_of_a_verbose_listing() -> None:
    card = only(PORT + CARD + AUDIO)
    assert (card.bdf, card.device_id, card.subsystem_id, card.revision_id) == ("0000:01:00.0", 0x2684, 0x167C, 0xA1)
    assert (card.class_code, card.name, card.driver) == (0x030000, "AD102 [GeForce RTX 4090]", "nvidia")
    assert (card.link_generation_max, card.link_lanes_max) == (4, 16)
    assert (card.link_generation_current, card.link_lanes_current, card.link_generation_target) == (1, 8, 4)
    assert (card.port_bdf, card.port_link_generation_max, card.port_link_lanes_max) == ("0000:00:01.0", 5, 8)
    assert card.port_link_generation_target == 4
    assert card.bar_sizes_bytes == (16 * MIB, 32 * GIB, 32 * MIB, 128)
    assert card.bar1_supported_bytes == (64 * MIB, 256 * MIB, 32 * GIB)
    assert (card.aer_status, card.lane_errors) == (("CmpltTO", "RxErr"), (2, 11))
    assert (card.power_state, card.off_bus) == ("D0", False)
    assert [(s.bdf, s.device_id, s.class_code, s.driver) for s in card.siblings] == [
        ("0000:01:00.1", 0x22BA, 0x040300, "snd_hda_intel")
    ]
    assert card.capabilities[0] == "Power Management version 3 at 0x60"
    assert not card.missing


def test_a_dump_tells_what_the_text_does_not_and_what_is_live() -> None:
    text = "01:00.0 VGA compatible controller: NVIDIA Corporation AD102 [GeForce RTX 4090] (rev a1)\n"
    card = only(text + "\tFlags: bus master, fast devsel\n" + dump(config_space(subsystem=(0x1043, 0x88E2))))
    assert (card.device_id, card.subsystem_vendor_id, card.subsystem_id) == (0x2684, 0x1043, 0x88E2)
    assert (card.config_bytes, card.live_device_id, card.live_subsystem_id) == (4096, None, None), "no second account"
    assert (card.link_generation_max, card.link_lanes_max, card.aer_status) == (4, 16, ())
    assert card.bar1_supported_bytes == tuple(MIB << n for n in range(6, 16))


def test_text_and_dump_may_contradict() -> None:
    card = only(CARD + dump(config_space(subsystem=(0x1458, 0x4043)), 64))
    assert (card.subsystem_vendor_id, card.subsystem_id) == (0x10DE, 0x167C)
    assert (card.live_subsystem_vendor_id, card.live_subsystem_id) == (0x1458, 0x4043)
    assert card.link_generation_max == 4


def test_a_dump_of_another_makers_function_is_left_out() -> None:
    """As where lines of a long listing were lost in a mail: the rows are then another function's."""
    other = bytearray(config_space(subsystem=(0x1043, 0x88E2)))
    other[:4] = b"\x86\x80\x7a\xa7"
    card = only(CARD + dump(bytes(other)))
    assert (card.device_id, card.live_device_id, card.live_subsystem_id) == (0x2684, None, None)
    assert card.model_dump(exclude={"raw"}) == only(CARD).model_dump(exclude={"raw"})


@pytest.mark.parametrize(
    ("head", "device", "name"),
    [
        ("01:00.0 3D controller [0302]: NVIDIA Corporation GA100 [A100] [10de:20b2] (rev a1)", 0x20B2, "GA100 [A100]"),
        ("0001:00:00.0 3D controller: NVIDIA Corporation Device 20b2", 0x20B2, None),
        ("01:00.0 Display controller: NVIDIA Corporation Device [10de:2236]", 0x2236, None),
        ("01:00.0 0300: 10de:2684 (rev a1)", 0x2684, None),
        ("01:00.0 Class 0300: 10de:2684", 0x2684, None),
        ("01:00.0 VGA compatible controller: Device 10de:2684 (rev a1)", 0x2684, None),
        ("10000:e1:00.0 VGA compatible controller [0300]: NVIDIA Corporation Device [10de:2684]", 0x2684, None),
        ("IOMMU Group 13 \t08:00.0 VGA compatible controller [0300]: NVIDIA Corporation GM107 [10de:1380] (rev a2)",
         0x1380, "GM107"),
        ("16:00.0 VGA compatible controller [0300]: NVIDIA Corporation Device 2b85 [10de:2b85] (rev a1)", 0x2B85, None),
        ("IOMMU Group 14 01:00.0 VGA compatible controller [0300]: NVIDIA Corporation X [10de:2684]", 0x2684, "X"),
        ("01:00.0 VGA compatible controller: nVidia Corporation GF108 [GeForce GT 430] (rev a1)", None,
         "GF108 [GeForce GT 430]"),
    ],
)  # fmt: skip
def test_heads_of_every_form(head: str, device: int | None, name: str | None) -> None:
    card = only(head)
    assert (card.vendor_id, card.device_id, card.name) == (0x10DE, device, name)
    assert ("device_id" in card.missing) == (device is None)
    assert card.class_code is not None
    assert card.class_code >> 16 == 3
    assert card.missing["driver"].unavailable is Reason.NOT_REQUESTED, "this listing shows no drivers"


FOR_PROGRAMS = {
    "-mm": '01:00.0 "VGA compatible controller" "NVIDIA Corporation" "AD102 [GeForce RTX 4090]" -ra1 -p00 '
    '"Micro-Star International Co., Ltd. [MSI]" "Device 5104"\n'
    '01:00.1 "Audio device" "NVIDIA Corporation" "AD102 High Definition Audio Controller" -ra1 "" ""\n',
    "-mmn": '01:00.0 "0300" "10de" "2684" -ra1 "1462" "5104"\n01:00.1 "0403" "10de" "22ba" -ra1 "1462" "5104"\n',
    "-mmnn": '0000:01:00.0 "VGA compatible controller [0300]" "NVIDIA Corporation [10de]" "AD102 [GeForce RTX 4090] '
    '[2684]" -ra1 "Micro-Star International Co., Ltd. [MSI] [1462]" "Device [5104]"\n'
    '0000:01:00.1 "Audio device [0403]" "NVIDIA Corporation [10de]" "AD102 Audio [22ba]" -ra1 "MSI [1462]" "[5104]"\n',
    "-vmmnnk": "Slot:\t01:00.0\nClass:\tVGA compatible controller [0300]\nVendor:\tNVIDIA Corporation [10de]\n"
    "Device:\tAD102 [GeForce RTX 4090] [2684]\nSVendor:\tMSI [1462]\nSDevice:\tDevice [5104]\nRev:\ta1\n"
    "ProgIf:\t00\nDriver:\tnvidia\nModule:\tnouveau\n\nSlot:\t01:00.1\nClass:\tAudio device [0403]\n"
    "Vendor:\tNVIDIA Corporation [10de]\nDevice:\tAD102 Audio [22ba]\nRev:\ta1\nDriver:\tsnd_hda_intel\n\n",
}


@pytest.mark.parametrize("options", FOR_PROGRAMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_lspci_prints_for_programs(options: str, end: str) -> None:
    (sent,) = parse(FOR_PROGRAMS[options].replace("\n", end), "lspci.txt").cards
    card = sent.pci
    assert card is not None
    assert (card.bdf, card.class_code, card.revision_id) == ("0000:01:00.0", 0x030000, 0xA1)
    if options == "-mm":
        assert (card.name, card.device_id) == ("AD102 [GeForce RTX 4090]", None)
        return
    assert (card.device_id, card.subsystem_vendor_id, card.subsystem_id) == (0x2684, 0x1462, 0x5104)
    assert [each.device_id for each in card.siblings] == [0x22BA]
    assert card.driver == ("nvidia" if options.endswith("k") else None)


@given(
    st.lists(st.sampled_from(["01:00.0 ", '"0300"', '"10de"', '"', "Slot:\t01:00.0", "Class:\tX", "\n", "-r", "\t"]))
)
def test_broken_lines_for_programs_break_nothing(pieces: list[str]) -> None:
    assert len(cards("".join(pieces) + "\n" + CARD)) >= 1


def test_no_driver_is_told_from_none_shown() -> None:
    card = only("\n".join(line for line in CARD.split("\n") if "driver in use" not in line))
    assert card.driver is None
    assert "driver" not in card.missing


def test_without_root_the_capabilities_are_refused_and_not_absent() -> None:
    text = CARD.partition("\tCapabilities")[0] + "\tCapabilities: <access denied>\n\tKernel driver in use: nvidia\n"
    port = PORT.partition("\tCapabilities")[0] + "\tCapabilities: <access denied>\n\n"
    missing = only(port + text).missing
    assert missing["port_link_lanes_max"].unavailable is Reason.NO_PERMISSION
    for name in ("link_generation_max", "link_lanes_max", "bar1_supported_bytes", "aer_status", "lane_errors"):
        assert missing[name].unavailable is Reason.NO_PERMISSION


@pytest.mark.parametrize(
    "text",
    [
        "04:00.0 3D controller: NVIDIA Corporation GM108M [GeForce 840M] (rev ff) (prog-if ff)\n"
        "\t!!! Unknown header type 7f\n\tKernel driver in use: nvidia\n" + dump(b"\xff" * 256),
        "04:00.0 3D controller: NVIDIA Corporation GM108M [GeForce 840M] [10de:1341] (rev ff)\n",
        CARD + dump(b"\xff" * 64),
    ],
)
def test_a_card_off_the_bus(text: str) -> None:
    card = only(text)
    assert card.off_bus
    assert card.missing["config"].unavailable is Reason.FAILED
    assert card.live_device_id is None


def test_several_cards_and_a_second_listing_of_the_first() -> None:
    second = CARD.replace("01:00.0", "41:00.0").replace("[10de:2684]", "[10de:2204]")
    found = cards(f"# lspci\n{CARD.splitlines()[0]}\n\n{CARD}\n--\n{second}")
    assert [(c.bdf, c.device_id, c.link_lanes_max) for c in found] == [
        ("0000:01:00.0", 0x2684, 16),
        ("0000:41:00.0", 0x2204, 16),
    ]
    assert found[0].bar_sizes_bytes == found[1].bar_sizes_bytes


def test_another_card_at_the_same_address_is_of_another_listing() -> None:
    """Of before and after, or of host and guest: the functions of one must not stand beside the other."""
    other = CARD.splitlines()[0].replace("[10de:2684]", "[10de:2204]")
    sound = AUDIO.splitlines()[1].replace("[10de:22ba]", "[10de:1aef]")
    for text in (f"{CARD}{AUDIO}\n\n{other}\n{sound}\n", f"{CARD}\n\n{other}\n{sound}\n"):
        first, second = cards(text)
        assert (first.device_id, second.device_id) == (0x2684, 0x2204)
        assert [each.device_id for each in second.siblings] == [0x1AEF]
        assert {each.device_id for each in first.siblings} <= {0x22BA}


def test_other_makers_are_left_out() -> None:
    assert cards("00:02.0 VGA compatible controller [0300]: Intel Corporation UHD [8086:3e92] (rev 02)\n") == ()
    assert cards(AUDIO) == ()
    assert cards("00:02.0 VGA compatible controller: Advanced Micro Devices, Inc. Navi 31\n") == ()


def test_a_listing_quoted_by_indentation() -> None:
    quoted = "\n".join(f"    {line.expandtabs()}" for line in (CARD + AUDIO).split("\n"))
    assert only(quoted).model_dump(exclude={"raw"}) == only(CARD + AUDIO).model_dump(exclude={"raw"})


@pytest.mark.parametrize(
    ("line", "guest"),
    [
        ("00:02.0 PCI bridge [0604]: Red Hat, Inc. QEMU PCIe Root port [1b36:000c]", "QEMU/KVM"),
        ("00:0f.0 VGA compatible controller: VMware SVGA II Adapter", "VMware"),
        ("00:03.0 Ethernet controller [0200]: Red Hat, Inc. Virtio network device [1af4:1000]", "QEMU/KVM"),
        ("00:08.0 VGA compatible controller [0300]: Microsoft Corporation Hyper-V virtual VGA [1414:5353]", "Hyper-V"),
        ("00:02.0 Unassigned class [ff80]: XenSource, Inc. Xen Platform Device [5853:0001] (rev 01)", "Xen"),
        ("00:00.0 Host bridge [0600]: Intel Corporation Device [8086:a700]", None),
    ],
)
def test_a_guest_gives_itself_away(line: str, guest: str | None) -> None:
    assert read_lspci([line, *CARD.split("\n")]).hypervisor == guest


@given(st.integers(0, len(CARD) + len(AUDIO)))
def test_a_text_cut_off_anywhere_says_nothing_that_is_not_in_it(end: int) -> None:
    whole = only(CARD + AUDIO)
    for card in cards((CARD + AUDIO)[:end]):
        assert card.device_id in (0x2684, None)
        assert card.bar_sizes_bytes == whole.bar_sizes_bytes[: len(card.bar_sizes_bytes)]
        assert card.link_lanes_max in (16, None)
        assert card.link_generation_max in (4, None)
        assert set(card.aer_status or ()) <= {"CmpltTO", "RxErr"}


@pytest.mark.parametrize("indent", ["", "\t\t", "> "])
@pytest.mark.parametrize("size", ["256MB", "32GB"])
def test_a_list_of_sizes_that_a_mail_broke_is_read_to_its_end(indent: str, size: str) -> None:
    """Else firmware for all of the memory looks like firmware for a part of it."""
    after = "\tCapabilities: [c00 v1] Data Link Feature <?>\n\tKernel driver in use: nvidia\n"
    broken = f"\t\tBAR 1: current size: {size}, supported: 64MB 256MB 2GB\n{indent}4GB 32GB\n"
    text = HEAD + "\tCapabilities: [bb0 v1] Physical Resizable BAR\n" + broken + after
    card = only(text.replace("> ", ""))
    assert card.bar1_supported_bytes is not None
    assert max(card.bar1_supported_bytes) == 32 * GIB
    assert card.driver == "nvidia", "the lines after it are read as well"


def test_a_list_that_ends_below_the_size_in_use_was_cut_off() -> None:
    cut = "\tCapabilities: [bb0 v1] Physical Resizable BAR\n\t\tBAR 1: current size: 32GB, supported: 64MB 2GB"
    card = only(HEAD + cut)
    assert card.bar1_supported_bytes is None
    assert "bar1_supported_bytes" in card.missing


def test_speeds_that_a_mail_broke_are_no_slow_link() -> None:
    broken = CARD.replace("Speeds: 2.5-16GT/s", "Speeds: 2.5-\n16GT/s")
    assert only(broken).link_generation_max == 4


TITLES = ("LnkCap", "LnkSta", "LnkCap2", "LnkCtl2", "UESta", "LaneErrStat", "BAR 1", "Region 1", "Bus", "Subsystem")


@given(st.lists(st.tuples(st.sampled_from((*TITLES, "Capabilities", "Kernel driver in use")), st.text(max_size=80))))
def test_hostile_details_give_a_card_and_clean_text(details: list[tuple[str, str]]) -> None:
    body = "".join(f"\t{title}: {value}\n" for title, value in details)
    for card in cards(CARD.splitlines()[0] + "\n" + body):
        assert card.device_id is not None
        assert all("\x1b" not in text and "\n" not in text for text in card.raw.values())


@pytest.mark.parametrize(
    "rows",
    ["00: de 10\n10: 00\n", "10: de 10 84 26\n", "00: zz\n", "fff: 00\n", "00: " + "ff " * 17 + "\n", "00:\n" * 5000],
)
def test_broken_dumps(rows: str) -> None:
    card = only(CARD + rows)
    assert (card.device_id, card.off_bus) == (0x2684, False)


@pytest.mark.parametrize(("number", "notes"), [(2, 0), (300, 1), (5000, 2)])
def test_cards_that_are_left_out_of_a_huge_listing_are_told(number: int, notes: int) -> None:
    text = "".join(f"{n >> 8:04x}:{n & 255:02x}:{HEAD[3:]}" for n in range(number))
    parsed = parse(text, "lspci.txt")
    assert len(parsed.cards) == min(number, 256)
    assert len(parsed.notes) == notes
    assert all("only the first" in note for note in parsed.notes)


def test_a_long_log_is_read_in_time() -> None:
    noise = [f"Jun 26 11:19:55.{n:03d} host kernel: pcieport 0000:00:01.0: AER: corrected" for n in range(100_000)]
    assert len(read_lspci([*noise, *CARD.split("\n")]).cards) == 1
