"""Questions to the driver's resource manager: what comes back, what is never sent, and what a kernel may do to us."""

import errno
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.units import GIB, MIB
from gpucheck.redaction import redacted
from gpucheck.sources.resource_manager import answers, controls, read, values, wire
from gpucheck.sources.resource_manager.client import Client, NotAllowedError, RefusedError
from gpucheck.sources.resource_manager.controls import ALLOWED, Control
from tests.builders import make_evidence
from tests.sources import kernel_side as fake
from tests.sources.kernel_side import BRANCHES, CARD, CTL, SIZES, Kernel, fixed, honest, listed, words

BDF = "0000:01:00.0"
FIELDS = set(ResourceManagerFacts.model_fields) - {"source", "missing", "raw"}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return proc_of(tmp_path, "580.95.05")


def proc_of(folder: Path, version: str | None, information: str = "Device Minor: \t 3\n") -> Path:
    """A ``/proc`` with the driver's version and one card."""
    card = folder / "driver" / "nvidia" / "gpus" / BDF
    card.mkdir(parents=True)
    (folder / "version").write_text("Linux version 6.8\n")
    told = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Thu\n" if version else "something else\n"
    (card.parents[1] / "version").write_text(told)
    (card / "information").write_text(f"Model: \t NVIDIA GeForce RTX 4090\n{information}")
    return folder


def asked(proc: Path, kernel: Kernel) -> ResourceManagerFacts:
    found = read(proc, BDF, "/dev", kernel)
    assert isinstance(found, ResourceManagerFacts), found
    return found


def refused(proc: Path, kernel: Kernel, **more: Any) -> Unavailable:
    found = read(proc, BDF, "/dev", kernel, **more)
    assert isinstance(found, Unavailable), found
    return found


def empty(facts: ResourceManagerFacts) -> set[str]:
    return {name for name in FIELDS if getattr(facts, name) in (None, (), {})}


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_branch_whose_headers_are_public_answers(tmp_path: Path, branch: int) -> None:
    kernel = Kernel(branch)
    facts = asked(proc_of(tmp_path, f"{branch}.42.01"), kernel)
    assert (facts.source, facts.chip_id, facts.revision) == ("ioctl", 0x192, "A1")
    assert (facts.device_id, facts.subsystem_vendor_id, facts.subsystem_id) == (0x2684, 0x10DE, 0x165B)
    assert facts.uuid == "GPU-6b0b2a4c-59a1-4c5f-9d0c-0f4a9be1c111"
    assert facts.gpu_part_number == ("2684-301-A1" if branch >= 525 else None)
    assert facts.vbios_version == "95.02.3C.40.0D"
    assert (facts.memory_bytes, facts.bar1_bytes, facts.l2_cache_bytes) == (24 * GIB, 32 * GIB, 72 * MIB)
    assert (facts.memory_bus_width_bits, facts.memory_strap) == (384, 3)
    assert (facts.memory_type, facts.memory_vendor, facts.calibration_failed) == ("GDDR6X", "Micron", False)
    assert sum(mask.bit_count() for mask in facts.tpc_masks) * 2 == 128
    assert (facts.gpc_mask or 0).bit_count() == len(facts.tpc_masks) == 11
    assert facts.fbp_mask == 0x3F
    assert {name for name, rate in facts.issue_rates.items() if rate} == {"fmla32", "imla4"}
    assert (facts.mobile, facts.mining) == (False, False)
    assert (facts.chip_sku, facts.project, facts.project_sku, facts.board_id) == ("301", "G139", "0330", 0x1A2)
    assert (facts.factory_part_number, facts.factory_build_date) == ("900-1G136-2530-000", "2022-09-15")
    assert (facts.factory_memory_vendor, facts.factory_memory_part) == ("Samsung", "K4ZAF325BM-HC16")
    assert set(facts.missing) == empty(facts)
    assert empty(facts) == (set() if branch >= 525 else {"gpu_part_number"})
    assert (kernel.objects, kernel.nodes, kernel.leaked) == ({}, {}, 0)


