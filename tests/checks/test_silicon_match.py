"""The check that holds all measurements against every known SKU."""

from typing import Any

import pytest

from gpucheck.model.base import NOT_REQUESTED
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Finding, Kind, Status
from gpucheck.model.measured import Bandwidth
from tests.cards import alter, catalog, evidence_from, evidence_of, finding, genuine, report
from tests.lab.silicon import bandwidth_of, throughput_of

CHECK = "silicon-match"


def card(profile_id: str, **sections: Any) -> Evidence:
    """An honest simulated card, with the arithmetic rates of its SKU."""
    evidence = evidence_from({"title": "honest", "silicon": {"profile": profile_id}})
    rates = throughput_of(catalog().by_id(profile_id))
    return evidence.model_copy(update={"throughput": rates} | sections)


def forged(silicon: str, declared: str, **sections: Any) -> Evidence:
    """Silicon of one SKU under the declaration of another, with the arithmetic rates of the silicon."""
    document = {"title": "forged", "silicon": {"profile": silicon}, "declared": {"profile": declared}}
    rates = throughput_of(catalog().by_id(silicon))
    return evidence_from(document).model_copy(update={"throughput": rates} | sections)


def match(evidence: Evidence) -> Finding:
    return finding(evidence, CHECK)


def rate(evidence: Evidence, factor: float) -> Evidence:
    """All streaming faster or slower by a factor."""
    seen = evidence.bandwidth
    assert isinstance(seen, Bandwidth)
    fields = [name for name in Bandwidth.model_fields if name.endswith("_per_second")]
    changed = {name: value * factor for name in fields if (value := getattr(seen, name)) is not None}
    return evidence.model_copy(update={"bandwidth": seen.model_copy(update=changed)})


@pytest.mark.parametrize(
    "profile_id",
    ["geforce-rtx-4090", "geforce-rtx-3080", "h200-sxm-141-gb", "a100-pcie-40-gb", "geforce-gtx-970", "tesla-k40c"],
)
def test_an_honest_card_passes(profile_id: str) -> None:
    result = report(card(profile_id))
    assert next(f for f in result.findings if f.check == CHECK).status is Status.PASS
    assert result.verdict.authenticity == "authentic"


def test_another_die_is_named_in_finding_and_verdict() -> None:
    result = report(evidence_of("rtx-3090-as-rtx-4090"))
    found = next(f for f in result.findings if f.check == CHECK)
    assert found.status is Status.FAIL
    assert found.kinds == (Kind.REMARKED,)
    sentence = "eclared: GeForce RTX 4090; the silicon fits: GeForce RTX 3090 (GA102)"
    assert sentence in found.message
    assert sentence in result.verdict.explanation
    assert "generation" in found.message


def test_a_card_that_lies_about_its_memory_alone_is_still_its_sku() -> None:
    forged_memory = report(evidence_of("rtx-4090-48gb-forged"))
    assert match(evidence_of("rtx-4090-48gb-forged")).status is Status.PASS
    assert "silicon fits" not in forged_memory.verdict.explanation


@pytest.mark.parametrize(
    "scenario", ["rtx-4090-48gb", "rtx-2080-ti-22gb", "rtx-3080-20gb", "rtx-3070-16gb", "cmp-170hx-64gb"]
)
def test_added_memory_never_fails(scenario: str) -> None:
    assert match(evidence_of(scenario)).status is not Status.FAIL


@pytest.mark.parametrize("factor", [0.75, 0.85, 1.03, 1.08])
def test_a_slow_or_overclocked_card_is_not_another_one(factor: float) -> None:
    assert match(rate(card("geforce-rtx-4090"), factor)).status is Status.PASS


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.2, 3.0])
def test_bandwidth_alone_never_fails(factor: float) -> None:
    for profile_id in ("geforce-rtx-4090", "geforce-rtx-3060-ti", "geforce-gtx-1650"):
        assert match(rate(card(profile_id), factor)).status is not Status.FAIL


def test_the_driver_tells_gddr6_from_gddr6x_of_nearly_the_same_rate() -> None:
    honest, swapped = card("geforce-rtx-4070"), forged("geforce-rtx-4070-gddr6", "geforce-rtx-4070")
    assert match(honest).status is Status.PASS
    found = report(swapped)
    assert match(swapped).status is Status.INCONCLUSIVE
    assert "GeForce RTX 4070 GDDR6 (AD104)" in match(swapped).message
    assert "memory type" in match(swapped).message
    assert found.verdict.authenticity == "inconclusive"
    assert match(swapped).message in found.verdict.explanation
    assert finding(swapped, "memory-clock").status is Status.INCONCLUSIVE


