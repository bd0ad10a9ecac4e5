"""Die, board, firmware and memory against each other: each contradiction, and each honest card that looks like one."""

from typing import Any

import pytest

from gpucheck.model.base import NOT_REQUESTED, Reason, Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Finding, Kind, Severity, Status
from gpucheck.model.profile import Profile
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.units import GIB, MIB
from gpucheck.model.vbios import MemoryChoice, PowerLimits, VbiosFacts
from gpucheck.pipeline import Plan, acquaint
from tests.builders import make_vbios
from tests.cards import alter, catalog, evidence_from, finding, report
from tests.cards import evidence_of as collected

A6000_BOARD = {
    "nvml__inforom_image_version": "G133.0500.00.05",
    "nvml__board_part_number": "900-5G133-1700-000",
}
VERSION_4090 = "95.02.3C.40.0D"


def evidence_of(scenario: str) -> Evidence:
    """A scan in which the resource manager, which knows much of this as well, was not asked."""
    return alter(collected(scenario), resource_manager=NOT_REQUESTED)


def genuine() -> Evidence:
    return evidence_of("rtx-4090")


def rom(**facts: Any) -> VbiosFacts:
    return make_vbios(**facts)


def with_rom(evidence: Evidence, **facts: Any) -> Evidence:
    """Put a ROM of the running version onto a card."""
    declared = evidence.declared
    assert declared is not None
    version = {"version": declared.vbios_version, "version_internal": declared.vbios_version}
    return alter(evidence, vbios=rom(**{"device_id": declared.device_id, **version, **facts}))


def manager(**facts: Any) -> ResourceManagerFacts:
    return ResourceManagerFacts(source="ioctl", **facts)


def choices(*densities: float, kind: str = "GDDR6X") -> tuple[MemoryChoice, ...]:
    return tuple(MemoryChoice(strap=n, type=kind, vendor="Micron", density_gbit=d) for n, d in enumerate(densities))


class TestChipSku:
    @pytest.mark.parametrize(
        ("scenario", "sku", "status"),
        [
            ("rtx-4090", "301", Status.PASS),
            ("rtx-4090", "875", Status.FAIL),
            ("rtx-4090", "735", Status.FAIL),
            ("rtx-4090", "975", Status.INCONCLUSIVE),
            ("rtx-4090", "550", Status.INCONCLUSIVE),
            ("rtx-a6000", "875", Status.PASS),
            ("rtx-a6000", "300", Status.FAIL),
            ("a100-80gb", "884", Status.PASS),
            ("rtx-4090-laptop", "775", Status.PASS),
            ("rtx-4090-laptop", "301", Status.FAIL),
        ],
    )
    def test_the_first_digit_goes_with_the_class(self, scenario: str, sku: str, status: Status) -> None:
        evidence = alter(with_rom(evidence_of(scenario), chip_sku=sku), nvml__gpu_part_number=None)
        assert finding(evidence, "chip-sku").status is status

    def test_a_saved_rom_of_another_card_says_nothing(self) -> None:
        evidence = alter(genuine(), vbios=rom(source="file", chip_sku="875", version="95.02.18.80.01"))
        assert finding(evidence, "chip-sku").status is Status.PASS

    def test_the_part_number_alone_suffices(self) -> None:
        found = finding(alter(genuine(), nvml__gpu_part_number="2684-875-A1"), "chip-sku")
        assert (found.status, found.kinds) == (Status.FAIL, (Kind.TRANSPLANTED, Kind.FIRMWARE_ALTERED))
        assert "875" in found.message

    @pytest.mark.parametrize("part", ["900-5G133-1700-000", "N/A", "2684-30X-A1", ""])
    def test_other_forms_are_passed_over(self, part: str) -> None:
        assert finding(alter(genuine(), nvml__gpu_part_number=part), "chip-sku").status is Status.INCONCLUSIVE


