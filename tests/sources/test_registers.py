"""Hardware registers: what is read where, that nothing is ever written, and every way in which a read is refused."""

import ast
import errno
import faulthandler
import mmap
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import gpucheck
from gpucheck.catalog import Catalog
from gpucheck.machine import HostCard
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.measured import Census
from gpucheck.model.registers import RegisterFacts
from gpucheck.pipeline import Plan
from gpucheck.redaction import redacted
from gpucheck.sources import registers
from gpucheck.sources.registers import origin
from gpucheck.sources.registers.facts import collect
from gpucheck.sources.registers.layout import MEMORY_PARTITIONS, SENSORS, TABLE, places
from gpucheck.sources.registers.refusals import refusal
from gpucheck.sources.registers.temperatures import temperatures
from gpucheck.sources.registers.window import RefusedError, Window
from gpucheck.watchdog import Job, collect_guarded, supervise
from tests.sources.register_window import BDF, FUSED_OFF, MIB, NOTHING, RTX_3080, RTX_3090, add_window

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sysfs is Linux'"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def read(root: Path) -> RegisterFacts | Unavailable:
    return registers.read(root, BDF, root / "proc")


def facts_of(words: dict[int, int], window_bytes: int = 16 * MIB) -> RegisterFacts:
    found = collect(lambda offset: words.get(offset, NOTHING), window_bytes, "sysfs")
    assert isinstance(found, RegisterFacts)
    return found


def refused(found: object) -> Unavailable:
    assert isinstance(found, Unavailable)
    return found


def test_an_rtx_3090(tmp_path: Path) -> None:
    add_window(tmp_path, RTX_3090)
    found = read(tmp_path)
    assert isinstance(found, RegisterFacts)
    assert (found.source, found.window_bytes) == ("sysfs", 16 * MIB)
    assert (found.chip_id, found.revision) == (0x172, "A1")
    assert found.fused_device_ids == (0x2204, 0x2244)
    assert found.device_id_locked is True
    assert found.clamshell is True
    assert (found.memory_partitions, found.partition_bytes) == (6, 4096 * MIB)
    assert found.memory_bytes == 24576 * MIB
    assert found.memory_strap == 2
    assert found.fused_off == {"gpc_disable": 0, "fbp_disable": 0}
    assert found.missing == {}
    assert found.raw["0x000000"] == "0xb72000a1"
    assert found.raw["0x90020c"] == "0x00001000"


def test_a_partition_that_is_fused_off_is_not_counted(tmp_path: Path) -> None:
    add_window(tmp_path, RTX_3080)
    found = read(tmp_path)
    assert isinstance(found, RegisterFacts)
    assert (found.memory_partitions, found.partition_bytes, found.clamshell) == (5, 2048 * MIB, False)
    assert found.fused_off["fbp_disable"] == 8


@pytest.mark.parametrize(
    ("words", "chip", "memory_mib"),
    [
        ({0x0: 0x164000A1, 0xA00: 0x164A1000, 0x100CE0: 0x20A, 0x101000: 0x4}, 0x164, 32 << 10),
        ({0x0: 0x162000A1, 0xA00: 0x162A1000, 0x100CE0: 0x40000000 | 0x20A}, 0x162, 30 << 10),
        ({0x0: 0x170000A1, 0xA00: 0x170A1000, 0x100CE0: 0x288}, 0x170, 10 << 10),
        ({0x0: 0xB92000A1, 0xA00: 0x192A1000, 0x1183A4: 24564}, 0x192, 24564),
        ({0x0: 0xBB2000A1, 0xA00: 0x1B2A1000, 0x1183A4: 32607}, 0x1B2, 32607),
        ({0x0: 0x0E4000A2, 0xA00: 0x0E4A2000}, 0x0E4, None),
        ({0x0: 0x0C4080A1, 0xA00: 0}, 0x0C4, None),
        ({0x0: 0x0C4080A1}, 0x0C4, None),
        ({0x0: 0x012001A1, 0xA00: 0x212A1000}, 0x212, None),
    ],
)
def test_every_generation_says_which_chip_it_is(words: dict[int, int], chip: int, memory_mib: int | None) -> None:
    found = facts_of(words)
    assert found.chip_id == chip
    assert found.memory_bytes == (None if memory_mib is None else memory_mib * MIB)
    assert memory_mib is not None or "memory_bytes" in found.missing


