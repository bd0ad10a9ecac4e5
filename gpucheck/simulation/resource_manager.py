"""What the driver's resource manager answers for a simulated card.

It reads the die, its fuses and its caches from the hardware, so these follow the silicon half; what firmware and
InfoROM say, and the ids, follow the declared half. A library in NVML's place changes none of it. A kernel that lies is
``[declared.resource_manager]`` of a scenario.
"""

from typing import TYPE_CHECKING, Any

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.profile import Profile
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.units import MIB
from gpucheck.simulation.identity import Identity
from gpucheck.simulation.soldered import Soldered, layout_of

if TYPE_CHECKING:
    from gpucheck.simulation.declared import DeclaredCard

FIRST_BRANCH, PART_NUMBER_BRANCH = 515, 525
_GRAIN_BYTES = 256 * MIB
"""The resource manager counts whole memory chips, NVML a little less."""
_CLASSES = ("fmla16", "fmla32", "ffma", "imla0", "imla1", "imla2", "imla3", "imla4")
_HALF = {"fmla32": 1, "imla4": 1}
"""Fuses of GeForce dies: matrix instructions with 32-bit sums run at half rate."""
_LOCKED = 5
"""Of mining dies: 1/32."""
_RATES_SINCE, _PAIRS_SINCE = (7, 5), (7, 0)
_CLUSTER = {"7.5": 6, "8.0": 8, "8.6": 6, "8.9": 6, "9.0": 9, "10.0": 8, "12.0": 8}
"""Texture processors of a whole graphics cluster, by compute capability."""
_STACK_BITS, _CHIP_BITS = 512, 64
"""Of one memory partition: stacked memory, and chips on the board."""


def resource_manager(declared: "DeclaredCard", soldered: Soldered, silicon: Profile) -> Collected[ResourceManagerFacts]:
    """Return the section, or why this system has none."""
    environment = declared.scenario.environment
    branch = int(environment.driver_version.split(".")[0])
    if environment.windows or environment.wsl:
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="only Linux lets programs ask it")
    if branch < FIRST_BRANCH:
        detail = f"the queries of drivers before branch {FIRST_BRANCH} are not published"
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=detail)
    facts: dict[str, Any] = {**_hardware(soldered, silicon), **_view(declared), **_firmware(declared)}
    if branch < PART_NUMBER_BRANCH:
        facts["gpu_part_number"] = None
    facts |= declared.scenario.declared.resource_manager.model_dump(exclude_none=True)
    absent = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="the driver does not support it for this card")
    missing = {name: absent for name, value in facts.items() if value in (None, (), {})}
    told = {name: value for name, value in facts.items() if name not in missing}
    return ResourceManagerFacts(source="simulated", missing=missing, **told)


def _hardware(soldered: Soldered, silicon: Profile) -> dict[str, Any]:
    masks = _processors(soldered)
    stacked = soldered.memory_type.startswith("HBM")
    partitions = max(1, soldered.memory_bus_width_bits // (_STACK_BITS if stacked else _CHIP_BITS))
    return {
        "chip_id": silicon.die.chip_id,
        "revision": "A1",
        "l2_cache_bytes": soldered.l2_cache_bytes,
        "gpc_mask": (1 << len(masks)) - 1,
        "tpc_masks": masks,
        "fbp_mask": (1 << partitions) - 1,
        "issue_rates": _issue_rates(soldered),
        "calibration_failed": None,
    }


def _processors(soldered: Soldered) -> tuple[int, ...]:
    """Multiprocessors are there in pairs since Volta; the clusters are filled as evenly as they can be."""
    pairs = _capability(soldered.compute_capability) >= _PAIRS_SINCE
    count = -(-soldered.sm_count // 2) if pairs else soldered.sm_count
    clusters = -(-count // _CLUSTER.get(soldered.compute_capability, 5))
    return tuple((1 << (count + n) // clusters) - 1 for n in range(clusters))


def _issue_rates(soldered: Soldered) -> dict[str, int]:
    """The fuses that make the tier. Where a lock was lifted since, the scenario states the fuses by itself."""
    if _capability(soldered.compute_capability) < _RATES_SINCE:
        return {}
    if soldered.tensor_fp32_accumulate == "capped":
        return dict.fromkeys(_CLASSES, _LOCKED) | {"dp": 1}
    return dict.fromkeys((*_CLASSES, "dp"), 0) | (_HALF if soldered.tensor_fp32_accumulate == "half" else {})


def _view(declared: "DeclaredCard") -> dict[str, Any]:
    nvml, total = declared.nvml, declared.nvml.memory_total_bytes or 0
    return {
        "device_id": nvml.device_id,
        "subsystem_vendor_id": nvml.subsystem_vendor_id,
        "subsystem_id": nvml.subsystem_id,
        "uuid": nvml.uuid,
        "gpu_part_number": nvml.gpu_part_number,
        # The driver keeps what it read at its start; a ROM that was flashed since says something else.
        "vbios_version": nvml.vbios_version,
        "memory_bytes": -(-total // _GRAIN_BYTES) * _GRAIN_BYTES or None,
        "bar1_bytes": nvml.bar1_total_bytes,
        "memory_bus_width_bits": nvml.memory_bus_width_bits,
        "mining": declared.profile.sku_class == "mining",
    }


def _firmware(declared: "DeclaredCard") -> dict[str, Any]:
    """What the ROM says where a scenario declares one, else what an honest ROM of the declared card would say."""
    rom, nvml = declared.scenario.declared.vbios, declared.nvml
    own = Identity(declared.profile, declared.scenario.seed)
    kind = (rom and next(iter(rom.memory_types), None)) or layout_of(declared.profile, nvml.memory_total_bytes).type
    kind = kind.removesuffix("e") if kind.startswith("HBM") else kind
    mobile = rom.mobile if rom else None
    return {
        "memory_type": kind,
        "memory_vendor": "Micron" if kind == "GDDR6X" else "Samsung",
        "memory_strap": 0,
        "mobile": declared.profile.form_factor == "laptop" if mobile is None else mobile,
        "chip_sku": (rom and rom.chip_sku) or (nvml.gpu_part_number or "").partition("-")[2][:3] or None,
        "project": (rom and rom.project) or _project(nvml.board_part_number) or own.project,
        "project_sku": None,
        "board_id": rom.board_id if rom else None,
        "factory_part_number": nvml.board_part_number,
        "factory_build_date": None,
        "factory_memory_vendor": None,
        "factory_memory_part": None,
    }


def _project(board_part_number: str | None) -> str | None:
    """``G136`` of ``900-1G136-2530-000``."""
    parts = (board_part_number or "").split("-")
    return parts[1][1:] or None if len(parts) > 1 else None


def _capability(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
