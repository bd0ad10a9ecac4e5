"""The second-level cache that loads leave, against the SKU's."""

import pytest

from gpucheck.model.base import NOT_REQUESTED
from gpucheck.model.finding import Finding, Kind, Status
from gpucheck.model.measured import Latency
from gpucheck.model.units import MIB
from tests.cards import alter, catalog, evidence_of, finding, genuine, report, with_silicon

PROFILES = tuple(catalog().all_profiles())


def bracket(least_mib: float | None, most_mib: float | None) -> Finding:
    least, most = (None if x is None else int(x * MIB) for x in (least_mib, most_mib))
    return finding(alter(genuine(), latency__l2_least_bytes=least, latency__l2_most_bytes=most), "l2-capacity")


def of(profile_id: str, quick: bool = False, **silicon: object) -> Finding:
    """The finding of a card that is examined for its latency alone."""
    return finding(with_silicon(catalog().by_id(profile_id), ("cuda", "latency"), quick, **silicon), "l2-capacity")


@pytest.mark.parametrize(
    ("least", "most", "status"),
    [
        (68, 90, Status.PASS),
        (32, 52, Status.PASS),
        (64, 150, Status.PASS),
        (100, 200, Status.PASS),
        (5.6, 8, Status.FAIL),
        (30, 50, Status.FAIL),
        (110, 140, Status.FAIL),
        (None, None, Status.INCONCLUSIVE),
    ],
)
def test_only_a_bracket_clearly_beside_the_cache_fails(least: float | None, most: float | None, status: Status) -> None:
    assert bracket(least, most).status is status


def test_a_failure_names_a_remark_and_moves_the_verdict_little() -> None:
    small = alter(genuine(), latency__l2_least_bytes=5 * MIB, latency__l2_most_bytes=8 * MIB)
    found = finding(small, "l2-capacity")
    assert found.kinds == (Kind.REMARKED,)
    assert found.observed == "5 MiB to 8 MiB (simulated)"
    assert found.expected == "72 MiB"
    assert report(small).verdict.authenticity not in ("counterfeit", "suspect")


def test_the_cache_of_other_silicon_shows_through_a_forged_name() -> None:
    found = finding(evidence_of("rtx-3090-as-rtx-4090"), "l2-capacity")
    assert found.status is Status.FAIL
    assert "smaller" in found.message


def test_the_same_count_of_multiprocessors_with_less_cache() -> None:
    assert of("geforce-rtx-4090", l2_cache_bytes=36 * MIB).status is Status.FAIL
    assert of("geforce-rtx-3090", l2_cache_bytes=72 * MIB).status is Status.FAIL


def test_a_cache_that_the_catalog_does_not_know() -> None:
    unknown = next(p for p in PROFILES if not p.l2_cache_bytes and len(p.device_ids) == 1 and p.retail)
    found = of(unknown.id, l2_cache_bytes=24 * MIB)
    assert found.status is Status.INCONCLUSIVE
    assert "CUDA states 24 MiB, which the curve bears out" in found.message


def test_a_slice_has_a_slice_of_the_cache() -> None:
    assert finding(evidence_of("h100-mig"), "l2-capacity").status is Status.INCONCLUSIVE


def test_an_old_document_is_not_judged_by_it() -> None:
    old = alter(genuine(), latency=NOT_REQUESTED)
    assert finding(old, "l2-capacity").status is Status.INCONCLUSIVE
    assert report(old).verdict.authenticity == "authentic"


@pytest.mark.parametrize("profile_id", [p.id for p in PROFILES[::24]])
@pytest.mark.parametrize(("quick", "noise"), [(False, 0.01), (True, 0.03)])
def test_no_honest_card_fails(profile_id: str, quick: bool, noise: float) -> None:
    known = catalog().by_id(profile_id).l2_cache_bytes
    found = of(profile_id, quick, noise=noise)
    assert found.status is (Status.PASS if known else Status.INCONCLUSIVE), found.message


@pytest.mark.parametrize(("least", "most", "status"), [(18, 23, Status.PASS), (4, 12, Status.FAIL)])
def test_the_near_half_alone_is_no_small_cache(least: float, most: float, status: Status) -> None:
    """An A100 has two halves of 20 MiB. A curve that shows no far half may have its knee at either's end."""
    whole = evidence_of("a100-80gb")
    assert isinstance(whole.latency, Latency)
    near = tuple(level for level in whole.latency.levels if level.level != "l2_far")
    knee = {"latency__l2_least_bytes": int(least * MIB), "latency__l2_most_bytes": int(most * MIB)}
    assert finding(alter(whole, **knee), "l2-capacity").status is Status.FAIL
    assert finding(alter(whole, latency__levels=near, **knee), "l2-capacity").status is status


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a100-80gb", "h100-80gb", "h200", "rtx-5090"])
def test_honest_scenarios_pass(name: str) -> None:
    assert finding(evidence_of(name), "l2-capacity").status is Status.PASS
