"""A walk under way: its windows, what has been written, and what each pass found."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gpucheck.device.protocol import U32, U64, Argument, Buffer, Device, Kernel
from gpucheck.model.units import MIB, gib
from gpucheck.probes import walk_selftest
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.pattern import ALL_ONES, Values
from gpucheck.probes.walk_journal import REGION_VECTORS, VECTOR_BYTES, Journal, Observed, distinct
from gpucheck.probes.walk_rates import WINDOW_BYTES, Floats, Timed, window_bytes
from gpucheck.probes.walk_spots import EVICT, VERIFY_SPOTS, WRITE_SPOTS, Spots

WRITE, VERIFY, THREADS = walk_selftest.WRITE, walk_selftest.VERIFY, walk_selftest.THREADS
BLOCKS_PER_SM = 2
PAGE_BYTES, SLICE_BYTES = 2 * MIB, MIB // 2
NEVER = 0x9E3779B9
_MOST_SLICES, _ROWS_OF_A_SLICE = 96, 512
_SPOT_SALT, _SOAK_SALT = 0x632BE59BD9B4E019, 0xA0761D6478BD642F
"""Added to the seed, so that what an early tier or an earlier pass wrote is never mistaken for what a later one did."""


@dataclass(frozen=True)
class Window:
    """A part of the walk that one launch covers. ``first`` is the walk index of its first vector."""

    buffer: Buffer
    first: int

    @property
    def vectors(self) -> int:
        """Its length in vectors."""
        return self.buffer.size_bytes // VECTOR_BYTES

    def part(self, at: int, size: int) -> "Window":
        """A part of at most ``size`` bytes from byte ``at`` on."""
        size = min(size, self.buffer.size_bytes - at)
        return Window(self.buffer.slice(at, size), self.first + at // VECTOR_BYTES)


@dataclass(frozen=True)
class Spotted:
    """What a tier of spots found, and how many bytes it wrote and read."""

    spots: Spots
    tested_bytes: int
    observed: Observed


@dataclass
class Walk:
    """Chunks laid end to end, each walked in windows, and what each pass cost and found."""

    device: Device
    options: ProbeOptions
    seed: int
    journal: Journal
    chunks: Sequence[Window]
    written: list[Values] = field(default_factory=list)
    write_seconds: list[float] = field(default_factory=list)
    verify_seconds: list[list[float]] = field(default_factory=list)
    spotted: list[Spotted] = field(default_factory=list)
    observed: list[Observed] = field(default_factory=list)
    asked: list[Observed] = field(default_factory=list)
    """What single vectors gave back that were asked again."""
    stage: str = "before its first pass"
    """Where it is, for the account of a walk that breaks off."""

    def __post_init__(self) -> None:
        """Cut the chunks into windows."""
        self.vectors = sum(chunk.vectors for chunk in self.chunks)
        self._cut(WINDOW_BYTES)

    @property
    def size_bytes(self) -> int:
        """Length of the walk in bytes."""
        return self.vectors * VECTOR_BYTES

    def _cut(self, size: int) -> None:
        starts = [(chunk, at) for chunk in self.chunks for at in range(0, chunk.buffer.size_bytes, size)]
        self.windows = [chunk.part(at, size) for chunk, at in starts]

    def run_spots(self, spots: Spots, evict_bytes: int, progress: tuple[float, float]) -> None:
        """Write a spot of every page, let other traffic drive it out of the caches, and read it.

        How fast that traffic went decides the length of the windows of later passes.
        """
        values = Values((self.seed + (len(self.spotted) + 1) * _SPOT_SALT) & ALL_ONES)
        name, (start, share) = spots.tier.replace("_", " "), progress
        self._all(WRITE_SPOTS, self.chunks, values, (start, share / 2), f"writing {name}", spots)
        self.stage = f"while driving {name} out of the caches"
        self._cut(window_bytes(self._evict(evict_bytes)))
        self.journal.clear()
        self._all(VERIFY_SPOTS, self.chunks, values, (start + share / 2, share / 2), f"reading {name}", spots)
        pages = self.size_bytes // PAGE_BYTES
        self.spotted.append(Spotted(spots, pages * spots.vectors * VECTOR_BYTES, self._finish(values)))

    def run_pass(self, complement: int, of: int, *, pause: float = 0.0, fresh: bool = False) -> None:
        """Write all, then read all; ``of`` is the number of passes for progress, ``fresh`` takes another seed."""
        number = len(self.observed)
        values = Values((self.seed + (_SOAK_SALT if fresh else 0)) & ALL_ONES, complement)
        told = f"pass {number + 1} of {of}"
        share = 0.5 * (1 - EARLY_SHARE) / of
        start = EARLY_SHARE + 2 * number * share
        self.write_seconds.append(sum(self._all(WRITE, self.windows, values, (start, share), f"writing {told}")))
        time.sleep(pause)
        self.journal.clear()  # only now: where addresses overlap, writing may have gone through the journal
        self.verify_seconds.append(self._all(VERIFY, self.windows, values, (start + share, share), f"reading {told}"))
        self.observed.append(self._finish(values))

    def read_again(self, windows: list[int]) -> None:
        """Time some windows once more, as if in another pass, without believing or counting what they hold."""
        seconds = list(self.verify_seconds[-1])
        for number, again in zip(windows, self.seconds_of([self.windows[number] for number in windows]), strict=True):
            seconds[number] = again
        self.verify_seconds.append(seconds)

    def seconds_of(self, windows: Sequence[Window]) -> list[float]:
        """Read windows for their seconds alone."""
        seconds = [self._launch(VERIFY, window, self.observed[-1].values) for window in windows]
        self.journal.clear()
        return seconds

    def look_closer(self) -> None:
        """Read slices of what was wrong all over the memory where the log overflowed, so that its rows come from there.

        Half of them is left to chance: at even distances they could all miss, or all hit, what returns as evenly. The
        others are where most more or less is wrong than elsewhere, so that a small fault is seen beside a large one.
        """
        seen = self.observed[-1]
        if seen.complete:
            return
        slices = np.array([-(-window.buffer.size_bytes // SLICE_BYTES) for window in self.windows])
        holder = np.repeat(np.arange(slices.size), slices)
        at = (np.arange(holder.size) - np.repeat(slices.cumsum() - slices, slices)) * SLICE_BYTES
        region = (np.array([window.first for window in self.windows])[holder] + at // VECTOR_BYTES) // REGION_VECTORS
        wrong = np.flatnonzero(seen.regions[region])
        counts = seen.regions[region].astype(np.int64)
        drawn = np.random.default_rng(self.seed).permutation(wrong)
        odd = drawn[np.argsort(-abs(counts[drawn] - np.median(counts[wrong])), kind="stable")]
        for number in np.union1d(drawn[: _MOST_SLICES // 2], odd[: _MOST_SLICES // 2]):
            part = self.windows[holder[number]].part(int(at[number]), SLICE_BYTES)
            self._launch(VERIFY, part, seen.values)
            self.journal.harvest(seen.values)
        rows = np.concatenate([seen.rows, self.journal.rows(_ROWS_OF_A_SLICE)])
        self.observed[-1] = replace(seen, rows=distinct(rows))
        self.journal.clear()

    def ask(self, vectors: Sequence[int], complement: int, evict_bytes: int) -> Observed:
        """Write single vectors, drive them out of the caches, and read them."""
        values = Values(self.seed, complement)
        firsts = [window.first for window in self.windows]
        holding = [(self.windows[bisect_right(firsts, vector) - 1], vector) for vector in vectors]
        parts = [window.part((vector - window.first) * VECTOR_BYTES, VECTOR_BYTES) for window, vector in holding]
        self.stage = "while asking single cells again"
        self.journal.clear()
        for kernel in (WRITE, VERIFY):
            for part in parts:
                self._launch(kernel, part, values)
            if kernel == WRITE:
                self._evict(evict_bytes)
        self.journal.harvest(values)
        self.asked.append(self._finish(values))
        return self.asked[-1]

    def timed(self) -> Timed:
        """Each window with its best time: slow once is chance, slow each time is the memory."""
        best: Floats = np.array(self.verify_seconds, np.float64).min(axis=0)
        return as_timed(self.windows, best)

    def _finish(self, values: Values) -> Observed:
        before = tuple(dict.fromkeys(v for v in reversed(self.written) if v != values))
        self.written.append(values)
        return self.journal.finish(self.vectors, values, before)

    def _evict(self, size_bytes: int) -> float:
        """Read so much of the walk's own memory, from its start; return the bytes per second."""
        left, seconds = size_bytes, 0.0
        for chunk in self.chunks:
            part = chunk.part(0, left)
            seconds += self._run(EVICT, part.buffer, U64(part.vectors), self.journal.sink, U32(NEVER))
            left -= part.buffer.size_bytes
            if left <= 0:
                break
        return (size_bytes - max(left, 0)) / max(seconds, 1e-9)

    def _all(
        self,
        kernel: Kernel,
        windows: Sequence[Window],
        values: Values,
        progress: tuple[float, float],
        doing: str,
        spots: Spots | None = None,
    ) -> list[float]:
        """Launch over all windows in order; the log is brought home after each chunk, so that it has rows of each."""
        seconds: list[float] = []
        done, ends = 0, {chunk.first + chunk.vectors for chunk in self.chunks}
        for window in windows:
            self.stage = f"while {doing}, at {gib(done * VECTOR_BYTES)} of {gib(self.size_bytes)}"
            seconds.append(self._launch(kernel, window, values, spots))
            done = window.first + window.vectors
            if done not in ends:
                continue
            if kernel in (VERIFY, VERIFY_SPOTS):
                self.journal.harvest(values)
            self.options.tell(progress[0] + progress[1] * done / self.vectors, f"{doing.split(maxsplit=1)[0]} memory")
        return seconds

    def _launch(self, kernel: Kernel, window: Window, values: Values, spots: Spots | None = None) -> float:
        head = (window.buffer, U64(window.first), U64(window.vectors), U64(values.seed), U64(values.complement))
        tail: tuple[Argument, ...] = spots.arguments() if spots else (U32(0),) if kernel == VERIFY else ()
        logs = self.journal.arguments() if kernel in (VERIFY, VERIFY_SPOTS) else ()
        return self._run(kernel, *head, *tail, *logs)

    def _run(self, kernel: Kernel, *arguments: Argument) -> float:
        blocks = BLOCKS_PER_SM * max(1, self.device.attributes.sm_count)
        return self.device.launch(kernel, blocks=blocks, threads=THREADS, arguments=arguments)


EARLY_SHARE = 0.04
"""Of the progress, what the early tiers take."""


def lay_out(buffers: Sequence[Buffer]) -> list[Window]:
    """Lay chunks end to end."""
    chunks, first = [], 0
    for buffer in buffers:
        chunks.append(Window(buffer, first))
        first += chunks[-1].vectors
    return chunks


def as_timed(windows: Sequence[Window], seconds: Floats) -> Timed:
    """Windows with their times, as the account of rates wants them."""
    return Timed(
        first_bytes=np.array([window.first * VECTOR_BYTES for window in windows], np.int64),
        size_bytes=np.array([window.buffer.size_bytes for window in windows], np.int64),
        seconds=seconds,
    )