class TestBoardProject:
    def test_a_geforce_die_on_a_professional_board(self) -> None:
        found = finding(alter(genuine(), **A6000_BOARD), "board-project")
        assert (found.status, found.kinds) == (Status.FAIL, (Kind.TRANSPLANTED,))
        assert "G133.0500.00.05" in found.message
        assert "900-5G133-1700-000" in found.message

    @pytest.mark.parametrize("field", A6000_BOARD)
    def test_one_of_the_two_is_enough_to_be_suspect(self, field: str) -> None:
        judged = report(alter(genuine(), **{field: A6000_BOARD[field]}))
        assert judged.verdict.authenticity == "suspect"
        assert judged.verdict.kinds == (Kind.TRANSPLANTED,)

    @pytest.mark.parametrize(
        "facts",
        [
            {"nvml__inforom_image_version": "G002.0000.00.03"},
            {"nvml__inforom_image_version": "G005.0000.98.01"},
            {"nvml__inforom_image_version": "G001.0000.94.01"},
            {"nvml__inforom_image_version": "G001.0000.03.03", "nvml__board_part_number": "900-1G136-2530-000"},
            {"nvml__inforom_image_version": "BU01.0000.00.14"},
            {"nvml__inforom_image_version": None, "nvml__board_part_number": "000-00000-0000-000"},
            {"nvml__inforom_image_version": None, "nvml__board_part_number": None},
        ],
    )
    def test_what_geforce_boards_carry(self, facts: dict[str, Any]) -> None:
        assert finding(alter(genuine(), **facts), "board-project").status in (Status.PASS, Status.INCONCLUSIVE)

    @pytest.mark.parametrize("number", range(10))
    def test_common_images_of_generations_to_come(self, number: int) -> None:
        judged = report(alter(genuine(), nvml__inforom_image_version=f"G00{number}.0000.98.01"))
        assert judged.verdict.authenticity == "authentic"

    def test_another_partners_firmware_on_a_geforce_is_its_owners_choice(self) -> None:
        evidence = alter(with_rom(genuine(), project="G139"), nvml__board_part_number="900-1G136-2530-000")
        assert finding(evidence, "board-project").status is Status.PASS

    @pytest.mark.parametrize(
        ("facts", "status", "words"),
        [
            ({}, Status.PASS, "the same in 2 places"),
            ({"nvml__board_part_number": "900-5G139-2250-000"}, Status.INCONCLUSIVE, "several projects"),
            ({"nvml__board_part_number": None}, Status.INCONCLUSIVE, "in one place alone"),
        ],
    )
    def test_a_project_that_is_told_once_or_in_two_ways_is_not_called_fitting(
        self, facts: dict[str, Any], status: Status, words: str
    ) -> None:
        board = {"nvml__inforom_image_version": "G133.0500.00.05", "nvml__board_part_number": "900-5G133-1700-000"}
        found = finding(alter(evidence_of("rtx-a6000"), **board | facts), "board-project")
        assert (found.status, words in found.message) == (status, True), found.message

    def test_foreign_firmware_on_a_professional_board(self) -> None:
        found = finding(with_rom(evidence_of("rtx-a6000"), project="G132"), "board-project")
        assert found.status is Status.FAIL
        assert "G132" in found.message
        assert "G133" in found.message

    def test_the_board_object_of_the_resource_manager_counts_as_well(self) -> None:
        told = manager(factory_part_number="900-5G133-1700-000")
        assert finding(alter(genuine(), resource_manager=told), "board-project").status is Status.FAIL

    @pytest.mark.parametrize(
        "scenario", ["rtx-4090-laptop", "rtx-a6000", "a100-80gb", "h100-80gb", "l40s", "gtx-1060-6gb"]
    )
    def test_honest_cards(self, scenario: str) -> None:
        assert finding(evidence_of(scenario), "board-project").status is not Status.FAIL


