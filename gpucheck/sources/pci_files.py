"""The small files of a PCI function in sysfs: read with their reasons, and parsed.

Facts of the format: the kernel's ``sysfs-bus-pci`` ABI pages and ``drivers/pci/pci-sysfs.c``.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.text import sanitise
from gpucheck.model.units import MIB
from gpucheck.sources.files import read_text

RAW_LIMIT = 1024

_GENERATIONS = {"2.5": 1, "5": 2, "8": 3, "16": 4, "32": 5, "64": 6}
_BARS = 6
_ERROR_KINDS = 40

T = TypeVar("T")


class Reader:
    """Reads files of one function and keeps what they said, or why they did not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing: dict[str, Unavailable] = {}
        self.raw: dict[str, str] = {}

    def parsed(self, file: str, field: str, parse: Callable[[str], T | None], folder: Path | None = None) -> T | None:
        """Return what ``parse`` makes of a file; where that is None or a ``ValueError``, ``missing`` says why."""
        text = read_text((folder or self.folder) / file)
        if isinstance(text, Unavailable):
            self.missing[field] = text
            return None
        shown = sanitise(text, RAW_LIMIT)
        self.raw[file if folder is None else f"port {file}"] = shown
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None:
            self.missing[field] = Unavailable(unavailable=Reason.FAILED, detail=f"{file} says {shown[:60]!r}")
        return value

    def number(self, file: str, field: str) -> int | None:
        """Return a 16-bit number in hexadecimal."""
        return self.parsed(file, field, pci_id)


def pci_id(text: str) -> int | None:
    """Return a 16-bit number in hexadecimal, None where it is too large."""
    value = int(text, 16)
    return value if 0 <= value <= 0xFFFF else None


def lanes(text: str) -> int | None:
    """Return a number of lanes, None where no link has so many."""
    return number if 0 < (number := int(text)) <= 32 else None


def link_generation(speed: str) -> int | None:
    """Return 4 for ``16.0 GT/s PCIe``, None for ``Unknown``."""
    match = re.match(r"(\d{1,3}(?:\.\d{1,2})?)\s*GT/s", speed)
    return _GENERATIONS.get(match[1].removesuffix(".0")) if match else None


def resizable_sizes(mask: str) -> tuple[int, ...]:
    """Sizes in bytes that a ``resourceN_resize`` bitmap offers: bit n stands for 2^n MiB."""
    if len(mask) > 18:
        raise ValueError("a bitmap of more than 64 bits")
    bits = int(mask, 16)
    return tuple(MIB << n for n in range(bits.bit_length()) if bits >> n & 1)


def bar_sizes(resource: str) -> tuple[int, ...]:
    """Sizes of the BARs that there are, in order; a 64-bit BAR leaves the next one empty."""
    sizes = []
    for line in resource.splitlines()[:_BARS]:
        start, end, _flags = (int(word, 16) for word in line.split())
        if end > start:
            sizes.append(end - start + 1)
    return tuple(sizes)


def error_counts(text: str) -> dict[str, int]:
    """Counts by kind of error, without the total, from an ``aer_dev_*`` file: a name and a number a line."""
    counts: dict[str, int] = {}
    for line in text.splitlines()[:_ERROR_KINDS]:
        name, _, number = line.strip().rpartition(" ")
        if name and not name.startswith("TOTAL_"):
            counts[sanitise(name, 40)] = _count(number)
    return counts


def _count(text: str) -> int:
    if len(text) > 20 or not text.isdecimal():
        raise ValueError("not a count")
    return int(text)