def test_two_numbers_that_differ_are_no_number() -> None:
    found = facts_of({**RTX_3090, 0xA00: 0x192A1000})
    assert (found.chip_id, found.revision, found.clamshell) == (None, None, None)
    assert "0x172" in found.missing["chip_id"].detail
    assert "0x192" in found.missing["chip_id"].detail


def watched(words: dict[int, int]) -> tuple[list[int], Callable[[int], int]]:
    seen: list[int] = []

    def load(offset: int) -> int:
        seen.append(offset)
        return words.get(offset, NOTHING)

    return seen, load


@pytest.mark.parametrize("chip", [*range(0x0C0, 0x240)])
def test_of_no_chip_anything_is_read_that_the_table_does_not_name(chip: int) -> None:
    words = {0x0: (chip >> 9) << 8 | (chip & 0x1FF) << 20 | 0xA1, 0xA00: chip << 20 | 0xA1000}
    seen, load = watched(words)
    collect(load, 16 * MIB, "sysfs")
    assert set(seen) <= {offset for row in TABLE for offset in places(row, chip)}
    assert seen[0] == 0
    assert all(offset % 4 == 0 and offset + 4 <= 16 * MIB for offset in seen)
    seen.clear()
    temperatures(load, 16 * MIB)
    allowed = {offset for row in SENSORS for offset in places(row, chip)}
    allowed |= {offset + 4 * n for row in SENSORS if row.name == "chip_temperature" for offset in places(row, chip)
                for n in range(4)}  # fmt: skip
    assert set(seen) <= {
        0,
        *allowed,
        *(o for row in TABLE if row.name == "partition_config" for o in places(row, chip)),
    }


@pytest.mark.parametrize("chip", [0x1C2, 0x1D0, 0x212, 0x3FF, 0x0A5])
def test_of_an_unknown_chip_its_number_alone_is_read(chip: int) -> None:
    seen, load = watched({0x0: (chip >> 9) << 8 | (chip & 0x1FF) << 20 | 0xA1, 0xA00: chip << 20 | 0xA1000})
    found = collect(load, 16 * MIB, "sysfs")
    assert isinstance(found, RegisterFacts)
    assert (found.chip_id, seen) == (chip, [0x0, 0xA00])
    assert {"clamshell", "memory_bytes", "memory_strap", "fused_device_ids"} <= set(found.missing)
    seen.clear()
    assert set(temperatures(load, 16 * MIB)["missing"]) == {"hotspot_celsius", "memory_chips_celsius"}
    assert seen == [0x0]


def test_every_die_with_partitions_is_in_the_catalog_and_every_row_has_its_source() -> None:
    known = {p.die.chip_id for p in Catalog().all_profiles()}
    assert set(MEMORY_PARTITIONS) <= known
    assert all(row.source and row.meaning for row in (*TABLE, *SENSORS))
    assert all(row.offset % 4 == 0 for row in (*TABLE, *SENSORS))


def test_a_window_of_256_kib_lacks_most_registers() -> None:
    """As an A16 has it."""
    found = facts_of({**RTX_3090, 0x0: 0xB77000A1, 0xA00: 0x177A1000}, 256 << 10)
    assert (found.chip_id, found.window_bytes) == (0x177, 256 << 10)
    assert (found.clamshell, found.fused_device_ids, found.memory_partitions) == (None, (), None)
    for field in ("clamshell", "fused_device_ids", "memory_partitions", "memory_bytes", "memory_strap"):
        assert found.missing[field].unavailable is Reason.NOT_SUPPORTED
        assert "256 KiB" in found.missing[field].detail


REFUSALS = [
    (0xBADF1002, Reason.FAILED, "did not answer"),
    (0xBADF1100, Reason.NOT_SUPPORTED, "no register"),
    (0xBADF1201, Reason.FAILED, "no clock"),
    (0xBADF1301, Reason.NOT_SUPPORTED, "fused off"),
    (0xBADF2013, Reason.NOT_SUPPORTED, "fused off"),
    (0xBADF3000, Reason.FAILED, "dead"),
    (0xBADF4100, Reason.NO_PERMISSION, "locks it"),
    (0xBADF5040, Reason.NO_PERMISSION, "its own firmware"),
    (0xBADF0200, Reason.FAILED, "security fault"),
    (0xBAD00200, Reason.FAILED, "security fault"),
    (0xBAD00100, Reason.FAILED, "did not answer"),
    (0xBAD0B000, Reason.FAILED, "memory"),
    (0xBADFFFFF, Reason.FAILED, "error"),
    (0xFFFFFFFF, Reason.FAILED, "does not answer"),
    (0x00000000, Reason.FAILED, "zero"),
]


