"""What an address asks for. It may come from anyone: it is bounded, and what means nothing is refused."""

import shlex
from collections.abc import Mapping
from typing import NamedTuple

from gpucheck.model.inventory import read_number
from gpucheck.model.text import sanitise
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.web.refusal import RefusalError

VERDICTS = tuple(each.value for each in Authenticity)
CONDITIONS = tuple(each.value for each in Condition)
LONGEST = 300
"""Characters of a search; the code on a label has about 90."""
MOST_WORDS = 12
"""Each word is looked for in every text of every item."""


class Asked(NamedTuple):
    """Which items, and which page of them."""

    text: str = ""
    words: tuple[str, ...] = ()
    verdict: str | None = None
    model: str | None = None
    condition: str | None = None
    page: int = 1

    @property
    def chooses(self) -> bool:
        """Whether it leaves any item out."""
        return bool(self.words or self.verdict or self.model or self.condition)

    def query(self, **changes: str | int | None) -> dict[str, str | int | None]:
        """The parameters of an address that asks for the same but for some changes, from its first page."""
        asked = {"q": self.text or None, "verdict": self.verdict, "model": self.model, "condition": self.condition}
        return asked | changes


def asked_of(parameters: Mapping[str, str]) -> Asked:
    """Read the parameters of a list of items. Raises ``RefusalError``."""
    given = parameters.get("q", "")
    if len(given) > LONGEST:
        raise RefusalError(400, f"A search takes at most {LONGEST} characters.")
    text = sanitise(given)
    words = tuple(dict.fromkeys(split(text)))
    if len(words) > MOST_WORDS:
        raise RefusalError(400, f"A search takes at most {MOST_WORDS} words.", "Leave some out, or quote a phrase.")
    verdict = _one_of("verdict", VERDICTS, parameters)
    condition = _one_of("condition", CONDITIONS, parameters)
    model = sanitise(parameters.get("model", ""), LONGEST) or None
    page = read_number(parameters.get("page") or "1")
    if not page:
        raise RefusalError(404, "There is no such page.")
    return Asked(text, words, verdict, model, condition, page)


def _one_of(name: str, known: tuple[str, ...], parameters: Mapping[str, str]) -> str | None:
    given = parameters.get(name) or None
    if given not in (None, *known):
        raise RefusalError(400, f"There is no such {name}.", f"Wanted is one of {', '.join(known)}.")
    return given


def split(text: str) -> list[str]:
    """Words between blanks; double quotes hold a phrase together, as in a shell. One that is left open is a letter."""
    reader = shlex.shlex(text, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.commenters, reader.escape, reader.quotes = True, "", "", '"'
    try:
        return [word for word in reader if word]
    except ValueError:
        return text.split()
