"""What counts as a change between two intakes."""

from typing import Any

import pytest

from gpucheck.store.changes import changes
from tests.cards import alter, evidence_of, report


@pytest.mark.parametrize(
    ("figure", "factor", "told"),
    [
        ("latency__l2_capacity_bytes", 1.08, None),
        ("latency__l2_capacity_bytes", 1.2, "Second-level cache"),
        ("bandwidth__read_bytes_per_second", 0.96, None),
        ("bandwidth__read_bytes_per_second", 0.9, "Rate of reading memory"),
        ("memory_walk__distinct_bytes", 0.999, "Distinct memory found"),
    ],
)
def test_a_measured_figure_is_a_change_beyond_what_scans_differ_by(
    figure: str, factor: float, told: str | None
) -> None:
    before = evidence_of("rtx-4090")
    section, name = figure.split("__")
    value: Any = getattr(getattr(before, section), name)
    after = alter(before, **{figure: type(value)(value * factor)})
    found = [change.label for change in changes(report(before), report(after)) if change.source.startswith("measured")]
    assert found == ([told] if told else [])
    back = [change.label for change in changes(report(after), report(before)) if change.source.startswith("measured")]
    assert back == found
