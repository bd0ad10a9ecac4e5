"""A real card, reached through CuPy's bindings of the CUDA runtime. The only module that imports CuPy, and late.

Memory comes straight from ``cudaMalloc``: no pool, nothing managed. Kernels are compiled to machine code for exactly
the device's compute capability, so that what ran was never adapted by the driver from PTX.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpucheck.device import code_cache, cuda_errors, kernels
from gpucheck.device.protocol import (
    U32,
    Argument,
    Buffer,
    DeviceAttributes,
    DeviceError,
    DeviceUnavailable,
    Kernel,
    MemoryInfo,
    OutOfDeviceMemory,
)
from gpucheck.model.base import Reason
from gpucheck.model.text import sanitise
from gpucheck.model.units import mib

_ATTRIBUTE = {
    "integrated": 18,
    "ecc": 32,
    "memory_clock_khz": 36,
    "bus_bits": 37,
    "l2_bytes": 38,
    "sm_count": 16,
    "major": 75,
    "minor": 76,
}
"""Numbers of ``cudaDeviceAttr``."""
_TO_DEVICE, _TO_HOST = 1, 2
_PORTABLE = 1
"""``cudaHostAllocPortable``."""
_DYNAMIC_SHARED_BYTES = 8
"""``CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES``."""
_UNASKED_SHARED_BYTES = 48 << 10
"""Beyond so much a function has to ask before it is launched."""
_HOLD_CYCLES, _MOST_HOLD_CYCLES = 50_000, 400_000
"""A launch takes the host 6 to 12 microseconds; 50,000 cycles are 20 to 50 of them."""
_SELDOM = 100
"""Launches in time between two that are late, from which on a longer hold is of no use."""
_FOR_DEVELOPERS = ("CUDA_LAUNCH_BLOCKING", "CUDA_FORCE_PTX_JIT")
"""Settings that the driver reads when it starts: one adds the host's time to a kernel's, one refuses machine code."""


class CudaDevice:
    """One card under the CUDA driver. Keeps the contract of ``protocol.Device``; make one with ``open``."""

    def __init__(self, cupy: Any, ordinal: int) -> None:
        self._cupy = cupy
        self._runtime = cupy.cuda.runtime
        self._ordinal = ordinal
        self._functions: dict[Kernel, Any] = {}
        self._modules: dict[str, Any] = {}
        self._held: dict[int, Buffer] = {}
        self._pinned: Buffer | None = None
        self._hold_cycles = _HOLD_CYCLES
        self._in_time = 0
        with cuda_errors.translated("opening the device"):
            self._runtime.setDevice(ordinal)
            self._attributes = _read_attributes(self._runtime, ordinal)
            self._start, self._end = cupy.cuda.Event(), cupy.cuda.Event()

    @classmethod
    def open(cls, bdf: str | None = None, ordinal: int | None = None) -> "CudaDevice":
        """Open the card at a PCI address, else by CUDA's own number, else the first.

        Raises ``DeviceUnavailable`` where CuPy, the driver or the card is missing.
        """
        cupy = _import_cupy()
        with cuda_errors.opening():
            count = cupy.cuda.runtime.getDeviceCount()
            number = ordinal or 0 if bdf is None else cupy.cuda.runtime.deviceGetByPCIBusId(bdf)
        if number >= count:
            raise DeviceUnavailable(Reason.NOT_SUPPORTED, f"CUDA sees {count} device(s), not a number {number}")
        with cuda_errors.opening():
            return cls(cupy, number)

    @property
    def attributes(self) -> DeviceAttributes:
        """Attributes, read once at opening."""
        return self._attributes

    def memory_info(self) -> MemoryInfo:
        """Free and total memory now."""
        with self._acting("asking for free memory"):
            free, total = self._runtime.memGetInfo()
        return MemoryInfo(int(free), int(total))

    def allocate(self, size_bytes: int) -> Buffer:
        """Take device memory. Raises ``OutOfDeviceMemory``."""
        with self._acting(f"allocating {size_bytes} bytes"):
            address = int(self._runtime.malloc(size_bytes))
        buffer = Buffer(address, size_bytes)
        self._held[address] = buffer
        return buffer

    def release(self, buffer: Buffer) -> None:
        """Give back what ``allocate`` returned."""
        if self._held.pop(buffer.address, None) is None:
            raise DeviceError("released something that is not an allocation")
        with self._acting("releasing memory"):
            self._runtime.free(buffer.address)

    def upload(self, buffer: Buffer, data: NDArray[Any]) -> None:
        """Copy an array to the start of ``buffer``."""
        source = np.ascontiguousarray(data)
        if source.nbytes > buffer.size_bytes:
            raise ValueError("more data than the buffer holds")
        with self._acting("copying to the device"):
            self._runtime.memcpy(buffer.address, source.ctypes.data, source.nbytes, _TO_DEVICE)

    def download(self, buffer: Buffer, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """Copy ``count`` elements from the start of ``buffer``."""
        target = np.empty(count, dtype)
        if target.nbytes > buffer.size_bytes:
            raise ValueError("more data than the buffer holds")
        with self._acting("copying from the device"):
            self._runtime.memcpy(target.ctypes.data, buffer.address, target.nbytes, _TO_HOST)
        return target

    def begin(self, stage: str) -> None:
        """Nothing to prepare."""

    def launch(
        self, kernel: Kernel, *, blocks: int, threads: int, arguments: Sequence[Argument], shared_bytes: int = 0
    ) -> float:
        """Run a kernel to its end and return its seconds by the device's own events.

        The device is held until the host has queued them: the events then stand close around the kernel. Where the host
        was too slow for that, later launches are held longer.
        """
        known = kernel in self._functions
        function, hold = self._function(kernel), self._function(kernels.HOLD)
        values = tuple(_value(argument) for argument in arguments)
        with self._acting(f"running {kernel.function}"):
            if shared_bytes > _UNASKED_SHARED_BYTES:
                self._cupy.cuda.driver.funcSetAttribute(function.ptr, _DYNAMIC_SHARED_BYTES, shared_bytes)
            hold((1, 1, 1), (1, 1, 1), (np.uint64(self._hold_cycles),), 0)
            self._start.record()
            function((blocks, 1, 1), (threads, 1, 1), values, shared_bytes)
            self._end.record()
            late = self._start.done
            self._end.synchronize()
            milliseconds = self._cupy.cuda.get_elapsed_time(self._start, self._end)
        if known:
            self._learn(late)
        return float(milliseconds) / 1e3

    def _learn(self, late: bool) -> None:
        """Hold longer where the host is late again and again; once in many launches it was only interrupted.

        A kernel's first launch tells nothing: the driver may bring its code to the card then.
        """
        if late and self._in_time < _SELDOM:
            self._hold_cycles = min(2 * self._hold_cycles, _MOST_HOLD_CYCLES)
        self._in_time = 0 if late else self._in_time + 1

    def host_copy(self, buffer: Buffer, *, to_device: bool, repeats: int) -> float:
        """Copy a buffer from or to pinned host memory some times over; return the seconds by the device's events.

        Raises ``OutOfDeviceMemory`` where the host will not pin as much.
        """
        pinned = self._pin(buffer.size_bytes)
        ends = (buffer.address, pinned) if to_device else (pinned, buffer.address)
        direction = _TO_DEVICE if to_device else _TO_HOST
        with self._acting("copying over the host's bus"):
            self._start.record()
            for _ in range(repeats):
                self._runtime.memcpyAsync(*ends, buffer.size_bytes, direction, 0)
            self._end.record()
            self._end.synchronize()
            return float(self._cupy.cuda.get_elapsed_time(self._start, self._end)) / 1e3

    def _pin(self, size_bytes: int) -> int:
        """Return the address of pinned host memory, that of the last copy where it is large enough."""
        if self._pinned is not None and self._pinned.size_bytes >= size_bytes:
            return self._pinned.address
        self._unpin()
        try:
            with self._acting(f"pinning {mib(size_bytes)} of host memory"):
                self._pinned = Buffer(int(self._runtime.hostAlloc(size_bytes, _PORTABLE)), size_bytes)
        except OutOfDeviceMemory as error:
            raise OutOfDeviceMemory(f"the host would not pin {mib(size_bytes)} of its memory") from error
        return self._pinned.address

    def _unpin(self) -> None:
        if self._pinned is not None:
            address, self._pinned = self._pinned.address, None
            with self._acting("releasing host memory"):
                self._runtime.freeHost(address)

    def close(self) -> None:
        """Free memory and code. A device that is already lost frees by itself."""
        for buffer in list(self._held.values()):
            with suppress(DeviceError):
                self.release(buffer)
        with suppress(DeviceError):
            self._unpin()
        self._functions.clear()
        self._modules.clear()

    @contextmanager
    def _acting(self, doing: str) -> Iterator[None]:
        """CUDA keeps the current device by thread, and a probe may run in another than the one that opened it."""
        with cuda_errors.translated(doing):
            self._runtime.setDevice(self._ordinal)
            yield

    def _function(self, kernel: Kernel) -> Any:
        if kernel not in self._functions:
            if kernel.family not in self._modules:
                self._modules[kernel.family] = self._load(kernel.family)
            with self._acting(f"looking up {kernel.function}"):
                self._functions[kernel] = self._modules[kernel.family].get_function(kernel.function)
        return self._functions[kernel]

    def _load(self, family: str) -> Any:
        code = machine_code(self._cupy, family, self._attributes.compute_capability)
        module = self._cupy.cuda.function.Module()
        with self._acting(f"loading {family}"):
            module.load(code)
        return module


def machine_code(cupy: Any, family: str, compute_capability: str) -> bytes:
    """Return a family's machine code from the cache on disk, else freshly compiled. Raises ``DeviceError``."""
    compiled = partial(compile_machine_code, cupy, family, compute_capability)
    compiler = _compiler(cupy)
    if compiler is None:
        return compiled()
    return code_cache.remembered(
        (kernels.load(family).text, *kernels.nvrtc_options(compute_capability), *compiler), compiled
    )


