"""The binding: absent, wrong, old, and real but without a driver."""

import ctypes
import functools
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gpucheck.model.base import Reason, Unavailable
from gpucheck.sources import nvml
from gpucheck.sources.nvml_library import NvmlError, NvmlUnavailableError, PynvmlLibrary, session
from gpucheck.sources.nvml_queries import QUERIES


class BindingError(Exception):
    def __init__(self, value: int) -> None:
        self.value = value

    def __str__(self) -> str:
        return "Not Supported"


def decoding(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function(*arguments).decode()

    return wrapper


def binding(**functions: Any) -> ModuleType:
    module = ModuleType("pynvml")
    usual = {"nvmlInit": lambda: None, "nvmlShutdown": lambda: None, "NVMLError": BindingError}
    for name, value in {**usual, "nvmlDeviceGetUUID": decoding(lambda _handle: b"GPU-1"), **functions}.items():
        setattr(module, name, value)
    return module


def opened(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> PynvmlLibrary:
    monkeypatch.setitem(sys.modules, "pynvml", module)
    library = PynvmlLibrary()
    library.open()
    return library


def test_no_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NvmlUnavailableError) as caught, session(PynvmlLibrary()):
        pass
    assert caught.value.reason == Reason.NOT_INSTALLED
    assert caught.value.hint == "pip install nvidia-ml-py"


def test_another_package_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", ModuleType("pynvml"))
    with pytest.raises(NvmlUnavailableError, match="another package"):
        PynvmlLibrary().open()


def test_text_comes_past_the_decoding_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    library = opened(monkeypatch, binding(nvmlDeviceGetName=decoding(lambda handle: b"\xff" + handle)))
    assert library.call("nvmlDeviceGetName", "h") == b"\xffh"


def test_a_decorator_that_hides_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    library = opened(monkeypatch, binding(nvmlDeviceGetName=lambda _handle: b"\xff".decode()))
    with pytest.raises(NvmlError, match="UnicodeDecodeError") as caught:
        library.call("nvmlDeviceGetName", "h")
    assert caught.value.code == 999


def test_errors_keep_their_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: Any) -> None:
        raise BindingError(3)

    library = opened(monkeypatch, binding(nvmlDeviceGetSerial=refuse))
    with pytest.raises(NvmlError, match="Not Supported") as caught:
        library.call("nvmlDeviceGetSerial", "h")
    assert caught.value.code == 3


def test_an_old_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    library = opened(monkeypatch, binding(nvmlDeviceGetMemoryInfo=lambda _handle: SimpleNamespace(total=1)))
    with pytest.raises(NvmlError) as missing:
        library.call("nvmlDeviceGetPdi", "h")
    with pytest.raises(NvmlError) as older:
        library.call("nvmlDeviceGetMemoryInfo", "h", 0x02000028)
    assert (missing.value.code, older.value.code) == (13, 25)


def test_shutdown_follows_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setitem(sys.modules, "pynvml", binding(nvmlShutdown=lambda: calls.append("shutdown")))
    with pytest.raises(ZeroDivisionError), session(PynvmlLibrary()):
        _ = 1 // 0
    assert calls == ["shutdown"]


def test_the_real_binding_offers_every_function() -> None:
    pynvml = pytest.importorskip("pynvml")
    asked = {query.function for query in QUERIES}
    others = {"nvmlDeviceGetHandleByPciBusId", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetCount"}
    mig = {"nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex"}
    assert [name for name in sorted(asked | others | mig) if not hasattr(pynvml, name)] == []


def test_the_real_binding_here() -> None:
    pytest.importorskip("pynvml")
    answer = nvml.list_devices(PynvmlLibrary())
    assert isinstance(answer, tuple | Unavailable)
    if isinstance(answer, Unavailable):
        assert answer.detail


SETTINGS = "nvmlSystemGetConfComputeSettings"


class Settings(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint), ("multiGpuMode", ctypes.c_uint)]


def fill(code: int) -> Any:
    """A function of the binding that fills its caller's structure and returns NVML's code."""

    def function(pointer: Any) -> int:
        pointer._obj.multiGpuMode = 1
        return code

    return function


def test_a_function_that_fills_a_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    functions: dict[str, Any] = {"c_nvmlSystemConfComputeSettings_v1_t": Settings}
    library = opened(monkeypatch, binding(**functions, **{SETTINGS: fill(0)}))
    assert library.call(SETTINGS).multiGpuMode == 1
    library = opened(monkeypatch, binding(**functions, **{SETTINGS: fill(3)}))
    with pytest.raises(NvmlError) as caught:
        library.call(SETTINGS)
    assert caught.value.code == 3


def test_a_binding_without_that_structure_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    library = opened(monkeypatch, binding(**{SETTINGS: fill(0)}))
    with pytest.raises(NvmlError) as caught:
        library.call(SETTINGS)
    assert caught.value.code == 13
