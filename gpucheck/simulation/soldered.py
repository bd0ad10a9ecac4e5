"""What is really on the simulated card: the physical facts that kernels obey, whatever anything declares."""

from dataclasses import dataclass, replace

from gpucheck.model.capability import Capability
from gpucheck.model.profile import MemoryLayout, Profile
from gpucheck.model.units import MIB, link_rate
from gpucheck.simulation.faults import CAPACITY_FAULTS, Fault, Limbo, Paged, ShuffledAlias, Wraparound, end_bytes
from gpucheck.simulation.scenario import Silicon

_FALLBACK_BUS_BITS = 128
_USUAL_RATES_GBPS = {"DDR3": 1.8, "DDR4": 2.4, "GDDR3": 1.8, "GDDR5": 7.0, "GDDR5X": 10.0, "GDDR6": 14.0}
_USUAL_RATES_GBPS |= {"GDDR6X": 19.0, "GDDR7": 28.0, "HBM2": 1.75, "HBM2e": 3.2, "HBM3": 5.2, "HBM3e": 6.4}
"""Of products with each type of memory, for a profile whose own rate is not on record."""
_FALLBACK_CLOCK_MHZ = 1500
USUAL_HOTSPOT_CELSIUS = 12.0
"""How much hotter than its edge the die's hottest place is on a card whose cooler sits well."""


@dataclass(frozen=True)
class Soldered:
    """Physical facts. ``noise`` is a relative spread of every rate; ratios and tiers are as profiles write them."""

    memory_bytes: int
    sm_count: int
    compute_capability: str
    memory_bus_width_bits: int
    memory_data_rate_gbps: float
    l2_cache_bytes: int | None
    noise: float
    faults: tuple[Fault, ...]
    architecture: str = ""
    capability: Capability | None = None
    memory_type: str = "GDDR6"
    clamshell: bool = False
    sm_clock_mhz: int = _FALLBACK_CLOCK_MHZ
    fp64_ratio: str | None = None
    tensor_fp32_accumulate: str | None = None
    pcie_generation: int = 3
    pcie_lanes: int = 16
    throttles: str | None = None
    throttled_rate: float = 1.0
    load_errors: float = 0.0
    """Wrong results in a second of full load."""
    dies_after_seconds: float | None = None
    hotspot_above_edge_celsius: float = USUAL_HOTSPOT_CELSIUS
    memory_chip_outlier_celsius: float = 0.0

    @property
    def link_bandwidth(self) -> float:
        """Peak of the host's bus in bytes per second, one direction."""
        return link_rate(self.pcie_generation, self.pcie_lanes)

    @property
    def bandwidth(self) -> float:
        """Theoretical peak of the memory in bytes per second: bus width times data rate."""
        return self.memory_bus_width_bits / 8 * self.memory_data_rate_gbps * 1e9

    def slice(self, parts: int) -> "Soldered":
        """Return one of ``parts`` equal partitions: its share of everything, none of the faults beyond it."""
        return replace(
            self,
            memory_bytes=self.memory_bytes // parts,
            sm_count=max(1, self.sm_count // parts),
            memory_bus_width_bits=max(1, self.memory_bus_width_bits // parts),
            l2_cache_bytes=self.l2_cache_bytes and self.l2_cache_bytes // parts,
            faults=tuple(fault for fault in self.faults if end_bytes(fault) <= self.memory_bytes // parts),
        )


def solder(silicon: Silicon, profile: Profile, declared_bytes: int) -> Soldered:
    """Combine a profile with a scenario's overrides.

    Where ``declared_bytes`` exceeds what is soldered on and no fault says what lies beyond, addresses wrap.
    """
    layout = layout_of(profile, silicon.memory_bytes)
    memory = silicon.memory_bytes or max(layout.sizes_mib) * MIB
    faults = tuple(_bounded(fault, memory) for fault in silicon.memory_fault)
    if declared_bytes > memory and not any(isinstance(fault, CAPACITY_FAULTS) for fault in faults):
        faults = (*faults, Wraparound(kind="wraparound", real_bytes=memory))
    return Soldered(
        memory_bytes=memory,
        sm_count=silicon.sm_count or max(profile.sm_counts, default=0) or profile.die.sm_count_max or 1,
        compute_capability=profile.die.compute_capability,
        memory_bus_width_bits=silicon.memory_bus_width_bits or layout.bus_width_bits or _FALLBACK_BUS_BITS,
        memory_data_rate_gbps=silicon.memory_data_rate_gbps or layout.data_rate_gbps or _usual_rate(layout.type),
        l2_cache_bytes=silicon.l2_cache_bytes or profile.l2_cache_bytes,
        noise=silicon.noise,
        faults=faults,
        architecture=profile.die.architecture,
        capability=profile.capability,
        memory_type=layout.type,
        clamshell=_clamshell(silicon, layout, memory),
        sm_clock_mhz=(profile.capability and profile.capability.sm_clock_mhz) or _FALLBACK_CLOCK_MHZ,
        fp64_ratio=silicon.fp64_ratio or profile.fp64_ratio,
        tensor_fp32_accumulate=silicon.tensor_fp32_accumulate or profile.tensor_fp32_accumulate,
        pcie_generation=silicon.pcie_generation or profile.pcie_generation or 3,
        pcie_lanes=silicon.pcie_lanes or profile.pcie_lanes or 16,
        throttles=silicon.throttles,
        throttled_rate=silicon.throttled_rate,
        load_errors=silicon.load_errors,
        dies_after_seconds=silicon.dies_after_seconds,
        hotspot_above_edge_celsius=(
            USUAL_HOTSPOT_CELSIUS if silicon.hotspot_above_edge_celsius is None else silicon.hotspot_above_edge_celsius
        ),
        memory_chip_outlier_celsius=silicon.memory_chip_outlier_celsius or 0.0,
    )


def _clamshell(silicon: Silicon, layout: MemoryLayout, memory_bytes: int) -> bool:
    """As the scenario says, else as the size needs it; chips on one side where both would do."""
    if silicon.clamshell is not None:
        return silicon.clamshell
    width = silicon.memory_bus_width_bits or layout.bus_width_bits
    wired = layout.model_copy(update={"bus_width_bits": width})
    return bool(wired.is_clamshell(memory_bytes // MIB))


def nominal_bytes(profile: Profile) -> int:
    """Return the largest capacity that the SKU was sold with."""
    return profile.memory_sizes_bytes[-1]


def _usual_rate(memory_type: str) -> float:
    return _USUAL_RATES_GBPS.get(memory_type, _USUAL_RATES_GBPS["GDDR5"])


def layout_of(profile: Profile, memory_bytes: int | None = None) -> MemoryLayout:
    """Return the usual layout that holds so much memory, or the largest size where none is named."""
    wanted = memory_bytes or nominal_bytes(profile)
    fitting = (layout for layout in profile.memory if wanted in {size * MIB for size in layout.sizes_mib})
    return next(fitting, profile.memory[0])


def _bounded(fault: Fault, memory_bytes: int) -> Fault:
    """Let a capacity fault that names no boundary begin where the soldered memory ends."""
    if isinstance(fault, Wraparound | Limbo | ShuffledAlias | Paged) and fault.real_bytes is None:
        return fault.model_copy(update={"real_bytes": memory_bytes})
    return fault