def test_a_known_branch_is_asked_in_its_own_layout_at_once(tmp_path: Path) -> None:
    for branch in BRANCHES:
        kernel = Kernel(branch)
        asked(proc_of(tmp_path / str(branch), f"{branch}.42.01"), kernel)
        once = [command for command in kernel.sent if command in (0x20800808, 0x2080013F)]
        assert once == [0x20800808, 0x2080013F]
        assert kernel.sent.count(0x20801303) == len(fake.MEMORY)


@pytest.mark.parametrize(("version", "branch"), [("999.10.01", 595), (None, 545), (None, 595), ("535.54.03", 560)])
def test_a_driver_of_another_layout_than_its_version_says_is_still_read(
    tmp_path: Path, version: str | None, branch: int
) -> None:
    facts = asked(proc_of(tmp_path, version), Kernel(branch))
    assert (facts.memory_type, facts.project, facts.mobile) == ("GDDR6X", "G139", False)


def test_a_layout_of_the_future_costs_its_own_facts_alone(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, 0x20801303, {600: 2052})
    facts = asked(proc, Kernel(600))
    assert (facts.memory_type, facts.memory_bytes) == (None, None)
    assert facts.missing["memory_type"].unavailable is Reason.NOT_SUPPORTED
    assert facts.project == "G139"


def test_the_list_is_the_module_and_knows_no_register_operations() -> None:
    assert {each for each in vars(controls).values() if isinstance(each, Control)} == ALLOWED
    assert len({each.command for each in ALLOWED}) == len(ALLOWED)
    assert 0x20800122 not in {each.command for each in ALLOWED}


HEADERS = {
    0x201: "NV0000_CTRL_CMD_GPU_GET_ATTACHED_IDS",
    0x205: "NV0000_CTRL_CMD_GPU_GET_ID_INFO_V2",
    0x21B: "NV0000_CTRL_CMD_GPU_GET_PCI_INFO",
    0x20800102: "NV2080_CTRL_CMD_GPU_GET_INFO_V2",
    0x2080013F: "NV2080_CTRL_CMD_GPU_GET_OEM_BOARD_INFO",
    0x2080014A: "NV2080_CTRL_CMD_GPU_GET_GID_INFO",
    0x208001A4: "NV2080_CTRL_CMD_GPU_GET_CHIP_DETAILS",
    0x20800808: "NV2080_CTRL_CMD_BIOS_GET_SKU_INFO",
    0x20800810: "NV2080_CTRL_CMD_BIOS_GET_INFO_V2",
    0x2080122A: "NV2080_CTRL_CMD_GR_GET_GPC_MASK",
    0x2080122B: "NV2080_CTRL_CMD_GR_GET_TPC_MASK",
    0x20801230: "NV2080_CTRL_CMD_GR_GET_SM_ISSUE_RATE_MODIFIER",
    0x2080123C: "NV2080_CTRL_CMD_GR_GET_SM_ISSUE_RATE_MODIFIER_V2",
    0x20801303: "NV2080_CTRL_CMD_FB_GET_INFO_V2",
    0x2080130C: "NV2080_CTRL_CMD_FB_GET_CALIBRATION_LOCK_FAILED",
    0x20801701: "NV2080_CTRL_CMD_MC_GET_ARCH_INFO",
    0x20801801: "NV2080_CTRL_CMD_BUS_GET_PCI_INFO",
}
"""Numbers and names of ``ctrl0000gpu.h`` and ``ctrl2080*.h``: what a reviewer compares the list with."""


def test_every_number_of_the_list_is_a_query_in_nvidias_headers() -> None:
    assert set(HEADERS) == {control.command for control in ALLOWED}
    for name in HEADERS.values():
        assert "_GET_" in name
        assert not {"SET", "WRITE", "EXEC", "ENABLE", "RESET"} & set(name.split("_"))


