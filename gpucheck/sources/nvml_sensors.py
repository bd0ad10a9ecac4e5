"""How NVML's answers about sensors and programs are read; each decoder gives a value or raises ``NoAnswer``."""

import os
from collections.abc import Callable
from typing import Any

from gpucheck.model.base import Reason
from gpucheck.model.counters import all_ones
from gpucheck.model.measured import DeviceProcess
from gpucheck.sources.nvml_answers import NOT_AVAILABLE, NoAnswer, count, positive
from gpucheck.sources.nvml_library import NOT_SUPPORTED, NvmlError

_MOST_PROCESSES = 256
_MOST_CELSIUS = 200
_THROTTLES = {
    "thermal": 0x20 | 0x40,  # by the driver for heat, by the hardware for heat
    "power": 0x04,  # the driver keeps the power limit
    "hardware": 0x08 | 0x80,  # the board's own slowdown, the power brake
    "user": 0x02 | 0x10 | 0x100,  # application clocks, sync boost, display clocks
    "idle": 0x01,
}
"""Bits of ``nvmlDeviceGetCurrentClocksEventReasons``."""
_WHOLE_NUMBERS = {1: "uiVal", 2: "ulVal", 3: "ullVal"}
"""``nvmlValueType_t`` to the member of the union that holds it."""

LINK_ERRORS = {
    173: "correctable",
    174: "naks_received",
    175: "receiver_error",
    176: "bad_tlp",
    177: "naks_sent",
    178: "bad_dllp",
    179: "non_fatal",
    180: "fatal",
    182: "lcrc_error",
    183: "lane_error",
}
"""Numbers of ``NVML_FI_DEV_PCIE_COUNT_...`` to names; newer cards and drivers count so."""


def _processes(graphics: bool) -> Callable[[Any], tuple[DeviceProcess, ...]]:
    """Programs on the card but for this one. A memory of all ones is one that the driver does not tell."""

    def decode(answer: Any) -> tuple[DeviceProcess, ...]:
        ours = {os.getpid(), os.getppid()}
        return tuple(
            DeviceProcess(pid=pid, memory_bytes=_told(one.usedGpuMemory), graphics=graphics)
            for one in answer[:_MOST_PROCESSES]
            if (pid := count(one.pid)) not in ours
        )

    return decode


def _told(answer: Any) -> int | None:
    return None if answer is None or answer in NOT_AVAILABLE else count(answer)


compute_processes = _processes(graphics=False)
graphics_processes = _processes(graphics=True)


def utilization(answer: Any) -> int:
    """Percent of the last moment in which a kernel ran."""
    value = count(answer.gpu)
    if value > 100:
        raise NoAnswer(Reason.FAILED, f"answered {value} %")
    return value


def celsius(answer: Any) -> float:
    """A temperature that a card can have while it answers; 0 is what boards without the sensor say."""
    value = positive(answer)
    if value > _MOST_CELSIUS:
        raise NoAnswer(Reason.FAILED, f"answered {value} degrees")
    return float(value)


def megahertz(answer: Any) -> float:
    """A clock, which is 0 on a card that sleeps."""
    return float(count(answer))


def throttle_reasons(answer: Any) -> tuple[str, ...]:
    """Names of the bits that hold the clocks down, each once."""
    bits = count(answer)
    return tuple(name for name, mask in _THROTTLES.items() if bits & mask)


def field_value(answer: Any) -> int:
    """The one value of an answer to ``nvmlDeviceGetFieldValues``, an unsigned whole number."""
    value = answer[0]
    if value.nvmlReturn:
        raise NvmlError(value.nvmlReturn)
    if value.valueType not in _WHOLE_NUMBERS:
        raise NoAnswer(Reason.FAILED, f"answered with a value of type {value.valueType}")
    return count(getattr(value.value, _WHOLE_NUMBERS[value.valueType]))


def field_celsius(answer: Any) -> float:
    """The same as a temperature."""
    return celsius(field_value(answer))


def link_errors(answer: Any) -> dict[str, int]:
    """Counts by kind of the link's errors, as far as the card keeps them. Raises ``NvmlError`` where it keeps none."""
    found = {}
    for (number, name), one in zip(LINK_ERRORS.items(), answer, strict=True):
        if one.nvmlReturn == 0 and one.fieldId == number:
            errors = field_value([one])
            if not all_ones(errors):
                found[name] = errors
    if not found:
        raise NvmlError(next((one.nvmlReturn for one in answer if one.nvmlReturn), NOT_SUPPORTED))
    return found
