"""Where the wrong vectors of one kind lie and how much of the memory they are."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.model.measured import FaultKind, MemoryFault
from gpucheck.probes.walk_journal import REGION_VECTORS, VECTOR_BYTES, region_sizes
from gpucheck.probes.walk_rows import Rows


@dataclass(frozen=True)
class Extent:
    """Rows of one kind, and how many wrong vectors of it each region holds (``mass``).

    ``complete`` tells that no wrong vector is missing among the rows. ``vectors`` is the length of the whole walk;
    ``first`` and ``last`` are exact bounds, where they are known, and ``alone`` that there is no other kind;
    ``elsewhere`` counts the vectors that are wrong in another way; ``counted`` tells that ``mass`` is no estimate.
    """

    rows: Rows
    mass: NDArray[np.float64]
    complete: bool
    vectors: int
    first: int | None = None
    last: int | None = None
    alone: bool = False
    elsewhere: int = 0
    counted: bool = False

    def within(self, first: int, last: int) -> "Extent":
        """The same, being all that is wrong, with its bounds known exactly."""
        return replace(self, first=first, last=last, alone=True, counted=True)

    def share(self, chosen: NDArray[np.bool_], mass: NDArray[np.float64]) -> "Extent":
        """A choice of rows that stands for so much of each region."""
        return Extent(self.rows.where(chosen), mass, self.complete, self.vectors, counted=self.counted)

    def of(self, chosen: NDArray[np.bool_]) -> "Extent":
        """A choice of rows, with the share of the mass that they stand for."""
        return self.share(chosen, self.mass * float(chosen.mean()))

    def cut(self, at: int) -> tuple["Extent", "Extent"]:
        """What lies before a vector, and the rest. Of the region that is cut, what is wrong goes to the rest first.

        Rows near the cut are left out of what lies before: the vector may be off by a little.
        """
        region, inside = divmod(at, REGION_VECTORS)
        behind = self.mass.copy()
        behind[:region] = 0
        if inside:
            behind[region] = min(behind[region], REGION_VECTORS - inside)
        before = self.rows.index < (at - REGION_VECTORS // 16) // REGION_VECTORS * REGION_VECTORS
        one = replace(self.share(before, self.mass - behind), complete=False, first=self.first, last=at - 1)
        return one, replace(self.share(self.rows.index >= at, behind), first=at, last=self.last)

    @cached_property
    def wrong_vectors(self) -> int:
        """Different vectors that were wrong: counted, or by share of the regions where the log overflowed."""
        logged = int(np.unique(self.rows.index).size)
        return logged if self.complete else max(logged, round(float(self.mass.sum())))

    @property
    def wrong_bytes(self) -> int:
        """The same in bytes."""
        return self.wrong_vectors * VECTOR_BYTES

    @property
    def first_vector(self) -> int:
        """Lowest wrong index."""
        return int(self.rows.index.min()) if self.first is None else self.first

    @property
    def last_vector(self) -> int:
        """Highest wrong index; to the end of its last region where the log does not hold all of that."""
        if self.last is not None:
            return self.last
        seen = int(self.rows.index.max())
        if self.complete:
            return seen
        region = int(np.flatnonzero(self.mass >= 1)[-1]) if (self.mass >= 1).any() else 0
        logged = np.unique(self.rows.index[self.rows.index // REGION_VECTORS == region]).size
        if logged >= self.mass[region]:
            return seen
        return max(seen, min((region + 1) * REGION_VECTORS, self.vectors) - 1)

    @property
    def filled(self) -> float:
        """Share of the wrong vectors that lie side by side, filling their regions."""
        full = self.mass >= 0.98 * region_sizes(self.vectors)
        return float(self.mass[full].sum() / self.mass.sum())

    def fault(self, kind: FaultKind, **facts: Any) -> MemoryFault:
        """Make a fault of these bounds."""
        return MemoryFault(
            kind=kind,
            wrong_bytes=self.wrong_bytes,
            estimated=not (self.complete or self.counted),
            first_byte=self.first_vector * VECTOR_BYTES,
            last_byte=(self.last_vector + 1) * VECTOR_BYTES - 1,
            **facts,
        )
