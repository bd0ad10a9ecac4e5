"""What NVML says of one card. All of it is declared; every gap keeps its own reason.

A call that fails never takes another with it, and before each one the caller is told what is known so far: on a broken
card a call may never return. Absence alone means nothing: consumer boards answer half of these calls with "not
supported".
"""

import time
from dataclasses import dataclass
from typing import Any

from gpucheck.model.base import Collected, Keep, Reason, SoFar, Unavailable, forget
from gpucheck.model.evidence import (
    BUSY_PERCENT,
    CORRUPTED_INFOROM,
    LOST,
    NEEDS_RESET,
    NO_INTERRUPTS,
    NO_POWER,
    NOT_LISTED,
    NvmlFacts,
)
from gpucheck.sources import nvml_library as codes
from gpucheck.sources.nvml_answers import NoAnswer, bdf_of, identity_text, plain_text, raw_text
from gpucheck.sources.nvml_library import NvmlError, NvmlLibrary, NvmlUnavailableError, session
from gpucheck.sources.nvml_queries import QUERIES, UTILIZATION, VBIOS_VERSION, Query
from gpucheck.sources.nvml_reasons import NOT_SUPPORTED, TOO_OLD, error_text, reason_of, unavailable

_NOT_THERE = {codes.NOT_FOUND, codes.INVALID_ARGUMENT, codes.GPU_NOT_FOUND}
_FAULTS = {
    codes.GPU_IS_LOST: LOST,
    codes.RESET_REQUIRED: NEEDS_RESET,
    codes.CORRUPTED_INFOROM: CORRUPTED_INFOROM,
    codes.IRQ_ISSUE: NO_INTERRUPTS,
    codes.INSUFFICIENT_POWER: NO_POWER,
}
_MIG_LIMIT = 16
_SAMPLE_SECONDS = 1.1
"""NVML averages the use over a sixth of a second to a second."""


@dataclass(frozen=True)
class ListedDevice:
    """A card in NVML's list. A lost card may have neither address nor UUID."""

    index: int
    bdf: str | None
    uuid: str | None


def list_devices(library: NvmlLibrary) -> Collected[tuple[ListedDevice, ...]]:
    """Return NVML's list of cards, or why there is none."""
    try:
        with session(library):
            total = library.call("nvmlDeviceGetCount")
            return tuple(_listed(library, index) for index in range(int(total)))
    except NvmlUnavailableError as error:
        return unavailable(error)
    except NvmlError as error:
        return reason_of(error)


def read(library: NvmlLibrary, bdf: str, keep: Keep = forget) -> Collected[NvmlFacts]:
    """Read the card at a PCI address. ``keep`` is told before each question what is known by then."""
    try:
        with session(library):
            return _Reading(library, keep).facts(bdf)
    except NvmlUnavailableError as error:
        return unavailable(error)


def read_vbios_version(library: NvmlLibrary, bdf: str) -> str | None:
    """Ask for this alone; None where the card does not tell."""
    reading = _Reading(library, forget)
    try:
        with session(library):
            reading.ask(VBIOS_VERSION, (library.call("nvmlDeviceGetHandleByPciBusId", bdf),))
    except (NvmlUnavailableError, NvmlError):
        return None
    version: str | None = reading.values.get("vbios_version")
    return version


