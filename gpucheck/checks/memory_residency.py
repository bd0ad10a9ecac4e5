"""Whether all of the memory is the card's own.

What it checks: the rate of every window of the slab map and of the walk. A window at a small fraction of the rest is
answered from the host's memory over the bus. Windows that are all at a small fraction of the SKU's rate prove nothing.
The slab map reads each window several times in turns and is believed first; the walk stands in where there is none, and
where both see it the finding is the surer.
Why it matters: a driver can make up missing memory from the host; it holds data, at a twentieth of the speed.
How it can be fooled: it cannot be made faster than the bus.
A failure does not mean: fraud on Windows, whose driver does this by design when the card is full; there it is noted.
The last 512 MiB of a GTX 970 are that slow by build, and passed over. A region that is faster than the bus, and not
the last of the memory, is damaged and no forgery; at the end of slow memory one cannot be told from the other.
References: NVIDIA's note on system memory fallback since driver 536.40; rates of PCIe generations.
"""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from gpucheck.checks.base import UNSTEADY, Case, Outcome, check, inconclusive, measured, unless_busy
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.lent import HOST_SPEED, lent, lent_or_damaged, link_rate
from gpucheck.model.measured import MemoryWalk, SlabMap, SlowRegion
from gpucheck.model.units import GIB, MIB, gib, rate

_BUS_SPEED = 0.15
"""What links reach of the memory's rate, but for the fastest link and the slowest memory."""
_BUILT_SLOW = {"geforce-gtx-970": 512 * MIB}
"""Models whose last part of memory is that slow by build: one of eight controllers serves it alone."""


@dataclass(frozen=True)
class Mapped:
    """The rates of all windows of memory, as one section of the evidence holds them."""

    section: str
    tested_bytes: int
    window_bytes: int
    rates: tuple[float, ...]
    slow: tuple[SlowRegion, ...]
    link: float | None
    """Bytes per second that the host's bus carried, None where that was not measured."""
    disturbed: bool = False
    """The same window took very different times: others used the card, and what seems slow need not be."""

    @property
    def path(self) -> str:
        """Where the evidence holds the slow regions."""
        return f"{self.section}.slow_regions"

    @property
    def rates_path(self) -> str:
        """Where the evidence holds the rates."""
        return {"slab_map": "slab_map.bytes_per_second", "memory_walk": "memory_walk.window_bytes_per_second"}[
            self.section
        ]

    @property
    def at_host_speed(self) -> tuple[SlowRegion, ...]:
        """Regions that only the host's bus explains."""
        return lent(self.slow, self.tested_bytes, self.link)

    @property
    def doubtful(self) -> tuple[SlowRegion, ...]:
        """Regions that the host's bus explains as well as damage does."""
        return lent_or_damaged(self.slow, self.tested_bytes, self.link)

    @property
    def name(self) -> str:
        """The experiment, in a sentence."""
        return {"slab_map": "the map of rates", "memory_walk": "the memory walk"}[self.section]


def maps(case: Case) -> list[Mapped]:
    """What there is of slab map and walk, the slab map first. Raises ``Missing`` where there is neither."""
    slabs, walk, link = case.evidence.slab_map, case.evidence.memory_walk, link_rate(case.evidence)
    found = []
    if isinstance(slabs, SlabMap):
        rates = slabs.bytes_per_second
        disturbed = (slabs.unsteadiness or 0.0) > UNSTEADY
        slow = slabs.slow_regions
        found.append(Mapped("slab_map", slabs.tested_bytes, slabs.window_bytes, rates, slow, link, disturbed))
    if isinstance(walk, MemoryWalk):
        rates = walk.window_bytes_per_second
        found.append(Mapped("memory_walk", walk.tested_bytes, walk.window_bytes, rates, walk.slow_regions, link))
    if not found:
        measured(walk, "memory_walk")
    return found


