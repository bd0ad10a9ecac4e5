"""The fusion of findings: properties that hold whatever the findings are."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.catalog import Catalog
from gpucheck.checks import ALL_CHECKS, Case
from gpucheck.model.base import NOT_REQUESTED, Reason, Unavailable
from gpucheck.model.evidence import MEASURED_SECTIONS
from gpucheck.model.finding import Confidence, Finding, Kind, Severity, Status
from gpucheck.model.match import Match
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.verdict import judge
from gpucheck.verdict.fusion import contribute, coverage
from gpucheck.verdict.weights import BY_CHECK, WEIGHTS
from tests.builders import unavailable
from tests.cards import alter, evidence_from, evidence_of, genuine, report
from tests.cards import finding as judged_finding

ALARMS = {Authenticity.SUSPECT, Authenticity.MODIFIED, Authenticity.COUNTERFEIT}
CATALOG = Catalog()


def case() -> Case:
    return Case(genuine(), Match(), None, CATALOG)


def finding(check_id: str, status: Status) -> Finding:
    check = next(c for c in ALL_CHECKS if c.id == check_id)
    failing = status in (Status.FAIL, Status.ERROR)
    return Finding(
        check=check.id,
        title=check.title,
        about=check.about,
        status=status,
        severity=check.severity if failing else Severity.INFO,
        confidence=Confidence.HIGH,
        message="m",
        kinds=(Kind.REMARKED,) if failing and check.about == "authenticity" else (),
    )


statuses = st.fixed_dictionaries({check.id: st.sampled_from(list(Status)) for check in ALL_CHECKS})


def build(by_check: dict[str, Status]) -> list[Finding]:
    return [finding(check, status) for check, status in by_check.items()]


def all_passed(**changes: Status) -> list[Finding]:
    named = {check.replace("_", "-"): status for check, status in changes.items()}
    return build({check.id: named.get(check.id, Status.PASS) for check in ALL_CHECKS})


@settings(deadline=None)
@given(statuses, st.randoms())
def test_order_never_matters(by_check: dict[str, Status], rng: random.Random) -> None:
    findings = build(by_check)
    shuffled = findings[:]
    rng.shuffle(shuffled)
    assert judge(case(), findings) == judge(case(), shuffled)


@given(statuses, st.sampled_from([c.id for c in ALL_CHECKS]))
def test_turning_a_pass_into_a_fail_never_raises_the_score(by_check: dict[str, Status], chosen: str) -> None:
    passed = sum(c.decibans for c in contribute(build(by_check | {chosen: Status.PASS})))
    failed = sum(c.decibans for c in contribute(build(by_check | {chosen: Status.FAIL})))
    assert failed <= passed


@given(statuses, st.sampled_from([c.id for c in ALL_CHECKS]))
def test_removing_evidence_never_reaches_authentic(by_check: dict[str, Status], removed: str) -> None:
    before = judge(case(), build(by_check)).authenticity
    after = judge(case(), build(by_check | {removed: Status.INCONCLUSIVE})).authenticity
    if (
        before is not Authenticity.AUTHENTIC
        and by_check[removed] is not Status.FAIL
        and by_check[removed] is not Status.ERROR
    ):
        assert after is not Authenticity.AUTHENTIC


@given(statuses)
def test_condition_never_moves_authenticity(by_check: dict[str, Status]) -> None:
    about_condition = {c.id for c in ALL_CHECKS if c.about == "condition"}
    failing = by_check | dict.fromkeys(about_condition, Status.FAIL)
    passing = by_check | dict.fromkeys(about_condition, Status.PASS)
    assert judge(case(), build(failing)).authenticity == judge(case(), build(passing)).authenticity


@given(statuses)
def test_a_crashed_check_forbids_authentic(by_check: dict[str, Status]) -> None:
    for check in ALL_CHECKS[:3]:
        verdict = judge(case(), build(by_check | {check.id: Status.ERROR}))
        assert verdict.authenticity is not Authenticity.AUTHENTIC


@given(statuses)
def test_a_group_counts_once(by_check: dict[str, Status]) -> None:
    groups = [c.group for c in contribute(build(by_check))]
    assert len(groups) == len(set(groups))


def test_everything_passed_is_authentic() -> None:
    verdict = judge(case(), all_passed())
    assert (verdict.authenticity, verdict.condition, verdict.kinds) == (Authenticity.AUTHENTIC, Condition.GOOD, ())
    assert coverage(all_passed()) == 1.0


def test_each_required_check_must_have_run() -> None:
    for weight in WEIGHTS:
        if weight.required:
            verdict = judge(case(), all_passed(**{weight.check.replace("-", "_"): Status.INCONCLUSIVE}))
            assert verdict.authenticity is Authenticity.INCONCLUSIVE, weight.check


def test_each_decisive_failure_is_an_alarm_alone() -> None:
    for weight in WEIGHTS:
        if weight.decisive:
            findings = build({c.id: Status.INCONCLUSIVE for c in ALL_CHECKS} | {weight.check: Status.FAIL})
            assert judge(case(), findings).authenticity.value == weight.settles, weight.check


def test_a_weak_sign_alone_is_no_alarm_and_two_groups_of_them_are_not_drowned() -> None:
    assert judge(case(), all_passed(brand=Status.FAIL)).authenticity not in ALARMS
    weak = all_passed(brand=Status.FAIL, pcie_link=Status.FAIL, memory_bandwidth=Status.FAIL)
    assert judge(case(), weak).authenticity is Authenticity.SUSPECT


def test_forged_capacity_is_not_called_altered_memory() -> None:
    findings = all_passed(memory_size=Status.FAIL, memory_capacity=Status.FAIL)
    kinds = {"memory-size": (Kind.MEMORY_ALTERED,), "memory-capacity": (Kind.CAPACITY_FORGED,)}
    findings = [f.model_copy(update={"kinds": kinds.get(f.check, f.kinds)}) for f in findings]
    verdict = judge(case(), findings)
    assert (verdict.authenticity, verdict.kinds) == (Authenticity.COUNTERFEIT, (Kind.CAPACITY_FORGED,))


def test_an_unlisted_size_that_really_exists_is_a_modification() -> None:
    assert judge(case(), all_passed(memory_size=Status.FAIL)).authenticity is Authenticity.MODIFIED


def test_defective_and_worn_are_told_apart() -> None:
    assert judge(case(), all_passed(memory_faults=Status.FAIL)).condition is Condition.DEFECTIVE
    worn = [
        f.model_copy(update={"severity": Severity.LOW}) if f.check == "memory-health" else f
        for f in all_passed(memory_health=Status.FAIL)
    ]
    assert judge(case(), worn).condition is Condition.WORN


def test_every_check_has_one_weight_with_a_reason() -> None:
    assert set(BY_CHECK) == {c.id for c in ALL_CHECKS}
    assert len(WEIGHTS) == len(BY_CHECK)
    assert all(w.why and w.on_fail <= 0 <= w.on_pass for w in WEIGHTS)


def test_each_failing_check_of_authenticity_moves_the_score_when_it_fails_alone() -> None:
    notes_only = {"module-carrier"}
    for weight in WEIGHTS:
        check = next(c for c in ALL_CHECKS if c.id == weight.check)
        if check.about == "authenticity" and check.id not in notes_only:
            alone = build({c.id: Status.INCONCLUSIVE for c in ALL_CHECKS} | {check.id: Status.FAIL})
            (moved,) = contribute(alone)
            assert (moved.check, moved.decibans < 0) == (check.id, True)


def test_what_speaks_sixteen_to_one_against_a_card_keeps_it_from_being_authentic() -> None:
    assert judge(case(), all_passed(power_limits=Status.FAIL)).authenticity is Authenticity.AUTHENTIC
    assert judge(case(), all_passed(issue_rate=Status.FAIL)).authenticity is Authenticity.INCONCLUSIVE


def test_a_weak_sign_is_not_passed_over_in_the_words_of_a_pass() -> None:
    judged = report(alter(genuine(), nvml__brand="Quadro"))
    assert judged.verdict.authenticity == "authentic"
    assert "nothing that it declares contradicts" not in judged.verdict.explanation
    assert "weighs little against that: The driver calls the brand Quadro" in judged.verdict.explanation
    assert "nothing that it declares contradicts" in report(genuine()).verdict.explanation


def test_what_is_wrong_with_a_card_is_said_with_the_answer() -> None:
    broken = report(evidence_of("rtx-3060-stuck-bit")).verdict.explanation
    assert (
        "It is defective; that is a matter of condition, apart from what the card is. The memory is damaged: " in broken
    )
    lost = report(evidence_of("rtx-3080-off-the-bus")).verdict.explanation
    assert "apart from what the card is. The card does not answer on the bus" in lost
    assert "condition" not in report(genuine()).verdict.explanation


def test_wear_that_a_card_has_dealt_with_is_told_with_the_answer() -> None:
    judged = report(evidence_of("rtx-a6000-worn"))
    assert (judged.verdict.authenticity, judged.verdict.condition) == ("authentic", "worn")
    assert "rows remapped after uncorrectable errors: 1." in judged.verdict.explanation


def test_a_laptop_part_in_a_desktop_is_told_with_the_answer() -> None:
    judged = report(evidence_of("rtx-3070-laptop-in-a-desktop"))
    assert judged.verdict.authenticity == "authentic"
    assert "This is a GeForce RTX 3070 Laptop GPU, a laptop part, in a desktop." in judged.verdict.explanation
    assert "a laptop part" not in report(evidence_of("rtx-4090-laptop")).verdict.explanation


def test_why_nothing_was_measured_is_said_with_what_to_do_about_it() -> None:
    measured = ("cuda", *MEASURED_SECTIONS)
    absent = unavailable(Reason.NOT_INSTALLED, "CuPy is not installed; in gpucheck's own environment: pip install x.")
    told = report(alter(genuine(), **dict.fromkeys(measured, absent))).verdict.explanation
    assert "The measurements did not run: CuPy is not installed; in gpucheck's own environment: pip install x." in told
    unasked = alter(genuine(), **dict.fromkeys(measured, NOT_REQUESTED))
    assert "is unproven. Scan it without --no-probe." in report(unasked).verdict.explanation
    of_file = alter(unasked, nvml=NOT_REQUESTED, nvidia_smi=genuine().nvml)
    assert "is unproven. Scan the card itself (`gpucheck scan`)" in report(of_file).verdict.explanation
    of_table = alter(of_file, nvidia_smi__device_id=None, nvidia_smi__vbios_version=None)
    assert "is unproven. Ask for the output of `nvidia-smi -q -x`, which tells" in report(of_table).verdict.explanation


@pytest.mark.parametrize("stages", [("memory_walk",), ("cuda", *MEASURED_SECTIONS)])
def test_a_stage_that_gave_no_answer_is_to_be_run_again(stages: tuple[str, ...]) -> None:
    silent = unavailable(Reason.TIMED_OUT, "no answer within 2 s")
    told = report(alter(genuine(), **dict.fromkeys(stages, silent))).verdict.explanation
    assert "Scan again; if it stays so, with a longer --timeout." in told


def test_a_rate_that_is_too_high_is_told_once() -> None:
    fast = {
        "title": "fast",
        "silicon": {"profile": "geforce-rtx-3080"},
        "declared": {"profile": "geforce-rtx-3060-8-gb"},
    }
    failed = [f.check for f in report(evidence_from(fast)).findings if f.status is Status.FAIL]
    assert {"memory-speed", "memory-bandwidth"} <= set(failed)
    told = report(evidence_from(fast)).verdict.explanation
    assert "At 7" not in told


def test_names_and_numbers_are_read_aloud_rightly() -> None:
    small = {"title": "small", "silicon": {"profile": "geforce-gts-450"}, "declared": {"profile": "quadro-410"}}
    told = report(evidence_from(small)).verdict.explanation
    assert "Quadro 410 has 1 multiprocessor; on this silicon 4 ran." in told
    foreign = alter(genuine(), nvml__vbios_version="94.02.42.00.B4")
    assert "The card names itself GeForce RTX 4090, an AD102, but" in report(foreign).verdict.explanation


def test_why_nothing_was_measured_is_said_with_the_answer() -> None:
    why = Unavailable(unavailable=Reason.NOT_INSTALLED, detail="there is no driver. Install one")
    unmeasured = dict.fromkeys(("cuda", *MEASURED_SECTIONS), why)
    told = report(alter(genuine(), **unmeasured)).verdict.explanation
    assert "so the silicon is unproven. The measurements did not run: there is no driver. Install one." in told


def test_a_stated_generation_is_not_the_silicons() -> None:
    unmeasured = dict.fromkeys(MEASURED_SECTIONS, NOT_REQUESTED)
    found = judged_finding(alter(genuine(), **unmeasured), "compute-capability")
    assert found.status is Status.INCONCLUSIVE
    assert "declared alone: no machine code ran" in found.message
    assert judged_finding(genuine(), "compute-capability").status is Status.PASS
    other = judged_finding(alter(genuine(), nvml__compute_capability="8.6", **unmeasured), "compute-capability")
    assert other.status is Status.FAIL


def test_a_card_of_which_nothing_was_read_is_not_called_one_without_a_profile() -> None:
    silent = Unavailable(unavailable=Reason.TIMED_OUT, detail="no answer within 120 s")
    told = report(alter(genuine(), nvml=silent, pci=NOT_REQUESTED, driver=NOT_REQUESTED)).verdict
    assert told.authenticity == "inconclusive"
    assert "Nothing that could be read tells which card this is: no answer within 120 s." in told.explanation
    assert "profile" not in told.explanation
