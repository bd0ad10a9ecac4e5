"""A walk that breaks off: its reason reaches the findings, other evidence is kept, the memory is given back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gpucheck.device.protocol import (
    Argument,
    Buffer,
    Device,
    DeviceLost,
    Kernel,
    MemoryInfo,
    OutOfDeviceMemory,
)
from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.evidence import MEASURED_SECTIONS, Evidence, Host
from gpucheck.model.finding import Status
from gpucheck.model.measured import MemoryWalk, Telemetry
from gpucheck.model.units import GIB, MIB
from gpucheck.pipeline import Plan, Section, collect, run_stages, stage_names
from gpucheck.probes.registry import PROBES
from gpucheck.simulation import SimulatedCard, card
from tests.cards import report

LAUNCHES_OF_THE_SELF_TEST = 13
LATER = tuple(PROBES)[tuple(PROBES).index("memory_walk") + 1 :]


class Fragile:
    """A simulated device that misbehaves once the walk's n-th launch comes."""

    def __init__(self, device: Device, *, at: int = 1 << 30, error: BaseException | None = None) -> None:
        self._device, self._at, self._error = device, at, error
        self._walked = 0
        self._walking = False
        self.refuses: Callable[[int], bool] = lambda _: False
        self.promises = 0
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        if self.lost:
            raise DeviceLost("running a kernel: the GPU has fallen off the bus")
        return getattr(self._device, name)

    def begin(self, stage: str) -> None:
        self._walking = stage == "memory_walk"
        self.__getattr__("begin")(stage)

    def memory_info(self) -> MemoryInfo:
        info: MemoryInfo = self.__getattr__("memory_info")()
        return MemoryInfo(info.free_bytes + self.promises, info.total_bytes)

    def allocate(self, size_bytes: int) -> Buffer:
        if self._walking and self.refuses(size_bytes):
            raise OutOfDeviceMemory(f"allocating {size_bytes} bytes: out of memory")
        buffer: Buffer = self.__getattr__("allocate")(size_bytes)
        return buffer

    def launch(self, kernel: Kernel, *, arguments: Sequence[Argument], **how: Any) -> float:
        self._walked += kernel.family == "memory_walk"
        if self._error is not None and self._walked > self._at:
            self.lost = isinstance(self._error, DeviceLost)
            raise self._error
        seconds: float = self.__getattr__("launch")(kernel, arguments=arguments, **how)
        return seconds

    def close(self) -> None:
        self._device.close()


@dataclass
class FragileCard:
    """A card whose device misbehaves. Keeps what its memory was like before and after the probes."""

    card: SimulatedCard
    prepare: Callable[[Fragile], None] = lambda _: None
    at: int = 1 << 30
    error: BaseException | None = None
    devices: list[Fragile] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.card.label

    @property
    def simulated(self) -> str | None:
        return self.card.simulated

    def host(self) -> Host:
        return self.card.host()

    def sources(self, _keep: Any = None) -> Mapping[str, Callable[[], Section]]:
        return self.card.sources()

    def telemetry(self) -> Collected[Telemetry]:
        return self.card.telemetry()

    def open_device(self) -> Device:
        self.devices.append(Fragile(self.card.open_device(), at=self.at, error=self.error))
        self.prepare(self.devices[-1])
        return self.devices[-1]


def absence(evidence: Evidence, section: str = "memory_walk") -> Unavailable:
    found = getattr(evidence, section)
    assert isinstance(found, Unavailable), found
    return found


def kept(evidence: Evidence) -> set[str]:
    """Measured sections that are there."""
    return {name for name in MEASURED_SECTIONS if not isinstance(getattr(evidence, name), Unavailable)}


BEFORE = {name for name in tuple(PROBES)[: tuple(PROBES).index("memory_walk")] if name != "cuda"}


@pytest.mark.parametrize(
    ("at", "where"),
    [
        (20, "while writing page marks, at"),
        (120, "while writing stripes, at"),
        (350, "while reading pass 1 of 3, at"),
        (480, "while writing pass 2 of 3, at"),
    ],
)
def test_a_device_that_is_lost_in_mid_walk(at: int, where: str) -> None:
    evidence = collect(FragileCard(card("rtx-4090"), at=at, error=DeviceLost("the GPU has fallen off the bus")), Plan())
    told = absence(evidence)
    assert told.unavailable is Reason.FAILED
    assert told.detail.startswith(f"the GPU has fallen off the bus; the walk broke off {where}")
    assert told.detail.endswith("no memory counts as proven")
    assert kept(evidence) >= BEFORE | set(LATER), "a device that answers again is examined further"
    judged = report(evidence)
    capacity = next(finding for finding in judged.findings if finding.check == "memory-capacity")
    assert capacity.status is Status.INCONCLUSIVE
    assert "the GPU has fallen off the bus" in capacity.message
    assert judged.verdict.authenticity.value != "authentic"


