"""The full walk: every byte that can be had gets a value of its own, and must give it back, in both polarities.

One pass writes *all* memory and then reads *all* of it, so that nothing is answered by a cache and, of addresses that
share a cell, only the last written survives: what survives is as much as there really is. The next pass does the same
with every bit inverted. Reading never writes, so a card whose addresses overlap cannot spoil the account of it. The
traffic, four times the memory, is that of reading, inverting in place and reading again.

=========  ======================================================================================================
mode       passes
=========  ======================================================================================================
quick      one: proves size and distinctness; of bits that are stuck it sees those that should differ, about half
(default)  three: in two, a cell that can change one way only is right where it begins in the right state
deep       the same, the last with a pause of several refresh intervals between writing and reading
=========  ======================================================================================================
"""

import secrets
import time
from dataclasses import dataclass, field, replace

import numpy as np

from gpucheck.device.protocol import U32, U64, Buffer, Device, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import MemoryWalk
from gpucheck.model.units import GIB, MIB, gib, mib
from gpucheck.probes import memory_faults, walk_rates, walk_selftest
from gpucheck.probes.memory import give_back, take_most
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.pattern import ALL_ONES
from gpucheck.probes.walk_journal import VECTOR_BYTES, Journal, Observed
from gpucheck.probes.walk_rates import WINDOW_BYTES, Floats, Timed

WRITE, VERIFY, THREADS = walk_selftest.WRITE, walk_selftest.VERIFY, walk_selftest.THREADS
BLOCKS_PER_SM = 2
MARGIN_BYTES = 32 * MIB
"""Left to the driver and to a display, so that neither runs dry while the walk holds everything else."""
WINDOWS_MARGIN_BYTES = GIB
"""Under Windows a driver pages to host memory when the card is full: stay well away."""
_CACHES = 4
"""A walk shorter than so many second-level caches could be answered by them."""
PAUSE_SECONDS = 0.25
SLICE_BYTES = 2 * MIB
_MOST_SLICES, _ROWS_OF_A_SLICE = 96, 512
_HINT = "Close other programs that use the card and scan again."


@dataclass(frozen=True)
class Window:
    """A part of the walk that one launch covers. ``first`` is the walk index of its first vector."""

    buffer: Buffer
    first: int

    @property
    def vectors(self) -> int:
        """Its length in vectors."""
        return self.buffer.size_bytes // VECTOR_BYTES


