"""The benchmarks' reading and reckoning, on fakes: no card runs here, and no figure below is anybody's measurement."""

import datetime as dt
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import contestants, goals, gpu, peers, race, scan
from gpucheck.simulation import machine

ROOT = Path(__file__).resolve().parents[1]
MEMTEST = """[01/02/2026 14:49:00][host][0]:Running cuda memtest, version 1.2.3
[01/02/2026 14:49:00][host][0]:Allocated 4096 MB
[01/02/2026 14:49:02][host][0]:Test1 [Own address test]
[01/02/2026 14:49:02][host][0]:Test1 finished in 2.0 seconds
main thread: Program exits
"""
STREAM = """blockSize   threads       %occ  |                init       read       scale     triad       3pt        5pt
       32        4224      3 %  |  GB/s:         100        200        300        400        222        218
     1024      135168  100.0 %  |  GB/s:         110        190        310        390        3128       3110
"""
NVBANDWIDTH = """nvbandwidth Version: v0.8
Running device_local_copy.
memcpy local GPU(column) bandwidth (GB/s)
           0
 0    150.50

SUM device_local_copy 150.50
"""


def test_what_others_print_is_read_in_one_convention() -> None:
    assert peers.cuda_memtest(MEMTEST)["walk"] == 2 * 4096 * 2**20 / 2.0
    assert peers.gpu_stream(STREAM) == {"write": 110e9, "read": 200e9, "copy": 310e9, "triad": 400e9}
    assert peers.nvbandwidth(NVBANDWIDTH) == {"copy": 301e9}


@pytest.mark.parametrize("read", [peers.cuda_memtest, peers.gpu_stream, peers.nvbandwidth])
@pytest.mark.parametrize("text", ["", "ERROR: no GPUs found\n", "Waived: \n", "init triad\n", MEMTEST[:120]])
def test_what_cannot_be_read_is_no_figure(read: Any, text: str) -> None:
    with pytest.raises(peers.UnreadableError):
        read(text)


def test_a_time_of_nothing_is_no_rate() -> None:
    with pytest.raises(peers.UnreadableError, match="tenth of a second"):
        peers.cuda_memtest(MEMTEST.replace("2.0 seconds", "0.0 seconds"))


def program(folder: Path, name: str, prints: str, code: int = 0) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


def answers(name: str, _size: int, _environment: Mapping[str, str]) -> dict[str, Any]:
    """Contestants of a card with a peak of 1000 GB/s, PyTorch missing."""
    told: dict[str, dict[str, Any]] = {
        "attributes": {"name": "NVIDIA H200 <fake>", "bdf": "0000:01:00.0", "memory_clock_mhz": 1000,
                       "memory_bus_width_bits": 4000},
        "gpucheck": {"read": 930e9, "write": 900e9, "copy": 880e9, "triad": 870e9, "buffer_bytes": 1 << 29},
        "gpucheck walk": {"walk": 860e9, "free_share": 0.995, "passes": 3},
        "gpucheck slabs": {"absent": "this version maps no slabs"},
        "gpucheck grids": {"read_2": 930e9, "copy_2": 880e9},
        "gpucheck compile": {"compile_cold_seconds": 0.5, "compile_warm_seconds": 0.01},
        "PyTorch": {"absent": "PyTorch is not installed"},
        "CuPy": {"copy": 800e9, "write": 850e9},
        "cudaMemcpyAsync": {"copy": 810e9},
    }  # fmt: skip
    return told[name]


