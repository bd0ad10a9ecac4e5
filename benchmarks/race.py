"""The race itself: who runs in which order, what each process told, and why somebody did not take part."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import peers

HERE = Path(__file__).resolve().parent
SECONDS = 540
"""Limit for one process."""
OURS = ("gpucheck", "gpucheck walk", "gpucheck slabs")
THEIRS = ("PyTorch", "CuPy", "cudaMemcpyAsync")

Values = dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """Somebody else's program: its arguments, and how to read what it prints."""

    title: str
    option: str
    arguments: tuple[str, ...]
    read: Callable[[str], dict[str, float]]


TOOLS = (
    Tool("cuda_memtest", "cuda_memtest", ("--disable_all", "--enable_test", "1", "--num_passes", "1"),
         peers.cuda_memtest),
    Tool("gpu-stream", "gpu_stream", (), peers.gpu_stream),
    Tool("nvbandwidth", "nvbandwidth", ("-t", "device_local_copy"), peers.nvbandwidth),
)  # fmt: skip


@dataclass
class Race:
    """Samples by contestant and metric, and why a contestant did not take part."""

    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, values: Values) -> None:
        """Add what one process told."""
        if "absent" in values:
            self.absent[name] = values["absent"]
            return
        held = self.samples.setdefault(name, {})
        for metric, value in values.items():
            if isinstance(value, int | float):
                held.setdefault(metric, []).append(float(value))

    def median(self, name: str, metric: str) -> float | None:
        """Median over the rounds, None where there is no sample."""
        found = self.samples.get(name, {}).get(metric)
        return median(found) if found else None

    def spread(self, name: str, metric: str) -> float | None:
        """Largest minus smallest sample over the median."""
        found, middle = self.samples.get(name, {}).get(metric), self.median(name, metric)
        return (max(found) - min(found)) / middle if found and middle else None


def contestant(name: str, size: int, environment: Mapping[str, str]) -> Values:
    """Run one of ours, or a library, in a process of its own."""
    command = [sys.executable, str(HERE / "contestants.py"), name, str(size)]
    text = output(command, environment)
    for line in reversed(text.splitlines()):
        with suppress(ValueError):
            values = json.loads(line)
            if isinstance(values, dict):
                return values
    return {"absent": f"it ended without an answer: {text.strip()[-200:]}"}


def tool(which: Tool, path: str | None, environment: Mapping[str, str]) -> Values:
    """Run somebody else's program and read what it prints."""
    if path is None:
        return {"absent": f"no path was given (--{which.option.replace('_', '-')})"}
    text = output([path, *which.arguments], environment)
    try:
        return dict(which.read(text))
    except peers.UnreadableError as error:
        return {"absent": f"{error}; it printed: {' '.join(text.split())[-200:]}"}


def output(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Everything that a command prints, its complaints included; why it could not be run, otherwise."""
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"
    return done.stdout.decode(errors="replace")


def race(rounds: int, paths: Mapping[str, str | None], environment: Mapping[str, str]) -> Race:
    """Let everybody run once a round, in the same order; who could not in one round is not asked again."""
    found, size = Race(), 1 << 30
    for _ in range(rounds):
        for name in (*OURS, *THEIRS):
            if name not in found.absent:
                found.note(name, contestant(name, size, environment))
            size = int(found.median("gpucheck", "buffer_bytes") or size)
        for each in TOOLS:
            if each.title not in found.absent:
                found.note(each.title, tool(each, paths.get(each.option), environment))
    return found
