"""A small perfect card in NumPy that can be told to misbehave, for what a sound card never does."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import (
    U32,
    U64,
    Argument,
    Buffer,
    DeviceAttributes,
    DeviceError,
    DeviceLost,
    Kernel,
    MemoryInfo,
    OutOfDeviceMemory,
)
from gpucheck.model.units import MIB
from gpucheck.probes import bandwidth
from gpucheck.probes.pattern import pattern
from gpucheck.probes.walk_spots import PAGE_VECTORS, places

ATTRIBUTES = DeviceAttributes(
    name="Fake", compute_capability="8.9", sm_count=4, total_memory_bytes=64 * MIB, l2_cache_bytes=MIB
)
_BYTES_PER_SECOND = 1e12


class FakeDevice:
    """Keeps the kernels' contracts. ``refuses`` says which allocations fail, ``dies_at`` which launch is the last.

    ``blind`` makes the verifying kernels report nothing, ``paranoid`` everything; without ``reads`` nothing is evicted.
    Kernels in ``idle`` do nothing.
    """

    def __init__(
        self,
        size_bytes: int = 64 * MIB,
        *,
        attributes: DeviceAttributes = ATTRIBUTES,
        refuses: Callable[[int], bool] = lambda _: False,
        dies_at: int | None = None,
        blind: bool = False,
        paranoid: bool = False,
        sm_ids: Sequence[int] = (0, 1, 2, 3),
        miscounts: int = 0,
        idle: Collection[str] = (),
        reads: bool = True,
    ) -> None:
        self.attributes = attributes
        self.size_bytes, self.refuses, self.dies_at = size_bytes, refuses, dies_at
        self.blind, self.paranoid, self.sm_ids, self.miscounts, self.idle = blind, paranoid, sm_ids, miscounts, idle
        self.reads = reads
        self.held: dict[int, NDArray[np.uint8]] = {}
        self.requests: list[int] = []
        self.launches: list[tuple[Kernel, Sequence[Argument]]] = []
        self.slow: Callable[[Kernel, int], float] = lambda _kernel, _launch: 1.0
        self._next = 1 << 40
        self.shared_bytes = 0
        self.warps, self.room_bytes, self.clock_mhz = 48, 99 << 10, 2500.0
        self.wrong_results = 0
        self.link = 25e9
        self.pins: int | None = None
        self.copied: list[tuple[int, bool, int]] = []

    def memory_info(self) -> MemoryInfo:
        return MemoryInfo(self.size_bytes - sum(a.nbytes for a in self.held.values()), self.size_bytes)

    def allocate(self, size_bytes: int) -> Buffer:
        self.requests.append(size_bytes)
        if size_bytes > self.memory_info().free_bytes or self.refuses(size_bytes):
            raise OutOfDeviceMemory("refused")
        address, self._next = self._next, self._next + (1 << 32)
        self.held[address] = np.zeros(size_bytes, np.uint8)
        return Buffer(address, size_bytes)

    def release(self, buffer: Buffer) -> None:
        del self.held[buffer.address]

    def upload(self, buffer: Buffer, data: NDArray[Any]) -> None:
        self._bytes(buffer)[: data.nbytes] = np.ascontiguousarray(data).view(np.uint8).ravel()

    def download(self, buffer: Buffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        return self._bytes(buffer)[: count * dtype.itemsize].view(dtype).copy()

    def begin(self, stage: str) -> None:
        pass

    def host_copy(self, buffer: Buffer, *, to_device: bool, repeats: int) -> float:
        if self.pins is not None and buffer.size_bytes > self.pins:
            raise OutOfDeviceMemory("the host would not pin it")
        self.copied.append((buffer.size_bytes, to_device, repeats))
        return repeats * buffer.size_bytes / self.link

    def launch(
        self, kernel: Kernel, *, blocks: int, threads: int, arguments: Sequence[Argument], shared_bytes: int = 0
    ) -> float:
        self.launches.append((kernel, arguments))
        self.shared_bytes = shared_bytes
        if self.dies_at is not None and len(self.launches) > self.dies_at:
            raise DeviceLost("gone")
        numbers = [a.value for a in arguments if isinstance(a, U32 | U64)]
        buffers = [a for a in arguments if isinstance(a, Buffer)]
        if kernel.function not in self.idle:
            getattr(self, f"_{kernel.function}")(buffers, numbers, blocks)
        return buffers[0].size_bytes / _BYTES_PER_SECOND * self.slow(kernel, len(self.launches))

    def close(self) -> None:
        self.held.clear()

    def _bytes(self, buffer: Buffer) -> NDArray[np.uint8]:
        base = max(address for address in self.held if address <= buffer.address)
        start = buffer.address - base
        return self.held[base][start : start + buffer.size_bytes]

    def _walk_write(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        first, vectors, seed, complement = numbers
        self._write(buffers[0], np.arange(vectors), first, seed, complement)

    def _walk_verify(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        first, vectors, seed, complement, _rewrite, shift, capacity = numbers
        self._verify(buffers, np.arange(vectors), first, seed, complement, shift, capacity)

    def _walk_write_spots(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        first, vectors, seed, complement, spot, scatter = numbers
        self._write(buffers[0], _spots(first, vectors, seed, spot, scatter), first, seed, complement)

    def _walk_verify_spots(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        first, vectors, seed, complement, spot, scatter, shift, capacity = numbers
        at = _spots(first, vectors, seed, spot, scatter)
        self._verify(buffers, at, first, seed, complement, shift, capacity)

    def _walk_evict(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        vectors, never = numbers
        if vectors == 1 and self.reads:
            word = np.bitwise_xor.reduce(self._bytes(buffers[0])[:16].view(np.uint32))
            self._bytes(buffers[1]).view(np.uint32)[0] = never if word == never else 0

    def _write(self, buffer: Buffer, at: NDArray[np.int64], first: int, seed: int, complement: int) -> None:
        words = pattern(at.astype(np.uint64) + np.uint64(first), seed, complement)
        held = self._bytes(buffer)
        held[: held.size // 16 * 16].view(np.uint64).reshape(-1, 2)[at] = np.stack(words, axis=1)

    def _verify(
        self,
        buffers: list[Buffer],
        at: NDArray[np.int64],
        first: int,
        seed: int,
        complement: int,
        shift: int,
        capacity: int,
    ) -> None:
        if self.blind:
            return
        index = at.astype(np.uint64) + np.uint64(first)
        held = self._bytes(buffers[0])
        got = held[: held.size // 16 * 16].view(np.uint64).reshape(-1, 2)[at]
        expected = np.stack(pattern(index, seed, complement), axis=1)
        wrong = np.flatnonzero((got != expected).any(axis=1) | self.paranoid)
        if wrong.size:
            self._report(buffers, index[wrong], expected[wrong], got[wrong] ^ np.uint64(self.paranoid), shift, capacity)

    def _report(
        self,
        buffers: list[Buffer],
        index: NDArray[np.uint64],
        expected: NDArray[np.uint64],
        got: NDArray[np.uint64],
        shift: int,
        capacity: int,
    ) -> None:
        summary, log = self._bytes(buffers[1]).view(np.uint64), self._bytes(buffers[2]).view(np.uint64).reshape(-1, 6)
        np.add.at(self._bytes(buffers[3]).view(np.uint32), index >> np.uint64(shift), np.uint32(1))
        start, room = int(summary[0]), min(capacity - int(summary[0]), index.size)
        rows = np.column_stack([index, expected, got, np.zeros_like(index)])
        log[start : start + max(room, 0)] = rows[: max(room, 0)]
        summary[:3] = start + index.size, min(int(summary[1]), int(index[0])), max(int(summary[2]), int(index[-1]))

    def _small(self, buffer: Buffer, vectors: int) -> NDArray[np.uint32] | None:
        """Words of a buffer that is small enough to be worth the time."""
        return self._bytes(buffer)[: 16 * vectors].view(np.uint32) if vectors <= 1 << 16 else None

    def _stream_copy(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        target, source = (self._small(buffer, numbers[0]) for buffer in buffers)
        if target is not None and source is not None:
            target[:] = source

    def _stream_read(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
        words = self._small(buffers[0], numbers[0])
        if words is not None and blocks == 1:
            self._sink(buffers[1], words.reshape(-1, 4), numbers[1])

    def _stream_sectors(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
        words = self._small(buffers[0], -(-numbers[0] // 2) * 4)
        if words is not None and blocks == 1:
            read = [4 * (i // 2) + 2 * ((i // 2 * 0x9E3779B9 >> 31) & 1) + i % 2 for i in range(numbers[0])]
            self._sink(buffers[1], words.reshape(-1, 4)[read], numbers[1])

    def _sink(self, sink: Buffer, read: NDArray[np.uint32], never: int) -> None:
        for lane in range(512):
            if np.bitwise_xor.reduce(read[lane::512], axis=None) == never:
                self._bytes(sink).view(np.uint32)[lane] = never

    def _stream_write(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        words = self._small(buffers[0], numbers[0])
        if words is not None:
            words[:] = bandwidth.written(*numbers)

    def _stream_triad(self, buffers: list[Buffer], numbers: list[int], _: int) -> None:
        scale, vectors = numbers
        target, first, second = (self._small(buffer, vectors) for buffer in buffers)
        if target is not None and first is not None and second is not None:
            added = first.view(np.float32) + np.uint32(scale).view(np.float32) * second.view(np.float32)
            target[:] = added.view(np.uint32)

    def _census(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
        seen, arrived, check = (self._bytes(b).view(np.uint32) for b in buffers[:3])
        ids = np.array([self.sm_ids[n % len(self.sm_ids)] for n in range(blocks)])
        np.add.at(seen, ids, np.uint32(1))
        arrived[0] += blocks
        check[0] += blocks - self.miscounts
        records = self._bytes(buffers[3]).view(np.uint64)[: 3 * blocks].reshape(-1, 3)
        records[:] = np.stack([ids, np.full(blocks, numbers[1] * self.clock_mhz / 1e3), np.full(blocks, numbers[1])], 1)

    def _residency(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
        most = self._bytes(buffers[1]).view(np.uint32)
        most[list(self.sm_ids)] = self.warps

    def _shared_room(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
        assert 4 * numbers[0] == self.shared_bytes
        if self.shared_bytes > self.room_bytes:
            raise DeviceError("invalid argument")
        self._bytes(buffers[0]).view(np.uint32)[0] += blocks

    def _load_fill(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
        pass

    def _load_run(self, buffers: list[Buffer], numbers: list[int], blocks: int) -> None:
        self._bytes(buffers[1]).view(np.uint32)[0] += self.wrong_results


def _spots(first: int, vectors: int, seed: int, shift: int, scatter: int) -> NDArray[np.int64]:
    pages = np.arange(vectors // PAGE_VECTORS)
    start = places(pages + first // PAGE_VECTORS, seed, shift, scatter=bool(scatter)).astype(np.int64)
    return ((pages * PAGE_VECTORS + start)[:, None] + np.arange(1 << shift)).ravel()
