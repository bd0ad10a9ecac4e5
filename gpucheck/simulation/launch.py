"""A launch as the simulated kernels see it, and what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpucheck.device.protocol import U32, U64, Argument, Buffer, DeviceError
from gpucheck.simulation.blocks import Blocks
from gpucheck.simulation.soldered import Soldered

_WIDEST = 3.0


def bounded(deviates: float) -> float:
    """Return a standard deviate no further from 0 than three. In plain arithmetic: NumPy takes ten times as long."""
    return min(_WIDEST, max(-_WIDEST, deviates))


@dataclass(frozen=True)
class Cost:
    """What a launch took: bytes at full rate and the share of that rate reached, or a time of its own."""

    traffic: float = 0.0
    efficiency: float = 1.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Launch:
    """A launch as a kernel sees it."""

    blocks_of_memory: Blocks
    silicon: Soldered
    blocks: int
    threads: int
    shared_bytes: int
    arguments: Sequence[Argument]
    random: np.random.Generator
    """The scenario's noise."""

    def buffer(self, index: int) -> Buffer:
        """Return a buffer argument."""
        argument = self.arguments[index]
        if not isinstance(argument, Buffer):
            raise DeviceError(f"kernel argument {index} must be a buffer")
        return argument

    def number(self, index: int) -> int:
        """Return a scalar argument."""
        argument = self.arguments[index]
        if not isinstance(argument, U32 | U64):
            raise DeviceError(f"kernel argument {index} must be a number")
        return argument.value