@pytest.mark.parametrize(("value", "reason", "words"), REFUSALS)
def test_a_refusal_is_a_reason_and_never_data(value: int, reason: Reason, words: str) -> None:
    why = refused(refusal(value))
    assert (why.unavailable, words in why.detail) == (reason, True)
    assert refused(collect(lambda _offset: value, 16 * MIB, "sysfs")).unavailable is reason
    everywhere = {offset: value for row in TABLE for offset in places(row, 0x172)}
    found = facts_of({**everywhere, 0x0: RTX_3090[0x0], 0xA00: RTX_3090[0xA00]})
    assert (found.chip_id, found.clamshell, found.memory_bytes, found.partition_bytes) == (0x172, None, None, None)
    assert (found.fused_device_ids, found.memory_partitions) == ((), None)
    assert {"clamshell", "memory_bytes", "partition_bytes", "fused_device_ids"} <= set(found.missing)


@pytest.mark.parametrize("value", [0xBADE0000, 0xBAD10000, 0xB72000A1, 0x1, 0xFFFFFFFE, 0xBA2000A1])
def test_other_values_are_data(value: int) -> None:
    assert refusal(value) is None


@pytest.mark.parametrize("value", [0xBADF5040, 0xBADF1201, 0xFFFFFFFF, 0x0])
def test_a_partition_that_does_not_tell_its_size_hides_how_many_there_are(value: int) -> None:
    """Else a card whose memory sleeps would look as if it had less."""
    found = facts_of({**RTX_3090, 0x90420C: value})
    assert (found.memory_partitions, found.partition_bytes) == (None, None)
    assert {"memory_partitions", "partition_bytes"} <= set(found.missing)
    assert found.memory_bytes == 24576 * MIB


def test_partitions_of_different_sizes_are_told_and_not_added() -> None:
    found = facts_of({**RTX_3090, 0x91420C: 0x800})
    assert (found.memory_partitions, found.partition_bytes) == (6, None)
    assert "4096, 4096, 4096, 4096, 4096, 2048 MiB" in found.missing["partition_bytes"].detail


def test_the_side_is_told_by_the_first_partition_that_answers() -> None:
    assert facts_of({**RTX_3090, 0x900200: FUSED_OFF, 0x904200: 0xBADF1201}).clamshell is True


def test_one_fused_id_alone_is_none() -> None:
    found = facts_of({**RTX_3090, 0x82056C: 0xBADF5040})
    assert found.fused_device_ids == ()
    assert found.missing["fused_device_ids"].unavailable is Reason.NO_PERMISSION


def test_garbage_is_no_size() -> None:
    found = facts_of({**RTX_3090, 0x1183A4: 0x7FFFFFFF, 0x90020C: 0x7FFFFFFF})
    assert (found.memory_bytes, found.memory_partitions) == (None, None)
    assert "no size" in found.missing["memory_bytes"].detail


# Temperatures


def test_temperatures_of_an_rtx_3090() -> None:
    found = temperatures(lambda offset: RTX_3090.get(offset, NOTHING), 16 * MIB)
    assert found["hotspot_celsius"] == 75.0
    assert found["memory_chips_celsius"] == (64.0, 68.0, 64.0, 72.0) * 6
    assert found["missing"] == {}


def test_chips_on_one_side_have_no_second_reading() -> None:
    found = temperatures(lambda offset: RTX_3080.get(offset, NOTHING), 16 * MIB)
    assert found["memory_chips_celsius"] == (64.0, 64.0) * 6


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({0x2046C: 0xBADF1100}, "hotspot_celsius"),
        ({0x2046C: 0x0000FF00}, "hotspot_celsius"),
        ({0x2046C: 0x00000000}, "hotspot_celsius"),
        ({0x2046C: 0xFFFFFFFF}, "hotspot_celsius"),
        ({0x9024D0 + n * 0x4000: 0 for n in range(6)}, "memory_chips_celsius"),
        ({0x9024D0 + n * 0x4000: 0xBADF1201 for n in range(6)}, "memory_chips_celsius"),
        ({0x9024C0 + n * 0x4000 + m: 0 for n in range(6) for m in (0, 4)}, "memory_chips_celsius"),
        ({0x9024C0 + n * 0x4000 + m: 0xFFFFFFFF for n in range(6) for m in (0, 4)}, "memory_chips_celsius"),
    ],
)
def test_a_sensor_that_says_nothing_is_missing(words: dict[int, int], field: str) -> None:
    found = temperatures(lambda offset: {**RTX_3090, **words}.get(offset, NOTHING), 16 * MIB)
    assert field not in found
    assert field in found["missing"]


