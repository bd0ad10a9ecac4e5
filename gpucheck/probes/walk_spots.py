"""The walk's early tiers: a few bytes of every page, written, evicted and read before anything else, in milliseconds.

============  ===================  ==========================  =====================================================
tier          in every 2 MiB page  where                       sees for certain
============  ===================  ==========================  =====================================================
page marks    64 bytes             one place for all pages,    pages that share a frame in the same inner order,
                                   hashed from the seed        however they are paired
stripes       128 KiB              a hashed place for each     with near certainty also pages that share a frame in
                                   page, one of sixteen        another order, or shifted; every channel of the bus
============  ===================  ==========================  =====================================================

One place for all pages is what lets two marks in one frame meet; places of their own let a shifted or turned page meet
one stripe in sixteen. Spots prove no byte beside them: only the full walk proves memory.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, Argument, Kernel
from gpucheck.probes.pattern import U64s, pattern

WRITE_SPOTS = Kernel("memory_walk", "walk_write_spots")
VERIFY_SPOTS = Kernel("memory_walk", "walk_verify_spots")
EVICT = Kernel("memory_walk", "walk_evict")
PAGE_SHIFT = 17
PAGE_VECTORS = 1 << PAGE_SHIFT


@dataclass(frozen=True)
class Spots:
    """Spots of ``2 ** shift`` vectors, one in each page; ``scatter`` gives each page a place of its own."""

    tier: Literal["page_marks", "stripes"]
    shift: int
    scatter: bool

    @property
    def vectors(self) -> int:
        """Vectors of one spot."""
        return 1 << self.shift

    def arguments(self) -> tuple[Argument, ...]:
        """Its part of the kernels' arguments."""
        return U32(self.shift), U32(int(self.scatter))


PAGE_MARKS = Spots("page_marks", 2, scatter=False)
STRIPES = Spots("stripes", 13, scatter=True)


def places(pages: NDArray[np.integer], seed: int, shift: int, *, scatter: bool) -> U64s:
    """Return where the spot of each page begins, in vectors from the page's start; twin of the kernel's."""
    numbers = pages.astype(np.uint64) if scatter else np.zeros(pages.shape, np.uint64)
    _, high = pattern(numbers, seed)
    return (high >> np.uint64(47 + shift)) << np.uint64(shift)
