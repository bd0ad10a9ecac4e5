"""Residency, evenness and bandwidth from walk, slab map and streams, together and alone."""

import pytest

from gpucheck.model.base import NOT_REQUESTED, Reason, Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Confidence, Kind, Status
from gpucheck.model.measured import SlowRegion
from gpucheck.model.units import GIB, MIB
from tests.cards import alter, evidence_from, evidence_of, finding, genuine, report

HOSTS = SlowRegion(first_byte=16 * GIB, length_bytes=7 * GIB, bytes_per_second=25e9, ratio=0.03)
HALF = SlowRegion(first_byte=8 * GIB, length_bytes=2 * GIB, bytes_per_second=450e9, ratio=0.5)


def seen(region: SlowRegion, *, walk: bool | None, slabs: bool | None, evidence: Evidence | None = None) -> Evidence:
    """A card on which walk and slab map saw the region, or not, or were not measured at all."""
    changes: dict[str, object] = {}
    for section, saw in (("memory_walk", walk), ("slab_map", slabs)):
        if saw is None:
            changes[section] = NOT_REQUESTED
        elif saw:
            changes[f"{section}__slow_regions"] = (region,)
    return alter(evidence or genuine(), **changes)


@pytest.mark.parametrize(("check", "region"), [("memory-residency", HOSTS), ("memory-uniformity", HALF)])
@pytest.mark.parametrize(
    ("walk", "slabs", "status", "confidence"),
    [
        (True, True, Status.FAIL, Confidence.HIGH),
        (False, True, Status.FAIL, Confidence.MEDIUM),
        (None, True, Status.FAIL, Confidence.MEDIUM),
        (True, None, Status.FAIL, Confidence.MEDIUM),
        (True, False, Status.INCONCLUSIVE, Confidence.LOW),
        (False, False, Status.PASS, Confidence.HIGH),
        (False, None, Status.PASS, Confidence.HIGH),
        (None, False, Status.PASS, Confidence.HIGH),
        (None, None, Status.INCONCLUSIVE, Confidence.LOW),
    ],
)
def test_what_walk_and_slab_map_saw(
    check: str, region: SlowRegion, walk: bool | None, slabs: bool | None, status: Status, confidence: Confidence
) -> None:
    found = finding(seen(region, walk=walk, slabs=slabs), check)
    assert (found.status, found.confidence) == (status, confidence)


def test_memory_that_only_the_slab_map_saw_paged_is_paged() -> None:
    result = report(seen(HOSTS, walk=False, slabs=True))
    assert result.verdict.authenticity == "counterfeit"
    assert result.verdict.kinds == (Kind.PAGED,)


def test_what_only_the_walk_saw_beside_a_clean_map_settles_nothing() -> None:
    result = report(seen(HOSTS, walk=True, slabs=False))
    assert result.verdict.authenticity == "inconclusive"
    found = next(f for f in result.findings if f.check == "memory-residency")
    assert "The memory walk met" in found.message
    assert "the map of rates did not" in found.message


def test_both_are_named_as_evidence() -> None:
    found = finding(seen(HOSTS, walk=True, slabs=True), "memory-residency")
    assert found.evidence == ("slab_map.slow_regions", "memory_walk.slow_regions")


def test_a_region_that_the_maps_windows_dilute_is_as_slow_as_the_walk_found_it() -> None:
    slow = {"kind": "slow_region", "start_bytes": 1146 * MIB, "length_bytes": 282 * MIB, "factor": 0.7}
    card = {"title": "mx150", "silicon": {"profile": "geforce-mx150-gp107", "memory_fault": [slow]}}
    result = report(evidence_from(card))
    found = next(f for f in result.findings if f.check == "memory-uniformity")
    assert (found.status, result.verdict.authenticity, result.verdict.condition) == ("fail", "authentic", "defective")
    assert "at 70 % of the median" in found.message


