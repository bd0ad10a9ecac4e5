"""Drawings show what was measured: in its place, bounded in size, and nothing where nothing is known."""

import math
from typing import Any

import pytest

from gpucheck.model.units import GIB, KIB, MIB
from gpucheck.render.html.drawing import LEFT, RIGHT, WIDTH, horizontal, merged, round_steps, size
from gpucheck.render.html.error_map import error_map
from gpucheck.render.html.latency import latency_drawing
from gpucheck.render.html.slab import MOST_BARS, slab_drawing
from tests.builders import forged_card, make_card, make_evidence, make_latency, make_slab_map, make_walk
from tests.cards import evidence_of, report

EDGES = (LEFT, WIDTH - RIGHT)


def slow_at(window: int, windows: int, of: int = 256 * MIB) -> dict[str, Any]:
    """A map in which one window has half the rate."""
    rates = [930e9] * windows
    rates[window] = 465e9
    region = {"first_byte": window * of, "length_bytes": of, "bytes_per_second": 465e9, "ratio": 0.5}
    return {
        "tested_bytes": windows * of,
        "window_bytes": of,
        "bytes_per_second": tuple(rates),
        "window_lengths_bytes": (of,) * windows,
        "slow_regions": (region,),
    }


@pytest.mark.parametrize("windows", [40, 94, 151, 100_000])
def test_a_slow_window_is_seen_however_many_there_are(windows: int) -> None:
    place = windows // 3
    drawing = slab_drawing(make_card(evidence=make_evidence(slab_map=make_slab_map(**slow_at(place, windows)))))
    assert drawing is not None
    assert len(drawing.bars) <= MOST_BARS
    (slow,) = (bar for bar in drawing.bars if bar.slow)
    assert slow.height < min(bar.height for bar in drawing.bars if not bar.slow)
    share = (slow.x - EDGES[0]) / (EDGES[1] - EDGES[0])
    assert share == pytest.approx(place / windows, abs=1.5 / min(windows, MOST_BARS))
    assert "1 slow region." in drawing.summary
    assert drawing.regions[0].endswith("465.0 GB/s, 50 % of the median")


def test_memory_at_the_hosts_speed_is_called_so() -> None:
    drawing = slab_drawing(report(evidence_of("rtx-4090-paged")))
    assert drawing is not None
    assert drawing.regions[0].endswith("no faster than a host bus could be")


def test_regions_beyond_the_bound_are_counted() -> None:
    facts = slow_at(1, 40)
    facts["slow_regions"] = facts["slow_regions"] * 20
    drawing = slab_drawing(make_card(evidence=make_evidence(slab_map=make_slab_map(**facts))))
    assert drawing is not None
    assert drawing.regions[-1] == "12 further slow regions"


def test_without_a_map_the_rates_of_the_walk_are_drawn() -> None:
    from gpucheck.model.base import NOT_REQUESTED

    walk = make_walk(window_bytes=64 * MIB, window_bytes_per_second=(900e9, 890e9, 910e9))
    drawing = slab_drawing(make_card(evidence=make_evidence(slab_map=NOT_REQUESTED, memory_walk=walk)))
    assert drawing is not None
    assert len(drawing.bars) == 3
    assert "checking 3 windows of 64 MiB" in drawing.summary
    assert slab_drawing(make_card(evidence=make_evidence(slab_map=NOT_REQUESTED, memory_walk=NOT_REQUESTED))) is None


def test_rates_that_cannot_be_are_not_drawn() -> None:
    for rates in ((), (0.0,) * 94, (-1.0,) * 94):
        evidence = make_evidence(slab_map=make_slab_map(bytes_per_second=rates))
        assert slab_drawing(make_card(evidence=evidence)) is None


def test_the_curve_rises_from_left_to_right_and_marks_its_levels() -> None:
    drawing = latency_drawing(make_card())
    assert drawing is not None
    xs, ys = zip(*drawing.points, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True)
    assert [level.name for level in drawing.levels] == ["L1 cache", "L2 cache", "memory"]
    assert "about 72 MiB, between 68 MiB and 90 MiB" in drawing.summary
    assert drawing.knee is not None
    assert drawing.declared is not None
    assert drawing.knee[0] <= drawing.declared <= sum(drawing.knee)


