"""What follows from an attestation, by state: scenarios, then honest cards that look like failures."""

from typing import Any

import pytest

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Kind, Status
from gpucheck.pipeline import Plan
from gpucheck.redaction import redacted
from gpucheck.render.document import render_json
from tests.attestation import forge
from tests.builders import make_card, make_report
from tests.cards import alter, evidence_from, evidence_of, finding, report

CHECKS = ("attestation", "attested-die")


def card(state: str, profile: str = "geforce-rtx-5090", **facts: Any) -> Evidence:
    table = {"state": state, **facts}
    return evidence_from(
        {"title": "A card", "silicon": {"profile": profile}, "declared": {"attestation": table}}, plan=None
    )


def statuses(evidence: Evidence) -> tuple[Status, ...]:
    return tuple(finding(evidence, check).status for check in CHECKS)


PASS, FAIL, OPEN, NOT = Status.PASS, Status.FAIL, Status.INCONCLUSIVE, Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("state", "expected", "verdict"),
    [
        ("valid", (PASS, PASS), "authentic"),
        ("wrong_root", (FAIL, OPEN), "suspect"),
        ("bad_signature", (FAIL, OPEN), "suspect"),
        ("stale_nonce", (FAIL, OPEN), "suspect"),
        ("other_firmware", (FAIL, PASS), "suspect"),
        ("other_chip", (PASS, FAIL), "counterfeit"),
        ("wrong_clock", (OPEN, PASS), "authentic"),
        ("cut_off", (OPEN, OPEN), "authentic"),
        ("absent", (OPEN, OPEN), "authentic"),
    ],
)
def test_the_states_of_a_blackwell_card(state: str, expected: tuple[Status, ...], verdict: str) -> None:
    evidence = card(state)
    assert statuses(evidence) == expected
    assert report(evidence).verdict.authenticity == verdict


def test_another_chip_is_remarked() -> None:
    evidence = card("other_chip", chip="GB205")
    found = finding(evidence, "attested-die")
    assert found.kinds == (Kind.REMARKED,)
    assert "GeForce RTX 5090" in found.message
    assert (found.observed, found.expected) == ("GB205 (signed)", "GB202")
    assert Kind.REMARKED in report(evidence).verdict.kinds


@pytest.mark.parametrize("scenario", ["rtx-4090", "rtx-3090", "a100-80gb", "rtx-2080-ti", "gtx-1060-6gb", "l40s"])
def test_a_die_that_cannot_attest_is_told_so_and_loses_nothing(scenario: str) -> None:
    evidence = evidence_of(scenario)
    section = evidence.attestation
    assert isinstance(section, Unavailable)
    assert section.unavailable is Reason.NOT_SUPPORTED
    assert section.detail.startswith("this die cannot attest")
    assert statuses(evidence) == (NOT, NOT)
    assert "This die cannot attest" in finding(evidence, "attestation").message


def test_what_a_hopper_would_need_is_told() -> None:
    evidence = evidence_of("h100-80gb")
    assert statuses(evidence) == (OPEN, OPEN)
    assert "confidential-computing mode only, which is off" in finding(evidence, "attestation").message


def test_a_card_whose_library_lies_of_its_generation_attests_nothing() -> None:
    section = evidence_of("replaced-nvml-library").attestation
    assert isinstance(section, Unavailable)


HELD = Attestation(
    route="nvml", chip="GB202", chain_valid=True, chain_signed=True, period_valid=True, root_pinned=True,
    signature_valid=True, nonce_ours=True, firmware_bound=True, vbios_version=None,
)  # fmt: skip


def altered(**facts: Any) -> Evidence:
    """An honest RTX 5090 that attests, with facts of its attestation replaced."""
    return alter(evidence_of("rtx-5090"), attestation=HELD.model_copy(update=facts))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, (PASS, PASS)),
        ({"firmware_bound": None}, (PASS, PASS)),
        ({"chain_signed": None, "chain_valid": None, "trouble": "a binding extension"}, (OPEN, OPEN)),
        ({"signature_valid": None, "trouble": "the report ends early"}, (OPEN, OPEN)),
        ({"nonce_ours": None}, (OPEN, OPEN)),
        ({"root_pinned": None, "chain_signed": None}, (OPEN, OPEN)),
        ({"period_valid": None, "chain_valid": None}, (OPEN, PASS)),
        ({"chip": None}, (PASS, OPEN)),
        ({"chip": "LS10"}, (PASS, OPEN)),
        ({"chip": "GB209"}, (PASS, OPEN)),
        ({"chip": "GH100"}, (PASS, FAIL)),
        ({"chip": "GH100", "nonce_ours": False}, (FAIL, OPEN)),
        ({"chip": "GH100", "chain_signed": False, "chain_valid": False}, (FAIL, OPEN)),
        ({"chip": "GH100", "root_pinned": False}, (FAIL, OPEN)),
        ({"route": "file"}, (OPEN, OPEN)),
        ({"route": "file", "chip": "GH100", "root_pinned": False}, (OPEN, OPEN)),
        ({"vbios_version": "98.02.00.00.00"}, (OPEN, PASS)),
        ({"chip_sku": "999"}, (OPEN, PASS)),
        ({"project": "G999"}, (PASS, PASS)),
    ],
)
def test_single_facts(facts: dict[str, Any], expected: tuple[Status, ...]) -> None:
    assert statuses(altered(**facts)) == expected


