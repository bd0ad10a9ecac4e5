"""``/proc/driver/nvidia`` of several driver generations, and of bug reports."""

import re
from pathlib import Path

import pytest

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import DriverFacts
from gpucheck.sources import driver

BDF = "0000:01:00.0"
VERSION = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.172.08  Release Build  (dvs-builder@U22-I3-AF01-21-3)"
    "  Tue Jul  8 18:08:21 UTC 2025\nGCC version:  gcc version 13.3.0\n"
)
INFORMATION = """Model: \t\t NVIDIA GeForce RTX 4090
IRQ:   \t\t 165
GPU UUID: \t GPU-1b01b75a-f91c-42eb-88d1-956c37d84616
Video BIOS: \t 95.02.3c.00.40
Bus Type: \t PCIe
Bus Location: \t 0000:01:00.0
Device Minor: \t 0
GPU Firmware: \t 570.172.08
GPU Excluded:\t No
"""
UNOPENED = """Model: \t\t Unknown
GPU UUID: \t GPU-????????-????-????-????-????????????
Video BIOS: \t ??.??.??.??.??
Bus Location: \t 0000:01:00.0
Blacklisted:\t No
"""
CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"


def add_driver(proc: Path, information: str | None = INFORMATION, bdf: str = BDF) -> None:
    folder = proc / "driver" / "nvidia"
    (folder / "gpus").mkdir(parents=True, exist_ok=True)
    (proc / "version").write_text("Linux version 6.8.0\n")
    (folder / "version").write_text(VERSION)
    if information is not None:
        (folder / "gpus" / bdf).mkdir()
        (folder / "gpus" / bdf / "information").write_text(information)


def read(proc: Path) -> DriverFacts:
    facts = driver.read(proc, BDF)
    assert isinstance(facts, DriverFacts)
    return facts


def test_a_card(tmp_path: Path) -> None:
    add_driver(tmp_path)
    facts = read(tmp_path)
    assert (facts.version, facts.model) == ("570.172.08", "NVIDIA GeForce RTX 4090")
    assert (facts.uuid, facts.vbios_version) == ("GPU-1b01b75a-f91c-42eb-88d1-956c37d84616", "95.02.3c.00.40")
    assert (facts.bdf, facts.excluded) == (BDF, False)
    assert facts.module_text is not None
    assert "Open Kernel Module" in facts.module_text
    assert set(facts.raw) == {"version", "information"}


def test_question_marks_are_no_values(tmp_path: Path) -> None:
    add_driver(tmp_path, UNOPENED)
    facts = read(tmp_path)
    assert (facts.model, facts.uuid, facts.vbios_version, facts.bdf, facts.excluded) == (None, None, None, BDF, False)


def test_an_excluded_card() -> None:
    assert driver.parse(VERSION, "GPU Excluded: Yes\n").excluded is True


def test_a_card_that_the_driver_does_not_hold(tmp_path: Path) -> None:
    add_driver(tmp_path, None)
    facts = read(tmp_path)
    assert (facts.version, facts.bdf, facts.uuid) == ("570.172.08", None, None)


def test_a_folder_name_in_another_spelling(tmp_path: Path) -> None:
    add_driver(tmp_path, bdf="00000000:01:00.0")
    assert read(tmp_path).bdf == BDF


def test_no_driver(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("Linux version 6.8.0\n")
    answer = driver.read(tmp_path, BDF)
    assert isinstance(answer, Unavailable)
    assert (answer.unavailable, "modprobe" in answer.detail) == (Reason.NOT_INSTALLED, True)


def test_no_procfs(tmp_path: Path) -> None:
    answer = driver.read(tmp_path, BDF)
    assert isinstance(answer, Unavailable)
    assert answer.unavailable == Reason.NOT_SUPPORTED


def test_wsl(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("Linux version 5.15\n")
    (tmp_path / "sys" / "kernel").mkdir(parents=True)
    (tmp_path / "sys" / "kernel" / "osrelease").write_text("5.15.153.1-microsoft-standard-WSL2\n")
    answer = driver.read(tmp_path, BDF)
    assert isinstance(answer, Unavailable)
    assert (answer.unavailable, "WSL" in answer.detail) == (Reason.NOT_SUPPORTED, True)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (VERSION, "570.172.08"),
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.103.01  Thu Jan  6 12:10:04 UTC 2022", "470.103.01"),
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  304.125  Mon Dec  1", "304.125"),
        ("GCC version: gcc version 13.3.0", None),
        ("", None),
    ],
)
def test_versions(text: str, version: str | None) -> None:
    assert driver.parse_version(text) == version


@pytest.mark.parametrize("text", ["", ":::::", "\x00\xff", "Model", "Model: \x1b[2J\x07card\n" * 1000, "a" * 1_000_000])
def test_hostile_texts(text: str) -> None:
    facts = driver.parse(text, text)
    assert "\x1b" not in (facts.model or "")
    assert all(len(shown) <= 2048 for shown in facts.raw.values())


def test_a_card_kept_from_this_process(tmp_path: Path) -> None:
    add_driver(tmp_path)
    refused = driver.refusal(tmp_path, BDF, tmp_path / "dev")
    assert refused is not None
    assert refused.unavailable == Reason.NO_PERMISSION
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    assert driver.refusal(tmp_path, BDF, tmp_path / "dev") is None
    assert driver.refusal(tmp_path, "0000:02:00.0", tmp_path / "dev") is None


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures of real cards are not in this checkout")
def test_bug_reports_of_real_cards() -> None:
    found = [facts for path in sorted(CAPTURES.rglob("*.proc.txt")) for facts in _facts_of(path)]
    assert len(found) >= 30
    assert all((facts.bdf and facts.excluded is not None) or facts.model for facts in found)
    assert sum(facts.vbios_version is not None for facts in found) >= 28
    opened = [facts for facts in found if facts.uuid]
    assert len(opened) >= 28
    for facts in opened:
        assert re.fullmatch(r"GPU(-[0-9a-f]+){5}", facts.uuid or "")
        assert facts.vbios_version is None or re.fullmatch(r"([0-9a-f]{2}\.){4}[0-9a-f]{2}", facts.vbios_version)
        assert facts.model
        assert re.fullmatch(r"\d{3}\.\d+(\.\d+)?", facts.version or "")


def _facts_of(path: Path) -> list[DriverFacts]:
    parts = re.split(
        r"^\*\*\* (/proc/\S+)\n(?:\*\*\* ls:.*\n)?", path.read_text("utf-8", "replace"), flags=re.MULTILINE
    )
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    version = next((text for name, text in sections.items() if name.endswith("/version")), "")
    return [driver.parse(version, text) for name, text in sections.items() if name.endswith("/information")]


def test_a_module_that_somebody_built_names_nobody() -> None:
    facts = driver.parse(VERSION.replace("dvs-builder@U22-I3-AF01-21-3", "jane@janes-desktop"), INFORMATION)
    assert facts.version == "570.172.08"
    assert "jane" not in facts.model_dump_json()
    assert "dvs-builder" in (driver.parse(VERSION, None).module_text or "")


@pytest.mark.parametrize(
    ("printed", "bdf"),
    [("0000:04.00.0", "0000:04:00.0"), ("0000:04:00.0", "0000:04:00.0"), ("0000:04", None), ("", None)],
)
def test_an_address_as_old_drivers_print_it(printed: str, bdf: str | None) -> None:
    assert driver.parse(VERSION, f"Model: \t ION\nBus Location: \t {printed}\n").bdf == bdf
