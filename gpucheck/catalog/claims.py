"""What a seller's words mean: from the SKUs that a text search brought up, those that the words name."""

from collections.abc import Iterator

from gpucheck.catalog.names import CardName, parse_name
from gpucheck.model.match import Claim
from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB


def meant_by(text: str, nearby: list[Profile]) -> list[Profile]:
    """Return the SKUs that the text names. Ever looser readings are tried; the first that names anything counts."""
    asked = parse_name(text)
    plain = CardName(asked.product, asked.laptop, asked.max_q, frozenset(), asked.memory_mib)
    for wanted in dict.fromkeys((asked, plain)):
        for loosen in (_as_is, CardName.without_brand, CardName.without_line):
            found = [p for p in nearby if any(wanted.means(loosen(alias)) for alias in _own_names(p))]
            if found:
                return _on_sale(found, asked)
    printed = [p for p in nearby if any(plain.means(parse_name(alias)) for alias in p.nvml_names)]
    # A Quadro M2200 is the SKU that lists call its mobile one: there is no other, and drivers print no mark.
    return printed or [p for p in nearby if any(plain.as_laptop().means(alias) for alias in _own_names(p))]


def _as_is(name: CardName) -> CardName:
    return name


def _own_names(profile: Profile) -> Iterator[CardName]:
    """Names that mean this SKU to a buyer. pci.ids and NVML give notebooks the names of desktop cards: left out."""
    own = parse_name(profile.name)
    yield own
    notebook = profile.form_factor == "laptop"
    if notebook and not own.laptop:
        yield CardName(own.product, True, own.max_q, own.details, own.memory_mib)
    for name in map(parse_name, (other for other in profile.other_names if "/" not in other)):
        if name.laptop or not own.laptop:
            yield name


def _on_sale(found: list[Profile], asked: CardName) -> list[Profile]:
    """Leave out what was never sold, unless nothing else is left or the claim names that very capacity."""
    sold = [p for p in found if p.retail or (asked.memory_mib and parse_name(p.name).memory_mib == asked.memory_mib)]
    return sold or found


def narrowed_by_capacity(text: str, reading: str, found: list[Profile]) -> Claim:
    """Keep the SKUs of the capacity in the claim where any has it; else the claim itself is a contradiction."""
    size = parse_name(reading).memory_mib
    if size is None:
        return Claim(text=text, profiles=tuple(found))
    legal = tuple(p for p in found if size * MIB in p.memory_sizes_bytes)
    if legal:
        return Claim(text=text, profiles=legal, memory_mib=size)
    # The 480 GB of "GH200 480GB" are not the GPU's: a number that belongs to the name claims nothing.
    named = tuple(p for p in found if any(name.memory_mib == size for name in _own_names(p)))
    return Claim(text=text, profiles=named) if named else Claim(text=text, profiles=tuple(found), memory_mib=size)