def test_what_fits_better_is_told_also_where_more_is_open() -> None:
    """The memory of a Quadro K1100M is half as fast as that of the GT 650M whose declaration it has."""
    slow = forged("quadro-k1100m", "geforce-gt-650m")
    told = report(slow).verdict.explanation
    assert "53 % of the theoretical peak is less than genuine cards reach." in told
    assert "Declared: GeForce GT 650M; the silicon fits: Quadro K1100M (GK107)" in told


def test_what_stays_open_keeps_its_abbreviations() -> None:
    assert "Still open: " in report(card("geforce-rtx-4090", census=NOT_REQUESTED)).verdict.explanation
    assert (
        "silicon against all known SKUs" in report(card("geforce-rtx-4090", census=NOT_REQUESTED)).verdict.explanation
    )


def test_without_what_cuda_states_nothing_tells_them_apart() -> None:
    assert match(card("geforce-rtx-4070", cuda=NOT_REQUESTED)).status is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    ("one", "other"), [("geforce-rtx-3080-mobile", "rtx-a5000-mobile"), ("geforce-rtx-3070", "rtx-a4500-max-q")]
)
def test_a_tensor_tier_that_was_not_measured_stays_open(one: str, other: str) -> None:
    assert match(card(one)).status is Status.PASS
    unmeasured = match(card(one, throughput=NOT_REQUESTED))
    assert unmeasured.status is Status.INCONCLUSIVE
    assert "tensor rate" in unmeasured.message
    assert match(forged(other, one)).status is not Status.PASS


def test_a_driver_that_was_patched_to_state_the_declared_bus_hides_no_other_die() -> None:
    faked = alter(evidence_of("rtx-3090-as-rtx-4090"), cuda__memory_bus_width_bits=384, cuda__memory_clock_mhz=10501)
    found = match(faked)
    assert found.status is Status.FAIL
    assert "the silicon fits: GeForce RTX 3090" in found.message


def test_evidence_without_the_newer_sections_is_judged_by_what_it_has() -> None:
    newer = ("throughput", "fingerprint", "latency", "slab_map", "host_link", "load")
    old = genuine().model_copy(update=dict.fromkeys(newer, NOT_REQUESTED))
    assert match(old).status is Status.PASS
    fewer = old.model_copy(update={"memory_walk": NOT_REQUESTED, "bandwidth": NOT_REQUESTED})
    assert match(fewer).status is Status.PASS


def sectors(evidence: Evidence, share: float | None) -> Evidence:
    """Sectors read apart at a share of the reading rate; ``None`` as in evidence from before they were read."""
    seen = evidence.bandwidth
    assert isinstance(seen, Bandwidth)
    rate = None if share is None else share * seen.read_bytes_per_second
    return alter(evidence, bandwidth__sectors_bytes_per_second=rate, bandwidth__sectors_spread=None)


def test_memory_types_that_do_the_same_are_told_as_such() -> None:
    for share in (None, 0.7):
        found = match(sectors(card("geforce-gtx-1070"), share))
        assert found.status is Status.INCONCLUSIVE
        assert "GeForce GTX 1070 GDDR5X (GP104): they differ in memory type alone" in found.message


@pytest.mark.parametrize(
    ("profile_id", "other"),
    [("geforce-gtx-1070", "geforce-gtx-1070-gddr5x"), ("geforce-gtx-1060-6-gb", "geforce-gtx-1060-6-gb-gddr5x")],
)
def test_the_burst_tells_gddr5_from_gddr5x(profile_id: str, other: str) -> None:
    assert match(card(profile_id)).status is match(card(other)).status is Status.PASS
    for silicon, declared in ((profile_id, other), (other, profile_id)):
        swapped = forged(silicon, declared)
        found = match(swapped)
        assert found.status is Status.INCONCLUSIVE
        assert catalog().by_id(silicon).name in found.message
        assert "burst of the memory" in found.message
        # Two of these SKUs are cut from different dies, which the driver's resource manager would tell.
        assert report(alter(swapped, resource_manager=NOT_REQUESTED)).verdict.authenticity == "inconclusive"