class TestMemoryStraps:
    @pytest.mark.parametrize(
        ("scenario", "densities", "status", "both_sides"),
        [
            ("rtx-4090", (16.0,), Status.PASS, False),
            ("rtx-4090-48gb", (16.0,), Status.FAIL, True),
            ("rtx-4090-48gb", (8.0,), Status.FAIL, False),
            ("rtx-3080-20gb", (16.0,), Status.FAIL, False),
            ("rtx-3090", (8.0,), Status.PASS, False),
            ("rtx-3090", (16.0,), Status.PASS, False),
            ("rtx-3090", (4.0,), Status.FAIL, False),
            ("rtx-4090", (8.0, 16.0), Status.INCONCLUSIVE, False),
        ],
    )
    def test_chips_times_density(
        self, scenario: str, densities: tuple[float, ...], status: Status, both_sides: bool
    ) -> None:
        found = finding(with_rom(evidence_of(scenario), memory=choices(*densities)), "memory-straps")
        assert found.status is status, found.message
        assert (Kind.TRANSPLANTED in found.kinds) is both_sides

    def test_the_strap_picks_the_entry(self) -> None:
        evidence = with_rom(evidence_of("rtx-4090-48gb"), memory=choices(8.0, 16.0))
        for section in (
            {"registers": RegisterFacts(source="sysfs", memory_strap=1)},
            {"resource_manager": manager(memory_strap=1)},
        ):
            found = finding(alter(evidence, **section), "memory-straps")
            assert found.status is Status.FAIL
            assert "24 chips of 2.00 GiB, on both sides of the board" in found.message
            assert "sold with 12" in found.message

    def test_a_strap_without_an_entry_of_known_density_says_nothing(self) -> None:
        evidence = with_rom(genuine(), memory=choices(8.0, 16.0))
        evidence = alter(evidence, registers=RegisterFacts(source="sysfs", memory_strap=7))
        assert finding(evidence, "memory-straps").status is Status.INCONCLUSIVE

    @pytest.mark.parametrize("strap", [None, 1])
    def test_chips_of_a_density_that_nobody_wrote_down_are_not_taken_for_the_others(self, strap: int | None) -> None:
        """As where firmware lists chips of 24 gigabits, whose code is on no record, beside those of 16."""
        unknown = MemoryChoice(strap=1, type="GDDR6X", vendor="Micron")
        evidence = with_rom(evidence_of("rtx-4090-48gb"), memory=(*choices(8.0), unknown))
        assert evidence.nvml.memory_total_bytes == 49140 * MIB  # type: ignore[union-attr]
        board = RegisterFacts(source="sysfs", memory_strap=strap)
        found = finding(alter(evidence, registers=board), "memory-straps")
        assert (found.status, "not known" in found.message or "no entry" in found.message) == (
            Status.INCONCLUSIVE, True
        ), found.message  # fmt: skip

    @pytest.mark.parametrize("kind", ["DDR3", "DDR2"])
    def test_chips_that_are_no_graphics_memory_cannot_be_counted_by_the_bus(self, kind: str) -> None:
        """A GT 730 with 4 GB on 64 bits has eight chips of 512 MiB, sixteen bits each, two on each line."""
        evidence = alter(genuine(), nvml__memory_bus_width_bits=64, nvml__memory_total_bytes=4096 * MIB)
        found = finding(with_rom(evidence, memory=choices(4.0, kind=kind)), "memory-straps")
        assert found.status is Status.NOT_APPLICABLE, found.message

    def test_a_slice_has_a_part_of_the_memory_and_all_of_the_straps(self) -> None:
        slice_ = alter(with_rom(genuine(), memory=choices(16.0)), nvml__mig_enabled=True)
        assert finding(slice_, "memory-straps").status is Status.NOT_APPLICABLE

    def test_forged_memory_is_counted_as_far_as_it_exists(self) -> None:
        forged = with_rom(evidence_of("rtx-4090-48gb-forged"), memory=choices(16.0))
        assert finding(forged, "memory-straps").status is Status.PASS

    @pytest.mark.parametrize("scenario", ["a100-80gb", "h200"])
    def test_stacked_memory_has_no_chips_to_count(self, scenario: str) -> None:
        evidence = with_rom(evidence_of(scenario), memory=choices(16.0, kind="HBM2"))
        assert finding(evidence, "memory-straps").status is Status.NOT_APPLICABLE


