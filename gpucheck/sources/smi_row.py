"""Rows without a header: ``NVIDIA GeForce RTX 4090, 49140 MiB, 0x268410DE``. Each cell is known by its own look.

A line counts only if every one of its cells is of a known look and one is the name of a card, so prose never does.
"""

import re
from collections.abc import Iterator

from gpucheck.sources import smi_fields as read
from gpucheck.sources.smi_draft import Draft

MAX_ROW = 600
MIN_ROW = 8
MIN_MIB = 512
TOTAL_FROM = 0.985

CARD_NAME = (
    r"(?:NVIDIA )?(?:GeForce|Quadro|Tesla|TITAN|GRID|NVS|RTX|GTX|GT|CMP|DGX|Jetson|Tegra|Orin|Thor|PG\d{3}"
    r"|Graphics Device|G[BH]\d{1,3}|[ABHLPTKMV]\d{1,4}[A-Z]{0,3})\b(?:-[\w.()/+-]{1,24})?(?: [\w.()/+-]{1,24}){0,8}"
)
_NAME = re.compile(CARD_NAME)
_FAMILY = re.compile(r"NVIDIA |GeForce|Quadro|Tesla|TITAN|GRID|Graphics Device|CMP |RTX |GTX |P10\d-|[AHL]\d{2,3}-")
_INDEX = re.compile(r"(?:GPU ?#?)?(\d{1,3})")
_INTEGER = re.compile(r"\d{1,9}")
_SIZE = re.compile(r"\d{1,9} ?MiB")
_PACKED = re.compile(r"0x[0-9A-Fa-f]{8}")
_PAIR = re.compile(r"10de:[0-9a-f]{4}", re.IGNORECASE)
_VBIOS = re.compile(r"[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{2}){4}")
_LONG_DRIVER = re.compile(r"\d{3}\.\d{2,3}\.\d{2}")
_SHORT_DRIVER = re.compile(r"[3-9]\d\d\.\d\d")
_CAPABILITY = re.compile(r"\d{1,2}\.\d")
_ROUND_WATTS = re.compile(r"\d{1,4}\.00(?: W)?")
_SERIAL = re.compile(r"\d{13}")
_GPU_PART = re.compile(r"[0-9A-F]{4}-\d{3}-[A-Z]\d")
_BOARD_PART = re.compile(r"\d{3}-\w{5}-\w{4}-\w{3}")
_OTHER = re.compile(
    r"-?\d{1,6}(?:\.\d{1,3})? ?(?:%|W|C|MHz|x|MB/s|us)?|P\d{1,2}|0x[0-9A-Fa-f]{1,16}"
    r"|\d{4}[/-]\d\d[/-]\d\d[ T][\d:.]{5,15}Z?"
    r"|Enabled|Disabled|On|Off|Yes|No|Default|Active|Not Active|WDDM|TCC|MCDM|None|Exclusive_Process|Prohibited"
    r"|G\d{3}\.\d{4}\.\d\d\.\d\d|GPU-[0-9a-f-]{30,40}",
    re.IGNORECASE,
)
_SIMPLE = (
    (_VBIOS, "vbios_version"),
    (_LONG_DRIVER, "driver_version"),
    (_CAPABILITY, "compute_capability"),
    (_SERIAL, "serial"),
    (_GPU_PART, "gpu_part_number"),
    (_BOARD_PART, "board_part_number"),
)
_SEPARATORS = (",", "|", "\t", ";")


def read_row(line: str) -> Draft | None:
    """The card of a line that is a row and nothing else."""
    if len(line) > MAX_ROW or len(line) < MIN_ROW or not _FAMILY.search(line):
        return None
    stripped = line.strip().strip("|")
    for separator in _SEPARATORS:
        if separator in stripped:
            draft = row_of_cells([cell.strip().strip('`"') for cell in stripped.split(separator)])
            if draft is not None:
                return draft
    return None


def row_of_cells(cells: list[str]) -> Draft | None:
    """The card of ``cells``, None where one of them is of no known look, or no fact stands beside the name."""
    names = [i for i, cell in enumerate(cells) if _FAMILY.match(cell) and _NAME.fullmatch(cell)]
    if len(names) != 1 or len(cells) < 2:
        return None
    at = names[0]
    draft = Draft("nvidia-smi --query-gpu")
    draft.put("name", cells[at])
    if at and (index := _INDEX.fullmatch(cells[0])):
        draft.index = int(index[1])
    others = [cell for i, cell in enumerate(cells) if i != at and not (i == 0 and draft.index is not None)]
    if not others or not all(_take(draft, cell) for cell in others):
        return None
    _take_memory(draft, cells[at + 1 :])
    draft.keep("row", ", ".join(cells))
    return draft


def _take(draft: Draft, cell: str) -> bool:
    """Read one cell by its look; False where it has none."""
    for look, name in _SIMPLE:
        if name not in draft.values and look.fullmatch(cell):
            draft.put(name, cell)
            return True
    if (gone := read.absent(cell)) is not None:
        draft.note_fault("row", gone.detail)
        return True
    found = _name_of(draft, cell)
    if found:
        draft.put(found, cell)
        return True
    return bool(_SIZE.fullmatch(cell) or _OTHER.fullmatch(cell))


def _name_of(draft: Draft, cell: str) -> str | None:
    """The field of a cell whose look alone does not tell it."""
    if _PACKED.fullmatch(cell) or _PAIR.fullmatch(cell):
        return "pci_subsystem" if "device_id" in draft.values else "pci_device"
    if read.bus_id(cell):
        return "bdf"
    if read.uuid(cell):
        return "uuid"
    if _ROUND_WATTS.fullmatch(cell):
        return "power_limit_watts"
    if cell in {"WDDM", "TCC", "MCDM"}:
        return "driver_model"
    short_driver = "driver_version" not in draft.values and _SHORT_DRIVER.fullmatch(cell)
    return "driver_version" if short_driver else None


def _take_memory(draft: Draft, cells: list[str]) -> None:
    """The total is the largest size of a row; without units, of the first run of whole numbers that can hold one."""
    sizes = [int(cell.split("M")[0]) for cell in cells if _SIZE.fullmatch(cell)]
    if not sizes:
        sizes = next((run for run in _runs(cells) if _may_be_total(max(run))), [])
    if sizes:
        draft.put("memory_total_bytes", f"{max(sizes)} MiB")


def _may_be_total(mib: int) -> bool:
    """Whether a bare number can be a memory total: just below a whole number of gibibytes (of halves when small).

    Clocks, the other large bare numbers of such rows, are near multiples of 1000 MHz, 2.3 % below those of 1024.
    """
    step = 1024 if mib > 2048 else 512
    nominal = -(-mib // step) * step
    return mib >= MIN_MIB - 16 and mib >= TOTAL_FROM * nominal


def _runs(cells: list[str]) -> Iterator[list[int]]:
    run: list[int] = []
    for cell in cells:
        if _INTEGER.fullmatch(cell):
            run.append(int(cell))
        elif run:
            yield run
            run = []
    if run:
        yield run


def read_rows(lines: list[str]) -> list[Draft]:
    """Cards of all lines that are rows."""
    drafts: list[Draft] = []
    for line in lines:
        if len(drafts) < 256 and (draft := read_row(line)):
            drafts.append(draft)
    return drafts
