import gzip
import os
from pathlib import Path

import pytest

from gpucheck.sources import file_reading
from gpucheck.sources.nvidia_smi import SourceFileError, parse, read_file

TEXT = "name, memory.total [MiB]\nNVIDIA GeForce RTX 4090\u00ae, 24564 MiB\n"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"],
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "card.txt"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode(encoding))
    (card,) = parse(read_file(path), path.name).cards
    assert card.facts.name == "NVIDIA GeForce RTX 4090\u00ae"
    assert card.facts.memory_total_bytes == 24564 << 20


def test_big_endian_with_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "card.txt"
    path.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert read_file(path) == TEXT


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (gzip.compress(b"text", mtime=0), "gzip archive"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"PK\x03\x04rest", "zip archive"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "card.txt"
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=words) as caught:
        read_file(path)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero")):
        with pytest.raises(SourceFileError, match=r"not a regular file|cannot be opened"):
            read_file(path)


@pytest.mark.parametrize("path", ["/nowhere/card.txt", "a\0b", "x" * 5000, "\ud800"])
def test_paths_that_open_nothing(path: str) -> None:
    with pytest.raises(SourceFileError, match="cannot be opened"):
        read_file(path)


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(SourceFileError, match="larger than 16 MiB"):
        read_file(path)


def test_a_file_that_grows_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card.txt"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(file_reading, "LIMIT_BYTES", 10)
    with pytest.raises(SourceFileError, match="larger than"):
        read_file(path)


def test_a_file_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError) as caught:
        read_file(tmp_path / "\x1b[31mred\n")
    assert caught.value.message.isprintable()


def test_controls_are_dropped_and_binary_is_refused() -> None:
    assert parse(TEXT.replace("4090", "40\x0090"), "x").cards[0].facts.name == "NVIDIA GeForce RTX 4090\u00ae"
    with pytest.raises(SourceFileError, match="binary"):
        parse("\x00\x01\x02" * 500, "x")
