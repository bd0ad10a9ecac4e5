"""The indented lines below a function in ``lspci -v`` and ``-vvv``: pure text to fields of ``PciFacts``."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from gpucheck.model.text import sanitise
from gpucheck.model.units import GIB, KIB, MIB
from gpucheck.sources.pci_files import link_generation

_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": GIB << 10}
_SIZE = re.compile(r"\[size=(\d{1,6})([KMGT]?)\]")
_OFFERED = re.compile(r"(\d{1,4})([KMGT])B\b")
_ONLY_SIZES = re.compile(r"[ \t]{0,40}(?:\d{1,4}[KMGT]B[ \t]{0,4}){1,40}")
_SPEED = re.compile(r"\bSpeed (\d{1,3}(?:\.\d)?GT/s)")
_SPEEDS = re.compile(r"(\d{1,3}(?:\.\d)?)(?=GT/s|-|,)")
_WIDTH = re.compile(r"\bWidth x(\d{1,2})\b")
_WIDTH_WITHIN = re.compile(r"\bWidth x(\d{1,2})[, ]")
"""More always follows a capability's: where nothing does, the line was cut off, perhaps within the number."""
_TARGET = re.compile(r"Target Link Speed: (\d{1,3}(?:\.\d)?GT/s)")
_RAISED = re.compile(r"\b([A-Za-z]{2,16})\+(?=\s|$)")
_SECONDARY = re.compile(r"secondary=([0-9a-f]{2})\b", re.IGNORECASE)
_LANE = re.compile(r"\b(\d{1,2})\b")
_WIDTHS = (1, 2, 4, 8, 12, 16, 32)

Field = tuple[str, Any]


def read_detail(title: str, value: str, line: str, section: str) -> Iterator[Field]:
    """Fields that one line tells. ``section`` is the capability that it stands below."""
    if title.startswith(("Region ", "Memory at", "I/O ports at")):
        yield from _region(line)
    elif title.startswith("BAR 1") and "Virtual" not in section:
        yield from _offered(value)
    elif title in DETAILS:
        yield from DETAILS[title](value)


def _region(line: str) -> Iterator[Field]:
    if match := _SIZE.search(line):
        yield "bar_sizes_bytes", (int(match[1]) * _UNITS[match[2]],)


def _offered(value: str) -> Iterator[Field]:
    set_now, _, offered = value.partition("supported:")
    sizes = sizes_in(offered)
    # A list that ends below the size in use was cut off.
    if sizes and max(sizes) >= max(sizes_in(set_now), default=0):
        yield "bar1_supported_bytes", sizes


def sizes_alone(line: str) -> tuple[int, ...]:
    """Sizes of a line of nothing else, with which a list goes on that a mail or a forum broke; none where it is not."""
    return sizes_in(line) if _ONLY_SIZES.fullmatch(line) else ()


def sizes_in(text: str) -> tuple[int, ...]:
    """Sizes in bytes, like ``256MB``, in their order."""
    return tuple(int(number) * _UNITS[unit] for number, unit in _OFFERED.findall(text[:400]))


def _capability(value: str) -> Iterator[Field]:
    yield from _link("max", value, _WIDTH_WITHIN)


def _state(value: str) -> Iterator[Field]:
    yield from _link("current", value, _WIDTH)


def _link(which: str, value: str, lanes: re.Pattern[str]) -> Iterator[Field]:
    speed, width = _SPEED.search(value), lanes.search(value)
    generation = link_generation(speed[1]) if speed else None
    if generation:
        yield f"link_generation_{which}", generation
    if width and int(width[1]) in _WIDTHS:
        yield f"link_lanes_{which}", int(width[1])


def _speeds(value: str) -> Iterator[Field]:
    listed, end, _ = value.partition("Supported Link Speeds:")[2].partition("GT/s")
    if not end:
        # Cut off, as where a mail broke the line: the highest speed stands last.
        return
    generations = [link_generation(f"{speed}GT/s") for speed in _SPEEDS.findall(f"{listed}GT/s")]
    if known := [each for each in generations if each]:
        yield "link_generation_max", max(known)


def _target(value: str) -> Iterator[Field]:
    match = _TARGET.search(value)
    if match and (generation := link_generation(match[1])):
        yield "link_generation_target", generation


def _errors(value: str) -> Iterator[Field]:
    yield "aer_status", tuple(_RAISED.findall(value[:300]))


def _lanes(value: str) -> Iterator[Field]:
    named = _LANE.findall(value.partition("lane:")[2][:100])
    yield "lane_errors", tuple(int(lane) for lane in named if int(lane) < 32)


def _driver(value: str) -> Iterator[Field]:
    if value:
        yield "driver", sanitise(value, 60)


def _bus(value: str) -> Iterator[Field]:
    if match := _SECONDARY.search(value):
        yield "secondary_bus", int(match[1], 16)


def _power(value: str) -> Iterator[Field]:
    if match := re.match(r"(D[0-3](?:hot|cold)?) ", value):
        yield "power_state", match[1]


DETAILS: dict[str, Callable[[str], Iterator[Field]]] = {
    "LnkCap": _capability,
    "LnkSta": _state,
    "LnkCap2": _speeds,
    "LnkCtl2": _target,
    "UESta": _errors,
    "CESta": _errors,
    "LaneErrStat": _lanes,
    "Kernel driver in use": _driver,
    "Bus": _bus,
    "Status": _power,
}
"""Title of a line to its reader; a reader that tells tuples adds to those of earlier lines."""