def test_the_second_word_stands_in_where_it_alone_is_valid() -> None:
    words = {**RTX_3090, **{0x9024D0 + n * 0x4000: 0x0C000000 for n in range(6)}}
    words |= {0x9024C8: 0x001E0000, 0x9024CC: 0x00FF0000}
    found = temperatures(lambda offset: words.get(offset, 0), 16 * MIB)
    assert found["memory_chips_celsius"] == (20.0,)


def test_temperatures_come_to_the_drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.builders import make_telemetry

    add_window(tmp_path, RTX_3090)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    told = make_telemetry()
    found = registers.with_temperatures(told, tmp_path, BDF, tmp_path / "proc")
    assert (found.hotspot_celsius, len(found.memory_chips_celsius)) == (75.0, 24)
    assert found.temperature_celsius == told.temperature_celsius
    without = registers.with_temperatures(told, tmp_path / "elsewhere", BDF, tmp_path / "proc")
    assert (without.hotspot_celsius, without.memory_chips_celsius) == (None, ())
    assert set(without.missing) == {"hotspot_celsius", "memory_chips_celsius"}
    assert without.temperature_celsius == told.temperature_celsius


def test_where_an_unanswered_read_ends_the_process_none_is_risked_in_a_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_window(tmp_path, RTX_3090)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(origin, "Window", not_to_be_opened)
    found = registers.with_temperatures(make_reading(), tmp_path, BDF, tmp_path / "proc")
    assert found.hotspot_celsius is None
    assert found.missing["hotspot_celsius"].unavailable is Reason.NOT_SUPPORTED


# Where nothing is read


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"runtime_status": "suspended\n"}, "asleep (suspended)"),
        ({"runtime_status": "suspending\n"}, "asleep"),
        ({"power_state": "D3cold\n"}, "asleep (D3cold)"),
        ({"power_state": "D3hot\n", "runtime_status": "suspended\n"}, "asleep (D3hot)"),
        ({"power_state": "unknown\n"}, "asleep (unknown)"),
    ],
)
def test_a_card_that_sleeps_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], words: str
) -> None:
    folder = add_window(tmp_path, RTX_3090, files=files)
    monkeypatch.setattr(origin, "Window", not_to_be_opened)
    monkeypatch.setattr(origin, "read_bytes", not_to_be_opened)
    why = refused(read(tmp_path))
    assert (why.unavailable, words in why.detail) == (Reason.FAILED, True)
    assert (folder / "resource0").exists()


def not_to_be_opened(*_arguments: object) -> Any:
    raise AssertionError("the card was touched")


@pytest.mark.parametrize("status", ["unsupported", "active", ""])
def test_a_kernel_without_power_management_is_no_hindrance(tmp_path: Path, status: str) -> None:
    folder = add_window(tmp_path, RTX_3090, files={"runtime_status": status})
    (folder / "power_state").unlink()
    assert isinstance(read(tmp_path), RegisterFacts)


@pytest.mark.parametrize(
    ("command", "words"), [(0xFF, "does not answer on the bus"), (0x05, "switched off"), (0x00, "switched off")]
)
def test_a_card_that_answers_no_memory_read_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: int, words: str
) -> None:
    folder = add_window(tmp_path, RTX_3090)
    config = b"\xff" * 64 if command == 0xFF else b"\xde\x10\x04\x22" + bytes((command, 0)) + bytes(58)
    (folder / "config").write_bytes(config)
    monkeypatch.setattr(origin, "Window", not_to_be_opened)
    assert words in refused(read(tmp_path)).detail


def test_inside_a_virtual_machine_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_window(tmp_path, RTX_3090)
    vendor = tmp_path / "class" / "dmi" / "id"
    vendor.mkdir(parents=True)
    (vendor / "sys_vendor").write_text("QEMU\n")
    monkeypatch.setattr(origin, "Window", not_to_be_opened)
    why = refused(read(tmp_path))
    assert why.unavailable is Reason.NOT_SUPPORTED
    assert "virtual machine" in why.detail


