"""What is known of the driver's own software: of the machine, not of a card. Declared, like all that software says."""

from pydantic import NonNegativeInt

from gpucheck.model.base import Frozen, Unavailable


class DriverLibrary(Frozen):
    """A user-space library of the driver, as this process loaded it or would."""

    name: str
    path: str
    """The file behind all links. The user's own folder is written as ``~``."""
    version: str | None = None
    """As the file's name ends, None where it carries none."""
    loaded: bool = False
    """True where this process has the file mapped, False where it was only looked up."""


class DriverIntegrity(Frozen):
    """Where the driver's software comes from, and what stands between it and us. Of the machine, not of the card."""

    module_version: str | None = None
    """Of the kernel driver."""
    module_open: bool | None = None
    """Built of NVIDIA's published source; True or False only where the version text says so."""
    module_builder: str | None = None
    """``dvs-builder`` is NVIDIA's own build farm; distributions and owners build with other names."""
    module_taint: str | None = None
    """Letters of the kernel: P proprietary, O out of tree, E unsigned, F forced."""
    module_source: str | None = None
    """The kernel's digest of the module's source, ``srcversion``."""
    kernel_taint: NonNegativeInt | None = None
    """Bits of ``/proc/sys/kernel/tainted``."""
    libraries: tuple[DriverLibrary, ...] = ()
    preloaded: tuple[str, ...] = ()
    """Files that the loader puts before all others (``LD_PRELOAD``, ``/etc/ld.so.preload``)."""
    library_folders: tuple[str, ...] = ()
    """``LD_LIBRARY_PATH``."""
    patches: tuple[str, ...] = ()
    """Known alterations of the driver of which traces were found, by name."""
    test_signing: bool | None = None
    """Windows only: drivers without a trusted signature are let in."""
    driver_provider: str | None = None
    """Windows only: who the installed driver package says it is from."""
    driver_catalog: str | None = None
    """Windows only: the package's signature file, None where it has none."""
    missing: dict[str, Unavailable] = {}
    raw: dict[str, str] = {}
