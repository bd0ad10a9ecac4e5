"""Sensors and counters of one card, as NVML tells them now. Declared, like all that NVML says.

Meant to be asked many times while a kernel runs: the library stays open between readings, and no reading raises. What
cannot be read is ``None`` with its reason. Facts of the interface: ``nvml.h`` and ``nvidia-ml-py`` 13.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.measured import Telemetry
from gpucheck.sources.nvml_answers import NoAnswer, counter, milliwatts, positive
from gpucheck.sources.nvml_library import NvmlError, NvmlLibrary, NvmlUnavailableError, refused
from gpucheck.sources.nvml_queries import Query
from gpucheck.sources.nvml_reasons import reason_of, unavailable
from gpucheck.sources.nvml_sensors import (
    celsius,
    compute_processes,
    field_celsius,
    graphics_processes,
    megahertz,
    throttle_reasons,
)

_CORE = 0
_SLOWDOWN, _MEMORY_MOST, _CORE_MOST = 1, 2, 3
_MEMORY_TEMPERATURE = 82
"""``NVML_FI_DEV_MEMORY_TEMP``."""
_SM_CLOCK, _MEMORY_CLOCK = 1, 2
_CORRECTED, _UNCORRECTED, _VOLATILE = 0, 1, 0


def _one(function: str, field: str, decode: Callable[[Any], Any], *arguments: Any) -> Query:
    return Query(function, (field,), decode, arguments)


SENSORS: tuple[Query, ...] = (
    _one("nvmlDeviceGetCurrentClocksEventReasons", "throttle_reasons", throttle_reasons),
    _one("nvmlDeviceGetCurrentClocksThrottleReasons", "throttle_reasons", throttle_reasons),
    _one("nvmlDeviceGetCurrPcieLinkGeneration", "pcie_generation", positive),
    _one("nvmlDeviceGetCurrPcieLinkWidth", "pcie_lanes", positive),
    _one("nvmlDeviceGetClockInfo", "sm_clock_mhz", megahertz, _SM_CLOCK),
    _one("nvmlDeviceGetClockInfo", "memory_clock_mhz", megahertz, _MEMORY_CLOCK),
    _one("nvmlDeviceGetTemperature", "temperature_celsius", celsius, _CORE),
    _one("nvmlDeviceGetTemperatureV", "temperature_celsius", celsius, _CORE),
    _one("nvmlDeviceGetFieldValues", "memory_temperature_celsius", field_celsius, [_MEMORY_TEMPERATURE]),
    _one("nvmlDeviceGetPowerUsage", "power_watts", milliwatts),
    _one("nvmlDeviceGetPcieReplayCounter", "pcie_replays", counter),
    _one("nvmlDeviceGetTotalEccErrors", "ecc_corrected", counter, _CORRECTED, _VOLATILE),
    _one("nvmlDeviceGetTotalEccErrors", "ecc_uncorrected", counter, _UNCORRECTED, _VOLATILE),
    _one("nvmlDeviceGetTemperatureThreshold", "slowdown_celsius", celsius, _SLOWDOWN),
    _one("nvmlDeviceGetTemperatureThreshold", "slowdown_celsius", celsius, _CORE_MOST),
    _one("nvmlDeviceGetTemperatureThreshold", "memory_limit_celsius", celsius, _MEMORY_MOST),
    Query("nvmlDeviceGetComputeRunningProcesses", ("processes",), compute_processes, joins=True),
    Query("nvmlDeviceGetGraphicsRunningProcesses", ("processes",), graphics_processes, joins=True),
)
"""What changes fastest comes first. A field that two questions fill keeps the first answer, or both where they join."""


class Reader:
    """Reads one library over and over; it is opened at the first reading and again after it failed."""

    def __init__(self, library: NvmlLibrary) -> None:
        self._library = library
        self._open = False

    def read(self, bdf: str) -> Collected[Telemetry]:
        """Read the card at a PCI address. Never raises."""
        try:
            handle = self._attached(bdf)
        except NvmlUnavailableError as error:
            return unavailable(error)
        except NvmlError as error:
            self.close()
            return reason_of(error)
        return _read(self._library, handle)

    def attend(self, bdf: str) -> None:
        """Open the card and keep it open, where that can be done. Never raises.

        Without persistence mode a driver shuts a card down that nobody holds, and each question starts it anew, which
        takes a second or more.
        """
        try:
            self._attached(bdf)
        except NvmlUnavailableError:
            return
        except NvmlError:
            self.close()

    def _attached(self, bdf: str) -> Any:
        self._ensure_open()
        return self._library.call("nvmlDeviceGetHandleByPciBusId", bdf)

    def _ensure_open(self) -> None:
        if not self._open:
            try:
                self._library.open()
            except NvmlError as error:
                raise refused(error) from error
            self._open = True

    def close(self) -> None:
        """Shut the library down; the next reading opens it anew."""
        if self._open:
            self._open = False
            with suppress(NvmlError):
                self._library.close()


def read(library: NvmlLibrary, bdf: str) -> Collected[Telemetry]:
    """Read once and shut the library down again."""
    reader = Reader(library)
    try:
        return reader.read(bdf)
    finally:
        reader.close()


def _read(library: NvmlLibrary, handle: Any) -> Telemetry:
    values: dict[str, Any] = {}
    missing: dict[str, Unavailable] = {}
    for query in SENSORS:
        (field,) = query.fields
        if field in values and not query.joins:
            continue
        answer = _ask(library, handle, query)
        if not isinstance(answer, Unavailable):
            values[field] = (*values.get(field, ()), *answer) if query.joins else answer
        else:
            missing[field] = answer
    return Telemetry.model_validate(
        {**values, "missing": {field: why for field, why in missing.items() if field not in values}}
    )


def _ask(library: NvmlLibrary, handle: Any, query: Query) -> Any:
    """Return a field's value, or why there is none."""
    try:
        return query.decode(library.call(query.function, handle, *query.arguments))
    except NvmlError as error:
        return reason_of(error)
    except NoAnswer as error:
        return error.unavailable
    except Exception as error:  # noqa: BLE001 - a sensor's nonsense must not cost the reading
        return Unavailable(unavailable=Reason.FAILED, detail=f"the answer cannot be read ({type(error).__name__})")
