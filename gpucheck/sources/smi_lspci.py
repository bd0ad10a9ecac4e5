"""``lspci`` lines, as far as numeric ids go: NVIDIA functions of the display class with their subsystem and driver."""

import re

from gpucheck.model.evidence import PciFacts
from gpucheck.model.text import sanitise
from gpucheck.sources import smi_fields as read

NVIDIA = 0x10DE
MAX_FUNCTIONS = 256
MAX_LINE = 400

_HEAD = re.compile(
    r"\s{0,8}((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) "
    r"(VGA compatible controller|3D controller|Display controller)(?: \[(03[0-9a-f]{2})\])?: (.{1,300})",
    re.IGNORECASE,
)
_FUNCTION = re.compile(r"\s{0,8}(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] ", re.IGNORECASE)
_PAIR = re.compile(r"\[([0-9a-f]{4}):([0-9a-f]{4})\]", re.IGNORECASE)
_BARE_PAIR = re.compile(r"Device ([0-9a-f]{4}):([0-9a-f]{4})\b", re.IGNORECASE)
_DEVICE = re.compile(r"NVIDIA Corporation Device ([0-9a-f]{4})\b", re.IGNORECASE)
_REVISION = re.compile(r"\(rev ([0-9a-f]{2})\)", re.IGNORECASE)
_INTERFACE = re.compile(r"\(prog-if ([0-9a-f]{2})", re.IGNORECASE)
_CLASSES = {"vga compatible controller": 0x0300, "3d controller": 0x0302, "display controller": 0x0380}


def read_lspci(lines: list[str]) -> list[PciFacts]:
    """One record for every NVIDIA display function whose numeric device id is printed; the first of a repeat stays."""
    found: dict[str, dict[str, object]] = {}
    current: dict[str, object] | None = None
    for line in lines:
        if not line or len(line) > MAX_LINE:
            current = None if not line else current
        elif "controller" in line and (head := _HEAD.match(line)):
            bus = read.bus_id(head[1])
            current = found[bus] if bus in found else None if len(found) >= MAX_FUNCTIONS else _function(head, line)
            if current and bus:
                found[bus] = current
        elif current is not None:
            if line[0] not in " \t" or _FUNCTION.match(line):
                current = None
            else:
                _detail(current, line)
    return [PciFacts.model_validate(function) for function in found.values()]


def _function(head: re.Match[str], line: str) -> dict[str, object] | None:
    bus, kind, number, rest = head.groups()
    described, _, _ = rest.partition(" (rev ")
    pairs = _PAIR.findall(described)
    if pairs:
        vendor, device = (int(part, 16) for part in pairs[-1])
    elif match := _DEVICE.search(described):
        vendor, device = NVIDIA, int(match[1], 16)
    else:
        return None
    if vendor != NVIDIA:
        return None
    revision, interface = _REVISION.search(rest), _INTERFACE.search(rest)
    class_code = int(number, 16) if number else _CLASSES[kind.lower()]
    return {
        "bdf": read.bus_id(bus),
        "vendor_id": vendor,
        "device_id": device,
        "revision_id": int(revision[1], 16) if revision else None,
        "class_code": class_code << 8 | (int(interface[1], 16) if interface else 0),
        "name": sanitise(_PAIR.sub("", described).replace("NVIDIA Corporation ", "", 1)) or None,
        "raw": {"lspci": sanitise(line)},
    }


def _detail(function: dict[str, object], line: str) -> None:
    title, _, value = line.strip().partition(": ")
    if title == "Subsystem" and "subsystem_id" not in function:
        _subsystem(function, value)
    elif title == "Kernel driver in use":
        function.setdefault("driver", sanitise(value, 60))
    else:
        return
    raw = function["raw"]
    if isinstance(raw, dict):
        raw.setdefault(f"lspci/{title}", sanitise(value))


def _subsystem(function: dict[str, object], value: str) -> None:
    if pairs := _PAIR.findall(value) or _BARE_PAIR.findall(value):
        function["subsystem_vendor_id"], function["subsystem_id"] = (int(part, 16) for part in pairs[-1])
    elif match := _DEVICE.search(value):
        function["subsystem_vendor_id"], function["subsystem_id"] = NVIDIA, int(match[1], 16)
