"""Checks of arithmetic rates, tensor tier and numeric fingerprint: what fails, what passes, what only looks bad."""

from functools import cache
from typing import Any

import pytest

from gpucheck.checks import Case
from gpucheck.checks.arithmetic_rates import arithmetic_rates
from gpucheck.checks.numeric_fingerprint import numeric_fingerprint
from gpucheck.checks.tensor_tier import tensor_tier
from gpucheck.model.base import NOT_REQUESTED, Reason
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Finding, Kind, Status
from gpucheck.model.match import Match
from gpucheck.model.measured import Fingerprint, Throughput
from gpucheck.model.profile import Profile
from gpucheck.probes import fingerprint, throughput
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import Scenario, SimulatedCard
from tests.builders import make_fingerprint, make_throughput, unavailable
from tests.cards import alter, catalog, evidence_from, evidence_of, finding, genuine, report

RTX_4090, RTX_3090, A6000, ADA_6000 = "geforce-rtx-4090", "geforce-rtx-3090", "rtx-a6000", "rtx-6000-ada-generation"


@cache
def did(profile: str, **silicon: Any) -> Evidence:
    """What the silicon of a SKU does under the two probes alone; everything else is an RTX 4090's."""
    own = catalog().by_id(profile)
    scenario = Scenario.model_validate({"title": "mine", "silicon": {"profile": profile, "noise": 0.01, **silicon}})
    device = SimulatedCard(scenario, "mine", own, own).open_device()
    options = ProbeOptions(quick=True)
    found = {"throughput": throughput.probe(device, options), "fingerprint": fingerprint.probe(device, options)}
    device.close()
    return genuine().model_copy(update=found)


def case(declared: str | Profile, evidence: Evidence) -> Case:
    profile = catalog().by_id(declared) if isinstance(declared, str) else declared
    return Case(evidence, Match(profile=profile, candidates=(profile,)), None, catalog())


def rates(**changes: float | None) -> Throughput:
    return make_throughput(rates=changes)


def tier(declared: str | Profile, evidence: Evidence) -> Finding:
    return tensor_tier(case(declared, evidence))


def with_rates(**changes: Any) -> Evidence:
    return alter(genuine(), throughput=make_throughput(**changes))


# every honest card


@pytest.mark.parametrize("profile", [p.id for n, p in enumerate(catalog().all_profiles()) if n % 9 == 0])
def test_honest_silicon_passes(profile: str) -> None:
    evidence = did(profile)
    assert arithmetic_rates(case(profile, evidence)).status is Status.PASS
    assert tier(profile, evidence).status is Status.PASS
    found = numeric_fingerprint(case(profile, evidence))
    assert found.status is (
        Status.NOT_APPLICABLE if catalog().by_id(profile).tensor_fp32_accumulate == "none" else Status.PASS
    )


def test_silicon_of_which_nothing_is_published_is_open_and_costs_nothing() -> None:
    honest = evidence_from({"title": "mine", "silicon": {"profile": "b300"}})
    assert finding(honest, "numeric-fingerprint").status is Status.INCONCLUSIVE
    verdict = report(honest).verdict
    assert verdict.authenticity == "authentic"
    assert verdict.coverage == report(alter(honest, fingerprint=make_fingerprint())).verdict.coverage


# tensor tier


@pytest.mark.parametrize(("declared", "silicon"), [(A6000, "half"), (ADA_6000, "half"), ("quadro-rtx-6000", "half")])
def test_a_geforce_die_under_a_professional_name(declared: str, silicon: str) -> None:
    card = {"title": "fused", "silicon": {"profile": declared, "tensor_fp32_accumulate": silicon}}
    result = report(evidence_from(card))
    found = next(f for f in result.findings if f.check == "tensor-tier")
    assert found.status is Status.FAIL
    assert found.kinds == (Kind.REMARKED,)
    assert "fused for GeForce" in found.message
    assert "0.50" in found.observed
    assert result.verdict.authenticity == "suspect"
    assert result.verdict.kinds == (Kind.REMARKED,)


@pytest.mark.parametrize("declared", [RTX_3090, RTX_4090, "geforce-rtx-2080-ti"])
def test_a_professional_die_under_a_geforce_name(declared: str) -> None:
    found = tier(declared, did(declared, tensor_fp32_accumulate="full"))
    assert found.status is Status.FAIL
    assert "professional cards" in found.message


