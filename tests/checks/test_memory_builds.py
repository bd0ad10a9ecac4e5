"""Memory clock and bus width: two routes to each, and SKUs that were sold in more than one build."""

from functools import cache

from gpucheck.model.base import NOT_REQUESTED
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Status
from tests.cards import alter, evidence_from, finding, genuine


@cache
def honest(profile_id: str) -> Evidence:
    return evidence_from({"title": "honest", "silicon": {"profile": profile_id}})


def test_a_clock_of_another_class_fails_whoever_states_it() -> None:
    for path in ("nvml__memory_clock_max_mhz", "cuda__memory_clock_mhz"):
        found = finding(alter(genuine(), **{path: 900}), "memory-clock")
        assert found.status is Status.FAIL
        assert found.evidence == (path.replace("__", "."),)
        assert "900 MHz" in found.message


def test_cuda_alone_is_enough() -> None:
    without = genuine().model_copy(update={"nvml": NOT_REQUESTED})
    assert finding(alter(genuine(), nvml__memory_clock_max_mhz=None), "memory-clock").status is Status.PASS
    assert finding(without, "memory-clock").status is Status.PASS


def test_neither_states_a_clock() -> None:
    silent = alter(genuine(), nvml__memory_clock_max_mhz=None, cuda__memory_clock_mhz=None)
    assert finding(silent, "memory-clock").status is Status.INCONCLUSIVE


def test_a_clock_that_is_a_little_off_is_open() -> None:
    assert finding(alter(genuine(), cuda__memory_clock_mhz=10000), "memory-clock").status is Status.INCONCLUSIVE


def test_clocks_of_two_builds_are_open() -> None:
    mobile = honest("geforce-gtx-1650-mobile")
    assert finding(mobile, "memory-clock").status is Status.PASS
    assert finding(alter(mobile, cuda__memory_clock_mhz=4001), "memory-clock").status is Status.INCONCLUSIVE


def test_widths_of_two_builds_are_open() -> None:
    card = honest("geforce-gtx-460")
    assert finding(card, "bus-width").status is Status.PASS
    assert finding(alter(card, cuda__memory_bus_width_bits=192), "bus-width").status is Status.INCONCLUSIVE
    assert finding(alter(card, cuda__memory_bus_width_bits=128), "bus-width").status is Status.FAIL


def test_a_simulated_card_declares_the_build_that_it_has() -> None:
    """A GTX 460 has 768 MB on a bus of 192 bits or more on 256; one card is one of the two."""
    card = honest("geforce-gtx-460")
    assert card.nvml.memory_bus_width_bits == card.cuda.memory_bus_width_bits == 256  # type: ignore[union-attr]
    assert card.nvml.memory_clock_max_mhz == card.cuda.memory_clock_mhz  # type: ignore[union-attr]
