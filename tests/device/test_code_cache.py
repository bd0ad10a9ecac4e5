"""The cache of machine code: what it saves, and everything that must never be loaded from it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpucheck.device import code_cache
from gpucheck.device.code_cache import CodeCache, default_folder, key, remembered
from gpucheck.device.cuda import CudaDevice, machine_code
from gpucheck.device.protocol import DeviceError, Kernel
from tests.device.fake_cupy import FakeCupy
from tests.kernels import nvrtc

ROOT = Path(__file__).resolve().parents[2]
NAME = key(["text", "NVRTC 12.9"])
CODE = b"\x7fELF" + bytes(range(256)) * 8
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")


@pytest.fixture
def cache(cache_folder: Path) -> CodeCache:
    opened = CodeCache.opened(cache_folder)
    assert opened is not None
    return opened


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> FakeCupy:
    fake = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


def launch(family: str = "hold") -> None:
    """Launch a kernel; one of the hold's own family brings no second family with it."""
    device = CudaDevice.open()
    device.launch(Kernel(family, "any"), blocks=1, threads=32, arguments=())
    device.close()


def the_entry(folder: Path) -> Path:
    (path,) = folder.glob("*.code")
    return path


def test_the_second_run_compiles_nothing_and_loads_the_same(cupy: FakeCupy) -> None:
    launch()
    launch()
    assert len(cupy.options) == 1
    assert cupy.loaded == [b"\x7fELF\0"] * 2


