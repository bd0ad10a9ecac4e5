"""Texts of many honest cards in one inventory: none accuses another."""

import json
from pathlib import Path

import pytest

from gpucheck.pipeline import assess
from gpucheck.sources.nvidia_smi import SourceFileError, parse, read_file, to_evidence
from gpucheck.store.store import open_store
from tests.builders import make_report
from tests.cards import catalog

ROOT = Path(__file__).resolve().parents[3] / "shared" / "captures"

if not (ROOT / "index.json").is_file():
    pytest.skip("no captures of real cards beside this checkout", allow_module_level=True)

GENUINE = [entry["file"] for entry in json.loads((ROOT / "index.json").read_text()) if entry["label"] == "genuine"]


def test_no_honest_card_is_accused_for_another(tmp_path: Path) -> None:
    """Those who publish such texts hide identities by made-up ones, and several hide theirs by the same."""
    store = open_store(str(tmp_path / "inventory.sqlite"))
    count = 0
    for name in sorted(GENUINE):
        if not (ROOT / name).is_file():
            continue
        try:
            cards = to_evidence(parse(read_file(ROOT / name), name), name)
        except SourceFileError:
            continue
        store.add(make_report(*(assess(card, catalog()) for card in cards)))
        count += 1
    assert count > 50
    found, _, notices = store.items()
    accused = {item.last.model: [n.message for n in notices[item.number] if n.kind] for item in found}
    assert {model: said for model, said in accused.items() if said} == {}
