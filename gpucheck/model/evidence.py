"""Everything gathered about one card: one section per source and probe.

Sections of *sources* are declared: a reflash, a patched driver or a replaced library can rewrite them.
Sections of *probes* are measured: what the silicon did under a kernel.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, NonNegativeInt

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import NOT_REQUESTED, Collected, ComputeCapability, Frozen, Unavailable
from gpucheck.model.integrity import DriverIntegrity
from gpucheck.model.measured import (
    Bandwidth,
    Census,
    DeviceProcess,
    Fingerprint,
    HostLink,
    Latency,
    LoadTest,
    MemoryWalk,
    SlabMap,
    Throughput,
)
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.vbios import VbiosFacts

SCHEMA_VERSION = 1

NOT_LISTED = "the driver does not list this card"
"""Detail of an absent ``nvml`` section where NVML itself works and leaves this card out."""

LOST = "GPU is lost"
NEEDS_RESET = "GPU requires a reset"
CORRUPTED_INFOROM = "infoROM is corrupted"
NO_INTERRUPTS = "interrupts of the GPU do not arrive"
NO_POWER = "external power is not connected"
"""This and the four above: faults of a card that NVML has an error code for, as ``NvmlFacts.fault`` keeps them."""

BUSY_PERCENT = 50
"""Use of the card by others, of the last moment, from which measurements of ours would not be steady."""

BLANKED = "blanked"
"""How the detail of a field begins that whoever sent the file, or the board's maker, crossed out."""

U16 = Annotated[int, Field(ge=0, le=0xFFFF)]
Route = Literal[
    "nvml",
    "nvidia-smi -q -x",
    "nvidia-smi -q",
    "nvidia-smi --query-gpu",
    "nvidia-smi table",
    "text",
    "simulated",
]


class Host(Frozen):
    """The machine around the card, as far as it explains what the card shows."""

    os: str = "unknown"
    driver_version: str | None = None
    cuda_version: str | None = None
    chassis: Literal["laptop", "desktop", "server", "unknown"] = "unknown"
    hypervisor: str | None = None
    container: bool = False
    mps: bool = False
    """CUDA programs share the cards through MPS, which may give each a part of the multiprocessors."""
    wsl: bool = False
    windows: bool = False
    on_battery: bool = False
    """A laptop that is not plugged in, which holds the clocks of its card down."""

    @property
    def lends_memory(self) -> bool:
        """Whether the driver is that of Windows, which lends memory of the host when the card is full."""
        return self.windows or self.wsl


class NvmlFacts(Frozen):
    """What NVML says of one card, read live or as printed by ``nvidia-smi``. All of it is declared.

    A field is ``None`` where it was not read; ``missing`` then holds the reason by field name, where one is known.
    ``raw`` keeps the reads as they came (NVML function or nvidia-smi path to text), sanitised and bounded.
    """

    route: Route
    driver_version: str | None = None
    cuda_version: str | None = None
    name: str | None = None
    brand: str | None = None
    architecture: str | None = None
    uuid: str | None = None
    pdi: str | None = None
    serial: str | None = None
    board_part_number: str | None = None
    gpu_part_number: str | None = None
    vbios_version: str | None = None
    inforom_image_version: str | None = None
    inforom_oem_version: str | None = None
    inforom_ecc_version: str | None = None
    inforom_power_version: str | None = None
    bdf: str | None = None
    vendor_id: U16 | None = None
    device_id: U16 | None = None
    subsystem_vendor_id: U16 | None = None
    subsystem_id: U16 | None = None

    memory_total_bytes: NonNegativeInt | None = None
    memory_reserved_bytes: NonNegativeInt | None = None
    memory_used_bytes: NonNegativeInt | None = None
    memory_free_bytes: NonNegativeInt | None = None
    bar1_total_bytes: NonNegativeInt | None = None
    memory_bus_width_bits: NonNegativeInt | None = None
    core_count: NonNegativeInt | None = None
    sm_count: NonNegativeInt | None = None
    compute_capability: ComputeCapability | None = None
    memory_clock_max_mhz: NonNegativeInt | None = None
    sm_clock_max_mhz: NonNegativeInt | None = None

    pcie_generation_max: NonNegativeInt | None = None
    """The most that card and slot agree on."""
    pcie_generation_device_max: NonNegativeInt | None = None
    """What the card alone could do; only newer drivers tell."""
    pcie_generation_current: NonNegativeInt | None = None
    pcie_lanes_max: NonNegativeInt | None = None
    """The most that card and slot agree on; not a capability of the card."""
    pcie_lanes_current: NonNegativeInt | None = None
    pcie_replay_count: NonNegativeInt | None = None
    pcie_errors: dict[str, NonNegativeInt] | None = None
    """Errors of the link since the driver was loaded, by kind: ``bad_tlp``, ``lane_error`` and others."""

    power_limit_watts: float | None = None
    power_default_watts: float | None = None
    power_min_watts: float | None = None
    power_max_watts: float | None = None

    ecc_enabled: bool | None = None
    """None with reason ``not_supported`` in ``missing`` where the card has no ECC mode at all."""
    mig_enabled: bool | None = None
    mig_instances: tuple[str, ...] = ()
    virtualization: str | None = None
    driver_model: str | None = None
    display_active: bool | None = None
    processes: tuple[DeviceProcess, ...] | None = None
    """Programs of others that hold memory of the card; ours are left out. Empty inside a container means little."""
    utilization_percent: NonNegativeInt | None = None
    """Share of the last moment in which some kernel ran, read before the first of ours."""

    row_remap_correctable: NonNegativeInt | None = None
    row_remap_uncorrectable: NonNegativeInt | None = None
    row_remap_pending: bool | None = None
    row_remap_failure: bool | None = None
    row_remap_banks_exhausted: NonNegativeInt | None = None
    """Banks of memory that have no spare row left."""
    repair_pending: bool | None = None
    """A memory channel or a group of multiprocessors waits to be repaired at the next restart."""
    retired_pages_single_bit: NonNegativeInt | None = None
    retired_pages_double_bit: NonNegativeInt | None = None
    retired_pages_pending: bool | None = None
    ecc_uncorrected_volatile: NonNegativeInt | None = None
    ecc_uncorrected_aggregate: NonNegativeInt | None = None
    ecc_corrected_aggregate: NonNegativeInt | None = None
    fault: str | None = None
    """The driver's own statement that the card is lost or in a fault state: ``LOST`` or one of those beside it where
    NVML was asked, else where a text says so and in which words. ``missing`` tells of a question without an answer."""

    missing: dict[str, Unavailable] = {}
    raw: dict[str, str] = {}


class PciSibling(Frozen):
    """Another function of the same card, such as its sound device. Its ids follow the die, not the SKU."""

    bdf: str
    vendor_id: U16
    device_id: U16
    class_code: int | None = None
    """24 bits, as for the card; 0x0403xx is sound, 0x0c03xx a USB controller, 0x0c80xx the USB-C port's controller."""
    driver: str | None = None


class PciFacts(Frozen):
    """What the operating system saw on the PCI bus, from sysfs or an ``lspci`` text. Declared."""

    bdf: str
    vendor_id: U16
    device_id: U16 | None = None
    """None where a text names the card and prints no ids; ``missing`` then says so."""
    subsystem_vendor_id: U16 | None = None
    subsystem_id: U16 | None = None
    revision_id: int | None = None
    class_code: int | None = None
    """24 bits: base class, sub-class, programming interface; 0x030000 is a VGA controller."""
    name: str | None = None
    """As a PCI id list prints it; only from ``lspci``."""
    driver: str | None = None
    """Kernel driver bound to the function, None where none is or ``missing`` says that it is not known."""
    off_bus: bool = False
    """The card does not answer: every byte of its configuration reads as ff, ``lspci`` prints ``rev ff``."""
    power_state: str | None = None
    """As the kernel names it: ``D0`` runs, ``D3cold`` is switched off."""
    live_device_id: U16 | None = None
    """From the configuration space itself, where ``device_id`` is the kernel's copy from the time of enumeration."""
    live_subsystem_vendor_id: U16 | None = None
    live_subsystem_id: U16 | None = None
    config_bytes: NonNegativeInt | None = None
    """How much of the configuration space was read: 64 without root, 256 or 4096 with it."""
    capabilities: tuple[str, ...] = ()
    """Those that the configuration space lists, by name and offset, such as ``PCI Express at 0x78``."""
    link_generation_max: int | None = None
    link_lanes_max: int | None = None
    link_generation_current: int | None = None
    link_lanes_current: int | None = None
    link_generation_target: int | None = None
    """What the link is told to reach at most."""
    port_bdf: str | None = None
    """The port above the card."""
    port_link_generation_max: int | None = None
    port_link_lanes_max: int | None = None
    port_link_generation_target: int | None = None
    """What the port is told to reach at most, such as by a setting of the board's firmware."""
    bar_sizes_bytes: tuple[int, ...] = ()
    bar1_supported_bytes: tuple[int, ...] | None = None
    """Sizes that the resizable-BAR capability offers for BAR1, None where it is hidden or absent."""
    aer_status: tuple[str, ...] | None = None
    """Errors that the advanced error reporting capability shows now, by lspci's short names."""
    aer_correctable: dict[str, NonNegativeInt] | None = None
    """The kernel's counts since its start, by kind of error; the same for the two below."""
    aer_nonfatal: dict[str, NonNegativeInt] | None = None
    aer_fatal: dict[str, NonNegativeInt] | None = None
    lane_errors: tuple[int, ...] | None = None
    """Lanes on which the link met errors."""
    siblings: tuple[PciSibling, ...] = ()
    missing: dict[str, Unavailable] = {}
    raw: dict[str, str] = {}


