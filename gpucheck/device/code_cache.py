"""Machine code kept on disk between runs, so that a card is not kept waiting for the compiler.

A file is named by everything that the code depends on, and carries a digest of its name and its content: what is cut
short, altered or renamed is compiled again and never loaded. The folder belongs to one user; a folder or a file that
somebody else could have written is not trusted, and whatever fails here costs a compilation and nothing else.
"""

import os
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

VARIABLE = "GPUCHECK_CACHE"
"""Environment: a folder of one's own, or ``off``."""
OFF = "off"
LIMIT_BYTES = 64 << 20
"""All entries together; the ones that were not used for longest go first."""

_MAGIC = b"gpucheck machine code 1\n"
_DIGEST_BYTES = 32
_ENTRY, _HALF_WRITTEN = ".code", ".part"
_LARGEST_BYTES = 16 << 20
_ABANDONED_SECONDS = 3600
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def remembered(ingredients: Sequence[str], compile_code: Callable[[], bytes]) -> bytes:
    """Return the machine code that ``ingredients`` lead to, from disk or else from ``compile_code``, whose errors pass.

    Ingredients are all that the code depends on: source text, compiler, architecture, options.
    """
    folder = default_folder()
    cache = CodeCache.opened(folder) if folder is not None else None
    if cache is None:
        return compile_code()
    name = key(ingredients)
    code = cache.get(name)
    if code is None:
        code = compile_code()
        cache.put(name, code)
    return code


def key(ingredients: Sequence[str]) -> str:
    """Return the hexadecimal SHA-256 of the ingredients; where one ends and the next begins counts."""
    digest = sha256(_MAGIC)
    for text in ingredients:
        content = text.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def default_folder(environment: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path | None:
    """Return the folder that the environment names, else the user's own, None where it is switched off or unknown."""
    given = os.environ if environment is None else environment
    named = given.get(VARIABLE, "").strip()
    with suppress(OSError, RuntimeError):  # no such home, a loop of links
        if named:
            return None if named.lower() == OFF else Path(named).expanduser().resolve()
        bases = (_caches(given, platform), None if platform == "win32" else _own_caches())
        return next((base / "gpucheck" / "kernels" for base in bases if base is not None and _may_begin(base)), None)
    return None


def _caches(environment: Mapping[str, str], platform: str) -> Path | None:
    """Where this platform keeps what can be made again."""
    if platform == "win32":
        local = environment.get("LOCALAPPDATA", "")
        return Path(local) if local else None
    asked = environment.get("XDG_CACHE_HOME", "")
    if asked.startswith("/"):
        return Path(asked)
    return Path.home() / ("Library/Caches" if platform == "darwin" else ".cache")


def _own_caches() -> Path | None:
    """Where the account's own home is another than the one that the environment names, as after ``sudo -E``."""
    if not hasattr(os, "geteuid"):
        return None
    import pwd

    with suppress(KeyError):
        return Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".cache"
    return None


def _may_begin(base: Path) -> bool:
    """Root under another user's home leaves nothing there that this user could not use afterwards."""
    nearest = next((folder for folder in (base, *base.parents) if folder.exists()), None)
    return nearest is not None and (not hasattr(os, "geteuid") or nearest.stat().st_uid == os.geteuid())


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody else could have written it. Windows keeps a user's folders apart by itself."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE


@dataclass(frozen=True)
class CodeCache:
    """A folder of entries. Safe among processes: an entry appears whole or not at all, and all writers agree."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    @classmethod
    def opened(cls, folder: Path) -> "CodeCache | None":
        """Make the folder where it is missing; None where it cannot be had or is not to be trusted."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.lstat()
        except OSError:
            return None
        return cls(folder) if stat.S_ISDIR(status.st_mode) and _is_ours(status) else None

    def get(self, name: str) -> bytes | None:
        """Return an entry's code, None where there is none that is whole and ours."""
        path = self._path(name)
        try:
            content = _read_ours(path)
        except OSError:
            return None
        body = content.removeprefix(_MAGIC)
        code = body[_DIGEST_BYTES:]
        if len(body) == len(content) or body[:_DIGEST_BYTES] != _seal(name, code):
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)
        return code

    def put(self, name: str, code: bytes) -> None:
        """Write an entry, and remove what is too much; a disk that is full or read-only is no error."""
        half = self._path(name).with_suffix(f".{secrets.token_hex(8)}{_HALF_WRITTEN}")
        try:
            _write_new(half, _MAGIC + _seal(name, code) + code)
            half.replace(self._path(name))
        except OSError:
            with suppress(OSError):
                half.unlink()
        self._prune()

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{_ENTRY}"

    def _prune(self) -> None:
        room = self.limit_bytes
        for path, status in sorted(self._files(), key=lambda row: row[1].st_mtime, reverse=True):
            abandoned = path.suffix == _HALF_WRITTEN and time.time() - status.st_mtime > _ABANDONED_SECONDS
            room -= status.st_size
            if abandoned or (room < 0 and path.suffix == _ENTRY):
                with suppress(OSError):
                    path.unlink()

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        with suppress(OSError):
            for path in self.folder.iterdir():
                if path.suffix in (_ENTRY, _HALF_WRITTEN):
                    with suppress(OSError):
                        yield path, path.lstat()


def _seal(name: str, code: bytes) -> bytes:
    return sha256(name.encode() + code).digest()


def _read_ours(path: Path) -> bytes:
    """Read a plain file of ours. Raises ``OSError`` for anything else; judged by the open file, not by its name."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or not _is_ours(status) or status.st_size > _LARGEST_BYTES:
            raise PermissionError(f"{path} is not to be trusted")
        return file.read(_LARGEST_BYTES)


def _write_new(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
