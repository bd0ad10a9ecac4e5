"""The last resort: reports, logs and lists that carry nvidia-smi's values in lines of their own making.

Only lines with a structure count. A sentence that mentions a card and a size is not evidence of either.
"""

import re
from collections.abc import Iterator

from gpucheck.sources.smi_draft import Draft
from gpucheck.sources.smi_row import CARD_NAME, row_of_cells

MAX_LINE = 600
MAX_CARDS = 64
MAX_EMBEDDED = 1000

_LISTED = re.compile(r"\W{0,6}GPU (\d{1,3}): (\S.{0,63}?) \(UUID: ([^)]{0,60})\)")
_PROFILE = re.compile(
    r"\|\s*(\d{1,3})\s+MIG (\d{1,2}g\.\d{1,4}gb\S{0,12})\s+\d{1,3}\s+\d{1,3}/\d{1,3}"
    r"\s+([\d.]{1,8})\s+(?:No|Yes)\s+(\d{1,4})\s"
)
_LOST = re.compile(r".{0,80}device handle for GPU ?(?:\d{1,3}: ?)?([0-9A-Fa-f:.]{10,16}): (.{1,120})")
_RIG = re.compile(rf"\W{{0,8}}GPU ?#?(\d{{1,3}})\W{{1,6}}({CARD_NAME}) *\|(.+)")
_FLASHER = re.compile(
    r"\s{0,4}<(\d{1,2})> (\S.{0,60}?) +\((10DE),([0-9A-F]{4}),([0-9A-F]{4}),([0-9A-F]{4})\)"
    r" +(?:[HN]:[\w-]{1,4},)?S:([0-9A-F]{2}),B:([0-9A-F]{2}),(?:\w{2,4},)?D:([0-9A-F]{2}),F:(?:0)?([0-7])",
    re.IGNORECASE,
)
_FIELD_REPORT = re.compile(rf"\W{{0,4}}(\d{{1,2}}) ?[x\u00d7] ({CARD_NAME}) (\d{{1,3}}) ?GB \(sm_?(\d{{2,3}})\)\s*")
_EMBEDDED = re.compile(
    rf"(?:\b(?:GPU ?#?)?(\d{{1,3}})[:\]]? +)?\b({CARD_NAME}), ?(\d{{3,7}}) ?MiB((?:, ?[^,;|/\uff1b]{{1,40}}){{0,8}})"
)
_AFTER_ROW = re.compile(r"\s*(?:$|[;|/,\uff1b\uff0c)\]])")
_DETAILS = (
    ("Power", "power_limit_watts", re.compile(r"\blimit=(\d+(?:\.\d+)?) ?W")),
    ("Power", "power_default_watts", re.compile(r"\bdefault=(\d+(?:\.\d+)?) ?W")),
    ("Power", "power_min_watts", re.compile(r"\bmin=(\d+(?:\.\d+)?) ?W")),
    ("Power", "power_max_watts", re.compile(r"\bmax=(\d+(?:\.\d+)?) ?W")),
    ("PCIe", "pcie_lanes_current", re.compile(r"\bx(\d{1,2}) lanes negotiated")),
    ("PCIe", "pcie_lanes_max", re.compile(r"\bmax x(\d{1,2})\b")),
    ("PCIe", "pcie_generation_max", re.compile(r"\bGen up to (\d)\b")),
    ("PCIe", "bdf", re.compile(r"\bbus ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])")),
)


def read_list(lines: list[str]) -> list[Draft]:
    """Cards of ``nvidia-smi -L``, and those that nvidia-smi could no longer reach."""
    drafts: dict[str, Draft] = {}
    for line in lines:
        if "UUID: " in line and (listed := _LISTED.match(line)):
            draft = drafts.setdefault(listed[1], Draft("text", index=int(listed[1])))
            draft.put("name", listed[2])
            draft.put("uuid", listed[3])
            draft.keep("list", f"GPU {listed[1]}: {listed[2]} (UUID: {listed[3]})")
        elif "device handle for GPU" in line and (lost := _LOST.match(line)):
            draft = drafts.setdefault(lost[1], Draft("text"))
            draft.put("bdf", lost[1])
            draft.keep("message", lost[0])
            draft.note_fault("message", lost[2])
        elif "  MIG " in line and (profile := _PROFILE.match(line)):
            draft = drafts.setdefault(profile[1], Draft("text", index=int(profile[1])))
            # Profiles are only listed where MIG is on.
            draft.set("mig_enabled", True, profile[2])
            draft.mig_instances.append(profile[2])
            draft.keep(f"mig profile {profile[2]}", f"{profile[3]} GiB, {profile[4]} SM")
        if len(drafts) >= MAX_CARDS:
            break
    return list(drafts.values())


