"""As much of CuPy as ``CudaDevice`` touches, failing with whatever status a test asks for."""

import ctypes
import re
from types import SimpleNamespace
from typing import Any

_SNAKE = re.compile(r"((?<=[a-z])[A-Z])")


class CUDARuntimeError(RuntimeError):
    """Bears CuPy's class name and its ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(f"cudaError {status}")
        self.status = status


class CUDADriverError(CUDARuntimeError):
    """What calls of the driver raise."""


class _Function:
    """A kernel with the address that the driver's own calls know it by."""

    ptr = 0xF00

    def __init__(self, cupy: "FakeCupy", name: str) -> None:
        self._cupy, self._name = cupy, name

    def __call__(self, grid: Any, block: Any, values: Any, shared: int = 0) -> None:
        if "launch" in self._cupy.fails:
            raise CUDADriverError(self._cupy.fails["launch"])
        self._cupy.queue.append(self._name)
        if self._name == "hold":
            self._cupy.held_cycles.append(int(values[0]))
            return
        self._cupy.launched.append((self._name, grid, block, values))
        self._cupy.shared.append(shared)


class _Event:
    """An event; ``done`` says whether the host was late."""

    def __init__(self, cupy: "FakeCupy") -> None:
        self._cupy, self.synchronize = cupy, cupy._call("synchronize")

    @property
    def done(self) -> bool:
        return self._cupy.late

    def record(self) -> None:
        self._cupy.queue.append("event")


class FakeCupy:
    """``fails`` maps the name of a call to the status that it raises. What a hold leaves behind is kept apart."""

    def __init__(self, fails: dict[str, int] | None = None, devices: int = 1) -> None:
        self.loaded: list[bytes] = []
        self.nvrtc_version = (12, 9)
        self.fails = fails or {}
        self.devices = devices
        self.held: dict[int, Any] = {}
        self.launched: list[tuple[Any, ...]] = []
        self.options: list[tuple[str, ...]] = []
        self.shared: list[int] = []
        self.queue: list[str] = []
        self.held_cycles: list[int] = []
        self.late = False
        self.integrated = 0
        self.granted: list[tuple[int, int, int]] = []
        self.pinned: dict[int, int] = {}
        self.copies: list[tuple[int, int, int, int]] = []
        names = ("setDevice", "memGetInfo", "malloc", "free", "memcpy", "getDeviceCount", "getDeviceProperties")
        link = ("memcpyAsync", "hostAlloc", "freeHost")
        more = ("deviceGetAttribute", "deviceGetPCIBusId", "deviceGetByPCIBusId", "driverGetVersion")
        calls = {name: self._call(name) for name in (*names, *more, *link, "runtimeGetVersion")}
        runtime = SimpleNamespace(CUDARuntimeError=CUDARuntimeError, **calls)
        self.cuda = SimpleNamespace(
            runtime=runtime,
            Event=lambda: _Event(self),
            get_elapsed_time=lambda _a, _b: 2.0,
            driver=SimpleNamespace(funcSetAttribute=self._call("funcSetAttribute")),
            nvrtc=SimpleNamespace(
                getVersion=lambda: self.nvrtc_version,
                createProgram=lambda *_: 1,
                compileProgram=lambda _, options: self.options.append(options),
                getCUBIN=lambda _: b"\x7fELF",
                destroyProgram=lambda _: None,
            ),
            function=SimpleNamespace(Module=lambda: SimpleNamespace(load=self._call("load"), get_function=self._get)),
        )

    def _call(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if name in self.fails:
                raise CUDARuntimeError(self.fails[name])
            snake = _SNAKE.sub(r"_\1", name).lower()
            return getattr(self, f"_{snake}", lambda *_: None)(*arguments)

        return call

    def _get(self, name: str) -> Any:
        return _Function(self, name)

    def _load(self, code: bytes) -> None:
        self.loaded.append(code)

    def _get_device_count(self) -> int:
        return self.devices

    def _device_get_by_pcibus_id(self, bdf: str) -> int:
        return int(bdf.split(":")[1], 16)

    def _device_get_pcibus_id(self, _: int) -> str:
        return "0000:0A:00.0"

    def _get_device_properties(self, _: int) -> dict[str, Any]:
        return {"name": b"NVIDIA \x1b[31mFake"}

    def _device_get_attribute(self, number: int, _: int) -> int:
        if number == 36:
            raise CUDARuntimeError(1)
        return {18: self.integrated, 32: 0, 37: 384, 38: 75497472, 16: 128, 75: 8, 76: 9}[number]

    def _mem_get_info(self) -> tuple[int, int]:
        return 100, 200

    def _malloc(self, size: int) -> int:
        block = ctypes.create_string_buffer(size)
        self.held[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    def _free(self, address: int) -> None:
        del self.held[address]

    def _func_set_attribute(self, function: int, attribute: int, value: int) -> None:
        self.granted.append((function, attribute, value))

    def _host_alloc(self, size: int, _flags: int) -> int:
        address = 0x5000 + len(self.pinned)
        self.pinned[address] = size
        return address

    def _free_host(self, address: int) -> None:
        del self.pinned[address]

    def _memcpy_async(self, target: int, source: int, size: int, direction: int, _stream: int) -> None:
        self.copies.append((target, source, size, direction))

    def _memcpy(self, target: int, source: int, size: int, _: int) -> None:
        ctypes.memmove(target, source, size)
