"""Scenario keys of heat, errors and other people's programs, and honest cards of every kind."""

from pathlib import Path

import pytest

from gpucheck.checks import ALL_CHECKS, Case
from gpucheck.model.finding import Status
from gpucheck.pipeline import build_evidence
from gpucheck.probes import census, host_link, load
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import Scenario, ScenarioError, SimulatedCard, card
from tests.cards import catalog

HEAD = 'title = "A card"\n[silicon]\nprofile = "geforce-rtx-4090"\n'
ABOUT_THESE = {"sm-limits", "host-link", "link-errors", "load-condition", "multiprocessors"}
SOME = [profile.id for profile in catalog().all_profiles()][3::9]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('throttles = "dust"\n', "silicon.throttles"),
        ("throttled_rate = 0\n", "silicon.throttled_rate"),
        ("load_errors = -1\n", "silicon.load_errors"),
        ("[environment]\nprocesses = [-5]\n", r"environment.processes\[0\]"),
        ("[environment]\nprocesses = 5\n", "environment.processes: a list is wanted"),
        ("[environment]\nbusy_share = 1\n", "environment.busy_share"),
        ("[environment]\nlink_replays_per_gib = nan\n", "environment.link_replays_per_gib"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=key):
        card(str(path))


def test_sensors_follow_the_device_of_the_same_card() -> None:
    one = card("rtx-4090-overheating")
    cool = one.telemetry()
    load.probe(one.open_device(), ProbeOptions(telemetry=one.telemetry))
    hot = one.telemetry()
    assert hot.temperature_celsius > cool.temperature_celsius + 30  # type: ignore[union-attr,operator]
    assert card("rtx-4090-overheating").telemetry() == cool


@pytest.mark.parametrize("profile_id", SOME)
def test_an_honest_card_of_any_kind_raises_no_alarm(profile_id: str) -> None:
    profile = catalog().by_id(profile_id)
    scenario = Scenario.model_validate({"title": "honest", "silicon": {"profile": profile_id}})
    one = SimulatedCard(scenario, "mine", profile, profile)
    device, options = one.open_device(), ProbeOptions(telemetry=one.telemetry)
    sections = {name: read() for name, read in one.sources().items()}
    sections |= {"census": census.probe(device, options), "host_link": host_link.probe(device, options)}
    sections["load"] = load.probe(device, options)
    device.close()
    evidence = build_evidence(one, one.host(), sections)
    case = Case(evidence, catalog().match(evidence), None, catalog())
    for check in ALL_CHECKS:
        if check.id in ABOUT_THESE:
            found = check(case)
            unknown = "does not know" in found.message
            assert found.status in {Status.PASS, Status.NOT_APPLICABLE} or unknown, found.message