def test_a_version_of_a_partner_and_small_letters_agree() -> None:
    told = evidence_of("rtx-5090").declared
    assert told is not None
    version = told.vbios_version or ""
    assert version
    assert statuses(altered(vbios_version=version[:-2].lower() + "ee")) == (PASS, PASS)
    assert version[:11] in finding(altered(vbios_version="98.02.00.00.00"), "attestation").message


def test_variants_of_one_design_are_not_held_against_each_other() -> None:
    for chip in ("GB100", "GB102", "GB110", "GB112"):
        evidence = card("valid", "b200", chip=chip)
        assert finding(evidence, "attested-die").status is (PASS if chip == "GB100" else OPEN)
    assert finding(card("other_chip", "b200", chip="GB202"), "attested-die").status is FAIL
    assert statuses(card("valid", "h200-sxm-141-gb")) == (PASS, PASS)
    assert statuses(card("valid", "gh200-480gb")) == (PASS, PASS)


def test_a_die_that_cannot_attest_and_does() -> None:
    evidence = alter(evidence_of("rtx-4090"), attestation=HELD)
    assert finding(evidence, "attested-die").status is FAIL
    assert report(evidence).verdict.authenticity == "counterfeit"


@pytest.mark.parametrize("reason", list(Reason))
def test_absence_is_neither_fraud_nor_pass(reason: Reason) -> None:
    gone = Unavailable(unavailable=reason, detail="why")
    assert statuses(alter(evidence_of("rtx-5090"), attestation=gone)) == (OPEN, OPEN)
    assert statuses(alter(evidence_of("rtx-4090"), attestation=gone)) == (NOT, NOT)
    assert report(alter(evidence_of("rtx-5090"), attestation=gone)).verdict.authenticity == "authentic"


@pytest.mark.parametrize(("table", "reason"), [("no_permission", "no_permission"), ("missing", "not_installed")])
def test_a_host_may_withhold_it(table: str, reason: str) -> None:
    document: dict[str, Any] = {
        "title": "A card",
        "silicon": {"profile": "geforce-rtx-5090"},
        "declared": {"attestation": {"state": "valid"}},
        "environment": {table: ["attestation"]},
    }
    section = evidence_from(document, Plan(probe=False)).attestation
    assert isinstance(section, Unavailable)
    assert section.unavailable == reason


def test_without_nvml_nothing_is_asked() -> None:
    document: dict[str, Any] = {
        "title": "A card",
        "silicon": {"profile": "geforce-rtx-5090"},
        "declared": {"attestation": {"state": "valid"}},
        "environment": {"missing": ["nvml"]},
    }
    evidence = evidence_from(document, Plan(probe=False))
    assert isinstance(evidence.attestation, Unavailable)


def test_a_pass_moves_nothing() -> None:
    with_it, without = report(card("valid")).verdict, report(card("absent")).verdict
    assert (with_it.coverage, with_it.contributions) == (without.coverage, without.contributions)


def test_what_was_verified_from_bytes_reaches_the_checks() -> None:
    die = forge.honest()
    facts = forge.judged(die, forge.report(die, fields={forge.VBIOS: None, forge.CHIP_SKU: None}))
    evidence = alter(evidence_of("rtx-5090"), attestation=facts)
    assert statuses(evidence) == (PASS, PASS)
    assert "GB202" in render_json(make_report(make_card(evidence=evidence)))


def test_redaction_leaves_no_trace_of_the_specimen() -> None:
    die = forge.honest()
    facts = forge.judged(die)
    evidence = alter(evidence_of("rtx-5090"), attestation=facts)
    clean = redacted(evidence)
    text = clean.model_dump_json()
    for certificate in facts.chain:
        assert certificate.sha256 not in text
    for key, value in facts.raw.items():
        assert key == "nonce" or value not in text, key
    assert "48B02D0011223344" not in text
    assert redacted(clean) == clean
    assert finding(clean, "attested-die").status is PASS
