"""The hardware registers of a simulated card: what its die and its soldered memory put into them, whatever is declared.

They are read by the same code that reads a real card's, from a table of words by offset.
"""

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.profile import Profile
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.units import MIB
from gpucheck.simulation.soldered import Soldered
from gpucheck.sources.registers.facts import collect
from gpucheck.sources.registers.layout import MEMORY_PARTITIONS, Name, places, register

NO_ROOT = Unavailable(unavailable=Reason.NO_PERMISSION, detail="only root may read the card's registers")
GUEST = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="a virtual machine's host may answer in the card's place")

_WINDOW_BYTES = 16 * MIB
_NO_REGISTER, _FUSED_OFF = 0xBADF1100, 0xBADF2010
_CONFIG, _CLAMSHELL = 0x069F9803, 1 << 22
"""As boards with GDDR6X on one side have it."""
_ALIAS = 0x40
_STRAP = 0
"""The first entry of the firmware's memory table."""
_REVISION = 0xA1
_NEWER = 0x170
"""From this chip on the first register carries marks above the chip's number."""


def registers(profile: Profile, soldered: Soldered, declared_device_id: int | None) -> Collected[RegisterFacts]:
    """What reading the registers gives. ``profile`` is that of the die, which may be sold under several device ids."""
    chip = profile.die.chip_id
    if chip is None:
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="the profile knows no number of this die")
    held = words(chip, soldered, _fused(profile, declared_device_id))
    return collect(lambda offset: held.get(offset, _NO_REGISTER), _WINDOW_BYTES, "simulated")


def words(chip: int, soldered: Soldered, fused: int) -> dict[int, int]:
    """Every register that the chip has, by offset in bytes."""
    size = soldered.memory_bytes // MIB
    values: dict[Name, int] = {
        "boot_0": (0xA0000000 if chip >= _NEWER else 0) | (chip >> 9) << 8 | (chip & 0x1FF) << 20 | _REVISION,
        "boot_42": chip << 20 | _REVISION << 12,
        "straps": _STRAP,
        "memory_range": _range(size),
        "usable_memory": size,
        "fused_device_id_a": fused,
        "fused_device_id_b": fused + _ALIAS,
        "device_id_locked": 1,
        "gpc_disable": 0,
        "fbp_disable": 0,
    }
    found = {offset: value for name, value in values.items() for offset in places(register(name), chip)}
    return found | _partitions(chip, soldered)


def _range(size_mib: int) -> int:
    """Six bits of size and four of scale: what does not fit is rounded down, as firmware does."""
    scale = max(0, size_mib.bit_length() - 6)
    return size_mib >> scale << 4 | scale


def _partitions(chip: int, soldered: Soldered) -> dict[int, int]:
    """Configuration and size of each partition that is wired; of those that are not, that they are fused off."""
    width = 256 if soldered.memory_type.startswith("HBM") else 64
    used = min(-(-soldered.memory_bus_width_bits // width), MEMORY_PARTITIONS.get(chip, 0))
    config = _CONFIG | (_CLAMSHELL if soldered.clamshell else 0)
    amounts = _amounts(soldered, used, width)
    held: dict[Name, list[int]] = {"partition_config": [config] * used, "partition_amount": amounts}
    return {
        offset: values[number] if number < used else _FUSED_OFF
        for name, values in held.items()
        for number, offset in enumerate(places(register(name), chip))
    }


def _amounts(soldered: Soldered, used: int, width: int) -> list[int]:
    """MiB of each partition. A bus that is no multiple of a partition's width leaves the last one half wired."""
    channel = soldered.memory_bytes // MIB * width // soldered.memory_bus_width_bits
    rest = soldered.memory_bus_width_bits % width
    return [channel] * (used - 1) + [channel * rest // width if rest else channel] if used else []


def _fused(profile: Profile, declared: int | None) -> int:
    """The id of the die: the declared one where the SKU has it, for a SKU may have several."""
    known = profile.device_ids
    return declared if declared in known and declared is not None else (known[0] if known else 0xFFFF)
