"""The simulated device keeps the contract of the seam: memory, host access, kernels, virtual time."""

import numpy as np
import pytest

from gpucheck.device.protocol import (
    U32,
    U64,
    Argument,
    Buffer,
    DeviceError,
    DeviceLost,
    Kernel,
    OutOfDeviceMemory,
)
from gpucheck.model.units import GIB, MIB
from gpucheck.probes.pattern import ALL_ONES, pattern
from gpucheck.simulation.allocator import Allocator
from gpucheck.simulation.device import SimulatedDevice
from tests.simulation.reference_walk import device, take_all

WORDS = np.dtype(np.uint64)


def run(card: SimulatedDevice, family: str, function: str, *arguments: Argument, blocks: int = 8) -> float:
    return card.launch(Kernel(family, function), blocks=blocks, threads=512, arguments=arguments)


@pytest.mark.parametrize("size", [MIB, 2 * MIB, 8 * MIB])
def test_small_buffers_hold_every_vector(size: int) -> None:
    card = device(4 * GIB)
    buffer, vectors = card.allocate(size), size // 16
    run(card, "memory_walk", "walk_write", buffer, U64(5), U64(vectors), U64(1), U64(ALL_ONES))
    words = card.download(buffer, WORDS, 2 * vectors).reshape(-1, 2)
    low, high = pattern(np.arange(5, 5 + vectors, dtype=np.uint64), 1, ALL_ONES)
    assert np.array_equal(words[:, 0], low)
    assert np.array_equal(words[:, 1], high)
    card.upload(buffer.slice(160, 16), np.zeros(2, np.uint64))
    out = [card.allocate(n) for n in (24, 4096 * 48, 1024)]
    card.upload(out[0], np.array([0, ALL_ONES, 0], np.uint64))
    tail: list[Argument] = [U32(1), U32(16), U32(4096), *out]
    run(card, "memory_walk", "walk_verify", buffer, U64(5), U64(vectors), U64(1), U64(ALL_ONES), *tail)
    assert card.download(out[0], WORDS, 3).tolist() == [1, 15, 15]
    assert card.download(out[1], WORDS, 6).tolist() == [15, int(low[10]), int(high[10]), 0, 0, 0]
    assert card.download(buffer, WORDS, 2).tolist() == [int(~low[0]), int(~high[0])]


def test_large_buffers_show_what_was_written_and_carry_marks() -> None:
    card = device(8 * GIB)
    source, target = card.allocate(GIB), card.allocate(GIB)
    run(card, "memory_walk", "walk_write", source, U64(7), U64(GIB // 16), U64(3), U64(0))
    low, _ = pattern(np.array([7 + 1000], np.uint64), 3)
    assert card.download(source.slice(16000, 16), WORDS, 1)[0] == low[0]
    mark = np.arange(100, dtype=np.uint32)
    card.upload(source.slice(GIB // 2 + 4, 400), mark)
    run(card, "bandwidth", "stream_copy", target, source, U64(GIB // 16))
    assert np.array_equal(card.download(target.slice(GIB // 2 + 4, 400), np.dtype(np.uint32), 100), mark)
    assert card.download(target.slice(16000, 16), WORDS, 1)[0] == low[0]
    run(card, "bandwidth", "stream_write", target, U64(GIB // 16), U32(9))
    words = card.download(target.slice(32, 16), np.dtype(np.uint32), 4).tolist()
    first = (2 * 0x9E3779B9 & 0xFFFFFFFF) ^ 9
    second = first * 0x85EBCA6B & 0xFFFFFFFF
    assert words == [first, second, first ^ 0xFFFFFFFF, second ^ 0x5BD1E995]
    assert card.held_bytes < 20 * MIB


def test_rates_follow_the_silicon() -> None:
    card = device(8 * GIB)
    buffers = card.allocate(GIB), card.allocate(GIB)
    sink = card.allocate(2048)
    peak = 256 / 8 * 16e9
    read = GIB / run(card, "bandwidth", "stream_read", buffers[0], U64(GIB // 16), sink, U32(1))
    copy = 2 * GIB / run(card, "bandwidth", "stream_copy", *buffers, U64(GIB // 16))
    assert 0.91 < read / peak < 0.93
    assert 0.89 < copy / peak < 0.91


def test_noise_spreads_and_is_seeded() -> None:
    def times(seed: int) -> list[float]:
        card = device(4 * GIB, seed=seed, noise=0.01)
        buffer, sink = card.allocate(GIB), card.allocate(2048)
        return [run(card, "bandwidth", "stream_read", buffer, U64(GIB // 16), sink, U32(1)) for _ in range(50)]

    one = times(1)
    assert one == times(1) != times(2)
    assert 0.005 < np.std(one) / np.mean(one) < 0.02


def test_the_census_counts_every_multiprocessor() -> None:
    card = device(4 * GIB)
    seen, arrived, check, records = (card.allocate(size) for size in (4096, 4, 4, 8 * 3 * 50))
    assert run(card, "census", "census", seen, U32(1024), arrived, U32(1000), check, records, blocks=50) > 1e-6
    counts = card.download(seen, np.dtype(np.uint32), 1024)
    assert np.count_nonzero(counts) == 20
    assert counts.sum() == card.download(arrived, np.dtype(np.uint32), 1)[0] == 50
    assert card.download(check, np.dtype(np.uint32), 1)[0] == 50


def test_memory_runs_out_and_comes_back() -> None:
    card = device(3 * GIB)
    before = card.memory_info()
    chunks = take_all(card)
    assert card.memory_info().free_bytes < 2 * MIB
    with pytest.raises(OutOfDeviceMemory):
        card.allocate(2 * MIB)
    for chunk in chunks[::2] + chunks[1::2]:
        card.release(chunk)
    assert card.memory_info() == before
    assert card.allocate(2 * GIB).address == chunks[0].address
    card.close()
    card.close()
    assert card.memory_info() == before


def test_misuse_is_refused() -> None:
    card = device(2 * GIB)
    buffer = card.allocate(64)
    with pytest.raises(DeviceError):
        card.release(Buffer(buffer.address, 32))
    with pytest.raises(DeviceLost):
        card.download(Buffer(buffer.address, 1 << 30), WORDS, 100)
    with pytest.raises(DeviceLost):
        run(card, "memory_walk", "walk_write", buffer, U64(0), U64(5), U64(0), U64(0))
    with pytest.raises(DeviceError, match="no kernel"):
        run(card, "memory_walk", "walk_sideways", buffer)
    with pytest.raises(DeviceError, match="must be a buffer"):
        run(card, "memory_walk", "walk_write", U64(0), U64(0), U64(5), U64(0), U64(0))
    with pytest.raises(DeviceError, match="launch"):
        run(card, "bandwidth", "stream_write", buffer, U64(4), U32(0), blocks=0)
    card.release(buffer)
    with pytest.raises(DeviceError):
        card.upload(buffer, np.zeros(1, np.uint64))


def test_the_allocator_joins_neighbours() -> None:
    pool = Allocator(0, 100, 10)
    pieces = [pool.take(25), pool.take(30), pool.take(40)]
    assert pieces == [0, 30, 60]
    assert pool.take(1) is None
    for piece in (30, 0, 60):
        pool.give(piece)
    assert pool.take(100) == 0