def test_the_buyers_words_say_which_of_two_cards_of_one_name_is_meant() -> None:
    """Drivers call both a GeForce GTX 1070."""
    for silicon, wanted in (("geforce-gtx-1070-gddr5x", Status.PASS), ("geforce-gtx-1070", Status.INCONCLUSIVE)):
        found = finding(forged(silicon, "geforce-gtx-1070"), CHECK, claim="GTX 1070 GDDR5X")
        assert found.status is wanted, found.message
    plain = finding(forged("geforce-gtx-1070-gddr5x", "geforce-gtx-1070"), CHECK, claim="GTX 1070")
    assert plain.status is Status.INCONCLUSIVE
    assert "eclared: GeForce GTX 1070; the silicon fits: GeForce GTX 1070 GDDR5X" in plain.message


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.7, 1.0, 1.5])
def test_an_odd_burst_never_fails_and_disturbs_no_card_without_such_a_rival(share: float) -> None:
    """No sector was ever read apart on a real card: all of GDDR5 may turn out to look like GDDR5X."""
    for profile_id in ("geforce-gtx-1060-6-gb", "geforce-gtx-1080", "geforce-gtx-1050-ti"):
        assert match(sectors(card(profile_id), share)).status is not Status.FAIL
    for profile_id in ("geforce-gtx-970", "geforce-gtx-1050-ti", "geforce-gtx-1080", "geforce-rtx-3060-ti"):
        assert match(sectors(card(profile_id), share)).status is Status.PASS
    slow = rate(sectors(card("geforce-gtx-1080"), share), 0.1)
    assert match(slow).status is not Status.FAIL


def test_another_die_fails_whatever_its_burst_looks_like() -> None:
    for share in (None, 0.5, 0.9):
        assert match(sectors(forged("geforce-gtx-1060-6-gb", "geforce-gtx-1080-ti"), share)).status is Status.FAIL


def test_nothing_was_measured() -> None:
    found = match(genuine().model_copy(update={"census": NOT_REQUESTED}))
    assert found.status is Status.INCONCLUSIVE
    assert "not measured" in found.message


def test_a_generation_that_the_catalog_does_not_know() -> None:
    found = match(alter(genuine(), census__machine_code="99.9"))
    assert found.status is Status.INCONCLUSIVE
    assert "99.9" in found.message


def test_a_card_that_no_profile_is_for_is_named_by_its_silicon() -> None:
    unknown = {"nvml__device_id": 0xFFFE, "pci__device_id": 0xFFFE, "nvml__name": "NVIDIA Graphics Device"}
    result = report(alter(genuine(), **unknown))
    found = next(f for f in result.findings if f.check == CHECK)
    assert found.status is Status.INCONCLUSIVE
    assert "The silicon fits: GeForce RTX 4090 (AD102)" in found.message
    assert result.verdict.authenticity != "authentic"


def test_a_part_of_a_card_is_passed_over() -> None:
    assert match(evidence_of("h100-mig")).status is Status.INCONCLUSIVE


def test_a_count_of_multiprocessors_that_no_sku_has() -> None:
    result = report(alter(genuine(), census__sm_count=127))
    assert match(alter(genuine(), census__sm_count=127)).status is Status.INCONCLUSIVE
    assert result.verdict.authenticity == "counterfeit"


def test_the_build_that_nvml_states_is_what_is_claimed() -> None:
    """A GTX 1650 Mobile has GDDR5 or GDDR6; the firmware cannot state one and the silicon be the other."""
    gddr6 = card("geforce-gtx-1650-mobile")
    assert match(gddr6).status is Status.PASS
    says_gddr5 = match(alter(gddr6, nvml__memory_clock_max_mhz=4001))
    assert says_gddr5.status is Status.INCONCLUSIVE


def test_slower_memory_of_the_same_bus_is_seen() -> None:
    slow = card("geforce-gtx-1650-gddr6", bandwidth=bandwidth_of(catalog().by_id("geforce-gtx-1650")))
    assert match(slow).status is not Status.FAIL


def test_multiprocessors_that_were_counted_are_not_said_to_tell_nothing() -> None:
    """80 multiprocessors are on record in one table alone, which leaves the card open; 68 ran all the same."""
    found = match(forged("geforce-rtx-3080", "geforce-rtx-3080-ti-20-gb"))
    assert found.status is Status.INCONCLUSIVE
    assert "Nothing measured" not in found.message
    assert found.message.startswith("Declared: GeForce RTX 3080 Ti 20 GB; the silicon fits: GeForce RTX 3080 (GA102)")
    odd = match(alter(genuine(), census__sm_count=127))
    assert odd.message == "Neither GeForce RTX 4090 nor any other known SKU measures like this (multiprocessors)."
