"""One function of an ``lspci`` text: its head, its details, its hex dump."""

import re
from dataclasses import dataclass, field
from typing import Any

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import PciFacts, PciSibling
from gpucheck.model.text import sanitise
from gpucheck.sources.files import normalise_bdf
from gpucheck.sources.lspci_details import DETAILS, read_detail, sizes_alone
from gpucheck.sources.pci_config import FULL_BYTES, OFF_THE_BUS, ConfigFacts, parse_config

NVIDIA = 0x10DE
DENIED = "lspci was run without root, and hides the capabilities"
NOT_SHOWN = "the listing does not show it; `lspci -vvv -nn` run by root does"

_RAW_ENTRIES = 60
_MAX_CAPABILITIES = 96
_PAIR = re.compile(r"\[([0-9a-f]{4}):([0-9a-f]{4})\]", re.IGNORECASE)
_NAMELESS = re.compile(r"\s*Device ([0-9a-f]{4}):([0-9a-f]{4})\b", re.IGNORECASE)
_BARE_PAIR = re.compile(r"(?:Device )?([0-9a-f]{4}):([0-9a-f]{4})(?![\w:])", re.IGNORECASE)
_DEVICE = re.compile(r"NVIDIA Corporation Device ([0-9a-f]{4})\b", re.IGNORECASE)
_NUMBERS = re.compile(r"\s*(?:Device)?\s*(?:[0-9a-f]{4}(?::[0-9a-f]{4})?)?\s*", re.IGNORECASE)
"""A description that names nothing: the id list did not know the card."""
_MAKER = re.compile(r"\s*(?:NVIDIA|nVidia) Corporation ", re.IGNORECASE)
_REVISION = re.compile(r"\(rev ([0-9a-f]{2})\)", re.IGNORECASE)
_INTERFACE = re.compile(r"\(prog-if ([0-9a-f]{2})", re.IGNORECASE)
_CLASSES = {
    "vga compatible controller": 0x0300, "3d controller": 0x0302, "display controller": 0x0380,
    "audio device": 0x0403, "usb controller": 0x0C03, "serial bus controller": 0x0C80, "pci bridge": 0x0604,
}  # fmt: skip
_LINK = ("link_generation_max", "link_lanes_max", "link_generation_current", "link_lanes_current")
_FROM_CONFIG = (*_LINK, "link_generation_target", "aer_status", "lane_errors")
_KEPT = ("Subsystem", "Region ", "BAR ")
_VERBOSE = (*_FROM_CONFIG, "bar1_supported_bytes")


