"""What the tests of the catalog share: where the data is, and evidence to match."""

from collections.abc import Callable
from pathlib import Path

from gpucheck.model.evidence import Evidence, PciFacts
from gpucheck.model.measured import MemoryWalk
from gpucheck.model.units import MIB

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "profiles"

Declare = Callable[..., Evidence]


def walked(total_mib: int, real_mib: int) -> MemoryWalk:
    """A walk that found ``real_mib`` of distinct memory."""
    return MemoryWalk(
        total_bytes=total_mib * MIB,
        tested_bytes=total_mib * MIB,
        distinct_bytes=real_mib * MIB,
        untested_bytes=0,
        untested_holder="",
        passes=4,
        seed=1,
        window_bytes=MIB,
        write_bytes_per_second=1e12,
        verify_bytes_per_second=1e12,
        duration_seconds=1.0,
    )


def on_bus(evidence: Evidence, device_id: int, subsystem: tuple[int, int] | None = None) -> Evidence:
    """The same card, with what the bus says of it."""
    vendor, sub = subsystem or (None, None)
    pci = PciFacts(
        bdf="00000000:01:00.0",
        vendor_id=0x10DE,
        device_id=device_id,
        subsystem_vendor_id=vendor,
        subsystem_id=sub,
    )
    return evidence.model_copy(update={"pci": pci})
