"""Every kind of fault, walked by the plainest walk: totals exact to the vector, and a log that tells what is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.device.protocol import U32, U64, Buffer, Kernel
from gpucheck.model.units import GIB, MIB
from gpucheck.probes.pattern import ALL_ONES, invert
from gpucheck.simulation.device import SimulatedDevice
from gpucheck.simulation.faults import (
    DeadChannel,
    Limbo,
    Paged,
    Retention,
    ShuffledAlias,
    SlowRegion,
    Stuck,
    Transition,
    Wraparound,
)
from gpucheck.simulation.memory import Pieces
from tests.simulation.reference_walk import SEED, Pass, Walked, device, walk

SIZES = st.integers(2 * 1024, 180 * 1024).map(lambda size: size * MIB)
FEW = settings(max_examples=10, deadline=None)


def partners(found: Pass, complement: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices that wrong vectors were written for, as far as they were written at all."""
    origin, agrees = invert(found.rows[:, 3], found.rows[:, 4], SEED, complement)
    return origin[agrees], agrees


def nothing_wrong(walked: Walked) -> bool:
    return walked.first.wrong == walked.second.wrong == 0 and not len(walked.first.rows)


@FEW
@given(SIZES)
def test_a_clean_card_is_clean_covered_and_small(size: int) -> None:
    card = device(size)
    walked = walk(card)
    assert nothing_wrong(walked)
    assert walked.vectors * 16 >= 0.97 * size
    assert card.held_bytes < 40 * MIB


@FEW
@given(SIZES, st.integers(1, 7), st.integers(0, 4096))
def test_wrapping_addresses_share_cells(size: int, eighths: int, odd: int) -> None:
    real = size * eighths // 8 // MIB * MIB - 256 * odd
    card = device(size, Wraparound(kind="wraparound", real_bytes=real))
    walked = walk(card)
    wrap = real // 16
    shared = min(wrap, walked.vectors - wrap)
    assert walked.first.wrong == walked.vectors - (wrap - shared)
    assert walked.second.wrong == walked.vectors - wrap
    assert card.held_bytes < 250 * MIB
    origin, agrees = partners(walked.second, ALL_ONES)
    assert agrees.all()
    distance = origin.astype(np.int64) - walked.second.rows[:, 0].astype(np.int64)
    assert (distance > 0).all()
    assert (distance % wrap == 0).all()


@FEW
@given(SIZES, st.integers(1, 7))
def test_beyond_limbo_an_open_bus_answers(size: int, eighths: int) -> None:
    real = size * eighths // 8 // 256 * 256
    walked = walk(device(size, Limbo(kind="limbo", real_bytes=real)))
    lost = walked.vectors - real // 16
    for found, complement in ((walked.first, 0), (walked.second, ALL_ONES)):
        assert found.wrong == lost
        assert found.lowest == real // 16
        assert (found.rows[:, 3:5] == ALL_ONES).all()
        assert (partners(found, complement)[0] >= np.uint64(walked.vectors)).all()


