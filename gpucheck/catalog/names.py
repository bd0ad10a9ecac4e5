"""What a card's name means: ``rtx3060ti``, ``NVIDIA GeForce RTX 3060 Ti`` and ``RTX 3060 Ti 8GB`` are one product.

A name is cut into a product, a notebook variant, a capacity and details such as the form factor. Two names mean the
same where the product is equal, never where one merely starts with the other: an RTX 3080 is no RTX 3080 Ti.
"""

import re
from functools import lru_cache
from typing import NamedTuple

GENERIC = frozenset({"graphicsdevice", "vgadevice", "3dcontroller", "unknown", ""})
"""What drivers call a card whose name they do not know, in the form that ``squash_name`` gives."""

_NOISE = re.compile(r"\((?:r|tm)\)|[®™]|\bnvidia\b|\bcorporation\b|\bgeforce\b|\bgraphics card\b|\bgpu\b")
_CAPACITY = re.compile(r"(?<![a-z0-9.])(\d{1,4})\s?(g|gb|gib|mb|mib)(?![a-z0-9])|(?<=[a-z])(\d{1,3})gb(?![a-z0-9])")
_LAPTOP = re.compile(r"\b(?:laptop|notebook|mobile)\b(?:\s+gpu\b)?")
_EITHER = re.compile(r"\b(mobile|laptop|notebook)\s*/\s*max-?\s?q\b(?!\s+refresh)")
"""How PCI id lists name an id that both kinds of a notebook part have: it is no Max-Q for certain."""
_MAX_Q = re.compile(r"\b(?:with\s+)?max-?\s?q\b(?:\s+design\b)?")
_DETAIL = re.compile(
    r"\b(?:pcie?(?:\s+x\d+)?|sxm\d?|nvl\d*|dgxs|fhhl|passive|active|lc|oem|rebrand|mac|edition|generation|blackwell|workstation|server|"
    r"refresh|rev\.?\s*[a-z0-9]\b|engineering\s+sample|lite\s+hash\s+rate|lhr|low\s+power|\d+sp|[\d.]+\s?gbps|"
    r"[\d.]+w|g?ddr\d\w?|hbm\w+)(?![a-z0-9])"
)
_DIE = re.compile(r"\b(?:g[fkmpvabh]\d{3}b?|tu\d{3}|ad\d{3})\b")
_SUPER = re.compile(r"\b((?:rtx|gtx)?\s?\d{4}\s?(?:ti)?)\s?s\b")
"""Sellers write 4080S for 4080 SUPER."""
_TOKEN = re.compile(r"[a-z]+|\d+")
_BRAND = re.compile(r"^(?:quadro|tesla)(?=.)")
_LINE = re.compile(r"^(?:quadro|tesla)?(?:rtx|gtx|gts|gt)(?=a?\d|pro)")
_SEARCH_KEY = re.compile(r"[a-z]?\d+")


_CUT_MARK = re.compile(r"\s*(?:\.{3,}|…)$")
_NVIDIA = "nvidia "


class CardName(NamedTuple):
    """The parts of a name."""

    product: str
    """Letters and digits without blanks, such as ``rtx3060ti``."""
    laptop: bool
    max_q: bool
    details: frozenset[str]
    """Words that narrow a product without naming another: form factor, memory type, die, revision."""
    memory_mib: int | None

    def means(self, other: "CardName") -> bool:
        """Whether a card named ``other`` is what this name asks for, capacity aside."""
        return (
            self.product == other.product
            and self.laptop == other.laptop
            and (other.max_q or not self.max_q)
            and self.details <= other.details
        )

    def prints_for(self, other: "CardName") -> bool:
        """Whether a driver may print this name for a card named ``other``: it leaves revisions and makers out."""
        sizes = {self.memory_mib, other.memory_mib} - {None}
        return self.means(other) and self.max_q == other.max_q and len(sizes) < 2

    def as_laptop(self) -> "CardName":
        """The notebook part of the same name."""
        return self._replace(laptop=True)

    def without_brand(self) -> "CardName":
        """The same without Quadro or Tesla: ``P2000`` is how sellers write it."""
        return self._renamed(_BRAND.sub("", self.product))

    def without_line(self) -> "CardName":
        """The same as a bare number: ``4090``."""
        return self._renamed(_LINE.sub("", self.product))

    def _renamed(self, product: str) -> "CardName":
        return CardName(product, self.laptop, self.max_q, self.details, self.memory_mib)


