"""A ``Device`` whose silicon is the host: the kernels' own text, run by g++ code on memory with real, mapped faults."""

import ctypes
import mmap
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import (
    Argument,
    Buffer,
    DeviceAttributes,
    DeviceError,
    Kernel,
    MemoryInfo,
    OutOfDeviceMemory,
)
from tests.kernels import host_build

MIB = 1 << 20
FRAME = 4096
_MAP_FIXED = 0x10
_ANONYMOUS_RESERVE = 0x4022
_BYTES_PER_SECOND = 100e9

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

Words = NDArray[np.uint64]
Frames = NDArray[np.int64]


class HostMemory:
    """Addresses of which page i shows frame ``frames[i]`` of ``real_bytes`` of memory: aliasing as address lines do."""

    def __init__(self, size_bytes: int, frames: Frames | None = None, page_bytes: int = FRAME) -> None:
        self.size_bytes = size_bytes
        places = np.arange(size_bytes // page_bytes) if frames is None else frames
        self._file = os.memfd_create("silicon")
        os.ftruncate(self._file, (int(places.max()) + 1) * page_bytes)
        self.base = _libc.mmap(None, size_bytes, 0, _ANONYMOUS_RESERVE, -1, 0)
        for start, frame, count in _runs(places):
            self._map(start * page_bytes, frame * page_bytes, count * page_bytes)
        self.words: Words = np.ctypeslib.as_array((ctypes.c_uint64 * (size_bytes // 8)).from_address(self.base))

    def _map(self, at: int, offset: int, length: int) -> None:
        access = mmap.PROT_READ | mmap.PROT_WRITE
        got = _libc.mmap(self.base + at, length, access, mmap.MAP_SHARED | _MAP_FIXED, self._file, offset)
        if got != self.base + at:
            raise OSError(ctypes.get_errno(), "mmap refused")

    def close(self) -> None:
        """Give the addresses and the memory back."""
        _libc.munmap(self.base, self.size_bytes)
        os.close(self._file)


def _runs(frames: Frames) -> list[tuple[int, int, int]]:
    """Join neighbouring pages that show neighbouring frames: first page, first frame, number."""
    cuts = np.flatnonzero(np.diff(frames) != 1) + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [frames.size]])
    return [(int(a), int(frames[a]), int(b - a)) for a, b in zip(starts, ends, strict=True)]


Fault = Callable[[Words, Words], None]
"""Spoils the words after a launch; the second argument is a copy of them from before it, empty if not asked for."""


class HostDevice:
    """Keeps the contract of ``protocol.Device``. Time is modelled, so that a busy host shows no slow memory."""

    def __init__(
        self, memory: HostMemory, *, fault: Fault | None = None, remembers: bool = False, slow: range = range(0)
    ) -> None:
        self.memory = memory
        self.fault, self.remembers, self.slow = fault, remembers, slow
        self.taken: dict[int, int] = {}
        self.launches: list[Kernel] = []

    @property
    def attributes(self) -> DeviceAttributes:
        return DeviceAttributes("Host", "8.9", 2, self.memory.size_bytes, l2_cache_bytes=MIB)

    def memory_info(self) -> MemoryInfo:
        return MemoryInfo(self.memory.size_bytes - sum(self.taken.values()), self.memory.size_bytes)

    def allocate(self, size_bytes: int) -> Buffer:
        size = -(-size_bytes // (2 * MIB)) * 2 * MIB
        at = 0
        for start, length in sorted(self.taken.items()):
            if start - at >= size:
                break
            at = start + length
        if at + size > self.memory.size_bytes:
            raise OutOfDeviceMemory("the host memory under test is full")
        self.taken[at] = size
        return Buffer(self.memory.base + at, size_bytes)

    def release(self, buffer: Buffer) -> None:
        del self.taken[buffer.address - self.memory.base]

    def upload(self, buffer: Buffer, data: NDArray[Any]) -> None:
        source = np.ascontiguousarray(data)
        ctypes.memmove(buffer.address, source.ctypes.data, source.nbytes)

    def download(self, buffer: Buffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        return np.frombuffer(ctypes.string_at(buffer.address, dtype.itemsize * count), dtype).copy()

    def begin(self, stage: str) -> None:
        pass

    def host_copy(self, buffer: Buffer, *, to_device: bool, repeats: int) -> float:
        return repeats * buffer.size_bytes / 25e9

    def launch(
        self, kernel: Kernel, *, blocks: int, threads: int, arguments: Sequence[Argument], shared_bytes: int = 0
    ) -> float:
        if kernel.family == "census":
            raise DeviceError("the census reads registers that a host does not have")
        self.launches.append(kernel)
        before = self.memory.words.copy() if self.remembers else self.memory.words[:0]
        values = [a.address if isinstance(a, Buffer) else a.value for a in arguments]
        host_build.build(kernel.family)[kernel.function](blocks, threads, *values)
        if self.fault is not None and kernel.function in ("walk_write", "walk_write_spots"):
            self.fault(self.memory.words, before)
        return self._seconds(arguments[0])

    def close(self) -> None:
        self.taken.clear()

    def _seconds(self, target: Argument) -> float:
        assert isinstance(target, Buffer)
        slow = target.address - self.memory.base in self.slow
        return target.size_bytes / _BYTES_PER_SECOND * (10 if slow else 1)
