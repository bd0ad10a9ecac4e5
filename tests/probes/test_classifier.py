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
    assert "would look the same" in fault.detail


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
