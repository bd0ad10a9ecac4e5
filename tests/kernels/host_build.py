"""Builds a kernel file's own text with g++ and hands out its kernels as Python callables."""

import ctypes
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from gpucheck.device import kernels

HERE = Path(__file__).resolve().parent
GXX = shutil.which("g++")
_SIGNATURE = re.compile(r'extern "C" __global__ void\s*(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\(([^)]*)\)')
_SCALARS = {"u32": ctypes.c_uint32, "u64": ctypes.c_uint64}

HostKernel = Callable[..., None]


@cache
def build(family: str) -> dict[str, HostKernel]:
    """Compile ``kernels/<family>.cu``; each callable takes blocks, threads, then the kernel's arguments."""
    text = kernels.load(family).text
    found = {
        name: [" ".join(p.split()) for p in parameters.split(",")] for name, parameters in _SIGNATURE.findall(text)
    }
    code = "\n".join([f'#include "{HERE / "cuda_host.h"}"', text, *map(_wrapper, found, found.values())])
    folder = Path(tempfile.mkdtemp(prefix="gpucheck-host-"))
    library = folder / f"{family}.so"
    command = [str(GXX), "-x", "c++", "-std=c++17", "-O2", "-shared", "-fPIC", "-w", "-", "-o", str(library)]
    subprocess.run(command, input=code.encode(), check=True)
    loaded = ctypes.CDLL(str(library))
    shutil.rmtree(folder)
    return {name: _callable(loaded, name, parameters) for name, parameters in found.items()}


def _wrapper(name: str, parameters: list[str]) -> str:
    names = ", ".join(p.split()[-1].lstrip("*") for p in parameters)
    return (
        f'extern "C" void host_{name}(unsigned blocks_, unsigned threads_, {", ".join(parameters)}) '
        f"{{ on_every_thread(blocks_, threads_, [=] {{ {name}({names}); }}); }}"
    )


def _callable(library: ctypes.CDLL, name: str, parameters: list[str]) -> HostKernel:
    function: Any = getattr(library, f"host_{name}")
    types = [ctypes.c_void_p if "*" in p else _SCALARS[p.split()[-2]] for p in parameters]
    function.argtypes, function.restype = [ctypes.c_uint32, ctypes.c_uint32, *types], None
    return function  # type: ignore[no-any-return]
