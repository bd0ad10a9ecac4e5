"""What can be wrong with one SKU by itself: its spelling, its physics, its device ids."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from gpucheck.model.profile import MemoryLayout, Profile
from gpucheck.model.text import sanitise

# Blocks of PCI device ids by die. Sources: dev_nv_xve of open-gpu-doc (Turing, GA100 to GA107), gpu-admin-tools
# (Blackwell), the published product tables of NVIDIA's kernel modules (Hopper, Ada). Older dies interleave theirs.
_ID_BLOCKS: dict[str, tuple[int, int]] = {
    "TU102": (0x1E00, 0x1E7F),
    "TU104": (0x1E80, 0x1EFF),
    "TU106": (0x1F00, 0x1F7F),
    "TU117": (0x1F80, 0x1FFF),
    "TU116": (0x2180, 0x21FF),
    "GA100": (0x2080, 0x20FF),
    "GA102": (0x2200, 0x227F),
    "GA103": (0x2400, 0x247F),
    "GA104": (0x2480, 0x24FF),
    "GA106": (0x2500, 0x257F),
    "GA107": (0x2580, 0x25FF),
    "GH100": (0x2300, 0x237F),
    "AD102": (0x2680, 0x26FF),
    "AD103": (0x2700, 0x277F),
    "AD104": (0x2780, 0x27FF),
    "AD106": (0x2800, 0x287F),
    "AD107": (0x2880, 0x28FF),
    "GB100": (0x2900, 0x297F),
    "GB102": (0x2980, 0x29FF),
    "GB110": (0x3180, 0x31FF),
    "GB112": (0x3200, 0x327F),
    "GB202": (0x2B80, 0x2BFF),
    "GB203": (0x2C00, 0x2C7F),
    "GB205": (0x2F00, 0x2F7F),
    "GB206": (0x2D00, 0x2D7F),
    "GB207": (0x2D80, 0x2DFF),
}
_ID_EXCEPTIONS: frozenset[tuple[str, int]] = frozenset()
"""(die, device id) pairs that NVIDIA really sells outside the block of the die. None is known."""

_HBM_CONTROLLER_BITS = 256
_CHANNEL_BITS = 32


def faults_of(profile: Profile, block: str) -> Iterator[str]:
    """Yield one line for each fault of a SKU; ``block`` is its text in the file."""
    yield from _spelling(profile, block)
    yield from invisible((profile.name, *profile.nvml_names, *profile.other_names))
    yield from _physics(profile)
    yield from _ids(profile)


def _spelling(profile: Profile, block: str) -> Iterator[str]:
    """Faults that only the text shows: the catalog searches it before it parses."""
    if f'"{profile.id}"' not in block:
        yield f'the id is not written as "{profile.id}"'
    for device_id in profile.device_ids:
        if not re.search(rf"\b0x{device_id:04x}\b", block):
            yield f"device id {device_id:04x} is not written as 0x{device_id:04x}: four digits, lower case"


def invisible(texts: Iterable[str]) -> Iterator[str]:
    """Characters that a reader would not see in the texts."""
    for text in texts:
        hidden = [c for c in text if unicodedata.category(c)[0] in "CZ" and c != " "]
        if hidden or text != text.strip():
            codes = ", ".join(f"U+{ord(c):04X}" for c in hidden) or "a blank at its edge"
            yield f"the text {sanitise(text)!r} holds an invisible character: {codes}"


def _physics(profile: Profile) -> Iterator[str]:
    top = profile.die.sm_count_max
    for count in profile.sm_counts:
        if top is not None and count > top:
            yield f"{count} SMs, but {profile.die.name} has {top}"
    for layout in profile.memory:
        yield from _layout(layout)
    largest = max(size for layout in profile.memory for size in layout.sizes_mib)
    for total in profile.reported_mib:
        if total > largest * 1.001:
            yield f"reported_mib {total} is more than the largest capacity, {largest} MiB"


def _layout(layout: MemoryLayout) -> Iterator[str]:
    bus = layout.bus_width_bits
    if list(layout.sizes_mib) != sorted(set(layout.sizes_mib)):
        yield f"capacities {list(layout.sizes_mib)} are not ascending"
    if bus is None:
        return
    hbm = layout.type.startswith("HBM")
    unit = _HBM_CONTROLLER_BITS if hbm else _CHANNEL_BITS
    if bus % unit:
        yield f"a bus of {bus} bit is no multiple of {unit}"
        return
    # HBM products leave out spare rows: their capacity need not divide.
    uneven = [] if hbm or layout.uneven else [size for size in layout.sizes_mib if size % (bus // unit)]
    for size in uneven:
        yield f"{size} MiB do not divide over {bus // unit} channels of {unit} bit; say why in `uneven`"


def _ids(profile: Profile) -> Iterator[str]:
    block = _ID_BLOCKS.get(profile.die.name)
    for device_id in profile.device_ids:
        owner = next((die for die, (low, high) in _ID_BLOCKS.items() if low <= device_id <= high), None)
        wrong = owner not in (None, profile.die.name) or (block is not None and owner is None)
        if wrong and (profile.die.name, device_id) not in _ID_EXCEPTIONS:
            yield f"device id 0x{device_id:04x} lies in the block of {owner or 'no die'}, not of {profile.die.name}"
    for device_id in set(profile.subsystems) - set(profile.device_ids):
        yield f"subsystems are given for 0x{device_id:04x}, which is none of its device ids"
