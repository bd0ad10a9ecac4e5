"""Limits of a multiprocessor against the die's, which no name changes."""

import pytest

from gpucheck.model.finding import Status
from gpucheck.model.units import KIB
from gpucheck.pipeline import Plan
from tests.cards import alter, evidence_from, evidence_of, finding, genuine, report


def held(warps: int | None, kib: int | None) -> dict[str, int | None]:
    return {"census__resident_warps_per_sm": warps, "census__shared_memory_block_bytes": kib and kib * KIB}


@pytest.mark.parametrize(
    ("warps", "kib", "status"),
    [
        (48, 99, Status.PASS),
        (48, None, Status.PASS),
        (None, 99, Status.PASS),
        (64, 99, Status.FAIL),
        (48, 163, Status.FAIL),
        (64, 227, Status.FAIL),
        (48, 64, Status.INCONCLUSIVE),
        (32, 64, Status.INCONCLUSIVE),
        (40, 99, Status.INCONCLUSIVE),
        (32, 99, Status.INCONCLUSIVE),
        (48, 48, Status.INCONCLUSIVE),
        (48, 100, Status.INCONCLUSIVE),
        (48, 97, Status.INCONCLUSIVE),
        (48, 80, Status.INCONCLUSIVE),
        (None, None, Status.INCONCLUSIVE),
    ],
)
def test_more_than_the_die_has_is_another_generation_and_less_may_be_innocent(
    warps: int | None, kib: int | None, status: Status
) -> None:
    assert finding(alter(genuine(), **held(warps, kib)), "sm-limits").status is status


def test_a_failure_alone_settles_nothing_and_names_what_was_seen() -> None:
    result = report(alter(genuine(), **held(64, 163)))
    found = next(f for f in result.findings if f.check == "sm-limits")
    assert found.observed == "64 warps, 163 KiB of shared memory (simulated)"
    assert found.expected == "48 warps, 99 KiB of shared memory"
    assert result.verdict.authenticity == "suspect"
    assert "remarked" in result.verdict.kinds


def test_a_quiet_pass_adds_nothing_to_the_generations_weight() -> None:
    with_it, without = report(genuine()), report(alter(genuine(), **held(None, None)))
    assert with_it.verdict.contributions == without.verdict.contributions
    assert without.verdict.authenticity == "authentic"


def test_who_else_was_there_is_named() -> None:
    document = {
        "title": "busy",
        "silicon": {"profile": "geforce-rtx-4090"},
        "environment": {"processes": [2048], "busy_share": 0.5},
    }
    found = finding(alter(evidence_from(document), **held(32, 99)), "sm-limits")
    assert found.status is Status.INCONCLUSIVE
    assert "another program holds 2.00 GiB (pid 4711)" in found.message


@pytest.mark.parametrize(
    ("silicon", "declared"),
    [("a100-pcie-80-gb", "rtx-a6000"), ("tesla-v100-pcie-32-gb", "geforce-rtx-2080-ti"), ("h100-pcie-80-gb", "l40s")],
)
def test_another_generation_shows_without_its_compute_capability(silicon: str, declared: str) -> None:
    """As if a driver lied about the generation: the limits alone contradict it."""
    document = {"title": "other", "silicon": {"profile": silicon}, "declared": {"profile": declared}}
    assert finding(evidence_from(document, Plan(quick=True)), "sm-limits").status is Status.FAIL


def test_a_slice_is_passed_over() -> None:
    assert finding(evidence_of("h100-mig"), "sm-limits").status is Status.INCONCLUSIVE
