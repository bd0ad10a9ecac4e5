"""Simulated cards and the machine that holds them, as the pipeline wants them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gpucheck.catalog import Catalog
from gpucheck.model.base import Collected, Frozen, GpucheckError, Keep, Reason, Unavailable, forget
from gpucheck.model.evidence import Host
from gpucheck.model.measured import Telemetry
from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB
from gpucheck.simulation.bus import LOST
from gpucheck.simulation.declared import DeclaredCard
from gpucheck.simulation.faults import ShuffledAlias, Stuck, Transition, Wraparound, end_bytes
from gpucheck.simulation.hardware import GUEST, NO_ROOT, registers
from gpucheck.simulation.library import ScenarioError, is_path, load
from gpucheck.simulation.resource_manager import resource_manager
from gpucheck.simulation.scenario import Declared, Scenario
from gpucheck.simulation.sensors import Sensors
from gpucheck.simulation.soldered import Soldered, solder

if TYPE_CHECKING:
    from gpucheck.device.protocol import Device

Section = Frozen | Unavailable
Profiles = Callable[[str], Profile]

SOURCES = ("pci", "registers", "driver", "nvml", "resource_manager", "vbios", "attestation", "integrity")
_MOST_DAMAGED_ADDRESSES = 4_000_000
_SLICES = 8
"""A partition of a card gets one part in so many of everything."""


@dataclass(frozen=True)
class SimulatedCard:
    """One scenario as a card. Picklable; nothing is simulated before ``open_device``.

    CUDA runs here on silicon of any generation, so that kernels can unmask old silicon under a new name. A scenario
    that wants it otherwise says ``missing = ["cuda"]``.
    """

    scenario: Scenario
    simulated: str
    silicon_profile: Profile
    declared_profile: Profile
    slot: int = 1
    library_profile: Profile | None = None
    """What a library in NVML's place states, where the scenario has one."""
    specimen: int = 0
    """Tells cards of a machine apart that are alike in profile and seed: each has an identity of its own."""

    def __post_init__(self) -> None:
        """Refuse faults outside the memory, and slices of what cannot be cut. Raises ``ScenarioError``."""
        if self.scenario.environment.mig and self.declared_profile.sku_class != "datacenter":
            raise ScenarioError(
                f"{self.simulated}: environment.mig: {self.declared_profile.name} has no MIG; data-centre cards have it"
            )
        limit = max(self.soldered.memory_bytes, self.declared.nvml.memory_total_bytes or 0)
        for number, fault in enumerate(self.scenario.silicon.memory_fault):
            if end_bytes(fault) > limit:
                raise ScenarioError(
                    f"{self.simulated}: silicon.memory_fault[{number}] ({fault.kind}): reaches outside the memory, "
                    f"which has {limit} bytes"
                )
        self._refuse_endless()

    def _refuse_endless(self) -> None:
        """Every address that reaches a damaged cell is simulated: refuse more of them than a host can hold."""
        declared = self.declared.nvml.memory_total_bytes or 0
        shared = [f.real_bytes or declared for f in self.soldered.faults if isinstance(f, Wraparound | ShuffledAlias)]
        cells = sum(len(f.addresses) for f in self.soldered.faults if isinstance(f, Stuck | Transition))
        rounds = -(-declared // min(shared, default=max(declared, 1)))
        if cells * rounds > _MOST_DAMAGED_ADDRESSES:
            raise ScenarioError(
                f"{self.simulated}: silicon.memory_fault: {cells} damaged cells, each met {rounds} times, are more "
                f"than can be simulated, {_MOST_DAMAGED_ADDRESSES} addresses; name fewer cells or a larger real_bytes"
            )

    @property
    def label(self) -> str:
        """The scenario's name and the bus address that it takes."""
        return f"{self.simulated} at {self.declared.bdf}"

    @cached_property
    def declared(self) -> DeclaredCard:
        """What firmware and driver say."""
        return DeclaredCard(self.scenario, self.declared_profile, f"0000:{self.slot:02x}:00.0", self.specimen)

    @property
    def stated(self) -> DeclaredCard:
        """What NVML says: the same, unless a library answers in its place."""
        if self.library_profile is None:
            return self.declared
        honest = self.scenario.model_copy(update={"declared": Declared()})
        return DeclaredCard(honest, self.library_profile, self.declared.bdf, self.specimen)

    @cached_property
    def soldered(self) -> Soldered:
        """What is there."""
        total = self.declared.nvml.memory_total_bytes or 0
        return solder(self.scenario.silicon, self.silicon_profile, total)

    def host(self) -> Host:
        """The machine around the card."""
        return self.declared.host

    def sources(self, _keep: Keep = forget) -> dict[str, Callable[[], Section]]:
        """Readers of the declared facts and of the registers, in the order in which to run them."""
        return {name: _Source(self, name) for name in SOURCES}

    def open_device(self) -> "Device":
        """Return the silicon, ready for kernels. Raises ``DeviceUnavailable`` where the scenario withholds CUDA."""
        from gpucheck.device.protocol import DeviceUnavailable
        from gpucheck.simulation.device import Believed, SimulatedDevice, hang

        environment, nvml = self.scenario.environment, self.declared.nvml
        if environment.hang == "cuda":
            hang()
        withheld = self.withheld()
        if "cuda" in withheld:
            raise DeviceUnavailable(withheld["cuda"].unavailable, withheld["cuda"].detail)
        soldered, part = self.soldered, _SLICES if environment.mig else 1
        major, minor = self.declared.cuda
        believed = Believed(
            name=(nvml.name or "") + (f" MIG 1g.{(nvml.memory_total_bytes or 0) // part >> 30}gb" if part > 1 else ""),
            total_memory_bytes=(nvml.memory_total_bytes or 0) // part,
            in_use_bytes=environment.display_in_use_bytes + sum(environment.processes) * MIB,
            bdf=self.declared.bdf,
            ecc_enabled=nvml.ecc_enabled,
            driver_version=major * 1000 + minor * 10,
        )
        refused = {name: section.unavailable for name, section in withheld.items()}
        return SimulatedDevice(
            soldered.slice(part) if part > 1 else soldered,
            believed,
            self.scenario.seed,
            refused=refused,
            hang=environment.hang,
            sensors=self.sensors,
        )

    @cached_property
    def sensors(self) -> Sensors:
        """Its sensors and counters; they follow what its device does."""
        return Sensors(self.soldered, self.scenario.environment, self.declared.nvml, seed=self.scenario.seed)

    def telemetry(self) -> Collected[Telemetry]:
        """What the driver tells of them now."""
        return self.withheld().get("nvml") or self.sensors.read(registers=self._shows_registers)

    def withheld(self) -> dict[str, Unavailable]:
        """Sections that the host does not give out, and why."""
        environment = self.scenario.environment
        absent = dict.fromkeys(environment.missing, (Reason.NOT_INSTALLED, "the scenario lacks it"))
        if environment.windows or environment.wsl:
            system = "Windows" if environment.windows else "WSL"
            absent |= dict.fromkeys(
                ("pci", "registers", "driver"), (Reason.NOT_SUPPORTED, f"{system} has no such files")
            )
        if self.scenario.declared.pci.off_bus:
            absent |= dict.fromkeys(("nvml", "cuda", "registers", "resource_manager"), (LOST.unavailable, LOST.detail))
        if "nvml" in absent and self.scenario.declared.vbios is None:
            absent.setdefault("vbios", absent["nvml"])  # without a ROM, the version is a driver's word
        if "nvml" in absent:
            absent.setdefault("attestation", absent["nvml"])
        if "driver" in environment.missing:
            absent.setdefault("resource_manager", absent["driver"])  # nobody is there to be asked
        absent |= dict.fromkeys(environment.no_permission, (Reason.NO_PERMISSION, "the scenario denies it"))
        return {name: Unavailable(unavailable=reason, detail=detail) for name, (reason, detail) in absent.items()}

    def read(self, name: str) -> Section:
        """Read one section of a source, by its name."""
        if self.scenario.environment.hang == name:
            from gpucheck.simulation.device import hang

            hang()
        withheld = self.withheld()
        if name in withheld:
            return withheld[name]
        if name == "registers":
            return self._registers()
        if name == "resource_manager":
            return resource_manager(self.declared, self.soldered, self.silicon_profile)
        teller = self.stated if name in ("nvml", "attestation") else self.declared
        facts: Section = getattr(teller, name)
        return facts

    @property
    def _shows_registers(self) -> bool:
        environment = self.scenario.environment
        return environment.root and not environment.virtualized and "registers" not in self.withheld()

    def _registers(self) -> Section:
        """What the die and the soldered memory show to root on bare metal; nothing that is declared reaches them."""
        environment = self.scenario.environment
        if environment.virtualized:
            return GUEST
        if not environment.root:
            return NO_ROOT
        return registers(self.silicon_profile, self.soldered, self.declared.nvml.device_id)


@dataclass(frozen=True)
class _Source:
    card: SimulatedCard
    name: str

    def __call__(self) -> Section:
        return self.card.read(self.name)


@dataclass(frozen=True)
class SimulatedMachine:
    """Simulated cards side by side."""

    cards: tuple[SimulatedCard, ...]


def card(name_or_path: str, slot: int = 1, profiles: Profiles | None = None) -> SimulatedCard:
    """Make a card of a shipped scenario or a scenario file. Raises ``ScenarioError``."""
    scenario = load(name_or_path)
    name = Path(name_or_path).stem if is_path(name_or_path) else name_or_path
    look_up = profiles or Catalog().by_id
    silicon = _profile(look_up, scenario.silicon.profile, f"{name_or_path}: silicon.profile")
    declared = _profile(look_up, scenario.declared_profile, f"{name_or_path}: declared.profile")
    library = scenario.declared.library
    stated = _profile(look_up, library.profile, f"{name_or_path}: declared.library.profile") if library else None
    return SimulatedCard(scenario, name, silicon, declared, slot, stated)


def machine(names: Sequence[str]) -> SimulatedMachine:
    """Make a machine of scenarios, each a name or a path. Raises ``ScenarioError``.

    Every card is a specimen of its own, but for those that a scenario wants alike to the last digit.
    """
    cards: list[SimulatedCard] = []
    met: Counter[tuple[str, int]] = Counter()
    for name in names:
        made = card(name, len(cards) + 1)
        kind = (made.declared_profile.id, made.scenario.seed)
        specimen = replace(made, specimen=met[kind])
        met[kind] += 1
        first = len(cards) + 1
        cards += [replace(specimen, slot=first + copy) for copy in range(made.scenario.environment.alike)]
    return SimulatedMachine(tuple(cards))


def _profile(look_up: Profiles, profile_id: str, where: str) -> Profile:
    try:
        return look_up(profile_id)
    except (GpucheckError, KeyError) as error:
        raise ScenarioError(
            f"{where}: no profile has the id {profile_id!r}", "`gpucheck profiles list` shows all."
        ) from error
