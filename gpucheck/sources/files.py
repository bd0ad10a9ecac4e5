"""Small reads from sysfs and procfs: bounded, never raising, every failure with its reason."""

import re
from pathlib import Path

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.text import sanitise

READ_LIMIT = 65536

_HOME = re.compile(r"^(?:/root|/home/(?!kubernetes/)[^/]+|/Users/[^/]+|[A-Za-z]:\\Users\\[^\\]+)(?=[/\\]|$)")
_BDF = re.compile(r"^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$")


def read_bytes(path: Path, limit: int = READ_LIMIT) -> bytes | Unavailable:
    """Read at most ``limit`` bytes of a file."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(limit)
    except OSError as error:
        return _unavailable(path, error)


def read_text(path: Path, limit: int = READ_LIMIT) -> str | Unavailable:
    """Read text without surrounding blanks; bytes that are no UTF-8 are replaced."""
    data = read_bytes(path, limit)
    return data if isinstance(data, Unavailable) else data.decode("utf-8", "replace").strip()


def text_or(path: Path, default: str = "") -> str:
    """Read text where the reason for its absence does not matter."""
    text = read_text(path)
    return default if isinstance(text, Unavailable) else text


def normalise_bdf(text: str) -> str | None:
    """Return a PCI address as the kernel writes it, ``0000:01:00.0``, or None where ``text`` is no address.

    NVML pads the domain to eight digits, people leave it out, and either may use capitals.
    """
    match = _BDF.match(text.strip().lower())
    if match is None:
        return None
    domain, bus, device, function = (int(part or "0", 16) for part in match.groups())
    return f"{domain:04x}:{bus:02x}:{device:02x}.{function:x}"


def _unavailable(path: Path, error: OSError) -> Unavailable:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=f"the system offers no {path.name}")
    if isinstance(error, PermissionError):
        return Unavailable(unavailable=Reason.NO_PERMISSION, detail=f"{path.name} may not be read by this user")
    return Unavailable(unavailable=Reason.FAILED, detail=f"{path.name}: {error.strerror or type(error).__name__}")


def homeless(path: str) -> str:
    """Write the user's own folder as ``~``: a path must not carry a name."""
    return sanitise(_HOME.sub("~", path), 300)
