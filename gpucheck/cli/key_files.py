"""Files that hold keys: made once, for their owner's eyes, and never written over."""

import os
import re
import stat
from pathlib import Path

from gpucheck.cli.errors import CallError, CliError, say

LIMIT_BYTES = 16 << 10
"""No file with a key is larger."""
REDACTION_TITLE = "gpucheck-redaction-key-1"
"""First word of a file with a key for redaction; the second is the key, 64 hexadecimal digits."""
_REDACTION = re.compile(rf"\s*{REDACTION_TITLE}\s+([0-9a-fA-F]{{64}})\s*")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def refuse_existing(*paths: Path) -> None:
    """Refuse to write over any of them."""
    for path in paths:
        if os.path.lexists(path):
            raise CliError(
                f"{path} exists and is not written over.", "A key that is lost is lost: choose another name."
            )


def create(path: Path, data: bytes, mode: int) -> None:
    """Write a new file whole, or leave none. One that exists is never written over."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    except FileExistsError:
        refuse_existing(path)
        raise
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be written: {getattr(error, 'strerror', error)}.", "Choose another.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CliError(f"{path} cannot be written: {error.strerror or error}.", "No key was made.") from error


def read(path: str) -> bytes:
    """Return what a file with a key holds."""
    from gpucheck.sources.file_reading import read_bytes

    return read_bytes(path, LIMIT_BYTES)


def read_secret(path: str) -> bytes:
    """The same of a key that is nobody else's; one that others can read is told of, unless it is for them."""
    data = read(path)
    if os.name == "posix" and b"PUBLIC KEY" not in data and Path(path).stat().st_mode & _OTHERS:
        say(f"{path} can be read by others: chmod 600 keeps it yours.")
    return data


def redaction_text(key: bytes) -> bytes:
    """The content of a file with a key for redaction."""
    return f"{REDACTION_TITLE} {key.hex()}\n".encode()


def read_redaction_key(path: str) -> bytes:
    """Read a key for redaction, 32 bytes."""
    found = _REDACTION.fullmatch(read_secret(path).decode("utf-8", "replace"))
    if not found:
        raise CallError(
            f"{path} holds no key for redaction.",
            "Make one with `gpucheck report keygen --redact -o KEY`, once a shop.",
        )
    return bytes.fromhex(found[1])
