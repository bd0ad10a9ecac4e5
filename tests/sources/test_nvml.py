"""NVML answers, recorded from an RTX 4090 Founders Edition where a real value matters, and ways of not answering."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from gpucheck.model.base import Reason, SoFar, Unavailable
from gpucheck.model.evidence import NOT_LISTED, NvmlFacts
from gpucheck.sources import nvml
from gpucheck.sources.nvml_library import NvmlError, NvmlUnavailableError
from gpucheck.sources.nvml_queries import MEMORY_V2, QUERIES
from gpucheck.sources.nvml_sensors import LINK_ERRORS

MIB = 1 << 20
BDF = "0000:01:00.0"
MEMORY = SimpleNamespace(version=MEMORY_V2, total=24564 * MIB, reserved=350 * MIB, free=24212 * MIB, used=2 * MIB)
PCI = SimpleNamespace(
    domain=0, bus=1, device=0, pciDeviceId=0x268410DE, pciSubSystemId=0x167C10DE, busId=b"00000000:01:00.0"
)
ANSWERS: dict[tuple[Any, ...], Any] = {
    ("nvmlSystemGetDriverVersion",): b"550.54.14",
    ("nvmlSystemGetCudaDriverVersion_v2",): 12040,
    ("nvmlDeviceGetCount",): 1,
    ("nvmlDeviceGetName",): b"NVIDIA GeForce RTX 4090",
    ("nvmlDeviceGetBrand",): 5,
    ("nvmlDeviceGetArchitecture",): 8,
    ("nvmlDeviceGetUUID",): b"GPU-1b01b75a-f91c-42eb-88d1-956c37d84616",
    ("nvmlDeviceGetPdi",): 0x145C8E416B389D3E,
    ("nvmlDeviceGetSerial",): b"1322823110528",
    ("nvmlDeviceGetBoardPartNumber",): b"900-1G136-2530-000",
    ("nvmlDeviceGetVbiosVersion",): b"95.02.18.80.5F",
    ("nvmlDeviceGetInforomImageVersion",): b"G002.0000.00.03",
    ("nvmlDeviceGetInforomVersion", 0): b"2.0",
    ("nvmlDeviceGetInforomVersion", 1): 3,
    ("nvmlDeviceGetInforomVersion", 2): 3,
    ("nvmlDeviceGetPciInfo",): PCI,
    ("nvmlDeviceGetMemoryInfo", MEMORY_V2): MEMORY,
    ("nvmlDeviceGetMemoryInfo",): SimpleNamespace(total=24564 * MIB, free=24212 * MIB, used=352 * MIB),
    ("nvmlDeviceGetBAR1MemoryInfo",): SimpleNamespace(bar1Total=32768 * MIB, bar1Free=1, bar1Used=1),
    ("nvmlDeviceGetMemoryBusWidth",): 384,
    ("nvmlDeviceGetNumGpuCores",): 16384,
    ("nvmlDeviceGetAttributes_v2",): SimpleNamespace(multiprocessorCount=128),
    ("nvmlDeviceGetCudaComputeCapability",): (8, 9),
    ("nvmlDeviceGetMaxClockInfo", 2): 10501,
    ("nvmlDeviceGetMaxClockInfo", 1): 3120,
    ("nvmlDeviceGetMaxPcieLinkGeneration",): 4,
    ("nvmlDeviceGetGpuMaxPcieLinkGeneration",): 4,
    ("nvmlDeviceGetCurrPcieLinkGeneration",): 1,
    ("nvmlDeviceGetMaxPcieLinkWidth",): 16,
    ("nvmlDeviceGetCurrPcieLinkWidth",): 16,
    ("nvmlDeviceGetPcieReplayCounter",): 0,
    ("nvmlDeviceGetPowerManagementLimit",): 450000,
    ("nvmlDeviceGetPowerManagementDefaultLimit",): 450000,
    ("nvmlDeviceGetPowerManagementLimitConstraints",): [150000, 600000],
    ("nvmlDeviceGetEccMode",): [0, 1],
    ("nvmlDeviceGetMigMode",): NvmlError(3, "Not Supported"),
    ("nvmlDeviceGetVirtualizationMode",): 0,
    ("nvmlDeviceGetDriverModel",): NvmlError(3, "Not Supported"),
    ("nvmlDeviceGetDisplayActive",): 1,
    ("nvmlDeviceGetRemappedRows",): (1, 2, 0, 1),
    ("nvmlDeviceGetRetiredPages", 0): [],
    ("nvmlDeviceGetRetiredPages", 1): [4096, 8192],
    ("nvmlDeviceGetRetiredPagesPendingStatus",): 0,
    ("nvmlDeviceGetTotalEccErrors", 1, 0): 0,
    ("nvmlDeviceGetTotalEccErrors", 1, 1): 7,
    ("nvmlDeviceGetTotalEccErrors", 0, 1): 9,
}


class FakeLibrary:
    """Recorded answers; an ``NvmlError`` among them is raised, and what is not recorded does not exist."""

    def __init__(self, answers: dict[tuple[Any, ...], Any] | None = None, opening: Exception | None = None) -> None:
        self.answers = {**ANSWERS, **(answers or {})}
        self.opening = opening
        self.opened = self.closed = 0

    def open(self) -> None:
        if self.opening:
            raise self.opening
        self.opened += 1

    def close(self) -> None:
        self.closed += 1

    def call(self, function: str, *arguments: Any) -> Any:
        if function.startswith("nvmlDeviceGetHandleBy"):
            answer = self.answers.get((function,), f"handle {arguments[0]}")
        else:
            plain = tuple(x for x in arguments if not (isinstance(x, str) and x.startswith("handle")))
            answer = self.answers.get((function, *plain), NvmlError(13, "Function Not Found"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def read(answers: dict[tuple[Any, ...], Any] | None = None) -> NvmlFacts:
    library = FakeLibrary(answers)
    facts = nvml.read(library, BDF)
    assert library.closed == library.opened == 1
    assert isinstance(facts, NvmlFacts)
    return facts


def test_before_each_question_it_is_told_what_is_known_and_what_would_be_lost() -> None:
    told: list[SoFar] = []
    facts = nvml.read(FakeLibrary(), BDF, lambda _name, known: told.append(known))
    assert [known.question for known in told] == [query.function for query in QUERIES]
    serial = next(known for known in told if known.question == "nvmlDeviceGetSerial")
    hung = serial.cut_short(Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer within 60 s"))
    assert isinstance(hung, NvmlFacts)
    assert isinstance(facts, NvmlFacts)
    assert (hung.name, hung.uuid, hung.serial, hung.memory_total_bytes) == (facts.name, facts.uuid, None, None)
    why = {str(hung.missing[name]) for name in ("fault", "serial", "memory_total_bytes", "processes")}
    assert why == {"unavailable=<Reason.TIMED_OUT: 'timed_out'> detail='nvmlDeviceGetSerial: no answer within 60 s'"}
    assert "uuid" not in hung.missing


def test_the_version_of_the_vbios_alone() -> None:
    library = FakeLibrary({("nvmlDeviceGetSerial",): AssertionError("not to be asked")})
    assert nvml.read_vbios_version(library, BDF) == "95.02.18.80.5F"
    assert library.closed == library.opened == 1
    untold = FakeLibrary({("nvmlDeviceGetVbiosVersion",): NvmlError(3, "Not Supported")})
    assert nvml.read_vbios_version(untold, BDF) is None
    assert nvml.read_vbios_version(FakeLibrary(opening=NvmlError(9, "no driver")), BDF) is None


def test_a_founders_edition() -> None:
    facts = read()
    assert (facts.route, facts.bdf, facts.name, facts.brand) == ("nvml", BDF, "NVIDIA GeForce RTX 4090", "GeForce")
    assert (facts.vendor_id, facts.device_id, facts.subsystem_vendor_id, facts.subsystem_id) == (
        0x10DE,
        0x2684,
        0x10DE,
        0x167C,
    )
    assert (facts.driver_version, facts.cuda_version) == ("550.54.14", "12.4")
    assert (facts.architecture, facts.compute_capability, facts.pdi) == ("Ada Lovelace", "8.9", "0x145c8e416b389d3e")
    assert facts.memory_total_bytes == 24564 * MIB
    assert facts.memory_reserved_bytes == 350 * MIB
    assert (facts.bar1_total_bytes, facts.memory_bus_width_bits, facts.core_count) == (32768 * MIB, 384, 16384)
    assert (facts.sm_count, facts.memory_clock_max_mhz, facts.sm_clock_max_mhz) == (128, 10501, 3120)
    assert (facts.power_limit_watts, facts.power_min_watts, facts.power_max_watts) == (450.0, 150.0, 600.0)
    assert (facts.pcie_generation_current, facts.pcie_generation_device_max, facts.pcie_lanes_max) == (1, 4, 16)
    assert (facts.ecc_enabled, facts.display_active, facts.virtualization) == (False, True, "None")
    assert (facts.row_remap_correctable, facts.row_remap_uncorrectable) == (1, 2)
    assert (facts.row_remap_pending, facts.row_remap_failure) == (False, True)
    assert (facts.retired_pages_single_bit, facts.retired_pages_double_bit) == (0, 2)
    assert (facts.ecc_uncorrected_volatile, facts.ecc_uncorrected_aggregate, facts.ecc_corrected_aggregate) == (0, 7, 9)
    assert facts.fault is None
    assert facts.raw["nvmlDeviceGetName"] == "NVIDIA GeForce RTX 4090"
    assert "total=25757220864" in facts.raw[f"nvmlDeviceGetMemoryInfo({MEMORY_V2})"]
    assert facts.missing["mig_enabled"] == Unavailable(
        unavailable=Reason.NOT_SUPPORTED, detail="error 3: Not Supported"
    )


@pytest.mark.parametrize(("answer", "model"), [([0, 0], "WDDM"), ([1, 0], "TCC"), ([2, 2], "MCDM")])
def test_windows_driver_model_is_the_current_one_of_the_bindings_pair(answer: list[int], model: str) -> None:
    """``nvidia-ml-py`` returns what is current and what is pending, in 12.535 as in 13."""
    facts = read({("nvmlDeviceGetDriverModel",): answer})
    assert facts.driver_model == model
    assert "driver_model" not in facts.missing


@pytest.mark.parametrize(
    ("readings", "told", "slept"), [([12, 99], 12, 0), ([100, 3], 3, 1), ([100, 98], 98, 1), ([100, None], None, 1)]
)
def test_a_card_that_was_just_started_is_asked_twice_whether_it_is_busy(
    monkeypatch: pytest.MonkeyPatch, readings: list[int | None], told: int | None, slept: int
) -> None:
    """Scrubbing its memory at the driver's start counts as use (``nvml.h``), and asking is what starts it."""
    left = list(readings)
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)

    class Starting(FakeLibrary):
        def call(self, function: str, *arguments: Any) -> Any:
            if function != "nvmlDeviceGetUtilizationRates":
                return super().call(function, *arguments)
            percent = left.pop(0)
            if percent is None:
                raise NvmlError(3, "Not Supported")
            return SimpleNamespace(gpu=percent, memory=0)

    facts = nvml.read(Starting(), BDF)
    assert isinstance(facts, NvmlFacts)
    assert (facts.utilization_percent, len(waits)) == (told, slept)
    assert ("utilization_percent" in facts.missing) is (told is None)


