"""Reading ``profiles/``: text into blocks, blocks into models, and one clear line for whatever is wrong.

A die file is cut at its ``[[sku]]`` lines. Looking up one card then parses the head of one file and the blocks that
mention the card, not the 580 kB of all of them: ``tomllib`` is written in Python and takes its time.
"""

import hashlib
import re
import tomllib
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from gpucheck.model.base import GpucheckError
from gpucheck.model.profile import Die, Profile
from gpucheck.model.text import sanitise

if TYPE_CHECKING:
    from gpucheck.model.capability import Capability

SIZE_LIMIT = 2 << 20
"""Bytes. The largest file of ours has under 30 kB."""

CAPABILITIES = "capabilities.toml"

_SEPARATORS = b" \t-_"
_SM_COUNTS = re.compile(rb"^sm_counts = \[([^\]]*)\]", re.MULTILINE)
_NUMBER = re.compile(rb"\d+")


class ProfileError(GpucheckError, KeyError):
    """A profile that is not there, or that cannot be read."""

    def __str__(self) -> str:
        """Return the message; ``KeyError`` would put it in quotes."""
        return self.message


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file of reasonable size, or raise ``ProfileError``."""
    try:
        if not path.is_file():
            raise ProfileError(f"{path}: no such file" if not path.exists() else f"{path}: not a regular file")
        if path.stat().st_size > SIZE_LIMIT:
            raise ProfileError(f"{path}: larger than {SIZE_LIMIT >> 20} MiB, so no profile file")
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror or error}") from error


def parse_toml(data: bytes, where: str) -> dict[str, Any]:
    """Parse UTF-8 TOML, or raise ``ProfileError`` with one line that says where."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ProfileError(f"{where}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{where}: not valid TOML: {sanitise(str(error))}") from error
    except (RecursionError, ValueError) as error:
        raise ProfileError(f"{where}: not valid TOML: too deep or a number too long") from error


def problems_of(error: ValidationError) -> list[str]:
    """One line for each field that a model refused: the path of the field, then why."""
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in item["loc"])
        lines.append(f"{place}: {item['msg']}" if place else item["msg"])
    return [sanitise(line) for line in lines]


def build_profile(table: dict[str, Any], die: Die, digest: str) -> Profile:
    """Make a profile of one ``[[sku]]`` table; the memory clock follows the usual layout unless the table names one."""
    profile = Profile.model_validate({**table, "die": die, "digest": digest})
    rate = profile.memory[0].data_rate_gbps
    if profile.memory_clock_max_mhz is not None or rate is None:
        return profile
    return profile.model_copy(update={"memory_clock_max_mhz": round(rate * 500)})


@cache
def capabilities(path: Path) -> "dict[str, Capability]":
    """Return the facts of every compute capability by its number; none where there is no such file."""
    from gpucheck.model.capability import CapabilityFile

    if not path.exists():
        return {}
    table = parse_toml(read_bytes(path), str(path))
    try:
        return {each.compute_capability: each for each in CapabilityFile.model_validate(table).capability}
    except ValidationError as error:
        raise ProfileError(f"{path}: {problems_of(error)[0]}", "gpucheck profiles validate") from error


def _capability(root: Path, compute_capability: str) -> "Capability | None":
    return capabilities(root / CAPABILITIES).get(compute_capability)


def squash(data: bytes) -> bytes:
    """Lower case without blanks, hyphens and underscores: ``RTX 3060 Ti`` is found as ``rtx3060ti``."""
    return data.lower().translate(None, _SEPARATORS)


def cut(data: bytes, table: bytes) -> list[bytes]:
    """Cut a file at its ``[[table]]`` lines: what stands before the first, then one text a table."""
    header = b"[[" + table + b"]]"
    first, *rest = (b"\n" + data.replace(b"\r\n", b"\n")).split(b"\n" + header)
    return [first, *(header + text for text in rest)]


class DieText:
    """One die file as text, parsed piece by piece when a piece is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = read_bytes(path)
        self._profiles: dict[int, Profile] = {}

    @cached_property
    def _cut(self) -> list[bytes]:
        return cut(self.data, b"sku")

    @property
    def head(self) -> bytes:
        """What stands before the first SKU: the die."""
        return self._cut[0]

    @property
    def blocks(self) -> list[bytes]:
        """One text a SKU."""
        return self._cut[1:]

    @cached_property
    def digest(self) -> str:
        """Of the whole file, as a report names it."""
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    @cached_property
    def die(self) -> Die:
        """The die that the file is about."""
        try:
            return Die.model_validate(parse_toml(self.head, str(self.path)).get("die"))
        except ValidationError as error:
            raise ProfileError(f"{self.path}: {problems_of(error)[0]}", "gpucheck profiles validate") from error

    @cached_property
    def squashed(self) -> list[bytes]:
        """Every block in the form in which names are searched."""
        return [squash(block) for block in self.blocks]

    def containing(self, literal: bytes) -> list[Profile]:
        """Profiles whose block holds the bytes anywhere; the caller looks whether they mean what it wants."""
        if literal not in self.data:
            return []
        return [self.profile(number) for number, block in enumerate(self.blocks) if literal in block]

    def naming(self, squashed: bytes) -> list[Profile]:
        """Profiles whose squashed block holds the squashed text."""
        return [self.profile(number) for number, block in enumerate(self.squashed) if squashed in block]

    def cut_to(self, sm_count: int) -> list[Profile]:
        """Profiles with that number of multiprocessors among those that they may have, or with none on record."""
        counts = [_SM_COUNTS.search(block) for block in self.blocks]
        wanted = str(sm_count).encode()
        return [self.profile(n) for n, found in enumerate(counts) if not found or wanted in _NUMBER.findall(found[1])]

    def profile(self, number: int) -> Profile:
        """Return the profile of the block with that number."""
        if number not in self._profiles:
            self._profiles[number] = self._parse(number)
        return self._profiles[number]

    @property
    def parsed(self) -> int:
        """How many profiles of the file were asked for so far."""
        return len(self._profiles)

    def profiles(self) -> list[Profile]:
        """Return all profiles of the file."""
        return [self.profile(number) for number in range(len(self.blocks))]

    def _parse(self, number: int) -> Profile:
        where = f"{self.path}, sku {number + 1}"
        table = parse_toml(self.blocks[number], where)["sku"][0]
        try:
            profile = build_profile(table, self.die, self.digest)
            return profile.knowing(partial(_capability, self.path.parent.parent, self.die.compute_capability))
        except ValidationError as error:
            raise ProfileError(f"{where}: {problems_of(error)[0]}", "gpucheck profiles validate") from error


def schemas() -> dict[str, str]:
    """Return the JSON Schemas of ``profiles/`` by file name, as editors use them."""
    from gpucheck.model.capability import CapabilityFile
    from gpucheck.model.profile_files import DieFile, ModificationFile, UnlistedFile, VendorFile

    models: dict[str, type[BaseModel]] = {
        "profile": DieFile,
        "modification": ModificationFile,
        "vendor": VendorFile,
        "unlisted": UnlistedFile,
        "capability": CapabilityFile,
    }
    return {f"{name}.schema.json": _schema_text(model) for name, model in models.items()}


def _schema_text(model: type[BaseModel]) -> str:
    import json

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"
