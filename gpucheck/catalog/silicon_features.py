"""What one reading says of one SKU, in decibans: 0 where it fits or says nothing, down to a floor where it does not.

Floors are estimates of how often an honest card would read so: a card is slow by heat or load in a few of a hundred
scans, workshops add memory, a driver's mode slows FP64; multiprocessors that are fused off never run.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gpucheck.model.capability import Capability
from gpucheck.model.profile import MemoryLayout, Profile
from gpucheck.model.units import MIB

USUAL_SHARE = 0.92
"""Of the theoretical bandwidth, what streaming reaches: 0.79 to 0.98 of 17 cards in published runs of gpu-benches,
BabelStream, clpeak and mixbench; most lie at 0.88 to 0.96."""
CLOCK_TOLERANCE = 0.03
"""54 of 56 captured memory clocks are within 1 % of the SKU's; the rest are overclocked or laptop parts."""
_SLOWER, _FASTER = 0.08, 0.05
"""Spread to either side. Overclocked memory reaches 1.0, hardly ever 1.05."""

_GENERATION, _LIMITS, _SM_COUNT, _SM_COUNT_OF_ONE_TABLE = -30.0, -20.0, -25.0, -19.0
_BANDWIDTH_SLOW, _BANDWIDTH_FAST = -15.0, -25.0
_LESS_MEMORY, _OTHER_MEMORY, _MORE_MEMORY = -12.0, -8.0, -4.0
_L2, _FP64_FAST, _FP64_SLOW, _TENSOR, _TENSOR_NEAR = -8.0, -20.0, -12.0, -20.0, -12.0
_UNKNOWN = -2.0
"""Of a SKU whose fact is not on record: a little behind one that fits, far ahead of one that does not."""

_HARDLY = 0.2
"""Of the generation's peak, what tensor cores reach even by instructions that newer ones serve slowly."""
_ECC_AND_RESERVE = 0.85
_RATES_GBPS = {
    "DDR3": (0.8, 2.2),
    "DDR4": (1.6, 3.3),
    "GDDR3": (0.8, 2.7),
    "GDDR5": (1.6, 9.2),
    "GDDR5X": (8.0, 12.0),
    "GDDR6": (9.0, 20.5),
    "GDDR6X": (18.0, 24.5),
    "GDDR7": (20.0, 37.0),
    "HBM2": (1.0, 2.5),
    "HBM2e": (2.4, 3.7),
    "HBM3": (4.0, 6.5),
    "HBM3e": (6.0, 10.0),
}
"""Lowest and highest rate per pin of products with each type of memory, for SKUs whose own rate is not on record."""


@dataclass(frozen=True)
class Readings:
    """What was measured, reduced to the numbers that tell SKUs apart. ``None`` was not measured."""

    machine_code: str
    sm_count: int
    resident_warps_per_sm: int | None = None
    shared_memory_block_bytes: int | None = None
    rates_per_clock: tuple[tuple[str, float], ...] = ()
    """Operation to rate per clock and multiprocessor."""
    best_rate: float | None = None
    """Fastest streaming, in bytes per second."""
    sectors_share: float | None = None
    """Useful rate of reading one 32-byte half of each 64 bytes, over the rate of reading everything."""
    proven_bytes: int | None = None
    all_proven: bool = False
    """Nearly all that is declared was tested, so less than a legal size is really less."""
    true_bytes: int | None = None
    """The real end of memory, where the walk found one."""
    l2_least_bytes: int | None = None
    l2_most_bytes: int | None = None

    @cached_property
    def rates(self) -> dict[str, float]:
        """The rates by operation."""
        return dict(self.rates_per_clock)


def generation(seen: Readings, profile: Profile) -> float:
    """Machine code, limits of a multiprocessor and rates per clock all tell the generation: the worst counts."""
    if seen.machine_code != profile.die.compute_capability:
        return _GENERATION
    known = profile.capability
    return _LIMITS if known and (_beyond_limits(seen, known) or _beyond_rates(seen, known)) else 0.0


def _beyond_limits(seen: Readings, known: Capability) -> bool:
    """More than a multiprocessor of the generation can hold; less may be the probe's own limit."""
    limits = (
        (seen.resident_warps_per_sm, known.resident_warps_per_sm),
        (seen.shared_memory_block_bytes, known.shared_memory_block_bytes),
    )
    return any(got is not None and most is not None and got > most for got, most in limits)


def _beyond_rates(seen: Readings, known: Capability) -> bool:
    peaks = known.operations_per_clock_per_sm
    return any(seen.rates.get(name, 0.0) > 1.3 * most for name, most in peaks.items())


def multiprocessors(seen: Readings, counts: Sequence[int], *, corroborated: bool) -> float:
    """Hold the census against the counts that the SKU may have; a single table errs of some."""
    if not counts:
        return _UNKNOWN
    if seen.sm_count in counts:
        return 0.0
    return _SM_COUNT if corroborated else _SM_COUNT_OF_ONE_TABLE


def bandwidth(seen: Readings, layout: MemoryLayout) -> float:
    """Hold the best streaming rate against the layout's peak, or against what its type of memory can do at all."""
    if seen.best_rate is None:
        return 0.0
    peak = layout.bandwidth_bytes_per_second
    if peak is not None:
        return _share(seen.best_rate / peak)
    if layout.bus_width_bits is None or layout.type not in _RATES_GBPS:
        return _UNKNOWN
    low, high = (layout.bus_width_bits / 8 * rate * 1e9 for rate in _RATES_GBPS[layout.type])
    nearest = min(max(USUAL_SHARE, seen.best_rate / high), seen.best_rate / low)
    return min(_UNKNOWN, _share(nearest))


