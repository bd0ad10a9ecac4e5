"""Configuration spaces as the test of a reader wants them: header, both chains of capabilities, and what is in them."""

import struct

MIB = 1 << 20
RESIZABLE = tuple(MIB << n for n in range(6, 16))


def config_space(
    device: int = 0x2684,
    subsystem: tuple[int, int] = (0x10DE, 0x167C),
    generation: int = 4,
    lanes: int = 16,
    state: tuple[int, int] = (1, 16),
    sizes: tuple[int, ...] = RESIZABLE,
    uncorrectable: int = 0,
    correctable: int = 0,
    lane_errors: int = 0,
) -> bytes:
    """The 4096 bytes of an NVIDIA display function."""
    space = bytearray(4096)
    struct.pack_into("<HHHHB3sBBBB", space, 0, 0x10DE, device, 0x0407, 0x0010, 0xA1, b"\x00\x00\x03", 0, 0, 0, 0)
    struct.pack_into("<IIII", space, 0x10, 0xF6000000, 0x0000000C, 0x70, 0x0000000C)
    struct.pack_into("<I", space, 0x20, 0x78)
    struct.pack_into("<HH", space, 0x2C, *subsystem)
    space[0x34] = 0x60
    space[0x60:0x62] = bytes((0x01, 0x78))  # power management
    _express(space, 0x78, generation, lanes, state)
    _extended(space, 0x100, 0x02, 0x420)  # virtual channel
    _extended(space, 0x420, 0x01, 0x900)
    struct.pack_into("<I", space, 0x424, uncorrectable)
    struct.pack_into("<I", space, 0x430, correctable)
    _extended(space, 0x900, 0x19, 0xBB0)
    struct.pack_into("<I", space, 0x908, lane_errors)
    _extended(space, 0xBB0, 0x15, 0)
    struct.pack_into("<II", space, 0xBB4, 1 << 4 + 4, 2 << 5)  # BAR0 of 16 MiB, first of two entries
    mask = sum(size // MIB for size in sizes)
    struct.pack_into("<II", space, 0xBBC, mask << 4 & 0xFFFFFFFF, 1 | mask >> 28 << 16)
    return bytes(space)


def _express(space: bytearray, at: int, generation: int, lanes: int, state: tuple[int, int]) -> None:
    struct.pack_into("<BBH", space, at, 0x10, 0, 0x12)
    struct.pack_into("<I", space, at + 0x0C, lanes << 4 | generation)
    struct.pack_into("<H", space, at + 0x12, state[1] << 4 | state[0])
    struct.pack_into("<I", space, at + 0x2C, (1 << generation) - 1 << 1)
    struct.pack_into("<H", space, at + 0x30, generation)


def _extended(space: bytearray, at: int, kind: int, after: int) -> None:
    struct.pack_into("<I", space, at, after << 20 | 1 << 16 | kind)
