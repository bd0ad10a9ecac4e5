"""Registers of simulated cards: those of the soldered die and memory, whatever is declared, and only to root."""

from pathlib import Path

import pytest

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import PciFacts
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.units import GIB
from gpucheck.simulation import SimulatedCard, card
from tests.cards import catalog
from tests.simulation.test_cards import HEAD

ROOT = "[environment]\nroot = true\n"


def make(folder: Path, silicon: str, declared: str = "", more: str = "", environment: str = ROOT) -> SimulatedCard:
    path = folder / "mine.toml"
    head = HEAD.format(silicon=silicon, declared=declared or silicon)
    path.write_text(head.replace("[declared]", f"{more}\n[declared]") + environment, encoding="utf-8")
    return card(str(path))


def registers(one: SimulatedCard) -> RegisterFacts:
    found = one.sources()["registers"]()
    assert isinstance(found, RegisterFacts)
    return found


def test_they_are_the_soldered_dies(tmp_path: Path) -> None:
    found = registers(make(tmp_path, "geforce-rtx-3080", "geforce-rtx-4090"))
    assert (found.source, found.chip_id, found.revision) == ("simulated", 0x172, "A1")
    assert found.fused_device_ids == (0x2206, 0x2246)
    assert (found.memory_partitions, found.partition_bytes, found.memory_bytes) == (5, 2 * GIB, 10 * GIB)
    assert found.clamshell is False
    assert found.raw["0x000000"] == "0xb72000a1"


def test_a_sku_with_several_ids_has_the_declared_one_in_its_fuses(tmp_path: Path) -> None:
    profile = next(p for p in catalog().all_profiles() if p.die.name == "GA102" and len(p.device_ids) > 1)
    second = profile.device_ids[1]
    found = registers(make(tmp_path, profile.id, environment=f"device_id = {second}\n{ROOT}"))
    assert found.fused_device_ids[0] == second


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ("", Reason.NO_PERMISSION),
        ("[environment]\nroot = true\nvirtualized = true\n", Reason.NOT_SUPPORTED),
        ("[environment]\nroot = true\nwindows = true\n", Reason.NOT_SUPPORTED),
        ("[environment]\nroot = true\nwsl = true\n", Reason.NOT_SUPPORTED),
        ('[environment]\nroot = true\nno_permission = ["registers"]\n', Reason.NO_PERMISSION),
        ('[environment]\nroot = true\nmissing = ["registers"]\n', Reason.NOT_INSTALLED),
        ("[declared.pci]\noff_bus = true\n[environment]\nroot = true\n", Reason.FAILED),
    ],
)
def test_where_they_are_not_shown(tmp_path: Path, environment: str, reason: Reason) -> None:
    one = make(tmp_path, "geforce-rtx-3090", environment=environment)
    found = one.sources()["registers"]()
    assert isinstance(found, Unavailable)
    assert found.unavailable is reason
    reading = one.telemetry()
    assert isinstance(reading, Unavailable) or (reading.hotspot_celsius, reading.memory_chips_celsius) == (None, ())


def test_root_sees_the_whole_configuration_space(tmp_path: Path) -> None:
    for environment, size in (("", 64), (ROOT, 4096)):
        found = make(tmp_path, "geforce-rtx-3090", environment=environment).sources()["pci"]()
        assert isinstance(found, PciFacts)
        assert found.config_bytes == size


