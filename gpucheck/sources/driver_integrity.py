"""Where the driver's software comes from on Linux: kernel module, user-space libraries, what is loaded before them.

Everything is read from files that any user may read. Facts: the kernel's ``tainted-kernels`` page and ``sysfs-module``
ABI page, ``ld.so(8)``, ``nv-procfs.c`` in NVIDIA's open kernel modules. User and host names are left out of what is
kept.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.integrity import DriverIntegrity, DriverLibrary
from gpucheck.model.text import sanitise
from gpucheck.sources.driver import read_version
from gpucheck.sources.driver_patches import find_patches
from gpucheck.sources.files import homeless, read_text, text_or

LIBRARIES = ("libnvidia-ml.so.1", "libcuda.so.1")
FOLDERS = (
    "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "lib/x86_64-linux-gnu", "lib64",
    "usr/local/nvidia/lib64", "usr/local/lib", "usr/lib/wsl/lib", "run/opengl-driver/lib",
)  # fmt: skip
"""Where distributions, containers, WSL and NixOS put the driver's libraries, below the root."""

_MAPS_LIMIT = 1 << 21
_MAX_ENTRIES = 32
_SUFFIX = re.compile(r"\.so\.(\d{3}\.\d{1,3}(?:\.\d{1,2})?)$")
"""Folders of people; ``/home/kubernetes`` is where Google's node images keep the driver."""
_BUILDER = re.compile(r"\(([^()@\s]{1,64})@[^()\s]{1,64}\)")
_TAINT = re.compile(r"^nvidia \d.*\(([A-Z]{1,8})[+-]?\)\s*$", re.MULTILINE)


def read(
    sys_root: Path | str = "/sys",
    proc_root: Path | str = "/proc",
    root: Path | str = "/",
    environment: Mapping[str, str] | None = None,
) -> Collected[DriverIntegrity]:
    """Read this machine. The roots and the environment are for tests."""
    if sys.platform == "win32":
        from gpucheck.sources.windows_integrity import read_windows

        return read_windows()
    proc, base = Path(proc_root), Path(root)
    if not (proc / "version").exists():
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="this system has no Linux procfs")
    variables = os.environ if environment is None else environment
    folders = _entries(variables.get("LD_LIBRARY_PATH", ""), ":")
    return DriverIntegrity.model_validate(
        {
            **_module(Path(sys_root), proc),
            "libraries": tuple(_libraries(proc, base, folders)),
            "preloaded": _preloaded(base, variables),
            "library_folders": tuple(map(homeless, folders)),
            "patches": find_patches(proc, base),
        }
    )


def _module(sysfs: Path, proc: Path) -> dict[str, object]:
    module = sysfs / "module" / "nvidia"
    text = text_or(proc / "driver" / "nvidia" / "version")
    taint = text_or(module / "taint") or next(iter(_TAINT.findall(text_or(proc / "modules"))), "")
    tainted = text_or(proc / "sys" / "kernel" / "tainted")
    builder = _BUILDER.search(text)
    return {
        "module_version": read_version(proc) or sanitise(text_or(module / "version"), 40) or None,
        "module_open": "Open Kernel Module" in text if text else None,
        "module_builder": None if builder is None else "dvs-builder" if builder[1] == "dvs-builder" else "another",
        "module_taint": sanitise(taint, 16) or None,
        "module_source": sanitise(text_or(module / "srcversion"), 64) or None,
        "kernel_taint": int(tainted) if tainted.isdecimal() and len(tainted) < 12 else None,
        "missing": _missing(module, proc),
    }


def _missing(module: Path, proc: Path) -> dict[str, Unavailable]:
    files = {
        "module_version": proc / "driver" / "nvidia" / "version",
        "module_taint": module / "taint",
        "module_source": module / "srcversion",
        "kernel_taint": proc / "sys" / "kernel" / "tainted",
    }
    absent = {name: text for name, path in files.items() if isinstance(text := read_text(path, 4096), Unavailable)}
    return dict(absent)


def _libraries(proc: Path, base: Path, folders: list[str]) -> Iterator[DriverLibrary]:
    maps = _mapped(proc)
    for name in LIBRARIES:
        stem = name.removesuffix(".1")
        loaded = next((path for path in maps if Path(path).name.startswith(stem)), None)
        found = loaded or _looked_up(name, base, folders)
        if found:
            version = _SUFFIX.search(found)
            yield DriverLibrary(
                name=name, path=homeless(found), version=version[1] if version else None, loaded=loaded is not None
            )


def _mapped(proc: Path) -> list[str]:
    """Files that this process has mapped."""
    text = read_text(proc / "self" / "maps", _MAPS_LIMIT)
    lines = [] if isinstance(text, Unavailable) else text.splitlines()
    return list(dict.fromkeys(line[line.index("/") :] for line in lines if "/lib" in line and "/" in line))


def _looked_up(name: str, base: Path, folders: list[str]) -> str | None:
    """The file behind the first link of that name, in the loader's order; as seen from the root."""
    for folder in (*(entry.lstrip("/") for entry in folders), *FOLDERS):
        try:
            path = base / folder / name
            if path.exists():
                return "/" + str(path.resolve().relative_to(base.resolve()))
        except (OSError, ValueError, RuntimeError):
            continue
    return None


def _preloaded(base: Path, variables: Mapping[str, str]) -> tuple[str, ...]:
    named = _entries(variables.get("LD_PRELOAD", ""), ": ") + _entries(
        text_or(base / "etc" / "ld.so.preload"), ": \n\t"
    )
    return tuple(dict.fromkeys(map(homeless, named)))


def _entries(text: str, separators: str) -> list[str]:
    found = re.split(f"[{re.escape(separators)}]+", text[:16384])
    return [entry for entry in found if entry][:_MAX_ENTRIES]
