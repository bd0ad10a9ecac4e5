"""The declared half of a simulated card, as NVML, the PCI bus and the kernel driver tell it. It knows no silicon."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.evidence import DriverFacts, Host, NvmlFacts, PciFacts
from gpucheck.model.integrity import DriverIntegrity
from gpucheck.model.measured import DeviceProcess
from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB
from gpucheck.model.vbios import VbiosFacts
from gpucheck.simulation.attestation import declared_attestation
from gpucheck.simulation.bus import linux_integrity, live, siblings, windows_integrity
from gpucheck.simulation.firmware import declared_vbios
from gpucheck.simulation.identity import Identity
from gpucheck.simulation.scenario import Scenario
from gpucheck.simulation.soldered import layout_of

_IDLE_BYTES = 4 * MIB
_FIRST_PID = 4711
_CUDA_BY_BRANCH = {580: (13, 0), 575: (12, 9), 570: (12, 8), 560: (12, 6), 555: (12, 5), 550: (12, 4), 545: (12, 3)}
_CUDA_BY_BRANCH |= {590: (13, 1), 535: (12, 2), 530: (12, 1), 525: (12, 0), 515: (11, 7), 510: (11, 6), 470: (11, 4)}
_RENAMED = {"memory_bytes": "memory_total_bytes", "bar1_bytes": "bar1_total_bytes"}
_LINK = {"pcie_generation", "pcie_lanes"}
_TABLES = {"pci", "library", "vbios", "attestation", "resource_manager"}
"""Not of NVML."""
_CHASSIS = {"laptop": "laptop", "sxm": "server", "pcie": "server", "desktop": "desktop", "oem": "desktop"}
_CHASSIS |= {"workstation": "desktop"}
_PDI_SINCE = 575
_NOT_SUPPORTED = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="N/A")


@dataclass(frozen=True)
class DeclaredCard:
    """Declared facts of one card at a bus address; ``bdf`` like ``0000:01:00.0``."""

    scenario: Scenario
    profile: Profile
    bdf: str
    specimen: int = 0
    """Tells cards apart that are alike in profile and seed."""

    @cached_property
    def nvml(self) -> NvmlFacts:
        """NVML's account, the scenario's overrides applied."""
        facts = {**self._identity(), **self._memory(), **self._link(), **self._power(), **self._health()}
        facts |= self._overrides()
        facts["memory_free_bytes"] = max(0, facts["memory_total_bytes"] - facts["memory_used_bytes"])
        facts["missing"] = {key: _NOT_SUPPORTED for key, value in facts.items() if value is None}
        return NvmlFacts(route="simulated", **facts)

    @property
    def pci(self) -> PciFacts:
        """What sysfs shows."""
        nvml, bus = self.nvml, self.scenario.declared.pci
        return PciFacts(
            bdf=self.bdf,
            vendor_id=0x10DE,
            device_id=nvml.device_id or 0,
            subsystem_vendor_id=nvml.subsystem_vendor_id,
            subsystem_id=nvml.subsystem_id,
            class_code=0x030200 if self.profile.sku_class in {"datacenter", "mining"} else 0x030000,
            driver="nvidia",
            link_generation_max=nvml.pcie_generation_max,
            link_lanes_max=nvml.pcie_lanes_max,
            link_generation_current=nvml.pcie_generation_current,
            link_lanes_current=nvml.pcie_lanes_current,
            port_link_generation_max=None if self._guest else nvml.pcie_generation_max,
            port_link_lanes_max=None if self._guest else nvml.pcie_lanes_max,
            bar_sizes_bytes=(16 * MIB, nvml.bar1_total_bytes or 256 * MIB, 32 * MIB),
            bar1_supported_bytes=self._bar1_choices(nvml.bar1_total_bytes),
            siblings=siblings(self.profile, self.bdf, bus),
            **live(bus, nvml, root=self.scenario.environment.root),
        )

    @property
    def driver(self) -> DriverFacts:
        """What ``/proc/driver/nvidia`` shows."""
        version = self.scenario.environment.driver_version
        return DriverFacts(
            version=version,
            module_text=f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Release Build  (dvs-builder)",
            model=self.nvml.name,
            uuid=self.nvml.uuid,
            vbios_version=self.nvml.vbios_version and self.nvml.vbios_version.lower(),
            bdf=self.bdf,
            excluded=False,
        )

    @property
    def vbios(self) -> Collected[VbiosFacts]:
        """What the ROM says, or the version alone where the scenario declares no ROM."""
        windows = self.scenario.environment.windows or self.scenario.environment.wsl
        return declared_vbios(self.scenario.declared.vbios, self.nvml, self.profile, windows)

    @property
    def attestation(self) -> Collected[Attestation]:
        """What the die signs, or why it is not asked."""
        return declared_attestation(self.scenario.declared.attestation, self.nvml, self.profile)

    @property
    def integrity(self) -> DriverIntegrity:
        """What stands between the driver and a program."""
        environment = self.scenario.environment
        if environment.windows:
            return windows_integrity(environment.driver_version)
        return linux_integrity(environment.driver_version, self.scenario.declared.library)

    @property
    def host(self) -> Host:
        """The machine around the card. Its chassis suits the declared card unless the scenario names one."""
        environment = self.scenario.environment
        system = "Windows 11" if environment.windows else "Linux"
        return Host(
            os=f"{system} (simulated)",
            driver_version=environment.driver_version,
            cuda_version=self.cuda_version,
            chassis=environment.chassis or self._chassis,
            hypervisor="KVM" if environment.virtualized else None,
            wsl=environment.wsl,
            windows=environment.windows,
            on_battery=environment.battery,
        )

    @property
    def cuda_version(self) -> str:
        """The CUDA version that the driver brings."""
        major, minor = self.cuda
        return f"{major}.{minor}"

    @property
    def cuda(self) -> tuple[int, int]:
        """The same as two numbers."""
        older = [branch for branch in _CUDA_BY_BRANCH if branch <= self._branch]
        return _CUDA_BY_BRANCH[max(older, default=min(_CUDA_BY_BRANCH))]

    @property
    def _branch(self) -> int:
        return int(self.scenario.environment.driver_version.split(".")[0])

    @property
    def _guest(self) -> bool:
        return self.scenario.environment.virtualized

    @property
    def _chassis(self) -> Any:
        return _CHASSIS.get(self.profile.form_factor, "unknown")

    @cached_property
    def _own(self) -> Identity:
        return Identity(self.profile, self.scenario.seed, self.specimen)

    def _identity(self) -> dict[str, Any]:
        own, environment = self._own, self.scenario.environment
        device_id = self.scenario.declared.device_id or own.device_id
        vendor, subsystem = own.subsystem(device_id)
        return {
            "driver_version": environment.driver_version,
            "cuda_version": self.cuda_version,
            "name": own.name,
            "brand": own.brand,
            "architecture": own.architecture,
            "compute_capability": self.profile.die.compute_capability,
            "uuid": own.uuid,
            "pdi": own.pdi if self._branch >= _PDI_SINCE else None,
            "serial": own.serial,
            "board_part_number": own.board_part_number,
            "gpu_part_number": own.gpu_part_number(device_id),
            "vbios_version": own.vbios_version,
            "inforom_image_version": own.inforom_image_version,
            "inforom_oem_version": "2.1" if own.professional else None,
            "inforom_ecc_version": "6.16" if own.professional and self.profile.ecc == "yes" else None,
            "inforom_power_version": None,
            "bdf": self.bdf,
            "vendor_id": 0x10DE,
            "device_id": device_id,
            "subsystem_vendor_id": vendor,
            "subsystem_id": subsystem,
            "virtualization": "Pass-Through" if self._guest else "None",
            "driver_model": "WDDM" if environment.windows else None,
            "mig_enabled": environment.mig if self.profile.sku_class == "datacenter" else None,
            "mig_instances": ("1g",) if environment.mig else (),
        }

    def _memory(self) -> dict[str, Any]:
        layout, in_use = layout_of(self.profile), self.scenario.environment.display_in_use_bytes
        clock = self.profile.memory_clock_max_mhz if layout == self.profile.memory[0] else None
        if clock is None and layout.data_rate_gbps is not None:
            clock = round(layout.data_rate_gbps * 500)
        sm_count = self.scenario.declared.sm_count or max(self.profile.sm_counts, default=0)
        ecc = (
            self._own.ecc_enabled if self.scenario.declared.ecc_enabled is None else self.scenario.declared.ecc_enabled
        )
        return {
            "ecc_enabled": ecc,
            "memory_total_bytes": self._own.memory_total_bytes(ecc),
            "memory_used_bytes": in_use + sum(self.scenario.environment.processes) * MIB + _IDLE_BYTES,
            "processes": self._processes(),
            "utilization_percent": round(100 * self.scenario.environment.busy_share),
            "bar1_total_bytes": self._own.bar1_bytes,
            "memory_bus_width_bits": layout.bus_width_bits,
            "memory_clock_max_mhz": clock,
            "sm_clock_max_mhz": self._own.sm_clock_max_mhz,
            "core_count": None if self.scenario.environment.mig else sm_count * self.profile.die.cores_per_sm or None,
            "display_active": in_use > 0,
        }

    def _processes(self) -> tuple[DeviceProcess, ...] | None:
        """Other people's programs, by number. Windows does not tell what they hold, WSL not even that they are."""
        environment = self.scenario.environment
        if environment.wsl:
            return None
        told = (None if environment.windows else size * MIB for size in environment.processes)
        return tuple(DeviceProcess(pid=_FIRST_PID + n, memory_bytes=held) for n, held in enumerate(told))

    def _link(self) -> dict[str, Any]:
        declared = self.scenario.declared
        generation = declared.pcie_generation or self.profile.pcie_generation
        lanes = declared.pcie_lanes or self.profile.pcie_lanes
        return {
            "pcie_generation_max": generation,
            "pcie_generation_device_max": generation,
            "pcie_generation_current": generation,
            "pcie_lanes_max": lanes,
            "pcie_lanes_current": lanes,
            "pcie_replay_count": 0,
        }

    def _power(self) -> dict[str, Any]:
        watts = self.scenario.declared.power_default_watts or self.profile.power_default_watts
        if watts is None or self.profile.form_factor == "laptop":
            return dict.fromkeys(("power_default_watts", "power_limit_watts", "power_min_watts", "power_max_watts"))
        most = watts if self._own.professional else round(watts * 1.1)
        return {
            "power_default_watts": watts,
            "power_limit_watts": watts,
            "power_min_watts": round(watts * 0.4),
            "power_max_watts": most,
        }

    def _health(self) -> dict[str, Any]:
        """Counters of a card in good condition; None where the generation has no such counter."""
        ecc, remaps = self.profile.ecc == "yes", self._own.capability >= (8, 0)
        remap = 0 if ecc and remaps and self._own.professional else None
        retired = 0 if ecc and not remaps else None
        errors = 0 if self._own.professional and ecc else None
        return {
            "row_remap_correctable": remap,
            "row_remap_uncorrectable": remap,
            "row_remap_pending": None if remap is None else False,
            "row_remap_failure": None if remap is None else False,
            "retired_pages_single_bit": retired,
            "retired_pages_double_bit": retired,
            "retired_pages_pending": None if retired is None else False,
            "ecc_uncorrected_volatile": errors,
            "ecc_uncorrected_aggregate": errors,
            "ecc_corrected_aggregate": errors,
        }

    def _overrides(self) -> dict[str, Any]:
        """What the scenario states by itself; an empty text means that nothing is printed."""
        given = self.scenario.declared.model_dump(exclude_none=True, exclude={"profile", *_LINK, *_TABLES})
        return {_RENAMED.get(key, key): None if value == "" else value for key, value in given.items()}

    def _bar1_choices(self, largest: int | None) -> tuple[int, ...] | None:
        if self._guest or not self._own.resizable or not largest:
            return None
        return tuple(1 << bit for bit in range((64 * MIB).bit_length() - 1, largest.bit_length()))
