"""The walk: every byte that can be had gets a value of its own, and must give it back, in both polarities.

One pass writes *all* memory and then reads *all* of it, so that nothing is answered by a cache and, of addresses that
share a cell, only the last written survives: what survives is as much as there really is. The next pass does the same
with every bit inverted. Reading never writes, so a card whose addresses overlap cannot spoil the account of it. The
traffic, four times the memory, is that of reading, inverting in place and reading again.

Before it, in every mode, a few bytes of every page are written, driven out of the caches and read: page marks and
stripes (``walk_spots``). They find overlapping addresses within milliseconds, and prove nothing.

=========  ======================================================================================================
mode       tiers
=========  ======================================================================================================
quick      marks, stripes, one full pass: size and distinctness; of stuck bits those that should differ, about half
(default)  marks, stripes, three full passes: in two, a cell that can change one way only begins in the right state
deep       the same, then a soak: two passes with other values, and several refresh intervals between write and read
=========  ======================================================================================================

Where only a few vectors were wrong, these are asked again (``walk_cells``), so that a cell that forgets is told from
one that sticks.
"""

import secrets
import time
from dataclasses import dataclass

import numpy as np

from gpucheck.device.protocol import Buffer, Device, DeviceError, OutOfDeviceMemory
from gpucheck.model.measured import DeviceProcess, MemoryFault, MemoryWalk, SlowRegion, WalkTier
from gpucheck.model.units import GIB, MIB, mib
from gpucheck.probes import fault_alias, memory_faults, walk_cells, walk_holder, walk_rows, walk_selftest, walk_slices
from gpucheck.probes.memory import give_back, take_most
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.pattern import ALL_ONES
from gpucheck.probes.walk_journal import VECTOR_BYTES, Journal, Observed
from gpucheck.probes.walk_passes import Walk, lay_out
from gpucheck.probes.walk_rows import Origin
from gpucheck.probes.walk_spots import PAGE_MARKS, STRIPES

MARGIN_BYTES = 32 * MIB
"""Left to the driver and to a display, so that neither runs dry while the walk holds everything else."""
WINDOWS_MARGIN_BYTES = GIB
"""Under Windows, and so under WSL, a driver pages to host memory when the card is full: stay well away."""
HOSTS_SHARE = 2
"""A card without memory of its own takes it from the host: one part of so many stays free, or the machine stands still
(NVIDIA/open-gpu-kernel-modules issue 1358, GB10)."""
CACHES = 4
"""A walk shorter than so many second-level caches could be answered by them; so much traffic evicts early tiers."""
UNKNOWN_L2_BYTES, UNKNOWN_L2_SHARE = 128 * MIB, 64
"""Assumed where the driver does not tell: no card of the catalog has more, or a larger share of its memory."""
PAUSE_SECONDS = 0.25
"""Several refresh intervals of 32 to 64 ms, at which a cell is still sure to keep its value."""
FULL_PASSES, SOAK_PASSES = 3, 2
_HINT = "Close other programs that use the card and scan again."


@dataclass
class _Prepared:
    """A walk that is ready, what was seen before it took its memory, and what its times told in the end."""

    walk: Walk
    l2_bytes: int
    spared_bytes: int
    processes: tuple[DeviceProcess, ...] | None
    slow_regions: tuple[SlowRegion, ...] = ()


def probe(device: Device, options: ProbeOptions) -> MemoryWalk:
    """Walk all memory that can be had.

    Raises ``OutOfDeviceMemory`` where that is none, ``DeviceError`` where the kernels fail a known answer,
    ``DeviceLost`` where the device goes away, with how far the walk had come; the memory is given back in each case.
    """
    started = time.perf_counter()
    seed = secrets.randbits(63) if options.seed is None else options.seed & ALL_ONES
    held: list[Buffer] = []
    try:
        prepared = _prepare(device, options, seed, held)
        _run(prepared)
        return _summarise(prepared, time.perf_counter() - started)
    finally:
        give_back(device, held)


