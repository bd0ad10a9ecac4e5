"""Eight cards side by side, three of them in trouble: the others are none the worse, and nobody waits for long."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gpucheck import child, watchdog
from gpucheck.device.protocol import DeviceLost, DeviceUnavailable
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import Host
from gpucheck.model.measured import Bandwidth, HostLink, MemoryWalk
from gpucheck.pipeline import Card, Plan, collect
from gpucheck.probes import registry
from gpucheck.simulation import machine
from gpucheck.simulation.card import SimulatedCard

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.skipif(sys.platform != "linux", reason="a child has to inherit what a test has put in place: a fork"),
]
LIMIT = 5.0


@pytest.fixture(autouse=True)
def by_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have left a thread or a driver's library behind, with which a child would be spawned."""
    monkeypatch.setattr(child, "start_method", lambda: "fork")


@dataclass(frozen=True)
class Troubled:
    """A simulated card that comes to grief while it runs the memory walk's kernels."""

    card: SimulatedCard
    trouble: str

    @property
    def simulated(self) -> str | None:
        return self.card.simulated

    @property
    def label(self) -> str:
        return self.trouble

    def host(self) -> Host:
        return self.card.host()

    def sources(self, _keep: Any = None) -> Mapping[str, Callable[[], Any]]:
        return self.card.sources()

    def open_device(self) -> Any:
        return TroubledDevice(self.card.open_device(), self.trouble)

    def telemetry(self) -> Any:
        return self.card.telemetry()


class TroubledDevice:
    def __init__(self, device: Any, trouble: str) -> None:
        self.device, self.trouble, self.launches = device, trouble, 0

    def close(self) -> None:
        self.device.close()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.device, name)
        return self.dead if self.launches >= 3 and callable(value) else value

    def dead(self, *_: Any, **__: Any) -> Any:
        raise DeviceLost("the context is dead", "")

    def launch(self, kernel: Any, **rest: Any) -> Any:
        self.launches += kernel.function == "walk_verify"
        if self.launches < 3:
            return self.device.launch(kernel, **rest)
        if self.trouble == "hangs":
            time.sleep(600)
        if self.trouble == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        raise DeviceLost("the device was lost while running walk_verify: the driver lost it", "Restart the machine.")


def ask_for_memory(device: Any, _options: Any) -> HostLink:
    """A probe after the walk that any dead context fails."""
    size = device.memory_info().total_bytes
    return HostLink(host_to_device_bytes_per_second=1, device_to_host_bytes_per_second=1, buffer_bytes=size, samples=1)


def test_five_of_eight_are_none_the_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PROBES", registry.PROBES | {"host_link": ask_for_memory})
    sound = machine(["rtx-4090", "rtx-3090", "a100-80gb", "h100-80gb", "l40s"]).cards
    cards: list[Card] = [
        *sound[:2],
        *(Troubled(sound[0], trouble) for trouble in ("hangs", "dies", "lost")),
        *sound[2:],
    ]
    started = time.monotonic()
    found = watchdog.collect_all(cards, Plan(quick=True), timeout_seconds=LIMIT)
    assert time.monotonic() - started < LIMIT + 12
    walks = [evidence.memory_walk for evidence in found]
    assert [isinstance(walk, MemoryWalk) for walk in walks] == [True, True, False, False, False, True, True, True]
    hung, dead, lost = (walk for walk in walks if isinstance(walk, Unavailable))
    assert hung.unavailable is Reason.TIMED_OUT
    assert "died: signal SIGKILL" in dead.detail
    assert "device was lost" in lost.detail
    assert all(isinstance(evidence.bandwidth, Bandwidth) for evidence in found)
    assert all(isinstance(evidence.host_link, HostLink) for evidence in found), "a fresh process goes on with the rest"


def test_a_lost_device_is_opened_again_in_this_process_too() -> None:
    lost = Troubled(machine(["rtx-4090"]).cards[0], "lost")
    evidence = collect(lost, Plan(quick=True))
    assert isinstance(evidence.bandwidth, Bandwidth)
    assert "device was lost" in getattr(evidence.memory_walk, "detail", "")
    assert watchdog.collect_guarded(lost, Plan(quick=True), timeout_seconds=None).memory_walk == evidence.memory_walk


def test_what_helps_where_no_device_opens_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_card: SimulatedCard) -> None:
        raise DeviceUnavailable(Reason.NOT_INSTALLED, "CuPy is not installed", "Install it.")

    monkeypatch.setattr(SimulatedCard, "open_device", refuse)
    evidence = collect(machine(["rtx-4090"]).cards[0], Plan(quick=True))
    absent = Unavailable(unavailable=Reason.NOT_INSTALLED, detail="CuPy is not installed; install it.")
    assert (evidence.cuda, evidence.census, evidence.load) == (absent, absent, absent)


def overlap(path: Path, device: Any, _options: Any) -> HostLink:
    """Note the time in and out."""
    begun = time.monotonic()
    time.sleep(0.15)
    with path.open("a") as file:
        file.write(f"{begun} {time.monotonic()}\n")
    return HostLink(host_to_device_bytes_per_second=1, device_to_host_bytes_per_second=1, buffer_bytes=1, samples=1)


def test_transfers_over_the_hosts_bus_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(registry, "PROBES", {"host_link": partial(overlap, log)})
    cards = machine(["rtx-4090"] * 4).cards
    found = watchdog.collect_all(cards, Plan(quick=True), timeout_seconds=60.0)
    times = sorted(tuple(map(float, line.split())) for line in log.read_text().splitlines())
    assert len(times) == 4
    assert all(left[1] <= right[0] for left, right in pairwise(times))
    assert all(isinstance(e.host_link, HostLink) and e.host_link.missing == {} for e in found)
