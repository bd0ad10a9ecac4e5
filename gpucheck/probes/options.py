"""What a person can choose about the experiments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gpucheck.device.protocol import Device
from gpucheck.model.base import NOT_REQUESTED, Collected, Frozen, Unavailable
from gpucheck.model.measured import Telemetry

Section: TypeAlias = Frozen | Unavailable
"""What a probe returns: the section of the evidence that bears its name, or why there is none."""


def _no_telemetry() -> Collected[Telemetry]:
    return NOT_REQUESTED


@dataclass(frozen=True)
class ProbeOptions:
    """``quick`` reads the memory back once, ``deep`` once more than usual and after a pause.

    ``seed`` fixes the walk's pattern; ``lends_memory`` says that the host is one where a full card pages to host
    memory, as Windows and its Linux subsystem are.
    ``progress`` is told a fraction from 0 to 1 and what is going on. ``telemetry`` reads the card's sensors now.
    """

    quick: bool = False
    deep: bool = False
    seed: int | None = None
    lends_memory: bool = False
    progress: Callable[[float, str], None] | None = None
    telemetry: Callable[[], Collected[Telemetry]] = _no_telemetry

    def tell(self, fraction: float, text: str) -> None:
        """Report progress to whoever listens."""
        if self.progress is not None:
            self.progress(min(max(fraction, 0.0), 1.0), text)


Probe: TypeAlias = Callable[[Device, ProbeOptions], Section]