def counted(number: int, value: int = 0, code: int = 0) -> SimpleNamespace:
    held = SimpleNamespace(uiVal=value, ulVal=value, ullVal=value)
    return SimpleNamespace(fieldId=number, nvmlReturn=code, valueType=3, value=held)


COUNTERS = ("nvmlDeviceGetFieldValues", tuple(LINK_ERRORS))


def test_errors_of_the_link_by_kind() -> None:
    facts = read({COUNTERS: [counted(n, n - 170, 3 if n == 175 else 0) for n in LINK_ERRORS]})
    assert facts.pcie_errors is not None
    assert facts.pcie_errors["bad_tlp"] == 6
    assert facts.pcie_errors["lane_error"] == 13
    assert "receiver_error" not in facts.pcie_errors


@pytest.mark.parametrize(
    "answer",
    [
        [counted(n, code=3) for n in LINK_ERRORS],
        [counted(n + 1000) for n in LINK_ERRORS],
        [counted(n) for n in list(LINK_ERRORS)[:4]],
        [counted(n, 2**64 - 1) for n in LINK_ERRORS],
        [],
        None,
    ],
)
def test_a_card_that_counts_no_errors_of_the_link(answer: Any) -> None:
    facts = read({COUNTERS: answer})
    assert facts.pcie_errors is None
    assert "pcie_errors" in facts.missing


