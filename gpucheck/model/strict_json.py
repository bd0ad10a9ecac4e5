"""JSON read without mercy, for what a signature is held against: one text, one meaning (RFC 8259, I-JSON of RFC 7493).

Refused are text that is not UTF-8, a name that an object states twice, NaN and infinities, whole numbers beyond 64
bits, unpaired surrogates, deep nesting, and anything after the end.
"""

import json
from itertools import pairwise
from typing import Any, NoReturn

from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise

DEEPEST = 64
"""Levels of nesting; a report has about ten."""
_LARGEST = 1 << 64


class StrictJsonError(GpucheckError):
    """A text that is no JSON, or that two readers could take for two things."""


def parse(data: bytes, origin: str = "the document") -> Any:
    """Return what the bytes mean. Raises ``StrictJsonError``."""
    name = sanitise(origin, 200)
    try:
        content = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"{name} is not UTF-8 from byte {error.start:,} on.", _HINT) from error
    except RecursionError as error:
        raise StrictJsonError(f"{name} is nested too deeply.", _HINT) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise StrictJsonError(f"{name} is not valid JSON, or it was cut off: {error.msg} at {where}.", _HINT) from error
    except ValueError as error:
        raise StrictJsonError(f"{name} holds {sanitise(str(error), 160)}.", _HINT) from error
    _check(content, name)
    return content


def canonical(node: Any) -> bytes:
    """Return the one form of a JSON value that is signed: UTF-8, names sorted by code point, no blanks."""
    text = json.dumps(node, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


_HINT = "Ask for the file again, as gpucheck wrote it."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = sorted(name for name, _ in pairs)
        twice = next(name for name, after in pairwise(names) if name == after)
        raise ValueError(f"the name {json.dumps(twice[:60])} twice in one object")
    return content


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text}, which is no number")


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError(f"the number {text[:40]}, which is too large")
    return number


def _bounded(text: str) -> int:
    if len(text) > 21 or abs(int(text)) >= _LARGEST:
        raise ValueError(f"the number {text[:40]}, which is too large")
    return int(text)


def _check(content: Any, name: str) -> None:
    """Level by level, without recursion: how deep it is nested is what is not known yet."""
    level = [content]
    for _ in range(DEEPEST):
        level = [child for node in level for child in _children(node)]
        if not level:
            break
    else:
        raise StrictJsonError(f"{name} is nested too deeply.", _HINT)
    try:
        canonical(content)
    except UnicodeEncodeError as error:
        raise StrictJsonError(f"{name} holds a text that is no Unicode (half of a surrogate pair).", _HINT) from error


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []
