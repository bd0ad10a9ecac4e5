"""The latency probe on simulated cards of full size, and on devices that misbehave."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gpucheck.device.protocol import U32, U64, Device, DeviceError, DeviceLost, Kernel, OutOfDeviceMemory
from gpucheck.model.measured import Latency
from gpucheck.model.units import GIB, KIB, MIB
from gpucheck.probes import latency
from gpucheck.probes.latency_cycle import NODE_BYTES, Cycle
from gpucheck.probes.options import ProbeOptions
from gpucheck.simulation import Scenario, SimulatedCard, card
from gpucheck.simulation.faults import Fault, Limbo, Stuck, Wraparound
from tests.cards import catalog
from tests.simulation.reference_walk import device


def measure(one: Device, options: ProbeOptions | None = None) -> Latency:
    free = one.memory_info().free_bytes
    try:
        return latency.probe(one, options or ProbeOptions())
    finally:
        assert one.memory_info().free_bytes == free


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(
    ("name", "l2_mib", "levels"),
    [
        ("rtx-4090", 72, ["l1", "l2", "dram"]),
        ("rtx-3090", 6, ["l1", "l2", "dram"]),
        ("a100-80gb", 40, ["l1", "l2", "l2_far", "dram"]),
        ("h100-80gb", 50, ["l1", "l2", "l2_far", "dram"]),
        ("gtx-1060-6gb", 1.5, ["l1", "l2", "dram"]),
    ],
)
def test_the_cache_of_the_silicon_is_found(name: str, l2_mib: float, levels: list[str], quick: bool) -> None:
    found = measure(card(name).open_device(), ProbeOptions(quick=quick))
    assert found.l2_capacity_bytes == pytest.approx(l2_mib * MIB, rel=0.1)
    bracket = [found.l2_least_bytes or 0, found.l2_capacity_bytes or 0, found.l2_most_bytes or 0]
    assert 0.5 * l2_mib * MIB < bracket[0]
    assert bracket == sorted(bracket)
    assert bracket[2] <= 1.6 * l2_mib * MIB
    assert [level.level for level in found.levels][: len(levels)] == levels


def test_footprints_reach_from_a_cache_to_all_of_the_memory() -> None:
    one = card("h200").open_device()
    points = measure(one).points
    sizes = [point.footprint_bytes for point in points]
    assert sizes == sorted(sizes)
    assert sizes[0] == 16 * KIB
    assert sizes[-1] >= 0.98 * one.memory_info().free_bytes
    assert max(b / a for a, b in pairwise(sizes[:-1])) < 1.5
    assert points[-1].cycles > 1.2 * points[len(points) // 2].cycles
    clock = {round(point.cycles / point.nanoseconds, 1) for point in points[5:]}
    assert clock <= {1.7, 1.8}


def test_quick_takes_fewer_footprints_but_all_of_the_memory() -> None:
    quick, full = (measure(card("rtx-3090").open_device(), ProbeOptions(quick=q)) for q in (True, False))
    assert len(quick.points) < len(full.points)
    assert quick.points[-1].footprint_bytes == full.points[-1].footprint_bytes
    assert quick.hops < full.hops


@pytest.mark.parametrize(
    "fault",
    [
        Wraparound(kind="wraparound", real_bytes=4 * GIB),
        Limbo(kind="limbo", real_bytes=4 * GIB),
        Stuck(kind="stuck", addresses=(5 * GIB,), bit=40, value=1),
    ],
    ids=lambda fault: fault.kind,
)
def test_no_link_is_followed_through_memory_that_is_not_there(fault: Fault) -> None:
    one, chased = device(8 * GIB, fault), []
    launch = one.launch

    def watched(kernel: Kernel, **given: Any) -> float:
        if kernel.function == "latency_chase":
            chased.append(given["arguments"][0].size_bytes)
        return launch(kernel, **given)

    one.launch = watched  # type: ignore[method-assign]
    found = measure(one)
    largest = max(point.footprint_bytes for point in found.points)
    assert 2 * GIB < largest == max(chased) <= 5 * GIB
    assert found.l2_capacity_bytes == pytest.approx(4 * MIB, rel=0.1)


def test_memory_that_keeps_nothing_has_no_latency() -> None:
    one = card("rtx-4090-dead-channel").open_device()
    with pytest.raises(DeviceError, match="no footprint kept its links"):
        measure(one)


def test_a_full_card_is_refused_and_nothing_is_kept() -> None:
    one = device(4 * GIB, in_use=4 * GIB - 60 * MIB)
    with pytest.raises(OutOfDeviceMemory):
        measure(one)


def test_one_large_piece_may_be_refused_and_less_is_taken() -> None:
    one = device(8 * GIB)
    blocking = [one.allocate(2 * GIB) for _ in range(3)]
    one.release(blocking[1])
    largest = measure(one).points[-1].footprint_bytes
    assert 1.8 * GIB < largest <= 2 * GIB


@pytest.mark.parametrize(
    ("kernel", "says"),
    [
        ("latency_link", "not laid"),
        ("latency_check", "taken for right"),
        ("latency_chase", "ended at a node"),
    ],
)
def test_a_kernel_that_does_nothing_is_found_out(kernel: str, says: str) -> None:
    one = device(2 * GIB)
    launch = one.launch
    one.launch = lambda k, **given: 1e-3 if k.function == kernel else launch(k, **given)  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match=says):
        measure(one)


def test_a_chase_that_reads_nothing_beforehand_is_found_out() -> None:
    one = device(2 * GIB)
    launch = one.launch

    def lazy(kernel: Kernel, **given: Any) -> float:
        if kernel.function == "latency_chase":
            given["arguments"] = [*given["arguments"][:4], U64(0), *given["arguments"][5:]]
        return launch(kernel, **given)

    one.launch = lazy  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match="not read"):
        measure(one)


def test_one_multiprocessor_reads_beforehand_and_chases() -> None:
    """In a cache of two halves a line lies in the half of whoever read it."""
    one, launches = device(2 * GIB), []
    launch = one.launch

    def watched(kernel: Kernel, **given: Any) -> float:
        launches.append((kernel.function, given["blocks"], given["arguments"]))
        return launch(kernel, **given)

    one.launch = watched  # type: ignore[method-assign]
    measure(one)
    chases = [(number, blocks) for number, (function, blocks, _) in enumerate(launches) if function == "latency_chase"]
    assert {blocks for _, blocks in chases} == {1}
    for number, _ in chases[3:]:
        _, nodes, _, first, count, *_ = (getattr(a, "value", a) for a in launches[number][2])
        assert first + count == nodes
        assert count * NODE_BYTES >= min(nodes * NODE_BYTES, 8 * (one.attributes.l2_cache_bytes or 0))


def test_a_lost_device_leaves_nothing_allocated() -> None:
    one, launches = device(2 * GIB), []
    launch = one.launch

    def dying(kernel: Kernel, **given: Any) -> float:
        launches.append(kernel)
        if len(launches) > 40:
            raise DeviceLost("gone")
        return launch(kernel, **given)

    one.launch = dying  # type: ignore[method-assign]
    with pytest.raises(DeviceLost):
        measure(one)


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5, 127, 128, 129, 1000, 4096, 65_537])
def test_the_cycle_visits_every_node_once(nodes: int) -> None:
    cycle, numbers = Cycle(nodes), np.arange(nodes, dtype=np.uint64)
    places = cycle.place(numbers)
    assert sorted(places.tolist()) == numbers.tolist()
    assert np.array_equal(cycle.number(places), numbers)


def test_neighbours_in_the_cycle_lie_far_apart() -> None:
    places = Cycle(1_000_003).place(np.arange(50_000, dtype=np.uint64)).astype(np.int64)
    steps = np.abs(np.diff(places))
    assert np.median(steps) > 200_000
    assert np.mean(steps < 64) < 0.001


def test_a_cycle_over_a_whole_card_needs_no_table() -> None:
    nodes = 180 * GIB // NODE_BYTES
    numbers = np.array([0, 1, nodes // 2, nodes - 1], np.uint64)
    places = Cycle(nodes).place(numbers)
    assert (places < nodes).all()
    assert np.array_equal(Cycle(nodes).number(places), numbers)
    assert Cycle(nodes).place_after(nodes + 1) == places[1]


def test_simulated_chases_end_where_real_ones_would() -> None:
    one, cycle = device(2 * GIB), Cycle(500)
    memory, out = one.allocate(500 * NODE_BYTES), one.allocate(80)
    one.launch(latency.LINK, blocks=2, threads=512, arguments=(memory, U64(cycle.nodes), U32(cycle.bits)))
    words = one.download(memory, np.dtype(np.uint64), 500 * NODE_BYTES // 8)
    at = memory.address + cycle.place_after(3) * NODE_BYTES
    ends = []
    for number in range(1, 73):
        at = int(words[(at - memory.address) // 8])
        ends += [at] if number % 24 == 0 else []
    latency.chase(one, memory, out, latency.Way(8, 16, around_l1=False, first=3))
    assert one.download(out, np.dtype(np.uint64), 9).tolist()[2::3] == ends


def test_a_cache_that_hides_between_coarse_footprints_is_looked_for() -> None:
    profile = catalog().by_id("geforce-gts-450-rev-2")
    scenario = {"title": "a small cache", "seed": 22, "silicon": {"profile": profile.id, "noise": 0.05}}
    one = SimulatedCard(Scenario.model_validate(scenario), "mine", profile, profile).open_device()
    found = measure(one, ProbeOptions(quick=True))
    assert found.l2_capacity_bytes == pytest.approx(256 * KIB, rel=0.25)
