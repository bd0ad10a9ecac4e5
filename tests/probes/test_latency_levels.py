"""What a curve of latency says, for published curves of real cards and for made ones."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.model.measured import LatencyPoint
from gpucheck.model.units import KIB, MIB
from gpucheck.probes import latency_levels
from gpucheck.probes.latency_levels import Reading
from tests.probes.published_latency import CURVES

TRUTH = {"V100": 6, "A100 40 GB": 40, "A100 80 GB": 40, "H100 PCIe": 50, "L40": 96}
"""Second-level caches in MiB, as data sheets state them."""
SPLIT = {"A100 40 GB": 20, "A100 80 GB": 20, "H100 PCIe": 25}


def points(curve: Sequence[tuple[float, float]]) -> list[LatencyPoint]:
    return [LatencyPoint(footprint_bytes=int(k * KIB), cycles=c, nanoseconds=c * 0.6) for k, c in curve]


def published(name: str, noise: float = 0.0, seed: int = 1) -> Reading:
    random = np.random.default_rng(seed)
    curve = [(float(kib), cycles * (1 + noise * random.standard_normal())) for kib, cycles in CURVES[name]]
    return latency_levels.read(points(curve))


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("name", TRUTH)
def test_the_cache_of_real_cards_is_read_from_their_curves(name: str, noise: float) -> None:
    found, truth = published(name, noise), TRUTH[name] * MIB
    assert None not in (found.capacity, found.least, found.most)
    assert found.capacity == pytest.approx(truth, rel=0.1)
    assert 0.9 * truth <= (found.least or 0) <= (found.capacity or 0) <= (found.most or 0) <= 1.6 * truth


@pytest.mark.parametrize("name", TRUTH)
def test_levels_of_real_cards(name: str) -> None:
    levels = {level.level: level for level in published(name).levels}
    far = ["l2_far"] if name in SPLIT else []
    assert list(levels) == ["l1", "l2", *far, "dram"]
    assert 29 < levels["l1"].cycles < 37
    assert 209 < levels["l2"].cycles < 278
    assert levels["dram"].cycles == pytest.approx(max(cycles for _, cycles in CURVES[name]), rel=0.03)
    if far:
        assert levels["l2"].largest_footprint_bytes == pytest.approx(SPLIT[name] * MIB, rel=0.15)
        assert 1.7 < levels["l2_far"].cycles / levels["l2"].cycles < 2.1


@pytest.mark.parametrize("name", TRUTH)
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, 0.75])
def test_a_coarse_curve_brackets_the_truth(name: str, shift: float) -> None:
    """Factors of 2, and nothing around the knee: the bracket is wide, but never beside the cache."""
    kib, cycles = (np.array(column) for column in zip(*CURVES[name], strict=True))
    sizes = 16 * 2.0 ** (np.arange(17) + shift)
    curve = list(zip(sizes.tolist(), np.interp(np.log(sizes), np.log(kib), cycles).tolist(), strict=True))
    found = latency_levels.read(points(curve))
    assert found.least is not None
    assert found.most is not None
    assert found.least <= 1.05 * TRUTH[name] * MIB
    assert found.most >= TRUTH[name] * MIB


def made(sizes: list[float], levels: list[float], octaves: int = 3) -> list[tuple[float, float]]:
    """A curve in KiB that leaves a level at each size, as published curves do."""
    kib = 16 * 2.0 ** (np.arange(20 * octaves) / octaves)
    time = np.full(kib.size, float(levels[0]))
    for size, level in zip(sizes, levels[1:], strict=True):
        time += (1 - np.minimum(1.0, np.exp(6 * (1 - kib / size)))) * (level - time)
    return list(zip(kib.tolist(), time.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    mib=st.floats(1, 128),
    l2=st.floats(190, 360),
    apart=st.floats(1.35, 4),
    split=st.booleans(),
    noise=st.floats(0, 0.02),
    seed=st.integers(0, 1000),
)
def test_any_cache_lies_in_its_bracket(
    mib: float, l2: float, apart: float, split: bool, noise: float, seed: int
) -> None:
    inner = [(mib / 2 * KIB, 1.8 * l2)] if split else []
    far = 1.8 * l2 if split else l2
    knees = [(96.0, l2), *inner, (mib * KIB, far * apart)]
    random = np.random.default_rng(seed)
    curve = [
        (kib, cycles * (1 + noise * float(np.clip(random.standard_normal(), -3, 3))))
        for kib, cycles in made([size for size, _ in knees], [35.0, *(cycles for _, cycles in knees)], octaves=8)
    ]
    found = latency_levels.read(points(curve))
    assert found.least is not None
    assert found.most is not None
    assert found.least <= 1.2 * mib * MIB
    assert found.most >= 0.9 * mib * MIB


def test_a_second_step_of_memory_is_its_page_table() -> None:
    found = latency_levels.read(points(made([128, 6 * KIB, 2048 * KIB], [35, 230, 520, 700])))
    assert [level.level for level in found.levels] == ["l1", "l2", "dram", "dram_tlb"]
    assert found.capacity == pytest.approx(6 * MIB, rel=0.15)


def test_silicon_without_a_first_level_for_global_loads() -> None:
    found = latency_levels.read(points(made([1536], [205, 360])))
    assert [level.level for level in found.levels] == ["l2", "dram"]
    assert found.capacity == pytest.approx(1.5 * MIB, rel=0.15)


@pytest.mark.parametrize("curve", [[], [(16, 30.0)], [(16 * 2**n, 300.0) for n in range(12)]])
def test_no_knee_is_no_capacity(curve: list[tuple[float, float]]) -> None:
    found = latency_levels.read(points(curve))
    assert (found.capacity, found.least, found.most) == (None, None, None)


def test_noise_alone_is_no_level() -> None:
    random = np.random.default_rng(4)
    curve = [(16 * 2 ** (n / 3), 300 * (1 + 0.02 * random.standard_normal())) for n in range(60)]
    assert len(latency_levels.read(points(curve)).levels) == 1
