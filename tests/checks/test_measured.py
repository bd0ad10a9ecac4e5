"""Checks of what the silicon did."""

from typing import Any

import pytest

from gpucheck.model.base import NOT_REQUESTED
from gpucheck.model.finding import Kind, Status
from gpucheck.model.measured import MemoryFault, SlowRegion
from gpucheck.model.units import GIB, MIB, percent
from gpucheck.pipeline import Plan
from tests.cards import alter, evidence_from, evidence_of, finding, genuine, report


def fault(kind: str, **fields: object) -> MemoryFault:
    base = {"kind": kind, "wrong_bytes": 16, "first_byte": 4096, "last_byte": 4111}
    return MemoryFault.model_validate(base | fields)


def walked(**changes: object) -> dict[str, object]:
    return {f"memory_walk__{name}": value for name, value in changes.items()}


def walked_alone(**changes: object) -> dict[str, object]:
    """A card whose memory was walked, but whose rates were not mapped."""
    return {"slab_map": NOT_REQUESTED, **walked(**changes)}


def test_another_number_of_multiprocessors_is_another_die() -> None:
    result = report(alter(genuine(), census__sm_count=82))
    assert result.verdict.authenticity == "counterfeit"
    assert Kind.REMARKED in result.verdict.kinds


def test_machine_code_of_another_generation() -> None:
    assert finding(alter(genuine(), census__machine_code="8.6"), "compute-capability").status is Status.FAIL


def test_wrapping_memory_is_forged_and_the_true_size_is_told() -> None:
    real = 12 * GIB + 4096
    faults = (fault("wraparound", distance_bytes=real, wrong_bytes=12 * GIB),)
    found = finding(alter(genuine(), **walked(faults=faults, distinct_bytes=real)), "memory-capacity")
    assert found.status is Status.FAIL
    assert found.kinds == (Kind.CAPACITY_FORGED,)
    assert f"{real:,}" in found.message


@pytest.mark.parametrize("kind", ["limbo", "shuffled_alias"])
def test_other_ways_to_forge_capacity_tell_what_was_kept(kind: str) -> None:
    found = finding(alter(genuine(), **walked(faults=(fault(kind),), distinct_bytes=8 * GIB)), "memory-capacity")
    assert found.status is Status.FAIL
    assert f"{8 * GIB:,}" in found.message


def test_damaged_cells_before_the_end_exist_all_the_same() -> None:
    faults = (fault("limbo", first_byte=16 * GIB, last_byte=24 * GIB - 1), fault("retention", wrong_bytes=2 * GIB))
    result = report(alter(genuine(), **walked(faults=faults, distinct_bytes=14 * GIB)))
    assert f"{16 * GIB:,} bytes" in next(f.observed for f in result.findings if f.check == "memory-capacity")
    assert (result.verdict.authenticity, result.verdict.condition) == ("counterfeit", "defective")


@pytest.mark.parametrize(
    ("silicon", "real", "channels"),
    [
        ("geforce-rtx-4090", 10 * GIB, 10),
        ("geforce-rtx-4090", 12 * GIB + 4096, 2),
        ("geforce-rtx-3080-max-q", 6465239552, 2),
        ("rtx-500-mobile-ada-generation", 1541 * MIB, 10),
    ],
)
def test_a_dead_channel_does_not_blur_where_addresses_wrap(silicon: str, real: int, channels: int) -> None:
    dead = {"kind": "dead_channel", "channel": 0, "channels": channels, "granule_bytes": 128}
    wrap = {"kind": "wraparound", "real_bytes": real}
    document = {"title": "mine", "silicon": {"profile": silicon, "memory_fault": [wrap, dead]}}
    result = report(evidence_from(document, Plan(quick=True)))
    assert f"{real:,} bytes" in next(f.observed for f in result.findings if f.check == "memory-capacity")
    assert (result.verdict.authenticity, result.verdict.condition) == ("counterfeit", "defective")


@pytest.mark.parametrize(
    "broken",
    [
        fault("stuck", bit=17, value=1),
        fault("transition", bit=3, value=0),
        fault("retention"),
        fault("corruption"),
        fault("lost_write"),
    ],
    ids=lambda f: f.kind,
)
def test_damage_is_called_damage_and_never_forgery(broken: MemoryFault) -> None:
    result = report(alter(genuine(), **walked(faults=(broken,))))
    found = next(f for f in result.findings if f.check == "memory-faults")
    assert found.status is Status.FAIL
    assert "damage" in found.message
    assert result.verdict.condition == "defective"
    assert result.verdict.authenticity == "authentic"
    assert result.verdict.kinds == ()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"wrong_bytes": 16}, "bit 5 always reads 1 at byte 4,096"),
        ({"wrong_bytes": 3200}, "bit 5 always reads 1 in 200 places, the first at byte 4,096"),
        (
            {"wrong_bytes": 16, "doubt": "a tired cell looks the same"},
            "bit 5 reads 1 at byte 4,096 (a tired cell looks",
        ),
        ({"wrong_bytes": 16, "detail": "it is stuck; so are others"}, "bit 5 always reads 1 at byte 4,096."),
    ],
)
def test_a_bit_is_told_with_the_number_of_its_places_and_with_doubt(fields: dict[str, Any], says: str) -> None:
    found = finding(alter(genuine(), **walked(faults=(fault("stuck", bit=5, value=1, **fields),))), "memory-faults")
    assert says in found.message


