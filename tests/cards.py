"""Evidence of simulated cards, and single facts changed in it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from gpucheck.catalog import Catalog
from gpucheck.checks import ALL_CHECKS, Case
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Finding
from gpucheck.model.profile import Profile
from gpucheck.model.report import CardReport
from gpucheck.pipeline import Plan, Section, assess, build_evidence, collect, run_stages

_BY_ID = {check.id: check for check in ALL_CHECKS}


@cache
def catalog() -> Catalog:
    return Catalog()


@cache
def evidence_of(scenario: str) -> Evidence:
    """Collect a shipped scenario once."""
    from gpucheck.simulation import machine

    return collect(machine([scenario]).cards[0], Plan())


def evidence_from(document: dict[str, Any], plan: Plan | None = None) -> Evidence:
    """Collect a card that is described as a scenario file would."""
    from gpucheck.simulation import Scenario, SimulatedCard

    scenario = Scenario.model_validate(document)
    silicon, declared = (catalog().by_id(i) for i in (scenario.silicon.profile, scenario.declared_profile))
    library = scenario.declared.library
    stated = catalog().by_id(library.profile) if library else None
    return collect(SimulatedCard(scenario, "mine", silicon, declared, library_profile=stated), plan or Plan())


SILICON = ("cuda", "census", "throughput", "fingerprint", "bandwidth", "memory_walk", "slab_map", "latency")
"""Stages that tell of the silicon."""


def with_silicon(profile: Profile, stages: Sequence[str] = SILICON, quick: bool = True, **silicon: object) -> Evidence:
    """An honest card, examined in some stages, whose silicon is as given, whatever the catalog says of its model."""
    from gpucheck.simulation import Scenario, SimulatedCard

    scenario = Scenario.model_validate(
        {"title": "a card", "silicon": {"profile": profile.id, "noise": 0.01, **silicon}}
    )
    card = SimulatedCard(scenario, "mine", profile, profile)
    sections: dict[str, Section] = {}
    names = [*card.sources(), *stages]
    run_stages(card, Plan(quick=quick), names, sections.__setitem__, lambda _name, _share: None)
    return build_evidence(card, card.host(), sections)


def genuine() -> Evidence:
    """An honest RTX 4090, measured."""
    return evidence_of("rtx-4090")


def alter(evidence: Evidence, **changes: Any) -> Evidence:
    """Change fields by path, with two underscores between section and field: ``nvml__name="…"``."""
    sections: dict[str, Any] = {}
    for path, value in changes.items():
        section, _, field = path.partition("__")
        if not field:
            sections[section] = value
            continue
        held = sections.get(section, getattr(evidence, section))
        sections[section] = held.model_copy(update={field: value})
    return evidence.model_copy(update=sections)


def report(evidence: Evidence, claim: str | None = None) -> CardReport:
    return assess(evidence, catalog(), catalog().resolve_claim(claim) if claim else None)


def finding(evidence: Evidence, check: str, claim: str | None = None) -> Finding:
    """The one finding of a check, which alone is run."""
    asked = catalog().resolve_claim(claim) if claim else None
    return _BY_ID[check](Case(evidence, catalog().match(evidence), asked, catalog()))
