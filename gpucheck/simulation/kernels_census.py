"""The kernels of ``kernels/census.cu`` for a simulated card: what its multiprocessors hold, and how fast they tick."""

from collections.abc import Callable

import numpy as np

from gpucheck.device.protocol import DeviceError, Kernel
from gpucheck.model.units import KIB
from gpucheck.simulation.launch import Cost, Launch

_WARP = 32
_RECORD_WORDS = 3
_TIMER_TICK_NS = 32
_UNKNOWN_WARPS, _UNKNOWN_ROOM_BYTES = 64, 48 * KIB


def census(launch: Launch) -> Cost:
    """``(seen, capacity, arrived, spin_ns, check, records)``: every block counts itself where it runs."""
    memory, count, spin_ns = launch.blocks_of_memory, launch.silicon.sm_count, launch.number(3)
    seen = memory.array(launch.buffer(0), np.uint32)[: launch.number(1)]
    ids = np.arange(launch.blocks) % count
    seen += np.bincount(ids, minlength=len(seen))[: len(seen)].astype(np.uint32)
    memory.array(launch.buffer(2), np.uint32)[0] += launch.blocks
    memory.array(launch.buffer(4), np.uint32)[0] += launch.blocks
    records = memory.array(launch.buffer(5), np.uint64)[: _RECORD_WORDS * launch.blocks].reshape(-1, _RECORD_WORDS)
    spent = spin_ns // _TIMER_TICK_NS * _TIMER_TICK_NS + _TIMER_TICK_NS
    records[:, 0], records[:, 2] = ids, spent
    clock = launch.silicon.sm_clock_mhz * (1 + launch.silicon.noise * launch.random.uniform(-1, 1, launch.blocks))
    records[:, 1] = (spent * clock / 1e3).astype(np.uint64)
    return Cost(seconds=spin_ns * 1e-9 * -(-launch.blocks // count))


def residency(launch: Launch) -> Cost:
    """``(resident, most, capacity, spin_ns)``: blocks crowd in until a multiprocessor has no place left."""
    silicon, warps = launch.silicon, launch.threads // _WARP
    limit = (silicon.capability and silicon.capability.resident_warps_per_sm) or _UNKNOWN_WARPS
    at_once = limit // warps
    if not at_once:
        raise DeviceError("invalid launch configuration: too many resources requested")
    most = launch.blocks_of_memory.array(launch.buffer(1), np.uint32)[: launch.number(2)]
    each = np.bincount(np.arange(launch.blocks) % silicon.sm_count, minlength=len(most))[: len(most)]
    np.maximum(most, (np.minimum(each, at_once) * warps).astype(np.uint32), out=most)
    waves = -(-launch.blocks // (silicon.sm_count * at_once))
    return Cost(seconds=launch.number(3) * 1e-9 * waves)


def shared_room(launch: Launch) -> Cost:
    """``(kept, words, seed)``: a block gets the shared memory that it asks for, or is refused."""
    capability = launch.silicon.capability
    limit = (capability and capability.shared_memory_block_bytes) or _UNKNOWN_ROOM_BYTES
    if launch.shared_bytes > limit:
        raise DeviceError(f"invalid argument: {launch.shared_bytes} bytes of shared memory for a block")
    if 4 * launch.number(1) > launch.shared_bytes:
        raise DeviceError("an illegal memory access was encountered")
    launch.blocks_of_memory.array(launch.buffer(0), np.uint32)[0] += launch.blocks
    return Cost(seconds=20e-6)


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("census", "census"): census,
    Kernel("census", "residency"): residency,
    Kernel("census", "shared_room"): shared_room,
}
