"""Modes: what each leaves out and says of it, and the limits of its stages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gpucheck import modes
from gpucheck.cli.app import cli
from gpucheck.cli.errors import CallError
from gpucheck.machine import HostMachine
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import MEASURED_SECTIONS, SECTIONS
from gpucheck.model.measured import HostLink
from gpucheck.pipeline import Plan, collect
from gpucheck.probes import registry
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import machine
from gpucheck.turns import turn
from tests.cards import evidence_from

LINK = HostLink(host_to_device_bytes_per_second=25e9, device_to_host_bytes_per_second=26e9, buffer_bytes=1, samples=3)


@pytest.mark.parametrize("stage", SECTIONS)
def test_a_more_thorough_mode_is_never_given_less_time(stage: str) -> None:
    quick, default, deep = (modes.limit_seconds(mode, stage) for mode in modes._MODES)
    assert 60 <= quick <= default <= deep


def test_a_deep_walk_may_take_its_time_and_a_quick_one_may_not() -> None:
    assert modes.limit_seconds("deep", "memory_walk") >= 900
    assert modes.limit_seconds("quick", "memory_walk") <= 200


def test_what_a_mode_leaves_out_is_a_stage() -> None:
    assert all(set(stages) <= set(MEASURED_SECTIONS) for stages in modes.LEFT_OUT.values())
    assert set(MEASURED_SECTIONS) >= modes.ALONE


def test_what_quick_leaves_out_says_so_and_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PROBES", registry.PROBES | {"load": lambda _device, _options: LINK})
    evidence = collect(machine(["rtx-4090"]).cards[0], Plan(quick=True))
    assert isinstance(evidence.load, Unavailable)
    assert evidence.load.unavailable is Reason.NOT_REQUESTED
    assert "--quick" in evidence.load.detail


@pytest.mark.parametrize(("environment", "lends"), [({}, False), ({"windows": True}, True), ({"wsl": True}, True)])
def test_probes_learn_where_a_full_card_is_lent_memory(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, bool], lends: bool
) -> None:
    """WSL's driver is that of Windows: 30 GiB were had of a card of 16 there (microsoft/WSL issue 11050)."""
    seen: list[ProbeOptions] = []

    def walk(_device: object, options: ProbeOptions) -> Unavailable:
        seen.append(options)
        return Unavailable(unavailable=Reason.FAILED, detail="not walked here")

    monkeypatch.setattr(registry, "PROBES", dict.fromkeys(registry.PROBES, walk))
    evidence_from({"title": "a card", "silicon": {"profile": "geforce-rtx-4090"}, "environment": environment})
    assert [options.lends_memory for options in seen] == [lends] * len(registry.PROBES)


def test_a_mode_by_name() -> None:
    assert [Plan(quick=True).mode, Plan().mode, Plan(deep=True).mode] == ["quick", "default", "deep"]


def host_link_of(plan: Plan) -> HostLink:
    found = collect(machine(["rtx-4090"]).cards[0], plan).host_link
    assert isinstance(found, HostLink)
    return found


def test_a_card_that_got_no_turn_measures_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "PROBES", registry.PROBES | {"host_link": lambda _device, _options: LINK})
    name = str(tmp_path / "lock")
    Path(name).touch()
    assert host_link_of(Plan(quick=True)).missing == {}
    assert host_link_of(Plan(quick=True, turns=name)).missing == {}
    with turn(name, 0):
        disturbed = host_link_of(Plan(quick=True, turns=name, turn_seconds=0.05))
    assert disturbed.missing["alone"].unavailable is Reason.TIMED_OUT
    assert disturbed.host_to_device_bytes_per_second == LINK.host_to_device_bytes_per_second


@dataclass(frozen=True)
class Asked:
    """What the command line asked the watchdog for."""

    plan: Plan
    limit: Any


def asked(monkeypatch: pytest.MonkeyPatch, *options: str) -> Asked:
    seen: list[Asked] = []

    def collect_all(_cards: object, plan: Plan, *, timeout_seconds: Any, **_: object) -> None:
        seen.append(Asked(plan, timeout_seconds))
        raise CallError("enough", "")

    monkeypatch.setattr("gpucheck.watchdog.collect_all", collect_all)
    monkeypatch.setattr("gpucheck.machine.host_machine", lambda select: HostMachine(()))
    CliRunner().invoke(cli, ["scan", *options])
    return seen[0]


@pytest.mark.parametrize("mode", modes._MODES)
def test_a_real_card_gets_the_limits_of_its_mode(monkeypatch: pytest.MonkeyPatch, mode: modes.Mode) -> None:
    found = asked(monkeypatch, *([] if mode == "default" else [f"--{mode}"]))
    assert found.plan.mode == mode
    assert found.limit("memory_walk") == modes.limit_seconds(mode, "memory_walk")


def test_a_limit_that_was_asked_for_holds_for_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, "--deep", "--timeout", "7").limit == 7
    assert asked(monkeypatch, "--simulate", "rtx-4090").limit == 10
