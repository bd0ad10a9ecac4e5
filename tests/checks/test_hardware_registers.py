"""What a card's registers reveal: each finding, and each honest card that looks like one."""

from functools import cache
from typing import Any

import pytest

from gpucheck.model.base import NOT_REQUESTED, Reason, Unavailable
from gpucheck.model.evidence import Evidence, Host
from gpucheck.model.finding import Confidence, Finding, Kind, Status
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.units import GIB, MIB
from gpucheck.pipeline import Plan
from tests.builders import make_evidence, make_load, make_nvml, make_telemetry
from tests.cards import alter, catalog, evidence_from, finding, genuine, report

DECLARED_ONLY = Plan(probe=False)
NO_ROOT = Unavailable(unavailable=Reason.NO_PERMISSION, detail="only root may read the card's registers")
OURS = ("die-register", "fused-device-id", "memory-organisation")


def rooted(silicon: str, declared: str | None = None, plan: Plan | None = DECLARED_ONLY, **more: Any) -> Evidence:
    """A card that a root user scans. ``more`` overrides facts of what is soldered on."""
    document = {
        "title": "a card",
        "silicon": {"profile": silicon, **more},
        "declared": {"profile": declared or silicon},
        "environment": {"root": True},
    }
    return evidence_from(document, plan)


@cache
def measured(silicon: str, **more: Any) -> Evidence:
    return rooted(silicon, None, None, **more)


def facts(**given: Any) -> RegisterFacts:
    return RegisterFacts(source="sysfs", window_bytes=16 * MIB, **given)


def told(registers: Any, resource_manager: Any = NOT_REQUESTED, **changes: Any) -> Finding:
    """The die's finding for an honest RTX 4090 with such registers."""
    return finding(
        alter(make_evidence(), registers=registers, resource_manager=resource_manager, **changes), "die-register"
    )


def driver_says(chip: int | None) -> ResourceManagerFacts:
    return ResourceManagerFacts(source="ioctl", chip_id=chip)


# The die by its own register


def test_a_die_that_is_another_than_the_name_says() -> None:
    evidence = alter(make_evidence(), registers=facts(chip_id=0x172))
    found = finding(evidence, "die-register")
    assert (found.status, found.kinds) == (Status.FAIL, (Kind.REMARKED,))
    assert "AD102" in found.message
    assert "GA102 (0x172)" in found.message
    verdict = report(evidence).verdict
    assert (verdict.authenticity, verdict.kinds) == ("counterfeit", (Kind.REMARKED,))


def test_the_drivers_answer_stands_in_without_root() -> None:
    assert told(NO_ROOT, driver_says(0x192)).status is Status.PASS
    found = told(NO_ROOT, driver_says(0x174))
    assert found.status is Status.FAIL
    assert "resource manager" in found.observed
    assert "resource_manager.chip_id" in found.evidence


def test_the_right_die() -> None:
    found = told(facts(chip_id=0x192), driver_says(0x192))
    assert found.status is Status.PASS
    assert {"registers.chip_id", "resource_manager.chip_id"} <= set(found.evidence)


@pytest.mark.parametrize(("register", "driver"), [(0x192, 0x172), (0x172, 0x192), (0x172, 0x174)])
def test_two_routes_to_one_number_cannot_differ(register: int, driver: int) -> None:
    found = told(facts(chip_id=register), driver_says(driver))
    assert found.status is Status.FAIL
    assert "made up" in found.message


@pytest.mark.parametrize(
    ("registers", "driver", "says"),
    [
        (NO_ROOT, NOT_REQUESTED, "only root"),
        (NOT_REQUESTED, NOT_REQUESTED, "not requested"),
        (facts(missing={"chip_id": Unavailable(unavailable=Reason.FAILED, detail="disagree")}), NO_ROOT, "disagree"),
        (facts(chip_id=0x1D7), NOT_REQUESTED, "not on record"),
        (NO_ROOT, driver_says(None), "only root"),
    ],
)
def test_a_number_that_is_not_there_or_not_known_accuses_nobody(registers: Any, driver: Any, says: str) -> None:
    found = told(registers, driver)
    assert found.status is Status.INCONCLUSIVE
    assert says in found.message