def test_the_ends_of_what_is_damaged_are_told_apart() -> None:
    damaged = fault("retention", first_byte=2 * GIB + 32, last_byte=2 * GIB + 1055, wrong_bytes=144)
    found = finding(alter(genuine(), **walked(faults=(damaged,))), "memory-faults")
    assert "cells between bytes 2,147,483,680 and 2,147,484,703 forget" in found.message
    wide = finding(alter(genuine(), **walked(faults=(fault("retention", last_byte=3 * GIB),))), "memory-faults")
    assert "cells between 0 MiB and 3.00 GiB forget" in wide.message


def test_much_damaged_memory_is_never_authentic() -> None:
    dead = fault("dead_channel", channel=5, channels=12, granule_bytes=256, wrong_bytes=2 * GIB)
    result = report(alter(genuine(), **walked(faults=(dead,), distinct_bytes=22 * GIB)))
    assert result.verdict.authenticity == "inconclusive"
    assert result.verdict.condition == "defective"


@pytest.mark.parametrize("channels", [12, 32, 64])
def test_a_dead_channel_is_damage_and_forbids_authentic_however_little_it_takes(channels: int) -> None:
    lost = genuine().memory_walk.tested_bytes // channels  # type: ignore[union-attr]
    dead = fault("dead_channel", channel=5, channels=channels, granule_bytes=256, wrong_bytes=lost)
    kept = genuine().memory_walk.tested_bytes - lost  # type: ignore[union-attr]
    result = report(alter(genuine(), **walked(faults=(dead,), distinct_bytes=kept)))
    assert (result.verdict.authenticity, result.verdict.condition) == ("inconclusive", "defective")
    found = next(f for f in result.findings if f.check == "memory-capacity")
    assert found.status is Status.INCONCLUSIVE
    assert "damaged, not forged" in found.message


def test_untested_memory_is_not_a_pass() -> None:
    walk = genuine().memory_walk
    total = walk.total_bytes  # type: ignore[union-attr]
    part = walked(tested_bytes=total // 2, distinct_bytes=total // 2, untested_bytes=total - total // 2)
    found = finding(alter(genuine(), **part), "memory-capacity")
    assert found.status is Status.INCONCLUSIVE
    assert "50.0 %" in found.message


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        (
            {"display_in_use_bytes": 900 * MIB},
            ". End the desktop and scan again from a text console, or with the display on another card.",
        ),
        (
            {"display_in_use_bytes": 900 * MIB, "processes": [2000]},
            ". Close other programs, end the desktop and scan again from a text console, or with the display on",
        ),
        ({"windows": True}, "no other process is on the card. Scan under Linux, where less is kept back."),
        (
            {"windows": True, "display_in_use_bytes": 900 * MIB},
            ". Scan again with the display on another card or on the processor's graphics, or scan under Linux, where",
        ),
        (
            {"windows": True, "display_in_use_bytes": 900 * MIB, "processes": [700]},
            ". Close other programs and scan again with the display on another card or on the processor's graphics, or",
        ),
        ({"wsl": True, "processes": [2000]}, "Close other programs, or scan under Linux, where less is kept back."),
        ({"processes": [2000]}, "Close other programs and scan again."),
    ],
)
def test_who_holds_untested_memory_and_how_it_comes_free_is_in_the_first_lines(
    environment: dict[str, Any], way: str
) -> None:
    card = {"title": "in use", "silicon": {"profile": "geforce-rtx-4060"}, "environment": environment}
    told = report(evidence_from(card)).verdict
    assert told.authenticity == "inconclusive"
    assert "of the memory was free to be tested: " in told.explanation
    assert "held by" in told.explanation
    assert way in told.explanation


