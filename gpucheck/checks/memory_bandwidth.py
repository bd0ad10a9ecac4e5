"""Whether the memory is as fast as the SKU's.

What it checks: the best of the measured streaming rates (reading, writing, copying; else the median window of the slab
map) against bus width times data rate. Genuine cards since Turing reach 82 to 99 % of it; older ones, and those that
spend rate on ECC, reach less. It passes from 78 % on (70 % with HBM3 and HBM3e, 62 % before Turing, an eighth less
with ECC on plain chips), fails far below that, and is left open between.
Why it matters: a narrower bus, slower memory or missing channels show here, whatever the firmware says: memory of
14 Gbit/s passes for none of 19. A card that is faster than its SKU could be is another SKU.
How it can be fooled: doubled memory keeps its speed, and overclocked memory gains some percent.
A failure does not mean: fraud by itself: a hot, busy or power-limited card is slow too. Scan it idle and alone, and a
laptop plugged in; on battery its rate stays open.
References: measured rates of 391 runs in public benchmarks, among them gpu-benches, clpeak and BabelStream; profiles
under ``memory``.
"""

from dataclasses import dataclass

from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, only_a_part, remarked, unless_slowed
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import Bandwidth, SlabMap
from gpucheck.model.profile import MemoryLayout, Profile
from gpucheck.model.units import percent, rate

TOO_SLOW, TOO_FAST = 0.5, 1.12
"""Of the peak: no sound card since Fermi is slower, and no overclocked memory faster at its real share of its peak."""
_FAR_BELOW = 0.7
"""Of the share from which a card passes: so much less fails. A display and other load cost one card on record 22 %, a
crossbar that is held at a low clock another 32 %."""
_USUAL, _STACKED_NEW, _OLD = 0.78, 0.7, 0.62
"""Shares from which a card passes. The least of genuine ones since Turing: 82 % (T4), 85 % (RTX 2080 SUPER). HBM3e:
81 % (H200, gpu-benches), 83 and 86 % (B200, B300, OpenCL-Benchmark); HBM3: 74 % by the copy engine of an H100. Before
Turing: 74 % (GTX 1080), 78 % (GTX 980, GTX 960, GTX 660), and GK104 less than other Keplers by a fifth."""
_ECC_SHARE = 0.88
"""What ECC in plain memory chips leaves: 152 of 171 GB/s (K20c), 180 of 204 (K80)."""
_SLOW_BY_RECORD = {"quadro-gv100": 0.6}
"""SKUs of which several genuine ones are on record with less: 576 and 527 of 870 GB/s."""
_BEFORE_TURING = ("Fermi", "Kepler", "Maxwell", "Pascal")
_STACKED_NEWEST = ("HBM3", "HBM3e")


@dataclass(frozen=True)
class Seen:
    """The best rate in bytes per second, and where the evidence holds it."""

    best: float
    path: str


@check(id="memory-bandwidth", title="Memory bandwidth", severity=Severity.HIGH)
def memory_bandwidth(case: Case) -> Outcome:
    """Compare the best measured rate with the theoretical peak of every legal layout."""
    seen = _seen(case)
    if case.partitioned:
        return only_a_part(case)
    floors = _floors(case)
    observed = f"{rate(seen.best)} ({case.how})"
    if not floors:
        return inconclusive(f"The catalog does not know the bandwidth of {case.sku}.", observed)
    peaks = sorted({peak for peak, _ in floors})
    expected = " or ".join(f"{rate(p)} peak" for p in peaks)
    if seen.best > TOO_FAST * peaks[-1]:
        message = f"At {rate(seen.best)} the memory is faster than {case.sku} can be."
        return _fail(message, seen, observed, expected)
    fitting = [peak for peak, floor in floors if floor * peak <= seen.best <= TOO_FAST * peak]
    if not fitting:
        return _slow(case, seen, floors, observed, expected)
    share = seen.best / max(fitting)
    return Outcome(
        Status.PASS, f"{percent(share)} of the theoretical peak, as genuine cards reach.", observed, expected
    )


def _seen(case: Case) -> Seen:
    """The best of what was streamed: it depends least on how a kernel is built, and most on the memory.

    The map of rates stands in where streams could not be had. It does not make up for one that hung.
    """
    streams, slabs = case.evidence.bandwidth, case.evidence.slab_map
    hung = isinstance(streams, Unavailable) and streams.unavailable is Reason.TIMED_OUT
    if isinstance(streams, Unavailable) and isinstance(slabs, SlabMap) and not hung:
        return Seen(slabs.median_bytes_per_second, "slab_map.median_bytes_per_second")
    found: Bandwidth = measured(streams, "bandwidth")
    name, best = found.fastest
    return Seen(best, f"bandwidth.{name}")


def _floors(case: Case) -> list[tuple[float, float]]:
    """Peak of every legal layout, and the share of it from which a card passes."""
    return [
        (layout.bandwidth_bytes_per_second, _floor(case, profile, layout))
        for profile in case.profiles
        for layout in profile.memory
        if layout.bandwidth_bytes_per_second is not None
    ]


def _floor(case: Case, profile: Profile, layout: MemoryLayout) -> float:
    if profile.id in _SLOW_BY_RECORD:
        return _SLOW_BY_RECORD[profile.id]
    if layout.type in _STACKED_NEWEST:
        return _STACKED_NEW
    floor = _OLD if profile.die.architecture in _BEFORE_TURING else _USUAL
    plain = not layout.type.startswith("HBM")
    return floor * _ECC_SHARE if plain and _corrects_errors(case) else floor


def _corrects_errors(case: Case) -> bool:
    """Whether ECC is on, as NVML or CUDA tell; it takes rate of plain memory chips."""
    cuda, nvml = case.evidence.cuda, case.evidence.declared
    return bool(not isinstance(cuda, Unavailable) and cuda.ecc_enabled) or bool(nvml and nvml.ecc_enabled)


def _slow(case: Case, seen: Seen, floors: list[tuple[float, float]], observed: str, expected: str) -> Outcome:
    """Judge a rate below what genuine cards reach. Whatever excuses a slow card belongs here, around the failure."""
    share = seen.best / min(peak for peak, _ in floors if seen.best <= TOO_FAST * peak)
    if all(seen.best < max(TOO_SLOW, _FAR_BELOW * floor) * peak for peak, floor in floors):
        message = f"The memory reaches {rate(seen.best)}, {percent(share)} of what {case.sku} could."
        return unless_slowed(case, _fail(message, seen, observed, expected))
    message = (
        f"{percent(share)} of the theoretical peak is less than genuine cards reach. Scan again on an idle, cool card; "
        "if it stays so, ask whether the memory is of a slower type or its bus is narrower."
    )
    return inconclusive(message, observed, expected, (seen.path,))


def _fail(message: str, seen: Seen, observed: str, expected: str) -> Outcome:
    return remarked(
        message,
        observed,
        expected,
        "Scan again on an idle, cool card. If it stays so, the memory or its bus is not the SKU's.",
        (seen.path,),
    )
