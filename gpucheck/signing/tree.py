"""Digests of a JSON value in its own shape, and where another value is not as they have it."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from gpucheck.model.strict_json import canonical

_LEAF_DIGITS = 16
"""Of a leaf's SHA-256. They only locate: that something changed is told by the digest of the whole."""


class Place(NamedTuple):
    """Where two values differ."""

    pointer: str
    """JSON pointer (RFC 6901)."""
    how: str
    """``added``, ``taken away``; empty where what stands there was altered."""


def tree(node: Any) -> Any:
    """Return the digests: an object's and an array's in their shape, but an array of plain values as one leaf."""
    if isinstance(node, dict) and node:
        return {name: tree(value) for name, value in node.items()}
    if isinstance(node, list) and any(isinstance(value, dict | list) for value in node):
        return [tree(value) for value in node]
    return hashlib.sha256(canonical(node)).hexdigest()[:_LEAF_DIGITS]


def differences(node: Any, was: Any, pointer: str = "") -> Iterator[Place]:
    """Every place where ``node`` is not what the tree ``was`` made of, in the order of the names."""
    if isinstance(was, dict) and isinstance(node, dict):
        yield from _of_objects(node, was, pointer)
    elif isinstance(was, list) and isinstance(node, list):
        yield from _of_arrays(node, was, pointer)
    elif tree(node) != was:
        yield Place(pointer, "")


def _of_objects(node: dict[str, Any], was: dict[str, Any], pointer: str) -> Iterator[Place]:
    for name in sorted(was.keys() | node.keys()):
        there = f"{pointer}/{step(name)}"
        if name in was and name in node:
            yield from differences(node[name], was[name], there)
        else:
            yield Place(there, "taken away" if name in was else "added")


def _of_arrays(node: list[Any], was: list[Any], pointer: str) -> Iterator[Place]:
    both = min(len(node), len(was))
    for index in range(both):
        yield from differences(node[index], was[index], f"{pointer}/{index}")
    for index in range(both, max(len(node), len(was))):
        yield Place(f"{pointer}/{index}", "added" if len(node) > len(was) else "taken away")


def step(name: str) -> str:
    """A name as a JSON pointer writes it."""
    return name.replace("~", "~0").replace("/", "~1")