class DriverFacts(Frozen):
    """The kernel driver's own copy of a card's identity (``/proc/driver/nvidia``). Declared."""

    version: str | None = None
    module_text: str | None = None
    model: str | None = None
    uuid: str | None = None
    vbios_version: str | None = None
    bdf: str | None = None
    excluded: bool | None = None
    firmware_version: str | None = None
    """Of the card's own system processor, None where the driver does not use it."""
    raw: dict[str, str] = {}


class CudaFacts(Frozen):
    """Attributes that the CUDA driver states for the device. Declared, by another route than NVML."""

    name: str
    compute_capability: ComputeCapability
    sm_count: int
    total_memory_bytes: int
    free_memory_bytes: int
    l2_cache_bytes: int | None = None
    memory_bus_width_bits: int | None = None
    memory_clock_mhz: int | None = None
    bdf: str | None = None
    ecc_enabled: bool | None = None
    driver_version: int | None = None
    runtime_version: int | None = None


class Twin(Frozen):
    """Another card of the same scan that states an identity of this one."""

    label: str
    field: Literal["uuid", "pdi"]


class Evidence(Frozen):
    """One card, one document. It can be judged again later, elsewhere, with better profiles."""

    schema_version: Literal[1] = 1
    collected_at: AwareDatetime
    tool_version: str
    label: str
    """How the card is named in a list: its bus address, or the file it came from."""
    joined_by_address: bool = False
    """Its sections come from files that nothing but the bus address joins: they may be of two machines."""
    simulated: str | None = None
    host: Host = Host()
    pci: Collected[PciFacts] = NOT_REQUESTED
    driver: Collected[DriverFacts] = NOT_REQUESTED
    vbios: Collected[VbiosFacts] = NOT_REQUESTED
    nvml: Collected[NvmlFacts] = NOT_REQUESTED
    nvidia_smi: Collected[NvmlFacts] = NOT_REQUESTED
    resource_manager: Collected[ResourceManagerFacts] = NOT_REQUESTED
    registers: Collected[RegisterFacts] = NOT_REQUESTED
    attestation: Collected[Attestation] = NOT_REQUESTED
    integrity: Collected[DriverIntegrity] = NOT_REQUESTED
    cuda: Collected[CudaFacts] = NOT_REQUESTED
    census: Collected[Census] = NOT_REQUESTED
    throughput: Collected[Throughput] = NOT_REQUESTED
    fingerprint: Collected[Fingerprint] = NOT_REQUESTED
    latency: Collected[Latency] = NOT_REQUESTED
    bandwidth: Collected[Bandwidth] = NOT_REQUESTED
    slab_map: Collected[SlabMap] = NOT_REQUESTED
    memory_walk: Collected[MemoryWalk] = NOT_REQUESTED
    host_link: Collected[HostLink] = NOT_REQUESTED
    load: Collected[LoadTest] = NOT_REQUESTED
    scanned_together: int = 1
    """How many cards were looked at in one go, this one included."""
    twins: tuple[Twin, ...] = ()
    kernels: dict[str, str] = {}
    """Kernel family to the digest of its source, for those that ran."""

    @property
    def declared(self) -> NvmlFacts | None:
        """NVML's account, live if there is one, else as a file printed it."""
        for section in (self.nvml, self.nvidia_smi):
            if isinstance(section, NvmlFacts):
                return section
        return None

    @property
    def stated_name(self) -> str | None:
        """The name that the driver has for the card, else the listing of the bus."""
        declared, listed = self.declared, None if isinstance(self.pci, Unavailable) else self.pci.name
        return listed if declared is None or declared.name is None else declared.name

    @property
    def device(self) -> tuple[int | None, int] | None:
        """Vendor and device id, by the driver or else by the bus."""
        for section in (self.declared, self.pci):
            if section and not isinstance(section, Unavailable) and section.device_id is not None:
                return section.vendor_id, section.device_id
        return None


MEASURED_SECTIONS = (
    "census",
    "throughput",
    "fingerprint",
    "memory_walk",
    "bandwidth",
    "slab_map",
    "latency",
    "host_link",
    "load",
)
"""Sections of probes, in the order in which they run."""
SECTIONS = (
    "pci",
    "driver",
    "vbios",
    "nvml",
    "nvidia_smi",
    "resource_manager",
    "registers",
    "attestation",
    "integrity",
    "cuda",
    *MEASURED_SECTIONS,
)
