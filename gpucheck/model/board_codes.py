"""Codes of a board's project: ``G133`` in the InfoROM image ``G133.0500.00.05`` and the part number ``900-5G133-...``.

GeForce boards carry common images instead, ``G00n.0000...``: G001 from Maxwell to Ampere, G002 on Ada and G005 on
Blackwell (the same G005.0000.98.01 on an RTX 5090, a 5070 Ti and a laptop's 5080 of three owners).
"""

import re

_PROJECT = r"([A-Z]\d{3}|\d{4})"
_IMAGE = re.compile(rf"^{_PROJECT}\.\d{{4}}\.")
_COMMON_IMAGE = re.compile(r"^G00\d\.0000\.")
_PART = re.compile(rf"^\d{{3}}-(\d){_PROJECT}-")


def image_project(image: str | None) -> str | None:
    """Project code of an InfoROM image, that of a common one included; None where it has none."""
    found = _IMAGE.match(image or "")
    return found[1] if found else None


def is_common(image: str | None) -> bool:
    """Whether an InfoROM image is one that GeForce boards of many models carry."""
    return bool(_COMMON_IMAGE.match(image or ""))


def part_number(number: str | None) -> tuple[str, str] | None:
    """Digit of the product line and project code in a board's part number; None where it has none."""
    found = _PART.match(number or "")
    return (found[1], found[2]) if found else None
