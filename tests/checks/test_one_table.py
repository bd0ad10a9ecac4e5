"""What the catalog has from one table alone settles nothing, for such tables err of some models; two sources do."""

import pytest

from gpucheck.model.finding import Confidence, Status
from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB
from tests.cards import alter, catalog, finding, report, with_silicon

ALARMS = {"suspect", "modified", "counterfeit"}


def doubtful() -> Profile:
    """A laptop card of which one table alone tells."""
    known = (p for p in catalog().all_profiles() if p.die.name == "GA107" and p.form_factor == "laptop" and p.sm_counts)
    return next(p for p in known if not p.corroborated and p.retail)


def counts_of(profile: Profile) -> tuple[int, int]:
    """Multiprocessors that another SKU of the generation has, and such as none has; neither the profile's own."""
    code = profile.die.compute_capability
    generation = {n for n in range(1, 40) if any(n in p.sm_counts for p in catalog().cut_to(code, n))}
    others = [n for n in range(1, 40) if n not in profile.sm_counts]
    return next(n for n in others if n in generation), next(n for n in others if n not in generation)


def test_another_models_count_makes_the_card_suspect_and_no_more() -> None:
    profile = doubtful()
    count, _ = counts_of(profile)
    evidence = with_silicon(profile, sm_count=count)
    found = finding(evidence, "multiprocessors")
    assert (found.status, found.confidence) == (Status.FAIL, Confidence.LOW)
    assert found.message.startswith(f"By the one table that tells of it, {report(evidence).match.profile_name} has ")
    assert f"{count} ran, the number of " in found.message
    assert "genuine" in found.remedy
    assert report(evidence).verdict.authenticity == "suspect"


def test_a_count_that_no_model_has_leaves_the_card_open() -> None:
    """Then the table is likelier to be wrong than the card."""
    profile = doubtful()
    _, count = counts_of(profile)
    evidence = with_silicon(profile, sm_count=count)
    found = finding(evidence, "multiprocessors")
    assert found.status is Status.INCONCLUSIVE
    assert f"{count} ran, which no known SKU has" in found.message
    assert report(evidence).verdict.authenticity == "inconclusive"


def test_nor_does_a_driver_accuse_that_counts_as_the_silicon_does() -> None:
    """The driver reads the same fuses: what the census counts, it counts as well."""
    profile = doubtful()
    _, count = counts_of(profile)
    evidence = alter(with_silicon(profile, sm_count=count), nvml__core_count=count * profile.die.cores_per_sm)
    assert finding(evidence, "core-count").status is Status.INCONCLUSIVE
    assert report(evidence).verdict.authenticity == "inconclusive"


@pytest.mark.parametrize("more", [-2, 8])
def test_a_count_of_two_sources_settles_it(more: int) -> None:
    profile = catalog().by_id("geforce-rtx-3070")
    assert profile.corroborated
    count = profile.sm_counts[0] + more
    evidence = alter(with_silicon(profile, sm_count=count), nvml__core_count=count * profile.die.cores_per_sm)
    assert finding(evidence, "multiprocessors").confidence is Confidence.HIGH
    assert finding(evidence, "core-count").status is Status.FAIL
    assert report(evidence).verdict.authenticity == "counterfeit"


def test_a_cache_that_no_real_card_told_weighs_little() -> None:
    profile = next(p for p in catalog().all_profiles() if p.l2_cache_bytes == 4 * MIB and not p.l2_corroborated)
    evidence = with_silicon(profile, l2_cache_bytes=12 * MIB)
    found = finding(evidence, "l2-capacity")
    assert (found.status, found.confidence) == (Status.FAIL, Confidence.LOW)
    verdict = report(evidence).verdict
    assert [each.decibans for each in verdict.contributions if each.check == "l2-capacity"] == [-11]
    assert verdict.authenticity not in ALARMS


def test_a_cache_that_a_real_card_told_weighs_as_ever() -> None:
    profile = catalog().by_id("geforce-rtx-3070")
    assert profile.l2_corroborated
    evidence = with_silicon(profile, l2_cache_bytes=12 * MIB)
    found = finding(evidence, "l2-capacity")
    assert (found.status, found.confidence) == (Status.FAIL, Confidence.MEDIUM)
    assert report(evidence).verdict.authenticity != "authentic"


def test_a_cache_inferred_from_a_sister_card_weighs_as_one_of_a_table() -> None:
    inferred = [p for p in catalog().all_profiles() if "l2_inferred" in p.sources]
    assert inferred
    assert not any(p.l2_corroborated for p in inferred)
    found = finding(with_silicon(inferred[0], l2_cache_bytes=3 * (inferred[0].l2_cache_bytes or 0)), "l2-capacity")
    assert (found.status, found.confidence) == (Status.FAIL, Confidence.LOW)
