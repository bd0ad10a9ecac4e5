"""The oracle: which SKUs could have done what was measured."""

from typing import Any

import pytest

from gpucheck.catalog import Catalog
from gpucheck.catalog.silicon import ALIKE, Fit, Readings, Survey, may_state, readings, score, survey
from gpucheck.model.base import NOT_REQUESTED
from gpucheck.model.measured import Latency, SlabMap, Throughput
from gpucheck.model.profile import Profile
from gpucheck.model.units import GIB, MIB
from tests.builders import make_evidence, make_walk
from tests.cards import catalog
from tests.lab.silicon import bandwidth_of, census_of, layout_of, throughput_of, walk_of

FAR = 30.0


def measured(profile: Profile, **sections: Any) -> Readings:
    """Readings of the SKU's silicon, with sections replaced."""
    own = {
        "census": census_of(profile),
        "throughput": throughput_of(profile),
        "bandwidth": bandwidth_of(profile) or NOT_REQUESTED,
        "memory_walk": walk_of(profile),
        "slab_map": NOT_REQUESTED,
        "latency": NOT_REQUESTED,
    }
    seen = readings(make_evidence(**own | sections))
    assert seen is not None
    return seen


def surveyed(seen: Readings) -> Survey:
    return survey(seen, catalog().cut_to(seen.machine_code, seen.sm_count))


def fit(profile_id: str, seen: Readings) -> Fit:
    profile = catalog().by_id(profile_id)
    return score(seen, profile, layout_of(profile))


def test_every_sku_is_named_by_its_silicon() -> None:
    lost = []
    for profile in catalog().all_profiles():
        found = surveyed(measured(profile))
        own = max(f.decibans for f in found.fits if f.profile.id == profile.id)
        # A fact that is not on record puts a SKU behind one of which all is known.
        if profile not in found.family or own < found.fits[0].decibans - 5:
            lost.append(profile.id)
    assert lost == []


@pytest.mark.parametrize(
    ("profile_id", "named"),
    [
        ("geforce-rtx-4090", "GeForce RTX 4090"),
        ("geforce-rtx-3090", "GeForce RTX 3090"),
        ("geforce-gtx-970", "GeForce GTX 970"),
        ("h200-sxm-141-gb", "H200 SXM 141 GB"),
        ("cmp-170hx-8-gb", "CMP 170HX 8 GB"),
        ("geforce-rtx-3080-12-gb", "GeForce RTX 3080 12 GB"),
    ],
)
def test_well_known_silicon_is_named_alone_or_first(profile_id: str, named: str) -> None:
    best = surveyed(measured(catalog().by_id(profile_id))).best
    assert best is not None
    assert best.profile.name == named


def test_likelihoods_are_shares_of_one() -> None:
    found = surveyed(measured(catalog().by_id("geforce-rtx-4070")))
    ids = {f.profile.id: f.profile for f in found.fits}
    assert sum(found.likelihood(p) for p in ids.values()) == pytest.approx(1)
    assert found.likelihood(ids["geforce-rtx-4070"]) == max(found.likelihood(p) for p in ids.values())


def test_nothing_declared_moves_the_oracle() -> None:
    renamed = make_evidence(nvml=NOT_REQUESTED, pci=NOT_REQUESTED, cuda=NOT_REQUESTED, driver=NOT_REQUESTED)
    assert readings(renamed) == readings(make_evidence())


def test_without_a_census_there_is_nothing_to_go_by() -> None:
    assert readings(make_evidence(census=NOT_REQUESTED)) is None


def test_the_map_of_rates_stands_in_for_streams() -> None:
    profile = catalog().by_id("geforce-rtx-4090")
    windows = SlabMap(
        tested_bytes=GIB,
        window_bytes=GIB,
        rounds=5,
        bytes_per_second=(500e9,),
        window_lengths_bytes=(GIB,),
        median_bytes_per_second=500e9,
        spread=0.0,
    )
    assert measured(profile, bandwidth=NOT_REQUESTED, slab_map=windows).best_rate == 500e9
    assert measured(profile, slab_map=windows).best_rate == measured(profile).best_rate


