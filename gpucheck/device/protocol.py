"""The seam between experiments and silicon: probes are written against ``Device`` and never know which one it is.

A kernel is named by its family (the file in ``kernels/``) and its function. Its contract is the header comment of that
file; every implementation of ``Device`` keeps it, the simulated one in NumPy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from gpucheck.model.base import GpucheckError, Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DeviceError(GpucheckError):
    """The device could not do what was asked."""


class DeviceUnavailable(DeviceError):  # noqa: N818 - named for what is the case
    """There is no device to run kernels on; ``reason`` says why."""

    def __init__(self, reason: Reason, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class OutOfDeviceMemory(DeviceError):  # noqa: N818
    """An allocation was refused."""


class DeviceLost(DeviceError):  # noqa: N818
    """The device fell off the bus or its context died in mid-run."""


@dataclass(frozen=True)
class Kernel:
    """A kernel function: ``Kernel("memory_walk", "walk_write")``."""

    family: str
    function: str


@dataclass(frozen=True)
class Buffer:
    """Device memory. ``address`` is the device's own; ``size_bytes`` what was asked for."""

    address: int
    size_bytes: int

    def slice(self, start_bytes: int, size_bytes: int) -> "Buffer":
        """A part of the buffer; the part must lie inside."""
        if start_bytes < 0 or size_bytes < 0 or start_bytes + size_bytes > self.size_bytes:
            raise ValueError("slice outside its buffer")
        return Buffer(self.address + start_bytes, size_bytes)


@dataclass(frozen=True)
class U32:
    """A 32-bit kernel argument."""

    value: int


@dataclass(frozen=True)
class U64:
    """A 64-bit kernel argument."""

    value: int


Argument = Buffer | U32 | U64


@dataclass(frozen=True)
class DeviceAttributes:
    """What the CUDA driver states for the device. Sizes in bytes, clock in MHz."""

    name: str
    compute_capability: str
    sm_count: int
    total_memory_bytes: int
    l2_cache_bytes: int | None = None
    memory_bus_width_bits: int | None = None
    memory_clock_mhz: int | None = None
    bdf: str | None = None
    ecc_enabled: bool | None = None
    integrated: bool = False
    """It has no memory of its own and takes the host's."""
    driver_version: int | None = None
    runtime_version: int | None = None


@dataclass(frozen=True)
class MemoryInfo:
    """Free and total device memory in bytes, as the driver states them."""

    free_bytes: int
    total_bytes: int


class Device(Protocol):
    """One card that runs kernels. Not thread-safe; used by one probe at a time."""

    @property
    def attributes(self) -> DeviceAttributes:
        """Attributes, read once."""

    def memory_info(self) -> MemoryInfo:
        """Free and total memory now."""

    def allocate(self, size_bytes: int) -> Buffer:
        """Take device memory, never managed or host memory. Raises ``OutOfDeviceMemory``."""

    def release(self, buffer: Buffer) -> None:
        """Give back what ``allocate`` returned (the whole of it)."""

    def upload(self, buffer: Buffer, data: "NDArray[Any]") -> None:
        """Copy a C-contiguous array to the start of ``buffer``."""

    def download(self, buffer: Buffer, dtype: "np.dtype[Any]", count: int) -> "NDArray[Any]":
        """Copy ``count`` elements from the start of ``buffer`` to the host."""

    def begin(self, stage: str) -> None:
        """Learn which section of the evidence is measured next. Raises ``DeviceUnavailable`` where it may not be."""

    def launch(
        self, kernel: Kernel, *, blocks: int, threads: int, arguments: Sequence[Argument], shared_bytes: int = 0
    ) -> float:
        """Run a kernel to its end and return the seconds that it took on the device.

        ``shared_bytes`` of shared memory are given to every block, beyond what the kernel itself declares; where
        the device has not so much, ``DeviceError``.
        Raises ``DeviceLost`` where the device stops answering, ``DeviceError`` where the kernel cannot be built.
        """

    def host_copy(self, buffer: Buffer, *, to_device: bool, repeats: int) -> float:
        """Copy the whole buffer from or to pinned host memory ``repeats`` times; return the seconds that it took.

        What lies in the buffer afterwards is not told.
        """

    def close(self) -> None:
        """Free everything that is still held. May be called twice."""
