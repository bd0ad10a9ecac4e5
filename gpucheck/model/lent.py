"""Which slow regions of a card's memory the host may be lending, as their place and the host's bus tell.

What a driver makes up from the host's memory comes last, behind the card's own, and answers no faster than the bus. A
region elsewhere that is faster than the bus is the card's own, and damaged.
"""

from collections.abc import Sequence

from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.measured import HostLink, SlowRegion
from gpucheck.model.units import MIB

HOST_SPEED = 0.25
"""Share of the usual rate below which memory need not be on the card. Slow memory behind a fast bus is lent at more."""
_ABOVE_COPIES = 1.5
"""Loads of a kernel may be as much faster than copies over the bus were."""
_REMNANT_BYTES = 64 * MIB


def link_rate(evidence: Evidence) -> float | None:
    """Bytes per second that the host's bus carried, None where that was not measured."""
    seen = evidence.host_link
    if isinstance(seen, Unavailable):
        return None
    return _fastest(seen)


def _fastest(seen: HostLink) -> float:
    return max(seen.host_to_device_bytes_per_second, seen.device_to_host_bytes_per_second)


def lent(slow: Sequence[SlowRegion], end_bytes: int, link: float | None) -> tuple[SlowRegion, ...]:
    """Regions that only a host's bus explains: far slower than the rest, and last or no faster than the bus."""
    last = _last(slow, end_bytes)
    return tuple(r for r in slow if r.ratio < HOST_SPEED and (r in last or link is None or _within(r, link)))


def lent_or_damaged(slow: Sequence[SlowRegion], end_bytes: int, link: float | None) -> tuple[SlowRegion, ...]:
    """Last regions of memory so slow itself that the host's bus could serve them, though damage could be as well."""
    if link is None:
        return ()
    return tuple(r for r in _last(slow, end_bytes) if r.ratio >= HOST_SPEED and _within(r, link))


def _within(region: SlowRegion, link: float) -> bool:
    return region.bytes_per_second <= _ABOVE_COPIES * link


def _last(slow: Sequence[SlowRegion], end_bytes: int) -> list[SlowRegion]:
    """The regions that lie end to end up to the end of the memory."""
    found, end = [], end_bytes - _REMNANT_BYTES
    for region in sorted(slow, key=lambda r: -r.first_byte):
        if region.first_byte + region.length_bytes < end:
            break
        found.append(region)
        end = region.first_byte
    return found
