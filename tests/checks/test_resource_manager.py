"""What the resource manager's answers reveal: each finding, and each honest card that looks like one."""

from typing import Any

import pytest

from gpucheck.model.base import NOT_REQUESTED, Reason, Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Finding, Kind, Severity, Status
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.units import GIB, MIB
from gpucheck.simulation import card, names
from tests.builders import make_vbios
from tests.cards import alter, evidence_from, evidence_of, finding, genuine, report

HONEST = [name for name in names() if card(name).scenario.title.startswith("Genuine")]
CHECKS = ("memory-type", "product-flags", "issue-rate")
ABSENT = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="only Linux lets programs ask it")


def asked(evidence: Evidence) -> ResourceManagerFacts:
    assert isinstance(evidence.resource_manager, ResourceManagerFacts)
    return evidence.resource_manager


def scenario(silicon: str, declared: dict[str, Any] | None = None, **more: Any) -> Evidence:
    document = {"title": "A card", "silicon": {"profile": silicon, **more.pop("soldered", {})}}
    return evidence_from(document | {"declared": declared or {}} | more)


@pytest.mark.parametrize("name", HONEST)
def test_no_honest_card_fails(name: str) -> None:
    for check in (*CHECKS, "source-agreement"):
        assert finding(evidence_of(name), check).status is not Status.FAIL, check


def test_a_card_is_worth_the_same_where_nobody_could_ask() -> None:
    """Older drivers, Windows and files have no such answers, and lose nothing."""
    for evidence in (genuine(), evidence_of("rtx-a6000"), evidence_of("h100-80gb")):
        told, silent = report(evidence), report(alter(evidence, resource_manager=ABSENT))
        assert told.verdict.authenticity == silent.verdict.authenticity == "authentic"
        assert told.verdict.coverage == silent.verdict.coverage
        assert told.verdict.contributions == silent.verdict.contributions


@pytest.mark.parametrize("check", CHECKS)
def test_without_answers_nothing_follows(check: str) -> None:
    for section in (ABSENT, NOT_REQUESTED, ResourceManagerFacts(source="ioctl")):
        found = finding(alter(genuine(), resource_manager=section), check)
        assert found.status is Status.INCONCLUSIVE
    assert "only Linux" in finding(alter(genuine(), resource_manager=ABSENT), check).message


def test_the_reason_of_a_single_missing_answer_reaches_the_reader() -> None:
    why = Unavailable(unavailable=Reason.NO_PERMISSION, detail="the driver keeps it from this user")
    facts = ResourceManagerFacts(source="ioctl", missing={"memory_type": why})
    assert "keeps it from this user" in finding(alter(genuine(), resource_manager=facts), "memory-type").message


# memory type


def with_type(evidence: Evidence, told: str) -> Finding:
    return finding(alter(evidence, resource_manager__memory_type=told), "memory-type")


def test_other_memory_than_the_models() -> None:
    found = with_type(genuine(), "GDDR6")
    assert (found.status, found.kinds) == (Status.FAIL, (Kind.MEMORY_ALTERED,))
    assert "GDDR6X" in found.message
    assert "(declared)" in found.observed
    assert report(alter(genuine(), resource_manager__memory_type="GDDR6")).verdict.authenticity != "counterfeit"


def test_a_scenario_can_declare_another_memory_type() -> None:
    by_rom = scenario("geforce-rtx-3080", {"vbios": {"memory_types": ["GDDR6"]}})
    by_kernel = scenario("geforce-rtx-3080", {"resource_manager": {"memory_type": "GDDR6"}})
    for evidence in (by_rom, by_kernel):
        assert finding(evidence, "memory-type").status is Status.FAIL
    assert finding(scenario("geforce-rtx-3080"), "memory-type").status is Status.PASS


SOLD_WITH_TWO: list[tuple[str, str]] = [
    ("geforce-rtx-4070", "GDDR6"),
    ("geforce-rtx-4070", "GDDR6X"),
    ("geforce-rtx-4070-gddr6", "GDDR6X"),
    ("geforce-gtx-1650", "GDDR6"),
    ("geforce-gtx-1650-gddr6", "GDDR5"),
    ("geforce-gtx-1060-6-gb-gp104", "GDDR5X"),
    ("geforce-rtx-3060-ti-gddr6x", "GDDR6X"),
    ("geforce-rtx-3060-ti", "GDDR6"),
    ("geforce-gtx-950m", "GDDR5"),
    ("geforce-940mx-gm108", "DDR3"),
    ("geforce-gt-1030", "DDR4"),
    ("quadro-t2000-mobile", "GDDR6"),
]


