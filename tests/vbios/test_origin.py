"""Where the bytes come from: the window in sysfs, opened and closed as the kernel wants it, and files."""

import os
import sys
from pathlib import Path

import pytest

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.vbios import VbiosFacts
from gpucheck.sources.vbios import VbiosError
from gpucheck.sources.vbios.origin import read_file, read_window, version_alone
from tests.vbios.rom_builder import build, recipe

BDF = "0000:01:00.0"
WHY = Unavailable(unavailable=Reason.NO_PERMISSION, detail="only root")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sysfs is Linux'")


class Switch:
    """Stands for the kernel: notes what is written to the window's file and keeps the bytes behind it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def __call__(self, handle: int, content: bytes) -> None:
        assert os.lseek(handle, 0, os.SEEK_CUR) == 0, "the kernel takes the switch at the start of the file only"
        self.written.append(content)


def window(root: Path, content: bytes) -> Path:
    folder = root / "bus" / "pci" / "devices" / BDF
    folder.mkdir(parents=True)
    (folder / "rom").write_bytes(content)
    return folder


@linux
def test_the_window_is_opened_read_and_closed(tmp_path: Path) -> None:
    content = build("ada", flash=False, views=("x86", "uefi"))
    folder, switch = window(tmp_path, content), Switch()
    (folder / "resource0").write_bytes(b"registers")
    facts = read_window(tmp_path, BDF, switch)
    assert isinstance(facts, VbiosFacts)
    assert (facts.source, facts.version) == ("sysfs", recipe("ada").version_text)
    assert switch.written == [b"1\n", b"0\n"]
    assert (folder / "rom").read_bytes() == content
    assert (folder / "resource0").read_bytes() == b"registers"


@linux
def test_the_window_is_closed_when_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window(tmp_path, build("ada", flash=False))
    switch = Switch()

    def fail(*_arguments: object) -> bytes:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("gpucheck.sources.vbios.origin.os.read", fail)
    found = read_window(tmp_path, BDF, switch)
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.FAILED
    assert "Invalid argument" in found.detail
    assert switch.written == [b"1\n", b"0\n"]


@linux
@pytest.mark.parametrize(("user", "says"), [(1000, "only root"), (0, "even from root")])
def test_who_may_not_read_it_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, says: str) -> None:
    window(tmp_path, build("ada"))
    monkeypatch.setattr("gpucheck.sources.vbios.origin.os.geteuid", lambda: user)

    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gpucheck.sources.vbios.origin.os.open", refuse)
    found = read_window(tmp_path, BDF, Switch())
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.NO_PERMISSION
    assert says in found.detail


@linux
@pytest.mark.parametrize(
    ("content", "says"), [(b"\xff" * 65536, "every byte"), (b"", "every byte"), (b"AMD" * 999, "no")]
)
def test_a_window_that_shows_nothing_is_a_reason(tmp_path: Path, content: bytes, says: str) -> None:
    window(tmp_path, content)
    found = read_window(tmp_path, BDF, Switch())
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.FAILED
    assert says in found.detail


def test_a_system_without_such_files_is_a_reason(tmp_path: Path) -> None:
    found = read_window(tmp_path, BDF)
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.NOT_SUPPORTED


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "card.rom"
    path.write_bytes(build("turing"))
    assert read_file(path).source == "file"


def test_what_is_no_rom_is_one_line_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "text.rom").write_text("hello\n" * 200)
    for path in (tmp_path / "text.rom", tmp_path / "nowhere.rom", tmp_path):
        with pytest.raises(VbiosError) as caught:
            read_file(path)
        assert str(path.name) in caught.value.message
        assert caught.value.hint
        assert "\n" not in caught.value.message


def test_the_version_alone_says_why_there_is_no_more() -> None:
    facts = version_alone("95.02.18.80.5f\x1b[2J", "nvml", WHY)
    assert isinstance(facts, VbiosFacts)
    assert facts.version == "95.02.18.80.5F [2J"
    assert not facts.read
    assert facts.missing["rom"] == WHY
    assert version_alone(None, "nvml", WHY) == WHY
