"""Who else used the card: what is claimed, and what a scan beside others may not say."""

from typing import Any

import pytest

from gpucheck.checks.base import Case, Outcome, others, unless_busy
from gpucheck.model.base import NOT_REQUESTED
from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.finding import Status
from gpucheck.model.measured import DeviceProcess, MemoryWalk, SlowRegion
from gpucheck.model.units import GIB, MIB
from gpucheck.pipeline import Plan
from tests.builders import make_nvml
from tests.cards import alter, catalog, evidence_from, evidence_of, finding, genuine, report


def program(pid: int, mib: int | None, graphics: bool = False) -> DeviceProcess:
    return DeviceProcess(pid=pid, memory_bytes=None if mib is None else mib * MIB, graphics=graphics)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"processes": (program(1234, 3174),)}, "another program holds 3.10 GiB (pid 1234)"),
        ({"processes": (program(1234, 180),)}, "another program holds 180 MiB (pid 1234)"),
        (
            {"processes": (program(1, 1024), program(2, 2048), program(1, 1024, graphics=True))},
            "2 other programs hold 3.00 GiB (pids 2, 1)",
        ),
        ({"processes": (program(9, None),)}, "another program runs (pid 9)"),
        ({"processes": (program(9, 900, graphics=True),)}, "another program holds 900 MiB (pid 9)"),
        ({"processes": (), "memory_used_bytes": 4 * GIB}, "4.00 GiB of its memory are in use, by whom"),
        ({"memory_used_bytes": 4 * GIB}, "4.00 GiB of its memory are in use, by whom"),
        ({"processes": (), "utilization_percent": 93}, "kernels of others keep it busy 93 % of the time"),
    ],
)
def test_others_in_words(facts: dict[str, Any], says: str) -> None:
    assert others(make_nvml(**facts)).startswith(says)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"processes": ()},
        {"processes": (program(900, 120, graphics=True), program(901, 300, graphics=True))},
        {"processes": (program(900, None, graphics=True),)},
        {"processes": (program(900, 90), program(900, 90, graphics=True))},
        {"driver_model": "WDDM", "processes": tuple(program(n, None, bool(n % 2)) for n in range(40))},
        {"memory_used_bytes": 900 * MIB, "utilization_percent": 12},
        {"processes": tuple(program(n, 300, graphics=True) for n in range(6)), "memory_used_bytes": 2 * GIB},
        {"memory_used_bytes": 6 * GIB, "memory_total_bytes": 141 * GIB},
    ],
)
def test_a_desktop_is_nobody_and_what_is_not_told_is_not_claimed(facts: dict[str, Any]) -> None:
    assert others(make_nvml(**facts)) == ""


def test_a_card_in_use_is_never_called_false_for_the_others_sake() -> None:
    result = report(evidence_of("rtx-3090-in-use"))
    assert result.verdict.authenticity == "inconclusive"
    assert result.verdict.condition == "good"
    assert [f.check for f in result.findings if f.status is Status.FAIL] == []
    uniformity = next(f for f in result.findings if f.check == "memory-uniformity")
    assert "2 other programs hold 10.74 GiB" in uniformity.message


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("profile", ["geforce-rtx-3090", "geforce-gtx-1060-6-gb", "l40s"])
def test_an_honest_card_in_use_fails_nothing_however_busy(profile: str, share: float) -> None:
    environment = {"processes": [3000], "busy_share": share}
    document = {"title": "busy", "seed": int(10 * share), "silicon": {"profile": profile}, "environment": environment}
    result = report(evidence_from(document))
    assert [(f.check, f.message) for f in result.findings if f.status is Status.FAIL] == []
    assert result.verdict.authenticity in {"authentic", "inconclusive"}


def test_memory_of_the_hosts_is_told_beside_other_programs_as_well() -> None:
    document = {
        "title": "busy and paged",
        "silicon": {"profile": "geforce-rtx-4090", "memory_bytes": 12 * GIB, "memory_fault": [{"kind": "paged"}]},
        "declared": {"profile": "geforce-rtx-4090"},
        "environment": {"processes": [1000], "busy_share": 0.3},
    }
    verdict = report(evidence_from(document)).verdict
    assert (verdict.authenticity, verdict.kinds) == ("counterfeit", ("paged",))


BUSY = make_nvml(processes=(program(77, 3174),))


def test_multiprocessors_that_others_may_have_kept_are_open() -> None:
    few = alter(genuine(), nvml=BUSY, census__sm_count=100)
    found = finding(few, "multiprocessors")
    assert found.status is Status.INCONCLUSIVE
    assert "another program holds 3.10 GiB (pid 77)" in found.message
    assert finding(alter(few, cuda__sm_count=100), "multiprocessors").status is Status.FAIL
    assert finding(alter(few, census__sm_count=142), "multiprocessors").status is Status.FAIL
    idle = make_nvml(processes=())
    assert finding(alter(few, nvml=idle), "multiprocessors").status is Status.FAIL