@pytest.mark.parametrize(("profile", "told"), SOLD_WITH_TWO)
def test_models_that_were_sold_with_two_types(profile: str, told: str) -> None:
    assert with_type(scenario(profile), told).status is Status.PASS


OTHERS: list[tuple[str, str]] = [
    ("geforce-rtx-4090", "GDDR6"),
    ("geforce-rtx-3080", "GDDR6"),
    ("geforce-rtx-3070", "GDDR6X"),
    ("geforce-rtx-5090", "GDDR6X"),
    ("geforce-rtx-3060-12-gb", "GDDR5"),
    ("geforce-gtx-1060-6-gb", "GDDR6"),
    ("geforce-gtx-1080-ti", "HBM2"),
]


@pytest.mark.parametrize(("profile", "told"), OTHERS)
def test_models_that_were_never_sold_so(profile: str, told: str) -> None:
    assert with_type(scenario(profile), told).status is Status.FAIL


@pytest.mark.parametrize(("name", "told"), [("a100-80gb", "HBM2"), ("h100-80gb", "HBM2"), ("h200", "HBM3")])
def test_codes_for_stacked_memory_are_coarse(name: str, told: str) -> None:
    assert with_type(evidence_of(name), told).status is Status.PASS
    assert with_type(evidence_of(name), "GDDR6").status is Status.FAIL


def test_a_type_that_no_model_has_is_left_open() -> None:
    assert with_type(genuine(), "LPDDR5").status is Status.INCONCLUSIVE


def test_a_modified_card_with_the_models_own_memory_is_not_accused_of_another() -> None:
    for name in ("rtx-4090-48gb", "rtx-3080-20gb", "rtx-2080-ti-22gb"):
        assert finding(evidence_of(name), "memory-type").status is Status.PASS


# marks


def marked(evidence: Evidence, **facts: Any) -> Finding:
    return finding(alter(evidence, **{f"resource_manager__{name}": value for name, value in facts.items()}),
                   "product-flags")  # fmt: skip


def test_the_mining_mark_on_another_models_id() -> None:
    evidence = scenario("geforce-rtx-3080", {"resource_manager": {"mining": True}})
    found = finding(evidence, "product-flags")
    assert (found.status, found.severity, found.kinds) == (Status.FAIL, Severity.HIGH, (Kind.REMARKED,))
    assert "mining" in found.message
    assert report(evidence).verdict.authenticity == "suspect"


def test_a_mining_card_sold_as_such() -> None:
    evidence = evidence_of("cmp-170hx-64gb")
    assert asked(evidence).mining
    assert finding(evidence, "product-flags").status is Status.PASS
    assert marked(evidence, mining=False).status is Status.INCONCLUSIVE


def test_the_laptop_mark_needs_a_second_sign() -> None:
    assert marked(genuine(), mobile=True).status is Status.INCONCLUSIVE
    found = marked(genuine(), mobile=True, chip_sku="750")
    assert (found.status, found.severity, found.kinds) == (Status.FAIL, Severity.MEDIUM, (Kind.REMARKED,))
    assert "750" in found.message
    assert "resource_manager.chip_sku" in found.evidence
    rom = scenario("geforce-rtx-4090", {"vbios": {"mobile": True}})
    assert asked(rom).mobile
    assert finding(rom, "product-flags").status is Status.FAIL
    part = alter(genuine(), nvml__gpu_part_number="2684-740-A1", resource_manager__mobile=True)
    assert finding(part, "product-flags").status is Status.FAIL


@pytest.mark.parametrize("sign", [{"mobile": True}, {"chip_sku": "750"}])
def test_a_saved_rom_of_another_card_is_no_second_sign(sign: dict[str, Any]) -> None:
    other = make_vbios(source="file", version="95.03.18.80.01", version_internal="95.03.18.80.01", **sign)
    marked_so = alter(genuine(), resource_manager__mobile=True, vbios=other)
    assert finding(marked_so, "product-flags").status is Status.INCONCLUSIVE


