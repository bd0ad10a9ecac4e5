"""Machine code of the arithmetic kernels: the instructions counted are the instructions there, and nothing else is."""

import re

import numpy as np
import pytest

from gpucheck.probes import throughput_records as records
from gpucheck.probes.throughput import STREAMS
from tests.kernels import host_build, sass

SAMPLED = tuple(number for number in (70, 75, 80, 89, 90, 120) if number in sass.architectures())
readable = pytest.mark.skipif(not SAMPLED, reason=f"{sass.MISSING}, or NVRTC's is not")
buildable = pytest.mark.skipif(host_build.GXX is None, reason="g++ is not installed")

CHAINS, CHAINS_FP64 = 8, 4
WARPS = records.THREADS // 32
TENSOR = {
    "mma_fp16_fp16": (r"HMMA\.\d+\.F16(\.|$)", 70),
    "mma_fp16_fp32": (r"HMMA\.\d+\.F32(\.F32|\.STEP\d|$)", 70),
    "mma_bf16_fp32": (r"HMMA\.16816\.F32\.BF16", 80),
    "mma_tf32_fp32": (r"HMMA\.1688\.F32\.TF32", 80),
}


def code(number: int, kernel: str, family: str = "throughput") -> list[str]:
    return sass.machine_code(family, number)[kernel]


def opcodes(instructions: list[str]) -> list[str]:
    return [re.sub(r"^@!?U?P\w+\s+", "", text).split()[0] for text in instructions]


def loop(instructions: list[str]) -> list[str]:
    """What stands between the two readings of the clock, the jump back included."""
    clocks = [at for at, text in enumerate(instructions) if "SR_CLOCKLO" in text]
    assert len(clocks) == 2, "one reading before the loop and one behind it"
    return opcodes(instructions[clocks[0] + 1 : clocks[1]])


def steps(instructions: list[str], pattern: str) -> list[str]:
    """Whole instructions whose opcode matches."""
    return [text for text, name in zip(instructions, opcodes(instructions), strict=True) if re.match(pattern, name)]


def count(names: list[str], pattern: str) -> int:
    return sum(re.match(pattern, name) is not None for name in names)


@readable
@pytest.mark.parametrize("number", SAMPLED)
@pytest.mark.parametrize(
    ("kernel", "wanted"),
    [
        ("count_fp32", {r"FFMA": CHAINS}),
        ("count_fp32_apart", {r"FMUL": CHAINS, r"FADD": CHAINS, r"FFMA": 0}),
        ("count_fp64", {r"DFMA": CHAINS_FP64, r"DMUL|DADD": 0}),
    ],
)
def test_every_counted_step_is_there(kernel: str, wanted: dict[str, int], number: int) -> None:
    inside = loop(code(number, kernel))
    assert {pattern: count(inside, pattern) for pattern in wanted} == {
        pattern: chains * records.UNROLL for pattern, chains in wanted.items()
    }
    assert count(inside, "BRA") >= 1


@readable
@pytest.mark.parametrize("number", SAMPLED)
@pytest.mark.parametrize("kernel", ["count_fp32", "count_fp32_apart", "count_fp64", "count_int32"])
def test_operands_are_the_threads_own_registers(kernel: str, number: int) -> None:
    for text in steps(code(number, kernel), r"(FFMA|FMUL|FADD|DFMA|IMAD)$")[: CHAINS_FP64 * records.UNROLL]:
        assert re.search(r"\bUR\d|c\[", text) is None, text


@readable
@pytest.mark.parametrize("number", SAMPLED)
def test_integers_multiply_and_add_in_one_step(number: int) -> None:
    inside = loop(code(number, "count_int32"))
    assert count(inside, r"IMAD$") >= CHAINS * records.UNROLL
    assert count(inside, r"UIMAD|LEA|SHF|XMAD") <= 4


@readable
@pytest.mark.parametrize("number", SAMPLED)
@pytest.mark.parametrize("kernel", list(TENSOR))
def test_matrix_instructions_sum_in_the_format_that_they_are_named_for(kernel: str, number: int) -> None:
    pattern, since = TENSOR[kernel]
    text = code(number, kernel)
    if number < since:
        assert count(opcodes(text), "HMMA") == 0
        return
    inside = loop(text)
    steps = len({m[0] for name in inside if (m := re.search(r"STEP\d", name))}) or 1
    assert count(inside, pattern) == count(inside, "HMMA") == steps * records.TENSOR_CHAINS * records.TENSOR_UNROLL


@readable
@pytest.mark.parametrize("number", SAMPLED)
@pytest.mark.parametrize("family", ["throughput", "fingerprint"])
def test_nothing_leaves_the_registers(family: str, number: int) -> None:
    for instructions in sass.machine_code(family, number).values():
        assert count(opcodes(instructions), r"LDL|STL") == 0


@readable
@pytest.mark.parametrize("number", SAMPLED)
def test_a_fingerprint_is_one_matrix_instruction(number: int) -> None:
    names = opcodes(code(number, "sum_fp16", "fingerprint"))
    assert count(names, r"HMMA\.\d+\.F32") == (4 if number < 75 else 1)
    assert count(opcodes(code(number, "sum_tf32", "fingerprint")), r"HMMA\.1688\.F32\.TF32") == (number >= 80)


@buildable
@pytest.mark.parametrize("operation", ["fp32", "fp32_mul_add", "fp64", "int32"])
@pytest.mark.parametrize("iterations", [1, 33])
def test_the_kernels_own_text_reaches_the_answer_on_the_host(operation: str, iterations: int) -> None:
    stream = next(stream for name, stream in STREAMS.items() if name == operation)
    rows = records.blank(2)
    kernel = host_build.build("throughput")[stream.function]
    kernel(2, records.THREADS, rows.ctypes.data, iterations, *stream.operands)
    assert rows[:, records.ANSWER].tolist() == [stream.answer(iterations, 0)] * 2
    chains = CHAINS_FP64 if operation == "fp64" else CHAINS
    steps = iterations * records.UNROLL * chains * records.THREADS
    assert rows[:, records.OPERATIONS].tolist() == [2 * steps] * 2
    assert (rows[:, records.LAST_CYCLE] > rows[:, records.FIRST_CYCLE]).all()


@buildable
@pytest.mark.parametrize("function", list(TENSOR))
def test_without_an_instruction_nothing_is_written(function: str) -> None:
    rows = records.blank(1)
    host_build.build("throughput")[function](1, records.THREADS, rows.ctypes.data, 9, 1, 1)
    assert np.array_equal(rows, records.blank(1))