def test_another_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_window(tmp_path, RTX_3090)
    monkeypatch.setattr(sys, "platform", "win32")
    assert refused(read(tmp_path)).unavailable is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("words", [None, {}])
def test_a_window_that_is_not_there_or_empty(tmp_path: Path, words: dict[int, int] | None) -> None:
    add_window(tmp_path, words, 0)
    assert refused(read(tmp_path)).unavailable is Reason.NOT_SUPPORTED
    assert refused(read(tmp_path / "nowhere")).unavailable is Reason.NOT_SUPPORTED


@pytest.mark.parametrize(("user", "says"), [(1000, "only root"), (0, "even from root")])
def test_who_may_not_open_it_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, says: str) -> None:
    add_window(tmp_path, RTX_3090)

    def refuse(*_arguments: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    why = refused(read(tmp_path))
    assert (why.unavailable, says in why.detail) == (Reason.NO_PERMISSION, True)


@pytest.mark.parametrize(
    ("number", "reason", "says"),
    [
        (errno.EPERM, Reason.NO_PERMISSION, "locked down"),
        (errno.EINVAL, Reason.NO_PERMISSION, "CONFIG_IO_STRICT_DEVMEM"),
        (errno.EIO, Reason.FAILED, "could not be mapped"),
        (errno.ENODEV, Reason.FAILED, "could not be mapped"),
    ],
)
def test_a_kernel_that_keeps_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: Reason, says: str
) -> None:
    add_window(tmp_path, RTX_3090)

    def refuse(*_arguments: object, **_named: object) -> mmap.mmap:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(mmap, "mmap", refuse)
    why = refused(read(tmp_path))
    assert (why.unavailable, says in why.detail) == (reason, True)


def test_a_card_that_is_lost_in_between(tmp_path: Path) -> None:
    add_window(tmp_path, {})
    (tmp_path / "bus" / "pci" / "devices" / BDF / "resource0").write_bytes(b"\xff" * MIB)
    why = refused(read(tmp_path))
    assert (why.unavailable, "does not answer" in why.detail) == (Reason.FAILED, True)


# In a scan


def test_a_card_of_this_machine_has_them_among_its_sources(tmp_path: Path) -> None:
    add_window(tmp_path / "sys", RTX_3090)
    card = HostCard(BDF, 0, sys_root=str(tmp_path / "sys"), proc_root=str(tmp_path / "proc"))
    evidence = collect_guarded(card, Plan(probe=False), timeout_seconds=20.0)
    assert isinstance(evidence.registers, RegisterFacts)
    assert evidence.registers.chip_id == 0x172
    again = Evidence.model_validate_json(evidence.model_dump_json())
    assert again.registers == evidence.registers
    assert redacted(evidence).registers == evidence.registers


# What a bus error costs


def run_stages(
    path: Path, names: Any, emit: Callable[[str, Any], None], progress: Callable[[str, float], None], _keep: Any
) -> None:
    """As the pipeline runs sources; the window loses its ground under the mapping, as when the card is taken away."""
    for name in names:
        progress(name, 0.0)
        if name == "registers":
            faulthandler.disable()
            with Window(path) as opened:
                opened.load(0)
                os.truncate(path, 0)
                opened.load(4)
        emit(name, Census(sm_count=len(name), machine_code="8.6", blocks=1))


def test_a_bus_error_costs_this_section_alone(tmp_path: Path) -> None:
    path = tmp_path / "resource0"
    path.write_bytes(bytes(4096))
    job = Job("card", ("pci", "registers", "nvml"), partial(run_stages, path))
    (sections,) = supervise([job], lambda _name: 20.0)
    why = refused(sections["registers"])
    assert why.unavailable is Reason.FAILED
    assert "SIGBUS" in why.detail
    assert sections["pci"] == Census(sm_count=3, machine_code="8.6", blocks=1)
    assert sections["nvml"] == Census(sm_count=4, machine_code="8.6", blocks=1)


# Nothing is written


AUDIT: list[tuple[str, tuple[Any, ...]]] = []
LISTENING: list[bool] = []


def listen(event: str, arguments: tuple[Any, ...]) -> None:
    if LISTENING and event in ("open", "mmap.__new__"):
        AUDIT.append((event, arguments))


