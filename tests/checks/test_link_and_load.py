"""The link, its errors, and the condition under load."""

import pytest

from gpucheck.model.base import NOT_REQUESTED, Reason, Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import DeviceProcess, MemoryFault
from tests.builders import make_evidence, make_host_link, make_load, make_nvml, make_pci, make_telemetry, make_walk
from tests.cards import alter, evidence_from, evidence_of, finding, genuine, report

NO_SENSORS = Unavailable(unavailable=Reason.NOT_INSTALLED, detail="no driver")


def linked(rate: float, **facts: object) -> Evidence:
    link = make_host_link(host_to_device_bytes_per_second=rate, device_to_host_bytes_per_second=rate * 0.97, **facts)
    return make_evidence(host_link=link)


@pytest.mark.parametrize(
    ("rate", "status"),
    [(25e9, Status.PASS), (30e9, Status.PASS), (34e9, Status.PASS), (50e9, Status.FAIL), (0.2e9, Status.PASS)],
)
def test_only_more_than_the_link_can_carry_fails(rate: float, status: Status) -> None:
    assert finding(linked(rate), "host-link").status is status


def test_a_faster_link_is_another_skus_but_settles_nothing() -> None:
    document = {
        "title": "fast",
        "silicon": {"profile": "geforce-rtx-3090"},
        "declared": {"profile": "geforce-rtx-2080-ti"},
    }
    found = finding(evidence_from(document), "host-link")
    assert found.status is Status.FAIL
    assert found.expected == "at most 15.8 GB/s: generation 3, 16 lanes"
    verdict = report(linked(50e9)).verdict
    assert verdict.authenticity not in {"counterfeit", "suspect"}


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (linked(3e9), "a riser, the slot or a busy processor"),
        (linked(3e9, generation_under_load=1), "the link ran at generation 1, 16 lanes (declared)"),
        (linked(0.8e9, lanes_under_load=1), "the link ran at generation 4, 1 lane (declared)"),
        (
            alter(linked(3e9), pci=make_pci(port_link_generation_max=3, port_link_lanes_max=4)),
            "the slot offers generation 3, 4 lanes (declared)",
        ),
        (
            alter(linked(3e9), nvml=make_nvml(processes=(DeviceProcess(pid=7, memory_bytes=1 << 30),))),
            "another program holds 1.00 GiB (pid 7)",
        ),
    ],
)
def test_a_slow_link_is_explained_and_never_held_against_the_card(evidence: Evidence, says: str) -> None:
    found = finding(evidence, "host-link")
    assert (found.status, found.severity) == (Status.PASS, Severity.INFO)
    assert says in found.message
    assert report(evidence).verdict.authenticity == "authentic"


def test_a_guest_is_told_of_its_virtual_machine() -> None:
    slow = make_host_link(host_to_device_bytes_per_second=2e9, device_to_host_bytes_per_second=2e9)
    assert "virtual machine" in finding(alter(evidence_of("rtx-3090-in-a-vm"), host_link=slow), "host-link").message


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        ("h100-80gb", Status.NOT_APPLICABLE),
        ("rtx-4090-laptop", Status.NOT_APPLICABLE),
        ("h100-mig", Status.INCONCLUSIVE),
    ],
)
def test_modules_laptops_and_slices_are_passed_over(scenario: str, status: Status) -> None:
    fast = make_host_link(host_to_device_bytes_per_second=400e9, device_to_host_bytes_per_second=400e9)
    assert finding(alter(evidence_of(scenario), host_link=fast), "host-link").status is status


@pytest.mark.parametrize(
    ("grown", "status", "condition"),
    [
        (0, Status.PASS, "good"),
        (2, Status.PASS, "good"),
        (30, Status.FAIL, "worn"),
        (400, Status.FAIL, "worn"),
        (50_000, Status.FAIL, "defective"),
    ],
)
def test_replays_speak_of_the_contacts(grown: int, status: Status, condition: str) -> None:
    evidence = make_evidence(host_link=make_host_link(replays_before=9, replays_after=9 + grown))
    assert finding(evidence, "link-errors").status is status
    verdict = report(evidence).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", condition)


def test_a_counter_that_is_not_told_or_began_anew_is_no_error() -> None:
    absent = make_host_link(replays_before=None, replays_after=None, missing={"replays_after": NO_SENSORS})
    found = finding(make_evidence(host_link=absent), "link-errors")
    assert found.status is Status.INCONCLUSIVE
    assert "no driver" in found.message
    reset = make_evidence(host_link=make_host_link(replays_before=500, replays_after=0))
    assert finding(reset, "link-errors").status is Status.PASS


def bears(load: object, **sections: object) -> Evidence:
    return make_evidence(load=load, **sections)


