"""The table that holds what a card declares against what its silicon did."""

from collections.abc import Iterable
from typing import NamedTuple

from gpucheck.model.evidence import CudaFacts, Evidence
from gpucheck.model.finding import Status
from gpucheck.model.lent import lent, link_rate
from gpucheck.model.measured import Bandwidth, Census, HostLink, Latency, MemoryWalk, Throughput
from gpucheck.model.report import CardReport
from gpucheck.model.units import KIB, MIB, cache_size, mib, percent, rate
from gpucheck.render.style import Cell, Look

NOTHING = "-"


class Row(NamedTuple):
    """One quantity by its three accounts, each with its unit."""

    label: str
    declared: str
    measured: str
    expected: str


def rows(card: CardReport) -> tuple[Row, ...]:
    """Memory, multiprocessors, generation, rates, cache and link of one card."""
    evidence = card.evidence
    expected = {f.check: f.expected for f in card.findings}
    found = (
        Row("Memory", _declared_memory(evidence), _proven_memory(card), expected.get("memory-size", "")),
        Row("Multiprocessors", *_multiprocessors(evidence), expected.get("multiprocessors", "")),
        Row("Compute capability", *_generation(evidence), expected.get("compute-capability", "")),
        Row(
            "Bandwidth",
            _declared_bandwidth(evidence),
            _measured_bandwidth(evidence),
            expected.get("memory-bandwidth", ""),
        ),
    )
    finer = (
        Row("L2 cache", _declared_cache(evidence), _measured_cache(evidence), expected.get("l2-capacity", "")),
        Row("FP64 to FP32", "", _double_rate(evidence), _after(expected.get("arithmetic-rates", ""), "FP64:FP32 ")),
        Row("Tensor, FP32 sums", "", _tensor_rate(evidence), _before(expected.get("tensor-tier", ""), " with ")),
        Row("Clock", *_clocks(evidence), ""),
        Row("Host's bus", *_link(evidence), _before(expected.get("host-link", ""), ":")),
    )
    return (*(row for row in found if row.declared or row.measured), *(row for row in finer if row.measured))


def _after(text: str, mark: str) -> str:
    """What follows a mark, nothing where the mark is not there: a cell has room for one figure."""
    return text.partition(mark)[2]


def _before(text: str, mark: str) -> str:
    return text.partition(mark)[0]


def table(card: CardReport, look: Look) -> list[str]:
    """Draw the table, or nothing where no quantity is known."""
    found = rows(card)
    if not found:
        return []
    measured = "simulated" if card.simulated else "measured"
    lines = [look.paint(line, "dim") for line in _lines(look, ("", "declared", measured, "this model has"))]
    return lines + [line for r in found for line in _lines(look, (r.label, r.declared, r.measured, r.expected))]


def _lines(look: Look, texts: Iterable[str]) -> list[str]:
    first, *others = texts
    room = (max(look.width, 60) - 22) // 3
    cells = [Cell(text or NOTHING if first else text, room - 1) for text in others]
    return ["  " + line for line in look.row(Cell(first, 19), *cells, gap=1)]


def _declared_memory(evidence: Evidence) -> str:
    facts = evidence.declared
    return mib(facts.memory_total_bytes) if facts and facts.memory_total_bytes is not None else ""


def _proven_memory(card: CardReport) -> str:
    size = proven_bytes(card)
    if size is None:
        return ""
    return f"{mib(size)} its own" if _paged(card) else f"{mib(size)} proven"


def proven_bytes(card: CardReport) -> int | None:
    """What kept its own values; where part of that is the host's memory, what is left as the card's own."""
    walk = card.evidence.memory_walk
    if not isinstance(walk, MemoryWalk):
        return None
    if not _paged(card):
        return walk.distinct_bytes
    hosts = lent(walk.slow_regions, walk.tested_bytes, link_rate(card.evidence))
    return max(0, walk.distinct_bytes - sum(region.length_bytes for region in hosts))


