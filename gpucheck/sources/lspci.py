"""``lspci`` text of any verbosity, with numeric ids or without, with hex dumps or without: NVIDIA's display functions.

Functions of other makers are looked at for two things: the port above a card, and signs of a virtual machine.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import PciFacts, PciSibling
from gpucheck.sources.lspci_function import NVIDIA, Function
from gpucheck.sources.lspci_machine import for_people

MAX_FUNCTIONS = 4096
MAX_CARDS = 256
MAX_LINE = 600

_HEAD = re.compile(
    r"(?:IOMMU Group \d{1,4}:? )?([ \t]{0,8})((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) "
    r"([A-Za-z0-9][\w /,()+-]{2,60}?)(?: \[([0-9a-f]{4})\])?: (\S.{0,400})",
    re.IGNORECASE,
)
_NUMERIC = re.compile(
    r"([ \t]{0,8})((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) (?:Class )?()"
    r"([0-9a-f]{4}): ([0-9a-f]{4}:[0-9a-f]{4}(?: .{0,100})?)",
    re.IGNORECASE,
)
_ROW = re.compile(r"[ \t]{0,8}([0-9a-f]{2,3}):((?: [0-9a-f]{2}){1,16})\s*", re.IGNORECASE)
_GUESTS = (
    (0x1B36, "qemu", "QEMU/KVM"), (0x15AD, "vmware", "VMware"), (0x80EE, "virtualbox", "VirtualBox"),
    (0x1414, "hyper-v", "Hyper-V"), (0x5853, "xen platform", "Xen"), (0x1AF4, "virtio", "QEMU/KVM"),
)  # fmt: skip
"""Makers of devices that machines of their own seldom have, with a word of their names; virtio comes last, as the least
telling: some clouds lend whole machines with it, and of those a little less is judged."""
_DISPLAY, _BRIDGE = 0x03, 0x0604


@dataclass(frozen=True, slots=True)
class Listing:
    """What a text shows: the cards, and the virtual machine that it was made in, where a device gives that away."""

    cards: tuple[PciFacts, ...] = ()
    hypervisor: str | None = None
    notes: tuple[str, ...] = ()
    """What was left out, for the reader."""


def read_lspci(lines: list[str]) -> Listing:
    """Read every function in the lines. Of one that is listed twice the fuller account stays."""
    found = _functions(for_people(lines))
    machines = _machines(found)
    shown = sum(_is_card(function) for machine in machines for function in machine)
    cards = islice((card for machine in machines for card in _cards(machine)), MAX_CARDS)
    return Listing(tuple(cards), _guest(found), tuple(_left_out(len(found), shown)))


def _left_out(functions: int, cards: int) -> Iterator[str]:
    if functions >= MAX_FUNCTIONS:
        yield f"only the first {MAX_FUNCTIONS:,} functions of the lspci listing were read"
    if cards > MAX_CARDS:
        yield f"only the first {MAX_CARDS} of {cards:,} cards in the lspci listing are judged"


def _machines(found: list[Function]) -> list[list[Function]]:
    """Functions that were seen side by side: where an address changes its card, another listing has begun.

    A text may show a host and its guest, or a machine before and after a card was changed.
    """
    machines: list[dict[str, Function]] = [{}]
    for function in found:
        held = machines[-1].get(function.bdf)
        if held and _differ(held, function):
            machines.append({})
            held = None
        machines[-1][function.bdf] = function.united(held) if held else function
    return [list(functions.values()) for functions in machines]


def _differ(one: Function, other: Function) -> bool:
    known = None not in (one.device_id, other.device_id)
    changed = known and (one.vendor_id, one.device_id) != (other.vendor_id, other.device_id)
    return changed and (_is_card(one) or _is_card(other))


def _is_card(function: Function) -> bool:
    return function.vendor_id == NVIDIA and function.class_code >> 16 == _DISPLAY


def _cards(machine: list[Function]) -> Iterator[PciFacts]:
    shown = [function for function in machine if _is_card(function)]
    ports = {f.below: f for f in machine if f.class_code >> 8 == _BRIDGE and f.below}
    return (_card(each, machine, ports) for each in shown)


def _functions(lines: list[str]) -> list[Function]:
    found: list[Function] = []
    current: Function | None = None
    indent = 0
    for line in lines:
        if not line.strip() or len(line) > MAX_LINE:
            current = None if not line.strip() else current
            continue
        head = _NUMERIC.match(line) or _HEAD.match(line) if _may_be_head(line) else None
        if head:
            indent = len(head[1].expandtabs())
            if len(found) >= MAX_FUNCTIONS:
                break
            current = Function.of_head(head[2], head[3], head[4], head[5], line)
            found += [current] if current else []
        elif current and (row := _ROW.fullmatch(line)):
            current.add_row(int(row[1], 16), bytes.fromhex(row[2]))
        elif current and current.continued(line):
            continue
        elif current and _depth(line) > indent:
            current.detail(line.strip())
        else:
            current = None
    return found


def _may_be_head(line: str) -> bool:
    """Cheap and never wrong: an address has a colon and a dot near the line's start."""
    start = line[:32]
    return ":" in start and "." in start


def _depth(line: str) -> int:
    return len(line.expandtabs()) - len(line.expandtabs().lstrip(" "))


def _card(function: Function, everything: list[Function], ports: dict[str, Function]) -> PciFacts:
    slot, bus = function.bdf.rpartition(".")[0], function.bdf.rpartition(":")[0]
    siblings = tuple(
        PciSibling(
            bdf=f.bdf, vendor_id=f.vendor_id, device_id=number, class_code=f.class_code, driver=f.told.get("driver")
        )
        for f in everything
        if f is not function and f.bdf.startswith(f"{slot}.") and (number := f.number) is not None
    )
    return function.facts(siblings, _port(ports.get(bus)))


def _port(port: Function | None) -> dict[str, object]:
    names = ("port_link_generation_max", "port_link_lanes_max", "port_link_generation_target")
    if port is None:
        reason = Unavailable(unavailable=Reason.NOT_REQUESTED, detail="the listing does not show the port above")
        return {"missing": dict.fromkeys(names, reason)}
    told = {name: port.known(name.removeprefix("port_")) for name in names}
    missing = {name: port.hidden for name, value in told.items() if value is None}
    return {"port_bdf": port.bdf, **told, "missing": missing}


def _guest(functions: list[Function]) -> str | None:
    for vendor, word, guest in _GUESTS:
        if any(f.vendor_id == vendor or word in (f.name or "").lower() for f in functions):
            return guest
    return None
