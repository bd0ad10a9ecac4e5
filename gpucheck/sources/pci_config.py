"""The PCI configuration space of one function: bytes in, facts out. Any bytes give facts; nothing is ever raised.

Offsets and bits are those of the PCI Local Bus 3.0 and PCI Express Base specifications, as ``linux/pci_regs.h`` names
them. Without root the kernel hands out 64 bytes: the header. With it 256, or 4096 where the function is PCI Express.
"""

from dataclasses import dataclass, field, replace

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.units import MIB

HEADER_BYTES = 64
"""All that a user without root may read."""
PLAIN_BYTES = 256
"""The space of a function that is not PCI Express, and of an old ``lspci -xxx``."""
FULL_BYTES = 4096

OFF_THE_BUS = "the card does not answer on the bus: every byte of its configuration reads as ff"

_EXPRESS, _AER, _RESIZABLE, _LANES = 0x10, 0x01, 0x15, 0x19
_STEPS = 96
"""More capabilities than fit; a chain that is longer runs in a circle."""
_NAMES = {
    0x01: "Power Management", 0x05: "MSI", 0x09: "Vendor Specific", 0x0D: "Subsystem ID", _EXPRESS: "PCI Express",
    0x11: "MSI-X", 0x13: "Advanced Features",
}  # fmt: skip
_EXTENDED = {
    _AER: "Advanced Error Reporting", 0x02: "Virtual Channel", 0x03: "Serial Number", 0x04: "Power Budgeting",
    0x0B: "Vendor Specific", 0x0D: "Access Control", 0x0E: "Alternative Routing", 0x10: "Single Root Virtualization",
    _RESIZABLE: "Resizable BAR", 0x18: "Latency Tolerance", _LANES: "Secondary PCI Express", 0x1E: "L1 Substates",
    0x25: "Data Link Feature", 0x26: "Physical Layer 16 GT/s", 0x27: "Lane Margining", 0x2A: "Physical Layer 32 GT/s",
}  # fmt: skip
_UNCORRECTABLE = {
    4: "DLP", 5: "SDES", 12: "TLP", 13: "FCP", 14: "CmpltTO", 15: "CmpltAbrt", 16: "UnxCmplt", 17: "RxOF",
    18: "MalfTLP", 19: "ECRC", 20: "UnsupReq", 21: "ACSViol",
}  # fmt: skip
_CORRECTABLE = {0: "RxErr", 6: "BadTLP", 7: "BadDLLP", 8: "Rollover", 12: "Timeout", 13: "AdvNonFatalErr"}


@dataclass(frozen=True, slots=True)
class Capability:
    """An entry of one of the two chains of capabilities."""

    id: int
    offset: int
    extended: bool = False

    @property
    def name(self) -> str:
        """Like ``PCI Express at 0x78``."""
        known = (_EXTENDED if self.extended else _NAMES).get(self.id)
        kind = "extended capability" if self.extended else "capability"
        return f"{known or f'{kind} {self.id:#04x}'} at {self.offset:#x}"


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """What the bytes say. ``missing`` has the reason, by field name, of what they do not."""

    length: int
    off_bus: bool = False
    vendor_id: int | None = None
    device_id: int | None = None
    revision_id: int | None = None
    class_code: int | None = None
    bridge: bool = False
    subsystem_vendor_id: int | None = None
    subsystem_id: int | None = None
    bar_addresses: tuple[int, ...] = ()
    """Addresses of the BARs that are set, in order; a 64-bit BAR takes two places and counts once."""
    secondary_bus: int | None = None
    """Of a bridge: the bus below it."""
    capabilities: tuple[Capability, ...] = ()
    link_generation_max: int | None = None
    link_lanes_max: int | None = None
    link_generation_current: int | None = None
    link_lanes_current: int | None = None
    link_generation_target: int | None = None
    resizable_bytes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """BAR number to the sizes that it may take."""
    aer_status: tuple[str, ...] | None = None
    lane_errors: tuple[int, ...] | None = None
    missing: dict[str, Unavailable] = field(default_factory=dict)


