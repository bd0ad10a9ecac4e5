"""What a report says of the rules that it was judged by."""

import shutil
from pathlib import Path

from gpucheck.catalog import Catalog
from gpucheck.pipeline import make_report
from tests.builders import make_card, make_evidence
from tests.catalog.given import PROFILES


def test_another_fact_of_any_card_is_another_catalog(tmp_path: Path) -> None:
    shutil.copytree(PROFILES, tmp_path / "profiles")
    before = Catalog(tmp_path / "profiles").digest
    assert before == Catalog().digest
    file = tmp_path / "profiles" / "capabilities.toml"
    file.write_text(file.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
    assert Catalog(tmp_path / "profiles").digest != before


def test_a_report_names_catalog_profiles_and_kernels() -> None:
    card = make_card(evidence=make_evidence(kernels={"census": "sha256:" + "12" * 32}))
    rulebook = make_report([card], card.evidence.host, Catalog()).rulebook
    assert rulebook.catalog == Catalog().digest
    assert rulebook.profiles == {"geforce-rtx-4090": Catalog().by_id("geforce-rtx-4090").digest}
    assert rulebook.kernels == card.evidence.kernels
