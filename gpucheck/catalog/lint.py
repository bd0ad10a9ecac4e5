"""Looking for faults in profile files: each against its model and physics, then all of them against each other."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gpucheck.catalog.faults import faults_of, invisible
from gpucheck.catalog.files import DieText, ProfileError, build_profile, cut, parse_toml, problems_of, read_bytes
from gpucheck.model.base import Frozen
from gpucheck.model.capability import CapabilityFile
from gpucheck.model.modification import Modification
from gpucheck.model.profile import Die, Profile
from gpucheck.model.profile_files import UnlistedFile, VendorFile
from gpucheck.model.text import sanitise

M = TypeVar("M", bound=Frozen)


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
    elif "capability" in table:
        _model(CapabilityFile, table, where, found)
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
    found.problems += [f"{place}: {line}" for line in faults_of(profile, block)]
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
        found.problems += [f"{place}: {line}" for line in invisible((known.title, *known.signs))]
        found.modifications.append((where, known))


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
