"""Hardware registers of a card, read through its first memory window. Nothing is ever written there."""

from gpucheck.sources.registers.origin import read, with_temperatures

__all__ = ["read", "with_temperatures"]
