"""What probes return: the measured sections of the evidence, each the account of one experiment on the silicon.

Rates are bytes or operations per second, clocks MHz, sizes bytes. A field that is ``None`` was not measured.
"""

from typing import Literal

from gpucheck.model.base import Collected, ComputeCapability, Frozen, Unavailable


class Census(Frozen):
    """Multiprocessors counted by the ids that running blocks reported. Measured.

    ``machine_code`` is the compute capability whose machine code (not PTX) was loaded and ran with right results.
    """

    sm_count: int
    machine_code: ComputeCapability
    blocks: int
    sm_clock_mhz: float | None = None
    """Cycles of the multiprocessors' own counters over the device's timer, median of the multiprocessors."""
    resident_warps_per_sm: int | None = None
    """Most warps that at least half of the multiprocessors were seen to hold at a time."""
    shared_memory_block_bytes: int | None = None
    """Largest shared memory with which a block ran and kept every word that it wrote there."""


class Bandwidth(Frozen):
    """Streaming rates in bytes per second, medians over ``samples``. Measured.

    Bytes counted: a read or a write of N bytes counts N, a copy of N bytes 2N, a triad over arrays of N bytes 3N.
    ``sectors`` reads one half of each 64 bytes, a sector of 32: its useful bytes count, not what comes along with them.
    """

    read_bytes_per_second: float
    copy_bytes_per_second: float
    write_bytes_per_second: float | None = None
    triad_bytes_per_second: float | None = None
    sectors_bytes_per_second: float | None = None
    read_spread: float
    """Largest minus smallest sample over the median."""
    copy_spread: float
    write_spread: float | None = None
    triad_spread: float | None = None
    sectors_spread: float | None = None
    buffer_bytes: int
    samples: int
    convention: str = "read and write count N bytes, copy counts 2N, triad 3N, sectors the useful bytes"

    @property
    def fastest(self) -> tuple[str, float]:
        """Field and rate of the fastest stream: it depends least on how a kernel is built, and most on the memory."""
        names = ("read_bytes_per_second", "write_bytes_per_second", "copy_bytes_per_second")
        rates = {name: float(getattr(self, name) or 0.0) for name in names}
        best = max(rates, key=rates.__getitem__)
        return best, rates[best]


FaultKind = Literal[
    "wraparound",
    "limbo",
    "shuffled_alias",
    "stuck",
    "transition",
    "dead_channel",
    "retention",
    "lost_write",
    "corruption",
]


_FORGED: tuple[FaultKind, ...] = ("wraparound", "limbo", "shuffled_alias")


class MemoryFault(Frozen):
    """One thing that is wrong with the memory, as decoded from wrong words. Addresses count from the walk's start."""

    kind: FaultKind
    wrong_bytes: int
    estimated: bool = False
    """``wrong_bytes`` is no count: more was wrong than was logged, and of more than one kind or not in every pass."""
    first_byte: int
    last_byte: int
    distance_bytes: int | None = None
    """Wraparound: how far apart two addresses are that reach the same cell."""
    pairs: tuple[tuple[int, int], ...] = ()
    """Shuffled alias: starts of some page pairs that share a frame."""
    bit: int | None = None
    """Stuck or transition: which bit of the 64-bit word."""
    value: int | None = None
    channel: int | None = None
    channels: int | None = None
    granule_bytes: int | None = None
    detail: str = ""
    doubt: str = ""
    """What else would look the same."""


class SlowRegion(Frozen):
    """A run of windows far below the median rate. ``model.lent`` tells whether the host could be what answers."""

    first_byte: int
    length_bytes: int
    bytes_per_second: float
    ratio: float
    """Against the median window."""


Decoded = Literal["alias", "flipped", "stale", "constant", "garbage"]
"""What a wrong word turned out to be: another address's value, the right one but for some bits, a value of an earlier
pass, one value that many addresses return, or none of these."""


