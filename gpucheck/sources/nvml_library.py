"""The one door to NVML: calls by name, so that a fake can stand in, and the binding behind them.

Only this module imports ``pynvml`` (from the package ``nvidia-ml-py``), and only when it is opened.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Protocol

from gpucheck.model.base import GpucheckError, Reason
from gpucheck.model.text import sanitise

NO_PERMISSION = 4
NOT_SUPPORTED = 3
INVALID_ARGUMENT = 2
NOT_FOUND = 6
INSUFFICIENT_POWER = 8
DRIVER_NOT_LOADED = 9
TIMEOUT = 10
IRQ_ISSUE = 11
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
CORRUPTED_INFOROM = 14
GPU_IS_LOST = 15
RESET_REQUIRED = 16
LIB_RM_VERSION_MISMATCH = 18
VGPU_ECC_NOT_SUPPORTED = 22
ARGUMENT_VERSION_MISMATCH = 25
DEPRECATED = 26
GPU_NOT_FOUND = 28
UNKNOWN = 999


class NvmlError(Exception):
    """NVML refused a call: its return code, and its words for it."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text or f"NVML error {code}")
        self.code = code


class NvmlUnavailableError(GpucheckError):
    """NVML cannot be used at all; ``reason`` says why, ``hint`` what to do next."""

    def __init__(self, reason: Reason, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class NvmlLibrary(Protocol):
    """NVML's functions by their C names."""

    def open(self) -> None:
        """Load and initialise. Raises ``NvmlUnavailableError`` or ``NvmlError``."""

    def close(self) -> None:
        """Shut down. Only after ``open``."""

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function and return what it answered. Text comes as bytes or str, structures as objects.

        Raises ``NvmlError``, with the code ``FUNCTION_NOT_FOUND`` where library or binding lack the function.
        """


@contextmanager
def session(library: NvmlLibrary) -> Iterator[NvmlLibrary]:
    """Keep a library open for the block and always shut it down. Raises ``NvmlUnavailableError``."""
    try:
        library.open()
    except NvmlError as error:
        raise refused(error) from error
    try:
        yield library
    finally:
        with suppress(NvmlError):
            library.close()


class PynvmlLibrary:
    """NVML through ``nvidia-ml-py``."""

    def __init__(self) -> None:
        self._binding: ModuleType | None = None

    def open(self) -> None:
        """Import the binding and initialise the library."""
        self._binding = _import_binding()
        self.call("nvmlInit")

    def close(self) -> None:
        """Shut the library down."""
        self.call("nvmlShutdown")

    def call(self, function: str, *arguments: Any) -> Any:
        """Call past the binding's decoding decorator, which fails on text that is no UTF-8."""
        wrapper = getattr(self._binding, function, None)
        if wrapper is None:
            raise NvmlError(FUNCTION_NOT_FOUND, "the installed nvidia-ml-py has no such function")
        plain = getattr(wrapper, "__wrapped__", wrapper)
        encoded = [value.encode() if isinstance(value, str) else value for value in arguments]
        try:
            if function in _FILLED:
                return self._filled(plain, _FILLED[function])
            return plain(*encoded)
        except NvmlError:
            raise
        except TypeError as error:
            raise NvmlError(ARGUMENT_VERSION_MISMATCH, "the installed nvidia-ml-py is too old for this call") from error
        except AttributeError as error:  # a library that was never loaded, or symbols that the binding expects
            raise NvmlError(FUNCTION_NOT_FOUND, sanitise(str(error), 120)) from error
        except Exception as error:
            raise _translated(error) from error

    def _filled(self, function: Any, structure: str) -> Any:
        """Call a function that fills its caller's structure and leaves its return code to the caller."""
        answer = getattr(self._binding, structure)()
        code = function(ctypes.byref(answer))
        if code:
            raise NvmlError(int(code))
        return answer


_FILLED = {"nvmlSystemGetConfComputeSettings": "c_nvmlSystemConfComputeSettings_v1_t"}
"""Functions of the binding that want a structure of its own, by name."""


def _translated(error: Exception) -> NvmlError:
    code = getattr(error, "value", None)
    text = sanitise(str(error) if isinstance(code, int) else f"{type(error).__name__}: {error}", 120)
    return NvmlError(code if isinstance(code, int) else UNKNOWN, text)


def _import_binding() -> ModuleType:
    try:
        import pynvml
    except ImportError as error:
        raise NvmlUnavailableError(
            Reason.NOT_INSTALLED, "the Python package nvidia-ml-py is not installed", "pip install nvidia-ml-py"
        ) from error
    except Exception as error:
        raise _wrong_binding() from error
    if not all(hasattr(pynvml, name) for name in ("nvmlInit", "nvmlShutdown", "NVMLError", "nvmlDeviceGetUUID")):
        raise _wrong_binding()
    module: ModuleType = pynvml
    return module


def _wrong_binding() -> NvmlUnavailableError:
    return NvmlUnavailableError(
        Reason.NOT_INSTALLED,
        "another package answers to the name pynvml, not NVIDIA's nvidia-ml-py",
        "pip uninstall pynvml; pip install --force-reinstall nvidia-ml-py",
    )


_REFUSALS: dict[int, tuple[Reason, str, str]] = {
    LIBRARY_NOT_FOUND: (
        Reason.NOT_INSTALLED,
        "NVIDIA's driver is not installed: there is no NVML library (libnvidia-ml.so.1, nvml.dll)",
        "install NVIDIA's driver; in a container, start it with the NVIDIA runtime (--gpus all)",
    ),
    DRIVER_NOT_LOADED: (
        Reason.NOT_INSTALLED,
        "NVIDIA's kernel driver is not loaded",
        "load it with `modprobe nvidia`, or reboot; a Secure Boot machine needs the module signed",
    ),
    LIB_RM_VERSION_MISMATCH: (
        Reason.FAILED,
        "NVML library and loaded kernel driver are of different versions",
        "reboot, so that the updated driver is loaded",
    ),
    NO_PERMISSION: (
        Reason.NO_PERMISSION,
        "this user may not talk to NVIDIA's driver",
        "check the access rights of /dev/nvidiactl and /dev/nvidia*",
    ),
    FUNCTION_NOT_FOUND: (
        Reason.NOT_SUPPORTED,
        "the NVML library is too old to be initialised by this program",
        "update NVIDIA's driver",
    ),
    TIMEOUT: (
        Reason.TIMED_OUT,
        "NVML gave up waiting for the driver",
        "reboot, and look for Xid lines in the kernel log",
    ),
}


def refused(error: NvmlError) -> NvmlUnavailableError:
    """What it means that the library cannot be opened, and what to do next."""
    if error.code in _REFUSALS:
        return NvmlUnavailableError(*_REFUSALS[error.code])
    text = f"NVML cannot be initialised: {sanitise(str(error), 120)} (error {error.code})"
    return NvmlUnavailableError(Reason.FAILED, text, "look for lines of NVRM in the kernel log; a reboot may help")