def test_a_card_that_bears_its_load() -> None:
    found = finding(make_evidence(), "load-condition")
    assert (found.status, found.severity) == (Status.PASS, Severity.INFO)
    assert "core 64 °C at most, slows down at 88 °C (declared)" in found.observed
    assert "310 W at most (declared)" in found.observed
    assert "29.60 at the end (measured)" in found.observed


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (make_load(wrong_results=3), "3 of 3,000,000,000 sums came out wrong (measured)"),
        (make_load(wrong_reads=7), "7 times memory gave back something else"),
        (
            make_load(before=make_telemetry(ecc_uncorrected=1), after=make_telemetry(ecc_uncorrected=2)),
            "1 new uncorrectable",
        ),
        (
            make_load(during=(make_telemetry(throttle_reasons=("thermal",)),), last_rate_per_second=18e12),
            "it slowed down for heat within 3 s (declared), and its rate fell to 60 % (measured)",
        ),
    ],
)
def test_what_makes_a_card_defective_leaves_it_authentic(load: object, says: str) -> None:
    evidence = bears(load)
    found = finding(evidence, "load-condition")
    assert found.status is Status.FAIL
    assert says in found.message
    assert found.remedy
    verdict = report(evidence).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", "defective")


@pytest.mark.parametrize(
    "load",
    [
        make_load(during=(make_telemetry(throttle_reasons=("thermal",)),)),
        make_load(during=(make_telemetry(throttle_reasons=("hardware", "power")),)),
        make_load(last_rate_per_second=20e12),
        make_load(before=make_telemetry(ecc_corrected=5), after=make_telemetry(ecc_corrected=6)),
        make_load(before=make_telemetry(ecc_corrected=5), after=make_telemetry(ecc_corrected=900)),
    ],
)
def test_what_is_wear(load: object) -> None:
    verdict = report(bears(load)).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", "worn")


@pytest.mark.parametrize("reason", ["power", "user", "idle"])
def test_a_card_at_its_limit_is_as_it_should_be(reason: str) -> None:
    load = make_load(during=(make_telemetry(throttle_reasons=(reason,)),), last_rate_per_second=29e12)
    assert report(bears(load)).verdict.condition == "good"


def test_a_moments_brake_is_no_wear() -> None:
    calm, braked = make_telemetry(), make_telemetry(throttle_reasons=("hardware", "power"))
    load = make_load(during=(braked, calm, calm), before=make_telemetry(throttle_reasons=("hardware", "idle")))
    assert report(bears(load)).verdict.condition == "good"


def test_a_power_cap_may_cost_as_much_as_it_likes() -> None:
    load = make_load(during=(make_telemetry(throttle_reasons=("power",)),), last_rate_per_second=15e12)
    assert finding(bears(load), "load-condition").status is Status.PASS


def test_a_laptop_gets_hot_and_may() -> None:
    load = make_load(during=(make_telemetry(throttle_reasons=("thermal", "hardware")),), last_rate_per_second=20e12)
    laptop = alter(evidence_of("rtx-4090-laptop"), load=load)
    assert report(laptop).verdict.condition == "good"
    wrong = alter(evidence_of("rtx-4090-laptop"), load=make_load(wrong_results=1))
    assert report(wrong).verdict.condition == "defective"


def test_a_fall_that_nobody_explains_is_open() -> None:
    blind = make_load(before=NO_SENSORS, during=(), after=NO_SENSORS, last_rate_per_second=15e12)
    assert finding(bears(blind), "load-condition").status is Status.INCONCLUSIVE
    others = make_nvml(processes=(DeviceProcess(pid=7, memory_bytes=3 << 30),))
    slow = finding(bears(make_load(last_rate_per_second=15e12), nvml=others), "load-condition")
    assert slow.status is Status.INCONCLUSIVE
    assert "another program holds 3.00 GiB (pid 7)" in slow.message


def test_memory_that_the_walk_has_judged_is_not_judged_twice() -> None:
    forged = MemoryFault(kind="wraparound", wrong_bytes=1 << 30, first_byte=0, last_byte=(1 << 30) - 1)
    evidence = bears(make_load(wrong_reads=70_000), memory_walk=make_walk(faults=(forged,)))
    found = finding(evidence, "load-condition")
    assert found.status is Status.PASS
    assert "all results right" not in found.message
    assert "memory wrong as the walk found it" in found.message


def test_a_card_that_dies_under_load_is_defective() -> None:
    dying = {"title": "dying", "silicon": {"profile": "geforce-rtx-4090", "dies_after_seconds": 1.0}}
    result = report(evidence_from(dying))
    found = next(f for f in result.findings if f.check == "load-condition")
    assert "stopped answering after 1." in found.message
    assert (result.verdict.authenticity, result.verdict.condition) == ("authentic", "defective")
    beside = alter(evidence_from(dying), nvml=make_nvml(processes=(DeviceProcess(pid=7, memory_bytes=3 << 30),)))
    assert finding(beside, "load-condition").status is Status.INCONCLUSIVE


def test_an_overheating_card_is_defective_and_no_fake() -> None:
    verdict = report(evidence_of("rtx-4090-overheating")).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", "defective")


def test_documents_from_before_are_judged_as_before() -> None:
    old = alter(genuine(), host_link=NOT_REQUESTED, load=NOT_REQUESTED)
    verdict = report(old).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", "good")