class WalkTier(Frozen):
    """One tier of the walk: how much it wrote, evicted and read back, and what it found. Measured.

    ``page_marks`` are 64 bytes and ``stripes`` 128 KiB of every page of 2 MiB; ``full`` is all of it, ``soak`` all of
    it again with other values and a pause. Only ``full`` and ``soak`` prove memory.
    """

    tier: Literal["page_marks", "stripes", "full", "soak"]
    passes: int = 1
    tested_bytes: int
    """Bytes that one pass covers."""
    wrong_bytes: int = 0
    """In the worst pass."""
    decoded: dict[Decoded, int] = {}
    """Logged wrong words of 16 bytes by what they turned out to be."""
    pairs_seen: int = 0
    """Different pairs of pages of which one answered for the other."""
    pairs: tuple[tuple[int, int], ...] = ()
    """The first of them, by where the pages begin in the walk."""


class MemoryWalk(Frozen):
    """The full address-unique walk: write all, read all, complement, read all again. Measured.

    ``distinct_bytes`` is what kept its own value in every pass: written, evicted, read back, and shared with no
    other address. Bytes that were never allocated are ``untested_bytes`` and count for nothing.
    """

    tiers: tuple[WalkTier, ...] = ()
    """What ran, in order; empty in documents of versions that had only the full walk."""

    total_bytes: int
    tested_bytes: int
    distinct_bytes: int
    untested_bytes: int
    untested_holder: str
    passes: int
    seed: int
    faults: tuple[MemoryFault, ...] = ()
    slow_regions: tuple[SlowRegion, ...] = ()
    window_bytes: int
    window_bytes_per_second: tuple[float, ...] = ()
    write_bytes_per_second: float
    verify_bytes_per_second: float
    duration_seconds: float

    @property
    def forged(self) -> tuple[MemoryFault, ...]:
        """Faults of memory that is declared and not there, apart from damage."""
        return tuple(fault for fault in self.faults if fault.kind in _FORGED)

    @property
    def real_bytes(self) -> int:
        """The true capacity: the distance of a wrap, else what lies before the end, else what kept its own value.

        Damaged cells before the end keep nothing, but exist.
        """
        distances = [f.distance_bytes for f in self.faults if f.kind == "wraparound" and f.distance_bytes]
        ends = [f.first_byte for f in self.faults if f.kind == "limbo"]
        return min(distances, default=max(self.distinct_bytes, *ends, 0))


class SlabMap(Frozen):
    """Reading rate of every window of the memory, visited in turns so that no cache can answer. Measured.

    Windows lie end to end in the order of ``bytes_per_second``; all are ``window_bytes`` long but for the last of a
    chunk, whose lengths ``window_lengths_bytes`` gives. Each rate is the median over ``rounds``.
    """

    tested_bytes: int
    window_bytes: int
    rounds: int
    bytes_per_second: tuple[float, ...]
    window_lengths_bytes: tuple[int, ...]
    median_bytes_per_second: float
    spread: float
    """Standard deviation of the full windows that are not slow, over their median."""
    slow_regions: tuple[SlowRegion, ...] = ()
    """Told by the best time of each window: memory that is slow is so every time."""
    unsteadiness: float | None = None
    """Largest minus smallest time of a window over the rounds, over their median; the median of the full windows."""


class LatencyPoint(Frozen):
    """Time of one dependent load, when the loads wander at random over so many bytes."""

    footprint_bytes: int
    cycles: float
    nanoseconds: float


class LatencyLevel(Frozen):
    """A stretch of footprints whose latency is about the same: one level of the memory hierarchy."""

    level: Literal["l1", "l2", "l2_far", "dram", "dram_tlb"]
    largest_footprint_bytes: int
    cycles: float
    nanoseconds: float


class Latency(Frozen):
    """Latency of dependent loads by footprint, from a cache to all of the memory. Measured.

    The second-level cache's capacity is read from the footprint from which loads leave it: it lies between
    ``l2_least_bytes`` and ``l2_most_bytes``; all three are ``None`` where no such knee was seen.
    """

    points: tuple[LatencyPoint, ...]
    levels: tuple[LatencyLevel, ...] = ()
    l2_capacity_bytes: int | None = None
    l2_least_bytes: int | None = None
    l2_most_bytes: int | None = None
    hops: int


Operation = Literal[
    "fp32",
    "fp32_mul_add",
    "fp64",
    "int32",
    "tensor_fp16_fp16",
    "tensor_fp16_fp32",
    "tensor_bf16_fp32",
    "tensor_tf32_fp32",
]
"""A stream of like operations. ``fp32`` is fused multiply-add, ``fp32_mul_add`` the same by separate instructions;
tensor operations name the type of the factors and then of the sums."""