def parse_config(data: bytes, cut_off: Unavailable | None = None) -> ConfigFacts:
    """Read a configuration space of any length. ``cut_off`` is the reason why no more bytes were to be had."""
    space = _Space(data[:FULL_BYTES], cut_off)
    if data and not data[:HEADER_BYTES].strip(b"\xff"):
        reason = Unavailable(unavailable=Reason.FAILED, detail=OFF_THE_BUS)
        return ConfigFacts(len(space.data), off_bus=True, missing={"config": reason})
    facts = replace(_header(space), capabilities=(*_plain(space), *_extended(space)))
    facts = _with_link(space, facts)
    return _with_extras(space, facts)


class _Space:
    """Bytes that may end anywhere. A read behind the end gives None."""

    def __init__(self, data: bytes, cut_off: Unavailable | None) -> None:
        self.data = data
        self.cut_off = cut_off

    def number(self, offset: int, size: int) -> int | None:
        if offset < 0 or offset + size > len(self.data):
            return None
        return int.from_bytes(self.data[offset : offset + size], "little")

    def absent(self, needed: int, what: str) -> Unavailable:
        """Why a fact that lies in the first ``needed`` bytes is not there."""
        if len(self.data) >= needed:
            return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=f"the card has no {what} capability")
        detail = f"only {len(self.data)} bytes of the configuration space are at hand"
        return self.cut_off or Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=detail)


def _header(space: _Space) -> ConfigFacts:
    code = space.number(9, 3)
    kind = space.number(0x0E, 1)
    bridge = kind is not None and kind & 0x7F == 1
    # Only a plain function has its subsystem at 0x2c; zero is what a function shows that was never set up.
    plain = kind is not None and kind & 0x7F == 0
    return ConfigFacts(
        len(space.data),
        vendor_id=space.number(0, 2),
        device_id=space.number(2, 2),
        revision_id=space.number(8, 1),
        class_code=code,
        bridge=bridge,
        subsystem_vendor_id=space.number(0x2C, 2) if plain else None,
        subsystem_id=space.number(0x2E, 2) if plain else None,
        bar_addresses=_bars(space, 2 if bridge else 6 if plain else 0),
        secondary_bus=space.number(0x19, 1) if bridge else None,
    )


def _bars(space: _Space, count: int) -> tuple[int, ...]:
    addresses, index = [], 0
    while index < count:
        low = space.number(0x10 + 4 * index, 4)
        if low is None:
            break
        address, wide = (low & ~3, False) if low & 1 else (low & ~15, low & 6 == 4)
        wide = wide and index + 1 < count
        if wide:
            address |= (space.number(0x14 + 4 * index, 4) or 0) << 32
        if address:
            addresses.append(address)
        index += 2 if wide else 1
    return tuple(addresses)


def _plain(space: _Space) -> list[Capability]:
    """The chain in the first 256 bytes. A status bit says whether there is one."""
    if not (space.number(6, 2) or 0) & 0x10:
        return []
    found: list[Capability] = []
    offset = (space.number(0x34, 1) or 0) & 0xFC
    while HEADER_BYTES <= offset < PLAIN_BYTES and len(found) < _STEPS:
        kind, after = space.number(offset, 1), space.number(offset + 1, 1)
        if kind is None or after is None or kind == 0xFF or any(c.offset == offset for c in found):
            break
        found.append(Capability(kind, offset))
        offset = after & 0xFC
    return found


def _extended(space: _Space) -> list[Capability]:
    found: list[Capability] = []
    offset = PLAIN_BYTES
    while offset >= PLAIN_BYTES and len(found) < _STEPS:
        head = space.number(offset, 4)
        if not head or head == 0xFFFFFFFF or any(c.offset == offset for c in found):
            break
        found.append(Capability(head & 0xFFFF, offset, extended=True))
        offset = head >> 20 & 0xFFC
    return found


