"""The resource manager of a simulated card: the silicon's facts from the silicon, the firmware's as declared."""

from typing import Any

import pytest

from gpucheck.catalog import Catalog
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.simulation import Scenario, ScenarioError, SimulatedCard, card
from gpucheck.simulation.library import parse

CATALOG = Catalog()


def make(silicon: str, name: str | None = None, **tables: Any) -> SimulatedCard:
    stated = tables.pop("declared", {}) | ({"profile": name} if name else {})
    document = {"title": "A card", "silicon": {"profile": silicon}, "declared": stated}
    scenario = Scenario.model_validate(document | tables)
    return SimulatedCard(scenario, "mine", CATALOG.by_id(silicon), CATALOG.by_id(scenario.declared_profile))


def answers(one: SimulatedCard) -> ResourceManagerFacts:
    found = one.sources()["resource_manager"]()
    assert isinstance(found, ResourceManagerFacts), found
    return found


def processors(facts: ResourceManagerFacts) -> int:
    return sum(mask.bit_count() for mask in facts.tpc_masks)


def test_silicon_and_declaration_keep_apart() -> None:
    """A GA102 under the name of an RTX 4090: the hardware gives the die away, the firmware what it was flashed with."""
    facts = answers(make("geforce-rtx-3090", "geforce-rtx-4090"))
    assert facts.chip_id == 0x172
    assert processors(facts) * 2 == 82
    assert (facts.l2_cache_bytes or 0) >> 20 == 6
    assert (facts.device_id, facts.gpu_part_number) == (0x2684, "2684-300-A1")
    assert facts.memory_type == "GDDR6X"
    assert (facts.vbios_version or "").startswith("95.02")


@pytest.mark.parametrize("name", ["rtx-4090", "rtx-2080-ti", "rtx-a6000", "h100-80gb", "rtx-5090", "gtx-1060-6gb"])
def test_masks_count_what_is_soldered_on(name: str) -> None:
    one, facts = card(name), answers(card(name))
    per = 1 if name == "gtx-1060-6gb" else 2
    assert processors(facts) * per == one.soldered.sm_count
    assert (facts.gpc_mask or 0).bit_count() == len(facts.tpc_masks)
    assert all(facts.tpc_masks)
    assert facts.source == "simulated"


def test_tiers_show_as_fuses() -> None:
    assert not any(answers(card("rtx-a6000")).issue_rates.values())
    assert answers(card("rtx-3090")).issue_rates["fmla32"] == 1
    assert answers(card("cmp-170hx-64gb")).issue_rates["ffma"] == 5
    assert "issue_rates" in answers(card("gtx-1060-6gb")).missing


def test_single_answers_can_lie() -> None:
    table = {"chip_id": 0x192, "mining": True, "memory_type": "GDDR7", "memory_strap": 5, "project": "G139"}
    facts = answers(make("geforce-rtx-3090", declared={"resource_manager": table}))
    assert (facts.chip_id, facts.mining, facts.memory_type) == (0x192, True, "GDDR7")
    assert (facts.memory_strap, facts.project) == (5, "G139")


def test_a_declared_rom_is_what_the_driver_reads() -> None:
    rom = {"chip_sku": "350", "project": "G136", "board_id": 0x123, "mobile": True, "memory_types": ["GDDR6"]}
    facts = answers(make("geforce-rtx-3090", declared={"vbios": rom}))
    assert (facts.chip_sku, facts.project, facts.board_id) == ("350", "G136", 0x123)
    assert (facts.mobile, facts.memory_type) == (True, "GDDR6")


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"windows": True, "driver_version": "580.95"}, Reason.NOT_SUPPORTED),
        ({"wsl": True}, Reason.NOT_SUPPORTED),
        ({"driver_version": "510.108.03"}, Reason.NOT_SUPPORTED),
        ({"no_permission": ["resource_manager"]}, Reason.NO_PERMISSION),
        ({"missing": ["resource_manager"]}, Reason.NOT_INSTALLED),
        ({"missing": ["driver"]}, Reason.NOT_INSTALLED),
    ],
)
def test_where_nobody_can_ask(environment: dict[str, Any], reason: Reason) -> None:
    found = make("geforce-rtx-3090", environment=environment).sources()["resource_manager"]()
    assert isinstance(found, Unavailable)
    assert found.unavailable is reason


def test_an_older_driver_tells_less() -> None:
    facts = answers(make("geforce-rtx-3090", environment={"driver_version": "515.65.01"}))
    assert facts.gpu_part_number is None
    assert "gpu_part_number" in facts.missing
    assert answers(make("geforce-rtx-3090", environment={"virtualized": True})).chip_id == 0x172


def test_a_wrong_key_names_those_that_there_are() -> None:
    document = {"title": "A", "silicon": {"profile": "x"}, "declared": {"resource_manager": {"chip": 1}}}
    with pytest.raises(ScenarioError, match=r"declared\.resource_manager\.chip.*chip_id"):
        parse(document, "here")
