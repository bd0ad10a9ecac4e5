"""The kernels of ``kernels/latency.cu`` for a simulated card: the time of dependent loads, level by level.

A chase over a footprint just beyond a cache still hits it, less the more it exceeds it: the share of hits falls as
exp(-6 (footprint / size - 1)), which is how the published curves of V100, A100 and H100 fall, at both ends of the far
half of the cache where there is one (te42kyfo/gpu-benches, gpu-latency).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp

import numpy as np

from gpucheck.device.protocol import Buffer, DeviceError, Kernel
from gpucheck.model.units import GIB, KIB, MIB
from gpucheck.probes.latency_cycle import NODE_BYTES, Cycle
from gpucheck.simulation.addresses import VECTOR, I64s
from gpucheck.simulation.launch import Cost, Launch, bounded
from gpucheck.simulation.memory import Part
from gpucheck.simulation.samples import U64s
from gpucheck.simulation.soldered import Soldered

_FALL = 6.0
_L1_BYTES = 128 * KIB
"""What most generations give one multiprocessor; less where the second level is not much larger."""
_L2_BYTES = 4 * MIB
"""Of silicon whose cache is not on record."""
_L1_CYCLES, _L2_CYCLES, _DRAM_NANOSECONDS = 36.0, 240.0, 400.0
_TLB_BYTES = {True: 8 * GIB, False: 2 * GIB}
"""Reach of the second-level TLB from Volta on, and before (arXiv 1804.06826, chapter 3)."""
_TLB_SHARE = 0.3
"""Of the memory's own latency, what a walk of the page table adds; a typical figure."""
_NODE_TRAFFIC = 64
"""Bytes that move for eight written: a sector is read and written."""
_LOADS_PER_SECOND = 0.7e9
"""Of one multiprocessor with 512 loads under way."""
_TICK_NANOSECONDS = 32
_LINKED_BYTES = MIB
"""Beyond this size only memory with faults is really linked, to save the time."""


@dataclass(frozen=True)
class Level:
    """Everything up to ``size_bytes`` answers in ``cycles``. ``shared`` is False for a multiprocessor's own cache."""

    shared: bool
    size_bytes: float
    cycles: float