@pytest.mark.parametrize("declared", ["a10g", "l40", "geforce-rtx-5090", "rtx-pro-6000-blackwell"])
@pytest.mark.parametrize("silicon", ["full", "half"])
def test_where_only_a_rule_speaks_a_doubt_stays_a_doubt(declared: str, silicon: str) -> None:
    own = catalog().by_id(declared).tensor_fp32_accumulate
    found = tier(declared, did(declared, tensor_fp32_accumulate=silicon))
    assert found.status is (Status.PASS if silicon == own else Status.INCONCLUSIVE)


@pytest.mark.parametrize("declared", [RTX_4090, "a100-pcie-40-gb", "tesla-v100-sxm2-16-gb", "geforce-rtx-2060"])
def test_a_mining_die_under_any_other_name(declared: str) -> None:
    locked = did(declared, tensor_fp32_accumulate="capped")
    assert tier(declared, locked).status is Status.FAIL
    found = arithmetic_rates(case(declared, locked))
    assert found.status is Status.FAIL
    assert "lock of mining cards" in found.message


@pytest.mark.parametrize("silicon", ["geforce-gtx-1660", "cmp-30hx"])
def test_a_die_without_tensor_cores_has_none_and_may_not_pose_as_one_that_has(silicon: str) -> None:
    assert tier(silicon, did(silicon)).status is Status.PASS
    assert tier("geforce-rtx-2060", did(silicon)).status is Status.FAIL
    assert tier("geforce-gtx-1660", did("geforce-rtx-2060")).status is Status.FAIL


@pytest.mark.parametrize("declared", ["geforce-gtx-1660", "geforce-gtx-1060-6-gb"])
def test_no_matrix_instruction_at_all_is_what_a_card_without_tensor_cores_shows(declared: str) -> None:
    bare = rates(tensor_fp16_fp16=None, tensor_fp16_fp32=None, tensor_bf16_fp32=None, tensor_tf32_fp32=None)
    evidence = alter(genuine(), throughput=bare)
    assert tier(declared, evidence).status is Status.PASS
    assert tier(RTX_4090, evidence).status is Status.FAIL
    assert "before tensor cores" in tier(RTX_4090, evidence).message


def test_an_unlocked_mining_card_is_open() -> None:
    unlocked = did("cmp-170hx-8-gb", tensor_fp32_accumulate="full")
    assert tier("cmp-170hx-8-gb", unlocked).status is Status.INCONCLUSIVE
    assert arithmetic_rates(case("cmp-170hx-8-gb", unlocked)).status is Status.PASS


@pytest.mark.parametrize(
    ("ratio", "status"),
    [
        (0.5, Status.PASS),
        (0.58, Status.PASS),
        (0.41, Status.PASS),
        (0.7, Status.INCONCLUSIVE),
        (0.3, Status.INCONCLUSIVE),
        (0.95, Status.FAIL),
    ],
)
def test_bands_of_a_geforce(ratio: float, status: Status) -> None:
    evidence = with_rates(rates={"tensor_fp16_fp32": 1024.0 * ratio})
    assert tier(RTX_4090, evidence).status is status


def test_halved_rates_of_export_cards_are_no_lock() -> None:
    """Some cards are held to a quarter or half of the silicon's rate, both sums alike: H20, L20."""
    quarter = with_rates(rates={"tensor_fp16_fp16": 1036.0, "tensor_fp16_fp32": 1036.0})
    assert tier("h20", quarter).status is Status.PASS
    half = with_rates(rates={"tensor_fp16_fp16": 512.0, "tensor_fp16_fp32": 512.0})
    assert tier("l20", half).status is Status.PASS


def test_an_unknown_tier_is_open() -> None:
    unknown = catalog().by_id(RTX_4090).model_copy(update={"tensor_fp32_accumulate": None})
    assert tier(unknown, genuine()).status is Status.INCONCLUSIVE


def test_candidates_may_show_what_any_of_them_is() -> None:
    both = tuple(catalog().by_id(i) for i in (RTX_4090, ADA_6000))
    for ratio in (0.5, 1.0):
        evidence = with_rates(rates={"tensor_fp16_fp32": 1024.0 * ratio})
        found = tensor_tier(Case(evidence, Match(candidates=both), None, catalog()))
        assert found.status is Status.PASS


