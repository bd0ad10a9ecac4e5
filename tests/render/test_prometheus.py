"""Prometheus' text format: two parsers read it, states are told by name, and what did not run has no number."""

from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from gpucheck.model.units import MIB
from gpucheck.render.prometheus import METRICS, render_prometheus
from tests.builders import make_report
from tests.render.samples import HOSTILE, REPORTS, hostile_card

Series = list[tuple[dict[str, str], float]]


def read(text: str) -> dict[str, Series]:
    """Metric to its series, by the parser of the classic format."""
    return {family.name: [(s.labels, s.value) for s in family.samples] for family in classic(text)}


def series(name: str, metric: str) -> Series:
    return read(render_prometheus(REPORTS[name])).get(metric, [])


@pytest.mark.parametrize("parser", [classic, openmetrics])
@pytest.mark.parametrize("name", REPORTS)
def test_parsers_read_every_series_once(name: str, parser: Any) -> None:
    text = render_prometheus(REPORTS[name])
    families: Iterable[Any] = list(parser(text))
    found = [(s.name, *sorted(s.labels.items())) for family in families for s in family.samples]
    assert len(found) == len(set(found)) == sum(not line.startswith("#") for line in text.splitlines())
    assert all(family.type == "gauge" and family.documentation == METRICS[family.name] for family in families)


def test_a_state_is_the_one_series_that_names_it() -> None:
    told = [(labels["authenticity"], value) for labels, value in series("forged", "gpucheck_verdict")]
    assert told == [("counterfeit", 1.0)]
    assert [labels["condition"] for labels, _ in series("forged", "gpucheck_condition")] == ["not_examined"]
    assert [labels["kind"] for labels, _ in series("forged", "gpucheck_kind")] == ["capacity_forged"]
    assert series("authentic", "gpucheck_kind") == []


def test_what_did_not_run_has_no_number() -> None:
    assert series("bare", "gpucheck_memory_proven_bytes") == []
    assert series("bare", "gpucheck_memory_declared_bytes") == []
    assert [value for _, value in series("bare", "gpucheck_coverage_ratio")] == [0.0]
    assert [labels["status"] for labels, _ in series("bare", "gpucheck_finding")] == ["inconclusive"]


def test_sizes_are_bytes() -> None:
    assert [value for _, value in series("forged", "gpucheck_memory_declared_bytes")] == [49140 * MIB]
    assert [value for _, value in series("forged", "gpucheck_memory_proven_bytes")] == [24576 * MIB]


def test_every_series_of_a_card_says_whether_it_is_simulated() -> None:
    for name, expected in (("simulated", "true"), ("authentic", "false")):
        for metric, found in read(render_prometheus(REPORTS[name])).items():
            if metric not in ("gpucheck_report_info", "gpucheck_report_timestamp_seconds", "gpucheck_cards"):
                assert {labels["simulated"] for labels, _ in found} == {expected}


def test_the_report_without_cards_tells_that_there_is_none() -> None:
    told = read(render_prometheus(REPORTS["empty"]))
    assert told["gpucheck_cards"] == [({}, 0.0)]
    assert "gpucheck_verdict" not in told


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_within_its_label(text: str) -> None:
    told = read(render_prometheus(make_report(hostile_card(text), hostile_card(text))))
    assert set(told) <= set(METRICS)
    assert [labels["authenticity"] for labels, _ in told["gpucheck_verdict"]] == ["suspect", "suspect"]
    assert all(value.isprintable() for found in told.values() for labels, _ in found for value in labels.values())


def test_quotes_and_backslashes_come_back_as_they_were() -> None:
    told = read(render_prometheus(make_report(hostile_card('a "b" \\n \\'))))
    assert told["gpucheck_card_info"][0][0]["name"] == 'a "b" \\n \\'


def test_the_rulebook_and_the_moment_are_told() -> None:
    told = read(render_prometheus(REPORTS["authentic"]))
    assert told["gpucheck_report_info"][0][0]["weights"] == "sha256:" + "cd" * 32
    assert told["gpucheck_report_timestamp_seconds"][0][1] == 1767323045.0
