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
_SPEED = re.compile(r"\bSpeed (\d{1,3}(?:\.\d)?GT/s)")
_SPEEDS = re.compile(r"(\d{1,3}(?:\.\d)?)(?=GT/s|-|,)")
_WIDTH = re.compile(r"\bWidth x(\d{1,2})\b")
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
    offered = value.partition("supported:")[2]
    if sizes := tuple(int(number) * _UNITS[unit] for number, unit in _OFFERED.findall(offered[:400])):
        yield "bar1_supported_bytes", sizes


def _capability(value: str) -> Iterator[Field]:
    yield from _link("max", value)


def _state(value: str) -> Iterator[Field]:
    yield from _link("current", value)


def _link(which: str, value: str) -> Iterator[Field]:
    speed, width = _SPEED.search(value), _WIDTH.search(value)
    generation = link_generation(speed[1]) if speed else None
    if generation:
        yield f"link_generation_{which}", generation
    if width and int(width[1]) in _WIDTHS:
        yield f"link_lanes_{which}", int(width[1])


def _speeds(value: str) -> Iterator[Field]:
    listed = value.partition("Supported Link Speeds:")[2].partition("GT/s")[0]
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
