"""The table that plain ``nvidia-smi`` prints, old and new borders, whole or as rows cut out of it."""

import re

from gpucheck.sources import smi_fields as read
from gpucheck.sources.smi_draft import Draft

MAX_CARDS = 256
MAX_ROW = 300

_FIRST = re.compile(
    r"\s*(?:\|\s*)?(\d{1,3})\.?\s+([^\s|]{1,60}(?: [^\s|]{1,60}){0,9}?)(?:\s+(On|Off|WDDM|TCC|MCDM|N/A|ERR!))?\s*\|"
    r"\s*([0-9A-F]{4,8}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-7])\s*(On|Off|N/A|ERR!)?\s*\|"
    r"\s*(\d{1,9}\s+\d{1,9}(?=\s*\|)|[\w/!]{1,20})?",
    re.IGNORECASE,
)
"""Drivers before 310 have no column for persistence mode; those before 300 a dot behind the index."""
_COMMENT = re.compile(r"[ \t]{0,8}(?:[#>|%;*]|//|--|REM\b) ?(?=[|+])")
"""What a text puts before each line of a table that it quotes or makes a comment."""
_POWER = re.compile(r"(\d{1,5})W\s*/\s*(\d{1,5})W")
_MEMORY = re.compile(r"(\d{1,9})\s?Mi?B\s*/\s*(\d{1,9})\s?Mi?B")
_LAST_CELL = re.compile(r"\|\s*(Enabled\*?|Disabled\*?|N/A)\s*\|?\s*$")
_MIG = re.compile(
    r"\|?\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s*\|\s*\d+MiB\s*/\s*(\d{1,9})MiB\s*\|\s*(\d{1,4})\b"
)
_VERSION = re.compile(r"\b((?:NVIDIA-SMI|Driver Version:|KMD Version:|CUDA(?: UMD)? Version:)) +([\d.]{3,12}|N/A|ERR!)")


def read_table(lines: list[str]) -> list[Draft]:
    """Every card whose first row is among ``lines``; a second table of the same file repeats them."""
    drafts: list[Draft] = []
    head: dict[str, str] = {}
    stamp = ""
    rows_left = 0
    for line in map(_plain, lines):
        if len(line) > MAX_ROW or "|" not in line:
            rows_left = rows_left if line.startswith((" ", "-", "+")) else 0
            stamp = line if ":" in line and len(line) < MAX_ROW else stamp
        elif "Version:" in line and "SMI" in line:
            head = dict(_VERSION.findall(line))
        elif (first := _FIRST.match(line)) and len(drafts) < MAX_CARDS:
            drafts.append(_card(first, line, head, stamp))
            rows_left = 3
        elif rows_left and not line.lstrip().startswith(("|==", "|--", "+")):
            rows_left -= 1
            _later_row(drafts[-1], line)
        elif "MiB" in line and (mig := _MIG.match(line)):
            _mig_row(drafts, mig)
    return drafts


def _plain(line: str) -> str:
    """The line of a table without what a quotation puts before it."""
    quoted = _COMMENT.match(line)
    return line[quoted.end() :] if quoted else line


def _card(first: re.Match[str], line: str, head: dict[str, str], stamp: str) -> Draft:
    index, name, mode, bus, display, ecc = first.groups()
    draft = Draft("nvidia-smi table", index=int(index), timestamp=read.moment(stamp[:80]))
    draft.put("name", name)
    draft.put("bdf", bus)
    for field, title in (
        ("driver_version", "KMD Version:"),
        ("driver_version", "Driver Version:"),
        ("cuda_version", "CUDA UMD Version:"),
        ("cuda_version", "CUDA Version:"),
    ):
        if title in head:
            draft.put(field, head[title])
    if (mode or "").upper() in {"WDDM", "TCC", "MCDM"}:
        draft.put("driver_model", mode)
    if display:
        draft.put("display_active", display)
    _put_ecc(draft, ecc or "")
    draft.keep("table/1", line)
    draft.note_fault("table", line)
    return draft


def _put_ecc(draft: Draft, cell: str) -> None:
    """The column holds a count of errors where ECC is on, else why there is none.

    Drivers before 300 print two: first the errors that were corrected.
    """
    counts = cell.split()
    if counts and all(count.isdigit() for count in counts):
        draft.set("ecc_enabled", True, cell)
        draft.put("ecc_uncorrected_volatile", counts[-1])
    elif cell:
        draft.put("ecc_enabled", cell)


def _later_row(draft: Draft, line: str) -> None:
    draft.keep(f"table/{len(draft.raw) + 1}", line)
    draft.note_fault("table", line)
    if memory := _MEMORY.search(line):
        draft.put("memory_used_bytes", memory[1])
        draft.put("memory_total_bytes", memory[2])
        if power := _POWER.search(line):
            draft.put("power_limit_watts", power[2])
    elif "memory_total_bytes" in draft.values and (last := _LAST_CELL.search(line)):
        draft.put("mig_enabled", last[1].rstrip("*"))


def _mig_row(drafts: list[Draft], mig: re.Match[str]) -> None:
    index, gi, ci, _, total, sms = mig.groups()
    owner = next((draft for draft in reversed(drafts) if draft.index == int(index)), None)
    words = f"GI {gi} CI {ci}: {sms} SM, {total} MiB"
    if owner and len(owner.mig_instances) < 64 and words not in owner.mig_instances:
        owner.mig_instances.append(words)
