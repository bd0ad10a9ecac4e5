"""Why NVML gave no answer, in the words of the evidence."""

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.text import sanitise
from gpucheck.sources import nvml_library as codes
from gpucheck.sources.nvml_library import NvmlError, NvmlUnavailableError

NOT_SUPPORTED = {codes.NOT_SUPPORTED, codes.VGPU_ECC_NOT_SUPPORTED, codes.DEPRECATED}
TOO_OLD = {codes.FUNCTION_NOT_FOUND, codes.ARGUMENT_VERSION_MISMATCH}


def reason_of(error: NvmlError) -> Unavailable:
    """What a refused call means for the fields that it would have filled."""
    text = error_text(error)
    if error.code in NOT_SUPPORTED:
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=text)
    if error.code in TOO_OLD:
        detail = f"the driver or nvidia-ml-py is too old for this question ({text})"
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=detail)
    if error.code == codes.NO_PERMISSION:
        return Unavailable(unavailable=Reason.NO_PERMISSION, detail=text)
    if error.code == codes.TIMEOUT:
        return Unavailable(unavailable=Reason.TIMED_OUT, detail=text)
    return Unavailable(unavailable=Reason.FAILED, detail=text)


def error_text(error: NvmlError) -> str:
    """The code and NVML's words, on one safe line."""
    return f"error {error.code}: {sanitise(str(error), 120)}"


def unavailable(error: NvmlUnavailableError) -> Unavailable:
    """What it means that NVML cannot be used at all."""
    detail = f"{error.message}; {error.hint}" if error.hint else error.message
    return Unavailable(unavailable=error.reason, detail=detail)
