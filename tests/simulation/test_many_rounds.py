"""Much declared and little real: addresses that share cells many times over, in bounded memory, and as a card would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.device.protocol import U32, U64, Kernel
from gpucheck.model.units import GIB, MIB
from gpucheck.simulation.faults import DeadChannel, Fault, ShuffledAlias, Stuck, Transition, Wraparound
from gpucheck.simulation.samples import MOST_SAMPLES
from tests.simulation.reference_walk import CAPACITY, SEED, SHIFT, device

few = settings(max_examples=6, deadline=None)


@few
@given(
    size=st.integers(2, 180).map(lambda n: n * GIB),
    real=st.integers(2 * MIB // 16, 300 * MIB // 16).map(lambda n: n * 16),
    swizzle=st.just(0) | st.integers(1, 8191),
    shuffles=st.booleans(),
    cells=st.integers(0, 20),
)
def test_memory_shared_many_times_over_stays_small(
    size: int, real: int, swizzle: int, shuffles: bool, cells: int
) -> None:
    shared: Fault = Wraparound(kind="wraparound", real_bytes=real, swizzle=swizzle)
    if shuffles:
        shared = ShuffledAlias(kind="shuffled_alias", real_bytes=real, swizzle=swizzle)
    stuck = [Stuck(kind="stuck", addresses=tuple(range(0, cells * 16, 16)), bit=1, value=1)] if cells else []
    card = device(size, shared, *stuck)
    rounds = -(-size // min(real, real // (2 * MIB) * 2 * MIB))
    assert card._blocks.memory._whole.samples.address.size < 4 * MOST_SAMPLES + 2 * cells * rounds
    assert card.held_bytes < 400 * MIB


@pytest.mark.parametrize("value", [0, 1])
def test_writing_all_rounds_at_once_is_writing_one_after_the_other(value: int) -> None:
    faults = (
        Wraparound(kind="wraparound", real_bytes=6 * MIB + 48),
        Transition(kind="transition", addresses=tuple(range(0, 4 * MIB, 4096 + 16)), bit=9, value=value),  # type: ignore[arg-type]
    )
    read = []
    for step in (64 * MIB, 2 * MIB):
        card = device(2 * GIB, *faults)
        memory = card._blocks.memory
        buffer = card.allocate(64 * MIB)
        for complement in (0, (1 << 64) - 1, 0):
            for at in range(0, buffer.size_bytes, step):
                head = (buffer.slice(at, step), U64(at // 16), U64(step // 16), U64(SEED), U64(complement))
                card.launch(Kernel("memory_walk", "walk_write"), blocks=4, threads=512, arguments=head)
        (part,) = memory.parts(0, 64 * MIB // 16)
        read.append(np.stack(part.read()))
    assert np.array_equal(read[0], read[1])


def test_a_log_holds_each_kind_of_wrong_vector_in_its_true_share() -> None:
    """One vector in twelve is dead, all others are another address's: so are the rows, none of them twice as one."""
    dead = DeadChannel(kind="dead_channel", channel=5, channels=12, granule_bytes=256)
    card = device(8 * GIB, Wraparound(kind="wraparound", real_bytes=4 * GIB), dead)
    chunks = [card.allocate(GIB) for _ in range(7)]
    out = card.allocate(24), card.allocate(CAPACITY * 48), card.allocate(7 * 1024 * 4)
    for number, chunk in enumerate(chunks):
        head = (chunk, U64(number * GIB // 16), U64(GIB // 16), U64(SEED), U64(0))
        card.launch(Kernel("memory_walk", "walk_write"), blocks=40, threads=512, arguments=head)
    for number in (0, 1, 2):
        card.upload(out[0], np.array([0, (1 << 64) - 1, 0], np.uint64))
        head = (chunks[number], U64(number * GIB // 16), U64(GIB // 16), U64(SEED), U64(0))
        tail = (U32(0), U32(SHIFT), U32(CAPACITY), *out)
        card.launch(Kernel("memory_walk", "walk_verify"), blocks=40, threads=512, arguments=(*head, *tail))
        rows = card.download(out[1], np.dtype(np.uint64), 6 * CAPACITY).reshape(-1, 6)
        assert int(card.download(out[0], np.dtype(np.uint64), 1)[0]) == CAPACITY
        distinct = np.unique(rows, axis=0)
        share = (distinct[:, 3] == (1 << 64) - 1).mean()
        assert share == pytest.approx(1 / 12, rel=0.1)
