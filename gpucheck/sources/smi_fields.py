"""How nvidia-smi prints a value, for all of its formats: numbers, ids, switches, and the many ways to say nothing."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.text import sanitise

Value = str | int | float | bool
Parser = Callable[[str], Value | None]

_ABSENT = {
    "n/a": Reason.NOT_SUPPORTED,
    "na": Reason.NOT_SUPPORTED,
    "not supported": Reason.NOT_SUPPORTED,
    "not available": Reason.NOT_SUPPORTED,
    "not found": Reason.NOT_SUPPORTED,
    "not applicable": Reason.NOT_SUPPORTED,
    "function not found": Reason.NOT_SUPPORTED,
    "requested functionality has been deprecated": Reason.NOT_SUPPORTED,
    "deprecated": Reason.NOT_SUPPORTED,
    "insufficient permissions": Reason.NO_PERMISSION,
    "no permission": Reason.NO_PERMISSION,
    "insufficient permission": Reason.NO_PERMISSION,
    "unknown error": Reason.FAILED,
    "unknown": Reason.FAILED,
    "err!": Reason.FAILED,
    "error": Reason.FAILED,
    "gpu is lost": Reason.FAILED,
    "gpu lost": Reason.FAILED,
    "gpu requires reset": Reason.FAILED,
    "reset required": Reason.FAILED,
    "driver not loaded": Reason.NOT_INSTALLED,
    "timeout": Reason.TIMED_OUT,
    "timed out": Reason.TIMED_OUT,
    "": Reason.FAILED,
}
_FAULTS = ("gpu is lost", "gpu lost", "unknown error", "err!", "gpu requires reset", "fallen off the bus")
_ON = {"enabled", "yes", "on", "active", "true", "1"}
_OFF = {"disabled", "no", "off", "not active", "false", "0"}
_UNITS = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_SIZE = re.compile(r"(\d{1,9})(?:\.(\d{1,6}))? ?([KMGT]?)i?B?(?: per (?:card|gpu))?", re.IGNORECASE)
_COUNT = re.compile(r"(\d{1,15})(?: ?(?:bank\(s\)|x|MHz))?", re.IGNORECASE)
_COUNTER = re.compile(r"(\d{1,20})(?: ?bank\(s\))?", re.IGNORECASE)
_WATTS = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?W?", re.IGNORECASE)
_CAPABILITY = re.compile(r"(?:sm_?)?(\d{1,2})\.?(\d)", re.IGNORECASE)
_PACKED_ID = re.compile(r"(?:0x)?([0-9a-f]{4})([0-9a-f]{4})", re.IGNORECASE)
_PAIR_ID = re.compile(r"(?:0x)?([0-9a-f]{4})[:-](?:0x)?([0-9a-f]{4})\b.*", re.IGNORECASE)
_SHORT_ID = re.compile(r"(?:0x)?([0-9a-f]{4})", re.IGNORECASE)
_BDF = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)
_UUID = re.compile(r"GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DRIVER = re.compile(r"\d{3}\.\d{2,3}(?:\.\d{1,3})?")
_CUDA = re.compile(r"\d{1,2}\.\d{1,2}(?:\.\d{1,3})?")
_WORDY_TIME = re.compile(r"[A-Z][a-z]{2} +([A-Z][a-z]{2}) +(\d{1,2}) +(\d\d):(\d\d):(\d\d) +(?:[A-Z]{2,5} +)?(\d{4})")
_PLAIN_TIME = re.compile(r"(\d{4})[/-](\d\d)[/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")


def absent(text: str) -> Unavailable | None:
    """The reason where ``text`` is one of nvidia-smi's ways of printing nothing, else None."""
    if len(text) > 64:
        return None
    plain = text.strip("[]<> \t").lower()
    if plain.startswith(("unknown error", "gpu is lost")):
        return Unavailable(unavailable=Reason.FAILED, detail=sanitise(text))
    reason = _ABSENT.get(plain)
    return None if reason is None else Unavailable(unavailable=reason, detail=sanitise(text) or "empty")


