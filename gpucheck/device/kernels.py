"""The kernels' source text, as it lies in ``kernels/`` at the root or inside the wheel."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from gpucheck.device.protocol import DeviceError, Kernel
from gpucheck.resources import data_root

FAMILIES = ("census", "throughput", "fingerprint", "bandwidth", "memory_walk", "latency", "load", "hold")


HOLD = Kernel("hold", "hold")
"""Runs before every other kernel, so that its time is its own."""
_FAMILIES_OF = {"slab_map": ("bandwidth",), "host_link": ()}
"""Sections of the evidence that are not measured by the one family that bears their name."""


@dataclass(frozen=True)
class KernelSource:
    """One file: its family, its text, and ``sha256:`` with the digest of the text in hexadecimal."""

    family: str
    text: str
    digest: str


@cache
def load(family: str) -> KernelSource:
    """Read a family's file. Raises ``DeviceError`` where it is missing from the installation."""
    path = data_root() / "kernels" / f"{family}.cu"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DeviceError(f"kernel source {path.name} cannot be read: {error}", "Install gpucheck again.") from error
    return KernelSource(family, content.decode(), f"sha256:{sha256(content).hexdigest()}")


def families_of(section: str) -> tuple[str, ...]:
    """Return the families whose kernels measure a section of the evidence."""
    found = _FAMILIES_OF.get(section, (section,))
    return (*found, HOLD.family) if found else ()


def digest(family: str) -> str:
    """Return the digest that a report names for a family."""
    return load(family).digest


def architecture(compute_capability: str) -> str:
    """Return ``sm_89`` for ``8.9``."""
    return f"sm_{compute_capability.replace('.', '')}"


def nvrtc_options(compute_capability: str) -> tuple[str, ...]:
    """Options that make NVRTC emit machine code for exactly one architecture, never PTX for a driver to adapt."""
    return (f"-arch={architecture(compute_capability)}", "--std=c++14")