def test_memory_that_nobody_is_known_to_hold_is_for_others_in_containers_to_free() -> None:
    walk = genuine().memory_walk
    total = walk.total_bytes  # type: ignore[union-attr]
    part = walked(tested_bytes=total // 2, distinct_bytes=total // 2, untested_bytes=total - total // 2)
    evidence = alter(genuine(), nvml__processes=(), nvml__display_active=False, **part)
    assert finding(evidence, "memory-capacity").message.endswith(
        " Stop what else uses the card, also in containers, and scan again."
    )


def test_memory_that_cuda_does_not_state_is_not_said_to_be_held_by_anybody() -> None:
    told = finding(evidence_of("replaced-nvml-library"), "memory-capacity")
    assert told.status is Status.INCONCLUSIVE
    assert told.message.startswith("CUDA states 12.00 GiB in all, so only 49.4 % of the declared 23.99 GiB was tested.")
    assert "other programs" not in told.message


@pytest.mark.parametrize("environment", [{"display_in_use_bytes": 900 * MIB}, {"windows": True}])
@pytest.mark.parametrize("profile", ["geforce-rtx-4090", "geforce-rtx-4080", "geforce-rtx-5090"])
def test_a_desktop_on_a_large_card_keeps_nothing_open(profile: str, environment: dict[str, Any]) -> None:
    card = {"title": "at home", "silicon": {"profile": profile}, "environment": environment}
    assert report(evidence_from(card)).verdict.authenticity == "authentic"


def test_a_walk_that_saw_less_than_nvml_declares_is_not_a_pass() -> None:
    walk = genuine().memory_walk
    half = walk.total_bytes // 2  # type: ignore[union-attr]
    part = walked(total_bytes=half, tested_bytes=half, distinct_bytes=half, untested_bytes=0)
    assert finding(alter(genuine(), **part), "memory-capacity").status is Status.INCONCLUSIVE


def test_memory_at_bus_speed_is_the_hosts() -> None:
    slow = SlowRegion(first_byte=16 * GIB, length_bytes=7 * GIB, bytes_per_second=25e9, ratio=0.03)
    paged = alter(genuine(), **walked_alone(slow_regions=(slow,)))
    result = report(paged)
    assert result.verdict.authenticity == "counterfeit"
    assert result.verdict.kinds == (Kind.PAGED,)
    assert "host" in next(f for f in result.findings if f.check == "memory-residency").message


def test_memory_that_is_slow_everywhere_is_not_shown_to_be_the_cards() -> None:
    rates = tuple(r * 0.05 for r in genuine().memory_walk.window_bytes_per_second)  # type: ignore[union-attr]
    found = finding(alter(genuine(), **walked_alone(window_bytes_per_second=rates)), "memory-residency")
    assert found.status is Status.INCONCLUSIVE
    assert "simulated" in found.observed


@pytest.mark.parametrize("real", [GIB // 16, GIB // 8, GIB // 4, GIB // 2, GIB, 3 * GIB])
def test_little_memory_and_the_host_for_the_rest_is_counterfeit(real: int) -> None:
    silicon = {"profile": "geforce-rtx-4090", "memory_bytes": real, "memory_fault": [{"kind": "paged"}]}
    declared = {"profile": "geforce-rtx-4090"}
    result = report(evidence_from({"title": "little", "silicon": silicon, "declared": declared}))
    assert result.verdict.authenticity == "counterfeit"
    assert result.verdict.kinds == (Kind.PAGED,)


def test_the_window_that_card_and_host_share_is_no_damage() -> None:
    window = genuine().memory_walk.window_bytes  # type: ignore[union-attr]
    shared = SlowRegion(first_byte=16 * GIB - window, length_bytes=window, bytes_per_second=300e9, ratio=0.33)
    hosts = SlowRegion(first_byte=16 * GIB, length_bytes=7 * GIB, bytes_per_second=25e9, ratio=0.03)
    result = report(alter(genuine(), **walked_alone(slow_regions=(shared, hosts))))
    assert result.verdict.kinds == (Kind.PAGED,)
    assert result.verdict.condition == "good"


@pytest.mark.parametrize(("slow_mib", "verdict"), [(512, "authentic"), (700, "authentic"), (1536, "counterfeit")])
def test_the_last_half_gigabyte_of_a_gtx_970_is_slow_by_build(slow_mib: int, verdict: str) -> None:
    size, slow = 4 * GIB, slow_mib << 20
    region = {"kind": "slow_region", "start_bytes": size - slow, "length_bytes": slow, "factor": 0.14}
    card = {"title": "970", "silicon": {"profile": "geforce-gtx-970", "memory_fault": [region]}}
    assert report(evidence_from(card)).verdict.authenticity == verdict


def test_windows_lends_memory_by_design() -> None:
    slow = SlowRegion(first_byte=16 * GIB, length_bytes=7 * GIB, bytes_per_second=25e9, ratio=0.03)
    evidence = alter(genuine(), **walked_alone(slow_regions=(slow,)))
    windows = alter(evidence, host=evidence.host.model_copy(update={"windows": True}))
    assert finding(windows, "memory-residency").status is Status.INCONCLUSIVE
    assert report(windows).verdict.authenticity == "inconclusive"


def test_a_slow_region_is_damage() -> None:
    slow = SlowRegion(first_byte=8 * GIB, length_bytes=2 * GIB, bytes_per_second=500e9, ratio=0.5)
    result = report(alter(genuine(), **walked_alone(slow_regions=(slow,))))
    assert result.verdict.condition == "defective"
    assert result.verdict.kinds == ()


@pytest.mark.parametrize(
    ("rate", "status"),
    [
        (950e9, Status.PASS),
        (1008e9 * 1.11, Status.PASS),
        (800e9, Status.PASS),
        (760e9, Status.INCONCLUSIVE),
        (600e9, Status.INCONCLUSIVE),
        (300e9, Status.FAIL),
        (1300e9, Status.FAIL),
    ],
)
def test_bandwidth_bands(rate: float, status: Status) -> None:
    rates = {"read": rate, "write": rate * 0.98, "copy": rate * 0.9}
    card = alter(genuine(), **{f"bandwidth__{name}_bytes_per_second": value for name, value in rates.items()})
    assert finding(card, "memory-bandwidth").status is status


def test_counters_speak_of_condition() -> None:
    grave = alter(genuine(), nvml__row_remap_failure=True)
    worn = alter(genuine(), nvml__row_remap_uncorrectable=2, nvml__row_remap_failure=False)
    assert report(grave).verdict.condition == "defective"
    assert report(worn).verdict.condition == "worn"
    assert report(worn).verdict.authenticity == "authentic"
    assert finding(worn, "memory-health").status is Status.PASS
    assert "wear" in finding(worn, "memory-health").message


@pytest.mark.parametrize(
    ("scenario", "needed"),
    [("rtx-4090", "92.5 %"), ("rtx-5090", "94.4 %"), ("gtx-1060-6gb", "90.0 %"), ("h100-80gb", "97.0 %")],
)
def test_half_a_partition_cannot_hide_in_what_may_stay_untested(scenario: str, needed: str) -> None:
    assert finding(evidence_of(scenario), "memory-capacity").expected == f"at least {needed}"


def test_simulated_numbers_are_never_called_measured() -> None:
    for scenario in ("rtx-3090-as-rtx-4090", "rtx-4090-paged", "rtx-4090-48gb-forged", "rtx-4090"):
        for found in report(evidence_of(scenario)).findings:
            assert "(measured)" not in found.observed + found.expected + found.message
    real = alter(evidence_of("rtx-3090-as-rtx-4090"), simulated=None)
    assert "(measured)" in finding(real, "multiprocessors").observed


def test_a_slice_is_named_as_such_in_the_explanation() -> None:
    verdict = report(evidence_of("h100-mig")).verdict
    assert verdict.authenticity == "inconclusive"
    assert "MIG" in verdict.explanation
    assert verdict.coverage < 0.6, "most of what tells cards apart cannot be seen from within a slice"


def test_a_walked_card_is_not_sent_to_the_walk_again() -> None:
    size = finding(evidence_of("rtx-4090-48gb-forged"), "memory-size")
    assert "memory walk" not in size.remedy
    assert size.observed == "49,140 MiB (declared)"
    real = finding(evidence_of("rtx-4090-48gb-forged"), "memory-capacity")
    assert real.observed == "25,769,803,776 bytes (simulated)"


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("address", [5 * GIB + 16, 7 * GIB + 4096, 11 * GIB, 20 * GIB + 8])
def test_one_cell_that_cannot_change_is_found_in_whatever_state_it_begins(address: int, value: int) -> None:
    cell = {"kind": "transition", "addresses": [address], "bit": 17, "value": value}
    card = {"title": "one cell", "silicon": {"profile": "geforce-rtx-4090", "memory_fault": [cell]}}
    verdict = report(evidence_from(card)).verdict
    assert (verdict.authenticity, verdict.condition) == ("authentic", "defective")


def test_a_slice_does_not_prove_the_memory_of_the_card() -> None:
    assert finding(evidence_of("h100-mig"), "memory-capacity").status is Status.INCONCLUSIVE


def test_what_is_not_all_is_never_shown_as_a_hundred_percent() -> None:
    shown = [percent(0.9999), percent(0.99999, 1), percent(1.0), percent(1.0, 1), percent(0.994), percent(1.06)]

    assert shown == ["99 %", "99.9 %", "100 %", "100.0 %", "99 %", "106 %"]
