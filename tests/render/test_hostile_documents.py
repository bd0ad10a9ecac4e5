"""A document that someone tampered with is refused or shown, whatever was done to it. It never crashes us."""

import copy
import csv
import io
import json
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gpucheck.catalog import Catalog
from gpucheck.pipeline import assess
from gpucheck.render.csv_table import render_csv
from gpucheck.render.document import DocumentError, load_evidence, load_report, render_json
from gpucheck.render.html import render_html
from gpucheck.render.junit import render_junit
from gpucheck.render.prometheus import render_prometheus
from gpucheck.render.sarif import render_sarif
from gpucheck.render.terminal import render_terminal
from tests.builders import forged_card, make_card, make_evidence, make_report
from tests.render.pages import Page

CONTENT = json.loads(render_json(make_report(forged_card(), make_card(evidence=make_evidence(simulated="rtx-4090")))))
CATALOG = Catalog()

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, 2**64, 10**400, -1, 0, 1e308, 1e-308]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\x1b[2J", "\ud800", "\u202e", "x" * 3000, "2026-01-01T00:00:00", "pass", "fail"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    st.just({"unavailable": "failed", "detail": "said\x00"}),
)


@st.composite
def tampered(draw: st.DrawFn) -> str:
    """The report with one place, at any depth, replaced."""
    content = copy.deepcopy(CONTENT)
    node: Any = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or draw(st.integers(0, 5)) == 0:
            node[key] = draw(values)
            return json.dumps(content)
        node = node[key]


@settings(max_examples=300, deadline=None)
@given(tampered())
def test_a_tampered_report_is_refused_or_shown(text: str) -> None:
    try:
        report = load_report(text)
    except DocumentError:
        return
    shown = render_terminal(report)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(Page(render_html(report)).all("article")) == len(report.cards)
    assert load_report(render_json(report)) == report


@settings(max_examples=200, deadline=None)
@given(tampered())
def test_a_tampered_report_is_told_in_every_format(text: str) -> None:
    try:
        report = load_report(text)
    except DocumentError:
        return
    count = len(report.cards)
    assert len(ET.fromstring(render_junit(report))) == max(1, count)
    assert len(json.loads(render_sarif(report))["runs"][0]["logicalLocations"]) == count
    assert len(list(csv.reader(io.StringIO(render_csv(report), newline="")))) == count + 1
    assert len([family for family in text_string_to_metric_families(render_prometheus(report)) if family.samples]) >= 3


@settings(max_examples=150, deadline=None)
@given(tampered())
def test_tampered_evidence_is_refused_or_judged(text: str) -> None:
    try:
        evidence = load_evidence(text)
    except DocumentError:
        return
    assert render_terminal(make_report(*(assess(each, CATALOG) for each in evidence)))