def test_wavering_rates_fail_nobody() -> None:
    evidence = with_rates(rates={"tensor_fp16_fp32": 1000.0, "fp64": 128.0}, spread=0.4)
    assert tier(RTX_4090, evidence).status is Status.INCONCLUSIVE
    assert arithmetic_rates(case(RTX_4090, evidence)).status is Status.INCONCLUSIVE


# arithmetic rates


@pytest.mark.parametrize(
    ("declared", "divisor", "status"),
    [
        (RTX_4090, 64, Status.PASS),
        (RTX_4090, 37, Status.PASS),
        (RTX_4090, 110, Status.PASS),
        (RTX_4090, 2, Status.FAIL),
        (RTX_4090, 31, Status.FAIL),
        (RTX_4090, 140, Status.FAIL),
        ("h100-sxm5-80-gb", 2, Status.PASS),
        ("h100-sxm5-80-gb", 64, Status.FAIL),
        ("h20", 44, Status.PASS),
        ("h800-sxm5", 64, Status.PASS),
        ("geforce-gtx-titan-black", 3, Status.PASS),
        ("geforce-gtx-titan-black", 24, Status.PASS),
        ("cmp-100hx-210", 32, Status.PASS),
    ],
)
def test_double_precision(declared: str, divisor: float, status: Status) -> None:
    found = arithmetic_rates(case(declared, alter(genuine(), throughput=rates(fp32=128.0, fp64=128.0 / divisor))))
    shared = found.status is Status.INCONCLUSIVE and "slower" in found.message
    assert found.status is status or (status is Status.PASS and shared)
    if status is Status.FAIL:
        assert f"1:{divisor:.1f}" in found.message
        assert found.kinds == (Kind.REMARKED,)


@pytest.mark.parametrize(
    ("fp32", "status"),
    [(256.0, Status.PASS), (170.0, Status.PASS), (130.0, Status.INCONCLUSIVE), (345.0, Status.FAIL)],
)
def test_single_precision_against_the_generation(fp32: float, status: Status) -> None:
    evidence = alter(genuine(), throughput=rates(fp32=fp32, fp32_mul_add=fp32 / 2, fp64=fp32 / 64))
    assert arithmetic_rates(case(RTX_4090, evidence)).status is status


def test_a_locked_card_is_what_a_mining_card_is_and_nothing_else() -> None:
    locked = alter(genuine(), throughput=rates(fp32=8.0, fp64=0.125))
    assert arithmetic_rates(case("cmp-90hx", locked)).status is Status.PASS
    assert arithmetic_rates(case(RTX_3090, locked)).status is Status.FAIL


def test_unknown_facts_contradict_nothing() -> None:
    known = catalog().by_id(RTX_4090)
    bare = known.model_copy(update={"fp64_ratio": None, "capability": None})
    evidence = alter(genuine(), throughput=rates(fp64=128.0))
    assert arithmetic_rates(case(bare, evidence)).status is Status.PASS


def test_without_fp32_there_is_nothing_to_hold_against() -> None:
    assert finding(alter(genuine(), throughput=rates(fp32=None)), "arithmetic-rates").status is Status.INCONCLUSIVE


# numeric fingerprint


@pytest.mark.parametrize(
    ("declared", "silicon", "named"),
    [
        (RTX_4090, "h200-sxm-141-gb", "Hopper"),
        ("geforce-rtx-5090", RTX_4090, "Ampere"),
        ("a100-pcie-40-gb", "tesla-v100-sxm2-16-gb", "Volta"),
        ("tesla-v100-sxm2-16-gb", "geforce-rtx-2080-ti", "Turing"),
        ("h100-pcie-80-gb", "a100-pcie-80-gb", "Ampere"),
    ],
)
def test_another_generations_adder_is_named(declared: str, silicon: str, named: str) -> None:
    found = numeric_fingerprint(case(declared, did(silicon)))
    assert found.status is Status.FAIL
    assert f"{named} cards" in found.message
    assert found.kinds == (Kind.REMARKED,)


def test_a_fingerprint_alone_settles_nothing() -> None:
    result = report(alter(genuine(), fingerprint=make_fingerprint(fraction_bits=25, terms_at_once=16)))
    assert result.verdict.authenticity == "suspect"


