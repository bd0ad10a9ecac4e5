"""The same probes on real silicon. Asserts what holds for any sound card, and never a figure of one."""

import numpy as np
import pytest

from gpucheck.device.cuda import CudaDevice
from gpucheck.device.protocol import U32, U64, OutOfDeviceMemory
from gpucheck.model.units import GIB, MIB
from gpucheck.probes import bandwidth, census, cuda, memory_walk, walk_selftest
from gpucheck.probes.memory import borrowed
from gpucheck.probes.options import ProbeOptions
from gpucheck.probes.pattern import ALL_ONES, Values, pattern
from gpucheck.probes.walk_journal import Journal

pytestmark = pytest.mark.gpu
QUICK = ProbeOptions(quick=True, seed=5)


def test_attributes(cuda_device: CudaDevice) -> None:
    facts = cuda.probe(cuda_device, QUICK)
    assert facts.name
    assert facts.sm_count > 0
    assert 0 < facts.free_memory_bytes <= facts.total_memory_bytes


def test_census_agrees_with_the_driver(cuda_device: CudaDevice) -> None:
    found = census.probe(cuda_device, ProbeOptions())
    assert found.sm_count == cuda_device.attributes.sm_count
    assert found.machine_code == cuda_device.attributes.compute_capability


def test_self_test_passes(cuda_device: CudaDevice) -> None:
    with borrowed(cuda_device, Journal.size_bytes(walk_selftest.END)) as buffer:
        walk_selftest.run(cuda_device, Journal(cuda_device, buffer, walk_selftest.END), seed=9)


@pytest.mark.parametrize("vectors", [1, 511, 2049, 1_000_003])
@pytest.mark.parametrize("complement", [0, ALL_ONES])
def test_pattern_is_numpys(cuda_device: CudaDevice, vectors: int, complement: int) -> None:
    first = (1 << 35) + 7
    with borrowed(cuda_device, 16 * vectors) as buffer:
        arguments = (buffer, U64(first), U64(vectors), U64(42), U64(complement))
        cuda_device.launch(walk_selftest.WRITE, blocks=7, threads=512, arguments=arguments)
        got = cuda_device.download(buffer, np.dtype(np.uint64), 2 * vectors).reshape(-1, 2)
    index = np.arange(first, first + vectors, dtype=np.uint64)
    assert np.array_equal(got, np.stack(pattern(index, 42, complement), axis=1))


def test_a_full_log_leaves_the_counts_exact(cuda_device: CudaDevice) -> None:
    vectors = 1 << 20
    with borrowed(cuda_device, 16 * vectors) as memory, borrowed(cuda_device, Journal.size_bytes(vectors)) as log:
        journal = Journal(cuda_device, log, vectors)
        cuda_device.upload(memory, np.zeros(2 * vectors, np.uint64))
        head = (memory, U64(0), U64(vectors), U64(3), U64(0), U32(0))
        arguments = (*head, *journal.arguments())
        cuda_device.launch(walk_selftest.VERIFY, blocks=64, threads=512, arguments=arguments)
        journal.harvest(Values(3))
        seen = journal.finish(vectors, Values(3))
    assert int(seen.regions.sum()) == vectors
    assert (seen.lowest, seen.highest, seen.complete) == (0, vectors - 1, False)
    assert len(seen.rows) == 4096


def test_bandwidth_is_plausible(cuda_device: CudaDevice) -> None:
    found = bandwidth.probe(cuda_device, QUICK)
    assert found.read_bytes_per_second > 10e9
    assert found.copy_bytes_per_second > 10e9
    assert found.read_spread < 0.2


def test_walk_proves_all_that_it_takes(cuda_device: CudaDevice) -> None:
    free = cuda_device.memory_info().free_bytes
    found = memory_walk.probe(cuda_device, ProbeOptions())
    assert found.faults == ()
    assert found.distinct_bytes == found.tested_bytes
    assert found.tested_bytes >= free - 128 * MIB
    assert cuda_device.memory_info().free_bytes >= free - 16 * MIB


def test_a_refused_allocation_is_no_crash(cuda_device: CudaDevice) -> None:
    with pytest.raises(OutOfDeviceMemory):
        cuda_device.allocate(cuda_device.attributes.total_memory_bytes + GIB)
    with borrowed(cuda_device, MIB):
        pass