def test_spare_rows_and_repairs() -> None:
    histogram = SimpleNamespace(max=190, high=0, partial=0, low=1, none=1)
    facts = read({("nvmlDeviceGetRowRemapperHistogram",): histogram, ("nvmlDeviceGetRepairStatus",): [0, 1]})
    assert (facts.row_remap_banks_exhausted, facts.repair_pending) == (1, True)
    assert read({("nvmlDeviceGetRepairStatus",): [0, 0]}).repair_pending is False


def test_every_field_has_a_value_or_a_reason() -> None:
    facts = read({("nvmlDeviceGetName",): NvmlError(999, "Unknown Error")})
    for field in {field for query in QUERIES for field in query.fields}:
        assert (getattr(facts, field) is None) == (field in facts.missing), field


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, Reason.FAILED),
        (2, Reason.FAILED),
        (3, Reason.NOT_SUPPORTED),
        (4, Reason.NO_PERMISSION),
        (6, Reason.FAILED),
        (7, Reason.FAILED),
        (8, Reason.FAILED),
        (10, Reason.TIMED_OUT),
        (11, Reason.FAILED),
        (13, Reason.NOT_SUPPORTED),
        (14, Reason.FAILED),
        (15, Reason.FAILED),
        (16, Reason.FAILED),
        (17, Reason.FAILED),
        (18, Reason.FAILED),
        (22, Reason.NOT_SUPPORTED),
        (25, Reason.NOT_SUPPORTED),
        (26, Reason.NOT_SUPPORTED),
        (999, Reason.FAILED),
        (12345, Reason.FAILED),
    ],
)
def test_each_error_code_keeps_its_reason(code: int, reason: Reason) -> None:
    facts = read({("nvmlDeviceGetSerial",): NvmlError(code, "words")})
    assert facts.serial is None
    assert facts.missing["serial"].unavailable == reason
    assert f"error {code}: words" in facts.missing["serial"].detail
    assert facts.raw["nvmlDeviceGetSerial"] == f"error {code}: words"
    assert facts.name == "NVIDIA GeForce RTX 4090"


