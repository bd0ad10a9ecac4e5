"""The sensors and counters of a simulated card. They follow what its silicon did, in the silicon's own time."""

import math
import random
from dataclasses import dataclass

from gpucheck.model.evidence import NvmlFacts
from gpucheck.model.measured import Telemetry
from gpucheck.model.units import GIB
from gpucheck.simulation.scenario import Environment
from gpucheck.simulation.soldered import Soldered

LOAD = "load"
"""Family of the kernels that heat."""
_IDLE_CELSIUS, _WARM_CELSIUS, _SLOWDOWN_CELSIUS, _HOT_CELSIUS = 41.0, 66.0, 88.0, 93.0
_WARMING_SECONDS, _OVERHEATING_SECONDS = 6.0, 0.4
_IDLE_WATTS, _UNKNOWN_WATTS = 30.0, 150.0
_THROTTLES_AFTER_SECONDS = 1.0
_SHOW_HOTSPOT = ("Ampere", "Ada")
"""Generations whose registers of temperatures are on record."""
_RESTING_SHARE, _MEMORY_ABOVE_CORE, _CHANNEL_BITS = 0.3, 8.0, 32


@dataclass
class Sensors:
    """Readings of one card. ``heated_seconds`` and ``moved_bytes`` are what it did so far."""

    soldered: Soldered
    environment: Environment
    declared: NvmlFacts
    heated_seconds: float = 0.0
    moved_bytes: float = 0.0
    loaded: bool = False
    """The last thing that ran was a load."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Let other people's kernels take their turns as the seed has it."""
        self._turns = random.Random(self.seed)  # noqa: S311 - a simulation

    @property
    def throttling(self) -> bool:
        """Whether the clocks are held down now."""
        return self.soldered.throttles is not None and self.heated_seconds >= _THROTTLES_AFTER_SECONDS and self.loaded

    @property
    def dead(self) -> bool:
        """Whether it has borne all the load that it ever will."""
        limit = self.soldered.dies_after_seconds
        return limit is not None and self.heated_seconds > limit

    def begin(self, family: str) -> float:
        """Note what runs next; return how much longer it takes than on a card that is idle and cool."""
        self.loaded = family == LOAD
        slowed = 1 / self.soldered.throttled_rate if self.throttling else 1.0
        return slowed * (1 + self._waiting())

    def _waiting(self) -> float:
        """Time that a kernel waits for others' against its own: they take turns, so one waits long and another not."""
        share = self.environment.busy_share
        return share / (1 - share) * self._turns.gammavariate(2.0, 0.5) if share else 0.0

    def ran(self, family: str, seconds: float) -> None:
        """Note a kernel's time."""
        self.loaded = family == LOAD
        self.heated_seconds += seconds if self.loaded else 0.0

    def moved(self, size_bytes: float) -> None:
        """Note bytes that went over the host's bus."""
        self.moved_bytes += size_bytes

    def read(self, *, registers: bool = False) -> Telemetry:
        """What a driver would tell now, and with ``registers`` what these hold of temperatures."""
        nvml, throttled = self.declared, self.throttling
        replays = nvml.pcie_replay_count
        grown = int(self.environment.link_replays_per_gib * self.moved_bytes / GIB)
        return Telemetry(
            temperature_celsius=round(self._celsius()),
            slowdown_celsius=_SLOWDOWN_CELSIUS,
            power_watts=self._watts(),
            sm_clock_mhz=round(self.soldered.sm_clock_mhz * (self.soldered.throttled_rate if throttled else 1)),
            memory_clock_mhz=nvml.memory_clock_max_mhz,
            throttle_reasons=(self.soldered.throttles,) if throttled and self.soldered.throttles else (),
            pcie_generation=nvml.pcie_generation_current,
            pcie_lanes=nvml.pcie_lanes_current,
            pcie_replays=None if replays is None else replays + grown,
            ecc_corrected=nvml.ecc_corrected_aggregate,
            ecc_uncorrected=nvml.ecc_uncorrected_volatile,
            processes=nvml.processes,
            hotspot_celsius=self._hotspot() if registers else None,
            memory_chips_celsius=self._memory_chips() if registers else (),
        )

    def _hotspot(self) -> float | None:
        if self.soldered.architecture not in _SHOW_HOTSPOT:
            return None
        above = self.soldered.hotspot_above_edge_celsius
        return float(round(self._celsius() + (above if self.loaded else _RESTING_SHARE * above)))

    def _memory_chips(self) -> tuple[float, ...]:
        """In steps of 2 °C, as the sensors have it; the last one is the outlier, where there is one."""
        soldered = self.soldered
        if soldered.architecture not in _SHOW_HOTSPOT or soldered.memory_type != "GDDR6X":
            return ()
        count = soldered.memory_bus_width_bits // _CHANNEL_BITS * (1 + soldered.clamshell)
        usual = [self._celsius() + _MEMORY_ABOVE_CORE + 2 * (number % 3) for number in range(count)]
        if self.loaded:
            usual[-1] += soldered.memory_chip_outlier_celsius
        return tuple(2.0 * round(degrees / 2) for degrees in usual)

    def _celsius(self) -> float:
        hot = self.soldered.throttles == "thermal"
        steady, pace = (_HOT_CELSIUS, _OVERHEATING_SECONDS) if hot else (_WARM_CELSIUS, _WARMING_SECONDS)
        return steady - (steady - _IDLE_CELSIUS) * math.exp(-self.heated_seconds / pace)

    def _watts(self) -> float:
        most = self.declared.power_limit_watts or _UNKNOWN_WATTS
        return round(_IDLE_WATTS + (0.9 * most - _IDLE_WATTS) * self.loaded, 1)
