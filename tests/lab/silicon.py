"""Measured evidence as a profile's facts would give it, without a simulated scan: cheap enough for every SKU."""

from typing import Any

from gpucheck.model.burst import BURST_BYTES
from gpucheck.model.measured import Bandwidth, Census, MemoryWalk, Rate, Throughput
from gpucheck.model.profile import MemoryLayout, Profile
from gpucheck.model.units import GIB, MIB

_REACHED = 0.95
_WITHOUT_TENSOR_CORES = 0.125


def layout_of(profile: Profile) -> MemoryLayout:
    """The layout with the largest size, as simulated silicon has it."""
    largest = profile.memory_sizes_bytes[-1]
    return next(x for x in profile.memory if largest in {size * MIB for size in x.sizes_mib})


def census_of(profile: Profile) -> Census:
    most = profile.capability
    return Census(
        sm_count=max(profile.sm_counts, default=profile.die.sm_count_max or 1),
        machine_code=profile.die.compute_capability,
        blocks=4096,
        resident_warps_per_sm=most.resident_warps_per_sm if most else None,
        shared_memory_block_bytes=most.shared_memory_block_bytes if most else None,
    )


def throughput_of(profile: Profile) -> Throughput:
    """What the units reach: a share of the generation's peak, less what the SKU's tier takes away."""
    known = profile.capability
    rates: dict[Any, Rate] = {}
    for name, peak in (known.operations_per_clock_per_sm if known else {}).items():
        rates[name] = _rate(_REACHED * peak * _tier(profile, name))
    if profile.fp64_ratio and "fp32" in rates:
        ratio = int(profile.fp64_ratio.removeprefix("1:"))
        rates["fp64"] = _rate(rates["fp32"].per_clock_per_sm / ratio)
    return Throughput(rates=rates, sm_clock_mhz=1500.0, samples=7)


def _tier(profile: Profile, operation: str) -> float:
    tier = profile.tensor_fp32_accumulate
    if not operation.startswith("tensor"):
        return 1.0
    if tier == "none":
        return _WITHOUT_TENSOR_CORES
    sums_in_fp16 = operation.endswith("fp16_fp16")
    return {"half": 1.0 if sums_in_fp16 else 0.5, "capped": 0.25}.get(tier or "full", 1.0)


def _rate(per_clock: float) -> Rate:
    return Rate(per_clock_per_sm=per_clock, per_second=per_clock * 1.5e9, spread=0.01)


def bandwidth_of(profile: Profile, share: float = 0.92) -> Bandwidth | None:
    """A share of the layout's peak; ``None`` where the catalog does not know it."""
    layout = layout_of(profile)
    peak = layout.bandwidth_bytes_per_second
    if peak is None:
        return None
    useful = 0.52 if BURST_BYTES.get(layout.type) == 64 else 0.88
    return Bandwidth(
        read_bytes_per_second=share * peak,
        copy_bytes_per_second=0.98 * share * peak,
        sectors_bytes_per_second=useful * share * peak,
        read_spread=0.004,
        copy_spread=0.004,
        buffer_bytes=GIB,
        samples=9,
    )


def walk_of(profile: Profile) -> MemoryWalk:
    total = profile.memory_sizes_bytes[-1]
    tested = int(0.98 * total)
    return MemoryWalk(
        total_bytes=total,
        tested_bytes=tested,
        distinct_bytes=tested,
        untested_bytes=total - tested,
        untested_holder="the driver",
        passes=3,
        seed=7,
        window_bytes=64 * MIB,
        write_bytes_per_second=1e9,
        verify_bytes_per_second=1e9,
        duration_seconds=1.0,
    )