_NVRTC_WHEELS = ("nvidia-cuda-nvrtc-cu12", "nvidia-cuda-nvrtc")


def _compiler(cupy: Any) -> tuple[str, ...] | None:
    """What tells one NVRTC from another, None where it does not load and a compilation will say why.

    Its own version costs the loading of the library, and no more; the wheels' tell builds of one version apart.
    """
    from importlib.metadata import PackageNotFoundError, version

    with suppress(OSError, RuntimeError, ValueError, AttributeError):
        own = ".".join(map(str, cupy.cuda.nvrtc.getVersion()))
        wheels = []
        for name in _NVRTC_WHEELS:
            with suppress(PackageNotFoundError):
                wheels.append(f"{name} {version(name)}")
        return (f"NVRTC {own}", f"CuPy {getattr(cupy, '__version__', '')}", *wheels)
    return None


def compile_machine_code(cupy: Any, family: str, compute_capability: str) -> bytes:
    """Compile a family for one architecture; needs NVRTC but no card. Raises ``DeviceError``."""
    source = kernels.load(family)
    with cuda_errors.compiling(family, kernels.architecture(compute_capability)):
        nvrtc = cupy.cuda.nvrtc
        program = nvrtc.createProgram(source.text, f"{family}.cu", (), ())
        try:
            nvrtc.compileProgram(program, kernels.nvrtc_options(compute_capability))
            # CuPy 14 hands out the image one byte short; readers of ELF files mind.
            return bytes(nvrtc.getCUBIN(program)) + b"\0"
        finally:
            nvrtc.destroyProgram(program)