def levels(silicon: Soldered) -> list[Level]:
    """Caches of the silicon from the nearest on, then its memory, without end."""
    capability = silicon.capability
    known = dict(capability.latency_cycles) if capability else {}
    l2_bytes = silicon.l2_cache_bytes or _L2_BYTES
    found = []
    if not known or "l1" in known:
        found.append(Level(False, min(_L1_BYTES, l2_bytes // 4), known.get("l1", _L1_CYCLES)))
    far = known.get("l2_far")
    found.append(Level(True, l2_bytes / 2 if far else l2_bytes, known.get("l2", _L2_CYCLES)))
    if far:
        found.append(Level(True, l2_bytes, far))
    dram = (capability and capability.latency_dram_nanoseconds) or _DRAM_NANOSECONDS
    nearest = 1.1 * found[-1].cycles
    return [*found, Level(True, float("inf"), max(dram * silicon.sm_clock_mhz / 1000, nearest))]


def cycles(silicon: Soldered, footprint: int, *, around_l1: bool = False) -> float:
    """Typical cycles of one dependent load over a footprint, without noise."""
    nearest, *further = (level for level in levels(silicon) if level.shared or not around_l1)
    time, size = nearest.cycles, nearest.size_bytes
    for level in further:
        time += (1 - _hits(footprint / size)) * (level.cycles - time)
        size = level.size_bytes
    reach = _TLB_BYTES[float(silicon.compute_capability) >= 7.0]
    return time * (1 + _TLB_SHARE * max(0.0, 1 - reach / footprint))


def _hits(excess: float) -> float:
    return min(1.0, exp(_FALL * (1 - excess)))


def latency_link(launch: Launch) -> Cost:
    """``(base, nodes, bits)``: link the nodes. Of large footprints only memory with faults is really written."""
    for part, heads, links in _heads(launch):
        low, high = part.read()
        low[heads] = links
        part.write(low, high)
    return _swept(launch, _NODE_TRAFFIC)


def latency_check(launch: Launch) -> Cost:
    """``(base, nodes, bits, wrong)``: count the nodes that do not hold their link."""
    found = sum(int(part.weights[heads][part.read()[0][heads] != links].sum()) for part, heads, links in _heads(launch))
    launch.blocks_of_memory.array(launch.buffer(3), np.uint64)[0] += np.uint64(found)
    return _swept(launch, _NODE_TRAFFIC // 2)


def _swept(launch: Launch, bytes_for_a_node: int) -> Cost:
    nodes = launch.number(1)
    slowness = launch.blocks_of_memory.slowness(launch.buffer(0), nodes * NODE_BYTES // VECTOR)
    return Cost(nodes * bytes_for_a_node * slowness)


def _heads(launch: Launch) -> Iterator[tuple[Part, I64s, U64s]]:
    """Parts of the footprint, which of their vectors begin a node, and the links that belong there."""
    base, cycle = launch.buffer(0), _cycle(launch)
    if base.size_bytes > _LINKED_BYTES and not launch.silicon.faults:
        return
    for part in launch.blocks_of_memory.parts(base, cycle.nodes * NODE_BYTES // VECTOR):
        heads = np.flatnonzero(part.offsets % (NODE_BYTES // VECTOR) == 0)
        numbers = cycle.number((part.offsets[heads] // (NODE_BYTES // VECTOR)).astype(np.uint64))
        following = cycle.place((numbers + np.uint64(1)) % np.uint64(cycle.nodes))
        yield part, heads, np.uint64(base.address) + following * np.uint64(NODE_BYTES)


def latency_chase(launch: Launch) -> Cost:
    """``(base, nodes, bits, touched, count, never, first, warm, hops, rounds, around, out)``: see the kernel's text."""
    base, cycle, out = launch.buffer(0), _cycle(launch), launch.blocks_of_memory.array(launch.buffer(11), np.uint64)
    count, (first, warm, hops, rounds, around) = launch.number(4), (launch.number(i) for i in range(6, 11))
    if launch.threads == 1 and _touched(launch, base, cycle) == launch.number(5):
        out[3 * rounds] = launch.number(5)
    silicon, random = launch.silicon, launch.random
    nanoseconds = 0.0
    for number in range(rounds):
        noise = 1 + silicon.noise * bounded(random.standard_normal())
        taken = hops * noise * cycles(silicon, cycle.nodes * NODE_BYTES, around_l1=around != 0)
        nanoseconds = taken * 1000 / silicon.sm_clock_mhz
        end = base.address + cycle.place_after(first + (number + 1) * (warm + hops)) * NODE_BYTES
        ticks = round(nanoseconds / _TICK_NANOSECONDS) * _TICK_NANOSECONDS
        out[3 * number : 3 * number + 3] = (round(taken), ticks, end)
    return Cost(seconds=nanoseconds * 1e-9 * rounds * (warm + hops) / max(hops, 1) + count / _LOADS_PER_SECOND)


def _touched(launch: Launch, base: Buffer, cycle: Cycle) -> int | None:
    """The xor of what one thread alone reads; that of many is nobody's, and of large footprints is not kept."""
    first, count = launch.number(3), launch.number(4)
    if base.size_bytes > _LINKED_BYTES:
        return None
    words = launch.blocks_of_memory.array(base, np.uint64)[:: NODE_BYTES // 8]
    places = cycle.place(np.arange(first, first + count, dtype=np.uint64))
    return int(np.bitwise_xor.reduce(words[places]))


def _cycle(launch: Launch) -> Cycle:
    cycle = Cycle(launch.number(1))
    if cycle.nodes < 1 or launch.number(2) != cycle.bits:
        raise DeviceError("the number of bits does not fit the number of nodes")
    return cycle


KERNELS: dict[Kernel, Callable[[Launch], Cost]] = {
    Kernel("latency", "latency_link"): latency_link,
    Kernel("latency", "latency_check"): latency_check,
    Kernel("latency", "latency_chase"): latency_chase,
}
