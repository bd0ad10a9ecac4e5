"""The kernels' own text, built by g++, against NumPy: random seeds, tails, odd sizes, full logs."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gpucheck.device import kernels
from gpucheck.probes.pattern import ALL_ONES, invert, pattern
from gpucheck.probes.walk_spots import PAGE_VECTORS, places
from tests.kernels import host_build

pytestmark = pytest.mark.skipif(host_build.GXX is None, reason="g++ is not installed")

U64s = NDArray[np.uint64]
SIZES = st.sampled_from([0, 1, 511, 513, 2047, 2048, 2049, 6151])
U64 = st.integers(0, ALL_ONES)
COMPLEMENT = st.sampled_from([0, ALL_ONES])
FIRST = st.sampled_from([0, 1, 65_530, (1 << 33) + 5])
relaxed = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def aligned(vectors: int) -> U64s:
    """Shape (vectors, 2), 16-byte aligned, with one vector of guard behind."""
    raw = np.zeros(2 * vectors + 4, np.uint64)
    start = raw.ctypes.data // 8 % 2
    return raw[start : start + 2 * vectors + 2].reshape(-1, 2)


def expected(first: int, vectors: int, seed: int, complement: int) -> U64s:
    index = np.arange(first, first + vectors, dtype=np.uint64)
    return np.stack(pattern(index, seed, complement), axis=1)


def write(words: U64s, first: int, vectors: int, seed: int, complement: int, blocks: int = 3) -> None:
    host_build.build("memory_walk")["walk_write"](blocks, 512, words.ctypes.data, first, vectors, seed, complement)


class Outputs:
    def __init__(self, regions: int, capacity: int = 16) -> None:
        self.capacity = capacity
        self.summary = np.array([0, ALL_ONES, 0], np.uint64)
        self.log = np.zeros((capacity, 6), np.uint64)
        self.regions = np.zeros(regions, np.uint32)

    def verify(
        self, words: U64s, first: int, vectors: int, seed: int, complement: int, rewrite: int, shift: int
    ) -> None:
        outputs = (self.summary.ctypes.data, self.log.ctypes.data, self.regions.ctypes.data)
        head = (words.ctypes.data, first, vectors, seed, complement, rewrite, shift, self.capacity)
        host_build.build("memory_walk")["walk_verify"](3, 512, *head, *outputs)


@relaxed
@given(vectors=SIZES, first=FIRST, seed=U64, complement=COMPLEMENT, blocks=st.integers(1, 5))
def test_write_is_the_pattern_and_nothing_more(
    vectors: int, first: int, seed: int, complement: int, blocks: int
) -> None:
    words = aligned(vectors)
    write(words, first, vectors, seed, complement, blocks)
    assert np.array_equal(words[:vectors], expected(first, vectors, seed, complement))
    assert not words[vectors:].any()


@relaxed
@given(vectors=SIZES, first=FIRST, seed=U64, complement=COMPLEMENT)
def test_sound_memory_reports_nothing_and_is_inverted(vectors: int, first: int, seed: int, complement: int) -> None:
    words = aligned(vectors)
    write(words, first, vectors, seed, complement)
    out = Outputs(regions=(vectors >> 4) + 1)
    out.verify(words, first, vectors, seed, complement, rewrite=1, shift=40)
    assert out.summary.tolist() == [0, ALL_ONES, 0]
    assert not out.regions.any()
    assert not out.log.any()
    assert np.array_equal(words[:vectors], expected(first, vectors, seed, complement ^ ALL_ONES))


@relaxed
@given(data=st.data(), vectors=st.sampled_from([1, 513, 2049, 6151]), seed=U64, complement=COMPLEMENT)
def test_wrong_vectors_are_found_logged_and_counted(
    data: st.DataObject, vectors: int, seed: int, complement: int
) -> None:
    wrong = sorted(data.draw(st.sets(st.integers(0, vectors - 1), min_size=1, max_size=12)))
    words = aligned(vectors)
    write(words, 96, vectors, seed, complement)
    words[wrong, data.draw(st.integers(0, 1))] ^= np.uint64(1 << data.draw(st.integers(0, 63)))
    spoilt, out = words.copy(), Outputs(regions=(vectors + 96 >> 4) + 1)
    out.verify(words, 96, vectors, seed, complement, rewrite=0, shift=4)
    rows = out.log[: int(out.summary[0])]
    rows = rows[np.argsort(rows[:, 0])]
    index = np.array(wrong, np.uint64) + np.uint64(96)
    assert rows[:, 0].tolist() == index.tolist()
    assert np.array_equal(rows[:, 1:3], expected(96, vectors, seed, complement)[wrong])
    assert np.array_equal(rows[:, 3:5], spoilt[wrong])
    assert out.summary[1:].tolist() == [index[0], index[-1]]
    assert np.array_equal(out.regions, np.bincount(index.astype(int) >> 4, minlength=out.regions.size))
    assert np.array_equal(words, spoilt)


def test_a_full_log_leaves_the_counts_exact() -> None:
    words, out = aligned(6151), Outputs(regions=7, capacity=16)
    out.verify(words, 0, 6151, 7, 0, rewrite=0, shift=10)
    assert int(out.regions.sum()) == 6151
    assert out.summary.tolist()[1:] == [0, 6150]
    assert 16 <= int(out.summary[0]) < 100
    assert len(np.unique(out.log[:, 0])) == 16


@relaxed
@given(index=st.lists(U64, min_size=1, max_size=50), seed=U64, complement=COMPLEMENT)
def test_pattern_leads_back_to_its_index(index: list[int], seed: int, complement: int) -> None:
    at = np.array(index, np.uint64)
    source, agrees = invert(*pattern(at, seed, complement), seed, complement)
    assert agrees.all()
    assert source.tolist() == index


SPOTS = st.tuples(st.sampled_from([0, 2, 5, 10, 13]), st.booleans())
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def spot_offsets(page: int, pages: int, seed: int, shift: int, scatter: bool) -> NDArray[np.int64]:
    """Vectors of the spots, from the start of the launch."""
    starts = places(np.arange(page, page + pages), seed, shift, scatter=scatter).astype(np.int64)
    return ((np.arange(pages) * PAGE_VECTORS + starts)[:, None] + np.arange(1 << shift)).ravel()


@few
@given(
    page=st.sampled_from([0, 1, 1 << 16]),
    pages=st.integers(0, 3),
    rest=st.sampled_from([0, 1, 777]),
    spots=SPOTS,
    seed=U64,
    complement=COMPLEMENT,
    blocks=st.integers(1, 5),
)
def test_spots_are_written_and_nothing_beside_them(
    page: int, pages: int, rest: int, spots: tuple[int, bool], seed: int, complement: int, blocks: int
) -> None:
    vectors, first = pages * PAGE_VECTORS + rest, page * PAGE_VECTORS
    words, wanted = aligned(vectors), aligned(vectors)
    kernel = host_build.build("memory_walk")["walk_write_spots"]
    kernel(blocks, 512, words.ctypes.data, first, vectors, seed, complement, spots[0], int(spots[1]))
    at = spot_offsets(page, pages, seed, *spots)
    wanted[at] = np.stack(pattern((at + first).astype(np.uint64), seed, complement), axis=1)
    assert np.array_equal(words, wanted)


@few
@given(data=st.data(), pages=st.integers(1, 3), spots=SPOTS, seed=U64, complement=COMPLEMENT)
def test_wrong_vectors_in_spots_are_found_and_those_beside_them_are_not(
    data: st.DataObject, pages: int, spots: tuple[int, bool], seed: int, complement: int
) -> None:
    page, vectors = 5, pages * PAGE_VECTORS
    words, first = aligned(vectors), page * PAGE_VECTORS
    kernels_ = host_build.build("memory_walk")
    head = (first, vectors, seed, complement, spots[0], int(spots[1]))
    kernels_["walk_write_spots"](2, 512, words.ctypes.data, *head)
    at = spot_offsets(page, pages, seed, *spots)
    wrong = np.unique(data.draw(st.lists(st.sampled_from(at.tolist()), min_size=1, max_size=12)))
    words[wrong, 1] ^= np.uint64(1 << data.draw(st.integers(0, 63)))
    out = Outputs(regions=(first + vectors >> 16) + 1)
    outputs = (out.summary.ctypes.data, out.log.ctypes.data, out.regions.ctypes.data)
    kernels_["walk_verify_spots"](3, 512, words.ctypes.data, *head, 16, out.capacity, *outputs)
    assert sorted(out.log[: int(out.summary[0]), 0].tolist()) == (wrong + first).tolist()
    assert out.summary[1:].tolist() == [wrong[0] + first, wrong[-1] + first]
    assert np.array_equal(out.regions, np.bincount(wrong + first >> 16, minlength=out.regions.size))


@relaxed
@given(page=st.integers(0, 1 << 20), seed=U64, shift=st.integers(0, 16), scatter=st.booleans())
def test_a_spot_lies_inside_its_page(page: int, seed: int, shift: int, scatter: bool) -> None:
    (start,) = places(np.array([page]), seed, shift, scatter=scatter).tolist()
    assert start % (1 << shift) == 0
    assert start + (1 << shift) <= PAGE_VECTORS
    assert scatter or start == int(places(np.array([0]), seed, shift, scatter=True)[0])


@pytest.mark.parametrize("vectors", [0, 1, 511, 6151])
def test_evicting_reads_every_word(vectors: int) -> None:
    words, sink = aligned(vectors), np.zeros(512, np.uint32)
    for at in range(vectors):
        words[at, at % 2] = at + 1
    lanes = words[:vectors].view(np.uint32)
    sums = [int(np.bitwise_xor.reduce(lanes[lane::512].ravel(), initial=0)) for lane in range(512)]
    never = sums[-1]
    host_build.build("memory_walk")["walk_evict"](1, 512, words.ctypes.data, vectors, sink.ctypes.data, never)
    assert sink.tolist() == [never if value == never else 0 for value in sums]


@pytest.mark.parametrize("vectors", [0, 1, 2047, 2048, 6151])
def test_streams(vectors: int) -> None:
    kernel = host_build.build("bandwidth")
    source, target = aligned(vectors), aligned(vectors)
    kernel["stream_write"](3, 512, source.ctypes.data, vectors, 0x55)
    word = np.arange(vectors, dtype=np.uint32) * np.uint32(0x9E3779B9) ^ np.uint32(0x55)
    assert np.array_equal(source[:vectors].view(np.uint32)[:, 0], word)
    kernel["stream_copy"](3, 512, target.ctypes.data, source.ctypes.data, vectors)
    assert np.array_equal(target, source)


def test_read_tells_its_sum() -> None:
    vectors, sink = 2049, np.zeros(512, np.uint32)
    words = aligned(vectors)
    words[0, 0], words[2048, 1] = 0x1234, 0x4321
    never = 0x1234 ^ 0x4321
    host_build.build("bandwidth")["stream_read"](1, 512, words.ctypes.data, vectors, sink.ctypes.data, never)
    assert sink[0] == never
    assert not sink[1:].any()


def test_census_constant_is_what_its_recurrence_gives() -> None:
    text = kernels.load("census").text
    number = {name: int(value.rstrip("u"), 0) for name, value in _defines(text) if name.startswith("RECURRENCE")}
    x = number["RECURRENCE_START"]
    for _ in range(number["RECURRENCE_STEPS"]):
        x = (x * 0x2545F491 + 0x9E3779B9) & 0xFFFF_FFFF
        x ^= x >> 15
    assert x == number["RECURRENCE_END"]


def _defines(text: str) -> list[tuple[str, str]]:
    lines = [line.split() for line in text.splitlines() if line.startswith("#define")]
    return [(line[1], line[2]) for line in lines if len(line) == 3]