@pytest.mark.parametrize(
    "changes",
    [
        {"host": Host(hypervisor="QEMU/KVM")},
        {"host": Host(hypervisor="Hyper-V (WSL)", wsl=True)},
        {"nvml": make_nvml(virtualization="vGPU")},
    ],
)
@pytest.mark.parametrize("section", ["registers", "resource_manager"])
def test_where_the_host_may_answer_the_question_stays_open(changes: dict[str, Any], section: str) -> None:
    given = {"registers": facts(chip_id=0x172)} if section == "registers" else {"resource_manager": driver_says(0x172)}
    assert finding(alter(make_evidence(), **given, **changes), "die-register").status is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    ("profile", "chip"),
    [
        ("geforce-gtx-780", 0x0F1),
        ("geforce-gtx-780-ti", 0x0F0),
        ("geforce-gt-710-oem", 0x106),
        ("geforce-gt-710-oem", 0x108),
        ("tesla-k80", 0x0F2),
        ("geforce-rtx-3060-12-gb-ga104", 0x174),
        ("geforce-rtx-4070-ad103", 0x193),
    ],
)
def test_revisions_and_variants_of_a_die_are_honest(profile: str, chip: int) -> None:
    found = finding(alter(rooted(profile), registers=facts(chip_id=chip)), "die-register")
    assert found.status is (Status.INCONCLUSIVE if profile == "tesla-k80" else Status.PASS)


def test_a_scan_without_root_is_worth_as_much() -> None:
    with_root, without = report(measured("geforce-rtx-4090")), report(genuine())
    assert with_root.verdict.authenticity == without.verdict.authenticity == "authentic"
    assert with_root.verdict.coverage == without.verdict.coverage
    assert with_root.verdict.contributions == without.verdict.contributions


def test_every_honest_card_passes_or_is_passed_over() -> None:
    """All SKUs of the catalog, scanned as root on bare metal."""
    for profile in catalog().all_profiles():
        for found in report(rooted(profile.id)).findings:
            assert found.check not in OURS or found.status not in (Status.FAIL, Status.ERROR), (profile.id, found)


def test_every_die_under_every_others_name_is_told() -> None:
    """One SKU a die, under the declaration of one of each other die."""
    of_die = {p.die.name: p.id for p in catalog().all_profiles() if p.device_ids and p.die.chip_id is not None}
    chips = {p.die.name: p.die.chip_id for p in catalog().all_profiles()}
    twins = [{"GK110", "GK110B"}, {"GK208", "GK208B"}]
    for declared, profile in of_die.items():
        evidence = rooted(profile)
        for die in of_die:
            found = finding(alter(evidence, registers=facts(chip_id=chips[die])), "die-register")
            same = die == declared or {die, declared} in twins
            assert found.status is (Status.PASS if same else Status.FAIL), (declared, die, found.message)


def test_a_library_that_states_another_card() -> None:
    evidence = evidence_from(
        {
            "title": "a lying library",
            "silicon": {"profile": "geforce-gtx-1060-6-gb"},
            "declared": {"library": {"profile": "geforce-rtx-3060-12-gb"}},
            "environment": {"root": True},
        },
        DECLARED_ONLY,
    )
    found = finding(evidence, "die-register")
    assert found.status is Status.FAIL
    assert "GP106" in found.message


# Device ids in the fuses


def fused(ids: tuple[int, ...], silicon: str = "geforce-rtx-3080", **given: Any) -> Finding:
    evidence = rooted(silicon)
    held = evidence.registers.model_copy(update={"fused_device_ids": ids, **given})
    return finding(alter(evidence, registers=held), "fused-device-id")


def test_a_fused_id_that_is_another_than_the_bus_shows() -> None:
    evidence = rooted("geforce-rtx-3080", "geforce-rtx-3090")
    found = finding(evidence, "fused-device-id")
    assert (found.status, found.kinds) == (Status.FAIL, (Kind.REMARKED,))
    assert "2204" in found.message
    assert "2206" in found.message
    assert finding(evidence, "die-register").status is Status.PASS, "both are GA102"


def test_it_makes_suspect_and_no_more() -> None:
    evidence = measured("geforce-rtx-3080")
    held = evidence.registers.model_copy(update={"fused_device_ids": (0x2208, 0x2248)})
    assert report(alter(evidence, registers=held)).verdict.authenticity == "suspect"


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        ((0x2206, 0x2246), Status.PASS),
        ((0x21C6, 0x2206), Status.PASS),
        ((0x21C6, 0x0000), Status.PASS),
        ((0x2208, 0x2248), Status.FAIL),
        ((), Status.INCONCLUSIVE),
        ((0x2208,), Status.INCONCLUSIVE),
    ],
)
def test_one_of_the_two_is_enough(ids: tuple[int, ...], status: Status) -> None:
    assert fused(ids).status is status