def _paged(card: CardReport) -> bool:
    return any(f.check == "memory-residency" and f.status is Status.FAIL for f in card.findings)


def _multiprocessors(evidence: Evidence) -> tuple[str, str]:
    stated = evidence.declared.sm_count if evidence.declared else None
    if isinstance(evidence.cuda, CudaFacts):
        stated = evidence.cuda.sm_count
    census = evidence.census
    return "" if stated is None else str(stated), f"{census.sm_count} ran" if isinstance(census, Census) else ""


def _generation(evidence: Evidence) -> tuple[str, str]:
    stated = evidence.declared.compute_capability if evidence.declared else None
    if stated is None and isinstance(evidence.cuda, CudaFacts):
        stated = evidence.cuda.compute_capability
    census = evidence.census
    return stated or "", f"{census.machine_code} code ran" if isinstance(census, Census) else ""


def _declared_bandwidth(evidence: Evidence) -> str:
    facts, cuda = evidence.declared, evidence.cuda
    stated = _peak_rate(facts.memory_bus_width_bits, facts.memory_clock_max_mhz) if facts else ""
    if stated or not isinstance(cuda, CudaFacts):
        return stated
    return _peak_rate(cuda.memory_bus_width_bits, cuda.memory_clock_mhz)


def _peak_rate(bus_width_bits: int | None, memory_clock_mhz: int | None) -> str:
    """Bus width times data rate; drivers state half the data rate as the memory clock."""
    if not bus_width_bits or not memory_clock_mhz:
        return ""
    return f"{rate(2e6 * memory_clock_mhz * bus_width_bits / 8)} peak"


def _measured_bandwidth(evidence: Evidence) -> str:
    seen = evidence.bandwidth
    if not isinstance(seen, Bandwidth):
        return ""
    return rate(seen.fastest[1])


def _declared_cache(evidence: Evidence) -> str:
    cuda = evidence.cuda
    return cache_size(cuda.l2_cache_bytes) if isinstance(cuda, CudaFacts) and cuda.l2_cache_bytes else ""


def _measured_cache(evidence: Evidence) -> str:
    seen = evidence.latency
    if not isinstance(seen, Latency) or not seen.l2_capacity_bytes:
        return ""
    grain = MIB if seen.l2_capacity_bytes >= 10 * MIB else MIB / 10 if seen.l2_capacity_bytes >= MIB else KIB
    return f"about {cache_size(round(round(seen.l2_capacity_bytes / grain) * grain))}"


def _double_rate(evidence: Evidence) -> str:
    seen = evidence.throughput
    ratio = seen.ratio("fp32", "fp64") if isinstance(seen, Throughput) else None
    return f"1:{ratio:.0f}" if ratio else ""


def _tensor_rate(evidence: Evidence) -> str:
    seen = evidence.throughput
    ratio = seen.ratio("tensor_fp16_fp32", "tensor_fp16_fp16") if isinstance(seen, Throughput) else None
    return f"{percent(ratio)} of FP16 sums" if ratio else ""


def _clocks(evidence: Evidence) -> tuple[str, str]:
    stated = evidence.declared.sm_clock_max_mhz if evidence.declared else None
    census = evidence.census
    seen = census.sm_clock_mhz if isinstance(census, Census) else None
    return f"{stated:,} MHz at most" if stated else "", f"{seen:,.0f} MHz" if seen else ""


def _link(evidence: Evidence) -> tuple[str, str]:
    facts, seen = evidence.declared, evidence.host_link
    generation, lanes = (facts.pcie_generation_max, facts.pcie_lanes_max) if facts else (None, None)
    stated = f"gen {generation} x{lanes}" if generation and lanes else ""
    best = (
        max(seen.host_to_device_bytes_per_second, seen.device_to_host_bytes_per_second)
        if isinstance(seen, HostLink)
        else None
    )
    return stated, rate(best) if best else ""
