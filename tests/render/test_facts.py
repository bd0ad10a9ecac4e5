"""The table of declared against measured: one figure a cell, with its unit, and none that was not had."""

import pytest

from gpucheck.model.units import GIB
from gpucheck.render.facts import rows
from tests.cards import alter, evidence_from, evidence_of, genuine, report


def cells(scenario: str) -> dict[str, tuple[str, str, str]]:
    found = rows(report(evidence_of(scenario)))
    return {row.label: (row.declared, row.measured, row.expected) for row in found}


def test_an_honest_card_shows_what_the_silicon_did_beside_what_is_said() -> None:
    table = cells("rtx-4090")
    assert table["L2 cache"][1:] == ("about 72 MiB", "72 MiB")
    assert table["FP64 to FP32"][1:] == ("1:64", "1:64")
    assert table["Tensor, FP32 sums"][1:] == ("50 % of FP16 sums", "half the rate")
    assert table["Host's bus"][0] == "gen 4 x16"
    assert table["Host's bus"][2].startswith("at most 31.5 GB/s")


def test_a_cache_of_half_mebibytes_is_not_rounded() -> None:
    silicon = {"profile": "geforce-rtx-2080-ti"}
    shown = rows(report(evidence_from({"title": "a card", "silicon": silicon, "declared": silicon})))
    (cache,) = (row for row in shown if row.label == "L2 cache")
    assert (cache.declared, cache.expected) == ("5.5 MiB", "5.5 MiB")
    assert cache.measured.startswith("about 5.")


def test_old_silicon_has_no_row_for_units_that_it_lacks() -> None:
    assert "Tensor, FP32 sums" not in cells("gtx-1060-6gb")


def test_what_was_not_measured_has_no_row() -> None:
    from gpucheck.model.base import NOT_REQUESTED

    bare = alter(genuine(), latency=NOT_REQUESTED, throughput=NOT_REQUESTED, host_link=NOT_REQUESTED)
    labels = {row.label for row in rows(report(bare))}
    assert not labels & {"L2 cache", "FP64 to FP32", "Tensor, FP32 sums", "Host's bus"}


def test_memory_of_the_hosts_is_not_shown_as_the_cards() -> None:
    silicon = {"profile": "geforce-rtx-4090", "memory_bytes": 8 * GIB, "memory_fault": [{"kind": "paged"}]}
    paged = evidence_from({"title": "paged", "silicon": silicon, "declared": {"profile": "geforce-rtx-4090"}})
    (memory,) = (row for row in rows(report(paged)) if row.label == "Memory")
    assert memory.measured == "8,192 MiB its own"


@pytest.mark.parametrize("scenario", ["rtx-4090", "rtx-3090-in-use", "gtx-1060-6gb"])
def test_the_bandwidth_shown_is_the_one_that_was_judged(scenario: str) -> None:
    judged = report(evidence_of(scenario))
    found = next(f for f in judged.findings if f.check == "memory-bandwidth")
    (row,) = (row for row in rows(judged) if row.label == "Bandwidth")
    assert found.observed.startswith(row.measured)
