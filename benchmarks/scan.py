"""Time the command line without a card, as ratios to a Python that does nothing, measured in pairs in the same run.

Run from anywhere with the project's Python: ``python benchmarks/scan.py``.
"""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

FLOOR = [sys.executable, "-c", "pass"]
GPUCHECK = [sys.executable, "-m", "gpucheck"]
RUNS = 9
MIB = 1 << 20
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Run:
    """One process: its wall time, and the largest resident memory of it or of a child of its."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Row:
    """A command with its goals; ``None`` where there is none."""

    title: str
    arguments: tuple[str, ...]
    most_seconds: float | None = None
    most_bytes: int | None = None


ROWS = (
    Row("--help", ("--help",)),
    Row("scan --quick, simulated", ("scan", "--simulate", "rtx-4090", "--quick"), 1.5, 300 * MIB),
    Row("scan, simulated", ("scan", "--simulate", "rtx-4090")),
)


def run(command: list[str]) -> Run:
    """Run a command to its end; its output is thrown away. Raises ``RuntimeError`` where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Run(seconds, usage.ru_maxrss * _MAXRSS_UNIT)


def measured(row: Row, runs: int) -> str:
    """Run a row beside the floor and return its line of the table."""
    command = [*GPUCHECK, *row.arguments]
    run(FLOOR), run(command)
    pairs = [(run(FLOOR), run(command)) for _ in range(runs)]
    seconds = statistics.median(own.seconds for _, own in pairs)
    ratio = statistics.median(own.seconds / floor.seconds for floor, own in pairs)
    peak = statistics.median(own.peak_bytes for _, own in pairs)
    memory = statistics.median(own.peak_bytes / floor.peak_bytes for floor, own in pairs)
    line = f"{row.title:26} {seconds * 1e3:7.0f} ms {ratio:6.1f}x  {peak / MIB:6.0f} MiB {memory:5.1f}x"
    return f"{line}  {goal(row, seconds, peak)}".rstrip()


def goal(row: Row, seconds: float, peak_bytes: float) -> str:
    """Say whether a row's goals are met, empty where it has none."""
    told = []
    if row.most_seconds is not None:
        told.append(f"{'met' if seconds <= row.most_seconds else 'MISSED'}: at most {row.most_seconds:g} s")
    if row.most_bytes is not None:
        told.append(f"{'met' if peak_bytes <= row.most_bytes else 'MISSED'}: at most {row.most_bytes / MIB:.0f} MiB")
    return "; ".join(told)


def main(runs: int = RUNS) -> None:
    """Print the table."""
    floor = [run(FLOOR) for _ in range(runs)]
    seconds, peak = statistics.median(f.seconds for f in floor), statistics.median(f.peak_bytes for f in floor)
    print(f"{'python -c pass':26} {seconds * 1e3:7.0f} ms {1:6.1f}x  {peak / MIB:6.0f} MiB {1:5.1f}x")
    for row in ROWS:
        print(measured(row, runs), flush=True)


if __name__ == "__main__":
    main()
