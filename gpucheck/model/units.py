"""Numbers as people read them, always with their unit."""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def mib(size_bytes: int) -> str:
    """Mebibytes, as nvidia-smi prints them."""
    return f"{size_bytes / MIB:,.0f} MiB"


def gib(size_bytes: int) -> str:
    """Gibibytes with two digits, or mebibytes below one."""
    return f"{size_bytes / GIB:.2f} GiB" if size_bytes >= GIB else mib(size_bytes)


def cache_size(size_bytes: int) -> str:
    """A cache's size, exactly: ``72 MiB``, ``2.75 MiB``, ``384 KiB``."""
    return f"{size_bytes / MIB:.4g} MiB" if size_bytes >= MIB else f"{size_bytes / KIB:.4g} KiB"


def rate(bytes_per_second: float) -> str:
    """Decimal gigabytes per second, the unit of data sheets."""
    return f"{bytes_per_second / 1e9:,.1f} GB/s"


def percent(share: float, digits: int = 0) -> str:
    """A share of one as ``42 %``. What is less than all of it never rounds to 100 %."""
    shown = round(share * 100, digits)
    if share < 1 <= shown / 100:
        shown = 100 - 10**-digits
    return f"{shown:.{digits}f} %"


def pci_id(vendor_id: int | None, device_id: int | None) -> str:
    """``10de:2684``; a part that is unknown prints as question marks."""
    return ":".join("????" if part is None else f"{part:04x}" for part in (vendor_id, device_id))


_LANE_BYTES_PER_SECOND = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9, 7: 15.125e9}
"""What a PCI Express lane carries after its line code, one direction: base specifications, 2.5 to 128 GT/s."""


def link_rate(generation: int, lanes: int) -> float:
    """Peak of a PCI Express link in bytes per second, one direction; 0 for a generation that does not exist."""
    return _LANE_BYTES_PER_SECOND.get(generation, 0.0) * lanes
