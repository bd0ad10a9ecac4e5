"""Sysfs trees as a host with an RTX 4090 shows them, and as broken ones do."""

import os
from pathlib import Path

import pytest

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import PciFacts
from gpucheck.sources import pci
from gpucheck.sources.files import normalise_bdf, read_bytes, read_text
from gpucheck.sources.pci_config import OFF_THE_BUS
from gpucheck.sources.pci_files import error_counts, link_generation, resizable_sizes
from tests.sources.config_space import config_space

MIB = 1 << 20
BDF = "0000:01:00.0"
RESOURCE = (
    "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n"
    "0x0000007000000000 0x00000077ffffffff 0x000000000014220c\n"
    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    "0x0000007800000000 0x0000007801ffffff 0x000000000014220c\n"
    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    "0x000000000000f000 0x000000000000f07f 0x0000000000040101\n"
    "0x00000000f7000000 0x00000000f707ffff 0x0000000000046200\n"
)
RTX_4090 = {
    "vendor": "0x10de\n",
    "device": "0x2684\n",
    "subsystem_vendor": "0x10de\n",
    "subsystem_device": "0x167c\n",
    "revision": "0xa1\n",
    "class": "0x030000\n",
    "current_link_speed": "2.5 GT/s PCIe\n",
    "current_link_width": "16\n",
    "max_link_speed": "16.0 GT/s PCIe\n",
    "max_link_width": "16\n",
    "resource": RESOURCE,
    "resource1_resize": "000000000000ffc0\n",
    "power_state": "D0\n",
    "aer_dev_correctable": "RxErr 3\nBadTLP 0\nTOTAL_ERR_COR 3\n",
    "aer_dev_nonfatal": "Undefined 0\nTOTAL_ERR_NONFATAL 0\n",
    "aer_dev_fatal": "Undefined 0\nTOTAL_ERR_FATAL 0\n",
}
CONFIG = config_space()[:64]


def add_card(
    root: Path,
    bdf: str = BDF,
    files: dict[str, str | None] | None = None,
    driver: str | None = "nvidia",
    config: bytes = CONFIG,
) -> Path:
    """Put a function below a PCIe port, with the bus's link to it."""
    port = root / "devices" / "pci0000:00" / "0000:00:01.0"
    folder = port / bdf
    folder.mkdir(parents=True)
    (port / "max_link_speed").write_text("32.0 GT/s PCIe\n")
    (port / "max_link_width").write_text("8\n")
    (port / "config").write_bytes(config_space(generation=3)[: len(config)])
    for name, text in {**RTX_4090, **(files or {})}.items():
        if text is not None:
            (folder / name).write_text(text)
    (folder / "config").write_bytes(config)
    if driver:
        target = root / "bus" / "pci" / "drivers" / driver
        target.mkdir(parents=True, exist_ok=True)
        (folder / "driver").symlink_to(target)
    devices = root / "bus" / "pci" / "devices"
    devices.mkdir(parents=True, exist_ok=True)
    (devices / bdf).symlink_to(folder)
    return folder


def read(root: Path, bdf: str = BDF) -> PciFacts:
    facts = pci.read(root, bdf)
    assert isinstance(facts, PciFacts)
    return facts


def test_an_rtx_4090(tmp_path: Path) -> None:
    add_card(tmp_path)
    facts = read(tmp_path)
    assert (facts.bdf, facts.vendor_id, facts.device_id, facts.subsystem_id) == (BDF, 0x10DE, 0x2684, 0x167C)
    assert (facts.revision_id, facts.class_code, facts.driver) == (0xA1, 0x030000, "nvidia")
    assert (facts.link_generation_max, facts.link_lanes_max) == (4, 16)
    assert (facts.link_generation_current, facts.link_lanes_current) == (1, 16)
    assert (facts.port_link_generation_max, facts.port_link_lanes_max) == (5, 8)
    assert facts.bar_sizes_bytes == (16 * MIB, 32768 * MIB, 32 * MIB, 128)
    assert facts.bar1_supported_bytes == tuple(MIB << n for n in range(6, 16))
    assert bytes.fromhex(facts.raw["config"]) == CONFIG
    assert (facts.live_device_id, facts.live_subsystem_id, facts.config_bytes) == (0x2684, 0x167C, 64)
    assert (facts.power_state, facts.port_bdf, facts.off_bus) == ("D0", "0000:00:01.0", False)
    assert facts.aer_correctable == {"RxErr": 3, "BadTLP": 0}
    assert facts.missing.keys() == {"aer_status", "lane_errors", "port_link_generation_target"}, "root alone sees more"


@pytest.mark.parametrize(
    ("text", "generation"),
    [
        ("2.5 GT/s PCIe", 1),
        ("5.0 GT/s PCIe", 2),
        ("5 GT/s", 2),
        ("8.0 GT/s PCIe", 3),
        ("16.0 GT/s PCIe", 4),
        ("32.0 GT/s PCIe", 5),
        ("64.0 GT/s PCIe", 6),
        ("Unknown", None),
        ("Unknown speed", None),
        ("", None),
        ("3.0 GT/s PCIe", None),
    ],
)
def test_link_speed(text: str, generation: int | None) -> None:
    assert link_generation(text) == generation