def _import_cupy() -> Any:
    for name in _FOR_DEVELOPERS:
        os.environ.pop(name, None)
    try:
        import cupy
    except ModuleNotFoundError as error:
        raise DeviceUnavailable(Reason.NOT_INSTALLED, "CuPy is not installed", cuda_errors.INSTALL_HINT) from error
    except Exception as error:
        raise DeviceUnavailable(Reason.FAILED, f"CuPy cannot be imported: {error}", cuda_errors.INSTALL_HINT) from error
    return cupy


def _value(argument: Argument) -> np.generic:
    if isinstance(argument, Buffer):
        return np.uint64(argument.address)
    return np.uint32(argument.value) if isinstance(argument, U32) else np.uint64(argument.value)


def _read_attributes(runtime: Any, ordinal: int) -> DeviceAttributes:
    read = {name: _attribute(runtime, number, ordinal) for name, number in _ATTRIBUTE.items()}
    name = runtime.getDeviceProperties(ordinal)["name"]
    clock, ecc = read["memory_clock_khz"], read["ecc"]
    return DeviceAttributes(
        name=sanitise(name.decode(errors="replace") if isinstance(name, bytes) else str(name)),
        compute_capability=f"{read['major']}.{read['minor']}",
        sm_count=read["sm_count"] or 0,
        total_memory_bytes=int(runtime.memGetInfo()[1]),
        l2_cache_bytes=read["l2_bytes"] or None,
        memory_bus_width_bits=read["bus_bits"] or None,
        memory_clock_mhz=clock // 1000 if clock else None,
        bdf=_bdf(runtime, ordinal),
        ecc_enabled=None if ecc is None else bool(ecc),
        integrated=bool(read["integrated"]),
        driver_version=runtime.driverGetVersion(),
        runtime_version=runtime.runtimeGetVersion(),
    )


def _attribute(runtime: Any, number: int, ordinal: int) -> int | None:
    """Read one attribute, None where this CUDA no longer has it."""
    with suppress(runtime.CUDARuntimeError):
        return int(runtime.deviceGetAttribute(number, ordinal))
    return None


def _bdf(runtime: Any, ordinal: int) -> str | None:
    with suppress(runtime.CUDARuntimeError):
        return sanitise(str(runtime.deviceGetPCIBusId(ordinal))).lower()
    return None