@pytest.mark.parametrize(("code", "fault"), [(15, "GPU is lost"), (16, "GPU requires a reset")])
def test_a_fault_in_mid_read_is_stated(code: int, fault: str) -> None:
    assert read({("nvmlDeviceGetSerial",): NvmlError(code)}).fault == fault


def test_a_lost_card_still_gives_driver_and_fault() -> None:
    facts = read({("nvmlDeviceGetHandleByPciBusId",): NvmlError(15, "GPU is lost")})
    assert (facts.fault, facts.driver_version, facts.bdf, facts.name) == ("GPU is lost", "550.54.14", BDF, None)
    assert facts.missing["memory_total_bytes"].unavailable == Reason.FAILED


@pytest.mark.parametrize(
    ("code", "reason", "detail"),
    [
        (6, Reason.FAILED, NOT_LISTED),
        (4, Reason.NO_PERMISSION, "error 4: x"),
        (10, Reason.TIMED_OUT, "error 10: x"),
    ],
)
def test_no_handle(code: int, reason: Reason, detail: str) -> None:
    facts = nvml.read(FakeLibrary({("nvmlDeviceGetHandleByPciBusId",): NvmlError(code, "x")}), BDF)
    assert facts == Unavailable(unavailable=reason, detail=detail)


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (12, Reason.NOT_INSTALLED, "install NVIDIA's driver"),
        (9, Reason.NOT_INSTALLED, "modprobe nvidia"),
        (18, Reason.FAILED, "reboot"),
        (4, Reason.NO_PERMISSION, "/dev/nvidiactl"),
        (13, Reason.NOT_SUPPORTED, "update"),
        (10, Reason.TIMED_OUT, "reboot"),
        (999, Reason.FAILED, "error 999"),
    ],
)
def test_a_library_that_does_not_start_says_what_to_do(code: int, reason: Reason, words: str) -> None:
    for answer in (
        nvml.read(FakeLibrary(opening=NvmlError(code)), BDF),
        nvml.list_devices(FakeLibrary(opening=NvmlError(code))),
    ):
        assert isinstance(answer, Unavailable)
        assert answer.unavailable == reason
        assert words in answer.detail


