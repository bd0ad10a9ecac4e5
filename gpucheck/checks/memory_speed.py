"""Whether the memory runs at the speed of another model.

What it checks: a steady rate that the model's memory cannot reach on a bus of the width that CUDA states, or one below
half of it that is just what another model with as many multiprocessors of the same generation delivers.
Why it matters: where two models differ in their memory alone, its speed is all that gives one away: a card with plain
DDR memory sold as the one with GDDR, a laptop part with faster memory sold as the desktop card.
How it can be fooled: by a memory clock that is set so that the rate fits.
A failure does not mean: that the card is bad. What is left open: a busy card, one that something slows down, rates that
differ from one reading to the next, and memory whose clock the driver shows to be lowered.
References: ``memory-bandwidth`` for the shares that genuine cards reach; overclocked memory gains a tenth at most.
"""

from collections.abc import Iterator

from gpucheck.checks.base import Case, Outcome, check, measured, not_applicable, only_a_part, remarked, unless_slowed
from gpucheck.checks.memory_bandwidth import TOO_FAST, TOO_SLOW
from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Severity, Status
from gpucheck.model.measured import Bandwidth, Census, LoadTest, Telemetry
from gpucheck.model.profile import Profile
from gpucheck.model.units import percent, rate

_STEADY = 0.05
"""Largest spread of the samples, as a share of their median, in which a rate is a property of the memory."""
_ALSO_FAST = 1.05
"""Of the peak, what the slowest stream has to exceed as well, so that one odd sample decides nothing."""
_USUAL = (0.8, 0.99)
"""Share of the peak that genuine cards reach: what the other model's rate has to be."""
_LOWERED = 0.9
"""Of the largest memory clock; below it something holds the memory back."""


@check(
    id="memory-speed",
    title="Memory at another model's speed",
    severity=Severity.HIGH,
    edge=("memory rate", "device id"),
)
def memory_speed(case: Case) -> Outcome:
    """Compare the measured rate with what the model, and another one, can do."""
    streams = measured(case.evidence.bandwidth, "bandwidth")
    if case.partitioned:
        return only_a_part(case)
    peaks = sorted({peak for profile in case.profiles for peak in profile.bandwidths_bytes_per_second})
    if not peaks:
        return not_applicable(f"The catalog does not know the bandwidth of {case.sku}.")
    _, best = streams.fastest
    steady = max(streams.read_spread, streams.copy_spread, streams.write_spread or 0) <= _STEADY
    least = min(streams.read_bytes_per_second, streams.copy_bytes_per_second)
    most = _most(case, peaks)
    if steady and best > TOO_FAST * most and least > _ALSO_FAST * most:
        return _failed(case, best, f"faster than that of {case.sku} can be, overclocked or not", peaks)
    if steady and best < TOO_SLOW * peaks[0] and not _held_back(case):
        other = next(_explaining(case, best), None)
        if other:
            slower = f"{percent(best / peaks[0])} of what {case.sku} could, and just what {other.name} delivers"
            return unless_slowed(case, _failed(case, best, slower, peaks))
    return Outcome(Status.PASS, "The memory's rate points to no other model.", _observed(case, streams))


def _most(case: Case, peaks: list[float]) -> float:
    """The fastest build that has the bus width which CUDA reads from the hardware; of all builds where none has."""
    cuda = case.evidence.cuda
    width = None if isinstance(cuda, Unavailable) else cuda.memory_bus_width_bits
    layouts = [layout for profile in case.profiles for layout in profile.memory if layout.bus_width_bits == width]
    return max((peak for each in layouts if (peak := each.bandwidth_bytes_per_second)), default=peaks[-1])


def _failed(case: Case, best: float, words: str, peaks: list[float]) -> Outcome:
    return remarked(
        f"The memory reaches {rate(best)}, {words}.",
        f"{rate(best)} ({case.how})",
        " or ".join(f"{rate(peak)} peak" for peak in peaks),
        "Read the type that is printed on the memory chips, and compare it with the model's.",
        ("bandwidth.read_bytes_per_second", "bandwidth.copy_bytes_per_second"),
    )


def _observed(case: Case, streams: Bandwidth) -> str:
    return f"{rate(streams.fastest[1])} ({case.how})"


def _explaining(case: Case, best: float) -> Iterator[Profile]:
    """Other models of the generation with as many multiprocessors whose memory would be just so fast."""
    census = case.evidence.census
    if not isinstance(census, Census):
        return
    own = {profile.id for profile in case.profiles}
    for profile in case.catalog.cut_to(census.machine_code, census.sm_count):
        if profile.id not in own and any(
            _USUAL[0] <= best / peak <= _USUAL[1] for peak in profile.bandwidths_bytes_per_second
        ):
            yield profile


def _held_back(case: Case) -> bool:
    """Whether sensors show that something lowered the memory's clock or braked the card."""
    load, declared = case.evidence.load, case.evidence.declared
    if not isinstance(load, LoadTest):
        return False
    seen = [one for one in (load.before, *load.during, load.after) if isinstance(one, Telemetry)]
    braked = any(set(one.throttle_reasons or ()) & {"thermal", "hardware", "power"} for one in seen)
    most = declared.memory_clock_max_mhz if declared else None
    clocks = [one.memory_clock_mhz for one in load.during if one.memory_clock_mhz]
    return braked or bool(most and clocks and max(clocks) < _LOWERED * most)
