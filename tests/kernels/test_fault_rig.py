"""The walk itself on memory with real faults: pages mapped twice, bits forced, granules that nobody answers for."""

from collections.abc import Callable

import numpy as np
import pytest

from gpucheck.model.measured import MemoryFault, MemoryWalk
from gpucheck.probes import memory_walk, walk_cells
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.pattern import ALL_ONES
from tests.kernels.host_device import FRAME, MIB, Fault, HostDevice, HostMemory, Words

PAGE = 2 * MIB
FRAMES = PAGE // FRAME
JOURNAL = PAGE
"""The journal takes the first 2 MiB of the memory, so the walk starts behind it."""
TOTAL = 72 * MIB
MemoryMaker = Callable[..., HostMemory]


@pytest.fixture(autouse=True)
def _small_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_walk, "MARGIN_BYTES", PAGE)
    monkeypatch.setattr(memory_walk, "PAUSE_SECONDS", 0.0)


def walk(device: HostDevice, *, quick: bool = False, deep: bool = False) -> MemoryWalk:
    result = memory_walk.probe(device, ProbeOptions(seed=11, quick=quick, deep=deep))
    assert not device.taken
    return result


def kinds(result: MemoryWalk) -> list[str]:
    return [fault.kind for fault in result.faults]


def only(result: MemoryWalk, kind: str) -> MemoryFault:
    assert kinds(result) == [kind]
    return result.faults[0]


@pytest.mark.parametrize(("mode", "passes"), [({}, 3), ({"quick": True}, 1), ({"deep": True}, 5)])
def test_sound_memory_is_proven_whole(host_memory: MemoryMaker, mode: dict[str, bool], passes: int) -> None:
    result = walk(HostDevice(host_memory(TOTAL)), **mode)
    assert result.distinct_bytes == result.tested_bytes == TOTAL - JOURNAL - PAGE
    assert result.tested_bytes + result.untested_bytes == result.total_bytes == TOTAL
    assert (result.faults, result.slow_regions, result.passes) == ((), (), passes)