def _share(share: float) -> float:
    """Log-likelihood of a share of the peak: a bell that is wider below the usual share than above."""
    off = share - USUAL_SHARE
    spread, floor = (_FASTER, _BANDWIDTH_FAST) if off > 0 else (_SLOWER, _BANDWIDTH_SLOW)
    return max(floor, -10 / math.log(10) * (off / spread) ** 2 / 2)


def capacity(seen: Readings, layout: MemoryLayout) -> float:
    """Added memory exists, so this stays weak. A firmware that hides memory is rarer than one that makes it up."""
    sizes = [size * MIB for size in layout.sizes_mib]
    if seen.true_bytes is not None:
        return 0.0 if any(0.97 <= seen.true_bytes / size <= 1.03 for size in sizes) else _OTHER_MEMORY
    if seen.proven_bytes is None:
        return 0.0
    roomy = [size for size in sizes if seen.proven_bytes <= 1.001 * size]
    if not roomy:
        return _LESS_MEMORY
    near = not seen.all_proven or seen.proven_bytes >= _ECC_AND_RESERVE * min(roomy)
    return 0.0 if near else _MORE_MEMORY


def cache(seen: Readings, profile: Profile) -> float:
    """Hold the knee of the latency curve against the second-level cache; far partitions blur it, so it stays weak."""
    least, most, known = seen.l2_least_bytes, seen.l2_most_bytes, profile.l2_cache_bytes
    if least is None or most is None or not known:
        return 0.0
    return 0.0 if least / 1.5 <= known <= most * 1.5 else _L2


def fp64(seen: Readings, profile: Profile) -> float:
    """A driver's mode or a power limit makes FP64 slower than the SKU's; nothing makes it faster.

    Held against FP32 as measured and at its peak, whichever is kinder: old generations hardly reach that peak.
    """
    double = seen.rates.get("fp64")
    if not double or profile.fp64_ratio is None:
        return 0.0
    peak = profile.capability.operations_per_clock_per_sm.get("fp32") if profile.capability else None
    parts = int(profile.fp64_ratio.removeprefix("1:"))
    against = [single for single in (seen.rates.get("fp32"), peak) if single]
    octaves = min((math.log2(double / single * parts) for single in against), key=abs, default=0.0)
    return _beyond(octaves, _FP64_FAST if octaves > 0 else _FP64_SLOW)


def tensor(seen: Readings, profile: Profile) -> float:
    """How fast sums in FP32 are, against sums in FP16 and against full silicon of the generation."""
    tier = profile.tensor_fp32_accumulate
    halves, singles = seen.rates.get("tensor_fp16_fp16"), seen.rates.get("tensor_fp16_fp32")
    if tier is None or not singles:
        return 0.0
    known = profile.capability
    peak = known.operations_per_clock_per_sm.get("tensor_fp16_fp32") if known else None
    return _TIERS[tier](singles / halves if halves else None, singles / peak if peak else None)


def _full(ratio: float | None, of_peak: float | None) -> float:
    told = _TENSOR if of_peak is not None and of_peak < _HARDLY else 0.0
    return min(told, _beyond(math.log2(ratio), _TENSOR) if ratio else 0.0)


def _half(ratio: float | None, of_peak: float | None) -> float:
    told = _TENSOR if of_peak is not None and not _HARDLY / 2 <= of_peak <= 0.75 else 0.0
    return min(told, _beyond(math.log2(ratio / 0.5), _TENSOR) if ratio else 0.0)


def _capped(ratio: float | None, of_peak: float | None) -> float:
    """By how much is not on record; that it is neither full nor half is all."""
    share = min(x for x in (ratio, of_peak, 1.0) if x is not None)
    if share < 0.4:
        return 0.0
    return _TENSOR_NEAR if share < 0.75 else _TENSOR


def _none(_ratio: float | None, of_peak: float | None) -> float:
    """Without tensor cores the instruction runs on the ordinary units, at a quarter of the rate or less."""
    return _TENSOR if of_peak is not None and of_peak > 0.4 else 0.0


_TIERS: dict[str, Callable[[float | None, float | None], float]] = {
    "full": _full,
    "half": _half,
    "capped": _capped,
    "none": _none,
}


def _beyond(octaves: float, floor: float) -> float:
    """Nothing within a quarter of an octave, the floor from three quarters on."""
    return floor * min(1.0, max(0.0, (abs(octaves) - 0.25) / 0.5))


def may_state(layout: MemoryLayout, bus_width_bits: int | None, memory_clock_mhz: int | None) -> bool:
    """Whether a driver that reads the hardware may state this width and clock (half the data rate) of the layout."""
    return _width_fits(layout, bus_width_bits) and _clock_fits(layout, memory_clock_mhz)


def _width_fits(layout: MemoryLayout, stated: int | None) -> bool:
    if not stated or layout.bus_width_bits is None:
        return True
    # Of stacked memory drivers state a little less than data sheets: 7680 of 8192 bits on a B200.
    least = 0.9 if layout.type.startswith("HBM") else 1.0
    return least * layout.bus_width_bits <= stated <= layout.bus_width_bits


def _clock_fits(layout: MemoryLayout, stated: int | None) -> bool:
    if not stated:
        return True
    gbps = stated / 500
    if layout.data_rate_gbps is not None:
        return abs(gbps / layout.data_rate_gbps - 1) <= CLOCK_TOLERANCE
    low, high = _RATES_GBPS.get(layout.type, (0.0, math.inf))
    return low * (1 - CLOCK_TOLERANCE) <= gbps <= high * (1 + CLOCK_TOLERANCE)
