"""``--redact`` and its key, for every command whose result may leave the shop."""

import os
from collections.abc import Iterator
from typing import Protocol, TypeVar

import click

from gpucheck.cli.errors import say
from gpucheck.cli.options import together
from gpucheck.model.base import Frozen

KEY_VARIABLE = "GPUCHECK_REDACT_KEY"

Document = TypeVar("Document", bound=Frozen)


class Hide(Protocol):
    """Returns a document without what identifies the specimen, or as it is."""

    def __call__(self, document: Document, /) -> Document:
        """Redact evidence or a report."""


redact_options = together(
    click.option("--redact", is_flag=True, help="Replace serial numbers, UUIDs and the like by keyed digests."),
    click.option(
        "--redact-key",
        metavar="FILE",
        help="The shop's key, so that the digests of one card stay the same; redacts without --redact, too. "
        f"Also by {KEY_VARIABLE}, with --redact.",
    ),
)


def key_files(key_file: str | None) -> tuple[str, ...]:
    """The files that hold the key, which no result may write over."""
    return tuple(filter(None, (key_file, os.environ.get(KEY_VARIABLE))))


def hiding(redact: bool, key_file: str | None) -> Hide:
    """Return what redacts a document as the call wants it, or leaves it alone. The key is read here and now."""
    if not redact and key_file is None:
        return _as_it_is
    named = key_file or os.environ.get(KEY_VARIABLE)
    key = None
    if named:
        from gpucheck.cli.key_files import read_redaction_key

        key = read_redaction_key(named)
    else:
        say("Redacted with a key for this run alone: digests of another run cannot be compared (--redact-key FILE).")
    names = tuple(_names())

    def hide(document: Document, /) -> Document:
        from gpucheck.redaction import redacted

        return redacted(document, key, names)

    return hide


def _as_it_is(document: Document, /) -> Document:
    return document


def _names() -> Iterator[str]:
    """Names of this machine and its user, as far as they can be told."""
    import getpass
    import platform

    node = platform.node()
    yield from {node, node.partition(".")[0]}
    try:
        yield getpass.getuser()
    except (OSError, KeyError, ImportError):
        return
