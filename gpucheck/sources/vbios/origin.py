"""Where the bytes of a VBIOS come from: the card's ROM window in sysfs, or a file that somebody saved.

Facts of the window: the kernel's ``sysfs-bus-pci`` ABI page and ``pci_write_rom`` in ``drivers/pci/pci-sysfs.c``.
Writing ``1`` to the file opens the window, ``0`` with a line end closes it; nothing is ever written to the card.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.text import sanitise
from gpucheck.model.vbios import Source, VbiosFacts
from gpucheck.sources.vbios.parse import parse
from gpucheck.sources.vbios.rom import LIMIT_BYTES, VbiosError

_CHUNK_BYTES = 1 << 16
_ON, _OFF = b"1\n", b"0\n"
"""The kernel closes the window for exactly these two bytes; anything else opens it."""

_NO_WINDOW = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="this system shows no ROM of the card")

Switch = Callable[[int, bytes], object]


def read_window(root: Path | str, bdf: str, switch: Switch | None = None) -> Collected[VbiosFacts]:
    """Read and parse the ROM of one card through sysfs. It needs root; ``switch`` is for tests."""
    path = Path(root) / "bus" / "pci" / "devices" / bdf / "rom"
    if not sys.platform.startswith("linux"):
        return _NO_WINDOW
    try:
        data = _contents(path, switch or os.write)
    except (FileNotFoundError, NotADirectoryError):
        return _NO_WINDOW
    except PermissionError:
        who = "only root may read the card's ROM" if os.geteuid() else "the card's ROM is kept even from root here"
        return Unavailable(unavailable=Reason.NO_PERMISSION, detail=who)
    except OSError as error:
        why = error.strerror or type(error).__name__
        return Unavailable(unavailable=Reason.FAILED, detail=f"the ROM could not be read: {why}")
    try:
        return parse(data, "sysfs")
    except VbiosError as error:
        return Unavailable(unavailable=Reason.FAILED, detail=f"the ROM window shows no VBIOS: {error.message}")


def read_file(path: str | Path) -> VbiosFacts:
    """Parse a saved ROM. Raises ``VbiosError`` or ``SourceFileError``, each with a hint."""
    from gpucheck.sources.file_reading import SourceFileError, read_bytes

    name = sanitise(str(path), 200)
    try:
        data = read_bytes(path, LIMIT_BYTES)
    except SourceFileError as error:
        raise VbiosError(error.message, "Give the path of a ROM that nvflash, GPU-Z or sysfs saved.") from error
    if not data:
        raise VbiosError(f"{name} is empty.", "Save the ROM again with nvflash or GPU-Z.")
    try:
        return parse(data, "file")
    except VbiosError as error:
        raise VbiosError(f"{name}: {error.message}.", error.hint) from error


def version_alone(version: str | None, source: Source, why: Unavailable) -> Collected[VbiosFacts]:
    """The fallback: what a driver states of the version, and why the ROM itself is missing; the reason without one."""
    if not version:
        return why
    return VbiosFacts(source=source, version=sanitise(version, 40).upper(), missing={"rom": why})


def _contents(path: Path, switch: Switch) -> bytes:
    """What the window shows. It is closed again whatever happens."""
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        switch(handle, _ON)
        try:
            os.lseek(handle, 0, os.SEEK_SET)
            return _read_all(handle)
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
            switch(handle, _OFF)
    finally:
        os.close(handle)


def _read_all(handle: int) -> bytes:
    data = bytearray()
    while len(data) <= LIMIT_BYTES and (chunk := os.read(handle, _CHUNK_BYTES)):
        data += chunk
    return bytes(data)