def read_reports(lines: list[str]) -> list[Draft]:
    """Cards of rig reports, flashing logs, field reports and rows inside log lines; the first kind that is found."""
    for reader in (_rigs, _flashers, _field_reports, _embedded):
        drafts: list[Draft] = []
        for draft in reader(lines):
            drafts.append(draft)
            if len(drafts) >= MAX_CARDS:
                break
        if drafts:
            return drafts
    return []


def _rigs(lines: list[str]) -> Iterator[Draft]:
    """``- **GPU 0:** NVIDIA GeForce RTX 3080 | 20480 MiB | driver ... | VBIOS ...`` and the bullets below it."""
    draft: Draft | None = None
    for line in lines:
        if "GPU" in line and len(line) < MAX_LINE and (row := _RIG.match(line)):
            if draft:
                yield draft
            draft = _rig(row)
        elif draft and line[:1] in " \t" and line.strip():
            _rig_detail(draft, line[:MAX_LINE])
        elif draft:
            yield draft
            draft = None
    if draft:
        yield draft


def _rig(row: re.Match[str]) -> Draft | None:
    draft = Draft("text", index=int(row[1]))
    for cell in row[3].split("|"):
        title, _, value = cell.strip().partition(" ")
        if title.isdigit() and value == "MiB":
            draft.put("memory_total_bytes", cell.strip())
        elif title.lower() == "driver":
            draft.put("driver_version", value)
        elif title.lower() == "vbios":
            draft.put("vbios_version", value)
    if not draft.values:
        return None
    draft.put("name", row[2].strip())
    draft.keep("report", row[0])
    return draft


def _rig_detail(draft: Draft, line: str) -> None:
    for topic, name, look in _DETAILS:
        if topic in line and (match := look.search(line)):
            draft.put(name, match[1])
            draft.keep(f"report/{topic}", line.strip())


def _flashers(lines: list[str]) -> Iterator[Draft]:
    """The adapters that a VBIOS flashing tool lists, with their ids and addresses."""
    seen = set()
    for line in lines:
        if "<" in line and len(line) < MAX_LINE and (row := _FLASHER.match(line)) and row[0] not in seen:
            seen.add(row[0])
            index, name, vendor, device, sub_vendor, sub, domain, bus, slot, function = row.groups()
            draft = Draft("text", index=int(index))
            draft.put("name", name)
            draft.put("pci_device", f"{vendor}:{device}")
            draft.put("pci_subsystem", f"{sub_vendor}:{sub}")
            draft.put("bdf", f"00{domain}:{bus}:{slot}.{function}")
            draft.keep("flasher", row[0])
            yield draft


def _field_reports(lines: list[str]) -> Iterator[Draft]:
    """``1x RTX 4080S 32GB (sm89)``."""
    for line in lines:
        if "(sm" in line and len(line) < 200 and (row := _FIELD_REPORT.fullmatch(line)):
            for _ in range(min(int(row[1]), 16)):
                draft = Draft("text")
                draft.put("name", row[2])
                draft.put("memory_total_bytes", f"{row[3]} GiB")
                draft.put("compute_capability", row[4])
                draft.keep("report", line.strip())
                yield draft


def _embedded(lines: list[str]) -> Iterator[Draft]:
    """Rows inside other lines. A log repeats them: an equal row on another line is the same card again."""
    seen: dict[str, int] = {}
    lines_left = MAX_EMBEDDED
    for line in lines:
        if "MiB" not in line or len(line) > MAX_LINE:
            continue
        lines_left -= 1
        if not lines_left:
            return
        here: dict[str, int] = {}
        for row in _EMBEDDED.finditer(line):
            if not _AFTER_ROW.match(line, row.end()):
                continue
            draft = _embedded_card(row)
            if draft is None:
                continue
            key = ", ".join(draft.raw.values())
            here[key] = here.get(key, 0) + 1
            if here[key] > seen.get(key, 0):
                seen[key] = here[key]
                yield draft


def _embedded_card(row: re.Match[str]) -> Draft | None:
    cells = [row[2], f"{row[3]} MiB"]
    for cell in row[4].split(","):
        if not cell.strip():
            continue
        if row_of_cells([*cells, cell.strip()]) is None:
            break
        cells.append(cell.strip())
    draft = row_of_cells(cells)
    if draft:
        draft.route = "text"
        draft.index = int(row[1]) if row[1] else None
    return draft
