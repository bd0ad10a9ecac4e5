"""The latency kernels' own text, built by g++: the cycle they lay is one, and is the twin's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gpucheck.probes.latency_cycle import NODE_BYTES, Cycle
from tests.kernels import host_build

pytestmark = pytest.mark.skipif(host_build.GXX is None, reason="g++ is not installed")

U64s = NDArray[np.uint64]
WORDS = NODE_BYTES // 8
NEVER = 0x9E3779B97F4A7C15


def linked(nodes: int, blocks: int = 3) -> U64s:
    """Memory with one node more than is linked; words that are no link stay zero."""
    words = np.zeros((nodes + 1) * WORDS, np.uint64)
    host_build.build("latency")["latency_link"](blocks, 64, words.ctypes.data, nodes, Cycle(nodes).bits)
    return words


def places(words: U64s, nodes: int) -> NDArray[np.int64]:
    """Where each node's link leads, by place."""
    offsets = words[: nodes * WORDS : WORDS] - np.uint64(words.ctypes.data)
    assert not (offsets % np.uint64(NODE_BYTES)).any()
    return (offsets // np.uint64(NODE_BYTES)).astype(np.int64)


@settings(max_examples=60, deadline=None)
@given(nodes=st.integers(1, 5000), blocks=st.integers(1, 5))
def test_following_the_links_visits_every_node_once(nodes: int, blocks: int) -> None:
    words = linked(nodes, blocks)
    following = places(words, nodes)
    at, seen = 0, np.zeros(nodes, np.bool_)
    for _ in range(nodes):
        seen[at] = True
        at = int(following[at])
    assert seen.all()
    assert at == 0
    rest = words.copy()
    rest[: nodes * WORDS : WORDS] = 0
    assert not rest.any()


@settings(max_examples=40, deadline=None)
@given(nodes=st.integers(1, 5000))
def test_the_links_are_the_twins(nodes: int) -> None:
    order = Cycle(nodes).place(np.arange(nodes, dtype=np.uint64)).astype(np.int64)
    assert np.array_equal(places(linked(nodes), nodes)[order], np.roll(order, -1))


@settings(max_examples=40, deadline=None)
@given(
    nodes=st.integers(1, 3000),
    first=st.integers(0, 2999),
    warm=st.integers(0, 20),
    hops=st.integers(0, 40),
    rounds=st.integers(0, 4),
    around=st.integers(0, 1),
    threads=st.sampled_from((1, 32, 512)),
)
def test_a_chase_ends_where_the_twin_says(
    nodes: int, first: int, warm: int, hops: int, rounds: int, around: int, threads: int
) -> None:
    words, out, cycle = linked(nodes), np.zeros(3 * rounds + 1, np.uint64), Cycle(nodes)
    first %= nodes
    head = (words.ctypes.data, nodes, cycle.bits, 0, nodes, NEVER)
    course = (first, 8 * warm, 8 * hops, rounds, around, out.ctypes.data)
    host_build.build("latency")["latency_chase"](1, threads, *head, *course)
    ends = [cycle.place_after(first + 8 * (warm + hops) * (number + 1)) * NODE_BYTES for number in range(rounds)]
    assert out[2:-1:3].tolist() == [words.ctypes.data + end for end in ends]
    assert out[-1] == 0


@settings(max_examples=40, deadline=None)
@given(nodes=st.integers(2, 3000), data=st.data())
def test_wrong_links_are_counted(nodes: int, data: st.DataObject) -> None:
    wrong = data.draw(st.sets(st.integers(0, nodes - 1), max_size=20))
    words, found, bits = linked(nodes), np.zeros(1, np.uint64), Cycle(nodes).bits
    for at in wrong:
        words[at * WORDS] ^= np.uint64(1) << np.uint64(data.draw(st.integers(0, 63)))
    host_build.build("latency")["latency_check"](3, 64, words.ctypes.data, nodes, bits, found.ctypes.data)
    assert found[0] == len(wrong)


@pytest.mark.parametrize("threads", [1, 7])
def test_a_thread_tells_what_it_touched(threads: int) -> None:
    nodes, cycle = 1000, Cycle(1000)
    words, out = linked(nodes), np.zeros(7, np.uint64)
    order = cycle.place(np.arange(40, 90, dtype=np.uint64)).astype(np.int64)
    seen = int(np.bitwise_xor.reduce(words[order[threads - 1 :: threads] * WORDS]))

    def chase(telling: int) -> None:
        arguments = (words.ctypes.data, nodes, cycle.bits, 40, 50, telling, 0, 0, 8, 2, 1, out.ctypes.data)
        host_build.build("latency")["latency_chase"](1, threads, *arguments)

    chase(seen ^ 1)
    assert out[6] == 0
    chase(seen)
    assert out[6] == seen