class Rate(Frozen):
    """Sustained rate of one operation. A fused multiply-add counts as two operations."""

    per_clock_per_sm: float
    """Against each multiprocessor's own cycle counter, so that no clock limit changes it."""
    per_second: float
    spread: float
    """Largest minus smallest sample over the median."""


class Throughput(Frozen):
    """What the arithmetic units sustain. Measured. To be judged as ratios and per clock, never by its rate a second.

    An operation that this generation has no instruction for is absent from ``rates``.
    """

    rates: dict[Operation, Rate]
    sm_clock_mhz: float
    samples: int

    def ratio(self, operation: Operation, against: Operation) -> float | None:
        """Rate of one operation over that of another, per clock; ``None`` where either was not measured."""
        one, other = self.rates.get(operation), self.rates.get(against)
        if one is None or other is None or other.per_clock_per_sm <= 0:
            return None
        return one.per_clock_per_sm / other.per_clock_per_sm


class Fingerprint(Frozen):
    """Exact results of tensor-core sums of chosen terms: the bits differ by generation, whatever the clock. Measured.

    ``results`` maps the name of an experiment to the bits of its result in hexadecimal.
    """

    instruction: str
    """Shape and types of the matrix instruction, as PTX names it."""
    results: dict[str, str]
    fraction_bits: int | None = None
    """Bits after the binary point of the largest term that survive the alignment of a sum; ``None`` if undecided."""
    terms_at_once: int | None = None
    """How many products are summed before the sum is rounded."""
    rounding: Literal["toward_zero", "to_nearest", "other"] | None = None


class HostLink(Frozen):
    """Transfers between pinned host memory and the card. Measured; what the link says of itself is declared.

    Bytes counted: those of one direction.
    """

    host_to_device_bytes_per_second: float
    device_to_host_bytes_per_second: float
    buffer_bytes: int
    samples: int
    generation_under_load: int | None = None
    lanes_under_load: int | None = None
    replays_before: int | None = None
    replays_after: int | None = None
    missing: dict[str, Unavailable] = {}


class DeviceProcess(Frozen):
    """A process that holds memory of the card, as the driver tells."""

    pid: int
    """As the driver counts: inside a container it may be a number of the host's."""
    memory_bytes: int | None = None
    """``None`` where the driver does not tell, as under Windows."""
    graphics: bool = False
    """It draws; a desktop and its windows do."""


class Telemetry(Frozen):
    """One reading of sensors and counters, as the driver tells them. Declared; ``None`` where it does not."""

    temperature_celsius: float | None = None
    memory_temperature_celsius: float | None = None
    hotspot_celsius: float | None = None
    """Of the hottest place of the die; from a hardware register, which needs root."""
    memory_chips_celsius: tuple[float, ...] = ()
    """Of each memory chip that has a sensor and answered, in steps of 2 °C; from registers too."""
    slowdown_celsius: float | None = None
    """From where the card slows itself down."""
    memory_limit_celsius: float | None = None
    power_watts: float | None = None
    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    """Why clocks are held down now: ``thermal``, ``power``, ``hardware``, ``user``, ``idle``; empty for no reason.

    ``hardware`` is the board's own brake, for heat or for power, which acts without the driver.
    """
    pcie_generation: int | None = None
    pcie_lanes: int | None = None
    pcie_replays: int | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    """Both since the driver was loaded."""
    processes: tuple[DeviceProcess, ...] | None = None
    missing: dict[str, Unavailable] = {}


class LoadTest(Frozen):
    """Sensors and counters before, during and after some seconds of full load. Feeds the condition alone."""

    duration_seconds: float
    before: Collected[Telemetry]
    during: tuple[Telemetry, ...] = ()
    after: Collected[Telemetry]
    first_rate_per_second: float
    """Work done a second at the start, in the load's own unit (fused multiply-adds)."""
    last_rate_per_second: float
    wrong_results: int = 0
    """Chains of sums whose end differed from the known answer."""
    wrong_reads: int = 0
    """Vectors of 16 bytes that read otherwise than they were written."""
    results: int = 0
    """Chains of sums that were held against their answer."""
    lost: str = ""
    """What was said when the card stopped answering in the middle of it; empty where it bore the load to its end."""
