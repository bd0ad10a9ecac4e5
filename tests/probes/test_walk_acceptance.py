"""Any fault on any size of card: found, and named with its true kind, size and place. The fault-free card has none.

The examples are drawn once and for all. ``WALK_EXAMPLES`` asks for more of each, drawn afresh.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gpucheck.model.measured import MemoryFault, MemoryWalk, SlowRegion
from gpucheck.model.units import GIB, MIB
from gpucheck.probes import memory_walk
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation.faults import (
    DeadChannel,
    Fault,
    Limbo,
    Paged,
    Retention,
    ShuffledAlias,
    Stuck,
    Transition,
    Wraparound,
)
from gpucheck.simulation.faults import (
    SlowRegion as SlowFault,
)
from tests.simulation.reference_walk import device

MORE = int(os.environ.get("WALK_EXAMPLES", "0"))
PAGE = 2 * MIB
SAMPLED = 256 << 10
"""Of so many bytes, far from any edge, the simulation looks at one vector."""


def few(examples: int) -> settings:
    """So many examples, always the same ones, unless more are asked for."""
    phases = (Phase.explicit, Phase.generate)
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=MORE or examples,
        derandomize=not MORE,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=checks,
    )


WHOLE = st.integers(8, 720).map(lambda n: n * 256 * MIB)
ODD = st.integers(2 * GIB // 256, 180 * GIB // 256).map(lambda n: n * 256)
SIZES = WHOLE | ODD
QUICK = st.booleans()
SWIZZLES = st.just(0) | st.integers(1, 8191)


def walk(size: int, *faults: Fault, quick: bool = False, noise: float = 0.0, seed: int = 3) -> MemoryWalk:
    card = device(size, *faults, noise=noise, seed=seed)
    before = card.memory_info()
    found = memory_walk.probe(card, ProbeOptions(seed=seed, quick=quick))
    assert card.memory_info() == before
    assert found.tested_bytes + found.untested_bytes == found.total_bytes == size
    assert found.tested_bytes >= 0.95 * size - 128 * MIB
    return found


def only(found: MemoryWalk) -> MemoryFault:
    assert len(found.faults) == 1, found.faults
    return found.faults[0]


def multiple(low: int, high: int, of: int = 256) -> st.SearchStrategy[int]:
    return st.integers(-(-low // of), high // of).map(lambda n: n * of)


def real_size(data: st.DataObject, size: int, of: int = 256) -> int:
    """Where real memory may end: from a 32nd of what is declared to shortly before what can be walked."""
    least, most = max(64 * MIB, size // 32), int(0.9 * size)
    return data.draw(multiple(least, most, of) | multiple(size // 4, most, of), "real")


@few(4)
@given(size=SIZES, quick=QUICK)
def test_a_sound_card_has_no_error(size: int, quick: bool) -> None:
    found = walk(size, quick=quick, noise=0.01)
    assert (found.faults, found.slow_regions) == ((), ())
    assert found.distinct_bytes == found.tested_bytes
    assert [tier.tier for tier in found.tiers] == ["page_marks", "stripes", "full"]
    assert not any(tier.wrong_bytes or tier.decoded for tier in found.tiers)


@few(6)
@given(size=SIZES, swizzle=SWIZZLES, quick=QUICK, data=st.data())
def test_any_wraparound(size: int, swizzle: int, quick: bool, data: st.DataObject) -> None:
    real = real_size(data, size)
    found = walk(size, Wraparound(kind="wraparound", real_bytes=real, swizzle=swizzle), quick=quick)
    fault = only(found)
    assert (fault.kind, fault.distance_bytes) == ("wraparound", real)
    assert found.distinct_bytes == pytest.approx(
        real, abs=PAGE * (1 + size // real) if swizzle or size > 2 * real else 0
    )
    early = [tier for tier in found.tiers if tier.tier in ("page_marks", "stripes")]
    assert sum(tier.wrong_bytes for tier in early) or found.tested_bytes - real < 512 * MIB


@pytest.mark.parametrize("swizzle", [2048, 4096, 6144])
def test_an_order_that_comes_round_again_after_some_rounds_is_a_wrap(swizzle: int) -> None:
    """Most partners lie twelve rounds apart, after which the sectors are in their first order again."""
    real = 14_591_886_592
    fault = only(walk(193_273_528_320, Wraparound(kind="wraparound", real_bytes=real, swizzle=swizzle), quick=True))
    assert (fault.kind, fault.distance_bytes) == ("wraparound", real)


@pytest.mark.parametrize(("real", "swizzle"), [(2 * MIB, 0), (5 * MIB + 16 * 77, 0), (4 * MIB, 77), (64 * MIB, 0)])
def test_addresses_that_start_over_a_thousand_times_are_a_wrap(real: int, swizzle: int) -> None:
    """One value is read at thousands of addresses, and yet is no leftover of the bus."""
    fault = only(walk(12 * GIB, Wraparound(kind="wraparound", real_bytes=real, swizzle=swizzle), quick=True))
    assert (fault.kind, fault.distance_bytes) == ("wraparound", real)


@few(3)
@given(size=SIZES, swizzle=SWIZZLES, quick=QUICK, seed=st.integers(0, 99), data=st.data())
def test_any_shuffled_pages(size: int, swizzle: int, quick: bool, seed: int, data: st.DataObject) -> None:
    real = real_size(data, size)
    fault = ShuffledAlias(kind="shuffled_alias", real_bytes=real, swizzle=swizzle)
    card = device(size, fault, seed=seed)
    found = memory_walk.probe(card, ProbeOptions(seed=seed, quick=quick))
    named = only(found)
    assert named.kind == "shuffled_alias"
    frames = real // PAGE
    assert found.distinct_bytes == pytest.approx(frames * PAGE, abs=PAGE)
    assert named.wrong_bytes == pytest.approx(found.tested_bytes - frames * PAGE, abs=2 * PAGE)
    lines = card._blocks.memory._map
    for tier in found.tiers:
        for one, other in (*named.pairs, *tier.pairs):
            pages = lines.physical[[one // PAGE, other // PAGE]]
            assert one != other
            assert pages[0] == pages[1]
    marks = found.tiers[0]
    assert swizzle or marks.pairs_seen == found.tested_bytes // PAGE - frames


@few(4)
@given(size=SIZES, quick=QUICK, data=st.data())
def test_any_limbo(size: int, quick: bool, data: st.DataObject) -> None:
    real = real_size(data, size)
    found = walk(size, Limbo(kind="limbo", real_bytes=real), quick=quick)
    fault = only(found)
    assert (fault.kind, fault.first_byte) == ("limbo", real)
    assert found.tested_bytes - SAMPLED <= fault.last_byte < found.tested_bytes
    assert found.distinct_bytes == real
    assert found.tiers[0].decoded.keys() == {"constant"}


def cells(size: int, least: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.sets(multiple(0, int(0.9 * size), 8), min_size=least, max_size=40).map(tuple)


@few(5)
@given(size=SIZES, bit=st.integers(0, 63), value=st.sampled_from([0, 1]), data=st.data())
def test_any_stuck_bit(size: int, bit: int, value: Any, data: st.DataObject) -> None:
    addresses = data.draw(cells(size, 1))
    found = walk(size, Stuck(kind="stuck", addresses=addresses, bit=bit, value=value))
    fault = only(found)
    assert (fault.kind, fault.bit, fault.value) == ("stuck", bit, value)
    vectors = {address // 16 for address in addresses}
    assert fault.wrong_bytes == 16 * len(vectors) == found.tested_bytes - found.distinct_bytes
    assert (fault.first_byte, fault.last_byte) == (16 * min(vectors), 16 * max(vectors) + 15)


@few(3)
@given(size=SIZES, bit=st.integers(0, 63), value=st.sampled_from([0, 1]), data=st.data())
def test_any_stuck_bit_in_one_pass(size: int, bit: int, value: Any, data: st.DataObject) -> None:
    found = walk(size, Stuck(kind="stuck", addresses=data.draw(cells(size, 24)), bit=bit, value=value), quick=True)
    fault = only(found)
    assert (fault.kind, fault.bit, fault.value) == ("stuck", bit, value)


@few(5)
@given(size=SIZES, bit=st.integers(0, 63), value=st.sampled_from([0, 1]), data=st.data())
def test_any_bit_that_cannot_change(size: int, bit: int, value: Any, data: st.DataObject) -> None:
    addresses = data.draw(cells(size, 24))
    found = walk(size, Transition(kind="transition", addresses=addresses, bit=bit, value=value))
    fault = only(found)
    assert (fault.kind, fault.bit, fault.value) == ("transition", bit, value)
    assert fault.wrong_bytes == 16 * len({address // 16 for address in addresses})


@few(3)
@given(
    size=SIZES,
    channels=st.integers(2, 96),
    granule=st.sampled_from([32, 64, 128, 256, 512, 1024, 4096]),
    quick=QUICK,
    data=st.data(),
)
def test_any_dead_channel(size: int, channels: int, granule: int, quick: bool, data: st.DataObject) -> None:
    channel = data.draw(st.integers(0, channels - 1))
    dead = DeadChannel(kind="dead_channel", channel=channel, channels=channels, granule_bytes=granule)
    found = walk(size, dead, quick=quick)
    fault = only(found)
    assert fault.kind == "dead_channel"
    assert (fault.channel, fault.channels, fault.granule_bytes) == (channel, channels, granule)
    assert fault.wrong_bytes == pytest.approx(found.tested_bytes / channels, rel=0.01)


@few(4)
@given(size=SIZES, quick=QUICK, data=st.data())
def test_any_region_that_forgets(size: int, quick: bool, data: st.DataObject) -> None:
    start = data.draw(multiple(0, int(0.8 * size), 16), "start")
    length = data.draw(multiple(64 << 10, int(0.1 * size), 16), "length")
    found = walk(size, Retention(kind="retention", start_bytes=start, length_bytes=length), quick=quick)
    fault = only(found)
    assert fault.kind == "retention"
    assert start <= fault.first_byte < start + 8192
    assert start + length - 8192 < fault.last_byte < start + length


@pytest.mark.parametrize(("size", "start"), [(41 * GIB, 7 * GIB), (141 * GIB, 99 * GIB), (8 * GIB, 3 * GIB)])
@pytest.mark.parametrize("quick", [True, False])
def test_a_region_that_forgets_is_seen_beside_a_dead_channel(size: int, start: int, quick: bool) -> None:
    dead = DeadChannel(kind="dead_channel", channel=5, channels=24, granule_bytes=256)
    weak = Retention(kind="retention", start_bytes=start, length_bytes=32 * MIB)
    found = {fault.kind: fault for fault in walk(size, dead, weak, quick=quick).faults}
    assert found.keys() == {"dead_channel", "retention"}
    assert found["dead_channel"].channels == 24
    assert start <= found["retention"].first_byte < start + MIB
    assert start + 31 * MIB < found["retention"].last_byte < start + 36 * MIB


def test_what_stands_out_does_not_swell_with_what_lies_beside_it() -> None:
    """Slices from the few regions that forget stand for those, not for the shared pages between them."""
    weak = Retention(kind="retention", start_bytes=23 * GIB, length_bytes=512 * MIB)
    shared = ShuffledAlias(kind="shuffled_alias", real_bytes=84 * GIB)
    faults = walk(141 * GIB, weak, shared, quick=True).faults
    assert faults[0].kind == "shuffled_alias"
    assert sum(fault.wrong_bytes for fault in faults[1:]) < 200 * MIB


@few(12)
@given(size=SIZES, vectors=st.integers(4, 64), quick=QUICK, seed=st.integers(0, 999), data=st.data())
def test_a_few_cells_that_forget(size: int, vectors: int, quick: bool, seed: int, data: st.DataObject) -> None:
    """Three passes see too little of them: they are asked again, and are right now and then, as no stuck bit is."""
    start = data.draw(multiple(0, int(0.9 * size), 16), "start")
    weak = Retention(kind="retention", start_bytes=start, length_bytes=16 * vectors)
    found = walk(size, weak, quick=quick, seed=seed)
    assert {fault.kind for fault in found.faults} <= {"retention"}
    assert len(found.faults) <= 1
    assert bool(found.faults) == (found.distinct_bytes < found.tested_bytes)


def region(found: MemoryWalk) -> SlowRegion:
    assert len(found.slow_regions) == 1, found.slow_regions
    assert found.faults == ()
    assert found.distinct_bytes == found.tested_bytes
    return found.slow_regions[0]


@few(6)
@given(size=SIZES, factor=st.floats(0.05, 0.75), quick=QUICK, seed=st.integers(0, 99), data=st.data())
def test_any_slow_region(size: int, factor: float, quick: bool, seed: int, data: st.DataObject) -> None:
    length = data.draw(multiple(96 * MIB, size // 3, MIB), "length")
    start = data.draw(multiple(0, int(0.95 * size) - 64 * MIB - length, MIB), "start")
    slow = SlowFault(kind="slow_region", start_bytes=start, length_bytes=length, factor=factor)
    found = region(walk(size, slow, quick=quick, noise=0.005, seed=seed))
    assert found.first_byte == pytest.approx(start, abs=32 * MIB)
    assert found.length_bytes == pytest.approx(length, abs=48 * MIB)
    assert found.ratio == pytest.approx(factor, rel=0.2)


@few(6)
@given(size=SIZES, factor=st.floats(0.005, 0.2), quick=QUICK, seed=st.integers(0, 99), data=st.data())
def test_any_memory_that_is_the_hosts(size: int, factor: float, quick: bool, seed: int, data: st.DataObject) -> None:
    real = real_size(data, size)
    paged = walk(size, Paged(kind="paged", real_bytes=real, factor=factor), quick=quick, noise=0.005, seed=seed)
    found = region(paged)
    assert found.first_byte == pytest.approx(real, abs=32 * MIB)
    assert found.first_byte + found.length_bytes == paged.tested_bytes
    assert found.ratio == pytest.approx(factor, rel=0.2)


@pytest.mark.parametrize(("size", "real", "factor"), [(2147483648, 1739532800, 0.1527), (4361443072, 1648571392, 0.1)])
def test_short_windows_behind_a_shared_one_do_not_blur_where_the_hosts_memory_begins(
    size: int, real: int, factor: float
) -> None:
    paged = walk(size, Paged(kind="paged", real_bytes=real, factor=factor), quick=True, noise=0.005, seed=0)
    found = region(paged)
    assert found.first_byte == pytest.approx(real, abs=32 * MIB)
    assert found.ratio == pytest.approx(factor, rel=0.2)


@pytest.mark.parametrize(
    ("channels", "granule"),
    [
        *((12, 16), (6, 32768), (12, 1 << 20), (8, 2 << 20), (2, 8 << 20), (40, 256 << 10), (256, 64 << 10)),
        *((4, 768), (40, 48), (100, 48), (37, 409_600), (5, 3 << 20)),
    ],
)
def test_a_dead_channel_of_any_granule_is_no_end_of_memory(channels: int, granule: int) -> None:
    """Channels that take turns at whole MiB leave whole regions wrong, as limbo does: that would be an accusation."""
    for channel in (0, channels // 2, channels - 1):
        dead = DeadChannel(kind="dead_channel", channel=channel, channels=channels, granule_bytes=granule)
        found = walk(12 * GIB, dead, quick=True)
        fault = only(found)
        assert (fault.kind, fault.channel, fault.channels) == ("dead_channel", channel, channels)
        assert fault.granule_bytes == granule
        assert fault.wrong_bytes == pytest.approx(found.tested_bytes / channels, rel=0.01)
