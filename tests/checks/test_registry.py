"""The list of checks, their manuals, and what happens when one crashes."""

from pathlib import Path

import pytest

import gpucheck.checks
from gpucheck.checks import ALL_CHECKS, Case
from gpucheck.checks.base import Check, Outcome
from gpucheck.model.finding import Severity, Status
from tests.cards import alter, catalog, genuine, report

HEADINGS = ("What it checks:", "Why it matters:", "How it can be fooled:", "A failure does not mean:", "References:")


def test_the_list_is_the_folder() -> None:
    folder = Path(gpucheck.checks.__file__).parent
    stems = {p.stem.replace("_", "-") for p in folder.glob("*.py")} - {"--init--", "base"}
    assert {c.id for c in ALL_CHECKS} == stems
    assert len(ALL_CHECKS) == len(stems)


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda c: c.id)
def test_every_manual_has_its_headings(check: Check) -> None:
    positions = [check.manual.find(heading) for heading in HEADINGS]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_a_crash_is_a_finding_that_forbids_authentic(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(case: Case) -> Outcome:
        raise ZeroDivisionError("planted")

    broken = Check("bar1-size", "BAR1", Severity.LOW, "authenticity", crash)
    checks = tuple(broken if c.id == "bar1-size" else c for c in ALL_CHECKS)
    monkeypatch.setattr("gpucheck.pipeline.ALL_CHECKS", checks)
    result = report(genuine())
    found = next(f for f in result.findings if f.check == "bar1-size")
    assert found.status is Status.ERROR
    assert "planted" in found.message
    assert result.verdict.authenticity == "inconclusive"


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda c: c.id)
def test_a_check_without_evidence_neither_passes_nor_fails_nor_crashes(check: Check) -> None:
    from gpucheck.model.base import NOT_REQUESTED
    from gpucheck.model.evidence import SECTIONS

    bare = alter(genuine(), **dict.fromkeys(SECTIONS, NOT_REQUESTED))
    finding = check(Case(bare, catalog().match(bare), None, catalog()))
    assert finding.status in (Status.INCONCLUSIVE, Status.NOT_APPLICABLE)


def test_every_failing_finding_tells_what_to_do() -> None:
    for scenario in ("rtx-3090-as-rtx-4090", "rtx-4090-48gb-forged", "rtx-4090-dead-channel", "rtx-3080-20gb"):
        from tests.cards import evidence_of

        for finding in report(evidence_of(scenario)).findings:
            if finding.status is Status.FAIL:
                assert finding.remedy, finding.check
                assert finding.observed, finding.check
                assert finding.evidence, finding.check
