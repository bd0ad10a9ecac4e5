"""What is allocated on a simulated card, and what lies in it.

Small buffers (results, logs, self-tests) are plain arrays in a place of their own, which no fault reaches. Large ones
lie in the card's memory, of which only samples are kept, beside recipes of what was written. One of up to 16 MiB
becomes a plain array as soon as somebody looks into it from the host.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import Buffer, DeviceError, DeviceLost, OutOfDeviceMemory
from gpucheck.model.units import MIB, mib
from gpucheck.simulation.addresses import PAGE, VECTOR, I64s
from gpucheck.simulation.allocator import Allocator
from gpucheck.simulation.memory import CardMemory, Part, Pieces
from gpucheck.simulation.samples import U64s
from gpucheck.simulation.writings import Fill, OctetArray, Writings

CARD_BASE = 0x7000_0000_0000
SCRATCH_BASE = 0x6000_0000_0000
SCRATCH_BYTES = 1024 * MIB
SMALL_BYTES = 2 * MIB
LARGEST_ARRAY_BYTES = 16 * MIB


@dataclass
class Block:
    """One allocation. ``array`` holds its bytes where it is a plain array, else ``written`` tells of them."""

    address: int
    size_bytes: int
    array: OctetArray | None = None
    written: Writings = field(default_factory=Writings)

    @property
    def card_vector(self) -> int:
        """Where it begins in the card's memory, in vectors."""
        return (self.address - CARD_BASE) // VECTOR


@dataclass(frozen=True)
class DensePart:
    """Vectors of a range of a plain array; keeps the contract of ``Part``. ``words`` has the shape (vectors, 2)."""

    words: U64s
    offsets: I64s

    @property
    def weights(self) -> I64s:
        """Each stands for itself."""
        return np.ones(self.offsets.size, np.int64)

    def read(self) -> tuple[U64s, U64s]:
        """Low and high words."""
        return self.words[self.offsets, 0], self.words[self.offsets, 1]

    def write(self, low: U64s, high: U64s) -> None:
        """Store low and high words."""
        self.words[self.offsets, 0], self.words[self.offsets, 1] = low, high