@pytest.mark.parametrize("real_mib", [48, 40, 24, 18])
def test_wraparound(host_memory: MemoryMaker, real_mib: int) -> None:
    frames = np.arange(TOTAL // FRAME) % (real_mib * MIB // FRAME)
    result = walk(HostDevice(host_memory(TOTAL, frames)))
    assert only(result, "wraparound").distance_bytes == real_mib * MIB
    assert abs(result.distinct_bytes - real_mib * MIB) <= 2 * PAGE


def test_wraparound_at_no_page_boundary(host_memory: MemoryMaker) -> None:
    real = 41 * MIB + 3 * FRAME
    result = walk(HostDevice(host_memory(TOTAL, np.arange(TOTAL // FRAME) % (real // FRAME))))
    assert only(result, "wraparound").distance_bytes == real


def test_wraparound_with_pages_turned_inside(host_memory: MemoryMaker) -> None:
    """The second address reaches the same page, but swaps its halves and quarters."""
    page = np.arange(TOTAL // FRAME)
    real = 40 * MIB // FRAME
    frames = np.where(page < real, page, page % real ^ (FRAMES // 2 | FRAMES // 8))
    result = walk(HostDevice(host_memory(TOTAL, frames)))
    fault = only(result, "wraparound")
    assert fault.distance_bytes == 40 * MIB
    assert "inside a page" in fault.detail


def test_shuffled_pages(host_memory: MemoryMaker) -> None:
    pages, real = TOTAL // PAGE, 28
    rng = np.random.default_rng(3)
    frame_of = rng.permutation(np.concatenate([np.arange(real), rng.choice(real, pages - real, replace=False)]))
    frames = (frame_of[:, None] * FRAMES + np.arange(FRAMES)).ravel()
    result = walk(HostDevice(host_memory(TOTAL, frames)))
    fault = only(result, "shuffled_alias")
    starts = JOURNAL // PAGE
    assert fault.pairs
    assert all(frame_of[a // PAGE + starts] == frame_of[b // PAGE + starts] for a, b in fault.pairs)


def test_limbo_of_ones_zeros_garbage_and_leftovers(host_memory: MemoryMaker) -> None:
    boundary = (43 * MIB + 160) // 8
    rng = np.random.default_rng(5)

    def ones(words: Words, _: Words) -> None:
        words[boundary:] = ALL_ONES

    def zeros(words: Words, _: Words) -> None:
        words[boundary:] = 0

    def garbage(words: Words, _: Words) -> None:
        words[boundary:] = rng.integers(0, ALL_ONES, words.size - boundary, np.uint64, endpoint=True)

    def leftover(words: Words, _: Words) -> None:
        words[boundary::2], words[boundary + 1 :: 2] = words[boundary - 2], words[boundary - 1]

    for fault, what in ((ones, "ones"), (zeros, "zeros"), (garbage, "random values"), (leftover, "left over")):
        found = only(walk(HostDevice(host_memory(TOTAL), fault=fault)), "limbo")
        assert found.first_byte == boundary * 8 - JOURNAL
        assert what in found.detail


@pytest.mark.parametrize(
    ("granule", "channels", "dead"), [(256, 12, (5,)), (1024, 6, (0,)), (512, 7, (2, 6)), (4096, 24, (23,))]
)
def test_dead_channels(host_memory: MemoryMaker, granule: int, channels: int, dead: tuple[int, ...]) -> None:
    per = granule // 8

    def fault(words: Words, _: Words) -> None:
        walked = words[JOURNAL // 8 :]
        combs = walked[: walked.size // (per * channels) * per * channels].reshape(-1, channels, per)
        combs[:, list(dead)] = ALL_ONES

    result = walk(HostDevice(host_memory(TOTAL), fault=fault))
    assert {(f.kind, f.granule_bytes, f.channels) for f in result.faults} == {("dead_channel", granule, channels)}
    assert sorted(f.channel or 0 for f in result.faults) == sorted(dead)
    share = 1 - result.distinct_bytes / result.tested_bytes
    assert share == pytest.approx(len(dead) / channels, rel=0.01)


def stuck(bit: int, value: int, words_at: list[int]) -> Fault:
    def fault(words: Words, _: Words) -> None:
        mask = np.uint64(1 << bit)
        words[words_at] = words[words_at] | mask if value else words[words_at] & ~mask

    return fault


def test_stuck_bits(host_memory: MemoryMaker) -> None:
    at = [n * MIB // 8 + n for n in range(5, 45, 4)]
    result = walk(HostDevice(host_memory(TOTAL), fault=stuck(17, 1, at)))
    fault = only(result, "stuck")
    assert (fault.bit, fault.value) == (17, 1)
    assert fault.wrong_bytes == 16 * len(at)
    assert result.passes == 3
    assert result.distinct_bytes < result.tested_bytes


def test_bits_that_cannot_change(host_memory: MemoryMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_cells, "ROUNDS", 4)  # each launch takes milliseconds here, and these are wrong each time
    at = [n * MIB // 8 + n for n in range(5, 45, 4)]
    mask = np.uint64(1 << 40)

    def fault(words: Words, before: Words) -> None:
        falls = (before[at] & mask == 0) & (words[at] & mask != 0)
        words[at] = np.where(falls, words[at] & ~mask, words[at])

    memory = host_memory(TOTAL)
    memory.words[at] = ALL_ONES
    found = only(walk(HostDevice(memory, fault=fault, remembers=True)), "transition")
    assert (found.bit, found.value) == (40, 1)


def test_scattered_bits_that_are_lost(host_memory: MemoryMaker) -> None:
    rng = np.random.default_rng(9)

    def fault(words: Words, _: Words) -> None:
        at = rng.integers(20 * MIB // 8, 24 * MIB // 8, 300)
        words[at] &= ~(np.uint64(1) << rng.integers(0, 64, 300).astype(np.uint64))

    found = only(walk(HostDevice(host_memory(TOTAL), fault=fault)), "retention")
    assert 20 * MIB - JOURNAL <= found.first_byte <= found.last_byte < 24 * MIB - JOURNAL


def test_lost_writes(host_memory: MemoryMaker) -> None:
    lost = slice(30 * MIB // 8, 30 * MIB // 8 + 64)

    def fault(words: Words, before: Words) -> None:
        if before[lost].any():
            words[lost] = before[lost]

    found = only(walk(HostDevice(host_memory(TOTAL), fault=fault, remembers=True)), "lost_write")
    assert found.first_byte == 30 * MIB - JOURNAL
    assert found.wrong_bytes == 64 * 8


def test_two_faults_at_once(host_memory: MemoryMaker) -> None:
    frames = np.arange(TOTAL // FRAME) % (40 * MIB // FRAME)
    device = HostDevice(host_memory(TOTAL, frames), fault=stuck(3, 0, [n * MIB // 8 for n in range(30, 38)]))
    result = walk(device)
    assert kinds(result) == ["wraparound", "stuck"]
    assert result.faults[1].bit == 3


def test_slow_memory_is_a_region_and_no_fault(host_memory: MemoryMaker) -> None:
    device = HostDevice(host_memory(TOTAL), slow=range(34 * MIB, TOTAL))
    result = walk(device, quick=True)
    assert result.faults == ()
    (region,) = result.slow_regions
    assert region.ratio == pytest.approx(0.1, rel=0.6)
    assert result.distinct_bytes == result.tested_bytes
