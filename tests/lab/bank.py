"""Evidence of the laboratory's cards: sources read anew for each, kernels run once for each kind of silicon.

A scan takes a tenth of a second, and most of it is kernels. Cards that share silicon, host and declared memory are
given the sections of one scan, with every rate moved by a noise of their own. ``test_population.py`` holds this
against whole scans.
"""

import json
from functools import lru_cache
from typing import Any

from gpucheck.model.base import Frozen, Unavailable
from gpucheck.model.evidence import MEASURED_SECTIONS, CudaFacts, Evidence
from gpucheck.model.measured import Bandwidth, HostLink, Throughput
from gpucheck.pipeline import Plan, build_evidence, collect
from gpucheck.simulation import Scenario, SimulatedCard
from tests.cards import alter, catalog
from tests.lab.card import Draw, LabCard

_ON_THE_SILICON = (
    "virtualized",
    "display_in_use_bytes",
    "missing",
    "no_permission",
    "mig",
    "wsl",
    "windows",
    "processes",
    "busy_share",
    "link_replays_per_gib",
)
"""Settings of the host that reach the kernels."""
_NOISE = 0.004
_WRITTEN = 2026
_STATED = ("name", "total_memory_bytes", "free_memory_bytes", "bdf", "ecc_enabled", "driver_version")


def simulated(card: LabCard) -> SimulatedCard:
    """The card, ready to be scanned."""
    scenario = Scenario.model_validate(card.document)
    profiles = [catalog().by_id(each) for each in (scenario.silicon.profile, scenario.declared_profile)]
    library = scenario.declared.library
    stated = catalog().by_id(library.profile) if library else None
    return SimulatedCard(scenario, card.group, profiles[0], profiles[1], library_profile=stated)


def scan(card: LabCard) -> Evidence:
    """The evidence of a whole scan."""
    return _changed(card, collect(simulated(card), _plan(_quick(card))._replace(probe=not card.unmeasured)))


def evidence_of(card: LabCard) -> Evidence:
    """The same, with kernels' sections out of the bank."""
    made = simulated(card)
    sections: dict[str, Frozen | Unavailable] = {name: read() for name, read in made.sources().items()}
    if not card.unmeasured:
        sections |= _measured(card, made)
    return _changed(card, build_evidence(made, made.host(), sections))


def _plan(quick: bool) -> Plan:
    """A scan draws the values that it writes to the memory by chance; here they are always the same."""
    return Plan(quick=quick, seed=_WRITTEN)


def _quick(card: LabCard) -> bool:
    return "throttles" not in card.silicon and "load_errors" not in card.silicon


def _measured(card: LabCard, made: SimulatedCard) -> dict[str, Frozen | Unavailable]:
    nvml = made.declared.nvml
    host = {key: card.environment[key] for key in _ON_THE_SILICON if key in card.environment}
    for key in ("missing", "no_permission"):
        host[key] = sorted(set(host.get(key, ())) & {"nvml", "cuda", *MEASURED_SECTIONS})
    declared = {"profile": made.declared_profile.id, "memory_bytes": nvml.memory_total_bytes, "ecc": nvml.ecc_enabled}
    taken = _bank(json.dumps([card.silicon, host, declared], sort_keys=True), _quick(card))
    sections = {name: getattr(taken, name) for name in ("cuda", *MEASURED_SECTIONS)}
    return {**_shaken(sections, Draw(f"noise/{card.number}")), "cuda": _stating(sections["cuda"], made)}


@lru_cache(maxsize=64)
def _bank(key: str, quick: bool) -> Evidence:
    """One scan. Few are kept: cards that share one come one after the other."""
    silicon, host, declared = json.loads(key)
    tables: dict[str, Any] = {"profile": declared["profile"], "memory_bytes": declared["memory_bytes"]}
    if declared["ecc"] is not None:
        tables["ecc_enabled"] = declared["ecc"]
    return collect(simulated(LabCard(0, "bank", silicon, tables, host)), _plan(quick))


def _stating(cuda: Frozen | Unavailable, made: SimulatedCard) -> Frozen | Unavailable:
    """The CUDA driver's account: the hardware as scanned, the name as declared."""
    if not isinstance(cuda, CudaFacts) or made.scenario.environment.mig:
        return cuda
    return cuda.model_copy(update={"name": made.declared.nvml.name or "", "bdf": made.declared.bdf})


def _shaken(sections: dict[str, Any], chance: Draw) -> dict[str, Any]:
    found = dict(sections)
    for name in ("bandwidth", "host_link"):
        section = sections[name]
        if isinstance(section, Bandwidth | HostLink):
            rates = {key: value for key, value in section if key.endswith("_bytes_per_second") and value}
            found[name] = section.model_copy(update={key: _moved(value, chance) for key, value in rates.items()})
    throughput = sections["throughput"]
    if isinstance(throughput, Throughput):
        rates = {key: _moved_rate(rate, chance) for key, rate in throughput.rates.items()}
        found["throughput"] = throughput.model_copy(update={"rates": rates})
    return found


def _moved(value: float, chance: Draw) -> float:
    return value * (1 + chance.between(-_NOISE, _NOISE, 6))


def _moved_rate(rate: Any, chance: Draw) -> Any:
    factor = 1 + chance.between(-_NOISE, _NOISE, 6)
    return rate.model_copy(
        update={"per_clock_per_sm": rate.per_clock_per_sm * factor, "per_second": rate.per_second * factor}
    )


def _changed(card: LabCard, evidence: Evidence) -> Evidence:
    for path, value in card.changes:
        section = getattr(evidence, path.partition("__")[0])
        if "__" not in path or not isinstance(section, Unavailable):
            evidence = alter(evidence, **{path: value})
    return evidence