def test_memory_that_runs_out_in_mid_walk_is_given_back() -> None:
    fragile = FragileCard(card("rtx-4090"), at=200, error=OutOfDeviceMemory("launch: out of memory"))
    free: list[int] = []
    fragile.prepare = lambda device: free.append(device.memory_info().free_bytes)
    sections: dict[str, Section] = {}
    seen: list[int] = []

    def emit(name: str, section: Section) -> None:
        sections[name] = section
        seen.append(fragile.devices[0].memory_info().free_bytes if fragile.devices else free[0] if free else 0)

    run_stages(fragile, Plan(), stage_names(fragile, Plan()), emit, lambda _name, _share: None)
    walk = sections["memory_walk"]
    assert isinstance(walk, Unavailable)
    assert "out of memory; the walk broke off while" in walk.detail
    assert seen[list(sections).index("memory_walk")] == free[0]


def test_a_card_with_no_room_says_how_little_there_was() -> None:
    evidence = collect(FragileCard(card("rtx-4090"), prepare=_after_two_chunks), Plan())
    told = absence(evidence)
    assert "too little memory is left to walk beyond the cache: 64 MiB could be had" in told.detail


def _after_two_chunks(device: Fragile) -> None:
    """Let the walk have two chunks of 32 MiB and nothing more."""
    granted: list[int] = []

    def refuses(size: int) -> bool:
        if size in (GIB, 256 * MIB) and device._walked:
            return True
        if device._walked and size in (32 * MIB, 2 * MIB):
            granted.append(size)
            return len(granted) > 2
        return False

    device.refuses = refuses


@pytest.mark.parametrize("promised", [512 * MIB, 8 * GIB])
def test_free_memory_that_is_not_there(promised: int) -> None:
    def promise(device: Fragile) -> None:
        device.promises = promised

    walk = collect(FragileCard(card("rtx-4090"), prepare=promise), Plan(quick=True)).memory_walk
    assert isinstance(walk, MemoryWalk)
    assert walk.faults == ()
    assert walk.distinct_bytes == walk.tested_bytes < walk.total_bytes
    assert walk.tested_bytes + walk.untested_bytes == walk.total_bytes


def test_chunks_that_are_refused_later_are_untested() -> None:
    def shrink(device: Fragile) -> None:
        granted: list[int] = []

        def refuses(size: int) -> bool:
            granted.extend([size] * (size == GIB))
            return len(granted) > 6

        device.refuses = refuses

    evidence = collect(FragileCard(card("rtx-4090"), prepare=shrink), Plan(quick=True))
    walk = evidence.memory_walk
    assert isinstance(walk, MemoryWalk)
    assert walk.distinct_bytes == walk.tested_bytes <= 6 * GIB
    capacity = next(finding for finding in report(evidence).findings if finding.check == "memory-capacity")
    assert capacity.status is Status.INCONCLUSIVE


def test_an_interrupt_leaves_the_reason_with_every_stage_and_goes_on() -> None:
    fragile = FragileCard(card("rtx-4090"), at=300, error=KeyboardInterrupt())
    sections: dict[str, Section] = {}
    with pytest.raises(KeyboardInterrupt):
        run_stages(fragile, Plan(), stage_names(fragile, Plan()), sections.__setitem__, lambda _name, _share: None)
    walk = sections["memory_walk"]
    assert isinstance(walk, Unavailable)
    assert walk.detail == "interrupted"
    assert {name for name, section in sections.items() if not isinstance(section, Unavailable)} >= BEFORE
    assert all(name in sections for name in LATER)
    device = fragile.devices[0]
    assert device.memory_info().free_bytes > 23 * GIB


def test_a_self_test_that_fails_fails_the_section() -> None:
    class Blind(Fragile):
        def launch(self, kernel: Kernel, *, arguments: Sequence[Argument], **how: Any) -> float:
            if kernel.function == "walk_verify_spots":
                return 1e-6
            return super().launch(kernel, arguments=arguments, **how)

    class BlindCard(FragileCard):
        def open_device(self) -> Device:
            return Blind(self.card.open_device())

    told = absence(collect(BlindCard(card("rtx-4090")), Plan()))
    assert told.unavailable is Reason.FAILED
    assert told.detail == (
        "self-test failed: 7 of 7 planted errors were not found; the kernels do not do what they should on this "
        "device; no statement about its memory is possible."
    )
