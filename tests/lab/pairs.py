"""One SKU's silicon under a perfect copy of another's declaration, for every ordered pair of the catalog.

A scan of each pair would take a day. What it would say is put together from two honest scans instead: one of the
silicon's SKU, one of the declared SKU. Shared between pairs, and why that is the same as a scan of the pair:

* sources (``pci``, ``driver``, ``nvml``, host) see the declaration alone: from the declared SKU's scan;
* kernels see the silicon alone: from the silicon's scan. Two probes also depend on how much memory is declared:
  the walk, and the bandwidth buffers of the smallest cards, which a scan might refuse to measure at all;
* the resource manager is not asked: it reads the die from the hardware and would give every foreign die away at once,
  and drivers before 515, Windows, and a forger who patches the kernel as well leave nothing but the silicon;
* the CUDA driver states name, memory and bus address as declared, everything else from the hardware;
* the walk covers the same share of the declared memory, whatever silicon answers. Where more is declared than soldered
  on, addresses wrap: it keeps one value for each soldered cell, and finds the wrap.

``test_fraud_pairs.py`` holds this against full scans of random pairs: the verdict and every finding's status.
"""

from dataclasses import dataclass
from functools import cache

from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import MEASURED_SECTIONS, Evidence
from gpucheck.model.measured import MemoryFault, MemoryWalk
from gpucheck.model.profile import Profile
from gpucheck.pipeline import Plan, collect
from gpucheck.simulation import Scenario, SimulatedCard
from gpucheck.simulation.soldered import Soldered
from tests.cards import catalog

HONEST: dict[str, Evidence] = {}
FEATURES = ("multiprocessors", "generation", "bus width", "memory type", "tensor tier")


@dataclass(frozen=True)
class Pair:
    """Ids of the profile that is soldered on and of the one that is declared."""

    silicon: str
    declared: str


@cache
def profiles() -> dict[str, Profile]:
    return {profile.id: profile for profile in catalog().all_profiles()}


def card_of(pair: Pair) -> SimulatedCard:
    halves = {"silicon": {"profile": pair.silicon}, "declared": {"profile": pair.declared}}
    host = {"environment": {"missing": ["resource_manager"]}}
    scenario = Scenario.model_validate({"title": f"{pair.silicon} as {pair.declared}", **halves, **host})
    return SimulatedCard(scenario, "pair", profiles()[pair.silicon], profiles()[pair.declared])


@cache
def soldered_of(profile_id: str) -> Soldered:
    return card_of(Pair(profile_id, profile_id)).soldered


def scan(pair: Pair) -> Evidence:
    """A full scan. Of an honest card where both halves are the same."""
    return collect(card_of(pair), Plan())


def honest(profile_id: str) -> Evidence:
    """The scan of an honest card, taken once."""
    if profile_id not in HONEST:
        HONEST[profile_id] = scan(Pair(profile_id, profile_id))
    return HONEST[profile_id]


def differs_in(pair: Pair) -> tuple[str, ...]:
    """In which of the features that a buyer pays for the silicon is not what is declared."""
    one, other = _facts(pair.silicon), _facts(pair.declared)
    return tuple(name for name, a, b in zip(FEATURES, one, other, strict=True) if a != b)


@cache
def _facts(profile_id: str) -> tuple[object, ...]:
    facts = soldered_of(profile_id)
    tier = facts.tensor_fp32_accumulate
    return facts.sm_count, facts.architecture, facts.memory_bus_width_bits, facts.memory_type, tier


def is_hard(pair: Pair) -> bool:
    """Whether count and generation of the multiprocessors agree, and the memory is about as fast."""
    one, other = soldered_of(pair.silicon), soldered_of(pair.declared)
    alike = one.sm_count == other.sm_count and one.compute_capability == other.compute_capability
    return alike and 0.6 <= one.bandwidth / other.bandwidth <= 1.7


def forged_pairs() -> list[Pair]:
    """Every ordered pair that differs in one of the features, the hard ones first."""
    ids = list(profiles())
    pairs = [Pair(one, other) for one in ids for other in ids if one != other]
    return sorted((pair for pair in pairs if differs_in(pair)), key=lambda pair: not is_hard(pair))


def compose(pair: Pair) -> Evidence:
    """What a scan of the pair says, put together from two honest scans."""
    silicon, declared = honest(pair.silicon), honest(pair.declared)
    measured = {name: getattr(silicon, name) for name in MEASURED_SECTIONS}
    measured["memory_walk"] = _walk(pair, silicon, declared)
    return declared.model_copy(update={**measured, "cuda": _cuda(silicon, declared), "kernels": silicon.kernels})


def _cuda(silicon: Evidence, declared: Evidence) -> object:
    hardware, firmware = silicon.cuda, declared.cuda
    if isinstance(hardware, Unavailable) or isinstance(firmware, Unavailable):
        return hardware
    stated = ("name", "total_memory_bytes", "free_memory_bytes", "bdf", "ecc_enabled", "driver_version")
    return hardware.model_copy(update={name: getattr(firmware, name) for name in stated})


def _walk(pair: Pair, silicon: Evidence, declared: Evidence) -> object:
    rates, covered = silicon.memory_walk, declared.memory_walk
    if not isinstance(rates, MemoryWalk) or not isinstance(covered, MemoryWalk):
        return rates
    own = ("write_bytes_per_second", "verify_bytes_per_second", "window_bytes_per_second", "slow_regions")
    changes = {name: getattr(rates, name) for name in own}
    real = soldered_of(pair.silicon).memory_bytes
    if covered.tested_bytes > real:
        changes |= {"distinct_bytes": real, "faults": (_wrap(covered, real),)}
    return covered.model_copy(update=changes)


def _wrap(walk: MemoryWalk, real: int) -> MemoryFault:
    return MemoryFault(
        kind="wraparound",
        wrong_bytes=walk.tested_bytes - real,
        first_byte=0,
        last_byte=walk.tested_bytes - 1,
        distance_bytes=real,
    )
