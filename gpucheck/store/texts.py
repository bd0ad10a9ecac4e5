"""What a person writes of an item: cleaned as it is kept, and refused where it is longer, for nothing is cut unseen."""

from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise

LONGEST = {"label": 200, "location": 200, "customer": 200, "note": 4000}
"""Characters of each that are kept."""


class TooLongError(GpucheckError):
    """A text that is longer than what is kept of it."""

    fault = "call"


def kept(name: str, text: str) -> str:
    """The text as it is kept under one of the names of ``LONGEST``. Raises ``TooLongError``."""
    clean = sanitise(text, max(1, len(text)))
    if len(clean) > LONGEST[name]:
        hint = "Write several notes." if name == "note" else "Shorten it; `gpucheck inventory note` takes longer texts."
        raise TooLongError(f"the {name} has {len(clean):,} characters; the most are {LONGEST[name]:,}.", hint)
    return clean