@check(id="memory-residency", title="Memory on the card", severity=Severity.CRITICAL)
def memory_residency(case: Case) -> Outcome:
    """Look for windows at the speed of the host's bus."""
    first, *others = _by_sight(case, maps(case))
    paged = [each for each in (first, *others) if each.at_host_speed and not _built_so(case, each)]
    if first in paged and first.disturbed and not _one_stretch(first.at_host_speed):
        return inconclusive(
            "Parts of the memory seemed slow, but differed from one round to the next: something else used the card. "
            "Scan again alone.", _size(case, first), "all of it at full speed", (first.path,)
        )  # fmt: skip
    if first in paged:
        return _paged(case, first, [each for each in others if each in paged])
    if paged:
        return inconclusive(
            f"{paged[0].name.capitalize()} met memory at the speed of the host's, {first.name} did not. Scan again "
            "while nothing else uses the card.", _size(case, paged[0]), "all of it at full speed", (paged[0].path,)
        )  # fmt: skip
    if first.at_host_speed:
        return Outcome(Status.PASS, f"The last part of the memory is slow, as {case.sku} was built.")
    if _slow_everywhere(case, first):
        return inconclusive(
            "All of the memory answers so slowly that it could be the host's. Scan again on an idle, cool card.",
            f"{rate(median(first.rates))} ({case.how})", "the speed of the card's own memory", (first.rates_path,),
        )  # fmt: skip
    if first.doubtful and not _built_so(case, first):
        size = sum(region.length_bytes for region in first.doubtful)
        return inconclusive(
            f"The last {gib(size)} answer no faster than the host's bus: lent by the host, or damaged. Compare what "
            "the memory chips on the board hold.", f"{_words(first.doubtful)} ({case.how})", "all of it at full speed",
            (first.path, "host_link"),
        )  # fmt: skip
    return Outcome(Status.PASS, "Every window answers at the speed of the card's own memory.")


def _by_sight(case: Case, found: list[Mapped]) -> list[Mapped]:
    """Put the one last to which all memory seems slow: it looks at whole windows, and missed a little that is not."""
    return sorted(found, key=lambda each: not each.at_host_speed and _slow_everywhere(case, each))


def _size(case: Case, seen: Mapped) -> str:
    size = sum(region.length_bytes for region in seen.at_host_speed)
    return f"{_words(seen.at_host_speed)}, {gib(seen.tested_bytes - size)} at full speed ({case.how})"


def _words(regions: tuple[SlowRegion, ...]) -> str:
    size, slowest = sum(r.length_bytes for r in regions), min(r.bytes_per_second for r in regions)
    return f"{gib(size)} at {rate(slowest)}"


def _paged(case: Case, seen: Mapped, agreeing: list[Mapped]) -> Outcome:
    size = sum(region.length_bytes for region in seen.at_host_speed)
    slowest = min(region.bytes_per_second for region in seen.at_host_speed)
    if case.evidence.host.lends_memory:
        return inconclusive(
            f"{gib(size)} answered at the speed of the host's memory. Windows does this when the card is full; close "
            "other programs, or scan under Linux.", _size(case, seen), "all of it at full speed", (seen.path,)
        )  # fmt: skip
    failure = Outcome(
        Status.FAIL,
        f"{gib(size)} of the declared memory is the host's, not the card's: it answers at {rate(slowest)}. "
        f"{_the_rest(seen, size)}",
        observed=_size(case, seen),
        expected="all of it at full speed",
        remedy="Return it: the missing memory is lent by the computer, at a fraction of the speed.",
        confidence=Confidence.HIGH if agreeing else Confidence.MEDIUM,
        evidence=(seen.path, *(each.path for each in agreeing)),
        kinds=(Kind.PAGED,),
    )
    if _one_stretch(seen.at_host_speed):
        return failure
    if seen.section == "memory_walk" and not agreeing:
        return inconclusive(
            f"{failure.message} Nothing else bears that out.", failure.observed, failure.expected, failure.evidence
        )
    return unless_busy(case, failure)


def _the_rest(seen: Mapped, lent_bytes: int) -> str:
    own = gib(seen.tested_bytes - lent_bytes)
    behind = min(region.first_byte for region in seen.at_host_speed) >= seen.tested_bytes - lent_bytes
    return f"The card's own memory ends at {own}." if behind else f"{own} are the card's own."


def _one_stretch(paged: tuple[SlowRegion, ...]) -> bool:
    """Whether it lies together and is far slower than turns with other programs make it, which hit here and there."""
    together = all(one.first_byte + one.length_bytes == next_.first_byte for one, next_ in pairwise(paged))
    return together and sum(r.length_bytes for r in paged) >= GIB and all(r.ratio < _BUS_SPEED for r in paged)


def _slow_everywhere(case: Case, seen: Mapped) -> bool:
    """Whether most windows stay below what a bus to the host could reach."""
    peaks = [peak for p in case.match.fitting for peak in p.bandwidths_bytes_per_second]
    if not peaks or case.partitioned or not seen.rates:
        return False
    return median(seen.rates) < HOST_SPEED * min(peaks)


def _built_so(case: Case, seen: Mapped) -> bool:
    """Whether no more is slow than the model's slow part, give or take the window that both parts share."""
    built = min((_BUILT_SLOW.get(p.id, 0) for p in case.match.fitting), default=0)
    return bool(built) and sum(r.length_bytes for r in seen.at_host_speed) <= built + seen.window_bytes