@FEW
@given(SIZES, st.integers(2, 24), st.sampled_from([64, 256, 512, 4096]), st.data())
def test_a_dead_channel_shows_in_its_own_granules(size: int, channels: int, granule: int, data: st.DataObject) -> None:
    channel = data.draw(st.integers(0, channels - 1))
    fault = DeadChannel(kind="dead_channel", channel=channel, channels=channels, granule_bytes=granule)
    walked = walk(device(size, fault))
    per_granule = granule // 16
    rounds, rest = divmod(walked.vectors, per_granule * channels)
    expected = rounds * per_granule + min(max(rest - channel * per_granule, 0), per_granule)
    assert walked.first.wrong == walked.second.wrong == expected
    assert set((walked.first.rows[:, 0] // np.uint64(per_granule) % np.uint64(channels)).tolist()) == {channel}


@FEW
@given(SIZES, st.integers(2, 7), st.integers(0, 2**32))
def test_shuffled_pages_name_a_page_of_the_same_frame(size: int, eighths: int, seed: int) -> None:
    page = 2 * MIB // 16
    real = size * eighths // 8
    walked = walk(device(size, ShuffledAlias(kind="shuffled_alias", real_bytes=real), seed=seed))
    frames = real // (2 * MIB)
    assert walked.second.wrong == walked.vectors - frames * page
    origin, agrees = partners(walked.second, ALL_ONES)
    assert agrees.all()
    index = walked.second.rows[:, 0]
    assert (origin % np.uint64(page) == index % np.uint64(page)).all()
    assert (origin // np.uint64(page) != index // np.uint64(page)).all()


@FEW
@given(st.integers(2048, 8192), st.sets(st.integers(0, 2000 * MIB), min_size=1, max_size=30), st.integers(0, 63))
def test_stuck_bits_are_found_each_in_one_of_two_passes(size: int, addresses: set[int], bit: int) -> None:
    fault = Stuck(kind="stuck", addresses=tuple(addresses), bit=bit, value=1)
    walked = walk(device(size * MIB, fault))
    words = {(address // 16, address // 8 % 2) for address in addresses}
    found = set()
    for rows in (walked.first.rows, walked.second.rows):
        for index, low, high, got_low, got_high, _ in rows.tolist():
            assert {low ^ got_low, high ^ got_high} <= {0, 1 << bit}
            found |= {(index, half) for half, flip in ((0, low ^ got_low), (1, high ^ got_high)) if flip}
    assert found == words


def test_a_failed_transition_needs_the_other_value_first() -> None:
    addresses = tuple(range(GIB, GIB + 64 * 16, 16))
    walked = walk(device(4 * GIB, Transition(kind="transition", addresses=addresses, bit=9, value=1)))
    assert walked.first.wrong == 0
    assert 16 < walked.second.wrong < 48
    assert ((walked.second.rows[:, 1] ^ walked.second.rows[:, 3]) == 1 << 9).all()


def test_weak_cells_forget_ones_in_their_region_only() -> None:
    start, length = GIB + 4096, 8 * MIB
    walked = walk(device(4 * GIB, Retention(kind="retention", start_bytes=start, length_bytes=length)))
    for found in (walked.first, walked.second):
        assert 0 < found.wrong < length // 16
        assert start // 16 <= found.lowest <= found.highest < (start + length) // 16
        lost = found.rows[:, 1:3] & ~found.rows[:, 3:5]
        assert (found.rows[:, 3:5] & ~found.rows[:, 1:3] == 0).all()
        assert {(int(low) | int(high)).bit_count() for low, high in lost} == {1}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (SlowRegion(kind="slow_region", start_bytes=GIB, length_bytes=GIB, factor=0.5), 2.0),
        (Paged(kind="paged", real_bytes=GIB, factor=0.1), 10.0),
    ],
)
def test_slow_memory_is_right_but_takes_its_time(fault: SlowRegion | Paged, expected: float) -> None:
    normal, slow = device(4 * GIB), device(4 * GIB, fault)
    assert nothing_wrong(walk(slow))
    times = []
    for card in (normal, slow):
        card.close()
        buffers = [card.allocate(GIB) for _ in range(3)]
        times.append([_read(card, buffer) for buffer in buffers])
    assert times[1][0] == pytest.approx(times[0][0])
    assert times[1][1] / times[0][1] == pytest.approx(expected, rel=0.01)


def _read(card: SimulatedDevice, buffer: Buffer) -> float:
    sink = card.allocate(2048)
    arguments = (buffer, U64(buffer.size_bytes // 16), sink, U32(1))
    return card.launch(Kernel("bandwidth", "stream_read"), blocks=40, threads=512, arguments=arguments)


def test_faults_combine() -> None:
    dead = DeadChannel(kind="dead_channel", channel=1, channels=8, granule_bytes=256)
    stuck = Stuck(kind="stuck", addresses=(0, 64), bit=0, value=0)
    walked = walk(device(4 * GIB, Wraparound(kind="wraparound", real_bytes=3 * GIB), dead, stuck))
    wrap = 3 * GIB // 16
    wrapped = walked.vectors - wrap
    assert walked.second.wrong >= wrapped + (wrap - wrapped) // 8


@pytest.mark.parametrize("size", [2, 24, 48, 180])
def test_what_a_whole_card_takes_on_the_host(size: int) -> None:
    worst = device(
        size * GIB,
        ShuffledAlias(kind="shuffled_alias", real_bytes=size * GIB // 2),
        Stuck(kind="stuck", addresses=(8,), bit=1, value=1),
        Retention(kind="retention", start_bytes=MIB, length_bytes=MIB),
    )
    walk(worst)
    assert worst.held_bytes < 150 * MIB


def test_the_seed_decides_everything() -> None:
    def run(seed: int) -> tuple[float, list[list[int]]]:
        fault = ShuffledAlias(kind="shuffled_alias", real_bytes=GIB)
        walked = walk(device(2 * GIB, fault, seed=seed, noise=0.01))
        return walked.seconds, walked.second.rows.tolist()

    assert run(5) == run(5)
    assert run(5) != run(6)


@FEW
@given(SIZES, st.integers(1, 8191), st.integers(2, 7), st.booleans())
def test_a_swizzle_meets_every_cell_of_a_frame_once(size: int, swizzle: int, eighths: int, shuffles: bool) -> None:
    real = size * eighths // 8
    fault: ShuffledAlias | Wraparound = Wraparound(kind="wraparound", real_bytes=real, swizzle=swizzle)
    if shuffles:
        fault = ShuffledAlias(kind="shuffled_alias", real_bytes=real, swizzle=swizzle)
    lines = device(size, fault)._blocks.memory._map
    page = 2 * MIB // 16
    for run in (0, lines.logical.size - 1):
        start = int(lines.logical[run])
        cells = lines.cells(np.arange(start, start + min(page, int(lines.length[run]))))
        assert np.unique(cells).size == cells.size
        assert set((cells // page).tolist()) == {int(lines.physical[run]) // page}
    second = int(lines.logical[np.flatnonzero(lines.turn == 1)[0]])
    moved = (swizzle * 16) & (page - 1)
    assert int(lines.cells(np.array([second]))[0]) - int(lines.physical[lines.turn == 1][0]) == moved


def test_marks_meet_in_shared_frames_whatever_the_seed() -> None:
    for seed in range(5):
        card = device(4 * GIB, ShuffledAlias(kind="shuffled_alias", real_bytes=3 * GIB), seed=seed)
        memory, total = card._blocks.memory, 4 * GIB // 16
        pieces = Pieces(0, seed, 2, scatter=False)
        for part in memory.spots(0, total, pieces):
            part.write(part.offsets.astype(np.uint64), part.offsets.astype(np.uint64))
        wrong = sum(int((part.read()[0] != part.offsets).sum()) for part in memory.spots(0, total, pieces))
        assert wrong == 4 * (4 * GIB - 3 * GIB) // (2 * MIB)