def test_no_binding() -> None:
    answer = nvml.read(FakeLibrary(opening=NvmlUnavailableError(Reason.NOT_INSTALLED, "no binding", "pip it")), BDF)
    assert answer == Unavailable(unavailable=Reason.NOT_INSTALLED, detail="no binding; pip it")


def test_an_old_driver_lacks_functions() -> None:
    old = NvmlError(13, "Function Not Found")
    facts = read(
        {
            ("nvmlDeviceGetPdi",): old,
            ("nvmlDeviceGetArchitecture",): old,
            ("nvmlDeviceGetMemoryInfo", MEMORY_V2): old,
        }
    )
    assert "too old" in facts.missing["pdi"].detail
    assert facts.memory_total_bytes == 24564 * MIB
    assert facts.memory_reserved_bytes is None
    assert facts.missing["memory_reserved_bytes"].unavailable == Reason.NOT_SUPPORTED


def test_a_lost_card_is_not_asked_for_memory_in_the_old_form() -> None:
    facts = read({("nvmlDeviceGetMemoryInfo", MEMORY_V2): NvmlError(15, "GPU is lost")})
    assert facts.memory_total_bytes is None
    assert facts.fault == "GPU is lost"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"N/A", Reason.NOT_SUPPORTED),
        (b"[N/A]", Reason.NOT_SUPPORTED),
        (b"[Not Supported]", Reason.NOT_SUPPORTED),
        (b"", Reason.NOT_SUPPORTED),
        (b"   ", Reason.NOT_SUPPORTED),
        (b"0", Reason.NOT_SUPPORTED),
        (b"0000000000000", Reason.NOT_SUPPORTED),
        (b"Unknown Error", Reason.FAILED),
        (b"[GPU is lost]", Reason.FAILED),
    ],
)
def test_placeholders_are_no_serial(text: bytes, reason: Reason) -> None:
    facts = read({("nvmlDeviceGetSerial",): text})
    assert facts.serial is None
    assert facts.missing["serial"].unavailable == reason


def test_placeholders_are_told_apart() -> None:
    details = {
        read({("nvmlDeviceGetSerial",): text}).missing["serial"].detail for text in (b"N/A", b"[N/A]", b"", b"0")
    }
    assert len(details) == 4


