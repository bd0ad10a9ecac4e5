"""What all silicon of one compute capability can do, whichever SKU it is cut to (``profiles/capabilities.toml``)."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from gpucheck.model.base import ComputeCapability, Frozen
from gpucheck.model.measured import Operation


class Capability(Frozen):
    """Facts of one compute capability. A field that is ``None`` is not known; unknown is never a contradiction."""

    compute_capability: ComputeCapability
    architecture: str
    resident_warps_per_sm: PositiveInt | None = None
    shared_memory_block_bytes: PositiveInt | None = None
    """Largest shared memory of one block, opted in to."""
    sm_clock_mhz: PositiveInt | None = None
    """Typical of cards under load; for simulation, never for a check."""
    operations_per_clock_per_sm: dict[Operation, PositiveFloat] = {}
    """Peak of silicon with nothing fused off; a fused multiply-add counts as two. What a SKU's tier takes away
    (FP64, tensor sums in FP32) is the SKU's own fact."""
    latency_cycles: dict[Literal["l1", "l2", "l2_far"], PositiveFloat] = {}
    latency_dram_nanoseconds: PositiveFloat | None = None
    """Both typical; for simulation."""
    fingerprint: dict[str, str] = {}
    """Experiment of the numeric fingerprint to the bits of its result, where somebody measured or published them."""
    fraction_bits: PositiveInt | None = None
    terms_at_once: PositiveInt | None = None
    rounding: Literal["toward_zero", "to_nearest", "other"] | None = None
    sources: dict[str, str] = {}


class CapabilityFile(Frozen):
    """The shape of ``profiles/capabilities.toml``."""

    capability: tuple[Capability, ...] = Field(min_length=1)
