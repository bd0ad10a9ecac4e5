"""The machine code itself: wide accesses are wide, nothing spills, and no load that counts was optimised away."""

import pytest

from gpucheck.device import kernels
from tests.kernels import nvrtc, sass

SAMPLED = tuple(number for number in (70, 75, 80, 89, 90, 100, 120) if number in sass.architectures())
FEW = tuple(number for number in (75, 120) if number in SAMPLED)
"""For what the assembler's report tells of every architecture already: each disassembly takes a third of a second, and
tests that need the same one are one test, because workers do not share it."""
pytestmark = pytest.mark.skipif(not SAMPLED, reason=f"{sass.MISSING}, or NVRTC's is not")

IN_FLIGHT = 4
"""Vectors that a thread of the memory kernels is to have under way, as their files say."""
WIDE = r"\S*\.128\b"


@pytest.mark.parametrize("number", FEW)
@pytest.mark.parametrize("family", kernels.FAMILIES)
def test_no_local_memory_and_every_thread_does_its_own_arithmetic(family: str, number: int) -> None:
    """Where all threads of a warp would compute the same, a new compiler has the uniform unit do it once for them."""
    for name, code in sass.machine_code(family, number).items():
        assert sass.opcodes(code, r"EXIT\b"), name
        assert sass.opcodes(code, r"(LDL|STL)\b") == [], name
        assert sass.opcodes(code, r"U(FFMA|FMUL|FADD|DFMA)\d?\b") == [], name


@pytest.mark.parametrize("number", SAMPLED)
def test_streams_are_wide_and_deep(number: int) -> None:
    code = sass.machine_code("bandwidth", number)
    for kernel in ("stream_read", "stream_sectors", "stream_copy"):
        assert sass.in_flight(code[kernel]) >= IN_FLIGHT, kernel
        assert sass.opcodes(code[kernel], r"LDG\b") == sass.opcodes(code[kernel], f"LDG{WIDE}"), kernel
    for kernel in ("stream_write", "stream_copy"):
        assert sass.stores_in_a_row(code[kernel]) >= IN_FLIGHT, kernel
        assert sass.opcodes(code[kernel], r"STG\b") == sass.opcodes(code[kernel], f"STG{WIDE}"), kernel
    assert sass.opcodes(code["stream_write"], r"LDG\b") == []


@pytest.mark.parametrize("number", SAMPLED)
def test_the_walk_is_wide_and_deep_and_writes_what_it_reads(number: int) -> None:
    code = sass.machine_code("memory_walk", number)
    assert sass.in_flight(code["walk_verify"]) >= IN_FLIGHT
    assert sass.stores_in_a_row(code["walk_write"]) >= IN_FLIGHT
    assert sass.opcodes(code["walk_write"], r"STG\b") == sass.opcodes(code["walk_write"], f"STG{WIDE}")
    reads, rewrites = (sass.opcodes(code["walk_verify"], kind + WIDE) for kind in ("LDG", "STG"))
    assert len(reads) == len(rewrites) > IN_FLIGHT


@pytest.mark.parametrize("number", FEW)
def test_the_census_asks_where_it_runs_and_really_waits(number: int) -> None:
    code = sass.machine_code("census", number)["census"]
    assert any("SMID" in text for text in code)
    assert len([text for text in code if "GLOBALTIMER" in text]) >= 2


@pytest.mark.parametrize("number", FEW)
def test_no_wait_of_the_census_lasts_for_ever_where_the_timer_stands_still(number: int) -> None:
    """What %globaltimer does is for each chip to say, by the PTX manual; the cycle counter is read in the loop too."""
    code = sass.machine_code("census", number)
    assert len([text for text in code["census"] if "CLOCK" in text]) >= 4
    assert len([text for text in code["residency"] if "CLOCK" in text]) >= 2


def test_the_gate_sees_narrow_merged_and_spilled_accesses() -> None:
    text = """
    typedef unsigned int u32;
    extern "C" __global__ void narrow(u32* to, const u32* from) { to[threadIdx.x] = from[threadIdx.x]; }
    extern "C" __global__ void merged(uint4* to, const uint4* from) {
      uint4 a = from[threadIdx.x], b = from[threadIdx.x];
      a.x += b.x;
      to[threadIdx.x] = a;
    }
    extern "C" __global__ void local(u32* to, u32 at) {
      u32 many[64], s = at;
      for (u32 i = 0; i < 64; ++i) many[i] = to[i * at];
      for (u32 i = 0; i < 64; ++i) to[i + at] = s = many[s & 63];
    }
    """
    code = sass.kernels_of(sass.disassemble(nvrtc.compile_text(text, kernels.nvrtc_options("8.9")).image))
    assert sass.opcodes(code["narrow"], r"LDG\S*\.128") == []
    assert sass.opcodes(code["narrow"], r"LDG\b") != []
    assert (sass.in_flight(code["merged"]), sass.stores_in_a_row(code["merged"])) == (1, 1)
    assert sass.opcodes(code["local"], r"(LDL|STL)\b") != []
