"""Race gpucheck on a real card against what others wrote, side by side in one run: A B C, A B C, A B C.

Run with the project's Python: ``python benchmarks/gpu.py``. Tools are taken from where they are told to be:
``--cuda-memtest PATH --gpu-stream PATH --nvbandwidth PATH``. Writes ``results/<device>-<date>.json``.
"""

import argparse
import datetime as dt
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks import goals, peers  # noqa: E402 - found beside this file, wherever it is run from
from benchmarks.race import TOOLS, Race, Values, contestant, output, race  # noqa: E402

METRICS = ("read", "write", "copy", "triad", "walk")
CLOCKS = "name,driver_version,ecc.mode.current,clocks.sm,clocks.mem,clocks.max.mem,temperature.gpu,power.draw"


def scans(bdf: str, environment: Mapping[str, str]) -> Values:
    """Wall seconds of ``gpucheck scan``: quick with an empty and a filled cache of kernels, then the default."""
    found: Values = {}
    with tempfile.TemporaryDirectory() as folder:
        cached = {**environment, "GPUCHECK_CACHE": str(Path(folder) / "kernels")}
        for name, flags in (("quick_cold", ["--quick"]), ("quick", ["--quick"]), ("default", [])):
            report = Path(folder) / "report.json"
            command = [sys.executable, "-m", "gpucheck", "scan", "--device", bdf, *flags, "-o", str(report)]
            start = time.perf_counter()
            said = output(command, cached)
            seconds = time.perf_counter() - start
            if report.exists():
                found[f"{name}_seconds"] = seconds
                report.unlink()
            else:
                found[f"{name}_failed"] = said.strip()[-300:]
    return found


def declared(bdf: str, environment: Mapping[str, str]) -> Values:
    """What NVML tells of the card; empty where it does not."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "evidence.json"
        output(
            [sys.executable, "-m", "gpucheck", "collect", "--no-probe", "--device", bdf, "-o", str(saved)], environment
        )
        try:
            facts: Values = json.loads(saved.read_text())["cards"][0]["nvml"]
        except (OSError, ValueError, LookupError):
            return {}
    return {} if "unavailable" in facts else facts


def peak(facts: Values, attributes: Values) -> float | None:
    """DRAM peak in bytes per second: stated bus width times stated highest clock, two transfers a cycle."""
    clock = facts.get("memory_clock_max_mhz") or attributes.get("memory_clock_mhz")
    width = facts.get("memory_bus_width_bits") or attributes.get("memory_bus_width_bits")
    return 2e6 * clock * width / 8 if clock and width else None


def figures(found: Race, walls: Values, top: float | None) -> dict[str, float | None]:
    """Gather what the goals ask for."""
    ours = {metric: found.median("gpucheck", metric) for metric in ("read", "write", "copy", "triad")}
    walk = {metric: found.median("gpucheck walk", metric) for metric in ("walk", "free_share")}
    return {
        **ours,
        **walk,
        "peak": top,
        "PyTorch copy": found.median("PyTorch", "copy"),
        "slab_spread": found.median("gpucheck slabs", "slab_spread"),
        "quick_seconds": walls.get("quick_seconds"),
        "default_seconds": walls.get("default_seconds"),
    }


def table(found: Race, top: float | None) -> list[str]:
    """Draw the rates: GB/s by contestant and metric, with the share of the peak where that is known."""
    lines = [f"{'GB/s (share of the peak)':22}" + "".join(f"{metric:>16}" for metric in METRICS)]
    for name, held in found.samples.items():
        if any(metric in held for metric in METRICS):
            lines.append(f"{name:22}" + "".join(f"{_cell(found.median(name, m), top):>16}" for m in METRICS))
    return lines + [f"{name:22} absent: {why}" for name, why in found.absent.items()]


def _cell(value: float | None, top: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1e9:,.0f}" + (f" ({value / top:.1%})" if top else "")


def document(found: Race, **rest: Any) -> Values:
    """The result as it is saved."""
    rates = {
        name: {metric: {"median": found.median(name, metric), "spread": found.spread(name, metric), "samples": samples}
               for metric, samples in held.items()}
        for name, held in found.samples.items()
    }  # fmt: skip
    return {"convention": peers.__doc__, "contestants": rates, "absent": found.absent, **rest}


def versions() -> dict[str, str]:
    """What is installed of what takes part."""
    found = {"python": platform.python_version()}
    for name in (
        "gpucheck-scan",
        "torch",
        "cupy-cuda12x",
        "cupy-cuda13x",
        "nvidia-cuda-nvrtc-cu12",
        "nvidia-cuda-nvrtc",
    ):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def target(folder: Path, device: str, day: dt.date) -> Path:
    """Where a result goes: the device's name without anything that a file name should not have."""
    slug = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") or "unknown"
    return folder / f"{slug}-{day.isoformat()}.json"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", help="CUDA's number of the card, in bus order; the first that is visible otherwise")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results", metavar="FOLDER")
    for each in TOOLS:
        parser.add_argument(f"--{each.option.replace('_', '-')}", metavar="PATH")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run the race, print the tables, save the result."""
    options = arguments(given)
    environment = {**os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    environment["CUDA_VISIBLE_DEVICES"] = (
        options.device or os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    )
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    attributes = contestant("attributes", 0, environment)
    if "absent" in attributes:
        print(f"There is no card to measure: {attributes['absent']}", file=sys.stderr)
        return 3
    bdf = str(attributes["bdf"])
    facts = declared(bdf, environment)
    top = peak(facts, attributes)
    clocks = ["nvidia-smi", f"--query-gpu={CLOCKS}", "--format=csv", "-i", bdf]
    before = output(clocks, environment)
    found = race(options.rounds, vars(options), environment)
    after = output(clocks, environment)
    grids = contestant("gpucheck grids", 0, environment)
    compiling = contestant("gpucheck compile", 0, environment)
    walls = scans(bdf, environment)
    results = goals.judge(figures(found, walls, top))
    saved = document(
        found,
        device=attributes,
        driver=facts.get("driver_version"),
        versions=versions(),
        ecc_enabled=facts.get("ecc_enabled"),
        peak_bytes_per_second=top,
        clocks_before=before,
        clocks_after=after,
        blocks_per_multiprocessor=grids,
        compile=compiling,
        scans=walls,
        goals=[asdict(result) for result in results],
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )
    told = [*table(found, top), "", *(f"{k}: {v}" for k, v in {**compiling, **walls}.items()), ""]
    print("\n".join([f"{attributes['name']}, driver {facts.get('driver_version')}", "", *told]))
    print("\n".join(goals.lines(results, attributes["name"])))
    options.out.mkdir(parents=True, exist_ok=True)
    path = target(options.out, attributes["name"], dt.datetime.now(dt.UTC).date())
    path.write_text(json.dumps(saved, indent=1) + "\n")
    print(f"\nSaved as {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
