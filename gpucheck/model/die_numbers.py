"""UUIDs and PDIs: which of them name a die, and which were put there so that none is named."""

import re
from itertools import pairwise

_UUID_OR_PDI = re.compile(r"(?:gpu-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|0x([0-9a-f]{16})", re.IGNORECASE)
_WRITTEN_SHARE = 3 / 4
"""So many digits repeat the one before or count on, as in 1111-2222 and 12345678. Numbers of dies are as good as
random: of a thousand million, fewer than ten are so by chance in their PDI, and none in its UUID."""


def blank(value: str) -> bool:
    """Whether a UUID or PDI is one digit throughout: what a driver puts where it knows nothing, or crossed out."""
    return len(set(value.strip().lower().removeprefix("gpu-").removeprefix("0x").replace("-", ""))) < 2


def made_up(value: str) -> bool:
    """Whether somebody wrote a UUID or PDI by hand.

    Those do so who hide the true one in a text that they publish. Others hide theirs by the same, so that two cards
    with it need not be one.
    """
    found = _UUID_OR_PDI.fullmatch(value.strip())
    return found is not None and by_hand((found[1] or found[2]).replace("-", ""))


def by_hand(text: str) -> bool:
    """Whether most characters repeat the one before or count on from it, as nobody's chance number does."""
    written = [_counts_on(before, after) for before, after in pairwise(text.lower())]
    return bool(written) and sum(written) >= _WRITTEN_SHARE * len(written)


def _counts_on(before: str, after: str) -> bool:
    return ord(after) - ord(before) in (0, 1) or before + after in ("9a", "90", "f0")
