"""A PostgreSQL server of the tests' own: a temporary folder, a socket in it, no network, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = ("postgres", "nobody")
"""Users that the server may run as where the tests run as root, which it refuses."""


class CannotServeError(Exception):
    """There is no server here, and why."""


def _programs() -> Path:
    """The folder that holds ``initdb`` and ``pg_ctl``: Debian keeps them off the path."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise CannotServeError("PostgreSQL's server is not installed")


def _as_user(folder: Path) -> list[str]:
    """How to run a program that refuses root. The folder is given to the user that it then runs as."""
    if os.getuid() != 0:
        return []
    runuser = shutil.which("runuser")
    for name in NAMES if runuser else ():
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return [str(runuser), "-u", name, "--"]
    raise CannotServeError("PostgreSQL refuses to run as root, and there is no other user to run it as")


def _run(*call: object, cwd: Path) -> None:
    log = cwd / "call.log"
    with log.open("w") as out:
        done = subprocess.run([str(c) for c in call], cwd=cwd, stdout=out, stderr=out, timeout=120, check=False)
    if done.returncode:
        raise CannotServeError(f"PostgreSQL does not start: {log.read_text()[-400:]}")


@contextmanager
def server() -> Iterator[str]:
    """Start a server and return the folder of its socket. Raises ``CannotServeError``."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path may have some 100 bytes
    try:
        user = _as_user(folder)
        data = folder / "data"
        _run(*user, programs / "initdb", "-D", data, "-U", "gpucheck", "-A", "trust", "--no-sync", cwd=folder)
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        control = [*user, programs / "pg_ctl", "-D", data, "-w", "-s"]
        _run(*control, "-l", folder / "data" / "server.log", "-o", settings, "start", cwd=folder)
        try:
            yield str(folder)
        finally:
            _run(*control, "-m", "immediate", "stop", cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