def test_hostile_strings() -> None:
    facts = read(
        {
            ("nvmlDeviceGetName",): b"\x1b[2J\x1b]0;owned\x07RTX\xe2\x80\xae 4090",
            ("nvmlDeviceGetVbiosVersion",): b"95.02\xff\xfe.18",
            ("nvmlDeviceGetBoardPartNumber",): b"A" * 10_000_000,
            ("nvmlDeviceGetSerial",): "S" * 10_000_000,
        }
    )
    assert facts.name is not None
    assert "\x1b" not in facts.name
    assert "\u202e" not in facts.name
    assert facts.vbios_version is not None
    assert facts.vbios_version.startswith("95.02")
    for text in (facts.board_part_number, facts.serial, *facts.raw.values()):
        assert text is not None
        assert len(text) <= 512


@pytest.mark.parametrize("answer", [None, -1, "many", 0xFFFFFFFF, [], object()])
@pytest.mark.parametrize("function", sorted({query.function for query in QUERIES}))
def test_nonsense_never_crashes(function: str, answer: Any) -> None:
    changed = {key: answer for key in ANSWERS if key[0] == function}
    assert read(changed).route == "nvml"


def test_zero_and_all_ones_are_no_capacities() -> None:
    facts = read({("nvmlDeviceGetMemoryBusWidth",): 0, ("nvmlDeviceGetNumGpuCores",): 0xFFFFFFFF})
    assert facts.missing["memory_bus_width_bits"].detail == "answered 0"
    assert facts.missing["core_count"].unavailable == Reason.NOT_SUPPORTED


def test_undecodable_structures() -> None:
    class Undecodable(SimpleNamespace):
        @property
        def busId(self) -> str:  # noqa: N802
            return b"\xff".decode()

        _fields_ = (("busId", None), ("pciDeviceId", None))

    info = Undecodable(domain=0x10000, bus=0x41, device=0, pciDeviceId=0x268410DE, pciSubSystemId=0)
    facts = read({("nvmlDeviceGetPciInfo",): info})
    assert facts.bdf == "10000:41:00.0"
    assert facts.subsystem_id is None
    assert facts.missing["subsystem_id"].unavailable == Reason.NOT_SUPPORTED
    assert "(undecodable)" in facts.raw["nvmlDeviceGetPciInfo"]


def test_ids_of_a_card_off_the_bus() -> None:
    facts = read(
        {
            ("nvmlDeviceGetPciInfo",): SimpleNamespace(
                domain=0, bus=1, device=0, pciDeviceId=0xFFFFFFFF, pciSubSystemId=0
            )
        }
    )
    assert facts.device_id is None
    assert "off the bus" in facts.missing["device_id"].detail


def test_mig_instances_are_named() -> None:
    facts = read(
        {
            ("nvmlDeviceGetMigMode",): [1, 1],
            ("nvmlDeviceGetMaxMigDeviceCount",): 3,
            ("nvmlDeviceGetMigDeviceHandleByIndex", 0): "handle 0",
            ("nvmlDeviceGetMigDeviceHandleByIndex", 1): NvmlError(6),
            ("nvmlDeviceGetMigDeviceHandleByIndex", 2): "handle 2",
        }
    )
    assert facts.mig_enabled
    assert len(facts.mig_instances) == 2


def test_listing() -> None:
    library = FakeLibrary({("nvmlDeviceGetCount",): 2})
    devices = nvml.list_devices(library)
    assert isinstance(devices, tuple)
    assert devices[0] == nvml.ListedDevice(0, BDF, "GPU-1b01b75a-f91c-42eb-88d1-956c37d84616")
    assert library.closed == 1


def test_listing_keeps_a_lost_card_without_address() -> None:
    devices = nvml.list_devices(FakeLibrary({("nvmlDeviceGetHandleByIndex",): NvmlError(15)}))
    assert devices == (nvml.ListedDevice(0, None, None),)


def test_listing_that_fails() -> None:
    library = FakeLibrary({("nvmlDeviceGetCount",): NvmlError(999, "Unknown Error")})
    assert nvml.list_devices(library) == Unavailable(unavailable=Reason.FAILED, detail="error 999: Unknown Error")
    assert library.closed == 1