@pytest.mark.parametrize("seed", range(4))
def test_a_busy_card_of_which_only_the_walk_tells_is_not_called_defective(seed: int) -> None:
    unseen = {"processes": [500], "busy_share": 0.5, "missing": ["nvml", "slab_map", "load"]}
    card = {"title": "busy", "seed": seed, "silicon": {"profile": "geforce-rtx-3060-ti-ga103"}, "environment": unseen}
    assert report(evidence_from(card)).verdict.condition == "good"


@pytest.mark.parametrize(("name", "check"), [("rtx-4090-paged", "residency"), ("rtx-3090-slow-region", "uniformity")])
def test_simulated_cards_are_seen_by_both(name: str, check: str) -> None:
    found = finding(evidence_of(name), f"memory-{check}")
    assert (found.status, found.confidence) == (Status.FAIL, Confidence.HIGH)


@pytest.mark.parametrize("slabs", [None, False])
def test_a_gtx_970_is_silent_with_and_without_a_map(slabs: bool | None) -> None:
    size, slow = 4 * GIB, GIB // 2
    region = {"kind": "slow_region", "start_bytes": size - slow, "length_bytes": slow, "factor": 0.14}
    evidence = evidence_from({"title": "970", "silicon": {"profile": "geforce-gtx-970", "memory_fault": [region]}})
    card = evidence if slabs is False else alter(evidence, slab_map=NOT_REQUESTED)
    assert finding(card, "memory-residency").status is Status.PASS
    assert finding(card, "memory-uniformity").status is not Status.FAIL
    assert report(card).verdict.authenticity == "authentic"


def rates(evidence: Evidence, read: float, write: float | None = None, copy: float | None = None) -> Evidence:
    return alter(
        evidence,
        bandwidth__read_bytes_per_second=read,
        bandwidth__write_bytes_per_second=write,
        bandwidth__copy_bytes_per_second=copy or 0.9 * read,
    )


def test_the_best_stream_counts() -> None:
    """A genuine H200 with too few loads under way: gpu-stream read it at 57 % of its peak, and wrote it at 81."""
    card = rates(evidence_of("h200"), 2756e9, 3889e9, 3165e9)
    found = finding(card, "memory-bandwidth")
    assert found.status is Status.PASS
    assert found.observed.startswith("3,889.0 GB/s")


def test_slower_memory_than_is_claimed_does_not_pass() -> None:
    silicon, declared = {"profile": "geforce-rtx-3060-ti"}, {"profile": "geforce-rtx-3060-ti-gddr6x"}
    evidence = evidence_from({"title": "GDDR6", "silicon": silicon, "declared": declared})
    found = finding(evidence, "memory-bandwidth")
    assert found.status is Status.INCONCLUSIVE
    assert report(evidence).verdict.authenticity != "authentic"


@pytest.mark.parametrize(
    ("profile", "best", "peak", "ecc"),
    [
        ("tesla-t4", 263.4, 320, True),
        ("geforce-rtx-2080-super", 421.6, 496, False),
        ("geforce-gtx-1080", 236.8, 320, False),
        ("geforce-gtx-980", 174.8, 224, False),
        ("geforce-gtx-660", 113.1, 144, False),
        ("tesla-k80", 180.2, 240, True),
        ("quadro-gv100", 575.7, 870, False),
        ("titan-xp", 459.2, 548, False),
    ],
)
def test_genuine_cards_on_record_pass(profile: str, best: float, peak: float, ecc: bool) -> None:
    """Rates of real cards: clpeak, OpenCL-Benchmark and BabelStream results that others published, in GB/s."""
    evidence = evidence_from({"title": profile, "silicon": {"profile": profile}})
    card = alter(rates(evidence, best * 1e9), cuda__ecc_enabled=ecc)
    found = finding(card, "memory-bandwidth")
    assert found.status is Status.PASS, (found.message, found.expected, peak)