def test_a_part_that_mps_gives_is_no_other_die() -> None:
    shared = genuine().host.model_copy(update={"mps": True})
    half = alter(genuine(), census__sm_count=64, cuda__sm_count=64, host=shared)
    found = finding(half, "multiprocessors")
    assert found.status is Status.INCONCLUSIVE
    assert "MPS" in found.message
    assert report(half).verdict.authenticity == "inconclusive"
    assert finding(alter(half, census__sm_count=142), "multiprocessors").status is Status.FAIL
    assert finding(alter(genuine(), host=shared), "multiprocessors").status is Status.PASS


def test_a_fake_in_use_is_a_fake() -> None:
    document = {
        "title": "busy fake",
        "silicon": {"profile": "geforce-rtx-3090"},
        "declared": {"profile": "geforce-rtx-4090"},
        "environment": {"processes": [4000], "busy_share": 0.5},
    }
    assert report(evidence_from(document)).verdict.authenticity == "counterfeit"


@pytest.mark.parametrize(("system", "listed"), [("windows", ["None"]), ("wsl", None)])
def test_what_windows_keeps_to_itself_shows_in_the_memory_in_use(system: str, listed: list[str] | None) -> None:
    document = {
        "title": "busy",
        "silicon": {"profile": "geforce-rtx-4090"},
        "environment": {"processes": [4000], system: True},
    }
    facts = evidence_from(document, Plan(probe=False)).nvml
    assert isinstance(facts, NvmlFacts)
    assert (facts.processes and [str(one.memory_bytes) for one in facts.processes]) == listed
    assert others(facts) == "3.91 GiB of its memory are in use, by whom the driver does not tell"


def test_programs_take_memory_and_time_of_a_simulated_card() -> None:
    document = {
        "title": "busy",
        "silicon": {"profile": "geforce-rtx-4090"},
        "environment": {"processes": [4096, 512], "busy_share": 0.5},
    }
    busy, idle = evidence_from(document), genuine()
    assert busy.nvml.memory_used_bytes - idle.nvml.memory_used_bytes == 4608 * MIB  # type: ignore[union-attr,operator]
    assert busy.memory_walk.tested_bytes < idle.memory_walk.tested_bytes - 4 * GIB  # type: ignore[union-attr]
    ratio = busy.bandwidth.read_bytes_per_second / idle.bandwidth.read_bytes_per_second  # type: ignore[union-attr]
    assert ratio == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(("rate", "status"), [(300e9, Status.INCONCLUSIVE), (1300e9, Status.FAIL)])
def test_slow_memory_may_be_the_others_doing_and_fast_memory_not(rate: float, status: Status) -> None:
    rates: dict[str, float | None] = {
        "bandwidth__read_bytes_per_second": rate,
        "bandwidth__copy_bytes_per_second": rate * 0.9,
    }
    rates |= {"bandwidth__write_bytes_per_second": None, "bandwidth__triad_bytes_per_second": None}
    found = finding(alter(genuine(), nvml=BUSY, slab_map=NOT_REQUESTED, **rates), "memory-bandwidth")
    assert found.status is status
    assert ("pid 77" in found.message) == (status is Status.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("ratio", "length", "status"),
    [(0.03, 7 * GIB, Status.FAIL), (0.2, 7 * GIB, Status.INCONCLUSIVE), (0.03, 512 * MIB, Status.INCONCLUSIVE)],
)
def test_memory_that_lies_together_at_bus_speed_is_nobodys_doing(ratio: float, length: int, status: Status) -> None:
    walk = genuine().memory_walk
    assert isinstance(walk, MemoryWalk)
    first = walk.tested_bytes - length
    slow = SlowRegion(first_byte=first, length_bytes=length, bytes_per_second=900e9 * ratio, ratio=ratio)
    beside = alter(genuine(), nvml=BUSY, slab_map=NOT_REQUESTED, memory_walk__slow_regions=(slow,))
    assert finding(beside, "memory-residency").status is status


def test_only_a_failure_is_left_open_and_only_where_somebody_was_there() -> None:
    failure = Outcome(Status.FAIL, "It is slow.", observed="3 GB/s", expected="9 GB/s", evidence=("bandwidth",))
    passed = Outcome(Status.PASS, "It is fast.")
    alone = Case(genuine(), catalog().match(genuine()), None, catalog())
    beside = Case(alter(genuine(), nvml=BUSY), alone.match, None, alone.catalog)
    assert unless_busy(alone, failure) is failure
    assert unless_busy(beside, passed) is passed
    left = unless_busy(beside, failure)
    assert left.status is Status.INCONCLUSIVE
    assert left.message.startswith("It is slow. But another program holds 3.10 GiB (pid 77)")
    assert (left.observed, left.expected, left.evidence) == ("3 GB/s", "9 GB/s", ("bandwidth",))


@pytest.mark.parametrize("seed", [1549, 7, 12])
def test_a_card_whose_other_user_no_driver_names_raises_no_alarm(seed: int) -> None:
    document = {
        "title": "busy, and NVML does not say so",
        "seed": seed,
        "silicon": {"profile": "rtx-3500-mobile-ada-generation", "noise": 0.1},
        "environment": {"processes": [300], "busy_share": 0.5, "missing": ["nvml", "bandwidth"]},
    }
    evidence = evidence_from(document)
    assert report(evidence).verdict.authenticity in ("inconclusive", "authentic")
    slow = finding(evidence, "memory-bandwidth")
    assert slow.status is not Status.FAIL
