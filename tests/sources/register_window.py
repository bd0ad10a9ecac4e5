"""A sysfs tree with one card whose first memory window is a file, and the words of some boards."""

import struct
from pathlib import Path

from tests.sources.config_space import config_space

BDF = "0000:01:00.0"
MIB = 1 << 20
NOTHING = 0xBADF1100
FUSED_OFF = 0xBADF2010

RTX_3090: dict[int, int] = {
    0x0: 0xB72000A1,
    0xA00: 0x172A1000,
    0x101000: 0x00000008,
    0x1183A4: 24576,
    0x8204D8: 0x2204,
    0x82056C: 0x2244,
    0x820584: 1,
    0x820350: 0,
    0x820364: 0,
    0x02046C: 0x00004B00,
    **{0x900200 + n * 0x4000: 0x06DF9803 for n in range(6)},
    **{0x90020C + n * 0x4000: 0x1000 for n in range(6)},
    **{0x9024D0 + n * 0x4000: 0x03000000 for n in range(6)},
    **{0x9024C0 + n * 0x4000: 0x36340000 for n in range(6)},
    **{0x9024C4 + n * 0x4000: 0x38340000 for n in range(6)},
}
"""24 chips of 8 Gbit on both sides; the survey's values, and temperatures of 64 °C in front, 68 and 72 °C behind."""
RTX_3080 = RTX_3090 | {
    0x1183A4: 10240,
    0x8204D8: 0x2216,
    0x82056C: 0x2256,
    0x820364: 0x8,
    **{0x900200 + n * 0x4000: 0x069F9803 for n in range(6)},
    **{0x90020C + n * 0x4000: 0x800 for n in range(6)},
    0x900200 + 3 * 0x4000: FUSED_OFF + 3,
    0x90020C + 3 * 0x4000: FUSED_OFF + 3,
}
"""One partition of six is fused off, as on the surveyed board."""


def content(words: dict[int, int], size: int = 16 * MIB) -> bytes:
    """The window's bytes; where nothing is, the card answers so."""
    data = bytearray(struct.pack("<I", NOTHING) * (size // 4))
    for offset, value in words.items():
        if offset + 4 <= size:
            struct.pack_into("<I", data, offset, value)
    return bytes(data)


def add_window(
    root: Path, words: dict[int, int] | None, size: int = 16 * MIB, files: dict[str, str] | None = None
) -> Path:
    """Put the card there, awake and with its windows switched on; ``files`` replace or add small ones."""
    folder = root / "bus" / "pci" / "devices" / BDF
    (folder / "power").mkdir(parents=True)
    small = {"power_state": "D0\n", "runtime_status": "active\n", **(files or {})}
    (folder / "power_state").write_text(small["power_state"])
    (folder / "power" / "runtime_status").write_text(small["runtime_status"])
    config = bytearray(config_space()[:64])
    config[4] |= 2
    (folder / "config").write_bytes(config)
    if words is not None:
        (folder / "resource0").write_bytes(content(words, size))
    return folder
