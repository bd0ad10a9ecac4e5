"""Bandwidth, map of rates and latency on real silicon. Asserts what holds for any sound card, never a figure of one."""

import numpy as np
import pytest

from gpucheck.device.cuda import CudaDevice
from gpucheck.device.protocol import U32, U64
from gpucheck.model.units import GIB, MIB
from gpucheck.probes import bandwidth, latency, slab_map
from gpucheck.probes.latency_cycle import NODE_BYTES, Cycle
from gpucheck.probes.memory import borrowed
from gpucheck.probes.options import ProbeOptions

pytestmark = pytest.mark.gpu
QUICK = ProbeOptions(quick=True, seed=5)


def test_every_stream_has_a_plausible_rate(cuda_device: CudaDevice) -> None:
    found = bandwidth.probe(cuda_device, QUICK)
    best = max(found.read_bytes_per_second, found.write_bytes_per_second or 0)
    for rate in (found.write_bytes_per_second, found.copy_bytes_per_second, found.triad_bytes_per_second):
        assert rate is not None
        assert 0.5 * best < rate <= best * 1.05
    useful = (found.sectors_bytes_per_second or 0) / found.read_bytes_per_second
    assert 0.3 < useful < 1.05
    assert (found.write_spread or 0) < 0.2
    assert (found.triad_spread or 0) < 0.2


def test_the_map_covers_the_memory_and_gives_it_back(cuda_device: CudaDevice) -> None:
    free = cuda_device.memory_info().free_bytes
    found = slab_map.probe(cuda_device, ProbeOptions())
    left = 32 + 2 + 2 * 32  # to the driver, the sink, and at most two remnants too short for a rate
    assert found.tested_bytes >= free - left * MIB
    assert found.slow_regions == ()
    assert found.spread < 0.05
    assert cuda_device.memory_info().free_bytes >= free - 16 * MIB


@pytest.mark.parametrize("nodes", [128, 4093, 1_000_003])
def test_the_links_are_the_twins(cuda_device: CudaDevice, nodes: int) -> None:
    cycle = Cycle(nodes)
    with borrowed(cuda_device, nodes * NODE_BYTES) as memory:
        head = (memory, U64(nodes), U32(cycle.bits))
        cuda_device.launch(latency.LINK, blocks=64, threads=512, arguments=head)
        words = cuda_device.download(memory, np.dtype(np.uint64), nodes * NODE_BYTES // 8)[:: NODE_BYTES // 8]
        places = cycle.place(np.arange(nodes, dtype=np.uint64))
        assert np.array_equal(words[places], memory.address + np.roll(places, -1) * np.uint64(NODE_BYTES))


@pytest.mark.parametrize("quick", [True, False])
def test_latency_grows_level_by_level(cuda_device: CudaDevice, quick: bool) -> None:
    free = cuda_device.memory_info().free_bytes
    found = latency.probe(cuda_device, ProbeOptions(quick=quick))
    cycles = [level.cycles for level in found.levels]
    assert [level.level for level in found.levels if not level.level.endswith(("far", "tlb"))][-2:] == ["l2", "dram"]
    assert cycles == sorted(cycles)
    assert 150 < next(level.cycles for level in found.levels if level.level == "l2") < 500
    assert found.points[-1].footprint_bytes >= 0.9 * free
    assert cuda_device.memory_info().free_bytes >= free - 16 * MIB


def test_the_bracket_holds_what_the_driver_states(cuda_device: CudaDevice) -> None:
    stated = cuda_device.attributes.l2_cache_bytes
    found = latency.probe(cuda_device, ProbeOptions())
    assert stated is not None
    assert found.l2_least_bytes is not None
    assert found.l2_most_bytes is not None
    assert found.l2_least_bytes < 1.5 * stated
    assert found.l2_most_bytes > 0.7 * stated


def test_latency_takes_seconds_at_most(cuda_device: CudaDevice) -> None:
    import time

    started = time.perf_counter()
    latency.probe(cuda_device, ProbeOptions())
    size = cuda_device.memory_info().total_bytes / GIB
    assert time.perf_counter() - started < 5 + size / 20