class TestPowerLimits:
    @pytest.mark.parametrize(
        ("watts", "status"),
        [(450.0, Status.PASS), (600.0, Status.PASS), (300.0, Status.PASS), (150.0, Status.FAIL), (800.0, Status.FAIL)],
    )
    def test_far_outside_alone_counts(self, watts: float, status: Status) -> None:
        evidence = alter(genuine(), nvml__power_default_watts=watts)
        assert finding(evidence, "power-limits").status is status
        assert report(evidence).verdict.authenticity == "authentic"

    def test_a_table_that_the_driver_does_not_follow(self) -> None:
        limits = PowerLimits(min_watts=150, default_watts=350, max_watts=500)
        found = finding(with_rom(genuine(), power=limits), "power-limits")
        assert (found.status, found.kinds) == (Status.FAIL, (Kind.FIRMWARE_ALTERED,))
        assert "350 W by the firmware" in found.message

    def test_another_cards_table_says_nothing(self) -> None:
        limits = PowerLimits(min_watts=150, default_watts=350, max_watts=500)
        other = rom(source="file", version="95.02.18.80.01", power=limits)
        assert finding(alter(genuine(), vbios=other), "power-limits").status is Status.PASS

    @pytest.mark.parametrize("scenario", ["rtx-4090-laptop", "a100-80gb", "cmp-170hx-64gb"])
    def test_whose_limits_are_their_makers(self, scenario: str) -> None:
        assert finding(evidence_of(scenario), "power-limits").status is Status.NOT_APPLICABLE


def clones(**second: Any) -> tuple[Evidence, ...]:
    one = genuine()
    other = alter(one, label="0000:02:00.0", nvml__bdf="0000:02:00.0", **second)
    return acquaint((one, other))


class TestIdentityUnique:
    @pytest.mark.parametrize("second", [{}, {"nvml__pdi": None}, {"nvml__uuid": "GPU-1", "driver__uuid": "GPU-1"}])
    def test_two_cards_with_one_identity_are_both_suspect(self, second: dict[str, Any]) -> None:
        for one in clones(**second):
            judged = report(one)
            assert judged.verdict.authenticity == "suspect"
            assert judged.verdict.kinds == (Kind.IDENTITY_CLONED,)

    @pytest.mark.parametrize(
        "identity", [{"nvml__uuid": "GPU-00000000-0000-0000-0000-000000000000"}, {"nvml__uuid": None}]
    )
    def test_what_says_nothing_is_no_identity(self, identity: dict[str, Any]) -> None:
        one = alter(genuine(), nvml__pdi="0x0000000000000000", **identity)
        other = alter(one, nvml__bdf="0000:02:00.0")
        assert all(not each.twins for each in acquaint((one, other)))

    def test_identities_that_were_made_up_for_a_text_are_none_but_a_drivers_answer_is_one(self) -> None:
        hidden = "GPU-00000002-0000-0000-0000-000000000002"
        live = clones(nvml__uuid=hidden, nvml__pdi="0x0000000000000003")[1]
        live = alter(live, driver__uuid=hidden)
        text = live.model_copy(update={"nvml": NOT_REQUESTED, "nvidia_smi": live.nvml})
        for one, twins in ((live, True), (text, False)):
            other = alter(one, label="0000:03:00.0", **{f"{'nvml' if twins else 'nvidia_smi'}__bdf": "0000:03:00.0"})
            assert all(bool(each.twins) == twins for each in acquaint((one, other)))

    def test_the_same_card_twice_is_one_card(self) -> None:
        assert all(not each.twins for each in acquaint((genuine(), genuine())))

    def test_modules_that_share_a_serial_number_are_honest(self) -> None:
        one, other = clones(nvml__uuid="GPU-1", driver__uuid="GPU-1", nvml__pdi="0x12")
        assert report(alter(one, nvml__serial="165"), None).verdict.authenticity == "authentic"
        assert report(alter(other, nvml__serial="165"), None).verdict.authenticity == "authentic"

    def test_one_card_alone_has_nothing_to_be_compared_with(self) -> None:
        assert finding(genuine(), "identity-unique").status is Status.NOT_APPLICABLE


ERRORS: dict[str, Any] = {"pci__aer_correctable": {"BadTLP": 5000, "RxErr": 20}}