class Blocks:
    """The allocations of one device with ``size_bytes`` to hand out."""

    def __init__(self, memory: CardMemory, size_bytes: int) -> None:
        self.memory = memory
        self._card = Allocator(CARD_BASE, size_bytes // SMALL_BYTES * SMALL_BYTES, SMALL_BYTES)
        self._scratch = Allocator(SCRATCH_BASE, SCRATCH_BYTES, 512)
        self._blocks: dict[int, Block] = {}
        self._starts: list[int] = []

    @property
    def free_bytes(self) -> int:
        """What can still be had."""
        return max(0, self._card.free_bytes - self._scratch.taken_bytes)

    @property
    def array_bytes(self) -> int:
        """Host memory in plain arrays."""
        return sum(b.array.nbytes for b in self._blocks.values() if b.array is not None)

    def allocate(self, size_bytes: int) -> Buffer:
        """Take memory. Raises ``OutOfDeviceMemory``."""
        if size_bytes <= 0:
            raise DeviceError("an allocation needs at least one byte")
        small = size_bytes < SMALL_BYTES
        address = (self._scratch if small else self._card).take(size_bytes)
        if address is None:
            raise OutOfDeviceMemory(f"{mib(size_bytes)} were refused, {mib(self.free_bytes)} are free")
        self._blocks[address] = Block(address, size_bytes, _zeros(size_bytes) if small else None)
        self._starts = sorted(self._blocks)
        return Buffer(address, size_bytes)

    def release(self, buffer: Buffer) -> None:
        """Give an allocation back. Raises ``DeviceError`` for anything that is not one."""
        block = self._blocks.get(buffer.address)
        if block is None or block.size_bytes != buffer.size_bytes:
            raise DeviceError("released something that is not an allocation")
        del self._blocks[buffer.address]
        self._starts = sorted(self._blocks)
        (self._card if buffer.address >= CARD_BASE else self._scratch).give(buffer.address)

    def clear(self) -> None:
        """Give everything back."""
        for block in list(self._blocks.values()):
            self.release(Buffer(block.address, block.size_bytes))

    def array(self, buffer: Buffer, dtype: type[np.generic]) -> NDArray[Any]:
        """Return a buffer's own bytes as an array to read and write. Raises ``DeviceError`` for a large one."""
        block, start = self._locate(buffer)
        if self._as_array(block) is None or block.array is None:
            raise DeviceError(f"results in a buffer beyond {mib(LARGEST_ARRAY_BYTES)} are not simulated")
        width = np.dtype(dtype).itemsize
        return block.array[start : start + buffer.size_bytes // width * width].view(dtype)

    def upload(self, buffer: Buffer, data: OctetArray) -> None:
        """Copy bytes to the start of a buffer."""
        block, start = self._locate(Buffer(buffer.address, data.size), buffer)
        array = self._as_array(block)
        if array is None:
            block.written.add_bytes(start, data)
        else:
            array[start : start + data.size] = data

    def download(self, buffer: Buffer, size_bytes: int) -> OctetArray:
        """Copy bytes from the start of a buffer. Those of a large one are as written, whatever its cells do."""
        block, start = self._locate(Buffer(buffer.address, size_bytes), buffer)
        array = self._as_array(block)
        return block.written.read(start, size_bytes) if array is None else array[start : start + size_bytes].copy()

    def parts(self, buffer: Buffer, vectors: int, *, in_turns: bool = False) -> Sequence[Part]:
        """Return the vectors that a kernel meets in the first ``vectors`` of a buffer; see ``CardMemory.parts``."""
        block, start = self._locate(Buffer(buffer.address, vectors * VECTOR), buffer)
        if block.array is not None:
            return [DensePart(_words(block.array, start, vectors), np.arange(vectors))]
        return tuple(self.memory.parts(block.card_vector + start // VECTOR, vectors, in_turns=in_turns))

    def words(self, buffer: Buffer, vectors: int) -> U64s | None:
        """Return the first ``vectors`` of a buffer that is a plain array, None of one in the card's memory."""
        block, start = self._locate(Buffer(buffer.address, vectors * VECTOR), buffer)
        return None if block.array is None else _words(block.array, start, vectors)

    def spots(self, buffer: Buffer, vectors: int, pieces: Pieces) -> Sequence[Part]:
        """Return the vectors that a kernel meets in the spots of the whole pages among the first ``vectors``."""
        block, start = self._locate(Buffer(buffer.address, vectors * VECTOR), buffer)
        if block.array is not None:
            offsets = pieces.starts(vectors // PAGE)[:, None] + np.arange(1 << pieces.shift)
            return [DensePart(_words(block.array, start, vectors), offsets.ravel())]
        return tuple(self.memory.spots(block.card_vector + start // VECTOR, vectors, pieces))

    def xor(self, buffer: Buffer) -> int | None:
        """Return the xor of the first vector's four words, None where the buffer is no plain array."""
        block, start = self._locate(Buffer(buffer.address, VECTOR), buffer)
        if block.array is None:
            return None
        return int(np.bitwise_xor.reduce(block.array[start : start + VECTOR].view(np.uint32)))

    def slowness(self, buffer: Buffer, vectors: int) -> float:
        """Mean time for a vector of the buffer, against memory at full rate."""
        block, start = self._locate(buffer)
        on_card = block.array is None
        return self.memory.slowness(block.card_vector + start // VECTOR, vectors) if on_card else 1.0

    def note(self, buffer: Buffer, vectors: int, fill: Fill) -> None:
        """Remember what a kernel wrote to the first ``vectors`` of a buffer."""
        block, start = self._locate(buffer)
        if block.array is None:
            block.written.add_vectors(start, vectors, fill)

    def note_copy(self, target: Buffer, source: Buffer, size_bytes: int) -> None:
        """Carry what is remembered of one buffer over to another."""
        block, start = self._locate(target)
        origin, origin_start = self._locate(source)
        if block.array is None and origin.array is None:
            block.written.add_copy(start, size_bytes, origin.written, origin_start)
        elif block.array is None:
            block.written.add_bytes(start, self.download(source, size_bytes))
        elif origin.array is None:
            block.array[start : start + size_bytes] = origin.written.read(origin_start, size_bytes)

    def _locate(self, buffer: Buffer, within: Buffer | None = None) -> tuple[Block, int]:
        at = bisect_right(self._starts, buffer.address) - 1
        block = self._blocks[self._starts[at]] if at >= 0 else None
        last = buffer.address + buffer.size_bytes
        if block is None or last > block.address + block.size_bytes:
            raise DeviceLost("an illegal memory access was encountered")
        if within is not None and last > within.address + within.size_bytes:
            raise DeviceLost("an illegal memory access was encountered")
        return block, buffer.address - block.address

    def _as_array(self, block: Block) -> OctetArray | None:
        """Return the block's bytes; from now on a plain array where it is small enough for that."""
        if block.array is None and block.size_bytes <= LARGEST_ARRAY_BYTES:
            array = _zeros(block.size_bytes)
            array[: block.size_bytes] = block.written.read(0, block.size_bytes)
            block.array, block.written = array, Writings()
        return block.array


def _words(array: OctetArray, start: int, vectors: int) -> U64s:
    return array[start : start + vectors * VECTOR].view(np.uint64).reshape(-1, 2)


def _zeros(size_bytes: int) -> OctetArray:
    return np.zeros(-(-size_bytes // VECTOR) * VECTOR, np.uint8)
