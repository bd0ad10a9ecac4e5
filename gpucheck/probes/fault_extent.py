"""Where the wrong vectors of one kind lie and how much of the memory they are."""

from dataclasses import dataclass, replace
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
    ``elsewhere`` counts the vectors that are wrong in another way.
    """

    rows: Rows
    mass: NDArray[np.float64]
    complete: bool
    vectors: int
    first: int | None = None
    last: int | None = None
    alone: bool = False
    elsewhere: int = 0

    def within(self, first: int, last: int) -> "Extent":
        """The same, being all that is wrong, with its bounds known exactly."""
        return replace(self, first=first, last=last, alone=True)

    def of(self, chosen: NDArray[np.bool_]) -> "Extent":
        """A choice of rows, with the share of the mass that they stand for."""
        share = float(chosen.mean())
        return Extent(self.rows.where(chosen), self.mass * share, self.complete, self.vectors)

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
        one = Extent(self.rows.where(before), self.mass - behind, False, self.vectors, self.first, at - 1)
        return one, Extent(self.rows.where(self.rows.index >= at), behind, self.complete, self.vectors, at, self.last)

    @property
    def wrong_vectors(self) -> int:
        """Different vectors that were wrong: counted, or by share of the regions where the log overflowed."""
        return int(np.unique(self.rows.index).size) if self.complete else round(float(self.mass.sum()))

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
        """Highest wrong index; to the end of its last region where the log overflowed."""
        if self.last is not None:
            return self.last
        seen = int(self.rows.index.max())
        if self.complete:
            return seen
        region = int(np.flatnonzero(self.mass >= 1)[-1]) if (self.mass >= 1).any() else 0
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
            first_byte=self.first_vector * VECTOR_BYTES,
            last_byte=(self.last_vector + 1) * VECTOR_BYTES - 1,
            **facts,
        )
