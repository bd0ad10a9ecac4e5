"""Evidence that NVIDIA publishes beside its verifiers. It is not part of this project; a folder of it is named by hand.

``GPUCHECK_ATTESTATION_SAMPLES`` is a folder with files of NVIDIA's repositories attestation-sdk and nvtrust, anywhere
below it: JSON evidence, and reports (``*AttestationReport*.txt``) with their chains (``*CertChain*.txt``) beside them.
"""

import os
import re
from pathlib import Path

import pytest

from gpucheck.model.attestation import Attestation
from gpucheck.sources.attestation import saved

VARIABLE = "GPUCHECK_ATTESTATION_SAMPLES"
FOLDER = Path(os.environ.get(VARIABLE) or "nowhere")

if not FOLDER.is_dir():
    pytest.skip(f"{VARIABLE} names no folder with NVIDIA's public samples", allow_module_level=True)

EVIDENCE = sorted(path for path in FOLDER.rglob("*.json") if re.search(r"evidence|multi_", path.name))
REPORTS = sorted(path for path in FOLDER.rglob("*AttestationReport*.txt"))


def chain_of(report: Path) -> Path:
    name = report.name.replace("AttestationReport", "CertChain")
    own = report.with_name(name)
    return own if own.is_file() else report.with_name(name.replace("InvalidSignature", ""))


def verified(path: Path, chain: Path | None = None) -> list[Attestation]:
    found = []
    for each in saved.read_file(path, chain):
        facts = saved.verify_saved(each, each.nonce)
        assert isinstance(facts, Attestation)
        found.append(facts)
    return found


def holds(facts: Attestation) -> None:
    assert (facts.chain_valid, facts.root_pinned, facts.signature_valid, facts.trouble) == (True, True, True, "")
    assert facts.firmware_bound is not False
    assert facts.chip in {"GH100", "GB100", "LS10"}
    assert re.fullmatch(r"9[67](\.[0-9A-F]{2}){4}", facts.vbios_version or "")
    if facts.chip != "LS10":
        assert re.fullmatch(r"\d{3}(\.\d{2,3}){1,2}", facts.driver_version or "")
        assert re.fullmatch(r"\d{3}", facts.chip_sku or "")
        assert re.fullmatch(r"[G1]\d{3}", facts.project or "")


@pytest.mark.parametrize("path", EVIDENCE, ids=lambda path: path.name)
def test_every_saved_evidence_holds(path: Path) -> None:
    for facts in verified(path):
        holds(facts)
        assert facts.nonce_ours is True


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.name)
def test_every_report_holds_except_those_made_not_to(path: Path) -> None:
    (facts,) = verified(path, chain_of(path))
    if "InvalidSignature" in path.name:
        assert facts.signature_valid is False
    else:
        holds(facts)


def test_there_is_something_to_test() -> None:
    assert EVIDENCE or REPORTS