def _prepare(device: Device, options: ProbeOptions, seed: int, held: list[Buffer]) -> _Prepared:
    """Take the journal first, prove the kernels on it, then take all that is left."""
    processes = walk_holder.others(options)
    most = max(device.memory_info().free_bytes // VECTOR_BYTES, walk_selftest.END)
    held.append(device.allocate(Journal.size_bytes(most)))
    journal = Journal(device, held[0], most)
    walk_selftest.run(device, journal, seed)
    options.tell(0.0, "taking memory")
    margin = left_free(device, options)
    budget = min(device.memory_info().free_bytes - margin, most * VECTOR_BYTES)  # more may be free than before
    take_most(device, budget, held)
    l2_bytes = _l2_bytes(device)
    taken = sum(buffer.size_bytes for buffer in held[1:])
    if taken < max(CACHES * l2_bytes, 1):
        raise OutOfDeviceMemory(_too_little(device, taken), _HINT)
    return _Prepared(Walk(device, options, seed, journal, lay_out(held[1:])), l2_bytes, margin, processes)


def left_free(device: Device, options: ProbeOptions) -> int:
    """Bytes that a probe of all the memory leaves to others."""
    if device.attributes.integrated:
        return device.memory_info().total_bytes // HOSTS_SHARE
    return WINDOWS_MARGIN_BYTES if options.lends_memory else MARGIN_BYTES


def _l2_bytes(device: Device) -> int:
    known = device.attributes.l2_cache_bytes
    return known or min(UNKNOWN_L2_BYTES, device.memory_info().total_bytes // UNKNOWN_L2_SHARE)


def _too_little(device: Device, taken: int) -> str:
    free = device.memory_info().free_bytes
    had = f"{mib(taken)} could be had, " if taken else ""
    return f"too little memory is left to walk beyond the cache: {had}{mib(free)} are still free"


def _run(prepared: _Prepared) -> None:
    walk, options = prepared.walk, prepared.walk.options
    passes = 1 if options.quick else FULL_PASSES
    of = passes + (SOAK_PASSES if options.deep else 0)
    try:
        for spots, start in ((PAGE_MARKS, 0.0), (STRIPES, 0.02)):
            walk.run_spots(spots, CACHES * prepared.l2_bytes, (start, 0.02))
        for number in range(passes):
            walk.run_pass(ALL_ONES if number % 2 else 0, of)
        for number in range(of - passes):
            walk.run_pass(ALL_ONES if number % 2 else 0, of, pause=PAUSE_SECONDS, fresh=True)
        walk.look_closer()
        walk_cells.ask(walk, CACHES * prepared.l2_bytes)
        walk.stage = "after its last pass"
        prepared.slow_regions = walk_slices.slow_regions(walk)
    except DeviceError as error:
        error.message = f"{error.message}; the walk broke off {walk.stage}, so no memory counts as proven"
        error.args = (error.message,)
        raise


def _summarise(prepared: _Prepared, duration: float) -> MemoryWalk:
    walk = prepared.walk
    timed, tested = walk.timed(), walk.size_bytes
    total = max(walk.device.memory_info().total_bytes, tested)
    everything = [*(spotted.observed for spotted in walk.spotted), *walk.observed]
    read = sum(map(sum, walk.verify_seconds[: len(walk.observed)]))
    traffic = tested * len(walk.observed)
    return MemoryWalk(
        tiers=_tiers(walk),
        total_bytes=total,
        tested_bytes=tested,
        distinct_bytes=tested - memory_faults.wrong_vectors(everything, walk.vectors) * VECTOR_BYTES,
        untested_bytes=total - tested,
        untested_holder=walk_holder.describe(total - tested, prepared.spared_bytes, prepared.processes),
        passes=len(walk.observed),
        seed=walk.seed,
        faults=_faults(walk),
        slow_regions=prepared.slow_regions,
        window_bytes=int(timed.size_bytes.max()),
        window_bytes_per_second=tuple(float(rate) for rate in timed.rates),
        write_bytes_per_second=traffic / max(sum(walk.write_seconds), 1e-9),
        verify_bytes_per_second=traffic / max(read, 1e-9),
        duration_seconds=duration,
    )


def _faults(walk: Walk) -> tuple[MemoryFault, ...]:
    """What the full passes name; where they saw nothing, that an early tier did."""
    faults = memory_faults.classify(walk.observed, walk.vectors, walk.asked)
    if faults:
        return faults
    return tuple(
        fault
        for spotted in walk.spotted
        for fault in memory_faults.fleeting(
            spotted.observed, spotted.spots.tier.replace("_", " "), walk.observed, walk.vectors
        )
    )


def _tiers(walk: Walk) -> tuple[WalkTier, ...]:
    full = 1 if walk.options.quick else FULL_PASSES
    tiers = [_tier(s.spots.tier, s.tested_bytes, [s.observed], walk.vectors) for s in walk.spotted]
    tiers.append(_tier("full", walk.size_bytes, walk.observed[:full], walk.vectors))
    if walk.observed[full:]:
        tiers.append(_tier("soak", walk.size_bytes, walk.observed[full:], walk.vectors))
    return tuple(tiers)


def _tier(tier: str, tested_bytes: int, observed: list[Observed], vectors: int) -> WalkTier:
    rows = walk_rows.read(observed, vectors)
    aliases = rows.of(Origin.ALIAS)
    pairs = fault_alias.pairs(aliases.index, aliases.source)
    counts = np.bincount(rows.origin, minlength=len(Origin))
    wrong = max(seen.wrong_vectors for seen in observed) * VECTOR_BYTES
    return WalkTier.model_validate(
        {
            "tier": tier,
            "passes": len(observed),
            "tested_bytes": tested_bytes,
            "wrong_bytes": min(wrong, tested_bytes),
            "decoded": {origin.name.lower(): int(counts[origin]) for origin in Origin if counts[origin]},
            "pairs_seen": len(pairs),
            "pairs": fault_alias.in_bytes(pairs),
        }
    )