@dataclass
class Walk:
    """A walk under way: chunks laid end to end, each in windows, and what each pass cost and found."""

    device: Device
    options: ProbeOptions
    seed: int
    journal: Journal
    chunks: list[list[Window]]
    write_seconds: list[float] = field(default_factory=list)
    verify_seconds: list[list[float]] = field(default_factory=list)
    observed: list[Observed] = field(default_factory=list)

    @property
    def windows(self) -> list[Window]:
        """All windows in order."""
        return [window for chunk in self.chunks for window in chunk]

    @property
    def vectors(self) -> int:
        """Length of the walk in vectors."""
        return sum(window.vectors for window in self.windows)

    def run_pass(self, of: int, pause: float = 0.0) -> None:
        """Write all, then read all; ``of`` is the number of passes for progress."""
        number = len(self.observed)
        complement = ALL_ONES if number % 2 else 0
        self.write_seconds.append(sum(self._each(WRITE, complement, (number / of, 0.5 / of), "writing")))
        time.sleep(pause)
        self.journal.clear()  # only now: where addresses overlap, writing may have gone through the journal
        self.verify_seconds.append(self._each(VERIFY, complement, ((number + 0.5) / of, 0.5 / of), "reading"))
        self.observed.append(self.journal.finish(self.vectors, complement))

    def read_again(self, windows: list[int]) -> None:
        """Time some windows once more, as if in another pass, without believing or counting what they hold."""
        complement, seconds = self.observed[-1].complement, list(self.verify_seconds[-1])
        for number in windows:
            seconds[number] = self._launch(VERIFY, self.windows[number], complement)
        self.journal.clear()
        self.verify_seconds.append(seconds)

    def look_closer(self) -> None:
        """Read slices from all over the memory where the log overflowed, so that its rows come from everywhere."""
        seen = self.observed[-1]
        if seen.complete:
            return
        slices = [
            _slice(window, at) for window in self.windows for at in range(0, window.buffer.size_bytes, SLICE_BYTES)
        ]
        for part in slices[:: -(-len(slices) // _MOST_SLICES)]:
            self._launch(VERIFY, part, seen.complement)
            self.journal.harvest(self.seed, seen.complement)
        rows = np.concatenate([seen.rows, self.journal.rows(_ROWS_OF_A_SLICE)])
        self.observed[-1] = replace(seen, rows=np.unique(rows, axis=0))
        self.journal.clear()

    def _each(self, kernel: Kernel, complement: int, progress: tuple[float, float], text: str) -> list[float]:
        seconds: list[float] = []
        for number, chunk in enumerate(self.chunks):
            seconds += [self._launch(kernel, window, complement) for window in chunk]
            if kernel is VERIFY:
                self.journal.harvest(self.seed, complement)
            self.options.tell(progress[0] + progress[1] * (number + 1) / len(self.chunks), f"{text} memory")
        return seconds

    def _launch(self, kernel: Kernel, window: Window, complement: int) -> float:
        head = (window.buffer, U64(window.first), U64(window.vectors), U64(self.seed), U64(complement))
        arguments = (*head, U32(0), *self.journal.arguments()) if kernel is VERIFY else head
        blocks = BLOCKS_PER_SM * max(1, self.device.attributes.sm_count)
        return self.device.launch(kernel, blocks=blocks, threads=THREADS, arguments=arguments)


def probe(device: Device, options: ProbeOptions) -> MemoryWalk:
    """Walk all memory that can be had.

    Raises ``OutOfDeviceMemory`` where that is none, ``DeviceError`` where the kernels fail a known answer,
    ``DeviceLost`` where the device goes away; the memory is given back in each case.
    """
    started = time.perf_counter()
    seed = secrets.randbits(63) if options.seed is None else options.seed & ALL_ONES
    held: list[Buffer] = []
    try:
        walk = _prepare(device, options, seed, held)
        _run(walk)
        return _summarise(walk, time.perf_counter() - started)
    finally:
        give_back(device, held)


def _prepare(device: Device, options: ProbeOptions, seed: int, held: list[Buffer]) -> Walk:
    """Take the journal first, prove the kernels on it, then take all that is left."""
    most = max(device.memory_info().free_bytes // VECTOR_BYTES, walk_selftest.END)
    held.append(device.allocate(Journal.size_bytes(most)))
    journal = Journal(device, held[0], most)
    walk_selftest.run(device, journal, seed)
    options.tell(0.0, "taking memory")
    margin = WINDOWS_MARGIN_BYTES if options.windows else MARGIN_BYTES
    take_most(device, device.memory_info().free_bytes - margin, held)
    least = _CACHES * (device.attributes.l2_cache_bytes or 0)
    if sum(buffer.size_bytes for buffer in held[1:]) < max(least, 1):
        free = mib(device.memory_info().free_bytes)
        raise OutOfDeviceMemory(f"too little memory is left to walk beyond the cache: {free} are still free", _HINT)
    return Walk(device, options, seed, journal, _lay_out(held[1:]))


def _slice(window: Window, at: int) -> Window:
    size = min(SLICE_BYTES, window.buffer.size_bytes - at)
    return Window(window.buffer.slice(at, size), window.first + at // VECTOR_BYTES)


def _lay_out(buffers: list[Buffer]) -> list[list[Window]]:
    chunks, first = [], 0
    for buffer in buffers:
        starts = range(0, buffer.size_bytes, WINDOW_BYTES)
        parts = [buffer.slice(at, min(WINDOW_BYTES, buffer.size_bytes - at)) for at in starts]
        chunks.append(
            [Window(part, first + at // VECTOR_BYTES) for part, at in zip(parts, starts, strict=True)],
        )
        first += buffer.size_bytes // VECTOR_BYTES
    return chunks


def _run(walk: Walk) -> None:
    options = walk.options
    passes = 1 if options.quick else 3
    for number in range(passes):
        walk.run_pass(passes, PAUSE_SECONDS if options.deep and number == passes - 1 else 0.0)
    walk.look_closer()
    slow = np.flatnonzero(walk_rates.ratios(_timed(walk)) < walk_rates.SLOW)
    if passes == 1 and slow.size:
        walk.read_again(slow.tolist())


def _timed(walk: Walk) -> Timed:
    """Each window with its best time: slow once is chance, slow each time is the memory."""
    best: Floats = np.array(walk.verify_seconds, np.float64).min(axis=0)
    return Timed(
        first_bytes=np.array([window.first * VECTOR_BYTES for window in walk.windows], np.int64),
        size_bytes=np.array([window.buffer.size_bytes for window in walk.windows], np.int64),
        seconds=best,
    )


def _summarise(walk: Walk, duration: float) -> MemoryWalk:
    timed, tested = _timed(walk), walk.vectors * VECTOR_BYTES
    total = max(walk.device.memory_info().total_bytes, tested)
    worst = memory_faults.worst_regions(walk.observed)
    read = sum(map(sum, walk.verify_seconds[: len(walk.observed)]))
    traffic = tested * len(walk.observed)
    return MemoryWalk(
        total_bytes=total,
        tested_bytes=tested,
        distinct_bytes=tested - int(worst.sum(dtype=np.int64)) * VECTOR_BYTES,
        untested_bytes=total - tested,
        untested_holder=_holder(total - tested, walk.options.windows),
        passes=len(walk.observed),
        seed=walk.seed,
        faults=memory_faults.classify(walk.observed, walk.seed, walk.vectors),
        slow_regions=walk_rates.slow_regions(timed),
        window_bytes=int(timed.size_bytes.max()),
        window_bytes_per_second=tuple(float(rate) for rate in timed.rates),
        write_bytes_per_second=traffic / max(sum(walk.write_seconds), 1e-9),
        verify_bytes_per_second=traffic / max(read, 1e-9),
        duration_seconds=duration,
    )


def _holder(untested: int, windows: bool) -> str:
    margin = WINDOWS_MARGIN_BYTES if windows else MARGIN_BYTES
    return (
        f"{gib(untested)} are held by the driver, the CUDA context, a display and other processes, "
        f"among them {mib(margin)} that the walk leaves free and its own log"
    )
