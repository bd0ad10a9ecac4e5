"""The streaming kernels' own text, built by g++, against NumPy: tails, odd sizes, any grid."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gpucheck.probes import bandwidth
from gpucheck.simulation.kernels_bandwidth import IN_FLIGHT, THREADS
from tests.kernels import host_build

pytestmark = pytest.mark.skipif(host_build.GXX is None, reason="g++ is not installed")

U32s = NDArray[np.uint32]
SIZES = st.sampled_from([0, 1, 511, 513, 2047, 2048, 2049, 4095, 4096, 4097, 12_345])
relaxed = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def aligned(vectors: int) -> U32s:
    """Shape (vectors + 1, 4), 16-byte aligned; the last vector guards what lies behind."""
    raw = np.zeros(4 * vectors + 8, np.uint32)
    start = -(raw.ctypes.data // 4) % 4
    return raw[start : start + 4 * vectors + 4].reshape(-1, 4)


@relaxed
@given(vectors=SIZES, blocks=st.integers(1, 5), scale=st.floats(-4, 4, width=32), seed=st.integers(0, 2**32 - 1))
def test_triad_adds_and_touches_nothing_else(vectors: int, blocks: int, scale: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    target, first, second = aligned(vectors), aligned(vectors), aligned(vectors)
    for words in (first, second):
        words.view(np.float32)[:] = random.integers(-1000, 1000, words.shape)
    bits = int(np.float32(scale).view(np.uint32))
    addresses = [words.ctypes.data for words in (target, first, second)]
    host_build.build("bandwidth")["stream_triad"](blocks, THREADS, *addresses, bits, vectors)
    expected = first.view(np.float32)[:vectors] + np.float32(scale) * second.view(np.float32)[:vectors]
    assert np.allclose(target.view(np.float32)[:vectors], expected, rtol=1e-6, atol=1e-3)
    assert not target[vectors:].any()


def test_triad_of_whole_numbers_is_exact() -> None:
    target, first, second = aligned(4099), aligned(4099), aligned(4099)
    first.view(np.float32)[:] = np.arange(first.size).reshape(first.shape)
    second.view(np.float32)[:] = 7
    addresses = [words.ctypes.data for words in (target, first, second)]
    host_build.build("bandwidth")["stream_triad"](2, THREADS, *addresses, int(np.float32(3).view(np.uint32)), 4099)
    assert np.array_equal(target.view(np.float32)[:4099], first.view(np.float32)[:4099] + 21)


@relaxed
@given(vectors=SIZES, seed=st.integers(0, 2**32 - 1), blocks=st.integers(1, 5))
def test_what_is_written_is_what_the_probe_expects(vectors: int, seed: int, blocks: int) -> None:
    words = aligned(vectors)
    host_build.build("bandwidth")["stream_write"](blocks, THREADS, words.ctypes.data, vectors, seed)
    assert np.array_equal(words[:vectors].reshape(-1), bandwidth.written(vectors, seed))
    assert not words[vectors:].any()


@relaxed
@given(vectors=st.sampled_from([1, 513, 4096, 4097, 12_345]), lane=st.integers(0, 511), seed=st.integers(0, 2**32 - 1))
def test_a_thread_reads_all_of_its_vectors(vectors: int, lane: int, seed: int) -> None:
    words, sink = aligned(vectors), np.zeros(THREADS, np.uint32)
    words[:] = np.random.default_rng(seed).integers(1, 2**32, words.shape, np.uint32)
    mine = int(np.bitwise_xor.reduce(words[:vectors][lane::THREADS], axis=None))
    host_build.build("bandwidth")["stream_read"](1, THREADS, words.ctypes.data, vectors, sink.ctypes.data, mine)
    assert sink[lane] == mine


@relaxed
@given(
    vectors=st.sampled_from([1, 2, 513, 4096, 4097, 12_345]),
    lane=st.integers(0, 511),
    seed=st.integers(0, 2**32 - 1),
    blocks=st.integers(1, 5),
)
def test_a_thread_reads_its_sectors_and_no_other(vectors: int, lane: int, seed: int, blocks: int) -> None:
    """What lies between the sectors is random too: one word more or less would give another sum."""
    span = -(-vectors // 2) * 4
    words, sink = aligned(span), np.zeros(THREADS, np.uint32)
    words[:] = np.random.default_rng(seed).integers(1, 2**32, words.shape, np.uint32)
    tile, index = THREADS * IN_FLIGHT, np.arange(vectors)
    block = np.where(index // tile < vectors // tile, index // tile % blocks, blocks - 1)
    mine = (index % THREADS == lane) & (block == blocks - 1)
    never = int(np.bitwise_xor.reduce(words[bandwidth.sector_vectors(vectors)[mine]], axis=None))
    run = host_build.build("bandwidth")["stream_sectors"]
    run(blocks, THREADS, words.ctypes.data, vectors, sink.ctypes.data, never)
    assert sink[lane] == never


def test_sectors_are_one_half_of_each_64_bytes_and_favour_no_address_bit() -> None:
    vectors = 1 << 17
    read = bandwidth.sector_vectors(vectors)
    first, second = read.reshape(-1, 2).T
    assert np.array_equal(first // 4, np.arange(vectors // 2))
    assert np.array_equal(second, first + 1)
    assert set(first % 4) == {0, 2}
    upper, pair = first % 4 == 2, first // 4
    for bit in range(12):
        for folded in (pair >> bit & 1, (pair ^ pair >> 1 ^ pair >> bit) & 1):
            assert 0.45 < upper[folded == 1].mean() < 0.55


def test_the_simulation_has_the_kernels_tiles() -> None:
    from gpucheck.device import kernels

    text = kernels.load("bandwidth").text
    assert f"#define IN_FLIGHT {IN_FLIGHT}\n" in text
    assert f"#define GPUCHECK_THREADS {THREADS}\n" in text