@pytest.mark.parametrize("what", ["family", "architecture", "version", "wheel", "text"])
def test_whatever_the_code_depends_on_makes_another_entry(
    cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    launch()
    if what == "version":
        cupy.nvrtc_version = (12, 8)
    if what == "architecture":
        monkeypatch.setattr(cupy, "_device_get_attribute", lambda number, _: {75: 9, 76: 0}.get(number, 1))
    if what == "wheel":
        monkeypatch.setattr("importlib.metadata.version", lambda name: "99.1")
    if what == "text":
        monkeypatch.setattr("gpucheck.device.kernels.load", lambda family: _Source("other text"))
    launch("bandwidth" if what == "family" else "hold")
    assert len(cupy.options) == 2


class _Source:
    def __init__(self, text: str) -> None:
        self.text = text


def test_ingredients_do_not_run_into_each_other() -> None:
    assert key(["ab", "c"]) != key(["a", "bc"])


def cut(content: bytes) -> bytes:
    return content[:-1]


def altered(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def emptied(content: bytes) -> bytes:
    return b""


def foreign(content: bytes) -> bytes:
    return b"\x7fELF whatever"


def lengthened(content: bytes) -> bytes:
    return content + b"\0"


@pytest.mark.parametrize("harm", [cut, altered, emptied, foreign, lengthened])
def test_a_damaged_entry_is_compiled_again_and_mended(
    cupy: FakeCupy, cache_folder: Path, harm: Callable[[bytes], bytes]
) -> None:
    launch()
    whole = the_entry(cache_folder).read_bytes()
    the_entry(cache_folder).write_bytes(harm(whole))
    launch()
    assert len(cupy.options) == 2
    assert the_entry(cache_folder).read_bytes() == whole


def test_an_entry_under_another_name_is_not_loaded(cache: CodeCache) -> None:
    cache.put(NAME, CODE)
    other = key(["other text"])
    the_entry(cache.folder).rename(cache.folder / f"{other}.code")
    assert cache.get(other) is None


def test_compilers_errors_pass_and_leave_nothing(cupy: FakeCupy, cache_folder: Path) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such architecture")

    cupy.cuda.nvrtc.compileProgram = broken
    with pytest.raises(DeviceError, match="no such architecture"):
        launch()
    assert list(cache_folder.iterdir()) == []


def test_an_nvrtc_that_does_not_load_says_so_as_before(cupy: FakeCupy) -> None:
    def absent(*_: object) -> None:
        raise OSError("libnvrtc.so.12: cannot open shared object file")

    cupy.cuda.nvrtc.getVersion = absent
    cupy.cuda.nvrtc.createProgram = absent
    with pytest.raises(DeviceError, match="cannot open shared object file"):
        launch()


@posix
def test_folder_and_entries_are_the_users_alone(cache: CodeCache) -> None:
    before = os.umask(0)
    try:
        cache.put(NAME, CODE)
    finally:
        os.umask(before)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert the_entry(cache.folder).stat().st_mode & 0o777 == 0o600


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_is_not_trusted(cache: CodeCache, mode: int) -> None:
    cache.put(NAME, CODE)
    cache.folder.chmod(mode)
    assert CodeCache.opened(cache.folder) is None
    assert remembered(["text", "NVRTC 12.9"], lambda: b"fresh") == b"fresh"


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_an_entry_that_others_may_write_is_not_loaded(cache: CodeCache, mode: int) -> None:
    cache.put(NAME, CODE)
    the_entry(cache.folder).chmod(mode)
    assert cache.get(NAME) is None


@posix
def test_somebody_elses_folder_is_not_trusted(cache: CodeCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put(NAME, CODE)
    monkeypatch.setattr(os, "geteuid", lambda: cache.folder.stat().st_uid + 1)
    assert CodeCache.opened(cache.folder) is None
    assert cache.get(NAME) is None


@posix
def test_links_and_pipes_are_not_followed(cache: CodeCache, tmp_path: Path) -> None:
    cache.put(NAME, CODE)
    entry = the_entry(cache.folder)
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert cache.get(NAME) is None
    entry.unlink()
    os.mkfifo(entry, 0o600)
    assert cache.get(NAME) is None
    link = tmp_path / "link"
    link.symlink_to(cache.folder, target_is_directory=True)
    assert CodeCache.opened(link) is None


@pytest.mark.parametrize("call", ["replace", "open", "write"])
def test_a_disk_that_is_full_or_read_only_costs_a_compilation(
    cache: CodeCache, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if call == "replace":
        monkeypatch.setattr(Path, "replace", refuse)
    if call == "open":
        monkeypatch.setattr(os, "open", refuse)
    if call == "write":
        monkeypatch.setattr(code_cache, "_write_new", refuse)
    assert remembered(["text", "NVRTC 12.9"], lambda: CODE) == CODE
    assert list(cache.folder.iterdir()) == []


def test_a_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GPUCHECK_CACHE", str(tmp_path / "file" / "cache"))
    assert remembered(["text"], lambda: CODE) == CODE


def test_switched_off(cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPUCHECK_CACHE", "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    launch()
    launch()
    assert len(cupy.options) == 2
    assert not (tmp_path / "gpucheck").exists()


def test_where_the_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder({}, "linux") == tmp_path / ".cache/gpucheck/kernels"
    assert default_folder({}, "darwin") == tmp_path / "Library/Caches/gpucheck/kernels"
    assert default_folder({"XDG_CACHE_HOME": str(tmp_path / "x")}, "linux") == tmp_path / "x/gpucheck/kernels"
    assert default_folder({"XDG_CACHE_HOME": "relative"}, "linux") == tmp_path / ".cache/gpucheck/kernels"
    assert default_folder({"LOCALAPPDATA": str(tmp_path / "L")}, "win32") == tmp_path / "L/gpucheck/kernels"
    assert default_folder({}, "win32") is None
    assert default_folder({"GPUCHECK_CACHE": "~/mine"}, "linux") == tmp_path / "mine"
    assert default_folder({"GPUCHECK_CACHE": " OFF "}, "linux") is None


@posix
def test_nothing_is_begun_in_another_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    account = 4_000_000_000  # nobody's
    monkeypatch.setattr(os, "geteuid", lambda: account)
    assert default_folder({}, "linux") is None


@posix
def test_in_another_users_home_root_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    theirs.mkdir()
    mine.mkdir()
    monkeypatch.setenv("HOME", str(theirs))
    monkeypatch.setattr("gpucheck.device.code_cache._may_begin", lambda base: base.is_relative_to(mine))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(mine)))
    assert default_folder({}, "linux") == mine / ".cache/gpucheck/kernels"


@posix
def test_a_home_that_a_group_may_write_is_good_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o775)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = default_folder({}, "linux")
    assert folder == tmp_path / ".cache/gpucheck/kernels"
    assert CodeCache.opened(folder) is not None


def test_what_was_not_used_for_longest_goes_first(cache_folder: Path) -> None:
    cache_folder.mkdir(parents=True, mode=0o700)
    cache = CodeCache(cache_folder, limit_bytes=3 * (len(CODE) + 100))
    names = [key([str(number)]) for number in range(5)]
    for age, name in zip((500, 400, 300, 200, 100), names, strict=True):
        if age == 100:
            assert cache.get(names[2]) == CODE  # used just now
        cache.put(name, CODE)
        os.utime(cache_folder / f"{name}.code", (time.time() - age,) * 2) if name != names[4] else None
    assert [cache.get(name) is not None for name in names] == [False, False, True, True, True]


def test_what_was_left_half_written_goes_after_an_hour(cache: CodeCache) -> None:
    old, young = cache.folder / "a.1.part", cache.folder / "b.2.part"
    for path, age in ((old, 7200), (young, 10)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    stranger = cache.folder / "notes.txt"
    stranger.write_text("not ours to remove")
    cache.put(NAME, CODE)
    assert (old.exists(), young.exists(), stranger.exists()) == (False, True, True)


WRITER = """
import sys
from pathlib import Path
from gpucheck.device.code_cache import CodeCache, key
cache = CodeCache.opened(Path(sys.argv[1]))
print("begun", flush=True)
for turn in range(int(sys.argv[2])):
    name = key([str(turn % 3)])
    seen = cache.get(name)
    assert seen in (None, bytes([turn % 3]) * 200_000), "torn"
    cache.put(name, bytes([turn % 3]) * 200_000)
"""


def writer(folder: Path, turns: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), str(turns)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_side_by_side_never_see_half_an_entry(cache: CodeCache) -> None:
    writers = [writer(cache.folder, 60) for _ in range(3)]
    for process in writers:
        _, complaints = process.communicate(timeout=30)
        assert process.returncode == 0, complaints
    assert [cache.get(key([str(n)])) for n in range(3)] == [bytes([n]) * 200_000 for n in range(3)]
    assert not list(cache.folder.glob("*.part"))


@posix
def test_killed_while_writing(cache: CodeCache) -> None:
    for pause in (0.0, 0.01, 0.03):
        process = writer(cache.folder, 1_000_000)
        assert process.stdout
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert all(cache.get(key([str(n)])) in (None, bytes([n]) * 200_000) for n in range(3))


class ShortNvrtc:
    """The real NVRTC behind CuPy's names, with CuPy's habit of losing the last byte."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.image = b""

    def getVersion(self) -> tuple[int, int]:  # noqa: N802
        return 12, 9

    def createProgram(self, text: str, *_: object) -> str:  # noqa: N802
        return text

    def compileProgram(self, text: str, options: tuple[str, ...]) -> None:  # noqa: N802
        self.texts.append(text)
        self.image = nvrtc.compile_text(text, options).image

    def getCUBIN(self, _: str) -> bytes:  # noqa: N802
        return self.image[:-1]

    def destroyProgram(self, _: str) -> None:  # noqa: N802
        """Nothing to destroy."""


@pytest.mark.skipif(not nvrtc.architectures(), reason="the wheel nvidia-cuda-nvrtc-cu12 is not installed")
def test_real_machine_code_comes_back_whole() -> None:
    short = ShortNvrtc()
    cupy = SimpleNamespace(cuda=SimpleNamespace(nvrtc=short))
    first, second = (machine_code(cupy, "census", "8.9") for _ in range(2))
    assert len(short.texts) == 1
    assert first == second == short.image
