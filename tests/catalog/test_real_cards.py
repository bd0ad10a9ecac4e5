"""The catalog against what CUDA stated on real cards, as their owners published it.

``cuda_on_real_cards.csv``: the name that the driver printed, multiprocessors, width of the bus in bits, total memory in
MiB as that program saw it (a driver keeps some), memory clock (half the data rate), second-level cache in bytes, and
which program printed it.
"""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gpucheck.catalog import Catalog
from gpucheck.checks.memory_size import fits
from gpucheck.model.finding import Status
from gpucheck.model.profile import Profile
from gpucheck.model.units import MIB
from tests.cards import alter, report, with_silicon
from tests.catalog.given import Declare


class Seen(NamedTuple):
    """One row; ``None`` was not printed."""

    name: str
    multiprocessors: int
    bus_bits: int | None
    total_mib: int | None
    memory_clock_mhz: int | None
    l2_bytes: int | None


def _number(text: str) -> int | None:
    return int(text) if text else None


def _read() -> list[Seen]:
    with (Path(__file__).parent / "cuda_on_real_cards.csv").open(encoding="utf-8", newline="") as file:
        return [
            Seen(row["name"], int(row["multiprocessors"]), *(_number(row[key]) for key in list(row)[2:6]))
            for row in csv.DictReader(file)
        ]


NOT_OURS = {
    "GeForce GT 720M": "printed by a GF117; the catalog has the name for a GK208 alone",
    "GeForce GT 635M": "printed by a die of two multiprocessors; the catalog has the name for a GF116 alone",
    "NVIDIA P102-100": "10 GiB, twice what it is sold with: a flash is known that does this",
    "NVIDIA P104-100": "8 GiB, twice what it is sold with: of its sister P102-100 a flash is known that does this",
}
SEEN = _read()
MEASURABLE = [seen for seen in SEEN if (seen.l2_bytes or seen.memory_clock_mhz) and seen.name not in NOT_OURS]


def contradictions(profile: Profile, seen: Seen) -> list[str]:
    """What a real card stated and the profile does not allow. What the catalog does not know, it does not deny."""
    widths = {layout.bus_width_bits for layout in profile.memory}
    found = {
        "multiprocessors": profile.sm_counts and seen.multiprocessors not in profile.sm_counts,
        "bus": seen.bus_bits and None not in widths and seen.bus_bits not in widths,
        "memory": seen.total_mib and not _holds(profile, seen.total_mib),
        "cache": seen.l2_bytes and profile.l2_cache_bytes and seen.l2_bytes != profile.l2_cache_bytes,
    }
    return [what for what, wrong in found.items() if wrong]


def _holds(profile: Profile, total_mib: int) -> bool:
    """A context, a desktop and old drivers keep up to a tenth from the total that a program is told."""
    roomy = any(0.88 * size <= total_mib <= 1.001 * size for layout in profile.memory for size in layout.sizes_mib)
    return roomy or fits(profile, total_mib * MIB)


def _id(seen: Seen) -> str:
    return f"{seen.name}-{seen.multiprocessors}-{seen.total_mib}"


def test_there_are_many() -> None:
    assert len({seen.name for seen in SEEN}) > 200


@pytest.mark.parametrize("seen", SEEN, ids=_id)
def test_a_model_of_that_name_is_as_the_real_card(catalog: Catalog, declare: Declare, seen: Seen) -> None:
    if seen.name in NOT_OURS:
        pytest.skip(NOT_OURS[seen.name])
    fitting = catalog.match(declare(None, seen.name)).fitting
    assert fitting, "no profile of that name"
    told = {profile.id: contradictions(profile, seen) for profile in fitting}
    assert [] in told.values(), told


@pytest.mark.parametrize("seen", MEASURABLE, ids=_id)
def test_no_honest_card_is_accused_with_the_silicon_of_a_real_one(
    catalog: Catalog, declare: Declare, seen: Seen
) -> None:
    """Silicon as the real card's, under the name of its model: count, cache and clock of the memory."""
    fitting = catalog.match(declare(None, seen.name)).fitting
    profile = next(profile for profile in fitting if contradictions(profile, seen) == [])
    rate = seen.memory_clock_mhz and seen.memory_clock_mhz / 500
    silicon: dict[str, Any] = {
        "sm_count": seen.multiprocessors,
        "l2_cache_bytes": seen.l2_bytes,
        "memory_data_rate_gbps": rate,
    }
    evidence = with_silicon(profile, **{name: value for name, value in silicon.items() if value})
    if seen.memory_clock_mhz:
        evidence = alter(evidence, nvml__memory_clock_max_mhz=seen.memory_clock_mhz)
    told = report(evidence)
    found = {finding.check: finding.status for finding in told.findings}
    assert found["multiprocessors"] is Status.PASS
    assert found["l2-capacity"] in (Status.PASS, Status.INCONCLUSIVE)
    assert told.verdict.authenticity in ("authentic", "inconclusive"), told.verdict.explanation