@pytest.mark.parametrize("chassis", ["laptop", "unknown"])
def test_machines_in_which_a_laptop_mark_is_honest(chassis: str) -> None:
    host = genuine().host.model_copy(update={"chassis": chassis})
    evidence = alter(genuine(), host=host, resource_manager__mobile=True, resource_manager__chip_sku="750")
    assert finding(evidence, "product-flags").status is Status.INCONCLUSIVE


def test_guests_and_other_boards_are_not_accused_by_a_laptop_mark() -> None:
    guest = genuine().host.model_copy(update={"hypervisor": "QEMU/KVM"})
    sign = {"resource_manager__mobile": True, "resource_manager__chip_sku": "750"}
    assert finding(alter(genuine(), host=guest, **sign), "product-flags").status is Status.INCONCLUSIVE
    assert finding(alter(evidence_of("rtx-a6000"), **sign), "product-flags").status is Status.INCONCLUSIVE


def test_laptop_parts_with_and_without_their_mark() -> None:
    evidence = evidence_of("rtx-4090-laptop")
    assert asked(evidence).mobile
    assert finding(evidence, "product-flags").status is Status.PASS
    assert marked(evidence, mobile=False).status is Status.INCONCLUSIVE
    in_a_desktop = evidence_of("rtx-3070-laptop-in-a-desktop")
    assert finding(in_a_desktop, "product-flags").status is Status.PASS


def test_one_mark_alone_is_enough() -> None:
    assert marked(genuine(), mobile=None).status is Status.PASS
    assert marked(genuine(), mining=None).status is Status.PASS
    assert marked(genuine(), mining=None, mobile=None).status is Status.INCONCLUSIVE
    assert marked(evidence_of("rtx-3060-12gb"), mobile=None, mining=True).status is Status.FAIL


# issue rates

LOCKED = dict.fromkeys(("fmla16", "fmla32", "ffma", "imla0", "imla4"), 5) | {"dp": 1}


def rated(evidence: Evidence, **rates: int) -> Finding:
    return finding(alter(evidence, resource_manager__issue_rates=rates), "issue-rate")


def test_a_mining_lock_that_was_lifted() -> None:
    unlocked = scenario(
        "cmp-170hx-8-gb",
        {"resource_manager": {"issue_rates": LOCKED}},
        soldered={"tensor_fp32_accumulate": "full"},
    )
    found = finding(unlocked, "issue-rate")
    assert (found.status, found.kinds) == (Status.FAIL, (Kind.FIRMWARE_ALTERED,))
    assert "FFMA" in found.message
    assert "1/32" in found.expected
    assert "(simulated)" in found.observed
    assert "fuses" in found.expected


def test_a_mining_lock_that_holds() -> None:
    assert finding(scenario("cmp-170hx-8-gb"), "issue-rate").status is Status.PASS
    assert finding(evidence_of("cmp-170hx-as-a100"), "issue-rate").status is not Status.FAIL


def test_a_geforce_die_that_runs_as_a_professional_one() -> None:
    freed = {"resource_manager": {"issue_rates": {"fmla16": 0, "fmla32": 1}}}
    evidence = scenario("geforce-rtx-3080", freed, soldered={"tensor_fp32_accumulate": "full"})
    assert finding(evidence, "issue-rate").status is Status.FAIL
    assert finding(scenario("geforce-rtx-3080", freed), "issue-rate").status is Status.PASS


def test_being_slower_than_the_driver_states_is_never_held_against_a_card() -> None:
    """A driver that knows no rates may answer zero everywhere."""
    for name in ("rtx-3090", "rtx-3060-12gb", "cmp-170hx-64gb"):
        zeros = dict.fromkeys(LOCKED, 0)
        assert rated(evidence_of(name), **zeros).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("name", ["rtx-4090", "rtx-2080-ti", "rtx-5090"])
def test_matrix_rates_are_compared_where_their_fuses_are_on_record(name: str) -> None:
    evidence = evidence_of(name)
    full = dict(evidence.throughput.rates)  # type: ignore[union-attr]
    full["tensor_fp16_fp32"] = full["tensor_fp16_fp16"]
    assert rated(alter(evidence, throughput__rates=full), fmla32=1).status is Status.NOT_APPLICABLE