class TestWear:
    @pytest.mark.parametrize(
        ("facts", "status", "severity"),
        [
            ({}, Status.PASS, Severity.INFO),
            ({"pci__aer_correctable": {"BadTLP": 12}}, Status.PASS, Severity.INFO),
            ({"pci__aer_correctable": {"NonFatalErr": 1 << 20}}, Status.PASS, Severity.INFO),
            (ERRORS, Status.PASS, Severity.LOW),
            ({"pci__aer_correctable": {"BadDLLP": 50_000}}, Status.FAIL, Severity.MEDIUM),
            ({"pci__aer_nonfatal": {"UnsupReq": 400}}, Status.PASS, Severity.INFO),
            ({"pci__aer_fatal": {"DLP": 1}}, Status.FAIL, Severity.MEDIUM),
            ({"pci__lane_errors": (3,)}, Status.PASS, Severity.LOW),
            ({"pci__lane_errors": tuple(range(16))}, Status.PASS, Severity.INFO),
            ({"pci__lane_errors": (*range(5), *range(6, 16))}, Status.PASS, Severity.INFO),
            ({"nvml__pcie_replay_count": 9}, Status.PASS, Severity.INFO),
            ({"nvml__pcie_replay_count": 99_999}, Status.FAIL, Severity.MEDIUM),
            ({"nvml__pcie_errors": {"bad_tlp": 7, "naks_sent": 1 << 30}}, Status.PASS, Severity.INFO),
            ({"nvml__pcie_errors": {"lane_error": 3000}}, Status.PASS, Severity.LOW),
            ({"nvml__pcie_errors": {"lcrc_error": 30_000}}, Status.FAIL, Severity.MEDIUM),
        ],
    )
    def test_errors_of_the_link(self, facts: dict[str, Any], status: Status, severity: Severity) -> None:
        evidence = alter(genuine(), **facts)
        found = finding(evidence, "bus-errors")
        assert (found.status, found.severity) == (status, severity)
        assert report(evidence).verdict.authenticity == "authentic"

    def test_a_quiet_link_that_carried_nothing_is_no_good_condition(self) -> None:
        assert finding(alter(genuine(), host_link=NOT_REQUESTED), "bus-errors").status is Status.NOT_APPLICABLE

    @pytest.mark.parametrize(
        ("failed", "status"), [(True, Status.FAIL), (False, Status.PASS), (None, Status.INCONCLUSIVE)]
    )
    def test_training(self, failed: bool | None, status: Status) -> None:
        evidence = alter(genuine(), resource_manager=manager(calibration_failed=failed))
        assert finding(evidence, "memory-training").status is status
        assert report(evidence).verdict.authenticity == "authentic"


class TestReworkSigns:
    def test_errors_alone_say_nothing_of_where_a_die_comes_from(self) -> None:
        assert finding(alter(genuine(), **ERRORS), "rework-signs").status is Status.NOT_APPLICABLE

    def test_beside_a_contradiction_they_count_a_little(self) -> None:
        clean, dirty = (report(alter(genuine(), **A6000_BOARD, **facts)) for facts in ({}, ERRORS))
        moved = {c.check: c.decibans for c in dirty.verdict.contributions}
        assert moved["rework-signs"] == -6
        assert "rework-signs" not in {c.check for c in clean.verdict.contributions}
        assert clean.verdict.authenticity == dirty.verdict.authenticity == "suspect"

    def test_no_source_no_answer(self) -> None:
        bare = alter(genuine(), pci=NOT_REQUESTED, nvml=NOT_REQUESTED)
        assert finding(bare, "rework-signs").status is Status.INCONCLUSIVE


def scenario_finding(scenario: str, check: str) -> Finding:
    return finding(collected(scenario), check)


