"""The report in Prometheus' text format, for a textfile collector: gauges, each told in one ``HELP`` line.

Text exposition format 0.0.4 (Prometheus, *Exposition formats*); it ends in ``# EOF``, which that format passes over and
OpenMetrics wants. Every series of a card carries ``card`` and ``simulated`` (``true`` or ``false``), so that an alert
can leave simulated cards out. A state is a series of value 1 that names it. A state that the card is not in has no
series, and what did not run has none, so that no number ever stands for something that was not seen.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gpucheck.model.report import CardReport, Report
from gpucheck.render.facts import proven_bytes
from gpucheck.render.machine import SHORT, identity, labels, plain, scenario

METRICS: dict[str, str] = {
    "gpucheck_report_info": "The rulebook of the report: version of the tool, digests of weights and reference data.",
    "gpucheck_report_timestamp_seconds": "When the report was made, in seconds since 1970-01-01 UTC.",
    "gpucheck_cards": "Cards in the report.",
    "gpucheck_card_info": "What a card declares of itself; scenario names the simulation, empty for a real card.",
    "gpucheck_verdict": "1 for the verdict of the card: authentic, inconclusive, suspect, modified or counterfeit.",
    "gpucheck_condition": "1 for the condition of the card: good, worn, defective or not_examined.",
    "gpucheck_kind": "1 for each way in which the card is not what it claims to be.",
    "gpucheck_coverage_ratio": "Weight of the checks that gave an answer over that of all that could have, 0 to 1.",
    "gpucheck_memory_declared_bytes": "Size of memory that the card declares, in bytes.",
    "gpucheck_memory_proven_bytes": "Memory of its own that kept what was written, in bytes: measured, or simulated.",
    "gpucheck_finding": "1 for what came of a check: pass, fail, inconclusive, not_applicable or error.",
}
"""Name to help, in the order in which they are written. Names and labels stay."""


class Sample(NamedTuple):
    """One series and its value."""

    metric: str
    labels: dict[str, str]
    value: float


def render_prometheus(report: Report) -> str:
    """Return the metrics of all cards, grouped by name as the format wants."""
    found = list(_samples(report))
    lines: list[str] = []
    for metric, told in METRICS.items():
        series = dict.fromkeys(_line(sample) for sample in found if sample.metric == metric)
        if series:
            lines += [f"# HELP {metric} {told}", f"# TYPE {metric} gauge", *series]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _line(sample: Sample) -> str:
    pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in sample.labels.items())
    return f"{sample.metric}{{{pairs}}} {sample.value!r}" if pairs else f"{sample.metric} {sample.value!r}"


def _escaped(text: object) -> str:
    return plain(text, SHORT).replace("\\", "\\\\").replace('"', '\\"')


def _samples(report: Report) -> Iterator[Sample]:
    rulebook = {"version": report.tool.version, "weights": report.rulebook.weights, "catalog": report.rulebook.catalog}
    yield Sample("gpucheck_report_info", rulebook, 1)
    yield Sample("gpucheck_report_timestamp_seconds", {}, report.created_at.timestamp())
    yield Sample("gpucheck_cards", {}, len(report.cards))
    for label, card in zip(labels(report), report.cards, strict=True):
        own = {"card": label, "simulated": "true" if scenario(card) else "false"}
        yield from _stated(card, own)
        yield from _judged(card, own)


def _stated(card: CardReport, own: dict[str, str]) -> Iterator[Sample]:
    facts, declared = identity(card), card.evidence.declared
    info = {
        "name": facts.name,
        "profile": card.match.profile or "",
        "device_id": facts.device,
        "subsystem_id": facts.subsystem,
        "vbios_version": facts.vbios,
        "uuid": facts.uuid,
        "driver_version": facts.driver,
        "scenario": scenario(card),
    }
    yield Sample("gpucheck_card_info", own | info, 1)
    if declared and declared.memory_total_bytes is not None:
        yield Sample("gpucheck_memory_declared_bytes", own, declared.memory_total_bytes)
    proven = proven_bytes(card)
    if proven is not None:
        yield Sample("gpucheck_memory_proven_bytes", own, proven)


def _judged(card: CardReport, own: dict[str, str]) -> Iterator[Sample]:
    verdict = card.verdict
    yield Sample("gpucheck_verdict", own | {"authenticity": verdict.authenticity.value}, 1)
    yield Sample("gpucheck_condition", own | {"condition": verdict.condition.value}, 1)
    for kind in verdict.kinds:
        yield Sample("gpucheck_kind", own | {"kind": kind.value}, 1)
    yield Sample("gpucheck_coverage_ratio", own, verdict.coverage)
    for finding in card.findings:
        told = {"check": finding.check, "status": finding.status.value, "about": finding.about}
        yield Sample("gpucheck_finding", own | told | {"severity": finding.severity.value}, 1)