@pytest.mark.parametrize(
    ("control", "question"),
    [
        (Control("register operations", 0x20800122, ((515, 40),), takes_input=True), b""),
        (Control("issue rates", 0x20801231, ((515, 32),)), b""),
        (Control("issue rates", 0x20801230, ((515, 64),)), b""),
        (controls.CALIBRATION, words(1)),
        (controls.UUID, words(0, 2)),
    ],
)
def test_nothing_off_the_list_can_be_sent(control: Control, question: bytes) -> None:
    kernel = Kernel()
    with Client(kernel, 580) as client:
        client.connect("/dev", 3, BDF)
        before = len(kernel.sent)
        with pytest.raises(NotAllowedError):
            client.ask(control, question)
        assert len(kernel.sent) == before


def test_a_whole_scan_sends_the_list_and_the_lists_questions_alone(proc: Path) -> None:
    kernel = Kernel()
    asked(proc, kernel)
    assert set(kernel.sent) <= {control.command for control in ALLOWED}


@pytest.mark.parametrize("command", sorted(set(SIZES) - {0x201, 0x205, 0x21B}))
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0x56, Reason.NOT_SUPPORTED),
        (0x1B, Reason.NO_PERMISSION),
        (0x39, Reason.NO_PERMISSION),
        (0x3A, Reason.NOT_SUPPORTED),
        (0x65, Reason.TIMED_OUT),
        (0x0F, Reason.FAILED),
        (0xFFFF, Reason.FAILED),
    ],
)
def test_a_refused_query_costs_its_own_facts_and_says_why(
    proc: Path, command: int, status: int, reason: Reason
) -> None:
    facts = asked(proc, Kernel(answers=honest() | {command: lambda _: status}))
    assert set(facts.missing) == empty(facts)
    assert {told.unavailable for told in facts.missing.values()} <= {reason}
    assert len(facts.missing) <= 8
    assert all(f"0x{status:02x}" in told.detail for told in facts.missing.values())
    # Of the two that tell issue rates, one stands in for the other.
    assert bool(facts.missing) is (command not in (0x2080123C, 0x20801230))


def test_one_unknown_index_costs_itself_alone(proc: Path) -> None:
    memory = {index: value for index, value in fake.MEMORY.items() if index != 0x1C}
    facts = asked(proc, Kernel(answers=honest() | {0x20801303: listed(memory)}))
    assert set(facts.missing) == {"memory_vendor"}


OPENING: list[tuple[dict[str, int], Reason]] = [
    ({CTL: errno.ENOENT}, Reason.NOT_INSTALLED),
    ({CTL: errno.EACCES}, Reason.NO_PERMISSION),
    ({CARD: errno.EPERM}, Reason.NO_PERMISSION),
    ({CARD: errno.ENOENT}, Reason.NOT_INSTALLED),
    ({CARD: errno.EIO}, Reason.FAILED),
]


@pytest.mark.parametrize(("nodes", "reason"), OPENING)
def test_nodes_that_do_not_open(proc: Path, nodes: dict[str, int], reason: Reason) -> None:
    def real(path: str) -> int:
        if path in nodes:
            raise OSError(nodes[path], "no")
        return Kernel.open(kernel, path)

    kernel = Kernel()
    kernel.open = real  # type: ignore[method-assign]
    found = refused(proc, kernel)
    assert found.unavailable is reason
    assert found.detail
    assert (kernel.objects, kernel.nodes, kernel.leaked) == ({}, {}, 0)


def test_a_card_that_the_driver_lost(proc: Path) -> None:
    kernel = Kernel(lost=True)
    assert refused(proc, kernel).unavailable is Reason.FAILED
    assert not kernel.nodes


def test_a_card_that_the_resource_manager_does_not_list(proc: Path) -> None:
    """Another card's facts are never taken for this one's, though its node may have any number."""
    kernel = Kernel(answers=honest() | {0x201: fixed(words(0x300, *[0xFFFFFFFF] * 31))})
    found = refused(proc, kernel)
    assert (found.unavailable, "does not list" in found.detail) == (Reason.FAILED, True)
    assert (kernel.objects, kernel.nodes, kernel.leaked) == ({}, {}, 0)