def test_classes_of_which_nothing_is_known_are_not_compared() -> None:
    assert rated(evidence_of("rtx-3090"), imla0=5, imla4=5, fmla16=5).status is Status.NOT_APPLICABLE


def test_fp64_that_runs_as_on_compute_dies() -> None:
    assert rated(evidence_of("a100-80gb"), dp=1).status is Status.FAIL
    assert rated(evidence_of("rtx-3090"), dp=1).status is Status.PASS


def test_rates_between_and_rates_that_waver_are_left_open() -> None:
    evidence = evidence_of("rtx-3090")
    rates = dict(evidence.throughput.rates)  # type: ignore[union-attr]
    between = rates["tensor_fp16_fp16"].model_copy(
        update={"per_clock_per_sm": 0.7 * rates["tensor_fp16_fp16"].per_clock_per_sm}
    )
    middle = alter(evidence, throughput__rates=rates | {"tensor_fp16_fp32": between})
    assert rated(middle, fmla32=1).status is Status.INCONCLUSIVE
    full = rates["tensor_fp16_fp16"].model_copy(update={"spread": 0.5})
    assert rated(alter(evidence, throughput__rates=rates | {"tensor_fp16_fp32": full}), fmla32=1).status is (
        Status.INCONCLUSIVE
    )


def test_without_a_measurement_the_fuses_say_nothing() -> None:
    found = finding(alter(evidence_of("rtx-3090"), throughput=NOT_REQUESTED), "issue-rate")
    assert found.status is Status.INCONCLUSIVE


# sources against each other

DISAGREEING: list[tuple[str, object]] = [
    ("resource_manager__uuid", "GPU-00000000-0000-0000-0000-000000000000"),
    ("resource_manager__device_id", 0x2206),
    ("resource_manager__vbios_version", "94.02.26.08.1C"),
    ("resource_manager__memory_bytes", 10 * GIB),
]


@pytest.mark.parametrize(("path", "value"), DISAGREEING)
def test_the_resource_manager_against_all_others(path: str, value: object) -> None:
    found = finding(alter(genuine(), **{path: value}), "source-agreement")
    assert found.status is Status.FAIL
    assert "by resource_manager" in found.message


@pytest.mark.parametrize("total", [24564 * MIB, 24576 * MIB, 23028 * MIB])
def test_routes_count_memory_a_little_differently(total: int) -> None:
    evidence = alter(genuine(), resource_manager__memory_bytes=total)
    assert finding(evidence, "source-agreement").status is Status.PASS


def test_a_replaced_library_does_not_reach_below_itself() -> None:
    evidence = evidence_of("replaced-nvml-library")
    facts = asked(evidence)
    assert (facts.uuid, facts.device_id) != (evidence.declared.uuid, evidence.declared.device_id)  # type: ignore[union-attr]
    found = finding(evidence, "source-agreement")
    assert found.status is Status.FAIL
    assert "resource_manager" in found.message


def test_libraries_that_share_a_card_out_state_less_than_the_whole() -> None:
    """HAMi and its like answer in the driver's place; below them the whole card is seen."""
    stated = {"nvml__memory_total_bytes": 8 * GIB, "cuda__total_memory_bytes": 8 * GIB}
    part = alter(genuine(), host=genuine().host.model_copy(update={"container": True}), **stated)
    assert finding(part, "source-agreement").status is Status.PASS
    before = alter(genuine(), integrity__preloaded=("/usr/local/vgpu/libvgpu.so",), **stated)
    assert finding(before, "source-agreement").status is Status.PASS
    assert finding(alter(genuine(), **stated), "source-agreement").status is Status.FAIL
    more = dict.fromkeys(stated, 48 * GIB)
    forged = alter(part, **more)
    assert finding(forged, "source-agreement").status is Status.FAIL


def test_a_slice_of_a_card_may_count_other_memory() -> None:
    evidence = evidence_of("h100-mig")
    assert (
        finding(alter(evidence, resource_manager__memory_bytes=10 * GIB), "source-agreement").status is not Status.FAIL
    )
