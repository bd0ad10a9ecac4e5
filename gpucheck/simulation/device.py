"""A device that runs the probes' kernels on simulated silicon, in virtual time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import (
    Argument,
    Buffer,
    DeviceAttributes,
    DeviceError,
    DeviceLost,
    DeviceUnavailable,
    Kernel,
    MemoryInfo,
)
from gpucheck.model.base import Reason
from gpucheck.model.units import MIB
from gpucheck.simulation.blocks import Blocks
from gpucheck.simulation.kernels import KERNELS
from gpucheck.simulation.launch import Launch, bounded
from gpucheck.simulation.memory import CardMemory
from gpucheck.simulation.sensors import Sensors
from gpucheck.simulation.soldered import Soldered

LAUNCH_SECONDS = 2e-6
LINK_SHARE = 0.8
"""Of a link's peak, what pinned transfers reach: 12.3 of 15.75 GB/s, 25 of 31.5, 57 of 63 (nvbandwidth, reports)."""
LARGEST_CONTEXT_BYTES = 300 * MIB
CONTEXT_SHARE = 100
"""A context takes no more than one part in so many of the memory."""


@dataclass(frozen=True)
class Believed:
    """What the driver believes because firmware said so. Sizes in bytes; versions as CUDA counts them, 12080."""

    name: str
    total_memory_bytes: int
    in_use_bytes: int
    bdf: str | None
    ecc_enabled: bool | None
    driver_version: int


class SimulatedDevice:
    """Keeps the contract of ``gpucheck.device.protocol.Device``.

    ``refused`` names sections that may not be measured and why; the section ``hang`` never ends. ``sensors`` are told
    what runs and tell how much the card is held back; without them it is never.
    """

    def __init__(
        self,
        soldered: Soldered,
        believed: Believed,
        seed: int,
        *,
        refused: dict[str, Reason],
        hang: str | None,
        sensors: Sensors | None = None,
    ) -> None:
        self._soldered, self._sensors = soldered, sensors
        self._believed = believed
        self._refused, self._hang = refused, hang
        self._noise = np.random.default_rng([seed, 0x701])
        total = believed.total_memory_bytes
        self._usable = max(0, total - min(LARGEST_CONTEXT_BYTES, total // CONTEXT_SHARE) - believed.in_use_bytes)
        try:
            memory = CardMemory(soldered, total // 16, seed)
        except ValueError as error:
            raise DeviceError(f"the scenario's memory cannot be simulated: {error}") from error
        self._blocks = Blocks(memory, self._usable)

    @cached_property
    def attributes(self) -> DeviceAttributes:
        """The silicon's own properties; name and memory as declared."""
        silicon, believed = self._soldered, self._believed
        return DeviceAttributes(
            name=believed.name,
            compute_capability=silicon.compute_capability,
            sm_count=silicon.sm_count,
            total_memory_bytes=believed.total_memory_bytes,
            l2_cache_bytes=silicon.l2_cache_bytes,
            memory_bus_width_bits=silicon.memory_bus_width_bits,
            memory_clock_mhz=round(silicon.memory_data_rate_gbps * 500),
            bdf=believed.bdf,
            ecc_enabled=believed.ecc_enabled,
            driver_version=believed.driver_version,
            runtime_version=min(believed.driver_version, 12090),
        )

    @property
    def held_bytes(self) -> int:
        """Host memory that stands for the card's."""
        return self._blocks.memory.held_bytes + self._blocks.array_bytes

    def memory_info(self) -> MemoryInfo:
        """Free and total memory as the driver believes."""
        return MemoryInfo(self._blocks.free_bytes, self._believed.total_memory_bytes)

    def allocate(self, size_bytes: int) -> Buffer:
        """Take device memory. Raises ``OutOfDeviceMemory``."""
        return self._blocks.allocate(size_bytes)

    def release(self, buffer: Buffer) -> None:
        """Give back what ``allocate`` returned."""
        self._blocks.release(buffer)

    def upload(self, buffer: Buffer, data: NDArray[Any]) -> None:
        """Copy a C-contiguous array to the start of ``buffer``."""
        if not data.flags.c_contiguous:
            raise ValueError("upload takes C-contiguous arrays")
        self._blocks.upload(buffer, data.reshape(-1).view(np.uint8))

    def download(self, buffer: Buffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """Copy ``count`` elements from the start of ``buffer``."""
        return self._blocks.download(buffer, count * np.dtype(dtype).itemsize).view(dtype)

    def begin(self, stage: str) -> None:
        """Do what the scenario wants of an experiment: refuse it, or never answer."""
        if stage in self._refused:
            raise DeviceUnavailable(self._refused[stage], f"the scenario withholds {stage}")
        if stage == self._hang:
            hang()

    def launch(
        self, kernel: Kernel, *, blocks: int, threads: int, arguments: Sequence[Argument], shared_bytes: int = 0
    ) -> float:
        """Run a kernel and return its virtual seconds: bytes over rate, with the scenario's noise."""
        if kernel not in KERNELS:
            raise DeviceError(f"a simulated card has no kernel {kernel.family}.{kernel.function}")
        if blocks < 1 or not 1 <= threads <= 1024:
            raise DeviceError("invalid launch configuration")
        self._blocks.memory.tick()
        launch = Launch(self._blocks, self._soldered, blocks, threads, shared_bytes, arguments, self._noise)
        cost = KERNELS[kernel](launch)
        seconds = cost.traffic / (self._soldered.bandwidth * cost.efficiency) + cost.seconds + LAUNCH_SECONDS
        seconds *= self._jitter()
        if self._sensors is not None:
            seconds *= self._sensors.begin(kernel.family)
            self._sensors.ran(kernel.family, seconds)
            if self._sensors.dead:
                raise DeviceLost(f"the device was lost while running {kernel.function}")
        return seconds

    def host_copy(self, buffer: Buffer, *, to_device: bool, repeats: int) -> float:  # noqa: ARG002 - alike both ways
        """Copy over the host's bus, at the share of its peak that real links reach."""
        rate = LINK_SHARE * self._soldered.link_bandwidth
        if self._sensors is not None:
            self._sensors.moved(repeats * buffer.size_bytes)
        return (repeats * buffer.size_bytes / rate + LAUNCH_SECONDS) * self._jitter()

    def _jitter(self) -> float:
        return 1 + self._soldered.noise * bounded(self._noise.standard_normal())

    def close(self) -> None:
        """Free everything. May be called twice."""
        self._blocks.clear()


def hang() -> None:
    """Never return, as a driver that waits for a dead card."""
    while True:
        time.sleep(3600)
