"""The report at a terminal. ``GPUCHECK_UPDATE_GOLDEN=1 pytest tests/render`` writes the golden files anew."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from gpucheck.model.base import Reason
from gpucheck.model.finding import Severity, Status
from gpucheck.model.report import MatchSummary, Report
from gpucheck.model.verdict import Condition
from gpucheck.render.style import Look, columns
from gpucheck.render.terminal import render_terminal
from tests.builders import (
    forged_card,
    make_card,
    make_evidence,
    make_finding,
    make_nvml,
    make_report,
    make_verdict,
    unavailable,
)

GOLDEN = Path(__file__).parent / "golden"


def declared_only() -> Report:
    """What a seller's nvidia-smi file gives."""
    absent = dict.fromkeys(("pci", "driver", "cuda", "census", "bandwidth", "memory_walk", "nvml"))
    sections = {name: unavailable(Reason.NOT_REQUESTED) for name in absent}
    evidence = make_evidence(label="seller.xml 0000:01:00.0", nvidia_smi=make_nvml(route="nvidia-smi -q"), **sections)
    absence = "Not examined: census was not measured (not requested)."
    waiting: dict[str, Any] = {"status": Status.INCONCLUSIVE, "message": absence}
    card = make_card(
        evidence=evidence,
        match=MatchSummary(
            profile="geforce-rtx-4090", profile_name="GeForce RTX 4090", basis="device_id", claim="RTX 4090"
        ),
        findings=(
            make_finding("claim", title="Sold as"),
            make_finding("multiprocessors", title="Multiprocessors that run", evidence=("census",), **waiting),
            make_finding(
                "brand", Status.INCONCLUSIVE, title="Brand against class", message="The driver states no brand."
            ),
        ),
        verdict=make_verdict("inconclusive", condition=Condition.NOT_EXAMINED, coverage=0.21),
    )
    return make_report(card)


def worn() -> Report:
    """A simulated card that is authentic and broken, with a check that crashed."""
    evidence = make_evidence(
        simulated="rtx-4090-dead-channel",
        label="rtx-4090-dead-channel at 0000:01:00.0",
        bandwidth=unavailable(Reason.TIMED_OUT, "no answer within 10 s"),
    )
    findings = (
        make_finding(
            "memory-faults",
            Status.FAIL,
            title="Damaged memory",
            about="condition",
            message="One channel of twelve does not keep what is written to it.",
            observed="2,048 MiB wrong (simulated)",
            expected="none",
            remedy="Return it, or have it repaired.",
        ),
        make_finding("brand", Status.ERROR, title="Brand against class", message="The check itself failed."),
        make_finding(
            "memory-bandwidth", Status.INCONCLUSIVE, title="Memory bandwidth", message="x", evidence=("bandwidth",)
        ),
    )
    return make_report(
        make_card(evidence=evidence, findings=findings, verdict=make_verdict(condition=Condition.DEFECTIVE))
    )


REPORTS = {
    "authentic": make_report(),
    "forged": make_report(forged_card()),
    "declared-only": declared_only(),
    "defective-simulated": worn(),
    "two-cards": make_report(make_card(), forged_card()),
    "many-cards": make_report(*([make_card()] * 8), forged_card()),
}


@pytest.mark.parametrize("name", REPORTS)
def test_golden(name: str) -> None:
    text = render_terminal(REPORTS[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GPUCHECK_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", REPORTS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    text = render_terminal(REPORTS[name], Look(width=width))
    assert max(columns(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("name", ["forged", "two-cards", "many-cards"])
def test_a_narrow_terminal_loses_no_word_of_the_figures(name: str) -> None:
    narrow, wide = (render_terminal(REPORTS[name], Look(width=width)) for width in (60, 120))
    assert "…" not in narrow
    assert set(re.split(r"[\s-]+", wide)) <= set(re.split(r"[\s-]+", narrow))


def test_the_table_of_cards_names_model_and_verdict_in_full() -> None:
    evidence = make_evidence(label="rtx-4090-48gb-forged at 0000:01:00.0", simulated="rtx-4090-48gb-forged")
    forged = make_card(evidence=evidence, verdict=forged_card().verdict)
    assert render_terminal(make_report(forged, make_card())).splitlines()[1:3] == [
        "  1 rtx-4090-48gb-forged   SIMULATED GeForce RTX 4090 COUNTERFEIT (memory size",
        "    at 0000:01:00.0                                   forged)",
    ]


@pytest.mark.parametrize(
    "hostile", ["\x1b]0;owned\x07" * 40, "名" * 300, "x" * 5000, "\u202egnp\r\n" * 30, "e\u0301" * 200]
)
@pytest.mark.parametrize("unicode", [True, False])
def test_hostile_strings_stay_within_their_lines(hostile: str, unicode: bool) -> None:
    finding = make_finding(
        "memory-size", Status.FAIL, title=hostile, message=hostile, observed=hostile, expected=hostile, remedy=hostile
    )
    crashed = make_finding("brand", Status.INCONCLUSIVE, title=hostile, message=hostile)
    evidence = make_evidence(
        label=hostile,
        nvml=make_nvml(name=hostile, vbios_version=hostile),
        pci=unavailable(Reason.FAILED, hostile),
        simulated=hostile,
    )
    card = make_card(
        evidence=evidence,
        findings=(finding, crashed),
        match=MatchSummary(profile_name=hostile, claim=hostile),
        verdict=make_verdict("suspect", explanation=hostile),
    )
    text = render_terminal(make_report(card, card), Look(unicode=unicode), note=hostile)
    assert "\x1b" not in text
    assert all(line.isprintable() for line in text.split("\n"))
    assert max(columns(line) for line in text.split("\n")) <= 80
    assert unicode or text.isascii()


def test_colour_changes_nothing_but_colour() -> None:
    plain = render_terminal(REPORTS["forged"])
    coloured = render_terminal(REPORTS["forged"], Look(colour=True))
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_the_verdict_comes_first() -> None:
    assert render_terminal(REPORTS["forged"]).startswith("GeForce RTX 4090: COUNTERFEIT (memory size forged)\n")


def test_a_simulated_card_says_so_first_and_last() -> None:
    lines = render_terminal(REPORTS["defective-simulated"]).splitlines()
    assert lines[0].startswith("SIMULATED ")
    assert lines[-1].startswith("SIMULATED: No real card was examined.")
    assert any("simulated" in line and "declared" in line for line in lines)


def test_a_claim_replaces_the_hint() -> None:
    assert "--claim" in render_terminal(REPORTS["authentic"])
    text = render_terminal(REPORTS["declared-only"])
    assert "--claim" not in text
    assert "Sold as: RTX 4090." in text


def test_what_moved_the_verdict_most_is_told_first_and_condition_last() -> None:
    card = forged_card()
    wear = make_finding("memory-health", Status.FAIL, title="Error counters", about="condition", severity=Severity.LOW)
    text = render_terminal(make_report(card.model_copy(update={"findings": (wear, *card.findings[::-1])})))
    assert text.index("Memory that really exists") < text.index("Declared memory size") < text.index("Error counters")


def test_every_absent_section_is_named_with_its_reason() -> None:
    text = " ".join(render_terminal(REPORTS["defective-simulated"]).split())
    assert "Timed out: memory bandwidth (no answer within 10 s). Leaves open: Memory bandwidth." in text


def test_a_report_without_cards_renders() -> None:
    empty = make_report().model_copy(update={"cards": ()})
    assert render_terminal(empty).startswith("Rulebook: ")
