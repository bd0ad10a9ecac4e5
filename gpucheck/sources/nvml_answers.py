"""How NVML's answers are read: a value, or ``NoAnswer`` with its reason; an "N/A" is never passed on as a fact."""

from collections.abc import Callable, Mapping
from typing import Any

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.counters import ALL_ONES, all_ones
from gpucheck.model.text import sanitise
from gpucheck.sources.files import normalise_bdf

_TEXT_LIMIT = 4096
_ABSENT = {"n/a", "[n/a]", "not supported", "[not supported]", "none"}
_FAILED = {"unknown error", "[unknown error]", "err!", "gpu is lost", "[gpu is lost]"}
NOT_AVAILABLE = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
"""What stands for a number that there is none of."""

_BRANDS = {
    1: "Quadro",
    2: "Tesla",
    3: "NVS",
    4: "GRID",
    5: "GeForce",
    6: "Titan",
    7: "NVIDIA Virtual Applications",
    8: "NVIDIA Virtual PC",
    9: "NVIDIA Virtual Compute Server",
    10: "NVIDIA RTX Virtual Workstation",
    11: "NVIDIA Cloud Gaming",
    12: "Quadro RTX",
    13: "NVIDIA RTX",
    14: "NVIDIA",
    15: "GeForce RTX",
    16: "Titan RTX",
    18: "NVIDIA RTX Virtual Game Development",
}
_ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
}
_VIRTUALIZATION = {0: "None", 1: "Pass-Through", 2: "VGPU", 3: "Host VGPU", 4: "Host VSGA"}
_DRIVER_MODELS = {0: "WDDM", 1: "TCC", 2: "MCDM"}