class TestScenarios:
    @pytest.mark.parametrize(
        ("scenario", "authenticity", "kinds"),
        [
            (
                "rtx-3090-die-on-a6000-board",
                "modified",
                {Kind.MEMORY_ALTERED, Kind.TRANSPLANTED, Kind.FIRMWARE_ALTERED},
            ),
            ("rtx-4090-on-rebuilt-blower-board", "modified", {Kind.MEMORY_ALTERED, Kind.TRANSPLANTED}),
            ("rtx-3080-20gb-with-matching-firmware", "modified", {Kind.MEMORY_ALTERED}),
            ("a100-sxm-on-adapter", "authentic", set()),
            ("cross-flashed-partner-bios", "authentic", set()),
        ],
    )
    def test_what_a_fair_expert_would_say(self, scenario: str, authenticity: str, kinds: set[Kind]) -> None:
        verdict = report(collected(scenario)).verdict
        assert verdict.authenticity == authenticity
        assert set(verdict.kinds) == kinds

    def test_matching_firmware_says_how_far_software_can_see(self) -> None:
        verdict = report(evidence_of("rtx-3080-20gb-with-matching-firmware")).verdict
        assert "no software can see" in verdict.explanation
        torn = report(evidence_of("rtx-4090-on-rebuilt-blower-board")).verdict
        assert "no software can see" not in torn.explanation

    def test_a_module_on_an_adapter_is_noted(self) -> None:
        found = scenario_finding("a100-sxm-on-adapter", "module-carrier")
        assert (found.status, found.severity) == (Status.PASS, Severity.LOW)
        assert scenario_finding("a100-80gb", "module-carrier").severity is Severity.INFO

    def test_a_die_of_the_same_memory_on_a_foreign_board_is_found_as_well(self) -> None:
        """A 24 GB die on a 24 GB board of another class: only the board's and the firmware's own data tell."""
        document = {
            "title": "RTX 3090 Ti die on an RTX A5000's board",
            "silicon": {"profile": "geforce-rtx-3090-ti"},
            "declared": {
                "gpu_part_number": "2203-875-A1",
                "board_part_number": "900-5G132-1700-000",
                "inforom_image_version": "G132.0500.00.04",
                "vbios": {"chip_sku": "875", "project": "G132"},
            },
        }
        verdict = report(evidence_from(document)).verdict
        assert verdict.authenticity == "modified"
        assert Kind.TRANSPLANTED in verdict.kinds


class TestRootFacts:
    def test_the_report_says_what_root_would_add(self) -> None:
        denied = Unavailable(unavailable=Reason.NO_PERMISSION, detail="needs root")
        evidence = alter(genuine(), registers=denied)
        told = report(evidence).verdict.explanation
        for fact in ("the VBIOS ROM itself", "the die's own registers", "the whole PCI configuration space"):
            assert fact in told

    def test_nothing_is_promised_that_root_would_not_give(self) -> None:
        windows = evidence_of("rtx-4090-windows")
        assert "As root" not in report(windows).verdict.explanation


@pytest.mark.parametrize("profile", list(catalog().all_profiles()), ids=lambda profile: profile.id)
def test_no_honest_card_with_its_own_rom_contradicts_itself(profile: Profile) -> None:
    document = {"title": profile.id, "silicon": {"profile": profile.id}, "declared": {"vbios": {}}}
    judged = report(evidence_from(document, Plan(probe=False)))
    assert [f.message for f in judged.findings if f.status in (Status.FAIL, Status.ERROR)] == []


def test_memory_that_neither_side_of_the_board_explains() -> None:
    evidence = with_rom(genuine(), memory=choices(16.0))
    found = finding(alter(evidence, nvml__memory_total_bytes=36 * GIB - 100 * MIB), "memory-straps")
    assert found.status is Status.FAIL
    assert "12 or 24" in found.message


def test_weak_signs_that_leave_a_card_open_together_are_told() -> None:
    evidence = alter(genuine(), nvml__brand="Quadro", nvml__power_default_watts=60.0)
    verdict = report(evidence).verdict
    assert verdict.authenticity == "inconclusive"
    assert "Nothing contradicts" not in verdict.explanation
    assert "Quadro" in verdict.explanation
    assert "60 W" in verdict.explanation


def test_thousands_of_cards_in_one_text_are_compared_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked for its identity a few times, however many there are."""
    one, asked = genuine(), 0
    many = [alter(one, nvml__bdf=f"{n:04x}:01:00.0", nvml__uuid=f"GPU-{n:08d}", nvml__pdi=None) for n in range(300)]
    read = Evidence.declared.fget  # type: ignore[attr-defined]

    def counted(evidence: Evidence) -> Any:
        nonlocal asked
        asked += 1
        return read(evidence)

    monkeypatch.setattr(Evidence, "declared", property(counted))
    assert all(not each.twins for each in acquaint(many))
    assert asked < 20 * len(many)
