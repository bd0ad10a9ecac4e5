"""The walk's kernels, built by g++, and their simulated twins: the same words, counts and log on the same memory."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, U64, Argument, Buffer, Kernel
from gpucheck.model.units import GIB
from gpucheck.probes.pattern import ALL_ONES
from gpucheck.probes.walk_spots import PAGE_VECTORS
from gpucheck.simulation.device import SimulatedDevice
from tests.kernels import host_build
from tests.simulation.reference_walk import device

pytestmark = pytest.mark.skipif(host_build.GXX is None, reason="g++ is not installed")

CAPACITY, SHIFT = 64, 12
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Twins:
    """One buffer on the host and one on a simulated card; every launch runs on both."""

    def __init__(self, vectors: int, regions: int) -> None:
        self.card: SimulatedDevice = device(2 * GIB)
        raw = np.zeros(2 * vectors + 2, np.uint64)
        self.words = raw[raw.ctypes.data // 8 % 2 :][: 2 * vectors].reshape(-1, 2)
        self.buffer = self.card.allocate(max(16 * vectors, 16))
        self.both(self.words, self.buffer)
        self.outputs: list[tuple[NDArray[Any], Buffer]] = []
        for array in (
            np.array([0, ALL_ONES, 0], np.uint64),
            np.zeros(6 * CAPACITY, np.uint64),
            np.zeros(regions, "u4"),
        ):
            self.outputs.append((array, self.card.allocate(array.nbytes)))
            self.both(*self.outputs[-1])

    def both(self, words: NDArray[Any], buffer: Buffer) -> None:
        if words.size:
            self.card.upload(buffer, words)

    def launch(self, function: str, *numbers: Argument, outputs: bool = False) -> None:
        more = self.outputs if outputs else []
        arguments = (self.buffer, *numbers, *(buffer for _, buffer in more))
        self.card.launch(Kernel("memory_walk", function), blocks=3, threads=512, arguments=arguments)
        values = [n.value for n in numbers if isinstance(n, U32 | U64)]
        pointers = [array.ctypes.data for array, _ in more]
        host_build.build("memory_walk")[function](3, 512, self.words.ctypes.data, *values, *pointers)

    def agree(self) -> None:
        if self.words.size:
            assert np.array_equal(
                self.card.download(self.buffer, self.words.dtype, self.words.size), self.words.ravel()
            )
        summary, log, regions = (self.card.download(b, a.dtype, a.size) for a, b in self.outputs)
        wanted = [array for array, _ in self.outputs]
        assert np.array_equal(regions, wanted[2])
        assert summary[1:].tolist() == wanted[0][1:].tolist()
        logged = min(int(wanted[0][0]), CAPACITY)
        assert min(int(summary[0]), CAPACITY) == logged
        if int(wanted[2].sum()) <= CAPACITY:
            assert _rows(log, logged) == _rows(wanted[1], logged)


def _rows(log: NDArray[np.uint64], count: int) -> list[tuple[int, ...]]:
    """Rows of a log, in order."""
    return sorted(map(tuple, log[: 6 * count].reshape(-1, 6).tolist()))


@few
@given(
    vectors=st.integers(0, 7000),
    first=st.integers(0, 5000),
    seed=st.integers(0, ALL_ONES),
    complement=st.sampled_from([0, ALL_ONES]),
    rewrite=st.integers(0, 1),
    wrong=st.lists(st.tuples(st.integers(0, 6999), st.integers(0, ALL_ONES)), max_size=70),
)
def test_full_kernels(
    vectors: int, first: int, seed: int, complement: int, rewrite: int, wrong: list[tuple[int, int]]
) -> None:
    twins = Twins(vectors, (first + vectors >> SHIFT) + 1)
    head = U64(first), U64(vectors), U64(seed), U64(complement)
    twins.launch("walk_write", *head)
    twins.agree()
    for at, value in wrong:
        if at < vectors:
            twins.words[at] = value
    twins.both(twins.words, twins.buffer)
    twins.launch("walk_verify", *head, U32(rewrite), U32(SHIFT), U32(CAPACITY), outputs=True)
    twins.agree()


@few
@given(
    pages=st.integers(0, 2),
    rest=st.integers(0, 600),
    page=st.integers(0, 9),
    seed=st.integers(0, ALL_ONES),
    complement=st.sampled_from([0, ALL_ONES]),
    shift=st.integers(0, 13),
    scatter=st.integers(0, 1),
    spoilt=st.integers(0, 60),
)
def test_kernels_for_spots(
    pages: int, rest: int, page: int, seed: int, complement: int, shift: int, scatter: int, spoilt: int
) -> None:
    vectors, first = pages * PAGE_VECTORS + rest, page * PAGE_VECTORS
    twins = Twins(vectors, (first + vectors >> SHIFT) + 1)
    head = U64(first), U64(vectors), U64(seed), U64(complement), U32(shift), U32(scatter)
    twins.launch("walk_write_spots", *head)
    twins.agree()
    written = np.flatnonzero(twins.words[:, 0])
    twins.words[written[:: max(1, written.size // max(1, spoilt))][:spoilt], 1] ^= np.uint64(1 << 40)
    twins.both(twins.words, twins.buffer)
    twins.launch("walk_verify_spots", *head, U32(SHIFT), U32(CAPACITY), outputs=True)
    twins.agree()