def fault_in(text: str) -> str | None:
    """The driver's own words where ``text`` states that the card is lost or in a fault state."""
    if len(text) > 200:
        return None
    lowered = text.lower()
    return sanitise(text.strip("[] \t")) if any(words in lowered for words in _FAULTS) else None


def words(text: str) -> str | None:
    """A free string, made harmless."""
    return sanitise(text) or None


def driver_model(text: str) -> str | None:
    """The model of a Windows driver."""
    return text.upper() if text.upper() in {"WDDM", "TCC", "MCDM"} else None


def version(text: str) -> str | None:
    """A VBIOS version, upper case: tools differ in the case of its digits."""
    return sanitise(text).upper() or None


def size(text: str) -> int | None:
    """Bytes; a bare number counts MiB, and ``MB`` means MiB as in old drivers."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    whole, fraction, unit = match.groups()
    shift = _UNITS[(unit or ("b" if text[-1] in "bB" else "m")).lower()]
    return (int(whole) << shift) + (int(float(f"0.{fraction}") * (1 << shift)) if fraction else 0)


def count(text: str) -> int | None:
    """A natural number, perhaps followed by its unit: ``16x``, ``10501 MHz``, ``640 bank(s)``."""
    match = _COUNT.fullmatch(text)
    return int(match[1]) if match else None


def counter(text: str) -> int | None:
    """A count of errors, as wide as a driver prints it. Whether it counts anything is another question."""
    match = _COUNTER.fullmatch(text)
    return int(match[1]) if match else None


def watts(text: str) -> float | None:
    """A power limit."""
    match = _WATTS.fullmatch(text)
    return float(match[1]) if match else None


def switch(text: str) -> bool | None:
    """On or off, in any of the words used for it."""
    plain = text.lower()
    return True if plain in _ON else False if plain in _OFF else None


def capability(text: str) -> str | None:
    """A compute capability such as ``8.9``; ``sm_89`` says the same."""
    match = _CAPABILITY.fullmatch(text)
    return f"{match[1]}.{match[2]}" if match else None


def bus_id(text: str) -> str | None:
    """A bus address as Linux writes it: ``00000000:01:00.0`` becomes ``0000:01:00.0``."""
    match = _BDF.fullmatch(text)
    if match is None:
        return None
    domain, bus, device, function = match.groups()
    return f"{int(domain or '0', 16):04x}:{bus}:{device}.{function}".lower()


def uuid(text: str) -> str | None:
    """A GPU's UUID, lower case after its prefix."""
    return "GPU-" + text[4:].lower() if _UUID.fullmatch(text) else None


def driver(text: str) -> str | None:
    """A driver version; what driver 610 adds in brackets is dropped."""
    match = _DRIVER.fullmatch(text.split(" [", 1)[0].strip())
    return match[0] if match else None


def cuda(text: str) -> str | None:
    """A CUDA version."""
    match = _CUDA.fullmatch(text.split(" [", 1)[0].strip())
    return match[0] if match else None


def identity(text: str) -> tuple[int | None, int] | None:
    """Vendor and device of ``0x268410DE``, ``10de:2684`` or ``0x2684``; the vendor of the last form is not known."""
    if match := _PACKED_ID.fullmatch(text):
        return int(match[2], 16), int(match[1], 16)
    if match := _PAIR_ID.fullmatch(text):
        return int(match[1], 16), int(match[2], 16)
    if match := _SHORT_ID.fullmatch(text):
        return None, int(match[1], 16)
    return None


def moment(text: str) -> datetime | None:
    """A timestamp. nvidia-smi prints local time without its zone; it is taken as UTC."""
    if match := _WORDY_TIME.search(text):
        month, day, hour, minute, second, year = match.groups()
        number = _MONTHS.index(month.lower()) + 1 if month.lower() in _MONTHS else 0
        parts = (int(year), number, int(day), int(hour), int(minute), int(second))
    elif match := _PLAIN_TIME.search(text):
        parts = tuple(int(part) for part in match.groups())  # type: ignore[assignment]
    else:
        return None
    try:
        return datetime(*parts, tzinfo=UTC)
    except ValueError:
        return None