@pytest.mark.parametrize(
    ("silicon", "more", "clamshell"),
    [
        ("geforce-rtx-4090", "", False),
        ("geforce-rtx-4090", f"memory_bytes = {48 * GIB}", True),
        ("geforce-rtx-4090", "clamshell = true", True),
        ("geforce-rtx-3090", "", True),
        ("geforce-rtx-3090", "clamshell = false", False),
        ("geforce-rtx-3080", f"memory_bytes = {20 * GIB}", False),
        ("geforce-rtx-3070", f"memory_bytes = {16 * GIB}", False),
        ("geforce-rtx-4060-ti-16-gb", "", True),
        ("rtx-a6000", "", True),
        ("geforce-rtx-5090", "", False),
        ("geforce-rtx-5090", f"memory_bytes = {96 * GIB}", True),
    ],
)
def test_chips_sit_on_both_sides_where_their_number_needs_it(
    tmp_path: Path, silicon: str, more: str, clamshell: bool
) -> None:
    assert registers(make(tmp_path, silicon, more=more)).clamshell is clamshell


@pytest.mark.parametrize(
    ("silicon", "partitions", "each"),
    [
        ("a100-sxm4-40-gb", 20, 2 * GIB),
        ("geforce-rtx-3060-12-gb", 3, 4 * GIB),
        ("geforce-rtx-3050-6-gb", 2, None),
        ("geforce-rtx-4090", None, None),
    ],
)
def test_partitions(tmp_path: Path, silicon: str, partitions: int | None, each: int | None) -> None:
    found = registers(make(tmp_path, silicon))
    assert (found.memory_partitions, found.partition_bytes) == (partitions, each)
    assert each is not None or "partition_bytes" in found.missing


def test_all_of_the_memory_is_in_them_on_newer_dies() -> None:
    """Turing and GA100 round a size down to six bits."""
    from gpucheck.simulation.hardware import registers as read
    from gpucheck.simulation.scenario import Silicon
    from gpucheck.simulation.soldered import solder

    for profile in catalog().all_profiles():
        soldered = solder(Silicon(profile=profile.id), profile, 0)
        found = read(profile, soldered, None)
        if profile.die.chip_id is None:
            assert isinstance(found, Unavailable)
            continue
        assert isinstance(found, RegisterFacts)
        assert found.chip_id == profile.die.chip_id
        if found.memory_bytes is not None:
            assert 0.96 * soldered.memory_bytes <= found.memory_bytes <= soldered.memory_bytes, profile.id


def test_temperatures_follow_the_load(tmp_path: Path) -> None:
    more = "hotspot_above_edge_celsius = 31.0\nmemory_chip_outlier_celsius = 22.0"
    one = make(tmp_path, "geforce-rtx-3090", more=more)
    resting = one.telemetry()
    one.sensors.begin("load")
    one.sensors.ran("load", 20.0)
    loaded = one.telemetry()
    assert not isinstance(resting, Unavailable)
    assert not isinstance(loaded, Unavailable)
    assert len(loaded.memory_chips_celsius) == 24
    assert max(resting.memory_chips_celsius) - min(resting.memory_chips_celsius) <= 6
    assert max(loaded.memory_chips_celsius) - sorted(loaded.memory_chips_celsius)[12] > 15
    assert loaded.hotspot_celsius is not None
    assert loaded.temperature_celsius is not None
    assert loaded.hotspot_celsius - loaded.temperature_celsius == pytest.approx(31, abs=1)
    assert all(degrees % 2 == 0 for degrees in loaded.memory_chips_celsius)


def test_memory_without_sensors_shows_none(tmp_path: Path) -> None:
    found = make(tmp_path, "geforce-rtx-3070").telemetry()
    assert not isinstance(found, Unavailable)
    assert (found.memory_chips_celsius, found.hotspot_celsius is None) == ((), False)
    other = make(tmp_path, "geforce-rtx-5090").telemetry()
    assert not isinstance(other, Unavailable)
    assert other.hotspot_celsius is None


def test_a_scenario_may_hang_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ForeverError(Exception):
        pass

    def sleep(_seconds: float) -> None:
        raise ForeverError

    monkeypatch.setattr("time.sleep", sleep)
    one = make(tmp_path, "geforce-rtx-3090", environment='[environment]\nhang = "registers"\n')
    with pytest.raises(ForeverError):
        one.sources()["registers"]()
