"""Looking for faults in profile files: against the models, against physics, and against each other."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gpucheck.model.base import Frozen
from gpucheck.model.modification import Modification
from gpucheck.model.profile import Die, MemoryLayout, Profile, UnlistedFile, VendorFile
from gpucheck.model.text import sanitise
from gpucheck.profile_file import DieText, ProfileError, build_profile, cut, parse_toml, problems_of, read_bytes

# Blocks of PCI device ids by die. Sources: dev_nv_xve of open-gpu-doc (Turing, GA100 to GA107), gpu-admin-tools
# (Blackwell), the published product tables of NVIDIA's kernel modules (Hopper, Ada). Older dies interleave theirs.
_ID_BLOCKS: dict[str, tuple[int, int]] = {
    "TU102": (0x1E00, 0x1E7F),
    "TU104": (0x1E80, 0x1EFF),
    "TU106": (0x1F00, 0x1F7F),
    "TU117": (0x1F80, 0x1FFF),
    "TU116": (0x2180, 0x21FF),
    "GA100": (0x2080, 0x20FF),
    "GA102": (0x2200, 0x227F),
    "GA103": (0x2400, 0x247F),
    "GA104": (0x2480, 0x24FF),
    "GA106": (0x2500, 0x257F),
    "GA107": (0x2580, 0x25FF),
    "GH100": (0x2300, 0x237F),
    "AD102": (0x2680, 0x26FF),
    "AD103": (0x2700, 0x277F),
    "AD104": (0x2780, 0x27FF),
    "AD106": (0x2800, 0x287F),
    "AD107": (0x2880, 0x28FF),
    "GB100": (0x2900, 0x297F),
    "GB102": (0x2980, 0x29FF),
    "GB110": (0x3180, 0x31FF),
    "GB112": (0x3200, 0x327F),
    "GB202": (0x2B80, 0x2BFF),
    "GB203": (0x2C00, 0x2C7F),
    "GB205": (0x2F00, 0x2F7F),
    "GB206": (0x2D00, 0x2D7F),
    "GB207": (0x2D80, 0x2DFF),
}
_ID_EXCEPTIONS: frozenset[tuple[str, int]] = frozenset()
"""(die, device id) pairs that NVIDIA really sells outside the block of the die. None is known."""

M = TypeVar("M", bound=Frozen)

_HBM_STACK_BITS = 1024
_CHANNEL_BITS = 32


@dataclass
class _Found:
    """What the files hold so far, and what is wrong with it."""

    profiles: list[tuple[str, Profile]] = field(default_factory=list)
    modifications: list[tuple[str, Modification]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def validate(paths: Iterable[Path], *, known_ids: Callable[[], set[str]] | None = None) -> list[str]:
    """Return every problem of the files, and of the ``*.toml`` files of the folders; an empty list where there is none.

    ``known_ids`` gives profile ids of other files that a modification may name as its base.
    """
    found = _Found()
    for path in _files(paths, found):
        try:
            _read(path, found)
        except ProfileError as error:
            found.problems.append(error.message)
    found.problems += _between_profiles(found.profiles)
    found.problems += _between_modifications(found, known_ids)
    return found.problems


def _files(paths: Iterable[Path], found: _Found) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.rglob("*.toml"))
        if not inside:
            found.problems.append(f"{path}: no *.toml file in this folder")
        yield from inside


def _read(path: Path, found: _Found) -> None:
    where = str(path)
    data = read_bytes(path)
    table = parse_toml(data, where)
    if "die" in table or "sku" in table:
        _read_die_file(path, table, found)
    elif "modification" in table:
        _read_modifications(where, table, data, found)
    elif "vendor" in table:
        _model(VendorFile, table, where, found)
    elif "unlisted" in table:
        _model(UnlistedFile, table, where, found)
    else:
        found.problems.append(f"{where}: neither a die with its SKUs nor modifications")


def _read_die_file(path: Path, table: dict[str, Any], found: _Found) -> None:
    where = str(path)
    unknown = sorted(set(table) - {"die", "sku"})
    found.problems += [f"{where}: unknown table {sanitise(key)!r}" for key in unknown]
    die = _model(Die, table.get("die", {}), f"{where}: die", found)
    skus = table.get("sku", [])
    if die is None or not isinstance(skus, list) or not all(isinstance(sku, dict) for sku in skus):
        if die is not None:
            found.problems.append(f"{where}: sku must be written as [[sku]] tables")
        return
    blocks = [block.decode("utf-8") for block in DieText(path).blocks]
    if len(blocks) != len(skus):
        found.problems.append(f"{where}: every SKU starts with a line [[sku]], and no text holds such a line")
        return
    for block, sku in zip(blocks, skus, strict=True):
        _read_sku(where, sku, block, die, found)


def _read_sku(where: str, sku: dict[str, Any], block: str, die: Die, found: _Found) -> None:
    place = f"{where}: {sanitise(str(sku.get('id', 'a SKU without id')))}"
    try:
        profile = build_profile(sku, die, "")
    except ValidationError as error:
        found.problems += [f"{place}: {line}" for line in problems_of(error)]
        return
    lines = (*_spelling(profile, block), *_names(profile), *_physics(profile), *_ids(profile))
    found.problems += [f"{place}: {line}" for line in lines]
    found.profiles.append((where, profile))


def _model(model: type[M], value: Any, place: str, found: _Found) -> M | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found.problems += [f"{place}: {line}" for line in problems_of(error)]
        return None


def _read_modifications(where: str, table: dict[str, Any], data: bytes, found: _Found) -> None:
    entries = table["modification"]
    if not isinstance(entries, list):
        found.problems.append(f"{where}: modification must be written as [[modification]] tables")
        return
    if len(cut(data, b"modification")) - 1 != len(entries):
        found.problems.append(f"{where}: every modification starts with a line [[modification]]")
    for number, entry in enumerate(entries, start=1):
        name = entry.get("id", number) if isinstance(entry, dict) else number
        place = f"{where}: {sanitise(str(name))}"
        known = _model(Modification, entry, place, found)
        if known is None:
            continue
        quoted = (known.id, *known.base_profiles)
        found.problems += [f'{place}: not written as "{name}"' for name in quoted if f'"{name}"'.encode() not in data]
        found.problems += [f"{place}: {line}" for line in _invisible((known.title, *known.signs))]
        found.modifications.append((where, known))


def _spelling(profile: Profile, block: str) -> Iterator[str]:
    """Faults that only the text shows: the catalog searches it before it parses."""
    if f'"{profile.id}"' not in block:
        yield f'the id is not written as "{profile.id}"'
    for device_id in profile.device_ids:
        if not re.search(rf"\b0x{device_id:04x}\b", block):
            yield f"device id {device_id:04x} is not written as 0x{device_id:04x}: four digits, lower case"


def _names(profile: Profile) -> Iterator[str]:
    yield from _invisible((profile.name, *profile.nvml_names, *profile.other_names))


def _invisible(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        hidden = [c for c in text if unicodedata.category(c)[0] in "CZ" and c != " "]
        if hidden or text != text.strip():
            codes = ", ".join(f"U+{ord(c):04X}" for c in hidden) or "a blank at its edge"
            yield f"the text {sanitise(text)!r} holds an invisible character: {codes}"


def _physics(profile: Profile) -> Iterator[str]:
    top = profile.die.sm_count_max
    for count in profile.sm_counts:
        if top is not None and count > top:
            yield f"{count} SMs, but {profile.die.name} has {top}"
    for layout in profile.memory:
        yield from _layout(layout)
    largest = max(size for layout in profile.memory for size in layout.sizes_mib)
    for total in profile.reported_mib:
        if total > largest * 1.001:
            yield f"reported_mib {total} is more than the largest capacity, {largest} MiB"


def _layout(layout: MemoryLayout) -> Iterator[str]:
    bus = layout.bus_width_bits
    if list(layout.sizes_mib) != sorted(set(layout.sizes_mib)):
        yield f"capacities {list(layout.sizes_mib)} are not ascending"
    if bus is None:
        return
    hbm = layout.type.startswith("HBM")
    unit = _HBM_STACK_BITS if hbm else _CHANNEL_BITS
    if bus % unit:
        yield f"a bus of {bus} bit is no multiple of {unit}"
        return
    # HBM products leave out spare rows: their capacity need not divide.
    uneven = [] if hbm or layout.uneven else [size for size in layout.sizes_mib if size % (bus // unit)]
    for size in uneven:
        yield f"{size} MiB do not divide over {bus // unit} channels of {unit} bit; say why in `uneven`"


def _ids(profile: Profile) -> Iterator[str]:
    block = _ID_BLOCKS.get(profile.die.name)
    for device_id in profile.device_ids:
        owner = next((die for die, (low, high) in _ID_BLOCKS.items() if low <= device_id <= high), None)
        wrong = owner not in (None, profile.die.name) or (block is not None and owner is None)
        if wrong and (profile.die.name, device_id) not in _ID_EXCEPTIONS:
            yield f"device id 0x{device_id:04x} lies in the block of {owner or 'no die'}, not of {profile.die.name}"
    for device_id in set(profile.subsystems) - set(profile.device_ids):
        yield f"subsystems are given for 0x{device_id:04x}, which is none of its device ids"


def _between_profiles(profiles: list[tuple[str, Profile]]) -> Iterator[str]:
    by_id: dict[str, list[str]] = defaultdict(list)
    by_device: dict[int, list[tuple[str, Profile]]] = defaultdict(list)
    for where, profile in profiles:
        by_id[profile.id].append(where)
        for device_id in profile.device_ids:
            by_device[device_id].append((where, profile))
    for profile_id, places in by_id.items():
        if len(places) > 1:
            yield f"{places[1]}: {profile_id}: the id is taken already, in {places[0]}"
    for device_id, sharing in by_device.items():
        for (_, one), (where, other) in combinations(sharing, 2):
            if not _distinct(device_id, one, other):
                both = f"{other.id}: nothing tells it from {one.id} on 0x{device_id:04x}"
                yield f"{where}: {both}; say why in `shared_id`"


def _distinct(device_id: int, one: Profile, other: Profile) -> bool:
    if one.shared_id or other.shared_id:
        return True
    if one.die.name != other.die.name:
        return False
    if one.subsystems.get(device_id) != other.subsystems.get(device_id):
        return True
    if not set(one.memory_sizes_bytes) & set(other.memory_sizes_bytes):
        return True
    return bool(one.nvml_names and other.nvml_names) and not set(one.nvml_names) & set(other.nvml_names)


def _between_modifications(found: _Found, known_ids: Callable[[], set[str]] | None) -> Iterator[str]:
    if not found.modifications:
        return
    known = {profile.id for _, profile in found.profiles} | (known_ids() if known_ids else set())
    seen: dict[str, str] = {}
    for where, each in found.modifications:
        if each.id in seen:
            yield f"{where}: {each.id}: the id is taken already, in {seen[each.id]}"
        seen[each.id] = where
        for base in each.base_profiles:
            if base not in known:
                yield f"{where}: {each.id}: there is no profile {sanitise(base)!r} to start from"
