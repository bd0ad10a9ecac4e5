"""Whether a card's registers may be read on this machine, and reading them.

A card that is asleep is left asleep: its registers read as all ones, and reading them may keep it from sleeping. Inside
a virtual machine nothing is read: what answers there may be the host.
"""

import platform
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.measured import Telemetry
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.text import sanitise
from gpucheck.sources.files import read_bytes, text_or
from gpucheck.sources.host import read_host
from gpucheck.sources.registers.facts import Load, collect
from gpucheck.sources.registers.temperatures import temperatures
from gpucheck.sources.registers.window import RefusedError, Window

_ASLEEP = {"suspended", "suspending", "resuming"}
_COMMAND_BYTES = 6
_MEMORY_ON = 0x02
_ANSWERS_EVERY_READ = ("x86_64", "AMD64")
"""There a read that no card answers gives all ones. Elsewhere it may end the process, and a measurement with it."""
_FIELDS = ("hotspot_celsius", "memory_chips_celsius")

_RISKY = Unavailable(
    unavailable=Reason.NOT_SUPPORTED, detail="registers are not read in the middle of a measurement on this processor"
)

T = TypeVar("T")


def read(root: Path | str, bdf: str, proc_root: Path | str = "/proc") -> Collected[RegisterFacts]:
    """Read the registers of one card. It needs root; every refusal is a reason."""
    return _look(root, bdf, proc_root, lambda load, size: collect(load, size, "sysfs"))


def with_temperatures(telemetry: Telemetry, root: Path | str, bdf: str, proc_root: Path | str = "/proc") -> Telemetry:
    """Add what the registers tell of temperatures, or why they do not."""
    found: Any = _RISKY
    if platform.machine() in _ANSWERS_EVERY_READ:
        found = _look(root, bdf, proc_root, temperatures)
    if isinstance(found, Unavailable):
        found = {"missing": dict.fromkeys(_FIELDS, found)}
    return telemetry.model_copy(update={**found, "missing": {**telemetry.missing, **found["missing"]}})


def _look(
    root: Path | str, bdf: str, proc_root: Path | str, use: Callable[[Load, int], T | Unavailable]
) -> T | Unavailable:
    if (why := _hindrance(Path(root) / "bus" / "pci" / "devices" / bdf, str(root), str(proc_root))) is not None:
        return why
    try:
        with Window(Path(root) / "bus" / "pci" / "devices" / bdf / "resource0") as window:
            return use(window.load, window.size_bytes)
    except RefusedError as error:
        return error.reason


def _hindrance(folder: Path, root: str, proc_root: str) -> Unavailable | None:
    """Why the window is not even opened. What touches the card comes last, and only where it is awake."""
    if not sys.platform.startswith("linux"):
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="registers are read through Linux' sysfs alone")
    if guest := _hypervisor(root, proc_root):
        told = f"inside a virtual machine ({sanitise(guest, 60)}) the host may answer in the card's place"
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=told)
    if not folder.is_dir():
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=f"this system shows no PCI device {folder.name}")
    return _asleep(folder) or _switched_off(folder)


@cache
def _hypervisor(root: str, proc_root: str) -> str | None:
    """Asked once: sensors are read many times a scan."""
    return read_host(root, proc_root).hypervisor


def _asleep(folder: Path) -> Unavailable | None:
    status, state = text_or(folder / "power" / "runtime_status"), text_or(folder / "power_state")
    if status in _ASLEEP or (state and state != "D0"):
        told = sanitise(state if state != "D0" and state else status, 20)
        return Unavailable(unavailable=Reason.FAILED, detail=f"the card is asleep ({told}) and was left so")
    return None


def _switched_off(folder: Path) -> Unavailable | None:
    """Whether the card is lost, or does not answer reads of its memory windows at all."""
    head: Any = read_bytes(folder / "config", _COMMAND_BYTES)
    if isinstance(head, Unavailable) or len(head) < _COMMAND_BYTES:
        return None
    if head == b"\xff" * _COMMAND_BYTES:
        return Unavailable(unavailable=Reason.FAILED, detail="the card does not answer on the bus")
    if not head[4] & _MEMORY_ON:
        told = "the card's memory windows are switched off, as where no driver is bound to it"
        return Unavailable(unavailable=Reason.FAILED, detail=told)
    return None
