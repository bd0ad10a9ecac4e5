"""Finding and reading scenarios: those shipped with the program by name, anyone's by path."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise
from gpucheck.simulation.faults import FAULTS
from gpucheck.simulation.scenario import Scenario, allowed_keys

FOLDER = Path(__file__).resolve().parent / "scenarios"
LARGEST_FILE_BYTES = 1 << 20
_LONGEST_GIVEN = 80
_SYNTAX = "`gpucheck scenarios show rtx-4090-48gb-forged` prints one that is valid."


class ScenarioError(GpucheckError):
    """A scenario that cannot be used; the message names the file, the key and what is allowed."""


def names() -> tuple[str, ...]:
    """Names of the shipped scenarios, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def is_path(name_or_path: str) -> bool:
    """Whether the text means a file: it has a separator or ends in ``.toml``."""
    return "/" in name_or_path or "\\" in name_or_path or name_or_path.endswith(".toml")


def find(name_or_path: str) -> Path:
    """Return the file that a name or a path means. Raises ``ScenarioError`` for a name that is not shipped."""
    if is_path(name_or_path):
        return Path(name_or_path)
    if name_or_path in names():
        return FOLDER / f"{name_or_path}.toml"
    close = difflib.get_close_matches(name_or_path.lower(), names(), n=3, cutoff=0.4)
    hint = f"Close to it: {', '.join(close)}." if close else ""
    raise ScenarioError(
        f"No scenario is named {sanitise(name_or_path, 80)!r}.",
        f"{hint} `gpucheck scenarios list` shows all; a path ends in .toml.".strip(),
    )


def load(name_or_path: str) -> Scenario:
    """Read a scenario and hold it against the schema. Profiles are looked up when a card is made of it."""
    path = find(name_or_path)
    try:
        document = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(sanitise(f"{path}: not valid TOML: {error}", 300), _SYNTAX) from error
    except (ValueError, RecursionError) as error:  # both get out of the parser as they are
        what = "too deeply nested" if isinstance(error, RecursionError) else "a number is too long"
        raise ScenarioError(f"{path}: not valid TOML: {what}", _SYNTAX) from error
    return parse(document, str(path))


def parse(document: dict[str, Any], where: str) -> Scenario:
    """Make a scenario of a parsed document; ``where`` names it in errors."""
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {_problem(error)}") from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
        if len(content) > LARGEST_FILE_BYTES:
            raise ScenarioError(f"{path}: larger than {LARGEST_FILE_BYTES} bytes, which no scenario needs to be")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text", "Save it again with the encoding UTF-8.") from error


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    location = first["loc"]
    if first["type"] == "extra_forbidden":
        allowed = allowed_keys(location[:-1])
        close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
        guess = f", did you mean {close[0]}?" if close else ";"
        return sanitise(f"{_key(location)}: unknown key{guess} allowed: {', '.join(allowed)}", 1500)
    says = _length(first) or _WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    given = (
        ""
        if first["type"] in {"missing", "value_error", "too_long", "too_short", *_PLAIN}
        else f" (given: {_short(first['input'])})"
    )
    return sanitise(f"{_key(location)}: {_PLAIN.get(first['type'], says)}{given}")


def _length(problem: Any) -> str:
    """What a list of the wrong length ought to have."""
    limits = {"too_long": ("at most", "max_length"), "too_short": ("at least", "min_length")}
    words, key = limits.get(problem["type"], ("", ""))
    return f"{words} {problem['ctx'][key]} are wanted, here are {problem['ctx']['actual_length']}" if key else ""


def _short(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _LONGEST_GIVEN else f"{text[:_LONGEST_GIVEN]}..."


def _key(location: tuple[int | str, ...]) -> str:
    """Write a place as the file's reader knows it: ``silicon.memory_fault[0].granule_bytes``."""
    text = ""
    for before, step in zip((None, *location), location, strict=False):
        if isinstance(step, int):
            text += f"[{step}]"
        elif not (isinstance(before, int) and step in FAULTS):  # pydantic names the fault's kind in between
            text += f".{step}" if text else step
    return text or "scenario"


_KINDS = ", ".join(FAULTS)
_WORDS = {
    "int_type": "an integer is wanted",
    "float_type": "a number is wanted",
    "finite_number": "a finite number is wanted",
    "bool_type": "true or false is wanted",
    "string_type": 'a text in quotes is wanted, key = "text"',
    "tuple_type": "a list is wanted; in TOML `key = [...]`, or `[[key]]` for tables",
    "model_type": "a table is wanted; in TOML `[key]`",
    "model_attributes_type": "a table is wanted; in TOML `[[key]]`",
}
_PLAIN = {
    "missing": "this key is required",
    "union_tag_not_found": f"kind is required, one of {_KINDS}",
    "union_tag_invalid": f"unknown kind, allowed: {_KINDS}",
}