@pytest.mark.parametrize("section", ["throughput", "bandwidth", "memory_walk", "latency"])
def test_what_was_not_measured_says_nothing(section: str) -> None:
    profile = catalog().by_id("geforce-rtx-4090")
    without = measured(profile, **{section: NOT_REQUESTED})
    assert fit("geforce-rtx-4090", without).decibans == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    ("share", "alike"), [(0.75, True), (0.8, True), (0.98, True), (1.0, True), (1.15, False), (0.5, False)]
)
def test_memory_is_slow_by_load_and_fast_by_overclocking_within_bounds(share: float, alike: bool) -> None:
    profile = catalog().by_id("geforce-rtx-4090")
    found = fit("geforce-rtx-4090", measured(profile, bandwidth=bandwidth_of(profile, share)))
    assert (found.decibans >= -ALIKE) is alike


def test_no_reading_but_the_generation_settles_it_alone() -> None:
    own = catalog().by_id("geforce-rtx-4090")
    one_odd: list[dict[str, Any]] = [
        {"census": census_of(own).model_copy(update={"sm_count": 3})},
        {"bandwidth": bandwidth_of(own, 5.0)},
        {"bandwidth": bandwidth_of(own, 0.01)},
        {"memory_walk": make_walk(total_bytes=GIB, tested_bytes=GIB, distinct_bytes=GIB, untested_bytes=0)},
        {"throughput": slower(throughput_of(own), "fp64", 0.01)},
        {"throughput": slower(throughput_of(own), "fp64", 100.0)},
        {"throughput": slower(throughput_of(own), "tensor_fp16_fp32", 0.01)},
        {"latency": knee(MIB)},
    ]
    for odd in one_odd:
        points = fit("geforce-rtx-4090", measured(own, **odd)).decibans
        assert -FAR < points < -1


def slower(rates: Throughput, operation: str, factor: float) -> Throughput:
    changed = {
        name: rate.model_copy(update={"per_clock_per_sm": rate.per_clock_per_sm * (factor if name == operation else 1)})
        for name, rate in rates.rates.items()
    }
    return rates.model_copy(update={"rates": changed})


def knee(size: int) -> Latency:
    return Latency(points=(), hops=1, l2_capacity_bytes=size, l2_least_bytes=size, l2_most_bytes=size)


def test_features_of_the_generation_count_once() -> None:
    older = catalog().by_id("geforce-gtx-1080-ti")
    against = dict(fit("geforce-gtx-1080-ti", measured(catalog().by_id("h200-sxm-141-gb"))).against)
    assert against["generation"] == -FAR
    assert len([name for name in against if name == "generation"]) == 1
    assert older.die.compute_capability == "6.1"


def test_more_warps_than_the_generation_holds_are_another_generation() -> None:
    own = catalog().by_id("geforce-rtx-4090")
    most = census_of(own).model_copy(update={"resident_warps_per_sm": 64})
    assert dict(fit(own.id, measured(own, census=most)).against) == {"generation": -20.0}
    fewer = census_of(own).model_copy(update={"resident_warps_per_sm": 32})
    assert fit(own.id, measured(own, census=fewer)).against == fit(own.id, measured(own)).against


def test_added_memory_is_less_than_another_sku() -> None:
    own = catalog().by_id("geforce-rtx-2080-ti")
    doubled = make_walk(total_bytes=22 * GIB, tested_bytes=22 * GIB, distinct_bytes=22 * GIB, untested_bytes=0)
    assert -20 < fit(own.id, measured(own, memory_walk=doubled)).decibans < 0


def test_memory_that_other_programs_hold_proves_no_smaller_card() -> None:
    own = catalog().by_id("geforce-rtx-4090")
    busy = walk_of(own).model_copy(update={"tested_bytes": 8 * GIB, "distinct_bytes": 8 * GIB})
    assert "capacity" not in dict(fit(own.id, measured(own, memory_walk=busy)).against)


def sectors(profile: Profile, share: float | None) -> dict[str, Any]:
    """Bandwidth whose sectors reach a share of its reading rate."""
    seen = bandwidth_of(profile)
    assert seen is not None
    rate = None if share is None else share * seen.read_bytes_per_second
    return {"bandwidth": seen.model_copy(update={"sectors_bytes_per_second": rate})}