def _at(facts: ConfigFacts, kind: int, *, extended: bool) -> int | None:
    return next((c.offset for c in facts.capabilities if (c.id, c.extended) == (kind, extended)), None)


def _with_link(space: _Space, facts: ConfigFacts) -> ConfigFacts:
    """The link's capability, state and target. From version 2 on the speeds are listed apart, and that list counts."""
    at = _at(facts, _EXPRESS, extended=False)
    capable = None if at is None else space.number(at + 0x0C, 4)
    if at is None or capable is None:
        reason = space.absent(PLAIN_BYTES, "PCI Express")
        names = ("link_generation_max", "link_lanes_max", "link_generation_current", "link_lanes_current")
        return replace(facts, missing={**facts.missing, **dict.fromkeys(names, reason)})
    state, speeds, control = (space.number(at + where, 2) for where in (0x12, 0x2C, 0x30))
    newer = (space.number(at + 2, 1) or 0) & 0xF >= 2
    listed = (speeds or 0) >> 1 & 0x7F if newer else 0
    return replace(
        facts,
        link_generation_max=listed.bit_length() or _speed(capable & 0xF),
        link_lanes_max=_width(capable >> 4 & 0x3F),
        link_generation_current=None if state is None else _speed(state & 0xF),
        link_lanes_current=None if state is None else _width(state >> 4 & 0x3F),
        link_generation_target=_speed(control & 0xF) if newer and control is not None else None,
    )


def _speed(code: int) -> int | None:
    return code if 1 <= code <= 7 else None


def _width(code: int) -> int | None:
    return code if code in (1, 2, 4, 8, 12, 16, 32) else None


def _with_extras(space: _Space, facts: ConfigFacts) -> ConfigFacts:
    resizable, errors, lanes = _resizable(space, facts), _errors(space, facts), _lane_errors(space, facts)
    missing = dict(facts.missing)
    for name, value, what in (
        ("bar1_supported_bytes", resizable.get(1), "resizable BAR"),
        ("aer_status", errors, "error reporting"),
        ("lane_errors", lanes, "secondary PCI Express"),
    ):
        if value is None:
            missing[name] = space.absent(FULL_BYTES, what)
    return replace(facts, resizable_bytes=resizable, aer_status=errors, lane_errors=lanes, missing=missing)


def _resizable(space: _Space, facts: ConfigFacts) -> dict[int, tuple[int, ...]]:
    """Sizes by BAR: bit 4 of the capability stands for 1 MiB, the control's upper half goes on from 256 TiB."""
    at = _at(facts, _RESIZABLE, extended=True)
    first = None if at is None else space.number(at + 8, 4)
    if at is None or first is None:
        return {}
    found: dict[int, tuple[int, ...]] = {}
    for entry in range(min(first >> 5 & 7, 6)):
        offered, control = space.number(at + 4 + 8 * entry, 4), space.number(at + 8 + 8 * entry, 4)
        if offered is None or control is None:
            break
        mask = offered >> 4 | control >> 16 << 28
        if mask and control & 7 < 6:
            found[control & 7] = tuple(MIB << n for n in range(mask.bit_length()) if mask >> n & 1)
    return found


def _errors(space: _Space, facts: ConfigFacts) -> tuple[str, ...] | None:
    at = _at(facts, _AER, extended=True)
    if at is None:
        return None
    grave, light = space.number(at + 4, 4), space.number(at + 0x10, 4)
    if grave is None or light is None:
        return None
    return (*_bits(grave, _UNCORRECTABLE), *_bits(light, _CORRECTABLE))


def _bits(value: int, names: dict[int, str]) -> list[str]:
    return [name for bit, name in names.items() if value >> bit & 1]


def _lane_errors(space: _Space, facts: ConfigFacts) -> tuple[int, ...] | None:
    at = _at(facts, _LANES, extended=True)
    status = None if at is None else space.number(at + 8, 4)
    return None if status is None else tuple(lane for lane in range(32) if status >> lane & 1)
