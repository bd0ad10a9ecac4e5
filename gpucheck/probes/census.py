"""Count multiprocessors, time their clock, and fill one up: how many warps and how much shared memory it holds.

Many large blocks hold their places for a moment, and each tells where it runs. Then blocks of eight warps crowd in, and
each tells how many were there with it. Last, one block a multiprocessor asks for as much shared memory as it can get.
None of this reads a name or believes an attribute: a launch that is refused is an answer as well.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import (
    U32,
    Buffer,
    Device,
    DeviceError,
    DeviceLost,
    DeviceUnavailable,
    Kernel,
    OutOfDeviceMemory,
)
from gpucheck.model.measured import Census
from gpucheck.model.units import KIB
from gpucheck.probes.memory import borrowed
from gpucheck.probes.options import ProbeOptions

CENSUS = Kernel("census", "census")
RESIDENCY = Kernel("census", "residency")
SHARED_ROOM = Kernel("census", "shared_room")
CAPACITY = 4096
"""Multiprocessor ids that can be told apart; the largest known device has a few hundred."""
RECORD_WORDS = 3
_THREADS = 1024
_LEAST_BLOCKS = 1024
_SPIN_NS = 200_000
_ROUNDS = 3
_CLOCK_SPIN_NS = 2_500_000
"""The device's timer may tick once a microsecond: this makes it 0.1 % at worst."""
_CLOCKS_MHZ = (10.0, 10_000.0)
"""What can be a clock at all."""

WARP = 32
RESIDENT_THREADS = 256
_MOST_RESIDENT_BLOCKS = 64 * WARP // RESIDENT_THREADS
_WAVES = 3
_RESIDENT_SPIN_NS = 400_000

KNOWN_ROOM_BYTES = tuple(kib * KIB for kib in (227, 163, 99, 96, 64, 48))
"""Largest shared memory of a block by generation: CUDA C++ Programming Guide, table of compute capabilities."""
_BEYOND_BYTES = 1024 * KIB
"""More than any: where the search for an unknown limit ends."""
_ROOM_THREADS = 256


def probe(device: Device, options: ProbeOptions) -> Census:
    """Run the three experiments.

    Raises ``DeviceError`` where machine code for the stated compute capability ran, but computed wrongly.
    """
    blocks = max(_LEAST_BLOCKS, 4 * device.attributes.sm_count)
    rounds = 1 if options.quick else _ROUNDS
    plan = [(blocks, _SPIN_NS)] * rounds + [(max(2, 2 * device.attributes.sm_count), _CLOCK_SPIN_NS)]
    counts, records = _count(device, options, plan)
    total = sum(number for number, _ in plan)
    _validate(counts, total)
    multiprocessors = int(np.count_nonzero(counts[:CAPACITY]))
    warps = _resident_warps(device, multiprocessors, rounds)
    options.tell(0.9, "filling multiprocessors")
    room = _shared_memory(device, multiprocessors)
    options.tell(1.0, "counting multiprocessors")
    return Census(
        sm_count=multiprocessors,
        machine_code=device.attributes.compute_capability,
        blocks=total,
        sm_clock_mhz=_clock_mhz(records),
        resident_warps_per_sm=warps,
        shared_memory_block_bytes=room,
    )