@dataclass
class Function:
    """What the lines said so far. ``told`` holds fields of ``PciFacts``."""

    bdf: str
    class_code: int
    vendor_id: int
    device_id: int | None
    name: str | None
    told: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    dump: bytearray = field(default_factory=bytearray)
    section: str = ""
    last: str = ""
    """Title of the line before."""
    denied: bool = False
    verbose: bool = False

    @classmethod
    def of_head(cls, address: str, kind: str, number: str | None, rest: str, line: str) -> "Function | None":
        """Read the line that names the function. None where no maker can be made out."""
        bdf = normalise_bdf(address)
        described = rest.partition(" (rev ")[0].partition(" (prog-if ")[0]
        ids = _ids(described, bare=not kind)
        code = int(number, 16) if number else _CLASSES.get(kind.lower())
        if bdf is None or ids is None or code is None:
            return None
        revision, interface = _REVISION.search(rest), _INTERFACE.search(rest)
        interface_code = int(interface[1], 16) if interface else 0
        # A device id of zeros is none: its owner blanked it.
        function = cls(bdf, code << 8 | interface_code, ids[0], ids[1] or None, _name(described))
        function.raw["lspci"] = sanitise(line)
        if revision:
            function.told["revision_id"] = int(revision[1], 16)
        return function

    @property
    def below(self) -> str | None:
        """Domain and bus below a bridge, like ``0000:01``."""
        bus = self.told.get("secondary_bus")
        return None if bus is None else f"{self.bdf[:-8]}:{bus:02x}"

    @property
    def number(self) -> int | None:
        """The device id, from the head or else from the dump; None where neither has it or the card is lost."""
        return self._config().device_id if self.device_id is None else self.device_id

    @property
    def hidden(self) -> Unavailable:
        """Why a capability is not told."""
        if self.denied:
            return Unavailable(unavailable=Reason.NO_PERMISSION, detail=DENIED)
        return Unavailable(unavailable=Reason.NOT_REQUESTED, detail=NOT_SHOWN)

    def known(self, name: str) -> Any:
        """A field as far as the lines or the dump tell it."""
        if name not in self.told and self.dump:
            return getattr(self._config(), name, None)
        return self.told.get(name)

    def united(self, other: "Function") -> "Function":
        """The fuller one of two accounts of one function."""
        return self if len(self.told) + len(self.dump) > len(other.told) + len(other.dump) else other

    def add_row(self, offset: int, row: bytes) -> None:
        """Take a row of the hex dump; one that does not follow the last is left out."""
        if offset == len(self.dump) and offset % 16 == 0 and offset < FULL_BYTES:
            self.dump += row

    def detail(self, line: str) -> None:
        """Read an indented line."""
        title, _, value = line.partition(":")
        self.last = title
        if title == "Capabilities":
            self._capability(value.strip())
        elif line.startswith("!!! Unknown header type 7f"):
            self.told["off_bus"] = True
        elif title == "Subsystem" and (ids := _ids(value, bare=True)) and ids[1] is not None:
            self.told.setdefault("subsystem_vendor_id", ids[0])
            self.told.setdefault("subsystem_id", ids[1])
        else:
            self.verbose |= title in ("Control", "Flags", "Kernel modules", "Kernel driver in use")
            for name, found in read_detail(title, value.strip(), line, self.section):
                self._tell(name, found)
        if (title in DETAILS or title.startswith(_KEPT)) and len(self.raw) < _RAW_ENTRIES:
            self.raw.setdefault(f"lspci/{title}", sanitise(value))

    def continued(self, line: str) -> bool:
        """Take the rest of a list of BAR1's sizes that stands on a line of its own; False where this is none."""
        more = sizes_alone(line) if self.last.startswith("BAR ") else ()
        if more and self.last == "BAR 1" and "Virtual" not in self.section:
            self._tell("bar1_supported_bytes", more)
        return bool(more)

    def _tell(self, name: str, found: Any) -> None:
        if isinstance(found, tuple):
            found = (*self.told.get(name, ()), *found)[:_MAX_CAPABILITIES]
            self.told[name] = found
        elif name == "link_generation_max":
            # The list of supported speeds comes after the capability, and counts more.
            self.told[name] = found
        else:
            self.told.setdefault(name, found)

    def _capability(self, value: str) -> None:
        self.denied |= "access denied" in value
        match = re.match(r"\[([0-9a-f]{2,3})(?: v\d+)?\] (.{1,120})", value)
        if not match:
            return
        self.section = match[2]
        name = sanitise(re.split(r"[:<(]", match[2])[0], 60)
        self._tell("capabilities", (f"{name} at 0x{match[1]}",))

    def _config(self) -> ConfigFacts:
        """What the dump says; one that begins with another maker was not made of this function, or was damaged."""
        cut_off = Unavailable(unavailable=Reason.NOT_REQUESTED, detail=NOT_SHOWN)
        config = parse_config(bytes(self.dump), cut_off)
        foreign = config.vendor_id is not None and config.vendor_id != self.vendor_id
        return parse_config(b"", cut_off) if foreign else config

    def facts(self, siblings: tuple[PciSibling, ...], port: dict[str, Any]) -> PciFacts:
        """The finished section. What the text says counts more than what the dump holds; the dump says what is live."""
        config = self._config()
        told = {name: value for name, value in self.told.items() if name != "secondary_bus"}
        off_bus = bool(told.get("off_bus")) or config.off_bus or told.get("revision_id") == 0xFF
        missing = dict(port.pop("missing", {}))
        known = {"bdf": self.bdf, "vendor_id": self.vendor_id, "device_id": self.number, "name": self.name}
        known |= {"class_code": self.class_code, **self._live(config), **_filled(config, told), **told, **port}
        known |= {"siblings": siblings, "off_bus": off_bus}
        missing |= self._missing(known, off_bus)
        raw = dict(self.raw) | ({"config": self.dump.hex()} if self.dump else {})
        return PciFacts.model_validate({**known, "missing": missing, "raw": raw})

    def _live(self, config: ConfigFacts) -> dict[str, Any]:
        """What the dump says. Where the text is silent, that is the one account that there is, and no second one."""
        if not config.length:
            return {}
        ids = {"subsystem_vendor_id": config.subsystem_vendor_id, "subsystem_id": config.subsystem_id}
        live = {f"live_{name}": value for name, value in ids.items()} if "subsystem_id" in self.told else ids
        return {
            "config_bytes": config.length,
            "live_device_id": None if self.device_id is None else config.device_id,
            **live,
            "revision_id": config.revision_id,
            "capabilities": tuple(each.name for each in config.capabilities),
        }

    def _missing(self, known: dict[str, Any], off_bus: bool) -> dict[str, Unavailable]:
        missing = {name: self.hidden for name in _VERBOSE if known.get(name) is None}
        if known["device_id"] is None:
            missing["device_id"] = Unavailable(
                unavailable=Reason.NOT_REQUESTED, detail="printed without numeric ids, or with zeros"
            )
        if "driver" not in known and not self.verbose:
            missing["driver"] = Unavailable(unavailable=Reason.NOT_REQUESTED, detail=NOT_SHOWN)
        if off_bus:
            missing["config"] = Unavailable(unavailable=Reason.FAILED, detail=OFF_THE_BUS)
        return missing


def _filled(config: ConfigFacts, told: dict[str, Any]) -> dict[str, Any]:
    found = {name: getattr(config, name) for name in _FROM_CONFIG if name not in told}
    if 1 in config.resizable_bytes:
        found["bar1_supported_bytes"] = config.resizable_bytes[1]
    return found


def _ids(text: str, *, bare: bool) -> tuple[int, int | None] | None:
    """Vendor and device: in brackets, else NVIDIA's by name with or without a number, else bare where that is usual."""
    if pairs := _PAIR.findall(text):
        return int(pairs[-1][0], 16), int(pairs[-1][1], 16)
    if match := _DEVICE.search(text):
        return NVIDIA, int(match[1], 16)
    if match := _NAMELESS.match(text) or (_BARE_PAIR.search(text) if bare else None):
        return int(match[1], 16), int(match[2], 16)
    if _MAKER.match(text):
        return NVIDIA, None
    return None if bare else (0, None)


def _name(described: str) -> str | None:
    plain = _PAIR.sub("", described)
    plain = _MAKER.sub("", plain, count=1)
    return None if _NUMBERS.fullmatch(plain) else sanitise(plain) or None
