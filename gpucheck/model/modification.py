"""A known way of altering a SKU, and what it looks like from software."""

from typing import Literal

from pydantic import Field

from gpucheck.model.base import Frozen
from gpucheck.model.finding import Kind
from gpucheck.model.profile import SubsystemPair


class Modification(Frozen):
    """What a workshop or a patched driver makes of a genuine SKU."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str
    base_profiles: tuple[str, ...]
    """Profile ids of the genuine SKUs that it starts from."""
    kind: Kind
    memory_mib: tuple[int, ...] = ()
    """Totals that drivers report of the altered card."""
    subsystems: tuple[SubsystemPair, ...] = ()
    """(vendor, subsystem) pairs seen on it; decisive by themselves only where ``subsystem_decides``."""
    subsystem_decides: bool = False
    method: str
    signs: tuple[str, ...] = ()
    remedy: str = ""
    confidence: Literal["high", "medium", "low"] = "medium"
    sources: tuple[str, ...] = ()