@pytest.mark.skipif(os.name != "posix", reason="fake programs are shell scripts")
def test_the_whole_race_on_fakes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "contestant", answers)
    monkeypatch.setattr(race, "contestant", answers)
    monkeypatch.setattr(gpu, "scans", lambda *_: {"quick_seconds": 4.0, "default_failed": "it broke"})
    monkeypatch.setattr(gpu, "declared", lambda *_: {"driver_version": "580.1", "ecc_enabled": True})
    stream = program(tmp_path, "stream", STREAM)
    memtest = program(tmp_path, "memtest", "ERROR: cannot allocate any memory from GPU", 1)
    code = gpu.main(["--rounds", "2", "--out", str(tmp_path), "--gpu-stream", stream, "--cuda-memtest", memtest])
    out = capsys.readouterr().out
    assert code == 0
    assert "930 (93.0%)" in out
    assert "PyTorch                absent: PyTorch is not installed" in out
    assert "cannot allocate any memory" in out
    assert "nvbandwidth            absent: no path was given (--nvbandwidth)" in out
    assert "MISSED       copy against the DRAM peak: 0.88 (goal: at least 0.89)" in out
    assert "not measured copy against PyTorch's: -" in out
    assert "not measured default scan: -" in out
    (path,) = tmp_path.glob("nvidia-h200-fake-*.json")
    saved = json.loads(path.read_text())
    assert saved["contestants"]["gpu-stream"]["copy"] == {"median": 310e9, "spread": 0.0, "samples": [310e9, 310e9]}
    assert saved["peak_bytes_per_second"] == 1000e9
    assert saved["blocks_per_multiprocessor"] == {"read_2": 930e9, "copy_2": 880e9}
    assert "python" in saved["versions"]
    assert (saved["driver"], saved["ecc_enabled"]) == ("580.1", True)
    assert set(saved["absent"]) == {"gpucheck slabs", "PyTorch", "cuda_memtest", "nvbandwidth"}


def test_everybody_runs_once_a_round_and_the_others_follow_our_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[tuple[str, int]] = []

    def note(name: str, size: int, environment: Mapping[str, str]) -> dict[str, Any]:
        order.append((name, size))
        return answers(name, size, environment)

    monkeypatch.setattr(race, "contestant", note)
    race.race(2, {}, {})
    one = ["gpucheck", "gpucheck walk", "gpucheck slabs", "PyTorch", "CuPy", "cudaMemcpyAsync"]
    assert [name for name, _ in order] == one + [name for name in one if name not in ("gpucheck slabs", "PyTorch")]
    assert {size for name, size in order if name == "CuPy"} == {1 << 29}


@pytest.mark.parametrize(
    ("name", "limit", "better"), [("read", 0.92, 1), ("free_share", 0.99, 1), ("slab_spread", 0.01, -1)]
)
def test_a_goal_is_met_at_its_limit_and_not_beyond(name: str, limit: float, better: int) -> None:
    title = {"read": "read against the DRAM peak", "slab_spread": "spread of the slabs"}.get(name, "share of the free")

    def met(value: float | None) -> bool | None:
        (found,) = [r for r in goals.judge({name: value, "peak": 1.0}) if r.title.startswith(title)]
        return found.met

    assert met(limit) is True
    assert met(limit - 0.001 * better) is False
    assert met(None) is None


def test_goals_of_another_card_say_so() -> None:
    assert goals.lines(goals.judge({}), "NVIDIA GeForce RTX 3060")[0].endswith("not for this card)")
    assert goals.lines(goals.judge({}), "NVIDIA H100 80GB HBM3")[0] == "Goals"


def test_a_files_name_has_nothing_of_the_cards_tricks() -> None:
    path = gpu.target(Path("results"), "../../NVIDIA \x1b[31mH100/80GB", dt.date(2026, 1, 2))
    assert path == Path("results/nvidia-31mh100-80gb-2026-01-02.json")


def test_the_peak_is_two_transfers_a_cycle() -> None:
    assert gpu.peak({"memory_clock_max_mhz": 2619, "memory_bus_width_bits": 5120}, {}) == pytest.approx(
        3352.3e9, rel=1e-4
    )
    assert gpu.peak({}, {"memory_clock_mhz": None, "memory_bus_width_bits": 384}) is None


def run_contestant(name: str, path: Path | None = None) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*([str(path)] if path else []), str(ROOT)])}
    return race.contestant(name, 1 << 20, environment)


