"""Strings from a card are hostile input: a counterfeiter writes the text that we print."""

import unicodedata

LIMIT = 512

_SPOKEN_VOWEL = ("RTX", "NVS", "L2", "L4", "H1", "H2", "H8")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def sanitise(text: str, limit: int = LIMIT) -> str:
    """Return ``text`` on one line, without control, bidirectional or unassigned characters, cut at ``limit``."""
    cut = text[: limit * 4]
    if not cut.isascii() or not cut.isprintable():
        cut = "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in cut)
    cut = cut.strip()
    return cut if len(cut) <= limit and len(text) <= limit * 4 else cut[: limit - 1] + "…"


def quoted(text: str, limit: int = 60) -> str:
    """What somebody else stated, in quotes, so that no word of it can be taken for one of ours."""
    return '"' + sanitise(text, limit).replace('"', "'") + '"'


def with_article(name: str) -> str:
    """``an RTX 4090``, ``a GeForce RTX 4090``: by the sound with which the name of a card or a die begins."""
    return f"{'an' if name[:1] in 'AEIOU' or name.startswith(_SPOKEN_VOWEL) else 'a'} {name}"


def in_a_sentence(text: str) -> str:
    """A title or a hint as it continues a sentence: with a small first letter, but for abbreviations."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
