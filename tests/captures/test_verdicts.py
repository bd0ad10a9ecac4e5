"""What becomes of every readable capture of a real card: no alarm on a genuine one, an alarm on a modified one.

The captures lie beside a development checkout only, so this is skipped elsewhere.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gpucheck.model.finding import Status
from gpucheck.model.report import CardReport
from gpucheck.pipeline import acquaint, assess
from gpucheck.sources.file_reading import SourceFileError
from gpucheck.sources.nvidia_smi import parse, read_file, to_evidence
from tests.cards import catalog

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
ALARMS = ("suspect", "modified", "counterfeit")
PROSE = "an owner's or an expert's words, without one line that nvidia-smi or lspci printed"
NO_TOTAL = "states a slice of a card, but neither its name nor its id"

WITHOUT_A_SIGNAL = {
    "modified/cmp170hx-64gb_mig_q.txt": NO_TOTAL,
    "modified/rtx4060-laptop_crossflash_nvflashk21.txt": PROSE,
    "modified/rtx4090-48gb_rebar_aikitoria14.txt": PROSE,
    "modified/rtx5070ti_crossflash_nvflashk28.txt": PROSE,
    "fake/fermi_true_ids_techpowerup.txt": PROSE,
    "fake/gtx1050ti-1gb_is_gf116_2022.txt": PROSE,
    "fake/gtx660-4096_is_gt440_2014.txt": PROSE,
    "fake/gtx750ti_gpuschmoo_pr1.txt": PROSE,
}


def captures(*labels: str) -> list[Any]:
    if not CAPTURES.is_dir():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no captures of real cards beside this checkout"))]
    index = json.loads((CAPTURES / "index.json").read_text())
    return [pytest.param(row["file"], id=row["file"]) for row in index if row["label"] in labels]


def judged(name: str) -> list[CardReport]:
    try:
        text = read_file(CAPTURES / name)
        return [assess(evidence, catalog()) for evidence in acquaint(to_evidence(parse(text, name), name))]
    except SourceFileError:
        return []


@pytest.mark.parametrize("name", captures("genuine"))
def test_a_genuine_card_raises_nothing(name: str) -> None:
    cards = judged(name)
    if not cards:
        pytest.skip("not in a format that nvidia-smi, lspci or the kernel driver prints")
    for card in cards:
        assert [f for f in card.findings if f.status in (Status.FAIL, Status.ERROR)] == []
        assert card.verdict.authenticity == "inconclusive"
        assert "contradicts the claim" in card.verdict.explanation


@pytest.mark.parametrize("name", captures("modified", "fake"))
def test_a_modified_card_is_named(name: str) -> None:
    if name in WITHOUT_A_SIGNAL:
        pytest.skip(WITHOUT_A_SIGNAL[name])
    alarmed = [card for card in judged(name) if card.verdict.authenticity in ALARMS]
    assert alarmed
    for card in alarmed:
        assert card.verdict.kinds
        assert any(f.status is Status.FAIL and f.message in card.verdict.explanation for f in card.findings)