@pytest.mark.parametrize(("share", "status"), [(0.92, Status.PASS), (0.6, Status.INCONCLUSIVE), (0.3, Status.FAIL)])
def test_the_slab_map_stands_in_for_the_streams(share: float, status: Status) -> None:
    card = alter(genuine(), bandwidth=NOT_REQUESTED, slab_map__median_bytes_per_second=share * 1008e9)
    found = finding(card, "memory-bandwidth")
    assert found.status is status
    if status is Status.FAIL:
        assert found.evidence == ("slab_map.median_bytes_per_second",)


def test_the_map_does_not_make_up_for_a_stream_that_hung() -> None:
    card = alter(genuine(), bandwidth=Unavailable(unavailable=Reason.TIMED_OUT))
    assert finding(card, "memory-bandwidth").status is Status.INCONCLUSIVE
    assert report(card).verdict.authenticity == "inconclusive"


def test_an_old_document_without_write_and_map_is_judged_as_before() -> None:
    old = alter(rates(genuine(), 931e9), slab_map=NOT_REQUESTED, latency=NOT_REQUESTED)
    assert report(old).verdict.authenticity == "authentic"


def slowed(profile: str, start: int, length: int, factor: float) -> Evidence:
    """A genuine card of which a stretch is slow."""
    fault = {"kind": "slow_region", "start_bytes": start, "length_bytes": length, "factor": factor}
    return evidence_from({"title": "worn", "silicon": {"profile": profile, "memory_fault": [fault]}})


@pytest.mark.parametrize(
    ("profile", "start", "length"),
    [("geforce-rtx-4090", 8 * GIB, 2 * GIB), ("h200-sxm-141-gb", 0, 4 * GIB), ("rtx-a6000", 20 * GIB, GIB)],
)
@pytest.mark.parametrize("factor", [0.12, 0.2])
def test_what_is_faster_than_any_bus_is_damaged_and_no_forgery(
    profile: str, start: int, length: int, factor: float
) -> None:
    judged = report(slowed(profile, start, length, factor))
    assert (judged.verdict.authenticity, judged.verdict.condition) == ("authentic", "defective")
    found = next(f for f in judged.findings if f.check == "memory-uniformity")
    assert "damage or a cut channel, not a forgery" in found.message


def test_a_hosts_memory_in_the_middle_is_not_called_the_end() -> None:
    found = finding(slowed("rtx-a6000", 20 * GIB, 2 * GIB, 0.02), "memory-residency")
    assert found.status is Status.FAIL
    assert "ends at" not in found.message
    assert "are the card's own" in found.message


@pytest.mark.parametrize("factor", [0.28, 0.35, 0.44])
def test_slow_memory_behind_a_fast_bus_may_be_lent_or_damaged(factor: float) -> None:
    """A GT 620 reads 14.4 GB/s; a bus of generation 2 with 16 lanes lends at 6.4."""
    fault = {"kind": "paged", "real_bytes": 512 * MIB, "factor": factor}
    judged = report(
        evidence_from({"title": "lent", "silicon": {"profile": "geforce-gt-620-oem", "memory_fault": [fault]}})
    )
    assert judged.verdict.authenticity == "inconclusive"
    found = next(f for f in judged.findings if f.check == "memory-residency")
    assert (found.status, "lent by the host, or damaged" in found.message) == (Status.INCONCLUSIVE, True)
    assert judged.verdict.condition != "defective"


def test_the_rate_of_a_wider_build_is_too_fast_for_the_bus_that_cuda_states() -> None:
    """A GTS 450 was sold with 192 bits, too: 96 GB/s. One with 128 bits reaches 58."""
    silicon = {"profile": "geforce-gt-545-oem", "memory_data_rate_gbps": 6.0}
    evidence = evidence_from({"title": "t", "silicon": silicon, "declared": {"profile": "geforce-gts-450"}})
    found = finding(evidence, "memory-speed")
    assert (found.status, "faster than that of GeForce GTS 450 can be" in found.message) == (Status.FAIL, True)
    wide = evidence_from({"title": "t", "silicon": {"profile": "geforce-gts-450", "memory_bytes": 1536 * MIB}})
    assert finding(wide, "memory-speed").status is Status.PASS
