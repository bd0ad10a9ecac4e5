"""The plainest walk: write all, verify all and store the complement, verify that. Nothing of the probe's own."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, U64, Buffer, Kernel, OutOfDeviceMemory
from gpucheck.model.units import GIB, MIB
from gpucheck.probes.pattern import ALL_ONES
from gpucheck.simulation.device import Believed, SimulatedDevice
from gpucheck.simulation.faults import Fault
from gpucheck.simulation.soldered import Soldered

CAPACITY, SHIFT, SEED = 4096, 16, 7
WRITE, VERIFY = Kernel("memory_walk", "walk_write"), Kernel("memory_walk", "walk_verify")


@dataclass(frozen=True)
class Pass:
    """Wrong vectors by region, the log's rows, lowest and highest wrong index."""

    regions: NDArray[np.uint32]
    rows: NDArray[np.uint64]
    lowest: int
    highest: int

    @property
    def wrong(self) -> int:
        return int(self.regions.sum(dtype=np.uint64))


@dataclass(frozen=True)
class Walked:
    vectors: int
    first: Pass
    second: Pass
    seconds: float


def soldered(total: int, *faults: Fault, noise: float = 0.0) -> Soldered:
    return Soldered(total, 20, "8.6", 256, 16.0, 4 * MIB, noise, faults)


def device(
    total: int, *faults: Fault, seed: int = 3, noise: float = 0.0, in_use: int = 0, memory_type: str = "GDDR6"
) -> SimulatedDevice:
    believed = Believed("Some card", total, in_use, "0000:01:00.0", None, 12080)
    silicon = replace(soldered(total, *faults, noise=noise), memory_type=memory_type)
    return SimulatedDevice(silicon, believed, seed, refused={}, hang=None)


def take_all(card: SimulatedDevice) -> list[Buffer]:
    chunks = []
    for size in (GIB, 256 * MIB, 32 * MIB, 2 * MIB):
        while True:
            try:
                chunks.append(card.allocate(size))
            except OutOfDeviceMemory:
                break
    return chunks


def walk(card: SimulatedDevice) -> Walked:
    chunks = take_all(card)
    first = np.cumsum([0, *(chunk.size_bytes // 16 for chunk in chunks)]).tolist()
    regions = (first[-1] >> SHIFT) + 1
    out = card.allocate(24), card.allocate(CAPACITY * 48), card.allocate(regions * 4)
    seconds = 0.0

    def run(kernel: Kernel, complement: int, *more: Any) -> None:
        nonlocal seconds
        for chunk, start in zip(chunks, first, strict=False):
            head = (chunk, U64(start), U64(chunk.size_bytes // 16), U64(SEED), U64(complement))
            seconds += card.launch(kernel, blocks=40, threads=512, arguments=(*head, *more))

    def verify(complement: int, rewrite: int) -> Pass:
        card.upload(out[0], np.array([0, ALL_ONES, 0], np.uint64))
        card.upload(out[2], np.zeros(regions, np.uint32))
        run(VERIFY, complement, U32(rewrite), U32(SHIFT), U32(CAPACITY), *out)
        logged, lowest, highest = (int(n) for n in card.download(out[0], np.dtype(np.uint64), 3))
        rows = card.download(out[1], np.dtype(np.uint64), 6 * CAPACITY).reshape(-1, 6)[: min(logged, CAPACITY)]
        return Pass(card.download(out[2], np.dtype(np.uint32), regions), rows, lowest, highest)

    run(WRITE, 0)
    return Walked(first[-1], verify(0, 1), verify(ALL_ONES, 0), seconds)
