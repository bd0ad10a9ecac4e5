"""The latency chase in machine code: every load is there, and each waits for the one before."""

import re

import pytest

sass = pytest.importorskip("tests.kernels.sass", reason="the disassembler's reader is not here")

SAMPLED = tuple(number for number in (70, 80, 89, 90, 120) if number in sass.architectures())
pytestmark = pytest.mark.skipif(not SAMPLED, reason=str(sass.MISSING))

LOOPS, UNROLLED = 4, 8
"""Uncounted and timed links, each through and around the first-level cache; links that a turn of a loop follows."""
_LOAD = re.compile(r"\bLDG\S*\.64\S* R(?P<target>\d+), .*\[R(?P<address>\d+)(\.64)?\]")
_CLOCK = re.compile(r"\bC?S2U?R\b.*\bSR_CLOCK")


@pytest.mark.parametrize("number", SAMPLED)
def test_every_link_is_a_load_that_waits_for_the_last(number: int) -> None:
    code: list[str] = sass.machine_code("latency", number)["latency_chase"]
    loads = [match for text in code if (match := _LOAD.search(text))]
    assert len(loads) == 1 + LOOPS * UNROLLED, "one load to touch a node, and the links"
    del loads[0]
    for turn in range(LOOPS):
        chain = loads[turn * UNROLLED : (turn + 1) * UNROLLED]
        assert [load["address"] for load in chain[1:]] == [load["target"] for load in chain[:-1]]


@pytest.mark.parametrize("number", SAMPLED)
def test_the_clock_is_read_after_the_links_are_stored(number: int) -> None:
    code: list[str] = sass.machine_code("latency", number)["latency_chase"]
    marks = "".join("L" if _LOAD.search(t) else "S" if "STG" in t else "C" if _CLOCK.search(t) else "" for t in code)
    assert re.fullmatch(f"LS(L{{{UNROLLED}}}SCL{{{UNROLLED}}}SCS*){{2}}", marks), marks


@pytest.mark.parametrize("number", SAMPLED)
def test_links_are_looked_at(number: int) -> None:
    code = sass.machine_code("latency", number)
    assert sass.opcodes(code["latency_check"], r"LDG\S*\.64")
    assert sass.opcodes(code["latency_link"], r"STG\S*\.64")