@pytest.mark.parametrize(
    ("version", "information", "reason"),
    [
        ("510.108.03", "Device Minor: \t 3\n", Reason.NOT_SUPPORTED),
        ("470.256.02", "Device Minor: \t 3\n", Reason.NOT_SUPPORTED),
        ("580.95.05", "", Reason.NOT_SUPPORTED),
        ("580.95.05", "Device Minor: \t ?\n", Reason.NOT_SUPPORTED),
    ],
)
def test_nobody_is_asked_where_there_is_no_use(tmp_path: Path, version: str, information: str, reason: Reason) -> None:
    kernel = Kernel()
    assert refused(proc_of(tmp_path, version, information), kernel).unavailable is reason
    assert kernel.count == 0


def test_machines_without_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    (tmp_path / "version").write_text("Linux version 6.8\n")
    assert refused(tmp_path, kernel).unavailable is Reason.NOT_INSTALLED
    held_by_another = proc_of(tmp_path / "vfio", "580.95.05")
    (held_by_another / "driver" / "nvidia" / "gpus" / BDF / "information").unlink()
    assert "does not hold" in refused(held_by_another, kernel).detail
    (tmp_path / "dxg").touch()
    found = read(proc_of(tmp_path / "wsl", "580.95.05"), BDF, tmp_path, kernel)
    assert isinstance(found, Unavailable)
    assert "WSL" in found.detail
    monkeypatch.setattr("sys.platform", "win32")
    assert refused(tmp_path, kernel).unavailable is Reason.NOT_SUPPORTED
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "ppc64le")
    assert refused(tmp_path, kernel).unavailable is Reason.NOT_SUPPORTED
    assert kernel.count == 0


def test_files_that_are_no_device_nodes(tmp_path: Path) -> None:
    """Through the system's own calls: a file refuses the request, and all is closed again."""
    nodes = tmp_path / "dev"
    nodes.mkdir()
    for name in ("nvidiactl", "nvidia3"):
        (nodes / name).touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    found = read(proc_of(tmp_path / "proc", "580.95.05"), BDF, nodes)
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.NOT_SUPPORTED
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_signal_in_between_changes_nothing(proc: Path) -> None:
    assert asked(proc, Kernel(interrupts=3)).chip_id == 0x192


@pytest.mark.parametrize("step", [0, 1, 2, 4, 5, 6, 7])
def test_all_is_given_back_when_a_step_fails(step: int) -> None:
    kernel = Kernel()
    serve, calls = kernel.ioctl, 0

    def fails_at(handle: int, request: int, argument: bytearray) -> None:
        nonlocal calls
        calls += 1
        if calls == step + 1:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        serve(handle, request, argument)

    kernel.ioctl = fails_at  # type: ignore[method-assign]
    with pytest.raises(RefusedError), Client(kernel, 580) as client:
        client.connect("/dev", 3, BDF)
    assert (kernel.objects, kernel.nodes, kernel.leaked) == ({}, {}, 0)


def test_all_is_given_back_when_somebody_interrupts(proc: Path) -> None:
    def interrupt(_: bytes) -> bytes:
        raise KeyboardInterrupt

    kernel = Kernel(answers=honest() | {0x2080122A: interrupt})
    with pytest.raises(KeyboardInterrupt):
        read(proc, BDF, "/dev", kernel)
    assert (kernel.objects, kernel.nodes, kernel.leaked) == ({}, {}, 0)


def test_requests_have_the_numbers_that_the_kernel_computes() -> None:
    """As gcc computes ``_IOWR('F', nr, struct)`` for NVIDIA's headers."""
    assert wire.request_number(wire.CONTROL, 32) == 0xC020462A
    assert wire.request_number(wire.ALLOCATE, 32) == 0xC020462B
    assert wire.request_number(wire.FREE, 16) == 0xC0104629
    assert wire.request_number(wire.REGISTER, 4) == 0xC00446C9
    assert wire.device_parameters(1).size_bytes == 56


