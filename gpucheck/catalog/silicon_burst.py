"""The burst of the memory, read from what is lost when one 32-byte half of each 64 bytes is read: GDDR5 against GDDR5X.

Memory that delivers 32 bytes at a time loses little; memory that delivers 64 brings the other half along in vain, and
half of the rate is lost. Nothing declared goes in. Two types are told apart only where the burst of both is on record.

Asked on Maxwell and Pascal alone. There caches fill single sectors of 32 bytes: in thread 49571 of
forums.developer.nvidia.com an engineer of NVIDIA confirms for all of Pascal that only the sectors asked for are read
from memory, and says of Maxwell and Pascal that sectors are not promoted. From Ampere on the second-level cache may
fetch more than was asked for (``cudaLimitMaxL2FetchGranularity``: up to 128 bytes, "a hint", with no default that
NVIDIA documents); of the generations between, and of those before, it is not on record. A cache that fetches 64 bytes
looks like a burst of 64.

Never seen on real silicon, and the same thread calls the details of the second-level cache undocumented. So bands are
wide, and the points exclude a rival but settle nothing: ``silicon-match`` leaves them out where it fails a card.
"""

from gpucheck.catalog.silicon_features import Readings
from gpucheck.model.burst import BURST_BYTES
from gpucheck.model.profile import MemoryLayout, Profile

BURST = "burst of the memory"
_SINGLE_SECTORS = ("Maxwell", "Pascal")
_LITTLE_LOST, _HALF_LOST = 0.75, 0.62
"""Shares of the reading rate: above the one a burst of 32 bytes, below the other of 64. Between: no statement."""
_IMPOSSIBLE = 1.1
"""No part is read faster than the whole: one of the two rates was disturbed, by clocks that rose or another program."""
_OTHER_BURST = -12.0
"""A little more than it takes to tell two SKUs apart."""


def burst(seen: Readings, profile: Profile, layout: MemoryLayout) -> float:
    """Hold the burst that was seen against that of the layout's type of memory, in decibans."""
    known = BURST_BYTES.get(layout.type)
    looks = burst_bytes(seen.sectors_share)
    if known is None or looks is None or profile.die.architecture not in _SINGLE_SECTORS:
        return 0.0
    return 0.0 if looks == known else _OTHER_BURST


def burst_bytes(sectors_share: float | None) -> int | None:
    """Burst that a share of the reading rate looks like; ``None`` where it looks like neither."""
    if sectors_share is None or sectors_share > _IMPOSSIBLE:
        return None
    if sectors_share > _LITTLE_LOST:
        return 32
    return 64 if sectors_share < _HALF_LOST else None