class _Reading:
    """One card being read: values, reasons and raw answers as they come."""

    def __init__(self, library: NvmlLibrary, keep: Keep) -> None:
        self.library, self.keep = library, keep
        self.values: dict[str, Any] = {}
        self.missing: dict[str, Unavailable] = {}
        self.raw: dict[str, str] = {}
        self.fault: str | None = None

    def facts(self, bdf: str) -> Collected[NvmlFacts]:
        """Ask everything; a card that is lost still gives the driver's facts and its fault."""
        try:
            handle = self.library.call("nvmlDeviceGetHandleByPciBusId", bdf)
        except NvmlError as error:
            if error.code not in _FAULTS:
                return _no_handle(error)
            self._ask_driver_only(error, bdf)
        else:
            self._ask_all(handle)
        return self._known()

    def _known(self) -> NvmlFacts:
        return NvmlFacts.model_validate(
            {"route": "nvml", "fault": self.fault, "missing": self.missing, "raw": self.raw, **self.values}
        )

    def _ask_all(self, handle: Any) -> None:
        for number, query in enumerate(QUERIES):
            left = [field for each in QUERIES[number:] for field in each.fields if field not in self.values]
            self.keep("nvml", SoFar(self._known(), query.function, ("fault", *left)))
            self.ask(query, () if query.system else (handle,))
        self._ask_again_if_busy(handle)
        if self.values.get("mig_enabled"):
            self.values["mig_instances"] = self._mig_instances(handle)

    def _ask_again_if_busy(self, handle: Any) -> None:
        """Give a card that was just started the time of a sample: scrubbing its memory counts as use (``nvml.h``)."""
        if (self.values.get("utilization_percent") or 0) < BUSY_PERCENT:
            return
        time.sleep(_SAMPLE_SECONDS)
        del self.values["utilization_percent"]
        self.ask(UTILIZATION, (handle,))

    def _ask_driver_only(self, error: NvmlError, bdf: str) -> None:
        self.values["bdf"] = bdf
        self.fault = _FAULTS[error.code]
        self.raw["nvmlDeviceGetHandleByPciBusId"] = error_text(error)
        for query in QUERIES:
            if query.system:
                self.ask(query, ())
            else:
                self.missing |= {field: reason_of(error) for field in query.fields if field != "bdf"}

    def ask(self, query: Query, handle: tuple[Any, ...]) -> None:
        """Ask one question and file its answer or its reason."""
        try:
            answer = self._call(query, handle)
            self.raw[query.key] = raw_text(answer)
            self._file(query, query.values(answer))
        except NvmlError as error:
            self.raw[query.key] = error_text(error)
            self.fault = self.fault or _FAULTS.get(error.code)
            self._lack(query, reason_of(error))
        except NoAnswer as error:
            self._lack(query, error.unavailable)
        except (UnicodeDecodeError, TypeError, ValueError, AttributeError, LookupError) as error:
            detail = f"the answer cannot be read ({type(error).__name__})"
            self._lack(query, Unavailable(unavailable=Reason.FAILED, detail=detail))

    def _call(self, query: Query, handle: tuple[Any, ...]) -> Any:
        try:
            return self.library.call(query.function, *handle, *query.arguments)
        except NvmlError as error:
            if query.instead is None or error.code not in TOO_OLD | NOT_SUPPORTED | {codes.INVALID_ARGUMENT}:
                raise
        return self.library.call(query.function, *handle, *query.instead)

    def _file(self, query: Query, values: Any) -> None:
        for field in query.fields:
            value = values.get(field)
            if isinstance(value, Unavailable):
                self.missing[field] = value
                continue
            if query.joins:
                self.missing.pop(field, None)
                value = (*(self.values.get(field) or ()), *value)
            self.values[field] = value
            if value is None:
                self.missing[field] = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="not in the driver's answer")

    def _lack(self, query: Query, reason: Unavailable) -> None:
        self.missing |= {field: reason for field in query.fields if not (query.joins and field in self.values)}

    def _mig_instances(self, handle: Any) -> tuple[str, ...]:
        names = []
        try:
            most = int(self.library.call("nvmlDeviceGetMaxMigDeviceCount", handle))
        except NvmlError:
            return ()
        for index in range(min(most, _MIG_LIMIT)):
            try:
                instance = self.library.call("nvmlDeviceGetMigDeviceHandleByIndex", handle, index)
                names.append(plain_text(self.library.call("nvmlDeviceGetName", instance)))
            except NvmlError:
                continue
        return tuple(names)


def _listed(library: NvmlLibrary, index: int) -> ListedDevice:
    try:
        handle = library.call("nvmlDeviceGetHandleByIndex", index)
        bdf = bdf_of(library.call("nvmlDeviceGetPciInfo", handle))
    except NvmlError:
        return ListedDevice(index, None, None)
    try:
        uuid: str | None = identity_text(library.call("nvmlDeviceGetUUID", handle))
    except (NvmlError, NoAnswer):
        uuid = None
    return ListedDevice(index, bdf, uuid)


def _no_handle(error: NvmlError) -> Unavailable:
    if error.code in _NOT_THERE:
        return Unavailable(unavailable=Reason.FAILED, detail=NOT_LISTED)
    return reason_of(error)
