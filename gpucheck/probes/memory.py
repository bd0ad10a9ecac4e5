"""Taking and giving back device memory so that none is left behind, whatever happens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from gpucheck.device.protocol import Buffer, Device, DeviceError, OutOfDeviceMemory
from gpucheck.model.units import GIB, MIB

CHUNK_SIZES = (GIB, 256 * MIB, 32 * MIB, 2 * MIB)


@contextmanager
def borrowed(device: Device, size_bytes: int) -> Iterator[Buffer]:
    """Hold a buffer for the length of a ``with``. Raises ``OutOfDeviceMemory``."""
    buffer = device.allocate(size_bytes)
    try:
        yield buffer
    finally:
        give_back(device, [buffer])


def give_back(device: Device, buffers: list[Buffer]) -> None:
    """Release all; a device that is lost frees by itself and must not hide the error that told so."""
    while buffers:
        buffer = buffers.pop()
        with suppress(DeviceError):
            device.release(buffer)


def take_largest(device: Device, sizes: Sequence[int], held: list[Buffer]) -> Buffer:
    """Take the first of ``sizes`` that can be had and note it in ``held``. Raises ``OutOfDeviceMemory`` for none."""
    for size in sizes[:-1]:
        with suppress(OutOfDeviceMemory):
            held.append(device.allocate(size))
            return held[-1]
    held.append(device.allocate(sizes[-1]))
    return held[-1]


def take_most(device: Device, budget_bytes: int, held: list[Buffer]) -> None:
    """Fill ``held`` with up to ``budget_bytes``, in the largest chunks that can be had, down to 2 MiB.

    A refused chunk is no error: the next smaller size is tried. ``held`` is the caller's to give back, also when this
    is interrupted.
    """
    left = budget_bytes
    for size in CHUNK_SIZES:
        while left >= size:
            try:
                held.append(device.allocate(size))
            except OutOfDeviceMemory:
                break
            left -= size
