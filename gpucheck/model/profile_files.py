"""The shapes of the files in ``profiles/``: for their JSON Schemas, and to look for faults in them.

The catalog reads single tables out of these files, so judging a card loads none of this.
"""

from typing import Annotated

from pydantic import Field

from gpucheck.model.base import Frozen
from gpucheck.model.modification import Modification
from gpucheck.model.profile import Die, Sku

HexId = Annotated[str, Field(pattern=r"^0x[0-9a-f]{4}$")]


class DieFile(Frozen):
    """The shape of ``profiles/<generation>/<die>.toml``: the die once, then every SKU that is cut from it."""

    die: Die
    sku: tuple[Sku, ...]


class Vendor(Frozen):
    """Who stands behind a PCI subsystem vendor id."""

    brand: str
    role: str
    """Such as ``aib`` (board partner), ``oem`` (maker of whole machines), ``odm``."""


class VendorFile(Frozen):
    """The shape of ``profiles/subsystem_vendors.toml``."""

    vendor: dict[HexId, Vendor]


class UnlistedFile(Frozen):
    """The shape of ``profiles/unlisted.toml``: die to device id to the name in pci.ids."""

    unlisted: dict[str, dict[HexId, str]]


class ModificationFile(Frozen):
    """The shape of ``profiles/modifications/*.toml``."""

    modification: tuple[Modification, ...]
