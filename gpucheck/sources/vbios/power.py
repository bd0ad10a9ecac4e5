"""The board's power limits.

Facts of the format: nouveau's ``power_budget.c`` (versions 0x20 and 0x30; milliwatts). On 14 public images, Maxwell
to Ada, the entry that caps the whole board holds what these models, or their partners' faster ones, are known for.
"""

from gpucheck.model.vbios import PowerLimits
from gpucheck.sources.vbios.rom import Unreadable
from gpucheck.sources.vbios.table import Table

_POINTER = 0x2C
_CAP_AT = {0x20: 0x09, 0x30: 0x0A}
_NO_ENTRY = 0xFF
_MOST_WATTS = 3000


def read_power(table: Table) -> PowerLimits:
    """Return the limits of the whole board."""
    token = table.token("P", _POINTER + 4)
    if token.version != 2:
        raise Unreadable(f"a performance token of version {token.version} has no power table")
    at = table.follow(token, _POINTER, 4)
    rom = table.rom
    version, head, width, count = (rom.u8(at + place) for place in range(4))
    if version not in _CAP_AT or width < 0x0E:
        raise Unreadable(f"a power table of version {version:#x} is not known")
    cap = rom.u8(at + _CAP_AT[version])
    if cap == _NO_ENTRY or cap >= count:
        raise Unreadable("the firmware states no limit for the whole board")
    entry = at + head + cap * width
    least, usual, most = (rom.u32(entry + place) / 1000 for place in (0x02, 0x06, 0x0A))
    if not 0 < usual <= most <= _MOST_WATTS or least > usual:
        raise Unreadable("the limits in the power table make no sense")
    return PowerLimits(min_watts=least, default_watts=usual, max_watts=most)