IMPLAUSIBLE: list[tuple[str, values.Facts]] = [
    ("memory_bus_width_bits", values.bus_width(0)),
    ("memory_bus_width_bits", values.bus_width(9999999)),
    ("memory_bus_width_bits", values.bus_width(385)),
    ("memory_bytes", values.memory_size(0)),
    ("memory_bytes", values.memory_size(0xFFFFFFFF)),
    ("bar1_bytes", values.bar1_size(0)),
    ("l2_cache_bytes", values.l2_size(0xFFFFFFFF)),
    ("memory_strap", values.memory_strap(16)),
    ("fbp_mask", values.memory_partitions(0)),
    ("mobile", values.flag("mobile", 2)),
    ("vbios_version", values.bios_version(0, 0)),
    ("vbios_version", values.bios_version(0x95023C40, 0x100)),
    ("chip_id", answers.architecture(words(0xE0000023, 4, 0xA1))),
    ("chip_id", answers.architecture(words(0, 2, 0xA1))),
    ("revision", answers.architecture(words(0x190, 2, 0))),
    ("device_id", answers.pci_ids(words(0x26841002, 0x165B10DE))),
    ("device_id", answers.pci_ids(words(0xFFFFFFFF, 0xFFFFFFFF))),
    ("uuid", answers.uuid(bytes(12) + b"GPU-\x1b[31m" + bytes(40))),
    ("uuid", answers.uuid(bytes(12) + b"A" * 256)),
    ("gpu_part_number", answers.chip_details(words(0x2684) + b"3\n1\0" + words(0xA, 1))),
    ("gpu_part_number", answers.chip_details(words(0xFFFF) + b"301\0" + words(0xA, 1))),
    ("gpu_part_number", answers.chip_details(words(0x2684) + b"301\0" + words(0x1A, 1))),
    ("board_id", answers.bios_sku(words(0x10000).ljust(48, b"\0"))),
    ("project", answers.bios_sku(bytes(24) + b"G1\x7f9" + bytes(20))),
    ("factory_build_date", answers.board_object(words(0x20221332) + b"x" * 112)),
    ("factory_build_date", answers.board_object(words(0x19990101) + b"x" * 112)),
    ("factory_build_date", answers.board_object(words(0x2022A1B2) + b"x" * 112)),
    ("factory_memory_part", answers.board_object(words(0x20220915) + b"\xff" * 112)),
    ("gpc_mask", answers.clusters(bytes(24))),
    ("gpc_mask", answers.clusters(bytes(16) + words(0xFFFFFFFF))),
    ("issue_rates", answers.issue_rates(bytes(16) + b"\x07" * 9)),
    ("issue_rates", answers.issue_rate_list(words(300) + bytes(2040))),
    ("issue_rates", answers.issue_rate_list(words(1, 2, 255).ljust(2044, b"\0"))),
]


@pytest.mark.parametrize(("field", "facts"), IMPLAUSIBLE)
def test_what_no_card_has_is_a_reason(field: str, facts: values.Facts) -> None:
    told = facts[field]
    assert isinstance(told, Unavailable)
    assert told.unavailable is Reason.FAILED
    assert told.detail.isprintable()


def test_what_is_not_filled_in_is_no_fraud_and_no_failure() -> None:
    for facts in (
        answers.board_object(bytes(136)),
        values.memory_vendor(0xFFFFFFFF),
        values.memory_type(0),
        answers.bios_sku(bytes(48)),
        answers.issue_rate_list(bytes(2044)),
    ):
        assert {told.unavailable for told in facts.values() if isinstance(told, Unavailable)} == {Reason.NOT_SUPPORTED}
    half = answers.board_object(words(0x20220915).ljust(136, b"\0"))
    assert half["factory_build_date"] == "2022-09-15"
    assert isinstance(half["factory_part_number"], Unavailable)


def test_text_of_the_factory_may_stand_at_either_end_of_its_field() -> None:
    block = bytearray(fake.board_object())
    block[71:91] = b"900-1G136-2530-000".rjust(20, b"\0")
    block[44:45] = b"M"
    facts = answers.board_object(bytes(block))
    assert (facts["factory_part_number"], facts["factory_memory_vendor"]) == ("900-1G136-2530-000", "M")


