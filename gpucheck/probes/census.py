"""Count multiprocessors: many large blocks hold their places for a moment, and each tells where it runs."""

import numpy as np
from numpy.typing import NDArray

from gpucheck.device.protocol import U32, Device, DeviceError, Kernel
from gpucheck.model.measured import Census
from gpucheck.probes.memory import borrowed
from gpucheck.probes.options import ProbeOptions

CENSUS = Kernel("census", "census")
CAPACITY = 4096
"""Multiprocessor ids that can be told apart; the largest known device has a few hundred."""
_THREADS = 1024
_LEAST_BLOCKS = 1024
_SPIN_NS = 200_000
_ROUNDS = 3


def probe(device: Device, options: ProbeOptions) -> Census:
    """Run the census some times over and count the ids that answered.

    Raises ``DeviceError`` where machine code for the stated compute capability ran, but computed wrongly.
    """
    blocks = max(_LEAST_BLOCKS, 4 * device.attributes.sm_count)
    rounds = 1 if options.quick else _ROUNDS
    with borrowed(device, 4 * (CAPACITY + 2)) as buffer:
        device.upload(buffer, np.zeros(CAPACITY + 2, np.uint32))
        seen, arrived, check = (
            buffer.slice(0, 4 * CAPACITY),
            buffer.slice(4 * CAPACITY, 4),
            buffer.slice(4 * CAPACITY + 4, 4),
        )
        for number in range(rounds):
            arguments = (seen, U32(CAPACITY), arrived, U32(_SPIN_NS), check)
            device.launch(CENSUS, blocks=blocks, threads=_THREADS, arguments=arguments)
            options.tell((number + 1) / rounds, "counting multiprocessors")
        counts = device.download(buffer, np.dtype(np.uint32), CAPACITY + 2)
    _validate(counts, blocks * rounds)
    return Census(
        sm_count=int(np.count_nonzero(counts[:CAPACITY])),
        machine_code=device.attributes.compute_capability,
        blocks=blocks * rounds,
    )


def _validate(counts: NDArray[np.uint32], blocks: int) -> None:
    arrived, right = int(counts[CAPACITY]), int(counts[CAPACITY + 1])
    if arrived != blocks:
        raise DeviceError(f"census: {blocks} blocks were started, {arrived} arrived")
    if right != blocks:
        raise DeviceError(f"census: {blocks - right} of {blocks} blocks computed a wrong result")
    if int(counts[:CAPACITY].sum(dtype=np.uint64)) != blocks:
        raise DeviceError("census: blocks ran on multiprocessors beyond the ids that can be counted")
