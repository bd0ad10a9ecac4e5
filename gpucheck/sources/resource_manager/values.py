"""Single numbers that the resource manager answers: what they mean, and whether any card can have them.

A driver, or whoever stands in its place, may answer anything. What no card has is no fact: it becomes a reason that
shows what was said. Facts: ``ctrl2080fb.h``, ``kern_mem_sys_ctrl.c`` and ``osinit.c`` of NVIDIA's open kernel modules,
595.45.04 (MIT).
"""

from collections.abc import Mapping

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.text import sanitise
from gpucheck.model.units import GIB, KIB, MIB

Facts = Mapping[str, object]
"""Field name to its value, or to why it is missing."""

MEMORY_TYPES = {
    0x02: "DDR", 0x03: "DDR2", 0x04: "GDDR2", 0x05: "GDDR3", 0x06: "GDDR4", 0x07: "DDR3", 0x08: "GDDR5",
    0x09: "LPDDR2", 0x0C: "DDR4", 0x0D: "LPDDR4", 0x0E: "HBM", 0x0F: "HBM2", 0x10: "GDDR5X", 0x11: "GDDR6",
    0x12: "GDDR6X", 0x13: "LPDDR5", 0x14: "HBM3", 0x15: "GDDR7",
}  # fmt: skip
"""One code serves HBM2 and HBM2e, and one HBM3 and HBM3e."""
MEMORY_VENDORS = {
    0x1: "Samsung", 0x2: "Qimonda", 0x3: "Elpida", 0x4: "Etron", 0x5: "Nanya", 0x6: "Hynix", 0x7: "Mosel",
    0x8: "Winbond", 0x9: "ESMT", 0xF: "Micron",
}  # fmt: skip

_UNKNOWN_VENDOR = 0xFFFFFFFF


def implausible(what: str) -> Unavailable:
    """An answer that no card gives; ``what`` says it."""
    return Unavailable(unavailable=Reason.FAILED, detail=f"implausible answer: {sanitise(what, 120)}")


def untold(what: str) -> Unavailable:
    """A fact that the card or its firmware does not hold."""
    return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=what)


def memory_type(code: int) -> Facts:
    """Type of the memory that the firmware set up."""
    return {"memory_type": MEMORY_TYPES.get(code) or untold(f"type 0x{code:x} has no name on record")}


def memory_vendor(code: int) -> Facts:
    """Maker of the memory, from the firmware's memory table."""
    if code == _UNKNOWN_VENDOR:
        return {"memory_vendor": untold("the firmware does not know the memory's maker")}
    return {"memory_vendor": MEMORY_VENDORS.get(code) or untold(f"maker 0x{code:x} has no name on record")}


def memory_strap(value: int) -> Facts:
    """What the board's resistors select."""
    return {"memory_strap": value if value <= 15 else implausible(f"memory strap {value}")}


def memory_size(kib: int) -> Facts:
    """Memory of the card. NVML's total of the same card is often some MiB less (24564 of 24576 on an RTX 4090)."""
    return {"memory_bytes": _size(kib * KIB, 64 * MIB, 1024 * GIB, "of memory")}


def bar1_size(kib: int) -> Facts:
    """Size of the window through which the host sees the memory."""
    return {"bar1_bytes": _size(kib * KIB, MIB, 1024 * GIB, "of BAR1")}


def l2_size(size_bytes: int) -> Facts:
    """Size of the L2 cache."""
    return {"l2_cache_bytes": _size(size_bytes, 32 * KIB, GIB, "of L2 cache")}


def bus_width(bits: int) -> Facts:
    """Width of the memory bus."""
    sound = 32 <= bits <= 16384 and bits % 8 == 0
    return {"memory_bus_width_bits": bits if sound else implausible(f"a bus of {bits} bits")}


def memory_partitions(mask: int) -> Facts:
    """Which memory partitions are there."""
    return {"fbp_mask": mask or implausible("no memory partition")}


def flag(name: str, value: int) -> Facts:
    """A property that is there or not."""
    return {name: bool(value) if value in (0, 1) else implausible(f"neither yes nor no: {value}")}


def bios_version(revision: int, partner: int) -> Facts:
    """The VBIOS version as the driver itself prints it: four bytes, and one of the board partner's."""
    if not revision or partner > 0xFF:
        return {"vbios_version": implausible(f"VBIOS version 0x{revision:08x}, partner's byte 0x{partner:x}")}
    parts = (*revision.to_bytes(4, "big"), partner)
    return {"vbios_version": ".".join(f"{part:02X}" for part in parts)}


def _size(size_bytes: int, least: int, most: int, what: str) -> object:
    return size_bytes if least <= size_bytes <= most else implausible(f"{size_bytes} bytes {what}")
