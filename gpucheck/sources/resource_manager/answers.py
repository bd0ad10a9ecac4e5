"""Structures that the resource manager answers: bytes to facts, each held against what any card can have.

Facts: ``ctrl2080*.h``, ``kernel_mc.c``, ``kernel_graphics.c`` and ``gpu.c`` of NVIDIA's open kernel modules, 515.43.04
to 595.45.04 (MIT). None of these functions raises, whatever the bytes.
"""

import datetime as dt
import re
import struct

from gpucheck.model.base import Unavailable
from gpucheck.sources.resource_manager.controls import entries
from gpucheck.sources.resource_manager.values import Facts, implausible, untold

RATE_NAMES = ("fmla16", "dp", "fmla32", "ffma", "imla0", "imla1", "imla2", "imla3", "imla4", "fp16", "fp32", "dfma",
              "dmla")  # fmt: skip
"""By index in the newer list of issue rates."""
SLOWEST_RATE = 6
"""1/64; no class of instructions has a larger divisor."""

_OLD_RATE_NAMES = ("imla0", "fmla16", "dp", "fmla32", "ffma", "imla1", "imla2", "imla3", "imla4")
"""In the order of the older structure, from its byte 16."""
_FACTORY_VENDORS = {"S": "Samsung", "H": "Hynix", "I": "Infineon"}
_NVIDIA = 0x10DE
_UUID = re.compile(r"GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CODE = re.compile(r"[0-9A-Za-z]{1,8}")
_MAX_CLUSTERS = 16
_FACTORY_FIELDS = ("factory_part_number", "factory_build_date", "factory_memory_vendor", "factory_memory_part")


def architecture(data: bytes) -> Facts:
    """Die and stepping, from the register that is wired in silicon."""
    family, member, revision = struct.unpack_from("<III", _whole(data, 16))
    chip: object = family | member
    if family & 0xF or not 0 < family <= 0x3F0 or member > 0xF:
        chip = implausible(f"architecture 0x{family:x}, implementation 0x{member:x}")
    step: object = f"{revision:02X}" if 0 < revision <= 0xFF else implausible(f"revision 0x{revision:x}")
    return {"chip_id": chip, "revision": step}


def pci_ids(data: bytes) -> Facts:
    """Device and subsystem as the driver's kernel half holds them."""
    device, subsystem = struct.unpack_from("<II", _whole(data, 16))
    if device & 0xFFFF != _NVIDIA or not 0 < device >> 16 < 0xFFFF:
        return dict.fromkeys(
            ("device_id", "subsystem_vendor_id", "subsystem_id"), implausible(f"PCI device 0x{device:08x}")
        )
    found: dict[str, object] = {"device_id": device >> 16}
    if subsystem in (0, 0xFFFFFFFF):
        return found | dict.fromkeys(("subsystem_vendor_id", "subsystem_id"), untold("the card states no subsystem"))
    return found | {"subsystem_vendor_id": subsystem & 0xFFFF, "subsystem_id": subsystem >> 16}


def uuid(data: bytes) -> Facts:
    """The die's id, in the form in which every tool prints it."""
    told = _text(_whole(data, 268)[12:])
    if isinstance(told, Unavailable) or not _UUID.fullmatch(told):
        return {"uuid": implausible("no UUID in the answer")}
    return {"uuid": told}


def chip_details(data: bytes) -> Facts:
    """The GPU part number, put together as the driver's tools do: device id, die SKU, stepping."""
    whole = _whole(data, 16)
    device, major, minor = (struct.unpack_from("<I", whole, place)[0] for place in (0, 8, 12))
    sku = _text(whole[4:8])
    if isinstance(sku, Unavailable) or not _CODE.fullmatch(sku):
        return {"gpu_part_number": untold("the VBIOS names no die SKU") if sku == "" else implausible("die SKU")}
    if not 0 < device < 0xFFFF or major > 0xF or minor > 0xF:
        return {"gpu_part_number": implausible(f"device 0x{device:x}, stepping {major:X}{minor:X}")}
    return {"gpu_part_number": f"{device:04X}-{sku}-{major:X}{minor:X}"}


def bios_sku(data: bytes) -> Facts:
    """Die SKU and board by the VBIOS. Up to branch 545 the structure was shorter, with narrower fields."""
    old = len(data) <= 32
    whole = _whole(data, 32 if old else 48)
    places = {"chip_sku": (4, 4), "project": (10, 5), "project_sku": (15, 5)} if old else {
        "chip_sku": (4, 9), "project": (24, 5), "project_sku": (29, 5)
    }  # fmt: skip
    board = struct.unpack_from("<I", whole)[0]
    found: dict[str, object] = {"board_id": board or untold("the VBIOS names no board id")}
    if board > 0xFFFF:
        found["board_id"] = implausible(f"board id 0x{board:x}")
    for name, (start, length) in places.items():
        told = _text(whole[start : start + length])
        if told == "":
            found[name] = untold("the VBIOS names none")
        else:
            found[name] = told if isinstance(told, str) and _CODE.fullmatch(told) else implausible("no such code")
    return found


def board_object(data: bytes) -> Facts:
    """What the factory wrote into the InfoROM. The serial number that stands beside it is left to NVML."""
    whole = _whole(data, 136)
    if not any(whole[:115]):
        return dict.fromkeys(_FACTORY_FIELDS, untold("the InfoROM has no board object"))
    maker, part = _text(whole[44:45]), _text(whole[45:65])
    return {
        "factory_build_date": _build_date(struct.unpack_from("<I", whole)[0]),
        "factory_memory_vendor": _FACTORY_VENDORS.get(maker, _stated(maker)) if isinstance(maker, str) else maker,
        "factory_memory_part": _stated(part),
        "factory_part_number": _stated(_text(whole[71:91])),
    }


def calibration(data: bytes) -> Facts:
    """Whether the memory's training failed on some line: five counts behind the flags."""
    return {"calibration_failed": any(struct.unpack_from("<5I", _whole(data, 24), 4))}


def clusters(data: bytes) -> Facts:
    """Which graphics clusters are there."""
    mask = struct.unpack_from("<I", _whole(data, 24), 16)[0]
    sound = 0 < mask.bit_count() <= _MAX_CLUSTERS
    return {"gpc_mask": mask if sound else implausible(f"graphics clusters 0x{mask:x}")}


def processors(data: bytes) -> int | Unavailable:
    """Which texture processors of one cluster are there."""
    mask: int = struct.unpack_from("<I", _whole(data, 24), 20)[0]
    sound = 0 < mask.bit_count() <= _MAX_CLUSTERS
    return mask if sound else implausible(f"texture processors 0x{mask:x} of a cluster that is there")


def issue_rates(data: bytes) -> Facts:
    """Issue rates by the older structure."""
    return _rates(dict(zip(_OLD_RATE_NAMES, _whole(data, 32)[16:25], strict=True)))


def issue_rate_list(data: bytes) -> Facts:
    """Issue rates by the newer list; classes that it names by an unknown index are passed over."""
    told = entries(data)
    if told is None:
        return {"issue_rates": implausible("a list longer than its place")}
    return _rates({RATE_NAMES[index]: rate for index, rate in told.items() if index < len(RATE_NAMES)})


def _rates(found: dict[str, int]) -> Facts:
    if not found:
        return {"issue_rates": untold("the driver lists no instruction class")}
    if any(rate > SLOWEST_RATE for rate in found.values()):
        return {"issue_rates": implausible(f"a rate of 1/2^{max(found.values())}")}
    return {"issue_rates": found}


def _build_date(number: int) -> object:
    """A date of eight decimal digits, four bits each."""
    if not number:
        return untold("no build date is filled in")
    digits = f"{number:08x}"
    try:
        date = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return implausible(f"build date {digits}")
    return date.isoformat() if 2000 <= date.year < 2100 else implausible(f"build date {digits}")


def _stated(told: str | Unavailable) -> str | Unavailable:
    return told if told != "" else untold("it is not filled in")


def _text(field: bytes) -> str | Unavailable:
    """Text of a fixed field: printable ASCII between the zeros that fill it at either end, without outer blanks."""
    core = field.strip(b"\0").partition(b"\0")[0]
    if any(not 0x20 <= byte < 0x7F for byte in core):
        return implausible("text with characters that no firmware prints")
    return core.decode("ascii").strip()


def _whole(data: bytes, length: int) -> bytes:
    """At least so many bytes: what a short answer lacks reads as zero."""
    return data.ljust(length, b"\0")