@pytest.mark.parametrize("locked", [False, None])
def test_an_id_that_software_may_set_accuses_nobody(locked: bool | None) -> None:
    assert fused((0x2208, 0x2248), device_id_locked=locked).status is Status.INCONCLUSIVE


def test_an_a100_whose_board_selects_another_id() -> None:
    """As surveyed: an A100 SXM of 40 GB is 20b0 on the bus, and 20b1 and 20f1 in its fuses."""
    assert fused((0x20B1, 0x20F1), "a100-sxm4-40-gb").status is Status.INCONCLUSIVE


@pytest.mark.parametrize("silicon", ["geforce-rtx-4090", "geforce-rtx-5090", "geforce-rtx-2080-ti", "h100-cnx"])
def test_other_generations_are_passed_over(silicon: str) -> None:
    evidence = rooted(silicon)
    assert finding(evidence, "fused-device-id").status is Status.NOT_APPLICABLE
    assert finding(alter(evidence, registers=NO_ROOT), "fused-device-id").status is Status.NOT_APPLICABLE


def test_a_guest_and_a_lost_card_accuse_nobody() -> None:
    evidence = rooted("geforce-rtx-3080", "geforce-rtx-3090")
    guest = alter(evidence, host=Host(hypervisor="QEMU/KVM"))
    assert finding(guest, "fused-device-id").status is Status.INCONCLUSIVE
    gone = alter(evidence, pci__device_id=0xFFFF)
    assert finding(gone, "fused-device-id").status is Status.INCONCLUSIVE
    assert finding(alter(evidence, registers=NO_ROOT), "fused-device-id").status is Status.INCONCLUSIVE


# How the memory is laid out


def layout_of(evidence: Evidence) -> Finding:
    return finding(evidence, "memory-organisation")


@pytest.mark.parametrize("silicon", ["geforce-rtx-4090", "geforce-rtx-3080", "geforce-rtx-3070", "geforce-rtx-4080"])
def test_chips_on_both_sides_of_a_board_that_never_has_them(silicon: str) -> None:
    found = layout_of(rooted(silicon, clamshell=True))
    assert (found.status, found.kinds, found.confidence) == (Status.FAIL, (Kind.MEMORY_ALTERED,), Confidence.LOW)
    assert "nobody has described" in found.message, "the innocent cause is told"


def test_twice_the_memory_is_surer() -> None:
    found = layout_of(
        evidence_from(
            {
                "title": "an RTX 4090 with 48 GB",
                "silicon": {"profile": "geforce-rtx-4090", "memory_bytes": 48 * GIB},
                "declared": {"memory_bytes": 49140 * MIB},
                "environment": {"root": True},
            },
            DECLARED_ONLY,
        )
    )
    assert (found.status, found.confidence) == (Status.FAIL, Confidence.MEDIUM)
    assert "49,140 MiB (declared)" in found.message


def test_it_alone_makes_nobody_suspect() -> None:
    result = report(measured("geforce-rtx-4090", clamshell=True))
    assert next(f for f in result.findings if f.check == "memory-organisation").status is Status.FAIL
    assert result.verdict.authenticity == "inconclusive"
    assert "speaks against it" in result.verdict.explanation


@pytest.mark.parametrize(
    ("silicon", "clamshell", "status"),
    [
        ("geforce-rtx-3090", True, Status.PASS),
        ("geforce-rtx-3090-ti", False, Status.PASS),
        ("geforce-rtx-4060-ti-16-gb", True, Status.PASS),
        ("rtx-a6000", True, Status.PASS),
        ("geforce-rtx-3060-12-gb", True, Status.PASS),
        ("geforce-rtx-4070", True, Status.INCONCLUSIVE),
        ("geforce-rtx-5090", True, Status.NOT_APPLICABLE),
        ("geforce-rtx-2080-ti", None, Status.NOT_APPLICABLE),
        ("a100-sxm4-80-gb", None, Status.PASS),
        ("geforce-rtx-3050-6-gb", None, Status.INCONCLUSIVE),
    ],
)
def test_boards_that_have_it_so_or_may(silicon: str, clamshell: bool | None, status: Status) -> None:
    found = layout_of(rooted(silicon) if clamshell is None else rooted(silicon, clamshell=clamshell))
    assert found.status is status, found.message


def test_fewer_chips_than_usual_are_left_open() -> None:
    found = layout_of(rooted("geforce-rtx-3090", clamshell=False))
    assert found.status is Status.INCONCLUSIVE
    assert "later revision" in found.message


