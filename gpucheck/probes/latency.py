"""Latency of dependent loads by footprint: one warp follows links that wander over more and more of the memory.

The links of a footprint form one cycle in pseudo-random order, built on the device. Before a chase all of it (or, where
it is far larger than any cache, the last part of it) is read in the order of the cycle: what a cache has kept then is
what the chase will need last, so that a footprint that does not fit misses at once. The same multiprocessor reads and
chases: a cache in two halves (GA100, GH100) keeps a line in the half of the one that reads it. Large footprints come
first, since one warp alone does not raise the clocks. A footprint in which links were lost is left out: a chase would
follow whatever lies there, out of the allocation. For the same reason this comes after the memory walk.

=========  ===================================================================================================
mode       footprints
=========  ===================================================================================================
quick      16 KiB to a few times the second-level cache by factors of 2 (below 2 MiB of its root), and all of it
(default)  16 KiB to all of the memory by factors of the square root of 2
=========  ===================================================================================================

Both add footprints a twelfth apart around the knee at which loads leave the second-level cache.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np

from gpucheck.device.protocol import U32, U64, Buffer, Device, DeviceError, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import Latency, LatencyPoint
from gpucheck.model.units import KIB, MIB
from gpucheck.probes import latency_levels
from gpucheck.probes.latency_cycle import NODE_BYTES, Cycle
from gpucheck.probes.memory import borrowed, give_back
from gpucheck.probes.memory_walk import left_free
from gpucheck.probes.options import ProbeOptions

LINK = Kernel("latency", "latency_link")
CHECK = Kernel("latency", "latency_check")
CHASE = Kernel("latency", "latency_chase")
THREADS, BLOCKS_PER_SM = 512, 2

SMALLEST_BYTES = 16 * KIB
_HOPS, _QUICK_HOPS = 8192, 4096
_ROUNDS = 3
_OUT_BYTES = 8 * (3 * _ROUNDS + 1)
_QUICK_CACHES, _QUICK_BYTES = 4, 512 * MIB
_SMALL_STEPS = 14
_FINE = 2 ** (1 / 8)
_MOST_FINE = 24
_SAME = 0.02
_SMALL_SIZES = tuple(64 * KIB * 2 ** (step / 8) for step in range(57))
"""Where no knee shows in a coarse curve, a cache of 128 KiB to 8 MiB hides between its points."""
_L1_BYTES = 512 * KIB
"""No first-level cache is larger: beyond it, loads go around it."""
_CACHES = 8
_FIRST_STEP, _STEP = 256, 16
"""Shares of the free memory by which a refused allocation is shortened: first by little, then by twice as much."""
_UNKNOWN_L2_BYTES = 64 * MIB
_SMALL_NODES = 4093
_NEVER = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Way:
    """From which node a chase starts, and how many links a round of it follows uncounted and timed.

    ``touched`` nodes from number ``touch_first`` on are read before; a thread whose xor of them is ``telling`` says so.
    """

    warm: int
    hops: int
    around_l1: bool
    first: int = 0
    touch_first: int = 0
    touched: int = 0
    telling: int = _NEVER


@dataclass(frozen=True)
class Course:
    """The memory that a chase may wander over, where it leaves its results, and how far it goes."""

    device: Device
    memory: Buffer
    out: Buffer
    hops: int

    def measure(self, footprint: int) -> LatencyPoint | None:
        """Link a footprint, let the caches forget its beginning, and follow the links; None where links were lost."""
        cycle = Cycle(footprint // NODE_BYTES)
        memory = self.memory.slice(0, cycle.nodes * NODE_BYTES)
        head = (memory, U64(cycle.nodes), U32(cycle.bits))
        self._launch(LINK, *head)
        if not self._holds(*head):
            return None
        last = min(cycle.nodes, _CACHES * (self.device.attributes.l2_cache_bytes or _UNKNOWN_L2_BYTES) // NODE_BYTES)
        warm = -(-cycle.nodes // 8) * 8 if footprint <= _L1_BYTES else 64
        way = Way(warm, self.hops, footprint > _L1_BYTES, touch_first=cycle.nodes - last, touched=last)
        rounds = chase(self.device, memory, self.out, way)
        return LatencyPoint(
            footprint_bytes=memory.size_bytes,
            cycles=round(median(taken for taken, _ in rounds) / self.hops, 2),
            nanoseconds=round(median(taken for _, taken in rounds) / self.hops, 2),
        )

    def _holds(self, *head: Buffer | U32 | U64) -> bool:
        """Whether every link is where it was laid: a chase through memory that is not there leads anywhere."""
        self.device.upload(self.out, np.zeros(1, np.uint64))
        self._launch(CHECK, *head, self.out)
        return int(self.device.download(self.out, np.dtype(np.uint64), 1)[0]) == 0

    def _launch(self, kernel: Kernel, *arguments: Buffer | U32 | U64) -> None:
        blocks = BLOCKS_PER_SM * max(1, self.device.attributes.sm_count)
        self.device.launch(kernel, blocks=blocks, threads=THREADS, arguments=arguments)


def chase(device: Device, memory: Buffer, out: Buffer, way: Way, threads: int = THREADS) -> list[tuple[int, int]]:
    """Follow the links of all of ``memory``; return cycles and nanoseconds of each round.

    Raises ``DeviceError`` where a round does not end at the node at which it must.
    """
    cycle = Cycle(memory.size_bytes // NODE_BYTES)
    touched = (U64(way.touch_first), U64(way.touched), U64(way.telling))
    steps = (U64(way.first), U64(way.warm), U64(way.hops), U64(_ROUNDS), U32(way.around_l1))
    arguments = (memory, U64(cycle.nodes), U32(cycle.bits), *touched, *steps, out)
    device.launch(CHASE, blocks=1, threads=threads, arguments=arguments)
    rounds = device.download(out, np.dtype(np.uint64), 3 * _ROUNDS).reshape(_ROUNDS, 3).tolist()
    for number, (_, _, end) in enumerate(rounds, 1):
        if end != memory.address + cycle.place_after(way.first + number * (way.warm + way.hops)) * NODE_BYTES:
            raise DeviceError("latency: a chase ended at a node where it must not", "The memory walk tells more.")
    return [(taken, nanoseconds) for taken, nanoseconds, _ in rounds]


def probe(device: Device, options: ProbeOptions) -> Latency:
    """Measure latency by footprint.

    Raises ``OutOfDeviceMemory`` where too little memory is free, ``DeviceError`` where the kernels fail a known answer.
    """
    held: list[Buffer] = []
    try:
        out = device.allocate(_OUT_BYTES)
        held.append(out)
        _check(device, out)
        memory = _one_buffer(device, options, held)
        course = Course(device, memory, out, _QUICK_HOPS if options.quick else _HOPS)
        return _summarise(_sweep(course, options), course.hops)
    finally:
        give_back(device, held)


def _sweep(course: Course, options: ProbeOptions) -> list[LatencyPoint]:
    """Measure all footprints, the largest first, and then more around the knee."""
    footprints = sorted(_coarse(course, options.quick), reverse=True)
    points = []
    for number, footprint in enumerate(footprints):
        points += _measured(course, [footprint])
        options.tell(0.8 * (number + 1) / len(footprints), "following links")
    if not points:
        raise DeviceError(
            "latency: no footprint kept its links", "The memory walk tells what is wrong with the memory."
        )
    if latency_levels.read(points).capacity is None:
        points += _measured(course, _unless_known(_SMALL_SIZES, points))
    points += _measured(course, _fine(points))
    options.tell(1.0, "latency")
    return points


def _measured(course: Course, footprints: list[int]) -> list[LatencyPoint]:
    return [point for point in map(course.measure, footprints) if point is not None]


def _coarse(course: Course, quick: bool) -> list[int]:
    end = course.memory.size_bytes
    l2_bytes = course.device.attributes.l2_cache_bytes or _UNKNOWN_L2_BYTES
    limit = min(end, max(_QUICK_CACHES * l2_bytes, _QUICK_BYTES)) if quick else end
    steps = list(range(2 * end.bit_length()))
    if quick:
        steps = [step for step in steps if step % 2 == 0 or step < _SMALL_STEPS]
    sizes = (int(SMALLEST_BYTES * 2 ** (step / 2)) // NODE_BYTES * NODE_BYTES for step in steps)
    return [*(size for size in sizes if size <= limit and size < 0.9 * end), end]


def _fine(points: list[LatencyPoint]) -> list[int]:
    """Footprints a twelfth apart between the last that fits the second-level cache and the first that does not."""
    found = latency_levels.read(points)
    if found.least is None or found.most is None:
        return []
    count = min(_MOST_FINE, int(np.log(found.most / found.least) / np.log(_FINE)))
    between = np.geomspace(found.least, found.most, count + 2)[1:-1]
    return _unless_known(between.tolist(), points)


def _unless_known(sizes: Iterable[float], points: list[LatencyPoint]) -> list[int]:
    """Leave out footprints that were measured already, or nearly."""
    wanted = [int(size) // NODE_BYTES * NODE_BYTES for size in sizes]
    known = [point.footprint_bytes for point in points]
    return [size for size in wanted if all(abs(size - other) > _SAME * other for other in known)]


def _summarise(points: list[LatencyPoint], hops: int) -> Latency:
    found = latency_levels.read(points)
    return Latency(
        points=tuple(sorted(points, key=lambda point: point.footprint_bytes)),
        levels=found.levels,
        l2_capacity_bytes=found.capacity,
        l2_least_bytes=found.least,
        l2_most_bytes=found.most,
        hops=hops,
    )


def _one_buffer(device: Device, options: ProbeOptions, held: list[Buffer]) -> Buffer:
    """Take nearly all free memory in one piece; a driver may refuse the last of it, so ask for less and less."""
    most = device.memory_info().free_bytes - left_free(device, options)
    size, step = most // NODE_BYTES * NODE_BYTES, most // _FIRST_STEP
    least = _CACHES * (device.attributes.l2_cache_bytes or MIB)
    while size >= least:
        try:
            held.append(device.allocate(size))
        except OutOfDeviceMemory:
            size, step = (size - step) // NODE_BYTES * NODE_BYTES, min(2 * step, most // _STEP)
            continue
        return held[-1]
    raise OutOfDeviceMemory("too little memory is free to go beyond the cache", "Close other programs that use it.")


def _check(device: Device, out: Buffer) -> None:
    """A time is worth nothing where the links were not followed: link few nodes, look at them, and chase."""
    cycle = Cycle(_SMALL_NODES)
    with borrowed(device, _SMALL_NODES * NODE_BYTES) as memory:
        head = (memory, U64(cycle.nodes), U32(cycle.bits))
        device.launch(LINK, blocks=BLOCKS_PER_SM, threads=THREADS, arguments=head)
        words = device.download(memory, np.dtype(np.uint64), _SMALL_NODES * NODE_BYTES // 8)[:: NODE_BYTES // 8]
        places = cycle.place(np.arange(cycle.nodes, dtype=np.uint64))
        following = np.roll(places, -1) * np.uint64(NODE_BYTES) + np.uint64(memory.address)
        if not np.array_equal(words[places], following):
            raise DeviceError("latency: the links were not laid as they should be", "The memory walk tells more.")
        _check_touch(device, memory, out, int(np.bitwise_xor.reduce(following[7:70])))
        _check_check(device, head, out)
        for around in (False, True):
            chase(device, memory, out, Way(8, 64, around, first=_SMALL_NODES - 9))


def _check_touch(device: Device, memory: Buffer, out: Buffer, seen: int) -> None:
    """One thread reads the nodes numbered 7 to 69, and must come to the xor of what they hold."""
    device.upload(out, np.zeros(3 * _ROUNDS + 1, np.uint64))
    chase(device, memory, out, Way(0, 8, around_l1=True, touch_first=7, touched=63, telling=seen), threads=1)
    if int(device.download(out, np.dtype(np.uint64), 3 * _ROUNDS + 1)[-1]) != seen:
        raise DeviceError("latency: nodes were not read as they lie there", "The memory walk tells more.")


def _check_check(device: Device, head: tuple[Buffer, U64, U32], out: Buffer) -> None:
    """Of links laid for one node fewer than are looked at, some must be found wrong."""
    fewer = Cycle(_SMALL_NODES - 1)
    device.upload(out, np.zeros(8, np.uint64))
    device.launch(CHECK, blocks=1, threads=THREADS, arguments=(head[0], U64(fewer.nodes), U32(fewer.bits), out))
    if int(device.download(out, np.dtype(np.uint64), 1)[0]) == 0:
        raise DeviceError("latency: links of another cycle were taken for right ones", "The memory walk tells more.")