@lru_cache(maxsize=8192)
def squash_name(name: str) -> str:
    """Letters and digits of a name without ``NVIDIA`` and ``GeForce``, lower case."""
    return re.sub(r"[^a-z0-9.+/]", "", _NOISE.sub(" ", name.lower().replace("_", " ")))


def is_cut(name: str) -> bool:
    """Whether a table cut the name off, as in ``GeForce RTX 208...``."""
    return bool(_CUT_MARK.search(name.rstrip()))


def without_cut(name: str) -> str:
    """What is left of a name that a table cut off."""
    return _CUT_MARK.sub("", name.rstrip())


def is_cut_to(name: str, shown: str) -> bool:
    """Whether a table that cuts what does not fit may show the name so: a name as short as that would fit."""
    printed = " ".join(name.split())
    bare = printed[len(_NVIDIA) :] if printed.lower().startswith(_NVIDIA) else printed
    of_driver = len(_NVIDIA) if shown.lower().startswith(_NVIDIA) else 0
    width = len(shown.strip().replace("…", "..."))
    return squash_name(name).startswith(squash_name(without_cut(shown))) and of_driver + len(bare) > width


@lru_cache(maxsize=8192)
def parse_name(name: str) -> CardName:
    """Take a name apart. Every text has a reading; one without a product has an empty one."""
    text = _EITHER.sub(r"\1", _NOISE.sub(" ", name.lower().replace("_", " ")))
    text, memory_mib = _take_capacity(text)
    text, max_q = _MAX_Q.subn(" maxq ", text)
    text, laptop = _LAPTOP.subn(" ", text)
    text = _SUPER.sub(r"\1 super", _spaced(text))
    # The RTX PRO 6000 Max-Q is a desktop board with a lower power limit.
    desktop_max_q = bool(max_q) and "rtx pro" in text
    text, details = _take_details(text)
    if desktop_max_q:
        details |= {"maxq"}
    product = "".join(_TOKEN.findall(text))
    notebook = bool(laptop or max_q) and not desktop_max_q
    return CardName(product, notebook, bool(max_q) and notebook, details, memory_mib)


def undetailed(name: str) -> str:
    """A list's name without die, revision and the like, which no driver prints."""
    return " ".join(_DIE.sub("", _DETAIL.sub("", name.lower())).split())


def _take_details(text: str) -> tuple[str, frozenset[str]]:
    details = {re.sub(r"[\s.]", "", word) for word in _DETAIL.findall(text)}
    details |= {"sxm"} if any(word.startswith("sxm") for word in details) else set()
    rest = _DETAIL.sub(" ", text).replace("maxq", " ")
    # GA104 in "RTX 3060 GA104" is a detail; GP100 in "Quadro GP100" is the product.
    without_die = _DIE.sub(" ", rest)
    if any(c.isdigit() for c in without_die):
        details.update(_DIE.findall(rest))
        rest = without_die
    return rest, frozenset(details)


def _spaced(text: str) -> str:
    return re.sub(r"[\s\-,()\[\]:]+", " ", text).strip()


def _take_capacity(text: str) -> tuple[str, int | None]:
    found = None
    for match in _CAPACITY.finditer(text):
        number, unit = int(match[1] or match[3]), match[2] or "gb"
        if unit == "g" and number < 2:
            continue
        found = (match, number if unit.startswith("m") else number * 1024)
    if found is None:
        return text, None
    return text[: found[0].start()] + " " + text[found[0].end() :], found[1]


def search_key(name: str) -> str:
    """The longest number of a name with the letter before it, else the whole name: what the text is searched for."""
    return max(_SEARCH_KEY.findall(name), key=len, default=name)
