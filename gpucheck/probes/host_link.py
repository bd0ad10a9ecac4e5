"""How fast the host's bus carries data to the card and back, and what the link says of itself meanwhile.

From pinned memory, so that the copy engine alone does the work. An idle link is slow to save power: transfers wake it,
and its generation is read in the middle of them. Every rate is that of one direction by itself.
"""

from statistics import median

from gpucheck.device.protocol import Buffer, Device, OutOfDeviceMemory
from gpucheck.model.base import Collected, Unavailable
from gpucheck.model.measured import HostLink, Telemetry
from gpucheck.model.units import MIB
from gpucheck.probes.memory import give_back, take_largest
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.watch import look, watched

SIZES = (256 * MIB, 64 * MIB, 16 * MIB)
"""What is asked of the card, until it gives it; the last is what the link is woken with."""
_WAKING_SECONDS = 0.05
_SAMPLE_SECONDS = 0.01
"""A transfer lasts so long at least, or is of the whole buffer."""
_WATCHED_SECONDS = 0.1
_MOST_REPEATS = 64
_SAMPLES, _QUICK_SAMPLES, _DEEP_SAMPLES = 5, 3, 15


def probe(device: Device, options: ProbeOptions) -> HostLink:
    """Measure both directions. Raises ``OutOfDeviceMemory`` where card or host give not even 16 MiB."""
    before = look(options.telemetry)
    held: list[Buffer] = []
    try:
        whole = take_largest(device, SIZES, held)
        options.tell(0.2, "waking the link")
        buffer = _pinned(device, whole, _enough(_wake(device, whole), whole.size_bytes))
        during: list[Collected[Telemetry]] = []
        samples = _DEEP_SAMPLES if options.deep else _QUICK_SAMPLES if options.quick else _SAMPLES
        rates = []
        for number, to_device in enumerate((True, False)):
            rate = _rate(device, buffer, to_device, samples)
            during.append(_watch(device, buffer, to_device, rate, options))
            rates.append(rate)
            options.tell(0.5 + 0.5 * number, "transfers")
    finally:
        give_back(device, held)
    after = look(options.telemetry)
    return HostLink(
        host_to_device_bytes_per_second=rates[0],
        device_to_host_bytes_per_second=rates[1],
        buffer_bytes=buffer.size_bytes,
        samples=samples,
        **_link([*during, after]),
        **_replays(before, after),
        missing=_missing([before, *during, after]),
    )


def _pinned(device: Device, whole: Buffer, size_bytes: int) -> Buffer:
    """Return as much of the buffer as the host pins a double of; the smallest size it has already pinned."""
    while size_bytes > SIZES[-1]:
        part = whole.slice(0, size_bytes)
        try:
            device.host_copy(part, to_device=True, repeats=1)
        except OutOfDeviceMemory:
            size_bytes //= 2
            continue
        return part
    return whole.slice(0, size_bytes)


def _wake(device: Device, whole: Buffer) -> float:
    """Copy for a moment, and return the rate of the last copy."""
    small = whole.slice(0, min(SIZES[-1], whole.size_bytes))
    spent, seconds = 0.0, 1.0
    for _ in range(_MOST_REPEATS):
        seconds = max(device.host_copy(small, to_device=True, repeats=1), 1e-9)
        spent += seconds
        if spent >= _WAKING_SECONDS:
            break
    return small.size_bytes / seconds


def _enough(bytes_per_second: float, most: int) -> int:
    """A size that takes long enough to be timed, in powers of two from 16 MiB: a narrow link has little patience."""
    size = min(SIZES[-1], most)
    while size < most and size < bytes_per_second * _SAMPLE_SECONDS:
        size *= 2
    return min(size, most)


def _rate(device: Device, buffer: Buffer, to_device: bool, samples: int) -> float:
    seconds = [device.host_copy(buffer, to_device=to_device, repeats=1) for _ in range(samples)]
    return buffer.size_bytes / max(median(seconds), 1e-9)


def _watch(device: Device, buffer: Buffer, to_device: bool, rate: float, options: ProbeOptions) -> Collected[Telemetry]:
    """Look at the link in the middle of a tenth of a second of transfers."""
    repeats = min(_MOST_REPEATS, 1 + int(_WATCHED_SECONDS * rate / buffer.size_bytes))
    return watched(lambda: device.host_copy(buffer, to_device=to_device, repeats=repeats), options.telemetry)[1]


def _link(seen: list[Collected[Telemetry]]) -> dict[str, int | None]:
    """The most that the link was seen to run at: it only ever sleeps by itself."""
    readings = [one for one in seen if not isinstance(one, Unavailable)]
    return {
        "generation_under_load": max((r.pcie_generation for r in readings if r.pcie_generation), default=None),
        "lanes_under_load": max((r.pcie_lanes for r in readings if r.pcie_lanes), default=None),
    }


def _replays(before: Collected[Telemetry], after: Collected[Telemetry]) -> dict[str, int | None]:
    first = None if isinstance(before, Unavailable) else before.pcie_replays
    last = None if isinstance(after, Unavailable) else after.pcie_replays
    return {"replays_before": first, "replays_after": last}


def _missing(seen: list[Collected[Telemetry]]) -> dict[str, Unavailable]:
    """Why the link or its counter is not known, by field of the section."""
    fields = {"pcie_generation": "generation_under_load", "pcie_lanes": "lanes_under_load"}
    fields |= {"pcie_replays": "replays_after"}
    found: dict[str, Unavailable] = {}
    for one in seen:
        if isinstance(one, Unavailable):
            found |= dict.fromkeys(fields.values(), one)
            continue
        for name, ours in fields.items():
            if getattr(one, name) is None and name in one.missing:
                found[ours] = one.missing[name]
            elif getattr(one, name) is not None:
                found.pop(ours, None)
    return found
