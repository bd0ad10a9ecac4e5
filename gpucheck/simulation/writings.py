"""What was last written to a large buffer, kept as recipes, so that the host can look at any place of it.

Only fault-free writing is remembered here: it serves self-tests and marks that a probe sets and finds again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpucheck.simulation.addresses import VECTOR
from gpucheck.simulation.samples import U64s

OctetArray = NDArray[np.uint8]
Fill = Callable[[U64s], tuple[U64s, U64s]]
"""From vector numbers to their low and high words."""


@dataclass(frozen=True)
class Writing:
    """``size_bytes`` from ``start`` on hold ``content(first byte, number of bytes)``, counted from ``start``."""

    start: int
    size_bytes: int
    content: Callable[[int, int], OctetArray]

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.start + self.size_bytes


class Writings:
    """The writings to one buffer, oldest first; what is wholly overwritten is forgotten."""

    def __init__(self, kept: tuple[Writing, ...] = ()) -> None:
        self._kept = kept

    def snapshot(self) -> "Writings":
        """Return what is there now, untouched by later writings."""
        return Writings(self._kept)

    def add(self, new: Writing) -> None:
        """Note a writing."""
        self._kept = (*(old for old in self._kept if old.start < new.start or old.end > new.end), new)

    def add_bytes(self, start: int, data: OctetArray) -> None:
        """Note bytes that the host wrote."""
        kept = data.copy()
        self.add(Writing(start, kept.size, lambda at, size: kept[at : at + size]))

    def add_vectors(self, start: int, vectors: int, fill: Fill) -> None:
        """Note what a kernel wrote to a run of vectors."""

        def content(at: int, size: int) -> OctetArray:
            first, last = at // VECTOR, -(-(at + size) // VECTOR)
            words = np.stack(fill(np.arange(first, last, dtype=np.uint64)), axis=1)
            return np.ascontiguousarray(words).view(np.uint8).ravel()[at - first * VECTOR :][:size]

        self.add(Writing(start, vectors * VECTOR, content))

    def add_copy(self, start: int, size_bytes: int, source: "Writings", source_start: int) -> None:
        """Note a copy of what another buffer holds now."""
        then = source.snapshot()
        self.add(Writing(start, size_bytes, lambda at, size: then.read(source_start + at, size)))

    def read(self, start: int, size_bytes: int) -> OctetArray:
        """Return a copy of some bytes; zero where nothing was written."""
        result = np.zeros(size_bytes, np.uint8)
        for writing in self._kept:
            first, last = max(start, writing.start), min(start + size_bytes, writing.end)
            if first < last:
                result[first - start : last - start] = writing.content(first - writing.start, last - first)
        return result
