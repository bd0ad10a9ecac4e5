"""Memory for the fault rig, given back after each test."""

from collections.abc import Callable, Iterator

import pytest

from tests.kernels import host_build
from tests.kernels.host_device import FRAME, Frames, HostMemory

MemoryMaker = Callable[..., HostMemory]


@pytest.fixture
def host_memory() -> Iterator[MemoryMaker]:
    """Make memory of a size in bytes, with a map of pages to frames."""
    if host_build.GXX is None:
        pytest.skip("g++ is not installed, so the kernels cannot be built for the host")
    made: list[HostMemory] = []

    def make(size_bytes: int, frames: Frames | None = None, page_bytes: int = FRAME) -> HostMemory:
        made.append(HostMemory(size_bytes, frames, page_bytes))
        return made[-1]

    yield make
    for memory in made:
        memory.close()
