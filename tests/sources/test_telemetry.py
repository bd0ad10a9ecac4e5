"""Sensors as NVML tells them, and all the ways in which it does not."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from gpucheck.machine import HostCard
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.measured import DeviceProcess, Telemetry
from gpucheck.sources import nvml, telemetry
from gpucheck.sources.nvml_library import NvmlError, NvmlUnavailableError
from tests.sources.test_nvml import BDF, FakeLibrary

ALL_ONES = 0xFFFF_FFFF_FFFF_FFFF
GIB = 1 << 30
COMPUTE, GRAPHICS = ("nvmlDeviceGetComputeRunningProcesses",), ("nvmlDeviceGetGraphicsRunningProcesses",)
REASONS, OLD_REASONS = ("nvmlDeviceGetCurrentClocksEventReasons",), ("nvmlDeviceGetCurrentClocksThrottleReasons",)


def program(pid: int, memory: int | None) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=memory, gpuInstanceId=None, computeInstanceId=None)


def field(value: int, kind: int = 1, code: int = 0) -> list[SimpleNamespace]:
    held = SimpleNamespace(uiVal=value, ulVal=value, ullVal=value, dVal=float(value))
    return [SimpleNamespace(fieldId=82, nvmlReturn=code, valueType=kind, value=held)]


ANSWERS: dict[tuple[Any, ...], Any] = {
    REASONS: 0x04,
    ("nvmlDeviceGetCurrPcieLinkGeneration",): 4,
    ("nvmlDeviceGetCurrPcieLinkWidth",): 16,
    ("nvmlDeviceGetClockInfo", 1): 2520,
    ("nvmlDeviceGetClockInfo", 2): 10501,
    ("nvmlDeviceGetTemperature", 0): 67,
    ("nvmlDeviceGetPowerUsage",): 431250,
    ("nvmlDeviceGetPcieReplayCounter",): 3,
    ("nvmlDeviceGetTotalEccErrors", 0, 0): 12,
    ("nvmlDeviceGetTotalEccErrors", 1, 0): 1,
    ("nvmlDeviceGetTemperatureThreshold", 1): 90,
    ("nvmlDeviceGetTemperatureThreshold", 2): NvmlError(3, "Not Supported"),
    COMPUTE: [program(4711, 3 * GIB)],
    GRAPHICS: [program(900, 200 << 20)],
}


class Library(FakeLibrary):
    """The same, where a list among the arguments stands for its only element."""

    def call(self, function: str, *arguments: Any) -> Any:
        if function == "nvmlDeviceGetFieldValues":
            answer = self.answers.get((function, arguments[1][0]), NvmlError(3, "Not Supported"))
            if isinstance(answer, Exception):
                raise answer
            return answer
        return super().call(function, *arguments)


def read(answers: dict[tuple[Any, ...], Any] | None = None) -> Telemetry:
    library = Library({**ANSWERS, **(answers or {})})
    found = telemetry.read(library, BDF)
    assert library.opened == library.closed == 1
    assert isinstance(found, Telemetry)
    return found


def test_a_card_at_work() -> None:
    found = read({("nvmlDeviceGetFieldValues", 82): field(84)})
    assert (found.temperature_celsius, found.memory_temperature_celsius, found.slowdown_celsius) == (67, 84, 90)
    assert (found.power_watts, found.sm_clock_mhz, found.memory_clock_mhz) == (431.25, 2520, 10501)
    assert found.throttle_reasons == ("power",)
    assert (found.pcie_generation, found.pcie_lanes, found.pcie_replays) == (4, 16, 3)
    assert (found.ecc_corrected, found.ecc_uncorrected) == (12, 1)
    assert found.processes == (
        DeviceProcess(pid=4711, memory_bytes=3 * GIB),
        DeviceProcess(pid=900, memory_bytes=200 << 20, graphics=True),
    )
    assert set(found.missing) == {"memory_limit_celsius"}


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x0, ()),
        (0x1, ("idle",)),
        (0x2, ("user",)),
        (0x20, ("thermal",)),
        (0x48, ("thermal", "hardware")),
        (0x80, ("hardware",)),
        (0x24, ("thermal", "power")),
        (0x110, ("user",)),
        (0x600, ()),
    ],
)
def test_reasons_in_words(bits: int, words: tuple[str, ...]) -> None:
    assert read({REASONS: bits}).throttle_reasons == words
    assert read({REASONS: NvmlError(13), OLD_REASONS: bits}).throttle_reasons == words


def test_newer_and_older_drivers_are_asked_in_their_own_way() -> None:
    newer = read({("nvmlDeviceGetTemperature", 0): NvmlError(26, "Deprecated"), ("nvmlDeviceGetTemperatureV", 0): 71})
    assert newer.temperature_celsius == 71
    limit = {("nvmlDeviceGetTemperatureThreshold", 1): NvmlError(3), ("nvmlDeviceGetTemperatureThreshold", 3): 87}
    assert read(limit).slowdown_celsius == 87


def test_every_gap_has_its_reason() -> None:
    found = read({key: NvmlError(3, "Not Supported") for key in ANSWERS})
    fields = {name for query in telemetry.SENSORS for name in query.fields}
    from_registers = {"hotspot_celsius", "memory_chips_celsius"}
    assert set(found.missing) == fields == set(Telemetry.model_fields) - {"missing"} - from_registers
    assert {one.unavailable for one in found.missing.values()} <= {Reason.NOT_SUPPORTED}
    assert read({COMPUTE: NvmlError(4, "no")}).missing.get("processes") is None


def test_memory_that_windows_does_not_tell_is_not_all_of_the_world() -> None:
    found = read({COMPUTE: [program(1200, ALL_ONES), program(1201, None)]})
    assert [one.memory_bytes for one in found.processes or ()] == [None, None, 200 << 20]


def test_our_own_programs_are_not_others() -> None:
    found = read({COMPUTE: [program(os.getpid(), GIB), program(os.getppid(), GIB)], GRAPHICS: []})
    assert found.processes == ()


@pytest.mark.parametrize(
    "value", [field(0), field(7, kind=0), field(999), field(ALL_ONES, kind=3), field(84, code=3), []]
)
def test_a_memory_sensor_that_is_none(value: Any) -> None:
    found = read({("nvmlDeviceGetFieldValues", 82): value})
    assert found.memory_temperature_celsius is None
    assert "memory_temperature_celsius" in found.missing


@pytest.mark.parametrize("answer", [None, -1, "many", 0xFFFFFFFF, ALL_ONES, [], [None], object(), {}])
@pytest.mark.parametrize("function", sorted({query.function for query in telemetry.SENSORS}))
def test_nonsense_never_raises(function: str, answer: Any) -> None:
    changed = {key: answer for key in (*ANSWERS, ("nvmlDeviceGetFieldValues", 82)) if key[0] == function}
    read(changed)


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        (Library(opening=NvmlError(9)), Reason.NOT_INSTALLED),
        (Library(opening=NvmlUnavailableError(Reason.NOT_INSTALLED, "no binding", "pip it")), Reason.NOT_INSTALLED),
        (Library({("nvmlDeviceGetHandleByPciBusId",): NvmlError(15, "GPU is lost")}), Reason.FAILED),
        (Library({("nvmlDeviceGetHandleByPciBusId",): NvmlError(4)}), Reason.NO_PERMISSION),
    ],
)
def test_no_card_is_an_absence(failing: Library, reason: Reason) -> None:
    found = telemetry.read(failing, BDF)
    assert isinstance(found, Unavailable)
    assert found.unavailable is reason


def test_the_library_is_opened_once_for_many_readings_and_again_after_a_loss() -> None:
    library = Library(ANSWERS)
    reader = telemetry.Reader(library)
    for _ in range(5):
        assert isinstance(reader.read(BDF), Telemetry)
    assert (library.opened, library.closed) == (1, 0)
    library.answers[("nvmlDeviceGetHandleByPciBusId",)] = NvmlError(15)
    assert isinstance(reader.read(BDF), Unavailable)
    del library.answers[("nvmlDeviceGetHandleByPciBusId",)]
    assert isinstance(reader.read(BDF), Telemetry)
    assert (library.opened, library.closed) == (2, 1)


def test_a_card_that_is_attended_to_stays_open() -> None:
    library = Library(ANSWERS)
    reader = telemetry.Reader(library)
    reader.attend(BDF)
    assert (library.opened, library.closed) == (1, 0)
    assert isinstance(reader.read(BDF), Telemetry)
    assert (library.opened, library.closed) == (1, 0)


@pytest.mark.parametrize(
    "failing",
    [
        Library({("nvmlDeviceGetHandleByPciBusId",): NvmlError(15)}),
        Library(opening=NvmlUnavailableError(Reason.NOT_INSTALLED, "no driver")),
        Library(opening=NvmlError(9)),
    ],
)
def test_a_card_that_cannot_be_attended_to_is_left_alone(failing: Library) -> None:
    telemetry.Reader(failing).attend(BDF)
    assert failing.opened == failing.closed


def test_a_card_is_held_from_its_first_question_on(monkeypatch: pytest.MonkeyPatch) -> None:
    held, asked = Library(ANSWERS), FakeLibrary()
    monkeypatch.setattr("gpucheck.machine._sensors", lambda: telemetry.Reader(held))
    monkeypatch.setattr("gpucheck.machine.PynvmlLibrary", lambda: asked)
    assert isinstance(HostCard(BDF, 0).sources()["nvml"](), NvmlFacts)
    assert (held.opened, held.closed, asked.opened, asked.closed) == (1, 0, 1, 1)


def test_a_card_reads_its_sensors_and_says_why_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = telemetry.Reader(Library(ANSWERS))
    monkeypatch.setattr("gpucheck.machine._sensors", lambda: reader)
    assert isinstance(HostCard(BDF, 0).telemetry(), Telemetry)
    absent = Unavailable(unavailable=Reason.NOT_INSTALLED, detail="no driver")
    assert HostCard(BDF, 0, no_nvml=absent).telemetry() == absent


def facts(answers: dict[tuple[Any, ...], Any]) -> NvmlFacts:
    found = nvml.read(FakeLibrary(answers), BDF)
    assert isinstance(found, NvmlFacts)
    return found


def test_programs_are_among_the_cards_facts() -> None:
    found = facts(
        {COMPUTE: [program(4711, 3 * GIB)], GRAPHICS: [], ("nvmlDeviceGetUtilizationRates",): SimpleNamespace(gpu=97)}
    )
    assert found.processes == (DeviceProcess(pid=4711, memory_bytes=3 * GIB),)
    assert found.utilization_percent == 97
    assert facts({COMPUTE: NvmlError(3), GRAPHICS: [program(5, 7)]}).processes == (
        DeviceProcess(pid=5, memory_bytes=7, graphics=True),
    )
    neither = facts({COMPUTE: NvmlError(3), GRAPHICS: NvmlError(4)})
    assert neither.processes is None
    assert "processes" in neither.missing
    assert facts({COMPUTE: [], GRAPHICS: NvmlError(4)}).processes == ()