@contextmanager
def audited() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Every file that is opened and every mapping that is made by Python meanwhile. A hook cannot be taken away."""
    if not hasattr(listen, "hooked"):
        sys.addaudithook(listen)
        listen.hooked = True  # type: ignore[attr-defined]
    AUDIT.clear()
    LISTENING.append(True)
    try:
        yield AUDIT
    finally:
        LISTENING.clear()


def test_no_file_is_opened_for_writing_and_no_mapping_can_be_written(tmp_path: Path) -> None:
    folder = add_window(tmp_path, RTX_3090)
    before = (folder / "resource0").read_bytes()
    os.chmod(folder / "resource0", 0o400)  # noqa: PTH101 - what a careless writer would run into
    with audited() as events:
        assert isinstance(read(tmp_path), RegisterFacts)
        registers.with_temperatures(make_reading(), tmp_path, BDF, tmp_path / "proc")
    opened = [arguments for event, arguments in events if event == "open"]
    mapped = [arguments for event, arguments in events if event == "mmap.__new__"]
    assert any("resource0" in str(path) for path, _mode, _flags in opened)
    for path, mode, flags in opened:
        assert flags & os.O_ACCMODE == os.O_RDONLY, path
        assert not flags & (os.O_CREAT | os.O_TRUNC | os.O_APPEND), path
        assert mode is None or set(str(mode)) <= set("rbt"), path
    assert mapped
    for _handle, length, access, _offset in mapped:
        assert access == mmap.ACCESS_READ
        assert length <= mmap.ALLOCATIONGRANULARITY
    assert (folder / "resource0").read_bytes() == before


def make_reading() -> Any:
    from tests.builders import make_telemetry

    return make_telemetry()


def test_the_kernel_itself_says_that_the_mapping_is_for_reading(tmp_path: Path) -> None:
    path = add_window(tmp_path, RTX_3090) / "resource0"
    with Window(path) as opened:
        assert opened.load(0) == RTX_3090[0]
        maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line]
        assert maps
        assert {fields[1] for fields in maps} == {"r--s"}
        (page, words), = opened._pages.values()  # fmt: skip
        assert words.readonly
        with pytest.raises(TypeError):
            words[0] = 1
        with pytest.raises(TypeError):
            page[0:4] = b"\0\0\0\0"
    assert not any(str(path) in line for line in Path("/proc/self/maps").read_text().splitlines())


def test_the_package_has_no_words_for_writing() -> None:
    """A source of registers that could write would have to name one of these."""
    banned = {"O_RDWR", "O_WRONLY", "O_APPEND", "O_CREAT", "PROT_WRITE", "ACCESS_WRITE", "ACCESS_COPY", "pwrite",
              "pwritev", "write", "writev", "write_bytes", "write_text", "writelines", "write_byte", "poke", "memmove",
              "memset", "ctypes", "open_code", "system", "popen", "subprocess", "/dev/mem"}  # fmt: skip
    folder = Path(registers.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named = {getattr(node, field, None) for field in ("attr", "id", "name", "module")}
            assert not banned & {name for name in named if isinstance(name, str)}, (file.name, named)
    elsewhere = [
        file.relative_to(folder.parents[1]).as_posix()
        for file in Path(gpucheck.__file__).parent.rglob("*.py")
        if "resource0" in file.read_text(encoding="utf-8")
    ]
    assert elsewhere == ["sources/registers/origin.py"], "one door to the window"


@pytest.mark.parametrize("offset", [1, 2, 3, -4, 4096, 1 << 40])
def test_no_load_is_unaligned_or_outside_the_window(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "resource0"
    path.write_bytes(bytes(4096))
    with Window(path) as opened, pytest.raises(ValueError, match="no register"):
        opened.load(offset)


def test_a_window_smaller_than_a_page_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "resource0"
    path.write_bytes(bytes(range(10)))
    with Window(path) as opened:
        assert opened.load(4) == 0x07060504
        with pytest.raises(ValueError, match="no register"):
            opened.load(8)


def test_a_pipe_in_its_place_is_no_window(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "resource0")
    with pytest.raises(RefusedError):
        Window(tmp_path / "resource0")


def test_nothing_is_left_open(tmp_path: Path) -> None:
    add_window(tmp_path, RTX_3090)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(5):
        read(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