@pytest.mark.parametrize(
    ("share", "gddr5", "gddr5x"),
    [
        (1.0, True, False),
        (0.76, True, False),
        (0.74, True, True),
        (0.63, True, True),
        (0.61, False, True),
        (0.45, False, True),
        (1.05, True, False),
        (1.2, True, True),
        (None, True, True),
    ],
)
def test_the_burst_tells_gddr5_from_gddr5x(share: float | None, gddr5: bool, gddr5x: bool) -> None:
    own = catalog().by_id("geforce-gtx-1070")
    seen = measured(own, **sectors(own, share))
    assert (fit("geforce-gtx-1070", seen).decibans >= -ALIKE) is gddr5
    assert (fit("geforce-gtx-1070-gddr5x", seen).decibans >= -ALIKE) is gddr5x


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    "profile_id", ["geforce-gt-1030-ddr4", "geforce-rtx-3060-ti", "geforce-gtx-1650", "tesla-k40c"]
)
def test_the_burst_says_nothing_of_other_types_and_generations(profile_id: str, share: float) -> None:
    own = catalog().by_id(profile_id)
    assert fit(own.id, measured(own, **sectors(own, share))).against == fit(own.id, measured(own)).against


def test_the_burst_never_counts_where_a_card_may_fail() -> None:
    own = catalog().by_id("geforce-gtx-1070")
    odd = fit(own.id, measured(own, **sectors(own, 0.4)))
    assert odd.decibans == pytest.approx(-12, abs=0.1)
    assert odd.settled == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    ("silicon", "declared", "fits"),
    [
        ("geforce-rtx-3080-mobile", "rtx-a5000-mobile", False),
        ("rtx-a5000-mobile", "geforce-rtx-3080-mobile", False),
        ("geforce-gtx-1660-super", "geforce-rtx-2060", False),
        ("cmp-40hx", "geforce-rtx-2070", False),
        ("geforce-rtx-2070", "cmp-40hx", False),
        ("geforce-gtx-780-ti", "tesla-k40c", False),
        ("tesla-k40c", "geforce-gtx-780-ti", False),
        ("geforce-rtx-4090", "geforce-rtx-4090-d", False),
        ("geforce-rtx-3080-mobile", "geforce-rtx-3080-mobile", True),
    ],
)
def test_arithmetic_rates_tell_tiers_apart(silicon: str, declared: str, fits: bool) -> None:
    found = fit(declared, measured(catalog().by_id(silicon)))
    assert (found.decibans >= -ALIKE) is fits


def test_a_titan_whose_driver_slows_fp64_is_still_one() -> None:
    own = catalog().by_id("geforce-gtx-titan-black")
    slow = slower(throughput_of(own), "fp64", 1 / 8)
    assert (
        own in surveyed(measured(own, throughput=slow)).family
        or fit(own.id, measured(own, throughput=slow)).decibans > -15
    )


def test_looking_up_one_card_parses_few_profiles() -> None:
    fresh = Catalog()
    found = [p.id for p in fresh.cut_to("8.9", 128)]
    assert "geforce-rtx-4090" in found
    assert len(found) < 6
    assert set(fresh.files_parsed) <= {"ad102.toml", "ad104.toml"}, (
        "one is searched for its count, one has a SKU without"
    )


def test_a_count_that_no_sku_has_is_held_against_all_of_the_generation() -> None:
    found = catalog().cut_to("8.9", 127)
    assert {"geforce-rtx-4090", "l4"} <= {p.id for p in found}
    assert {p.die.compute_capability for p in found} == {"8.9"}
    assert catalog().cut_to("99.9", 1) == ()


def test_a_driver_may_state_the_layouts_own_width_and_clock() -> None:
    gddr6x = catalog().by_id("geforce-rtx-4070").memory[0]
    assert may_state(gddr6x, 192, 10501)
    assert may_state(gddr6x, None, None)
    assert not may_state(gddr6x, 192, 10000)
    assert not may_state(gddr6x, 256, 10501)
    b200 = next(p for p in catalog().cut_to("10.0", 148)).memory[0]
    assert may_state(b200, 7680, None)