def test_resizable_sizes() -> None:
    assert resizable_sizes("0000000000000100") == (256 * MIB,)
    assert resizable_sizes("0") == ()


def test_display_functions_are_found(tmp_path: Path) -> None:
    add_card(tmp_path, "0000:41:00.0", driver=None)
    add_card(tmp_path, "0000:01:00.0")
    add_card(tmp_path, "0000:01:00.1", {"class": "0x040300\n", "device": "0x22ba\n"})
    add_card(tmp_path, "0000:02:00.0", {"class": "0x030200\n"})
    add_card(tmp_path, "0000:03:00.0", {"class": "0x038000\n"}, driver="vfio-pci")
    add_card(tmp_path, "0000:04:00.0", {"vendor": "0x1002\n"})
    add_card(tmp_path, "0000:05:00.0", {"class": "0x068000\n"})
    add_card(tmp_path, "0000:06:00.0", {"vendor": "nonsense\n"})
    add_card(tmp_path, "0000:07:00.0", {"vendor": None})
    assert pci.list_display_devices(tmp_path) == ["0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:41:00.0"]
    assert read(tmp_path, "0000:41:00.0").driver is None


def test_a_share_of_a_card_is_no_card(tmp_path: Path) -> None:
    """Hosts of virtual GPUs show up to 32 virtual functions a card, with its ids; NVML lists none of them."""
    add_card(tmp_path)
    share = add_card(tmp_path, "0000:01:00.4")
    (share / "physfn").symlink_to("../0000:01:00.0")
    assert pci.list_display_devices(tmp_path) == [BDF]


def test_no_sysfs(tmp_path: Path) -> None:
    assert pci.list_display_devices(tmp_path) == []
    answer = pci.read(tmp_path, BDF)
    assert isinstance(answer, Unavailable)
    assert answer.unavailable == Reason.NOT_SUPPORTED


def test_no_such_device(tmp_path: Path) -> None:
    add_card(tmp_path)
    answer = pci.read(tmp_path, "0000:99:00.0")
    assert isinstance(answer, Unavailable)
    assert (answer.unavailable, "0000:99:00.0" in answer.detail) == (Reason.NOT_SUPPORTED, True)


def test_a_card_off_the_bus_shows_as_lspci_shows_it(tmp_path: Path) -> None:
    add_card(tmp_path, config=b"\xff" * 64)
    facts = read(tmp_path)
    assert (facts.device_id, facts.revision_id) == (0x2684, 0xFF)
    assert facts.missing["config"] == Unavailable(unavailable=Reason.FAILED, detail=OFF_THE_BUS)
    assert facts.raw["config"] == "ff" * 64
    assert facts.off_bus
    assert facts.live_device_id is None
    assert BDF in pci.list_display_devices(tmp_path), "the kernel keeps the class of a card that it lost"


@pytest.mark.parametrize("which", ["max", "current"])
def test_a_link_register_of_all_ones_tells_no_speed(tmp_path: Path, which: str) -> None:
    """The kernel makes 64 GT/s and 63 lanes of a card that is switched off; newer kernels do not say "Unknown"."""
    add_card(tmp_path, files={f"{which}_link_speed": "64.0 GT/s PCIe\n", f"{which}_link_width": "63\n"})
    facts = read(tmp_path)
    for name in (f"link_generation_{which}", f"link_lanes_{which}"):
        assert getattr(facts, name) is None
        assert facts.missing[name].unavailable is Reason.FAILED


def test_ids_of_all_ones(tmp_path: Path) -> None:
    add_card(tmp_path, files={"vendor": "0xffff\n", "device": "0xffff\n", "revision": "0xff\n"})
    facts = read(tmp_path)
    assert (facts.vendor_id, facts.revision_id) == (0xFFFF, 0xFF)


@pytest.mark.parametrize("text", [None, "", "0x1ffff\n", "-5\n", "words\n"])
def test_without_ids_there_is_no_section(tmp_path: Path, text: str | None) -> None:
    add_card(tmp_path, files={"device": text})
    answer = pci.read(tmp_path, BDF)
    assert isinstance(answer, Unavailable)
    assert "device" in answer.detail


def test_each_missing_file_keeps_its_reason(tmp_path: Path) -> None:
    add_card(tmp_path, files={"max_link_speed": None, "resource1_resize": None, "revision": None})
    facts = read(tmp_path)
    assert (facts.link_generation_max, facts.bar1_supported_bytes, facts.revision_id) == (None, None, None)
    for field in ("link_generation_max", "bar1_supported_bytes", "revision_id"):
        assert facts.missing[field].unavailable == Reason.NOT_SUPPORTED