def test_a_failed_training_is_told() -> None:
    assert answers.calibration(words(0, 0, 0, 2, 0, 0)) == {"calibration_failed": True}
    assert answers.calibration(words(1, 0, 0, 0, 0, 0)) == {"calibration_failed": False}


def test_a_cluster_without_processors_leaves_no_half_truth(proc: Path) -> None:
    more = fixed(bytes(16) + words(sum(1 << n for n in (*fake.TPCS, 15))))
    facts = asked(proc, Kernel(answers=honest() | {0x2080122A: more}))
    assert facts.tpc_masks == ()
    assert "texture processors" in facts.missing["tpc_masks"].detail


def test_raw_answers_are_bounded_and_can_be_parsed_again(proc: Path) -> None:
    facts = asked(proc, Kernel())
    assert all(len(text) <= 320 for text in facts.raw.values())
    raw = {name.partition(" ")[0]: bytes.fromhex(text) for name, text in facts.raw.items()}
    assert answers.architecture(raw["20801701"])["chip_id"] == facts.chip_id
    assert answers.uuid(raw["2080014a"])["uuid"] == facts.uuid
    assert controls.entry_answer(raw["20801303.0d"].ljust(12, b"\0"), 0x0D) == 0x12


def test_redaction_takes_uuid_and_serial_number_out_of_the_raw_answers(proc: Path) -> None:
    facts = asked(proc, Kernel())
    assert fake.UUID[:20].hex() in facts.model_dump_json()
    text = redacted(make_evidence(resource_manager=facts)).model_dump_json()
    assert fake.UUID[:20].hex() not in text
    assert b"1322823110528".hex() not in text
    assert "GPU-6b0b2a4c" not in text
    assert "G139" in text


def hostile(data: st.DataObject) -> dict[int, Callable[[bytes], bytes | int]]:
    def answer(question: bytes) -> bytes | int:
        return data.draw(
            st.one_of(
                st.binary(min_size=len(question), max_size=len(question)),
                st.binary(max_size=len(question)),
                st.integers(0, 0xFFFFFFFF),
                st.just(b"\xff" * len(question)),
                st.integers(0, 300).map(lambda n: words(n) + question[4:]),
            )
        )

    return dict.fromkeys(SIZES, answer)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), found=st.booleans())
def test_no_kernel_makes_it_raise(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, found: bool) -> None:
    proc = proc_of(tmp_path_factory.mktemp("proc"), "580.95.05")
    table = hostile(data)
    if found:
        table |= {command: answer for command, answer in honest().items() if command < 0x1000}
    kernel = Kernel(answers=table)
    told = read(proc, BDF, "/dev", kernel)
    assert (kernel.objects, kernel.nodes, kernel.leaked) == ({}, {}, 0)
    if isinstance(told, ResourceManagerFacts):
        assert found
        assert set(told.missing) == empty(told)
        assert told.model_dump_json().isascii()


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_make_a_parser_raise(data: bytes) -> None:
    for parse in (
        answers.architecture,
        answers.pci_ids,
        answers.uuid,
        answers.chip_details,
        answers.bios_sku,
        answers.board_object,
        answers.calibration,
        answers.clusters,
        answers.issue_rates,
        answers.issue_rate_list,
    ):
        for value in parse(data).values():
            assert isinstance(value, Unavailable | int | str | dict)
    assert isinstance(answers.processors(data), Unavailable | int)
    assert controls.entry_answer(data, 5) is None or len(data) >= 12


def test_an_answer_to_another_question_is_none() -> None:
    assert controls.entry_answer(struct.pack("<III", 1, 0x80000035, 1), 0x35) == 1
    assert controls.entry_answer(struct.pack("<III", 1, 0x34, 1), 0x35) is None
    assert controls.entry_answer(struct.pack("<III", 2, 0x35, 1), 0x35) is None
