"""``lspci -mm`` and ``-vmm``, which programs read: turned into the lines that ``lspci`` prints for people."""

import re
from collections.abc import Iterator

from gpucheck.sources.file_reading import MAX_LINE_CHARS

_ADDRESS = r"(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
_ROW = re.compile(rf'({_ADDRESS}) "([^"]{{2,80}})" "([^"]{{0,120}})" "([^"]{{0,200}})"(.{{0,400}})', re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]{0,200})"')
_REVISION = re.compile(r" -r([0-9a-f]{2})\b", re.IGNORECASE)
_SLOT = re.compile(rf"Slot:\t({_ADDRESS})\s*", re.IGNORECASE)
_FIELD = re.compile(r"(\w{2,20}):\t(.{0,200})")
_NUMBERED = re.compile(r"(.*?) ?\[([0-9a-f]{4})\]\s*", re.IGNORECASE)
_BARE = re.compile(r"[0-9a-f]{4}", re.IGNORECASE)


def for_people(lines: list[str]) -> list[str]:
    """The lines, with every function that a program was to read as one for people; the same where there is none."""
    if not any('"' in line[:48] or line.startswith("Slot:") for line in lines):
        return lines
    return list(_turned(lines))


def _turned(lines: list[str]) -> Iterator[str]:
    record: dict[str, str] = {}
    for line in (*lines, ""):
        if slot := _SLOT.fullmatch(line):
            yield from _of_record(record)
            record = {"Slot": slot[1]}
        elif record and (found := _FIELD.fullmatch(line)):
            record.setdefault(found[1], found[2])
        else:
            yield from _of_record(record)
            record = {}
            yield from _of_row(line) or (line,)


def _of_row(line: str) -> tuple[str, ...]:
    """A line of ``-mm``; nothing where it is none."""
    row = _ROW.match(line) if len(line) <= MAX_LINE_CHARS else None
    if row is None:
        return ()
    revision, more = _REVISION.search(row[5]), _QUOTED.findall(row[5])
    return _function(row[1], row[2], row[3], row[4], revision[1] if revision else "", more)


def _of_record(record: dict[str, str]) -> tuple[str, ...]:
    """The lines of ``-vmm``, by their titles."""
    if "Class" not in record:
        return ()
    board = [record[title] for title in ("SVendor", "SDevice") if title in record]
    kind, vendor, device, revision = (record.get(title, "") for title in ("Class", "Vendor", "Device", "Rev"))
    driver = (f"\tKernel driver in use: {record['Driver']}",) if "Driver" in record else ()
    return (*_function(record["Slot"], kind, vendor, device, revision, board), *driver)


def _function(slot: str, kind: str, vendor: str, device: str, revision: str, board: list[str]) -> tuple[str, ...]:
    name, code = _parted(kind)
    end = f" (rev {revision})" if revision else ""
    subsystem = (f"\tSubsystem: {_described(*board[:2])}",) if len(board) > 1 else ()
    head = f"{name} [{code}]" if name and code else name or code
    return (f"{slot} {head}: {_described(vendor, device)}{end}", *subsystem)


def _described(vendor: str, device: str) -> str:
    """Maker and model with their numbers, as far as they were printed."""
    (maker, first), (model, second) = _parted(vendor), _parted(device)
    numbers = f"{first}:{second}" if first and second else ""
    if not maker and not model:
        return numbers
    return f"{maker} {model}".strip() + (f" [{numbers}]" if numbers else "")


def _parted(text: str) -> tuple[str, str]:
    """Name and number of what was printed with ``-nn``, with ``-n`` or plain."""
    text = text.strip()
    if _BARE.fullmatch(text):
        return "", text
    numbered = _NUMBERED.fullmatch(text)
    return (numbered[1].strip(), numbered[2]) if numbered else (text, "")