class NoAnswer(Exception):  # noqa: N818 - an outcome, not an error
    """The call went through and its answer holds no value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.unavailable = Unavailable(unavailable=reason, detail=detail)


def plain_text(answer: Any) -> str:
    """Return text on one safe line, whatever bytes it came as."""
    if isinstance(answer, bytes):
        answer = answer[:_TEXT_LIMIT].decode("utf-8", "replace")
    return sanitise(answer if isinstance(answer, str) else str(answer))


def raw_text(answer: Any) -> str:
    """Return an answer for ``raw``: text as it is, a structure as ``name=value`` pairs."""
    names = [field[0] for field in getattr(answer, "_fields_", ())] or sorted(getattr(answer, "__dict__", ()))
    if not names:
        return plain_text(answer)
    return sanitise(" ".join(f"{name}={_part(answer, name)}" for name in names))


def identity_text(answer: Any) -> str:
    """Text that names something. Placeholders are no names."""
    text = plain_text(answer)
    if not text:
        raise NoAnswer(Reason.NOT_SUPPORTED, "an empty answer")
    if text.lower() in _ABSENT:
        raise NoAnswer(Reason.NOT_SUPPORTED, f'answered "{text}"')
    if text.lower() in _FAILED:
        raise NoAnswer(Reason.FAILED, f'answered "{text}"')
    return text


def serial(answer: Any) -> str:
    """A serial number; "0" is what some boards hold instead of one."""
    text = identity_text(answer)
    if not text.strip("0"):
        raise NoAnswer(Reason.NOT_SUPPORTED, f'answered "{text}", which is no serial number')
    return text


def count(answer: Any) -> int:
    """A whole number, zero included; all ones mean "not available"."""
    if not isinstance(answer, int) or answer < 0:
        raise NoAnswer(Reason.FAILED, f"answered {plain_text(answer)[:40]}, which is no count")
    if answer in NOT_AVAILABLE:
        raise NoAnswer(Reason.NOT_SUPPORTED, 'answered "not available"')
    return answer


def counter(answer: Any) -> int:
    """A count of errors; all ones in any width mean that it is full or was not read."""
    value = count(answer)
    if all_ones(value):
        raise NoAnswer(Reason.FAILED, f"answered {value:,}: {ALL_ONES}")
    return value


def positive(answer: Any) -> int:
    """A number that is never zero on a card that works."""
    value = count(answer)
    if value == 0:
        raise NoAnswer(Reason.FAILED, "answered 0")
    return value


def flag(answer: Any) -> bool:
    """Off or on."""
    return count(answer) != 0


def first_flag(answer: Any) -> bool:
    """The current one of a pair of current and pending state."""
    return flag(answer[0])


def any_flag(answer: Any) -> bool:
    """Whether any of a list of states is on."""
    return any(flag(each) for each in answer)


def exhausted_banks(answer: Any) -> int:
    """Banks without a spare row, out of the histogram of spare rows."""
    return counter(answer.none)


def milliwatts(answer: Any) -> float:
    """Watts of a limit in milliwatts."""
    return positive(answer) / 1000


def power_range(answer: Any) -> Mapping[str, Any]:
    """Least and largest limit."""
    return {"power_min_watts": count(answer[0]) / 1000, "power_max_watts": milliwatts(answer[1])}


def page_count(answer: Any) -> int:
    """How many pages a list of addresses holds."""
    return len(answer)


def pdi(answer: Any) -> str:
    """The per-device identifier as nvidia-smi prints it."""
    return f"0x{positive(answer):016x}"


def cuda_version(answer: Any) -> str:
    """``12.4`` of 12040."""
    value = positive(answer)
    return f"{value // 1000}.{value % 1000 // 10}"


def compute_capability(answer: Any) -> str:
    """``8.9`` of (8, 9)."""
    major, minor = positive(answer[0]), count(answer[1])
    if major > 99 or minor > 9:
        raise NoAnswer(Reason.FAILED, f"answered {major}.{minor}")
    return f"{major}.{minor}"


def _named(names: Mapping[int, str], what: str) -> Callable[[Any], str]:
    def decode(answer: Any) -> str:
        value = count(answer)
        if value not in names:
            raise NoAnswer(Reason.NOT_SUPPORTED, f"{what} number {value} has no name that is known here")
        return names[value]

    return decode


brand = _named(_BRANDS, "brand")
architecture = _named(_ARCHITECTURES, "architecture")
virtualization = _named(_VIRTUALIZATION, "virtualization mode")
_driver_model = _named(_DRIVER_MODELS, "driver model")


def driver_model(answer: Any) -> str:
    """The current one of a pair of current and pending model."""
    return _driver_model(answer[0])


def pci(answer: Any) -> Mapping[str, Any]:
    """Unpack the two id words: device or subsystem above, vendor below."""
    device, subsystem = answer.pciDeviceId, answer.pciSubSystemId
    if device in (0, 0xFFFFFFFF):
        raise NoAnswer(Reason.FAILED, f"answered {device:#x} for the ids: the card is off the bus")
    facts = {"bdf": bdf_of(answer), "vendor_id": device & 0xFFFF, "device_id": device >> 16 & 0xFFFF}
    if subsystem not in (0, 0xFFFFFFFF):
        facts |= {"subsystem_vendor_id": subsystem & 0xFFFF, "subsystem_id": subsystem >> 16 & 0xFFFF}
    return facts


def bdf_of(answer: Any) -> str | None:
    """The address in an ``nvmlPciInfo_t``, from its numbers: the text in it may be undecodable."""
    return normalise_bdf(f"{answer.domain:x}:{answer.bus:x}:{answer.device:x}.0")


def memory(answer: Any) -> Mapping[str, Any]:
    """Sizes of an ``nvmlMemory_t`` or ``nvmlMemory_v2_t``; only the second tells what is reserved."""
    facts = {
        "memory_total_bytes": positive(answer.total),
        "memory_used_bytes": count(answer.used),
        "memory_free_bytes": count(answer.free),
    }
    reserved = getattr(answer, "reserved", None)
    return facts if reserved is None else facts | {"memory_reserved_bytes": count(reserved)}


def bar1(answer: Any) -> int:
    """Size of the BAR1 window."""
    return positive(answer.bar1Total)


def multiprocessors(answer: Any) -> int:
    """SM count out of the device attributes."""
    return positive(answer.multiprocessorCount)


def remapped_rows(answer: Any) -> Mapping[str, Any]:
    """Rows by cause, then the two states, which count even where the numbers cannot be read."""
    correctable, uncorrectable, pending, failure = answer
    return {
        "row_remap_correctable": _counter_or_why(correctable),
        "row_remap_uncorrectable": _counter_or_why(uncorrectable),
        "row_remap_pending": flag(pending),
        "row_remap_failure": flag(failure),
    }


def _counter_or_why(answer: Any) -> int | Unavailable:
    try:
        return counter(answer)
    except NoAnswer as error:
        return error.unavailable


def _part(answer: Any, name: str) -> str:
    try:
        value = getattr(answer, name)
    except UnicodeDecodeError:
        return "(undecodable)"
    return plain_text(value)
