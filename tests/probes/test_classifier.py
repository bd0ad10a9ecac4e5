"""The classifier on made-up logs: any size, any wrap, any comb, the log's cap, and mixtures."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gpucheck.model.measured import MemoryFault
from gpucheck.probes import memory_faults
from gpucheck.probes.pattern import ALL_ONES, Values, pattern
from gpucheck.probes.walk_journal import Observed, U64s, credible, region_count, region_sizes

SEED = 0x1234_5678_9ABC
PAGE = (2 << 20) // 16
quick = settings(max_examples=20, deadline=None)
Read = tuple[NDArray[np.int64], U64s]
"""Wrong indices in ascending order, and what was read there, shape (n, 2)."""


def observe(read: Read, vectors: int, complement: int = 0) -> Observed:
    """What the journal would hold: exact counts, and of each page the first rows and some from all over it."""
    index, got = read
    starts = np.searchsorted(index, np.arange(0, vectors + PAGE, PAGE))
    first = [np.arange(a, min(a + 256, b)) for a, b in pairwise(starts)]
    spread = [np.arange(a, b, max(1, (b - a) // 251)) for a, b in pairwise(starts)]
    kept = np.unique(np.concatenate([*first, *spread]))
    expected = np.stack(pattern(index[kept].astype(np.uint64), SEED, complement), axis=1)
    rows = np.concatenate([index[kept, None].astype(np.uint64), expected, got[kept]], axis=1)
    regions = np.bincount(index >> 16, minlength=region_count(vectors)).astype(np.uint32)
    lowest, highest = (int(index[0]), int(index[-1])) if index.size else (None, None)
    now, other = Values(SEED, complement), Values(SEED, complement ^ ALL_ONES)
    seen = credible(rows, now, vectors)
    return Observed(now, seen, regions, lowest, highest, kept.size == index.size, (other,))


def classify(vectors: int, *reads: Read) -> tuple[MemoryFault, ...]:
    passes = [observe(read, vectors, ALL_ONES if n % 2 else 0) for n, read in enumerate(reads)]
    return memory_faults.classify(passes, vectors)


def values(index: NDArray[np.int64], complement: int = 0) -> U64s:
    return np.stack(pattern(index.astype(np.uint64), SEED, complement), axis=1)


def last_writer(frames: NDArray[np.int64]) -> Read:
    """What comes back where vectors share cells and the last one written stays."""
    order = np.arange(frames.size)
    winner = np.zeros(int(frames.max()) + 1, np.int64)
    winner[frames] = order
    source = winner[frames]
    wrong = np.flatnonzero(source != order)
    return wrong, values(source[wrong])


def nothing() -> Read:
    return np.empty(0, np.int64), np.empty((0, 2), np.uint64)


def test_sound_memory_has_no_faults() -> None:
    assert classify(5 * PAGE + 3, nothing(), nothing()) == ()


@quick
@given(total=st.integers(2 * PAGE, 12 * PAGE), share=st.floats(0.05, 0.9))
def test_any_wrap(total: int, share: float) -> None:
    real = max(1, int(total * share))
    (fault,) = classify(total, last_writer(np.arange(total) % real))
    assert (fault.kind, fault.distance_bytes) == ("wraparound", real * 16)
    assert fault.wrong_bytes == pytest.approx((total - real) * 16, rel=0.001)
    assert fault.first_byte == 0


@quick
@example(pages=6, share=0.3125, turn=3 << 15)
@given(pages=st.integers(6, 20), share=st.floats(0.3, 0.8), turn=st.integers(1, PAGE - 1))
def test_wrap_with_another_order_inside_the_page(pages: int, share: float, turn: int) -> None:
    real = int(pages * share)
    index = np.arange(pages * PAGE)
    page, inside = index // PAGE, index % PAGE
    frames = np.where(page < real, index, page % real * PAGE + (inside ^ turn))
    (fault,) = classify(pages * PAGE, last_writer(frames))
    assert fault.kind == "wraparound"
    assert fault.distance_bytes == pytest.approx(real * PAGE * 16, abs=PAGE * 16 - 1)


@quick
@given(seed=st.integers(0, 99), real=st.integers(8, 14))
def test_shuffled_pages_are_paired_truly(seed: int, real: int) -> None:
    pages, rng = 20, np.random.default_rng(seed)
    frame_of = rng.permutation(np.concatenate([np.arange(real), rng.choice(real, pages - real)]))
    frames = (frame_of[:, None] * PAGE + np.arange(PAGE)).ravel()
    (fault,) = classify(pages * PAGE, last_writer(frames))
    assert fault.kind == "shuffled_alias"
    assert fault.wrong_bytes == pytest.approx((pages - real) * PAGE * 16, rel=0.001)
    assert all(frame_of[a // (PAGE * 16)] == frame_of[b // (PAGE * 16)] for a, b in fault.pairs)


@quick
@given(granule=st.sampled_from([256, 512, 1024, 2048, 4096]), channels=st.integers(3, 24), data=st.data())
def test_any_dead_channel(granule: int, channels: int, data: st.DataObject) -> None:
    dead = data.draw(st.integers(0, channels - 1))
    vectors = 10 * PAGE
    index = np.arange(vectors)
    wrong = index[index * 16 // granule % channels == dead]
    (fault,) = classify(vectors, (wrong, np.full((wrong.size, 2), ALL_ONES, np.uint64)))
    assert (fault.kind, fault.granule_bytes, fault.channels, fault.channel) == ("dead_channel", granule, channels, dead)


@quick
@given(boundary=st.integers(0, 9 * PAGE), what=st.sampled_from(["ones", "zeros", "garbage", "held"]))
def test_any_limbo(boundary: int, what: str) -> None:
    vectors = 10 * PAGE
    wrong = np.arange(boundary, vectors)
    got = {
        "ones": np.full((wrong.size, 2), ALL_ONES, np.uint64),
        "zeros": np.zeros((wrong.size, 2), np.uint64),
        "garbage": np.random.default_rng(boundary).integers(0, ALL_ONES, (wrong.size, 2), np.uint64, endpoint=True),
        "held": np.repeat(values(np.array([max(boundary - 1, 0)])), wrong.size, axis=0),
    }[what]
    keep = (got != values(wrong)).any(axis=1)
    (fault,) = classify(vectors, (wrong[keep], got[keep]))
    assert fault.kind == "limbo"
    assert fault.first_byte in {boundary * 16, (boundary + 1) * 16}
    assert fault.last_byte == vectors * 16 - 1


@settings(max_examples=8, deadline=None)
@example(boundary=393249, granule=256, channels=3)
@given(
    boundary=st.integers(3 * PAGE, 8 * PAGE),
    granule=st.sampled_from([256, 1024, 4096]),
    channels=st.integers(3, 24),
)
def test_a_dead_channel_does_not_hide_that_memory_ends(boundary: int, granule: int, channels: int) -> None:
    vectors = 10 * PAGE
    index = np.arange(vectors)
    wrong = index[(index * 16 // granule % channels == 1) | (index >= boundary)]
    faults = classify(vectors, (wrong, np.full((wrong.size, 2), ALL_ONES, np.uint64)))
    limbo = next(fault for fault in faults if fault.kind == "limbo")
    channel = next(fault for fault in faults if fault.kind == "dead_channel")
    assert len(faults) == 2
    assert limbo.first_byte == pytest.approx(boundary * 16, abs=4 * granule)
    assert limbo.last_byte == vectors * 16 - 1
    assert (channel.granule_bytes, channel.channels, channel.channel) == (granule, channels, 1)
    assert channel.wrong_bytes == pytest.approx(boundary * 16 / channels, rel=0.02)


def forced(cells: NDArray[np.int64], bit: int, value: int, complement: int, half: int = 0) -> Read:
    """Read cells of which one bit has a value of its own."""
    right = values(cells, complement)
    got, mask = right.copy(), np.uint64(1 << bit)
    got[:, half] = got[:, half] | mask if value else got[:, half] & ~mask
    wrong = (got != right).any(axis=1)
    return cells[wrong], got[wrong]


@quick
@given(
    cells=st.sets(st.integers(0, 5 * PAGE - 1), min_size=12, max_size=40),
    bit=st.integers(0, 63),
    value=st.integers(0, 1),
    half=st.integers(0, 1),
)
def test_any_stuck_bit(cells: set[int], bit: int, value: int, half: int) -> None:
    at = np.array(sorted(cells))
    reads = [forced(at, bit, value, complement, half) for complement in (0, ALL_ONES)]
    (fault,) = classify(5 * PAGE, *reads)
    assert (fault.kind, fault.bit, fault.value) == ("stuck", bit, value)
    assert fault.wrong_bytes == 16 * len(cells)


def test_a_single_stuck_cell_is_stuck_and_says_what_else_it_could_be() -> None:
    cells = np.array([77])
    reads = [forced(cells, 5, 1, complement) for complement in (0, ALL_ONES, 0)]
    (fault,) = classify(PAGE, *reads)
    assert (fault.kind, fault.bit, fault.value) == ("stuck", 5, 1)
    assert "would look the same" in fault.doubt


@quick
@given(cells=st.sets(st.integers(0, 5 * PAGE - 1), min_size=12, max_size=40), bit=st.integers(0, 63))
def test_a_bit_that_cannot_change_is_right_at_first(cells: set[int], bit: int) -> None:
    at = np.array(sorted(cells))
    later = [forced(at, bit, 0, complement) for complement in (ALL_ONES, 0)]
    (fault,) = classify(5 * PAGE, nothing(), *later)
    assert (fault.kind, fault.bit, fault.value) == ("transition", bit, 1)


def test_cells_that_had_changed_before_do_not_hide_that_bits_cannot_change() -> None:
    """A cell that was used before the walk is wrong from the start, as if it were stuck."""
    cells = np.arange(0, 40 * 3000, 3000, dtype=np.int64)
    used = np.arange(cells.size) < 10
    bit = np.uint64(1 << 9)
    held = np.where(used, np.uint64(0), bit)
    reads = []
    for number in range(3):
        want = values(cells, ALL_ONES if number % 2 else 0)
        held = held & want[:, 0] & bit  # once 0, never 1 again
        got = want.copy()
        got[:, 0] = want[:, 0] & ~bit | held
        wrong = (got != want).any(axis=1)
        reads.append((cells[wrong], got[wrong]))
    (found,) = classify(PAGE * 4, *reads)
    assert (found.kind, found.bit, found.value) == ("transition", 9, 1)


def test_scattered_bits_are_lost_over_time() -> None:
    rng = np.random.default_rng(1)
    cells = np.unique(rng.integers(PAGE, 2 * PAGE, 200))
    got = values(cells)
    got[:, 1] ^= np.uint64(1) << rng.integers(0, 64, cells.size).astype(np.uint64)
    (fault,) = classify(4 * PAGE, (cells, got), nothing())
    assert fault.kind == "retention"
    assert PAGE * 16 <= fault.first_byte <= fault.last_byte < 2 * PAGE * 16


def test_the_other_polarity_is_a_lost_write() -> None:
    cells = np.arange(500, 600)
    (fault,) = classify(PAGE, nothing(), (cells, values(cells, 0)))
    assert (fault.kind, fault.first_byte, fault.last_byte) == ("lost_write", 8000, 9599)


def test_random_words_here_and_there_are_corruption() -> None:
    rng = np.random.default_rng(2)
    cells = np.unique(rng.integers(0, 4 * PAGE, 300))
    got = rng.integers(0, ALL_ONES, (cells.size, 2), np.uint64, endpoint=True)
    (fault,) = classify(4 * PAGE, (cells, got))
    assert fault.kind == "corruption"
    assert fault.wrong_bytes == 16 * cells.size


def test_several_faults_are_told_apart_and_the_largest_comes_first() -> None:
    vectors = 12 * PAGE
    wrong, got = last_writer(np.arange(vectors) % (8 * PAGE))
    stuck = np.arange(5 * PAGE, 5 * PAGE + 400, 20)
    right = np.setdiff1d(stuck, wrong)
    extra = forced(right, 9, 0, 0)
    index = np.concatenate([wrong, extra[0]])
    order = np.argsort(index)
    faults = classify(vectors, (index[order], np.concatenate([got, extra[1]])[order]))
    assert [fault.kind for fault in faults] == ["wraparound", "stuck"]
    assert faults[0].distance_bytes == 8 * PAGE * 16


def test_counts_without_rows_are_corruption_not_health() -> None:
    empty = np.empty((0, 5), np.uint64)
    regions = np.zeros(4, np.uint32)
    regions[2] = 17
    (fault,) = memory_faults.classify([Observed(Values(SEED), empty, regions, None, None, False)], 4 << 16)
    assert (fault.kind, fault.wrong_bytes, fault.first_byte) == ("corruption", 272, 2 << 20)


@given(rows=st.lists(st.tuples(*[st.integers(0, ALL_ONES)] * 5), max_size=20))
def test_rows_that_contradict_themselves_are_not_believed(rows: list[tuple[int, ...]]) -> None:
    table = np.array(rows, np.uint64).reshape(-1, 5)
    assert len(credible(table, Values(SEED), 1 << 20)) == 0


@given(vectors=st.integers(1, 1 << 22))
def test_regions_cover_the_walk(vectors: int) -> None:
    assert int(region_sizes(vectors).sum()) == vectors
    assert len(region_sizes(vectors)) == region_count(vectors)


def test_a_bit_that_is_wrong_once_and_right_later_is_neither_stuck_nor_unable_to_change() -> None:
    """The third pass writes what the first did, and the bit keeps it."""
    cells = np.array([4000])
    want = int(values(cells)[0, 0] >> np.uint64(7) & np.uint64(1))
    (fault,) = classify(PAGE, forced(cells, 7, 1 - want, 0), nothing(), nothing())
    assert (fault.kind, fault.bit) == ("retention", 7)


@settings(max_examples=20, deadline=None, derandomize=True, phases=(Phase.generate,))
@given(total=st.integers(9 * PAGE, 12 * PAGE), share=st.floats(0.2, 0.8), sectors=st.integers(1, 8191))
def test_any_wrap_that_swizzles_inside_frames(total: int, share: float, sectors: int) -> None:
    real = max(4, int(total * share) // PAGE) * PAGE
    index = np.arange(total)
    frames = index % real ^ (index // real * sectors % 8192 * 16)
    (fault,) = classify(total, last_writer(frames))
    assert (fault.kind, fault.distance_bytes) == ("wraparound", real * 16)


def test_one_page_that_shares_a_frame_is_no_wrap() -> None:
    frames = np.arange(10 * PAGE)
    frames[9 * PAGE :] -= 8 * PAGE
    (fault,) = classify(10 * PAGE, last_writer(frames))
    assert (fault.kind, fault.pairs) == ("shuffled_alias", ((2 << 20, 18 << 20),))


def test_different_cells_that_are_wrong_in_different_passes_all_count() -> None:
    reads = [
        forced(np.array([at]), 3, 1 - int(values(np.array([at]), c)[0, 0] >> np.uint64(3) & np.uint64(1)), c)
        for at, c in ((7, 0), (9, ALL_ONES))
    ]
    observed = [observe(read, PAGE, c) for read, c in zip(reads, (0, ALL_ONES), strict=True)]
    assert memory_faults.wrong_vectors(observed, PAGE) == 2


@settings(max_examples=8, deadline=None)
@given(
    real=st.integers(5 * PAGE, 9 * PAGE),
    granule=st.sampled_from([64, 256, 1024, 4096]),
    channels=st.integers(3, 24),
    data=st.data(),
)
def test_a_dead_channel_in_memory_that_wraps_is_named_beside_the_wrap(
    real: int, granule: int, channels: int, data: st.DataObject
) -> None:
    dead, vectors = data.draw(st.integers(0, channels - 1)), 12 * PAGE
    cells = np.arange(vectors) % real
    broken = cells * 16 // granule % channels == dead
    shared = last_writer(cells)
    lost = np.zeros(vectors, np.bool_)
    lost[shared[0]] = True
    got = values(np.arange(vectors))
    got[shared[0]] = shared[1]
    got[broken] = ALL_ONES
    wrong = np.flatnonzero(lost | broken)
    faults = {fault.kind: fault for fault in classify(vectors, (wrong, got[wrong]))}
    assert faults.keys() == {"wraparound", "dead_channel"}
    channel, wrap = faults["dead_channel"], faults["wraparound"]
    assert (channel.channel, channel.channels, channel.granule_bytes) == (dead, channels, granule)
    assert wrap.distance_bytes == real * 16
    assert channel.wrong_bytes == 16 * int(broken.sum())
    assert wrap.wrong_bytes == pytest.approx(16 * int((lost & ~broken).sum()), rel=0.01)
    assert not channel.estimated
    assert not wrap.estimated


def weak(at: NDArray[np.int64], seed: int) -> Read:
    """Cells of which each has lost a bit of its own."""
    rng = np.random.default_rng(seed)
    got = values(at)
    got[np.arange(at.size), rng.integers(0, 2, at.size)] ^= np.uint64(1) << rng.integers(0, 64, at.size, np.uint64)
    return at, got


@quick
@given(seed=st.integers(0, 999), bit=st.integers(0, 63), value=st.integers(0, 1), beside=st.booleans())
def test_a_stuck_bit_beside_weak_cells_is_named(seed: int, bit: int, value: int, beside: bool) -> None:
    """Far away a few places tell, among the weak cells themselves so many that chance is no explanation."""
    rng = np.random.default_rng(seed)
    start = 100 * PAGE
    tired = start + np.sort(rng.choice(PAGE, 200, replace=False))
    stuck = start + 7 + np.arange(60) * 2000 if beside else np.arange(13) * 90_001
    stuck = np.setdiff1d(stuck, tired)
    faults = []
    for complement in (0, ALL_ONES):
        index, got = forced(stuck, bit, value, complement)
        if not complement:
            more = weak(tired, seed)
            index, got = np.concatenate([index, more[0]]), np.concatenate([got, more[1]])
        order = np.argsort(index)
        faults.append((index[order], got[order]))
    named = {fault.kind: fault for fault in classify(128 * PAGE, *faults)}
    assert named.keys() == {"retention", "stuck"}
    assert (named["stuck"].bit, named["stuck"].value) == (bit, value)
    assert named["stuck"].wrong_bytes == pytest.approx(16 * stuck.size, abs=16 * 6 if beside else 0)
    assert named["retention"].first_byte >= start * 16
    assert named["retention"].wrong_bytes == pytest.approx(16 * tired.size, abs=16 * 6 if beside else 0)


@quick
@given(seed=st.integers(0, 999), cells=st.integers(9, 16))
def test_a_few_weak_cells_side_by_side_forget(seed: int, cells: int) -> None:
    at = 5000 + np.sort(np.random.default_rng(seed).choice(160, cells, replace=False))
    (fault,) = classify(4 * PAGE, weak(at, seed))
    assert (fault.kind, fault.wrong_bytes) == ("retention", 16 * cells)


def test_cells_far_apart_whose_bits_differ_are_each_named() -> None:
    cells = np.arange(6) * 70 * (1 << 16)
    reads = [forced(cells[n : n + 1], 7 * n, 0, c) for c in (0, ALL_ONES) for n in range(6)]
    passes = [tuple(np.concatenate(part) for part in zip(*reads[n : n + 6], strict=True)) for n in (0, 6)]
    faults = classify(420 << 16, *passes)  # type: ignore[arg-type]
    assert {(fault.kind, fault.bit) for fault in faults} == {("stuck", 7 * n) for n in range(6)}


@pytest.mark.parametrize(("count", "passes", "doubt"), [(1, 3, True), (2, 3, True), (4, 3, True), (24, 3, False)])
def test_few_cells_that_look_stuck_may_be_unable_to_change(count: int, passes: int, doubt: bool) -> None:
    cells = np.arange(count) * 3001
    (fault,) = classify(PAGE * 2, *(forced(cells, 5, 1, ALL_ONES if n % 2 else 0) for n in range(passes)))
    assert fault.kind == "stuck"
    assert ("would look the same" in fault.doubt) == doubt


def test_in_a_single_pass_any_number_of_cells_may_be_unable_to_change() -> None:
    (fault,) = classify(PAGE * 2, forced(np.arange(40) * 3001, 5, 1, 0))
    assert fault.kind == "stuck"
    assert "in a single pass cells that cannot change would look the same" in fault.doubt


@settings(max_examples=4, deadline=None)
@given(sectors=st.just(0) | st.integers(1, 8191), cells=st.sets(st.integers(0, 8 * PAGE - 1), min_size=30, max_size=60))
def test_a_stuck_cell_that_several_addresses_reach_is_named_by_the_lowest(sectors: int, cells: set[int]) -> None:
    real, vectors = 8 * PAGE, 14 * PAGE
    index = np.arange(vectors)
    reached = index % real ^ (index // real * sectors % 8192 * 16)
    read = []
    for complement in (0, ALL_ONES):
        wrong, got = last_writer(reached)
        got = got ^ np.uint64(complement)
        right = np.setdiff1d(np.flatnonzero(np.isin(reached, list(cells))), wrong)
        more = forced(right, 9, 0, complement)
        joined = np.concatenate([wrong, more[0]])
        order = np.argsort(joined)
        read.append((joined[order], np.concatenate([got, more[1]])[order]))
    stuck = next(fault for fault in classify(vectors, *read) if fault.kind == "stuck")
    assert (stuck.first_byte, stuck.last_byte) == (16 * min(cells), 16 * max(cells) + 15)
    assert "all addresses that reach these cells show it" in stuck.detail


def test_a_bit_that_only_an_early_tier_met_is_told_as_a_bit() -> None:
    cells = np.array([4000])
    want = int(values(cells)[0, 0] >> np.uint64(7) & np.uint64(1))
    early = observe(forced(cells, 7, 1 - want, 0), PAGE)
    silent = observe(nothing(), PAGE, ALL_ONES)
    (stuck,) = memory_faults.fleeting(early, "stripes", [silent], PAGE)
    assert (stuck.kind, stuck.bit, stuck.value) == ("stuck", 7, 1 - want)
    assert stuck.first_byte == 16 * 4000
    assert stuck.detail.endswith("seen in the stripes alone")
    (lost,) = memory_faults.fleeting(early, "stripes", [observe(nothing(), PAGE)], PAGE)
    assert (lost.kind, lost.bit) == ("retention", 7)
