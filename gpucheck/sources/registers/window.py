"""A card's first memory window (BAR0) as sysfs offers it, opened and mapped for reading alone.

Facts: the kernel's ``sysfs-pci`` page and ``pci_mmap_resource`` in ``drivers/pci/pci-sysfs.c``: mapping needs root; a
locked-down kernel answers EPERM, one that keeps the windows of busy devices (``CONFIG_IO_STRICT_DEVMEM``) EINVAL.

A register must be read by one load of 32 bits: a unit of the card may answer four loads of a byte otherwise, or not at
all. Indexing a memory view of native unsigned integers is such a load: CPython copies exactly one item of four bytes,
a size that the compiler knows and makes one instruction of. ``struct`` with a byte order puts the number together from
single bytes, and a slice of the mapping is copied by a routine that may load what it likes.
"""

import mmap
import os
import stat
import sys
from pathlib import Path
from typing import Self

from gpucheck.model.base import Reason, Unavailable

_WORD_BYTES = 4


class RefusedError(Exception):
    """The window cannot be had; ``reason`` says why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = Unavailable(unavailable=reason, detail=detail)


class Window:
    """An open window of ``size_bytes``. Pages are mapped as they are asked for; none of them can be written."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises ``RefusedError``."""
        if sys.byteorder != "little" or memoryview(bytes(4)).cast("I").itemsize != _WORD_BYTES:
            raise RefusedError(Reason.NOT_SUPPORTED, "this processor reads a card's registers in another order")
        self._pages: dict[int, tuple[mmap.mmap, memoryview]] = {}
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _refused(error, path) from error
        state = os.fstat(self._handle)
        self.size_bytes = state.st_size if stat.S_ISREG(state.st_mode) else 0
        if not self.size_bytes:
            os.close(self._handle)
            raise RefusedError(Reason.NOT_SUPPORTED, "the system shows no size of the card's memory window")

    def load(self, offset: int) -> int:
        """Read the register at ``offset`` bytes, a multiple of four within the window. Raises ``RefusedError``."""
        if offset % _WORD_BYTES or not 0 <= offset <= self.size_bytes - _WORD_BYTES:
            raise ValueError(f"no register can lie at {offset:#x}")
        start = offset - offset % mmap.ALLOCATIONGRANULARITY
        if start not in self._pages:
            self._pages[start] = self._map(start)
        word: int = self._pages[start][1][(offset - start) // _WORD_BYTES]
        return word

    def _map(self, start: int) -> tuple[mmap.mmap, memoryview]:
        length = min(mmap.ALLOCATIONGRANULARITY, self.size_bytes - start) & -_WORD_BYTES
        try:
            page = mmap.mmap(self._handle, length, access=mmap.ACCESS_READ, offset=start)
        except (OSError, ValueError) as error:
            raise _unmapped(error) from error
        return page, memoryview(page).cast("I")

    def close(self) -> None:
        """Give everything back."""
        for page, words in self._pages.values():
            words.release()
            page.close()
        self._pages.clear()
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refused(error: OSError, path: Path) -> RefusedError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return RefusedError(Reason.NOT_SUPPORTED, f"this system offers no {path.name} of the card")
    if isinstance(error, PermissionError):
        told = "only root may read the card's registers" if os.geteuid() else "they are kept even from root here"
        return RefusedError(Reason.NO_PERMISSION, told)
    why = error.strerror or type(error).__name__
    return RefusedError(Reason.FAILED, f"the card's memory window could not be opened: {why}")


def _unmapped(error: OSError | ValueError) -> RefusedError:
    if isinstance(error, PermissionError):
        return RefusedError(Reason.NO_PERMISSION, "the kernel is locked down, as under Secure Boot, even for root")
    if isinstance(error, OSError) and error.errno == 22:
        told = "the kernel keeps the memory window of a card in use to its driver (CONFIG_IO_STRICT_DEVMEM)"
        return RefusedError(Reason.NO_PERMISSION, told)
    why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return RefusedError(Reason.FAILED, f"the card's memory window could not be mapped: {why}")
