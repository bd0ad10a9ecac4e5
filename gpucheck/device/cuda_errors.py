"""What CUDA's error numbers mean to a person. Knows errors by their number and class name, so it needs no CuPy."""

from collections.abc import Iterator
from contextlib import contextmanager

from gpucheck.device.protocol import DeviceError, DeviceLost, DeviceUnavailable, OutOfDeviceMemory
from gpucheck.model.base import GpucheckError, Reason

INSTALL_HINT = (
    "In gpucheck's own environment: pip install cupy-cuda12x nvidia-cuda-nvrtc-cu12 (with a driver of CUDA 13 and a "
    "card since Turing: cupy-cuda13x nvidia-cuda-nvrtc)."
)
_DRIVER_HINT = (
    "Install or update the NVIDIA driver; or with a driver of CUDA 12, in gpucheck's own environment: pip install "
    "cupy-cuda12x nvidia-cuda-nvrtc-cu12, in place of cupy-cuda13x."
)

OUT_OF_MEMORY = 2
_FIRST_OF_NVRTC_13, _FIRST_OF_BLACKWELL = 75, 100
_NO_DRIVER = {
    35: (Reason.NOT_INSTALLED, "there is no NVIDIA driver, or it is older than this CUDA", _DRIVER_HINT),
    803: (Reason.FAILED, "the NVIDIA driver's kernel and user parts do not match", "Restart the machine."),
    804: (Reason.NOT_SUPPORTED, "the driver is too old for this CUDA on this card", _DRIVER_HINT),
}
_NO_DEVICE = {
    100: (
        Reason.NOT_SUPPORTED,
        "the driver sees no CUDA device",
        "Check the slot, power and that the driver is bound; or CUDA_VISIBLE_DEVICES hides it, or MIG has no instance.",
    ),
    101: (Reason.NOT_SUPPORTED, "CUDA knows no device of that address", "It may be hidden by CUDA_VISIBLE_DEVICES."),
    46: (Reason.FAILED, "the device is in use exclusively by somebody else", "Stop the other program and scan again."),
    3: (Reason.FAILED, "the CUDA driver could not be initialised", "Look into the system log for Xid or NVRM lines."),
    802: (Reason.FAILED, "the system is not ready for CUDA", "Start the NVSwitch fabric manager and scan again."),
}
_LOST = {
    214: "an uncorrectable ECC error stopped it",
    220: "an uncorrectable NVLink error stopped it",
    226: "a fault of the hardware stopped it, contained to this program",
    700: "a kernel met an illegal address",
    702: "a kernel ran into the driver's time limit",
    710: "a kernel met an assertion",
    714: "its stack failed",
    715: "it met an illegal instruction",
    716: "it met a misaligned address",
    717: "it met an address of the wrong kind of memory",
    718: "its program counter went astray",
    719: "a kernel failed without a reason given",
    721: "a kernel left tensor memory behind",
    810: "the server that shares the card (MPS) ended this program's part",
    999: "the driver lost it (unknown error)",
}
"""After these every further call fails alike, until a new process asks: ``cudaError`` in ``driver_types.h``."""
_NO_SUCH_CODE = {200, 209, 218, 222, 500}


def _status(error: BaseException) -> int | None:
    """The CUDA number of an error that CuPy raised, None for any other."""
    status = getattr(error, "status", None)
    known = type(error).__name__ in {"CUDARuntimeError", "CUDADriverError"}
    return status if known and isinstance(status, int) else None


def meaning(error: BaseException, doing: str) -> GpucheckError | None:
    """Return our error for one of CUDA's, None for anything that CUDA did not raise."""
    status = _status(error)
    if status is None:
        return None
    if status == OUT_OF_MEMORY:
        return OutOfDeviceMemory(f"out of device memory while {doing}", "Close other programs that use the card.")
    if status in _NO_DRIVER or status in _NO_DEVICE:
        return DeviceUnavailable(*(_NO_DRIVER | _NO_DEVICE)[status])
    if status in _LOST:
        return DeviceLost(
            f"the device was lost while {doing}: {_LOST[status]}", "Restart the machine, then scan again."
        )
    if status in _NO_SUCH_CODE:
        return DeviceError(f"the device refused the machine code while {doing}: {error}")
    return DeviceError(f"{doing} failed: {error}")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn CUDA's errors into ours; everything else passes."""
    try:
        yield
    except RuntimeError as error:
        ours = meaning(error, doing)
        if ours is None:
            raise
        raise ours from error


@contextmanager
def opening() -> Iterator[None]:
    """While a device is being opened every failure means that there is none to use."""
    try:
        with translated("opening the device"):
            yield
    except DeviceUnavailable:
        raise
    except DeviceError as error:
        raise DeviceUnavailable(Reason.FAILED, error.message, error.hint) from error
    except (OSError, RuntimeError) as error:
        raise DeviceUnavailable(Reason.FAILED, f"the CUDA libraries do not load: {error}", INSTALL_HINT) from error


@contextmanager
def compiling(family: str, architecture: str) -> Iterator[None]:
    """Turn NVRTC's errors, and those of loading it, into ``DeviceError``."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        hint = _other_compiler(architecture) if type(error).__name__ == "NVRTCError" else INSTALL_HINT
        raise DeviceError(f"{family} cannot be built for {architecture}: {error}", hint) from error


def _other_compiler(architecture: str) -> str:
    """Which NVRTC knows it, by the release notes of CUDA 12.8, 12.9 and 13.0; empty where each does."""
    number = int(architecture.removeprefix("sm_"))
    if number < _FIRST_OF_NVRTC_13:
        return "NVRTC 13 knows no Pascal or Volta; for those install cupy-cuda12x and nvidia-cuda-nvrtc-cu12."
    if number < _FIRST_OF_BLACKWELL:
        return ""
    return (
        "Blackwell needs an NVRTC of CUDA 12.8 (compute capability 10.3 and 12.1: 12.9) or newer: pip install "
        "--upgrade nvidia-cuda-nvrtc-cu12 (beside cupy-cuda13x: nvidia-cuda-nvrtc)."
    )
