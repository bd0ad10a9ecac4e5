"""The real walk on simulated cards of full size: the verdict's raw material from end to end."""

from pathlib import Path

import pytest

from gpucheck.model.finding import Status
from gpucheck.model.measured import MemoryWalk
from gpucheck.model.units import GIB
from gpucheck.pipeline import Plan, collect
from gpucheck.probes import memory_walk
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import card
from gpucheck.simulation.faults import DeadChannel, Wraparound
from tests.cards import report
from tests.simulation.reference_walk import device

GENUINE = ("rtx-4090", "rtx-4090-48gb", "h200", "h100-mig", "gtx-1060-6gb")


def walk(name: str, seed: int = 5) -> MemoryWalk:
    device = card(name).open_device()
    try:
        return memory_walk.probe(device, ProbeOptions(seed=seed))
    finally:
        device.close()


@pytest.mark.parametrize("name", GENUINE)
def test_genuine_memory_is_proven(name: str) -> None:
    found = walk(name)
    assert (found.faults, found.slow_regions) == ((), ())
    assert found.distinct_bytes == found.tested_bytes >= 0.97 * found.total_bytes


@pytest.mark.parametrize(
    ("name", "kind", "facts"),
    [
        ("rtx-4090-48gb-forged", "wraparound", {"distance_bytes": 24 * GIB}),
        ("gtx-1050-ti-is-gtx-550-ti", "wraparound", {"distance_bytes": GIB}),
        ("cmp-170hx-as-a100", "wraparound", {"distance_bytes": 8 * GIB}),
        ("rtx-4090-48gb-limbo", "limbo", {"first_byte": 24 * GIB}),
        ("rtx-4090-48gb-shuffled", "shuffled_alias", {}),
        ("rtx-4090-dead-channel", "dead_channel", {"channel": 5, "channels": 12, "granule_bytes": 256}),
        ("rtx-3060-stuck-bit", "stuck", {"bit": 17, "value": 1}),
    ],
)
def test_faults_are_named(name: str, kind: str, facts: dict[str, int]) -> None:
    (fault,) = walk(name).faults
    assert fault.kind == kind
    assert {fact: getattr(fault, fact) for fact in facts} == facts


def test_a_dead_channel_does_not_hide_how_addresses_wrap() -> None:
    wrap = Wraparound(kind="wraparound", real_bytes=15_000_010_752)
    dead = DeadChannel(kind="dead_channel", channel=3, channels=12, granule_bytes=256)
    found = memory_walk.probe(device(24 * GIB, wrap, dead), ProbeOptions(seed=3)).faults
    assert {fault.kind for fault in found} == {"wraparound", "dead_channel"}
    assert {fault.distance_bytes for fault in found} == {15_000_010_752, None}


@pytest.mark.parametrize("name", ["rtx-4090-48gb-forged", "rtx-4090-48gb-limbo", "rtx-4090-48gb-shuffled"])
def test_what_stays_distinct_is_what_is_soldered_on(name: str) -> None:
    assert walk(name).distinct_bytes == pytest.approx(24 * GIB, rel=1e-3)


@pytest.mark.parametrize(("name", "ratio"), [("rtx-3090-slow-region", 0.5), ("rtx-4090-paged", 0.03)])
def test_slow_memory_is_told_but_counted(name: str, ratio: float) -> None:
    found = walk(name)
    (region,) = found.slow_regions
    assert region.ratio == pytest.approx(ratio, rel=0.1)
    assert found.distinct_bytes == found.tested_bytes


def test_cells_that_forget_do_not_hide_those_that_cannot_change() -> None:
    forget, locked = walk("rtx-3080-weak-cells").faults
    assert (forget.kind, forget.estimated) == ("retention", True)
    assert (locked.kind, locked.bit, locked.value, locked.wrong_bytes) == ("transition", 41, 1, 6 * 16)


@pytest.mark.parametrize(("bit", "value"), [(21, 0), (60, 1), (9, 1)])
def test_a_scan_names_the_few_cells_that_cannot_change(tmp_path: Path, bit: int, value: int) -> None:
    """They give themselves away when they are first written, so nothing else may have written to them before."""
    addresses = [number * 2_234_567_944 for number in range(1, 6)]
    scenario = f"""
title = "Cells that cannot change"
[silicon]
profile = "geforce-rtx-3060-12-gb"
[[silicon.memory_fault]]
kind = "transition"
addresses = {addresses}
bit = {bit}
value = {value}
"""
    (tmp_path / "cells.toml").write_text(scenario)
    found = collect(card(str(tmp_path / "cells.toml")), Plan(seed=5)).memory_walk
    assert isinstance(found, MemoryWalk)
    assert [(fault.kind, fault.bit, fault.value) for fault in found.faults] == [("transition", bit, value)]


def test_a_quick_scan_does_not_promise_that_no_bit_sticks() -> None:
    """A stuck bit that agrees with the one pass is invisible."""
    for quick in (True, False):
        judged = report(collect(card("rtx-3060-12gb"), Plan(seed=3, quick=quick)))
        told = next(finding for finding in judged.findings if finding.check == "memory-faults")
        assert told.status is Status.PASS
        assert ("half of the bits that stick" in told.message) == quick