def test_more_memory_stated_than_the_controllers_hold() -> None:
    evidence = rooted("geforce-rtx-3080", "geforce-rtx-3090")
    found = layout_of(evidence)
    assert found.status is Status.FAIL
    assert "24,576 MiB" in found.message
    assert "10,240 MiB" in found.message


@pytest.mark.parametrize(
    ("total_mib", "partition_mib", "partitions"),
    [(24576, 4096, 6), (24564, 4094, 6), (40960, 2047, 20), (81920, 4095, 20), (23028, 4094, 6), (24268, 4096, 6)],
)
def test_what_drivers_state_of_honest_boards(total_mib: int, partition_mib: int, partitions: int) -> None:
    evidence = rooted("geforce-rtx-3090")
    held = evidence.registers.model_copy(
        update={"partition_bytes": partition_mib * MIB, "memory_partitions": partitions}
    )
    evidence = alter(evidence, registers=held, nvml__memory_total_bytes=total_mib * MIB)
    assert layout_of(evidence).status is Status.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"host": Host(hypervisor="QEMU/KVM")},
        {"registers": NO_ROOT},
        {"registers": facts(chip_id=0x192)},
    ],
)
def test_without_what_it_needs_nothing_follows(changes: dict[str, Any]) -> None:
    evidence = alter(rooted("geforce-rtx-4090", clamshell=True), **changes)
    assert layout_of(evidence).status is Status.INCONCLUSIVE


def test_a_part_of_a_card_has_less_and_is_not_added_up() -> None:
    evidence = rooted("geforce-rtx-3080", "geforce-rtx-3090")
    part = alter(evidence, nvml__virtualization="vGPU")
    assert layout_of(part).status is not Status.FAIL or "memory controllers" not in layout_of(part).message


# Temperatures under load


def hot(**sensors: Any) -> Any:
    return make_telemetry(temperature_celsius=62.0, **sensors)


def under_load(*readings: Any, **sections: Any) -> Finding:
    return finding(make_evidence(load=make_load(during=readings), **sections), "load-condition")


def test_a_die_far_hotter_than_its_edge_is_worn_and_no_fake() -> None:
    evidence = make_evidence(load=make_load(during=(hot(hotspot_celsius=70.0), *[hot(hotspot_celsius=94.0)] * 3)))
    found = finding(evidence, "load-condition")
    assert found.status is Status.FAIL
    assert "32 °C above its edge (declared)" in found.message
    assert "cooler" in found.remedy
    verdict = report(evidence).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", "worn")


@pytest.mark.parametrize(
    "readings",
    [
        [hot(hotspot_celsius=87.0)] * 4,
        [hot(hotspot_celsius=120.0), *[hot(hotspot_celsius=75.0)] * 3],
        [*[hot(hotspot_celsius=94.0)] * 3, hot(hotspot_celsius=80.0)],
        [hot(hotspot_celsius=94.0), hot(), hot()],
        [hot(), hot()],
    ],
)
def test_a_moment_or_a_reading_that_lacks_is_nothing(readings: list[Any]) -> None:
    assert under_load(*readings).status is Status.PASS


CHIPS = (78.0, 80.0, 82.0) * 4


def test_one_memory_chip_far_hotter_than_the_others() -> None:
    found = under_load(*[hot(memory_chips_celsius=(*CHIPS[:-1], 104.0))] * 3)
    assert found.status is Status.FAIL
    assert "24 °C hotter than most" in found.message


@pytest.mark.parametrize(
    "chips",
    [
        CHIPS,
        (*CHIPS[:-1], 94.0),
        (78.0,) * 12 + (100.0,) * 12,
        (78.0, 80.0, 110.0),
        (),
    ],
)
def test_chips_that_are_evenly_hot_or_hot_on_one_side(chips: tuple[float, ...]) -> None:
    assert under_load(*[hot(memory_chips_celsius=chips)] * 3).status is Status.PASS


def test_what_plain_gddr6_answers_is_no_temperature() -> None:
    evidence = rooted("geforce-rtx-3070")
    load = make_load(during=[hot(memory_chips_celsius=(*CHIPS[:-1], 104.0))] * 3)
    assert finding(alter(evidence, load=load), "load-condition").status is Status.PASS


def test_a_laptop_is_built_hot() -> None:
    host = Host(os="Linux", chassis="laptop")
    assert under_load(*[hot(hotspot_celsius=99.0)] * 3, host=host).status is Status.PASS
