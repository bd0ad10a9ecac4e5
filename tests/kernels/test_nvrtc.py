"""Every kernel file compiles to machine code for every architecture that the installed NVRTC knows."""

import re

import pytest

from gpucheck.device import kernels
from tests.kernels import nvrtc

ARCHITECTURES = nvrtc.architectures()
pytestmark = pytest.mark.skipif(not ARCHITECTURES, reason="the wheel nvidia-cuda-nvrtc-cu12 is not installed")

FUNCTIONS = {
    "memory_walk": {"walk_write", "walk_verify", "walk_write_spots", "walk_verify_spots", "walk_evict"},
    "latency": {"latency_link", "latency_check", "latency_chase"},
    "bandwidth": {"stream_read", "stream_sectors", "stream_write", "stream_copy", "stream_triad"},
    "throughput": {
        *("count_fp32", "count_fp32_apart", "count_fp64", "count_int32"),
        *("mma_fp16_fp16", "mma_fp16_fp32", "mma_bf16_fp32", "mma_tf32_fp32"),
    },
    "fingerprint": {"sum_fp16", "sum_bf16", "sum_tf32"},
    "census": {"census", "residency", "shared_room"},
    "load": {"load_fill", "load_run"},
    "hold": {"hold"},
}
REGISTERS_AT_TWO_BLOCKS = 64
"""65536 registers over two blocks of 512 threads."""


def test_pascal_to_the_newest() -> None:
    assert {60, 61, 70, 75, 80, 86, 89, 90, 100, 120} <= set(ARCHITECTURES)


@pytest.mark.parametrize("number", ARCHITECTURES)
@pytest.mark.parametrize("family", kernels.FAMILIES)
def test_machine_code_without_spills(family: str, number: int) -> None:
    compiled = nvrtc.compile_family(family, number)
    assert compiled.image.startswith(b"\x7fELF")
    assert set(re.findall(r"entry function '(\w+)' for 'sm_\d+'", compiled.log)) == FUNCTIONS[family]
    assert all(name.encode() in compiled.image for name in FUNCTIONS[family])
    spills = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", compiled.log)
    assert len(spills) == len(FUNCTIONS[family])
    assert {count for row in spills for count in row} == {"0"}
    assert all(int(n) <= REGISTERS_AT_TWO_BLOCKS for n in re.findall(r"Used (\d+) registers", compiled.log))


def test_streaming_accesses_are_16_bytes_wide() -> None:
    for family in ("memory_walk", "bandwidth"):
        text = kernels.load(family).text
        assert "ld.global.cs.v4.u32" in text
        assert "st.global.cs.v4.u32" in text


@pytest.mark.parametrize("family", kernels.FAMILIES)
def test_header_free(family: str) -> None:
    assert "#include" not in kernels.load(family).text


def test_a_broken_kernel_is_told_by_the_compiler() -> None:
    with pytest.raises(RuntimeError, match="error"):
        nvrtc.compile_text("__global__ void broken() { nonsense }", kernels.nvrtc_options("8.9"))
