"""A scenario file as data: what is soldered on, what is declared, what the host does to the evidence."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gpucheck.model.base import ComputeCapability
from gpucheck.model.evidence import U16
from gpucheck.simulation.attestation import DeclaredAttestation
from gpucheck.simulation.bus import DeclaredLibrary, DeclaredPci, DeclaredResourceManager
from gpucheck.simulation.faults import FAULTS, MemoryFault, ShuffledAlias, Strict, Wraparound
from gpucheck.simulation.firmware import DeclaredVbios

Place = Literal[
    "pci",
    "driver",
    "nvml",
    "nvidia_smi",
    "resource_manager",
    "registers",
    "attestation",
    "integrity",
    "vbios",
    "cuda",
    "census",
    "throughput",
    "fingerprint",
    "latency",
    "bandwidth",
    "slab_map",
    "memory_walk",
    "host_link",
    "load",
]
Places = Annotated[tuple[Place, ...], Field(strict=False)]
MemoryBytes = Annotated[int, Field(ge=64 << 20, le=2 << 40, multiple_of=256)]
"""Up to far beyond the largest card; more would outlast the time limits of a simulated one."""
Count = Annotated[int, Field(ge=0)]
Generation = Annotated[int, Field(ge=1, le=7)]
Lanes = Literal[1, 2, 4, 8, 12, 16, 32]
Text = Annotated[str, Field(max_length=512)]


class Silicon(Strict):
    """What is soldered on: a profile's physical facts, then overrides. The probes see nothing else."""

    profile: str
    sm_count: int | None = Field(default=None, ge=1, le=1024)
    memory_bytes: MemoryBytes | None = None
    memory_bus_width_bits: int | None = Field(default=None, ge=8, le=16384)
    memory_data_rate_gbps: float | None = Field(default=None, gt=0, le=100)
    l2_cache_bytes: int | None = Field(default=None, ge=32 << 10, le=1 << 30)
    pcie_generation: Generation | None = None
    pcie_lanes: Lanes | None = None
    clamshell: bool | None = None
    """Two memory chips share each channel, one on either side of the board; by default as its size needs it."""
    fp64_ratio: str | None = Field(default=None, pattern=r"^1:[1-9][0-9]{0,2}$")
    tensor_fp32_accumulate: Literal["full", "half", "capped", "none"] | None = None
    throttles: Literal["thermal", "power", "hardware"] | None = None
    """What holds the clocks down after a second of full load; the rate then falls to ``throttled_rate``."""
    throttled_rate: float = Field(default=0.7, gt=0, le=1)
    load_errors: float = Field(default=0, ge=0, le=1e6)
    """Wrong results in a second of full load: arithmetic that fails when hot, a supply that sags."""
    dies_after_seconds: float | None = Field(default=None, ge=0)
    """Of full load; from then on the card does not answer."""
    hotspot_above_edge_celsius: float | None = Field(default=None, ge=0, le=80)
    """How much hotter than the core's edge its hottest place is under load."""
    memory_chip_outlier_celsius: float | None = Field(default=None, ge=0, le=80)
    """How much hotter than the others one memory chip is under load; only memory with sensors shows it."""
    noise: float = Field(default=0.004, ge=0, le=0.2)
    memory_fault: tuple[MemoryFault, ...] = Field(default=(), strict=False, max_length=32)

    @model_validator(mode="after")
    def _one_address_fault(self) -> Self:
        if sum(isinstance(fault, Wraparound | ShuffledAlias) for fault in self.memory_fault) > 1:
            raise ValueError("memory_fault: at most one of wraparound and shuffled_alias")
        return self