def test_what_root_sees_fills_what_sysfs_leaves_open(tmp_path: Path) -> None:
    files = {"max_link_speed": "Unknown\n", "max_link_width": None, "resource1_resize": None}
    add_card(tmp_path, files=files, config=config_space())
    facts = read(tmp_path)
    assert (facts.link_generation_max, facts.link_lanes_max, facts.config_bytes) == (4, 16, 4096)
    assert facts.bar1_supported_bytes == tuple(MIB << n for n in range(6, 16))
    assert (facts.aer_status, facts.lane_errors) == ((), ())
    assert (facts.port_link_generation_max, facts.port_link_generation_target) == (5, 3)
    assert "PCI Express at 0x78" in facts.capabilities
    assert facts.missing == {}


def test_what_only_root_sees_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    add_card(tmp_path)
    facts = read(tmp_path)
    assert {facts.missing[name].unavailable for name in facts.missing} == {Reason.NO_PERMISSION}


def test_the_card_itself_may_contradict_the_kernels_copy(tmp_path: Path) -> None:
    add_card(tmp_path, config=config_space(subsystem=(0x1458, 0x4043))[:64])
    facts = read(tmp_path)
    assert (facts.subsystem_vendor_id, facts.live_subsystem_vendor_id, facts.live_subsystem_id) == (
        0x10DE,
        0x1458,
        0x4043,
    )


def test_the_other_functions_of_the_slot(tmp_path: Path) -> None:
    add_card(tmp_path)
    add_card(tmp_path, "0000:01:00.1", {"class": "0x040300\n", "device": "0x22ba\n"}, driver="snd_hda_intel")
    add_card(tmp_path, "0000:01:00.2", {"class": "nonsense\n", "device": "0x1ad6\n"}, driver=None)
    add_card(tmp_path, "0000:01:00.3", {"device": None})
    add_card(tmp_path, "0000:02:00.1", {"class": "0x040300\n", "device": "0x1aef\n"})
    sound, usb = read(tmp_path).siblings
    assert (sound.bdf, sound.device_id, sound.class_code, sound.driver) == (
        "0000:01:00.1",
        0x22BA,
        0x040300,
        "snd_hda_intel",
    )
    assert (usb.device_id, usb.class_code, usb.driver) == (0x1AD6, None, None)


@pytest.mark.parametrize("text", ["RxErr -1", "RxErr 1e9", "RxErr " + "9" * 50, "a b \u0660x"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(ValueError, match="not a count"):
        error_counts(text)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path: Path) -> None:
    (add_card(tmp_path) / "resource").chmod(0)
    assert read(tmp_path).missing["bar_sizes_bytes"].unavailable == Reason.NO_PERMISSION


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "denied"), Reason.NO_PERMISSION),
        (OSError(5, "Input/output error"), Reason.FAILED),
        (FileNotFoundError(2, "no"), Reason.NOT_SUPPORTED),
    ],
)
def test_refusals_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: Reason
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    answer = read_bytes(tmp_path / "file")
    assert isinstance(answer, Unavailable)
    assert answer.unavailable == reason


def test_odd_contents(tmp_path: Path) -> None:
    odd: dict[str, str | None] = {
        "max_link_speed": "Unknown\n",
        "max_link_width": "255\n",
        "current_link_width": "0\n",
        "resource": "0x0 0x0\n",
        "resource1_resize": "f" * 1000,
        "revision": "\x1b[31m",
    }
    add_card(tmp_path, files=odd)
    facts = read(tmp_path)
    for field in ("link_generation_max", "link_lanes_max", "link_lanes_current", "bar_sizes_bytes", "revision_id"):
        assert facts.missing[field].unavailable == Reason.FAILED
        assert "\x1b" not in facts.missing[field].detail
    assert facts.bar1_supported_bytes is None
    assert facts.raw["max_link_speed"] == "Unknown"


def test_a_card_right_below_the_root(tmp_path: Path) -> None:
    folder = tmp_path / "bus" / "pci" / "devices" / BDF
    folder.mkdir(parents=True)
    for name, text in RTX_4090.items():
        (folder / name).write_text(text)
    facts = read(tmp_path)
    assert facts.port_link_generation_max is None
    assert facts.missing["port_link_lanes_max"].unavailable == Reason.NOT_SUPPORTED
    assert facts.missing["config"].unavailable == Reason.NOT_SUPPORTED


def test_huge_files_are_cut(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a" * 10_000_000)
    text = read_text(tmp_path / "file")
    assert isinstance(text, str)
    assert len(text) == 65536


@pytest.mark.parametrize(
    ("text", "bdf"),
    [
        ("00000000:01:00.0", BDF),
        ("0000:01:00.0", BDF),
        ("01:00.0", BDF),
        ("1:0.0", BDF),
        (" 00000000:C1:00.0 ", "0000:c1:00.0"),
        ("00010000:E1:00.0", "10000:e1:00.0"),
        ("01:00", None),
        ("01:00.8", None),
        ("", None),
        ("GPU-1", None),
    ],
)
def test_addresses(text: str, bdf: str | None) -> None:
    assert normalise_bdf(text) == bdf
