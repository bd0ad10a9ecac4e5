"""Who holds the memory that the walk could not have."""

import os

from gpucheck.model.base import Unavailable
from gpucheck.model.measured import DeviceProcess
from gpucheck.model.units import MIB, gib, mib
from gpucheck.probes.options import ProbeOptions

_MOST_NAMED = 4


def others(options: ProbeOptions) -> tuple[DeviceProcess, ...] | None:
    """Other processes on the card as the driver tells them, the largest first; None where it does not tell.

    To be asked before the walk takes its memory: in a container the driver may know this process by another number.
    """
    telemetry = options.telemetry()
    if isinstance(telemetry, Unavailable) or telemetry.processes is None:
        return None
    found = [process for process in telemetry.processes if process.pid != os.getpid()]
    return tuple(sorted(found, key=lambda process: -(process.memory_bytes or 0)))


def describe(untested_bytes: int, spared_bytes: int, processes: tuple[DeviceProcess, ...] | None) -> str:
    """Say who holds so many bytes; ``spared_bytes`` are those that the walk leaves free on purpose."""
    amount = gib(untested_bytes) if untested_bytes >= MIB else f"{untested_bytes} bytes"
    own = f"among them {mib(spared_bytes)} that the walk leaves free and its own log"
    if processes is None:
        return f"{amount} are held by the driver, the CUDA context, a display and other processes, {own}"
    if not processes:
        return (
            f"{amount} are held by the driver, the CUDA context and a display, {own}; no other process is on the card"
        )
    named = ", ".join(_name(process) for process in processes[:_MOST_NAMED])
    more = f" and {len(processes) - _MOST_NAMED} more" if len(processes) > _MOST_NAMED else ""
    return f"{amount} are held by {named}{more}, and by the driver, the CUDA context and a display, {own}"


def _name(process: DeviceProcess) -> str:
    size = "an amount that the driver does not tell" if process.memory_bytes is None else gib(process.memory_bytes)
    return f"process {process.pid} ({size})"
