"""The load's own text: its known answer against exact arithmetic, and what it counts on the host."""

import re
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gpucheck.device import kernels
from gpucheck.probes import load
from gpucheck.simulation import kernels_bandwidth, kernels_load
from tests.kernels import host_build, nvrtc

needs_gxx = pytest.mark.skipif(host_build.GXX is None, reason="g++ is not installed")
needs_nvrtc = pytest.mark.skipif(not nvrtc.architectures(), reason="the wheel nvidia-cuda-nvrtc-cu12 is not installed")
TEXT = kernels.load("load").text
relaxed = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def constant(name: str) -> str:
    found = re.search(rf"#define {name} (\S+?)[fu]?$", TEXT, re.MULTILINE)
    assert found
    return found[1]


def single(value: str) -> Fraction:
    return Fraction(float(np.float32(value)))


def rounded(exact: Fraction) -> Fraction:
    """To the nearest single, ties to even. Nothing here is denormal."""
    size = abs(exact)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= Fraction(2) ** exponent > size
    unit = Fraction(2) ** (exponent - 23)
    whole, rest = divmod(size, unit)
    whole += 2 * rest > unit or (2 * rest == unit and whole % 2)
    return whole * unit * (-1 if exact < 0 else 1)


def bits(value: Fraction) -> int:
    return int(struct.unpack("<I", struct.pack("<f", float(value)))[0])


def test_the_known_answer_is_that_of_exact_arithmetic() -> None:
    epsilon, x, y = single(constant("EPSILON")), single(constant("START_X")), single(constant("START_Y"))
    for _ in range(int(constant("STEPS"))):
        x = rounded(x - epsilon * y)
        y = rounded(y + epsilon * x)
    assert bits(x) == int(constant("END_X_BITS"), 16)
    assert bits(y) == int(constant("END_Y_BITS"), 16)


def test_probe_simulation_and_kernel_count_alike() -> None:
    stated = {name: int(constant(name)) for name in ("CHAINS", "STEPS", "READS", "GPUCHECK_THREADS")}
    assert (stated["CHAINS"], stated["STEPS"], stated["GPUCHECK_THREADS"]) == (load.CHAINS, load.STEPS, load.THREADS)
    assert (stated["CHAINS"], stated["STEPS"]) == (kernels_load.CHAINS, kernels_load.STEPS)
    assert stated["READS"] == kernels_load.READS


class Memory:
    """Vectors with one of guard behind, aligned as the kernels want them."""

    def __init__(self, vectors: int) -> None:
        raw = np.zeros(2 * vectors + 4, np.uint64)
        start = raw.ctypes.data // 8 % 2
        self.words: NDArray[np.uint64] = raw[start : start + 2 * vectors + 2].reshape(-1, 2)
        self.vectors = vectors
        self.wrong = np.zeros(2, np.uint32)

    def fill(self, seed: int, blocks: int = 2) -> None:
        self._call("load_fill", blocks, self.words.ctypes.data, self.vectors, seed)

    def run(self, seed: int, rounds: int, blocks: int = 1) -> tuple[int, int]:
        self._call("load_run", blocks, self.words.ctypes.data, self.vectors, seed, rounds, self.wrong.ctypes.data)
        return int(self.wrong[0]), int(self.wrong[1])

    def _call(self, name: str, blocks: int, *arguments: Any) -> None:
        host_build.build("load")[name](blocks, 512, *arguments)


@needs_gxx
@relaxed
@given(vectors=st.sampled_from([1, 2, 511, 513, 4096, 6151]), seed=st.integers(0, 2**32 - 1), blocks=st.integers(1, 4))
def test_what_is_filled_is_what_the_simulation_holds_it_against(vectors: int, seed: int, blocks: int) -> None:
    memory = Memory(vectors)
    memory.fill(seed, blocks)
    expected = np.stack(kernels_bandwidth.mixed(np.arange(vectors, dtype=np.uint64), seed), axis=1)
    assert np.array_equal(memory.words[:vectors], expected)
    assert not memory.words[vectors:].any()
    assert memory.run(seed, rounds=2, blocks=blocks) == (0, 0)


@needs_gxx
def test_every_wrong_vector_that_is_read_is_counted() -> None:
    memory = Memory(2048)
    memory.fill(7)
    memory.words[5, 1] ^= np.uint64(1 << 40)
    memory.words[2047, 0] ^= np.uint64(1)
    assert memory.run(7, rounds=2) == (0, 2)
    assert memory.run(8, rounds=2)[1] == 2 + 2048


@needs_gxx
def test_wrong_arithmetic_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = kernels.KernelSource("load", TEXT.replace("END_X_BITS 0x3f2b5864u", "END_X_BITS 0x3f2b5865u"), "")
    assert broken.text != TEXT
    monkeypatch.setattr(kernels, "load", lambda _: broken)
    kernel = host_build.build.__wrapped__("load")["load_run"]
    memory = Memory(64)
    kernel(1, 512, memory.words.ctypes.data, 64, 0, 3, memory.wrong.ctypes.data)
    assert memory.wrong[0] == 512 * 3 * load.CHAINS


@needs_nvrtc
@pytest.mark.parametrize("number", [n for n in nvrtc.architectures() if n >= 70])
def test_the_sums_run_on_every_lane_of_the_machine_code(number: int) -> None:
    """FFMA with an immediate is opcode 0x823; its kin for a whole warp at once, UFFMA, is another."""
    options = kernels.nvrtc_options(f"{number // 10}.{number % 10}")
    image = nvrtc.compile_text(TEXT, options).image
    low, high = struct.pack("<f", float(constant("EPSILON")))[:3], rb"[\x3e\xbe]"
    found = re.findall(rb"\x23\x78.." + re.escape(low) + high, image, re.DOTALL)
    assert len(found) >= 8 * 2 * load.CHAINS


@needs_nvrtc
@pytest.mark.parametrize("number", [60, 75, 86, 90, 120])
def test_registers_let_a_multiprocessor_be_filled(number: int) -> None:
    """64 warps of 32 threads share 65536 registers."""
    options = (*kernels.nvrtc_options(f"{number // 10}.{number % 10}"), "--ptxas-options=-v")
    log = nvrtc.compile_text(kernels.load("census").text, options).log
    used = dict(re.findall(r"entry function '(\w+)'.*?Used (\d+) registers", log, re.DOTALL))
    assert int(used["residency"]) <= 32