class Declared(Strict):
    """What firmware and driver say: a profile's facts, then overrides. An empty text means that nothing is printed."""

    profile: str | None = None
    name: Text | None = None
    brand: Text | None = None
    architecture: Text | None = None
    uuid: Text | None = None
    pdi: Text | None = None
    serial: Text | None = None
    board_part_number: Text | None = None
    gpu_part_number: Text | None = None
    vbios_version: Text | None = None
    inforom_image_version: Text | None = None
    inforom_oem_version: Text | None = None
    inforom_ecc_version: Text | None = None
    inforom_power_version: Text | None = None
    device_id: U16 | None = None
    subsystem_vendor_id: U16 | None = None
    subsystem_id: U16 | None = None
    memory_bytes: MemoryBytes | None = None
    bar1_bytes: Count | None = None
    memory_bus_width_bits: Count | None = None
    memory_clock_max_mhz: Count | None = None
    sm_clock_max_mhz: Count | None = None
    compute_capability: ComputeCapability | None = None
    sm_count: Count | None = None
    pcie_generation: Generation | None = None
    pcie_lanes: Lanes | None = None
    pcie_generation_current: Generation | None = None
    pcie_lanes_current: Lanes | None = None
    pcie_replay_count: Count | None = None
    power_default_watts: float | None = Field(default=None, ge=0)
    power_limit_watts: float | None = Field(default=None, ge=0)
    power_min_watts: float | None = Field(default=None, ge=0)
    power_max_watts: float | None = Field(default=None, ge=0)
    ecc_enabled: bool | None = None
    display_active: bool | None = None
    row_remap_correctable: Count | None = None
    row_remap_uncorrectable: Count | None = None
    row_remap_pending: bool | None = None
    row_remap_failure: bool | None = None
    retired_pages_single_bit: Count | None = None
    retired_pages_double_bit: Count | None = None
    retired_pages_pending: bool | None = None
    ecc_uncorrected_volatile: Count | None = None
    ecc_uncorrected_aggregate: Count | None = None
    ecc_corrected_aggregate: Count | None = None
    fault: Text | None = None
    vbios: DeclaredVbios | None = None
    attestation: DeclaredAttestation | None = None
    pci: DeclaredPci = DeclaredPci()
    library: DeclaredLibrary | None = None
    resource_manager: DeclaredResourceManager = DeclaredResourceManager()


class Environment(Strict):
    """What the host does to the evidence."""

    virtualized: bool = False
    alike: int = Field(default=1, ge=1, le=16)
    """So many cards that state just the same, identity included, sit side by side."""
    root: bool = False
    """The scan runs as root: hardware registers and the whole configuration space can be read."""
    display_in_use_bytes: int = Field(default=0, ge=0)
    no_permission: Places = ()
    missing: Places = ()
    hang: Place | None = None
    mig: bool = False
    wsl: bool = False
    windows: bool = False
    battery: bool = False
    """The machine is a laptop that is not plugged in."""
    driver_version: str = Field(default="580.95.05", pattern=r"^[0-9]{3}\.[0-9]{2,3}(\.[0-9]{2})?$")
    chassis: Literal["laptop", "desktop", "server"] | None = None
    processes: Annotated[tuple[Annotated[int, Field(ge=0, le=1 << 22)], ...], Field(strict=False, max_length=64)] = ()
    """MiB of the card's memory that each of other people's programs holds."""
    busy_share: float = Field(default=0, ge=0, le=0.95)
    """Share of the card's time that those programs take, from every kernel alike."""
    link_replays_per_gib: float = Field(default=0, ge=0, le=1e6)
    """Packets that the host's bus has to send again for each GiB that it carries."""

    @model_validator(mode="after")
    def _one_system(self) -> Self:
        if self.wsl and self.windows:
            raise ValueError("wsl and windows exclude each other")
        return self


class Scenario(Strict):
    """A simulated card."""

    title: str = Field(min_length=1, max_length=200, pattern=r"^[^\r\n]+$")
    seed: int = Field(default=1, ge=0, lt=1 << 63)
    silicon: Silicon
    declared: Declared = Declared()
    environment: Environment = Environment()

    @property
    def declared_profile(self) -> str:
        """Id of the profile that the declaration starts from."""
        return self.declared.profile or self.silicon.profile


def allowed_keys(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return the keys that the table at a place of a scenario file may hold."""
    tables: dict[str, type[Strict]] = {"silicon": Silicon, "declared": Declared, "environment": Environment}
    within: dict[type[Strict], dict[str, type[Strict]]] = {
        Scenario: tables,
        Declared: {
            "vbios": DeclaredVbios,
            "attestation": DeclaredAttestation,
            "pci": DeclaredPci,
            "library": DeclaredLibrary,
            "resource_manager": DeclaredResourceManager,
        },
    }
    table: type[Strict] = Scenario
    for step in location:
        table = FAULTS.get(str(step)) or within.get(table, {}).get(str(step)) or table
    return tuple(table.model_fields)
