"""Which registers are read on which chip: one table, each row with the source of the fact.

A chip is known by its own number, architecture and implementation as NVIDIA's tools print them: 0x172 is GA102. Of a
chip that no row names, the two registers that hold this number are read and nothing else: behind other addresses there
may be a unit that is asleep, or one that does something when it is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_ANY = (0x000, 0x3FF)
_GA10X, _AD10X, _GB20X = (0x172, 0x177), (0x192, 0x197), (0x1B2, 0x1B7)
_AMPERE, _GH100, _GB10X = (0x170, 0x177), (0x180, 0x180), (0x1A0, 0x1A4)
_GDDR6X = ((0x172, 0x172), (0x174, 0x174), (0x192, 0x194))
"""Dies that are sold with that memory."""

PARTITION_STRIDE = 0x4000
"""From one memory partition's registers to the next one's (LACT; the same in the survey of Ampere boards)."""

MEMORY_PARTITIONS = {
    0x170: 24, 0x172: 6, 0x173: 5, 0x174: 4, 0x176: 3, 0x177: 2,
    0x192: 6, 0x193: 4, 0x194: 3, 0x196: 2, 0x197: 2,
    0x1B2: 8, 0x1B3: 4, 0x1B5: 3, 0x1B6: 2, 0x1B7: 2,
}  # fmt: skip
"""How many the whole die has. GA100 and GA102: survey of Ampere boards; the others inferred from the widest bus that a
die is sold with, 64 bits a partition as on GA102. Never more are read, so that no read goes where nothing is."""

Name = Literal[
    "boot_0", "boot_42", "straps", "memory_range", "usable_memory", "partition_config", "partition_amount",
    "fused_device_id_a", "fused_device_id_b", "device_id_locked", "gpc_disable", "fbp_disable",
    "hotspot", "chip_status", "chip_temperature",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Register:
    """One row. ``chips`` are the first and the last chip that have it so; ``each`` is one a memory partition."""

    name: Name
    offset: int
    chips: tuple[tuple[int, int], ...]
    meaning: str
    source: str
    zero: bool = False
    """Zero is a value that it may have."""
    each: bool = False

    def on(self, chip_id: int) -> bool:
        """Whether that chip has it."""
        return any(first <= chip_id <= last for first, last in self.chips)


_OPEN = "NVIDIA open-gpu-kernel-modules 595.45.04 (MIT)"
_SURVEY = "GypsumLabs cmp170hx-zh, a survey of Ampere boards; one careful source"

TABLE: tuple[Register, ...] = (
    Register("boot_0", 0x000000, (_ANY,), "number and stepping of the chip", f"{_OPEN}, nv_ref.h: NV_PMC_BOOT_0"),
    Register("boot_42", 0x000A00, (_ANY,), "the same, in the order of newer chips",
             f"{_OPEN}, nv_ref.h: NV_PMC_BOOT_42"),
    Register("straps", 0x101000, ((0x0C0, 0x177), _AD10X), "what the board's resistors select; bits 5:2 the memory",
             "envytools (MIT), rnndb/io/pstraps.xml, for Tesla and later", zero=True),
    Register("memory_range", 0x100CE0, ((0x132, 0x170),), "size of the memory: bits 9:4 shifted by bits 3:0, in MiB",
             f"{_OPEN}, gp102/dev_fb.h, for Turing and GA100; nouveau (MIT) for Pascal"),
    Register("usable_memory", 0x1183A4, (_GA10X, _AD10X, _GH100, _GB10X, _GB20X), "size of the usable memory in MiB",
             f"{_OPEN}, ga102/dev_gc6_island.h: NV_USABLE_FB_SIZE_IN_MB, and which chips in g_kern_mem_sys_nvoc.c"),
    Register("partition_config", 0x900200, (_GA10X, _AD10X, _GB20X), "bit 22: two memory chips share a channel",
             "LACT (MIT), nvapi.rs, for GDDR6X and GDDR7; the survey's values of GA102 boards differ in that bit",
             each=True),
    Register("partition_amount", 0x90020C, (_AMPERE,), "memory behind one partition in MiB",
             f"{_SURVEY}: 6 times the value is what nvidia-smi states of RTX 3090 Ti, RTX A5000, RTX A6000 and A10",
             each=True),
    Register("fused_device_id_a", 0x8204D8, (_AMPERE,), "device id in the fuses", _SURVEY),
    Register("fused_device_id_b", 0x82056C, (_AMPERE,), "the other one, 0x40 higher on every surveyed board", _SURVEY),
    Register("device_id_locked", 0x820584, (_AMPERE,), "1: software cannot set another id; so on every surveyed board",
             _SURVEY, zero=True),
    Register("gpc_disable", 0x820350, (_AMPERE,), "graphics clusters that are fused off", _SURVEY, zero=True),
    Register("fbp_disable", 0x820364, (_AMPERE,), "memory partitions that are fused off", _SURVEY, zero=True),
)  # fmt: skip
"""What is read once. The survey is at commit cdcc924, LACT at 238e315, envytools at f102b82."""

SENSORS: tuple[Register, ...] = (
    Register("hotspot", 0x02046C, (_GA10X, _AD10X), "bits 15:8: hottest place of the die in °C",
             "ThomasBaruzier gddr6-core-junction-vram-temps (Apache-2.0), as several monitoring tools", zero=True),
    Register("chip_status", 0x9024D0, _GDDR6X, "bits 27:24: which of four words hold a temperature",
             "LACT (MIT), nvapi.rs, for GDDR6X", zero=True, each=True),
    Register("chip_temperature", 0x9024C0, _GDDR6X, "bits 23:16 the chip in front, 31:24 the one behind",
             "LACT (MIT), nvapi.rs, for GDDR6X; twice the code less 40 °C", zero=True, each=True),
)  # fmt: skip
"""What is read again and again while the card works."""

_BY_NAME = {register.name: register for register in (*TABLE, *SENSORS)}


def register(name: Name) -> Register:
    """Return a row by its name."""
    return _BY_NAME[name]


def places(row: Register, chip_id: int) -> Iterator[int]:
    """Yield where a row lies on a chip: one offset in bytes, or one a memory partition; none where it has none."""
    if row.on(chip_id):
        for partition in range(MEMORY_PARTITIONS.get(chip_id, 0) if row.each else 1):
            yield row.offset + partition * PARTITION_STRIDE


def chip_of_boot_0(value: int) -> int:
    """Number of the chip: bits 28:20, and above them bit 8."""
    return (value >> 8 & 1) << 9 | value >> 20 & 0x1FF


def chip_of_boot_42(value: int) -> int:
    """Number of the chip: bits 29:20."""
    return value >> 20 & 0x3FF
