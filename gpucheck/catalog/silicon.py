"""The silicon oracle: which SKUs could have done what was measured, and how much likelier each is than the others.

Nothing declared goes in: no name, no id, no figure of NVML or of CUDA. Every SKU is scored feature by feature, in
decibans below a perfect fit, and each feature has a floor, so that one odd reading cannot decide alone. Features that
hang together are one. What was not measured, or what the catalog does not know, says next to nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gpucheck.catalog import silicon_features as features
from gpucheck.catalog.silicon_burst import BURST, burst
from gpucheck.catalog.silicon_features import Readings, may_state
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.measured import Bandwidth, Latency, MemoryWalk, SlabMap, Throughput
from gpucheck.model.profile import MemoryLayout, Profile

__all__ = ["ALIKE", "Fit", "Readings", "Survey", "may_state", "readings", "score", "survey"]

ALIKE = 10.0
"""Decibans within which two SKUs fit about as well: less than ten to one."""
_TESTED = 0.9


@dataclass(frozen=True)
class Fit:
    """How well one SKU with one memory layout fits."""

    profile: Profile
    layout: MemoryLayout
    against: tuple[tuple[str, float], ...]
    """Features that speak against it, with their decibans."""

    @cached_property
    def decibans(self) -> float:
        """Sum of all features; 0 is a perfect fit."""
        return sum(points for _, points in self.against)

    @cached_property
    def settled(self) -> float:
        """The same without the burst of the memory, which was never seen on real silicon: for what fails a card."""
        return sum(points for name, points in self.against if name != BURST)


@dataclass(frozen=True)
class Survey:
    """All that was compared, the likeliest first."""

    fits: tuple[Fit, ...]

    @property
    def best(self) -> Fit | None:
        """The likeliest; ``None`` where the catalog has no silicon of this generation."""
        return self.fits[0] if self.fits else None

    @property
    def family(self) -> tuple[Profile, ...]:
        """SKUs that fit about as well as the best, each once: what nothing measured tells apart."""
        if not self.fits:
            return ()
        floor = self.fits[0].decibans - ALIKE
        return tuple({f.profile.id: f.profile for f in self.fits if f.decibans >= floor}.values())

    def likelihood(self, profile: Profile) -> float:
        """Of one SKU, normalised over all that were compared, 0 to 1."""
        best: dict[str, float] = {}
        for fit in self.fits:
            best[fit.profile.id] = max(fit.decibans, best.get(fit.profile.id, -math.inf))
        total = sum(10 ** (points / 10) for points in best.values())
        return 10 ** (best.get(profile.id, -math.inf) / 10) / total if total else 0.0


def readings(evidence: Evidence) -> Readings | None:
    """Reduce measured evidence to what tells SKUs apart; ``None`` where not even the multiprocessors were counted."""
    census, latency = evidence.census, evidence.latency
    if isinstance(census, Unavailable):
        return None
    knee = latency if isinstance(latency, Latency) else None
    proven, all_proven, true_end = _memory(evidence.memory_walk)
    return Readings(
        machine_code=census.machine_code,
        sm_count=census.sm_count,
        resident_warps_per_sm=census.resident_warps_per_sm,
        shared_memory_block_bytes=census.shared_memory_block_bytes,
        rates_per_clock=_rates(evidence.throughput),
        best_rate=_best_rate(evidence.bandwidth, evidence.slab_map),
        sectors_share=_sectors_share(evidence.bandwidth),
        proven_bytes=proven,
        all_proven=all_proven,
        true_bytes=true_end,
        l2_least_bytes=knee.l2_least_bytes if knee else None,
        l2_most_bytes=knee.l2_most_bytes if knee else None,
    )


def _rates(seen: Throughput | Unavailable) -> tuple[tuple[str, float], ...]:
    if isinstance(seen, Unavailable):
        return ()
    return tuple(sorted((name, rate.per_clock_per_sm) for name, rate in seen.rates.items()))


def _best_rate(seen: Bandwidth | Unavailable, windows: SlabMap | Unavailable) -> float | None:
    """The fastest stream; the median window where no buffers for streams could be had."""
    if isinstance(seen, Unavailable):
        return None if isinstance(windows, Unavailable) else windows.median_bytes_per_second
    return seen.fastest[1]


def _sectors_share(seen: Bandwidth | Unavailable) -> float | None:
    if isinstance(seen, Unavailable) or seen.sectors_bytes_per_second is None or seen.read_bytes_per_second <= 0:
        return None
    return seen.sectors_bytes_per_second / seen.read_bytes_per_second


def _memory(walk: MemoryWalk | Unavailable) -> tuple[int | None, bool, int | None]:
    """Bytes proven, whether nearly all was tested, and the real end where one was found."""
    if isinstance(walk, Unavailable):
        return None, False, None
    end = walk.real_bytes if walk.forged else None
    return walk.distinct_bytes, walk.tested_bytes >= _TESTED * walk.total_bytes, end


def survey(seen: Readings, profiles: Iterable[Profile]) -> Survey:
    """Score every SKU with every one of its layouts; among equals what is sold most comes first."""
    fits = [score(seen, profile, layout) for profile in profiles for layout in profile.memory]
    return Survey(tuple(sorted(fits, key=lambda fit: (-round(fit.decibans, 1), *_fame(fit.profile)))))


def _fame(profile: Profile) -> tuple[bool, bool, bool]:
    common = profile.form_factor in ("desktop", "pcie", "sxm", "workstation")
    return not profile.retail, not common, profile.confidence == "low"


def score(seen: Readings, profile: Profile, layout: MemoryLayout, sm_counts: Sequence[int] = ()) -> Fit:
    """Score one SKU with one layout; ``sm_counts`` narrows the counts that it may have."""
    counts = tuple(sm_counts) or profile.sm_counts
    points = {
        "generation": features.generation(seen, profile),
        "multiprocessors": features.multiprocessors(seen, counts, corroborated=profile.corroborated),
        "bandwidth": features.bandwidth(seen, layout),
        BURST: burst(seen, profile, layout),
        "capacity": features.capacity(seen, layout),
        "cache": features.cache(seen, profile),
        "FP64 rate": features.fp64(seen, profile),
        "tensor rate": features.tensor(seen, profile),
    }
    return Fit(profile, layout, tuple((name, value) for name, value in points.items() if value))
