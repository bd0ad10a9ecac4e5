"""Profiles and known modifications: which SKU a card says it is, what that SKU is, and what a buyer's words mean."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from gpucheck.catalog.files import DieText, ProfileError, cut, parse_toml, problems_of, read_bytes, squash
from gpucheck.catalog.matching import (
    Declared,
    is_called,
    may_be_cut_to,
    may_print,
    modification_among,
    narrow,
    settle,
    starts_so,
)
from gpucheck.catalog.names import GENERIC, is_cut, parse_name, search_key, squash_name, without_cut
from gpucheck.model.base import GpucheckError
from gpucheck.model.evidence import Evidence
from gpucheck.model.match import Claim, Match
from gpucheck.model.modification import Modification
from gpucheck.model.profile import Profile
from gpucheck.model.text import sanitise
from gpucheck.resources import data_root

__all__ = ["Catalog", "ClaimError", "ProfileError"]

_NAME_LINE = re.compile(rb'^name = "([^"\n]+)"', re.MULTILINE)


class ClaimError(GpucheckError):
    """A claim that names no known SKU; the hint lists names that come close."""


class Catalog:
    """All profiles below a folder. Files are read once, and parsed as far as a question needs them."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = data_root() / "profiles" if root is None else root
        self._by_device_id: dict[int, tuple[Profile, ...]] = {}
        self._by_name: dict[str, tuple[Profile, ...]] = {}
        self._cut_to: dict[tuple[str, int], tuple[Profile, ...]] = {}
        self._modifications: dict[int, Modification] = {}
        self._modifications_of: dict[str, tuple[Modification, ...]] = {}

    @cached_property
    def _files(self) -> tuple[DieText, ...]:
        files = tuple(
            DieText(path) for path in sorted(self.root.glob("*/*.toml")) if path.parent.name != "modifications"
        )
        if not files:
            raise ProfileError(f"{self.root}: no profiles here", "gpucheck is installed incompletely")
        return files

    @cached_property
    def digest(self) -> str:
        """Of every profile, modification and capability: what a judgement can look at, as a report names it."""
        whole = hashlib.sha256()
        read = {file.path: file.data for file in self._files}
        beside = [*self.root.glob("*.toml"), *(self.root / "modifications").glob("*.toml")]
        for path in sorted({*read, *beside}):
            content = read[path] if path in read else read_bytes(path)
            whole.update(path.relative_to(self.root).as_posix().encode() + b"\0" + content + b"\0")
        return "sha256:" + whole.hexdigest()

    def by_device_id(self, device_id: int) -> tuple[Profile, ...]:
        """Return every SKU that carries the PCI device id, in the order of the files; none where it is not known."""
        if device_id not in self._by_device_id:
            found = self._containing(f"0x{device_id:04x}".encode())
            self._by_device_id[device_id] = tuple(p for p in found if device_id in p.device_ids)
        return self._by_device_id[device_id]

    def by_id(self, profile_id: str) -> Profile:
        """Return the profile with that id, or raise ``ProfileError``."""
        for profile in self._containing(f'"{profile_id}"'.encode()):
            if profile.id == profile_id:
                return profile
        raise ProfileError(f"no profile {sanitise(profile_id)!r}", "gpucheck profiles list")

    def by_name(self, name: str) -> tuple[Profile, ...]:
        """Return the SKUs that a driver may call so.

        Case, spacing, ``NVIDIA`` and ``GeForce`` do not count. A name that a table cut off (``GeForce RTX 208...``)
        is the start of a longer one than was shown; a generic one (``Graphics Device``) names nothing.
        """
        if name not in self._by_name:
            self._by_name[name] = self._named(name)
        return self._by_name[name]

    def _named(self, name: str) -> tuple[Profile, ...]:
        cut = is_cut(name)
        wanted = squash_name(without_cut(name))
        if wanted in GENERIC or (cut and any(generic.startswith(wanted) for generic in GENERIC)):
            return ()
        found = self._naming(search_key(wanted))
        if cut:
            longer = tuple(p for p in found if may_be_cut_to(p, name))
            return longer or tuple(p for p in found if starts_so(p, wanted))
        asked = parse_name(name)
        called = tuple(p for p in found if is_called(p, wanted) or (p.retail and may_print(p, asked)))
        # Before the 30 series a notebook's name has no mark: a Quadro M1200 is the SKU that lists call its mobile one.
        return called or tuple(p for p in found if may_print(p, asked) or may_print(p, asked.as_laptop()))

    def all_profiles(self) -> Iterator[Profile]:
        """Yield every profile, die after die."""
        for file in self._files:
            yield from file.profiles()

    def cut_to(self, compute_capability: str, sm_count: int) -> tuple[Profile, ...]:
        """Return the SKUs of that generation with so many multiprocessors, and those whose count is not known.

        All of the generation where none has that count. Only the blocks in question are parsed.
        """
        key = compute_capability, sm_count
        if key not in self._cut_to:
            line = f'compute_capability = "{compute_capability}"'.encode()
            files = [file for file in self._files if line in file.head]
            found = tuple(p for file in files for p in file.cut_to(sm_count))
            known = any(sm_count in p.sm_counts for p in found)
            self._cut_to[key] = found if known else tuple(p for file in files for p in file.profiles())
        return self._cut_to[key]

    def dies_of_vbios_family(self, family: str) -> tuple[str, ...]:
        """Return the names of the dies whose VBIOS versions start so, such as ``95.02``."""
        quoted = f'"{family}"'.encode()
        return tuple(f.die.name for f in self._files if quoted in f.data and family in f.die.vbios_families)

    def dies_of_function(self, device_id: int) -> tuple[str, ...]:
        """Return the names of the dies whose sound, USB or USB-C function has the PCI device id."""
        literal = f"0x{device_id:04x}".encode()
        files = (file for file in self._files if literal in file.head)
        return tuple(file.die.name for file in files if device_id in file.die.function_ids)

    def dies_of_chip(self, chip_id: int) -> tuple[str, ...]:
        """Return the names of the dies with that number in their own register, such as 0x172."""
        written = re.compile(rf"^chip_id = 0x0*{chip_id:x}\b".encode(), re.MULTILINE | re.IGNORECASE)
        return tuple(file.die.name for file in self._files if written.search(file.head))

    def subsystem_vendor(self, vendor_id: int) -> str | None:
        """Return the brand behind a PCI subsystem vendor id, None where it is not known."""
        entry = self._vendors.get(f"0x{vendor_id:04x}")
        return entry["brand"] if entry else None

    @cached_property
    def _vendors(self) -> dict[str, dict[str, str]]:
        path = self.root / "subsystem_vendors.toml"
        vendors: dict[str, dict[str, str]] = parse_toml(read_bytes(path), str(path)).get("vendor", {})
        return vendors

    def unlisted(self, device_id: int) -> tuple[str, str] | None:
        """Return die and name of a device id that pci.ids names but that has no profile."""
        path = self.root / "unlisted.toml"
        literal = f"0x{device_id:04x}"
        data = read_bytes(path) if path.exists() else b""
        if literal.encode() not in data:
            return None
        dies: dict[str, dict[str, Any]] = parse_toml(data, str(path)).get("unlisted", {})
        return next(((die, names[literal]) for die, names in dies.items() if literal in names), None)

    @cached_property
    def _modification_texts(self) -> tuple[tuple[Path, bytes], ...]:
        paths = sorted((self.root / "modifications").glob("*.toml"))
        return tuple((path, text) for path in paths for text in cut(read_bytes(path), b"modification")[1:])

    def _modifications_naming(self, name: str) -> Iterator[Modification]:
        quoted = f'"{name}"'.encode()
        for number, (path, text) in enumerate(self._modification_texts):
            if quoted not in text:
                continue
            if number not in self._modifications:
                self._modifications[number] = _read_modification(path, text)
            yield self._modifications[number]

    def modification(self, modification_id: str) -> Modification:
        """Return the known modification with that id, or raise ``ProfileError``."""
        for known in self._modifications_naming(modification_id):
            if known.id == modification_id:
                return known
        raise ProfileError(f"no modification {sanitise(modification_id)!r}")

    def modifications_of(self, profile: Profile) -> tuple[Modification, ...]:
        """Return what is known to be made of a SKU."""
        if profile.id not in self._modifications_of:
            found = self._modifications_naming(profile.id)
            self._modifications_of[profile.id] = tuple(known for known in found if profile.id in known.base_profiles)
        return self._modifications_of[profile.id]

    def resolve_claim(self, text: str) -> Claim:
        """Return what a seller's words mean, or raise ``ClaimError`` with names that come close."""
        cleaned = sanitise(text, 120)
        try:
            return Claim(text=cleaned, profiles=(self.by_id(cleaned.lower()),))
        except ProfileError:
            pass
        try:
            return self._meant(cleaned)
        except ClaimError as error:
            raise ClaimError(error.message, self._hint(cleaned)) from None

    def _meant(self, text: str) -> Claim:
        from gpucheck.catalog.claims import meant_by, narrowed_by_capacity
        from gpucheck.catalog.listing import in_english, readings

        for reading in readings(in_english(text)):
            found = meant_by(reading, self._near(reading))
            if found:
                return narrowed_by_capacity(text, reading, found)
        raise ClaimError(f"no known card is called {text!r}")

    def _near(self, text: str) -> list[Profile]:
        """SKUs of which a name holds the number in the text."""
        product = parse_name(text).product
        return self._naming(search_key(product)) if product and squash_name(text) not in GENERIC else []

    def _hint(self, text: str) -> str:
        import difflib

        names = {
            raw.decode("utf-8", "replace") for f in self._files for raw in _NAME_LINE.findall(b"\n".join(f.blocks))
        }
        if within := self._within(text, names):
            return within
        by_key = {squash_name(name): name for name in sorted(names)}
        close = difflib.get_close_matches(squash_name(text), by_key, n=5, cutoff=0.5)
        if not close:
            return "`gpucheck profiles list` shows all."
        return "did you mean " + ", ".join(by_key[key] for key in close) + "?"

    def _within(self, text: str, names: set[str]) -> str:
        """Say which card a part of a listing names, and what to leave out; empty where the name itself goes on."""
        from gpucheck.catalog.listing import parts

        in_names = {word for name in names for word in name.lower().split()}
        for part, others, following in parts(text):
            try:
                found = self._meant(part).profiles
            except ClaimError:
                continue
            if following.lower() in in_names:
                return ""
            called = " or ".join(dict.fromkeys(profile.name for profile in found[:3]))
            return f"did you mean {called}? Then leave out: {', '.join(others)}."
        return ""

    def match(self, evidence: Evidence) -> Match:
        """Return which SKU the declared identity names, and the known modification that it looks like.

        The device id decides, else the name. Contradictions between the sources are for the checks to find.
        """
        facts = Declared(evidence)
        basis: Literal["device_id", "name"] = "name" if facts.device_id is None else "device_id"
        if facts.device_id is not None:
            candidates = self.by_device_id(facts.device_id)
        else:
            candidates = self.by_name(facts.name) if facts.name else ()
        if not candidates:
            return Match(note=self._unknown(facts))
        known = [m for p in candidates for m in self.modifications_of(p)]
        left = narrow(candidates, facts)
        profile, note = settle(left, facts)
        altered = modification_among(known, candidates, facts)
        return Match(profile=profile, candidates=left, modification=altered, basis=basis, note=note)

    def validate(self, paths: Iterable[Path] = ()) -> list[str]:
        """Return every problem of the files and folders, of this catalog's own files where none is named."""
        from gpucheck.catalog.lint import validate

        named = list(paths)
        return validate(
            named or [self.root], known_ids=(lambda: {p.id for p in self.all_profiles()}) if named else None
        )

    def _unknown(self, facts: Declared) -> str:
        if facts.device_id is None:
            return "no device id, and no known name"
        named = self.unlisted(facts.device_id)
        if named is None:
            return f"no profile for device id {facts.device_id:04x}"
        return f"no profile for device id {facts.device_id:04x}: pci.ids names it {named[1]}, on {named[0]}"

    def _containing(self, literal: bytes) -> list[Profile]:
        return [profile for file in self._files for profile in file.containing(literal)]

    def _naming(self, squashed: str) -> list[Profile]:
        wanted = squash(squashed.encode())
        return [profile for file in self._files for profile in file.naming(wanted)] if wanted else []

    @property
    def files_parsed(self) -> tuple[str, ...]:
        """Files of which a profile was asked for so far."""
        return tuple(file.path.name for file in self._files if file.parsed)


def _read_modification(path: Path, text: bytes) -> Modification:
    try:
        return Modification.model_validate(parse_toml(text, str(path))["modification"][0])
    except ValidationError as error:
        raise ProfileError(f"{path}: {problems_of(error)[0]}", "gpucheck profiles validate") from error
