"""NVRTC through ctypes: it compiles for any architecture that it knows, without a card and without a driver."""

import ctypes
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gpucheck.device import kernels


@dataclass(frozen=True)
class Compiled:
    """Machine code (an ELF image) and what the compiler had to say."""

    image: bytes
    log: str


Call = Callable[..., int]


@cache
def library() -> ctypes.CDLL | None:
    """Load NVRTC from its wheel, None where the wheel is not installed."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [path for folder in folders for path in folder.glob("c*/lib/libnvrtc.so.*")]
    found += [path for folder in folders for path in folder.glob("c*/bin/nvrtc64_*_0.dll")]
    return ctypes.CDLL(str(found[0])) if found else None


def architectures() -> list[int]:
    """Compute capabilities from Pascal on that this NVRTC compiles for, 89 for 8.9."""
    nvrtc = library()
    if nvrtc is None:
        return []
    count = ctypes.c_int()
    _check(nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
    numbers = (ctypes.c_int * count.value)()
    _check(nvrtc.nvrtcGetSupportedArchs(numbers))
    return [n for n in numbers if n >= 60]


def compile_text(text: str, options: tuple[str, ...]) -> Compiled:
    """Compile to machine code. Raises ``RuntimeError`` with the compiler's log."""
    nvrtc = library()
    assert nvrtc is not None
    program = ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None))
    try:
        arguments = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = nvrtc.nvrtcCompileProgram(program, len(options), arguments)
        log = _read(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program).rstrip(b"\0").decode()
        if status:
            raise RuntimeError(log)
        return Compiled(_read(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program), log)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


@cache
def compile_family(family: str, number: int) -> Compiled:
    """Compile one of our families as the product does, 89 for 8.9, with the assembler's report in the log."""
    options = (*kernels.nvrtc_options(f"{number // 10}.{number % 10}"), "--ptxas-options=-v")
    return compile_text(kernels.load(family).text, options)


def _read(size_of: Call, read: Call, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(size_of(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(read(program, buffer))
    return buffer.raw


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"NVRTC returned {status}")
