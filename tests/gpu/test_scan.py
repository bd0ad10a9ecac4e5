"""The whole pipeline on a real card, as a person runs it. Times are printed beside their goals, and not asserted."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gpucheck.device import kernels
from gpucheck.model.evidence import MEASURED_SECTIONS, SECTIONS
from gpucheck.modes import LEFT_OUT, Mode
from gpucheck.probes.registry import PROBES

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).resolve().parents[2]
GOAL_SECONDS: dict[Mode, float] = {"quick": 5.0, "default": 30.0}
"""Set for an H100 or H200 with cached kernels."""
VERDICTS = {0, 9, 10, 11, 12, 13}
"""Exit codes of a scan that came to an answer, whatever it is: the card at hand may be a fake."""


@dataclass(frozen=True)
class Scan:
    """One run of ``gpucheck scan``: its mode, its wall time and the one card of its report."""

    mode: Mode
    seconds: float
    report: dict[str, Any]

    @property
    def card(self) -> dict[str, Any]:
        """The card that was examined."""
        (card,) = self.report["cards"]
        return dict(card)

    def section(self, name: str) -> dict[str, Any]:
        """One section of the evidence."""
        return dict(self.card["evidence"][name])


def scan(target: tuple[str, str], mode: Mode, folder: Path) -> Scan:
    """Scan one card and read the report."""
    file = folder / f"{mode}-{time.monotonic_ns()}.json"
    flags = [] if mode == "default" else [f"--{mode}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "gpucheck", "scan", *target, *flags, "-o", str(file)],
        env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    assert done.returncode in VERDICTS, done.stderr
    return Scan(mode, seconds, json.loads(file.read_text()))


def tell(capsys: pytest.CaptureFixture[str], title: str, one: Scan) -> None:
    """Print what a scan took and what it came to, whether or not pytest captures."""
    verdict = one.card["verdict"]
    with capsys.disabled():
        print(f"\n{title}: {one.seconds:.2f} s wall (goal on H100 and H200: {GOAL_SECONDS[one.mode]:g} s), "
              f"{verdict['authenticity']}, {verdict['condition']}, coverage {verdict['coverage']:.0%}")  # fmt: skip
        for name in MEASURED_SECTIONS:
            if reason := one.section(name).get("unavailable"):
                print(f"  {name}: {reason} {one.section(name).get('detail', '')}")


def expect_whole(one: Scan) -> None:
    """Hold what any scan of any card owes: an answer of every check, every section or its reason, its rulebook."""
    errors = [f for f in one.card["findings"] if f["status"] == "error"]
    assert errors == []
    for name in SECTIONS:
        section = one.section(name)
        assert section.get("unavailable") != "failed", (name, section)
        assert section.get("unavailable") != "timed_out", (name, section)
    for name in PROBES:
        if name in LEFT_OUT[one.mode]:
            assert one.section(name) == {"unavailable": "not_requested", "detail": LEFT_OUT[one.mode][name]}
        else:
            assert one.section(name).get("unavailable") != "not_requested", name
    measured = [n for n in MEASURED_SECTIONS if "unavailable" not in one.section(n)]
    families = {family for name in measured for family in kernels.families_of(name)}
    assert one.report["rulebook"]["kernels"] == {family: kernels.digest(family) for family in families}


def entries(cache: Path) -> dict[str, int]:
    """The cache's files and which file each is on the disk: a kernel compiled anew would be another one."""
    return {path.name: path.stat().st_ino for path in cache.glob("*.code")}


def test_quick_twice_compiles_once(
    address: str, kernel_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in kernel_cache.glob("*.code"):
        path.unlink()
    first = scan(("--device", address), "quick", tmp_path)
    tell(capsys, "scan --quick, kernels compiled", first)
    compiled = entries(kernel_cache)
    assert compiled
    second = scan(("--device", address), "quick", tmp_path)
    tell(capsys, "scan --quick, kernels cached", second)
    assert entries(kernel_cache) == compiled
    for one in (first, second):
        expect_whole(one)


def test_default_scan(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = scan(("--device", address), "default", tmp_path)
    tell(capsys, "scan, default", one)
    expect_whole(one)
    walk = one.section("memory_walk")
    if "unavailable" not in walk:
        assert walk["distinct_bytes"] <= walk["tested_bytes"] <= walk["total_bytes"]


def test_a_scan_without_the_cache_comes_to_the_same_answer(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = scan(("--device", address), "quick", tmp_path).card
    monkeypatch.setenv("GPUCHECK_CACHE", "off")
    fresh = scan(("--device", address), "quick", tmp_path).card
    for key in ("authenticity", "condition", "kinds"):
        assert cached["verdict"][key] == fresh["verdict"][key]