def _count(
    device: Device, options: ProbeOptions, plan: list[tuple[int, int]]
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """Run the rounds, each of so many blocks for so long; return the counters and the records of the last round."""
    most = max(number for number, _ in plan)
    with borrowed(device, 4 * (CAPACITY + 2)) as buffer, borrowed(device, 8 * RECORD_WORDS * most) as records:
        device.upload(buffer, np.zeros(CAPACITY + 2, np.uint32))
        seen = buffer.slice(0, 4 * CAPACITY)
        arrived, check = buffer.slice(4 * CAPACITY, 4), buffer.slice(4 * CAPACITY + 4, 4)
        for number, (blocks, spin_ns) in enumerate(plan):
            arguments = (seen, U32(CAPACITY), arrived, U32(spin_ns), check, records)
            device.launch(CENSUS, blocks=blocks, threads=_THREADS, arguments=arguments)
            options.tell(0.8 * (number + 1) / len(plan), "counting multiprocessors")
        counts = device.download(buffer, np.dtype(np.uint32), CAPACITY + 2)
        told = device.download(records, np.dtype(np.uint64), RECORD_WORDS * plan[-1][0])
    return counts, told.reshape(-1, RECORD_WORDS)


def _validate(counts: NDArray[np.uint32], blocks: int) -> None:
    arrived, right = int(counts[CAPACITY]), int(counts[CAPACITY + 1])
    if arrived != blocks:
        raise DeviceError(f"census: {blocks} blocks were started, {arrived} arrived")
    if right != blocks:
        raise DeviceError(f"census: {blocks - right} of {blocks} blocks computed a wrong result")
    if int(counts[:CAPACITY].sum(dtype=np.uint64)) != blocks:
        raise DeviceError("census: blocks ran on multiprocessors beyond the ids that can be counted")


def _clock_mhz(records: NDArray[np.uint64]) -> float | None:
    """Median over the multiprocessors of cycles over microseconds; None where the counters make no sense."""
    ids, cycles, nanoseconds = (records[:, column].astype(np.float64) for column in range(RECORD_WORDS))
    sound = nanoseconds >= _CLOCK_SPIN_NS / 2
    if not sound.any():
        return None
    clocks = 1e3 * cycles[sound] / nanoseconds[sound]
    clock = float(np.median([np.median(clocks[ids[sound] == one]) for one in np.unique(ids[sound])]))
    return round(clock, 1) if _CLOCKS_MHZ[0] < clock < _CLOCKS_MHZ[1] else None


def _resident_warps(device: Device, multiprocessors: int, rounds: int) -> int | None:
    """Most warps that at least half of the multiprocessors held at a time. No single oddity can raise it."""
    blocks = _WAVES * _MOST_RESIDENT_BLOCKS * multiprocessors
    seen = 0
    with borrowed(device, 8 * CAPACITY) as buffer:
        resident, most = buffer.slice(0, 4 * CAPACITY), buffer.slice(4 * CAPACITY, 4 * CAPACITY)
        for _ in range(rounds):
            device.upload(buffer, np.zeros(2 * CAPACITY, np.uint32))
            arguments = (resident, most, U32(CAPACITY), U32(_RESIDENT_SPIN_NS))
            device.launch(RESIDENCY, blocks=blocks, threads=RESIDENT_THREADS, arguments=arguments)
            peaks = np.sort(device.download(most, np.dtype(np.uint32), CAPACITY))
            peaks = peaks[peaks > 0]
            seen = max(seen, int(peaks[(peaks.size - 1) // 2]) if peaks.size else 0)
    return seen or None


def _shared_memory(device: Device, multiprocessors: int) -> int | None:
    """Return the largest room with which blocks ran and kept what they wrote; None where not even the least did."""
    with borrowed(device, 4) as kept:

        def holds(size_bytes: int) -> bool:
            return _keeps(device, kept, multiprocessors, size_bytes)

        above = _BEYOND_BYTES
        for size in KNOWN_ROOM_BYTES:
            if holds(size):
                return _search(size, above, holds) if holds(size + KIB) else size
            above = size
    return None


def _search(held: int, refused: int, holds: Callable[[int], bool]) -> int:
    """Halve the distance to what was refused, for a limit that nobody has described; to 1 KiB."""
    while refused - held > KIB:
        middle = (held + refused) // 2 // KIB * KIB
        held, refused = (middle, refused) if holds(middle) else (held, middle)
    return held


def _keeps(device: Device, kept: Buffer, blocks: int, size_bytes: int) -> bool:
    device.upload(kept, np.zeros(1, np.uint32))
    arguments = (kept, U32(size_bytes // 4), U32(0x6B))
    try:
        device.launch(SHARED_ROOM, blocks=blocks, threads=_ROOM_THREADS, arguments=arguments, shared_bytes=size_bytes)
    except (DeviceLost, DeviceUnavailable, OutOfDeviceMemory):
        raise
    except DeviceError:
        return False
    return int(device.download(kept, np.dtype(np.uint32), 1)[0]) == blocks