@pytest.mark.parametrize("facts", [{"terms_at_once": None}, {"fraction_bits": None, "rounding": None}])
def test_what_was_not_decided_contradicts_nothing(facts: dict[str, None]) -> None:
    evidence = alter(genuine(), fingerprint=make_fingerprint(**facts))
    assert finding(evidence, "numeric-fingerprint").status is Status.PASS


def test_results_that_follow_no_known_way_are_open() -> None:
    undecided = make_fingerprint(fraction_bits=None, terms_at_once=None, rounding=None)
    assert finding(alter(genuine(), fingerprint=undecided), "numeric-fingerprint").status is Status.INCONCLUSIVE


def test_an_adder_that_nobody_published_is_called_so() -> None:
    odd = make_fingerprint(fraction_bits=22, terms_at_once=2)
    assert "no generation" in finding(alter(genuine(), fingerprint=odd), "numeric-fingerprint").message


def test_no_fingerprint_forbids_nothing() -> None:
    missing = alter(genuine(), fingerprint=unavailable(Reason.TIMED_OUT))
    assert finding(missing, "numeric-fingerprint").status is Status.INCONCLUSIVE
    assert report(missing).verdict.authenticity == "authentic"


# all three


@pytest.mark.parametrize("check", ["arithmetic-rates", "tensor-tier"])
def test_a_document_from_before_the_probe_is_open(check: str) -> None:
    old = alter(genuine(), throughput=NOT_REQUESTED, fingerprint=NOT_REQUESTED)
    result = report(old)
    assert result.verdict.authenticity == "inconclusive"
    found = next(f for f in result.findings if f.check == check)
    assert found.status is Status.INCONCLUSIVE
    assert found.title.lower() in result.verdict.explanation


def test_a_slice_is_passed_over() -> None:
    for check in ("arithmetic-rates", "tensor-tier"):
        assert finding(evidence_of("h100-mig"), check).status is Status.INCONCLUSIVE


def test_tiers_and_generations_tell_every_pair_of_kinds_apart() -> None:
    """One SKU of every kind: none passes all three checks under the name of a kind that differs in tier."""
    kinds: dict[tuple[object, ...], Profile] = {}
    for profile in catalog().all_profiles():
        kinds.setdefault((profile.die.compute_capability, profile.tensor_fp32_accumulate), profile)
    without = {"none", "capped"}
    for silicon in kinds.values():
        evidence = did(silicon.id)
        for declared in kinds.values():
            if silicon.die.compute_capability != declared.die.compute_capability:
                continue
            tiers = {silicon.tensor_fp32_accumulate, declared.tensor_fp32_accumulate}
            passed = {check(case(declared, evidence)).status for check in (tensor_tier, arithmetic_rates)}
            if len(tiers) > 1 and tiers != without:
                assert passed != {Status.PASS}, (silicon.id, declared.id)


def alike() -> list[tuple[str, str]]:
    """Ordered pairs of SKUs that share generation, multiprocessors and memory, and differ in tensor tier."""
    known = [p for p in catalog().all_profiles() if p.device_ids and p.tensor_fp32_accumulate]
    return [
        (silicon.id, declared.id)
        for silicon in known
        for declared in known
        if silicon.die.compute_capability == declared.die.compute_capability
        and silicon.tensor_fp32_accumulate != declared.tensor_fp32_accumulate
        and set(silicon.sm_counts) & set(declared.sm_counts)
        and set(silicon.memory_sizes_bytes) & set(declared.memory_sizes_bytes)
    ]


@pytest.mark.parametrize(("silicon", "declared"), alike()[::24])
def test_a_perfect_copy_of_another_tiers_name_is_never_authentic(silicon: str, declared: str) -> None:
    card = {"title": "copied", "silicon": {"profile": silicon}, "declared": {"profile": declared}}
    result = report(evidence_from(card))
    assert result.verdict.authenticity != "authentic"
    assert next(f for f in result.findings if f.check == "tensor-tier").status is not Status.PASS


def test_figures_say_how_they_were_got() -> None:
    for check in ("arithmetic-rates", "tensor-tier", "numeric-fingerprint"):
        assert finding(genuine(), check).observed.endswith("(simulated)")
        real = alter(genuine(), simulated=None)
        assert finding(real, check).observed.endswith("(measured)")


def test_sections_are_what_the_probes_return() -> None:
    assert isinstance(genuine().throughput, Throughput)
    assert isinstance(genuine().fingerprint, Fingerprint)