def test_what_is_not_installed_is_absent(tmp_path: Path) -> None:
    for module in ("torch", "cupy"):
        (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('No module named {module}')\n")
    assert run_contestant("PyTorch", tmp_path) == {"absent": "PyTorch is not installed"}
    assert run_contestant("cudaMemcpyAsync", tmp_path) == {"absent": "CuPy is not installed"}
    assert "absent" in run_contestant("gpucheck", tmp_path)


TORCH = """
from types import SimpleNamespace
class Event:
    def __init__(self, enable_timing): pass
    def record(self): pass
    def synchronize(self): pass
    def elapsed_time(self, other): return 2.0
class Tensor:
    def uniform_(self): return self
    def sum(self): return self
    def fill_(self, value): return self
    def copy_(self, other): return self
float32 = "float32"
cuda = SimpleNamespace(is_available=lambda: True, Event=Event, _sleep=lambda cycles: None)
def empty(count, dtype, device): return Tensor()
def add(b, c, alpha, out): return out
"""


def test_libraries_count_bytes_as_we_do(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    expected = {"read": 1, "write": 1, "copy": 2, "triad": 3}
    assert run_contestant("PyTorch", tmp_path) == {k: n * (1 << 20) / 2e-3 for k, n in expected.items()}


def test_an_answer_is_found_among_the_chatter_of_a_library(tmp_path: Path) -> None:
    farewell = "import atexit, sys\natexit.register(lambda: print('leaking', 7, file=sys.stderr))\n"
    (tmp_path / "torch.py").write_text(farewell + TORCH)
    assert "copy" in run_contestant("PyTorch", tmp_path)


def test_a_contestant_that_fails_or_dies_does_not_end_the_race(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "cupy.py").write_text("raise OSError('libcudart.so.12')\n")
    assert "without an answer" in run_contestant("PyTorch", tmp_path)["absent"]
    assert "libcudart" in run_contestant("CuPy", tmp_path)["absent"]


def test_our_own_probes_run_as_contestants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants, "open_device", machine(["rtx-4090"]).cards[0].open_device)
    streams, walk = contestants.gpucheck_streams(0), contestants.gpucheck_walk(0)
    assert {"read", "copy", "buffer_bytes"} <= set(streams)
    assert walk["faults"] == 0
    assert 0.9 < walk["free_share"] <= 1
    assert walk["walk"] == pytest.approx(2 / (1 / walk["walk_write"] + 1 / walk["walk_verify"]))
    assert contestants.attributes(0)["compute_capability"] == "8.9"


def test_without_a_card_nothing_is_written(tmp_path: Path) -> None:
    for module in ("torch", "cupy"):
        (tmp_path / f"{module}.py").write_text("raise ModuleNotFoundError('no')\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/gpu.py"), "--out", str(tmp_path / "results")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "There is no card to measure: CuPy is not installed" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_scan_that_fails_is_told_and_is_no_time() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    walls = gpu.scans("ffff:1f:1f.7", environment)
    assert set(walls) == {"quick_cold_failed", "quick_failed", "default_failed"}
    assert gpu.declared("ffff:1f:1f.7", environment) == {}


def test_the_command_line_row_names_what_it_missed() -> None:
    row = scan.Row("r", (), most_seconds=1.5, most_bytes=300 << 20)
    assert scan.goal(row, 1.5, 300 << 20) == "met: at most 1.5 s; met: at most 300 MiB"
    assert scan.goal(row, 1.6, 301 << 20) == "MISSED: at most 1.5 s; MISSED: at most 300 MiB"


@pytest.mark.skipif(os.name != "posix", reason="wait4")
def test_time_and_memory_of_a_process_and_of_its_child() -> None:
    hog = textwrap.dedent(
        """
        import os
        pid = os.fork()
        if not pid:
            block = b"x" * (64 << 20)
            os._exit(0)
        os.waitpid(pid, 0)
        """
    )
    assert scan.run([sys.executable, "-c", hog]).peak_bytes > 64 << 20
    with pytest.raises(RuntimeError, match="ended with 3"):
        scan.run([sys.executable, "-c", "raise SystemExit(3)"])