def test_the_footprint_axis_is_logarithmic() -> None:
    axis = horizontal(KIB, GIB, logarithmic=True)
    middle = axis.at(MIB)
    assert middle == pytest.approx(sum(EDGES) / 2)
    assert axis.at(0) == EDGES[0]
    assert axis.at(1 << 80) == EDGES[1]


@pytest.mark.parametrize("points", [(), (-5,), (0, 7), (4096, 4096), (-1, -2)])
def test_too_few_usable_points_are_no_curve(points: tuple[int, ...]) -> None:
    told = tuple({"footprint_bytes": p, "cycles": 1.0, "nanoseconds": 1.0} for p in points)
    latency = make_latency(points=told, levels=())
    assert latency_drawing(make_card(evidence=make_evidence(latency=latency))) is None


def test_a_wrap_fills_its_lane_and_untested_memory_is_set_apart() -> None:
    found = error_map(forged_card())
    assert found is not None
    (fault,) = found.faults
    assert not fault.scattered
    assert fault.width > 0.97 * (EDGES[1] - EDGES[0])
    assert (fault.last, fault.wrong, fault.detail) == ("48 GiB", "24 GiB", "24 GiB apart")
    assert found.untested[1] > 0
    assert sum(found.untested) == pytest.approx(EDGES[1])
    assert "24,576 MiB of 48,500 MiB kept a value of their own in 2 passes (measured)." in found.summary
    assert "No wrong word" not in found.summary


def test_single_wrong_words_do_not_look_like_a_lost_stretch() -> None:
    found = error_map(report(evidence_of("rtx-3060-stuck-bit")))
    assert found is not None
    (fault,) = found.faults
    assert fault.scattered
    assert fault.detail.endswith("bit 17 of 64")
    assert found.summary.startswith("All but 48 bytes of 12,130 MiB kept")


def test_a_single_cell_can_be_seen() -> None:
    cell = {"kind": "stuck", "wrong_bytes": 8, "first_byte": 20 * GIB, "last_byte": 20 * GIB + 7, "bit": 3}
    walk = make_walk(faults=(cell,) * 30)
    found = error_map(make_card(evidence=make_evidence(memory_walk=walk)))
    assert found is not None
    assert found.faults[0].width >= 3
    assert not found.faults[0].scattered
    assert len(found.faults) + found.more == 30


def test_an_estimated_loss_and_what_else_it_may_be_are_told_as_such() -> None:
    lost = {"kind": "retention", "wrong_bytes": 8 * MIB, "first_byte": 0, "last_byte": GIB, "estimated": True}
    odd = {
        "kind": "stuck",
        "wrong_bytes": 16,
        "first_byte": 0,
        "last_byte": 15,
        "detail": "it is stuck",
        "doubt": "or not",
    }
    found = error_map(make_card(evidence=make_evidence(memory_walk=make_walk(faults=(lost, odd)))))
    assert found is not None
    assert [fault.wrong for fault in found.faults] == ["about 8 MiB", "16 bytes"]
    assert found.faults[1].detail == "it is stuck, or not"


def test_no_wrong_word_is_said_only_where_all_that_was_tested_kept_its_value() -> None:
    sound = error_map(make_card())
    assert sound is not None
    assert sound.summary.endswith("No wrong word was read.")
    doubtful = error_map(make_card(evidence=make_evidence(memory_walk=make_walk(distinct_bytes=GIB))))
    assert doubtful is not None
    assert "No wrong word" not in doubtful.summary


@pytest.mark.parametrize("high", [0.3, 1.0, 7.0, 931e9, 3.35e12, 1e19])
def test_marks_are_round_and_few(high: float) -> None:
    steps = round_steps(high, 4)
    assert 2 <= len(steps) <= 6
    assert steps[-1] <= high * 1.001
    digits = f"{steps[1]:e}"[0]
    assert digits in "125"


@pytest.mark.parametrize("high", [0.0, -1.0, math.inf])
def test_an_axis_without_length_has_one_mark(high: float) -> None:
    assert round_steps(high) == [0.0]


def test_sizes() -> None:
    values = (0, 1023, KIB, 1000 * MIB, 23.66 * GIB, 80 * GIB)
    assert [size(v) for v in values] == ["0 bytes", "1,023 bytes", "1 KiB", "1,000 MiB", "23.66 GiB", "80 GiB"]


def test_windows_without_length_are_left_out() -> None:
    assert merged((0, -5, 10, 20), (1.0, 2.0, 3.0, 4.0, 5.0), 10) == [(0, 10, 3.0), (10, 20, 4.0)]
