"""The JSON documents: what is written is read back, and nothing else is."""

import json
from typing import Any

import jsonschema
import pytest

from gpucheck.render.document import (
    DocumentError,
    load_evidence,
    load_report,
    render_evidence,
    render_json,
)
from gpucheck.render.schema import schemas
from tests.builders import forged_card, make_card, make_evidence, make_report

REPORT = make_report(make_card(), forged_card())


def altered(**changes: Any) -> str:
    """The report's JSON with top-level values replaced."""
    return json.dumps(json.loads(render_json(REPORT)) | changes)


def test_report_round_trip() -> None:
    assert load_report(render_json(REPORT)) == REPORT


def test_evidence_round_trip() -> None:
    cards = [make_evidence(), make_evidence(simulated="rtx-4090")]
    assert load_evidence(render_evidence(cards)) == cards


def test_evidence_of_a_report() -> None:
    assert load_evidence(render_json(REPORT)) == [card.evidence for card in REPORT.cards]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[]", "no document of gpucheck"),
        ('{"a": 1}', "no document of gpucheck"),
        ('{"cards": []}', "no schema_version"),
        ('{"cards": [], "schema_version": true}', "no schema_version"),
        ('{"cards": [], "schema_version": "1"}', "no schema_version"),
        ('{"schema_version": 1, "cards": ' + "[" * 5000, "not valid JSON"),
        ('{"schema_version": 1, "cards": ' + "[" * 150 + "]" * 150 + "}", "x.json"),
        (altered(schema_version=2), "reads up to 1"),
        (altered(cards=7), "cards"),
        (altered(created_at="yesterday"), "created_at"),
        (altered(surprise=1), "surprise"),
        (altered(rulebook={"weights": 1}), "rulebook.weights"),
        (render_evidence([make_evidence()]), "holds evidence"),
    ],
)
def test_what_is_no_report_is_refused_with_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_report(text, "x.json")
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("x.json")
    assert caught.value.hint


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpucheck.render.document.LIMIT_BYTES", 100)
    with pytest.raises(DocumentError, match="larger than"):
        load_report(render_json(REPORT))


def test_another_version_that_wrote_it_is_named() -> None:
    with pytest.raises(DocumentError) as caught:
        load_report(altered(tool={"name": "gpucheck", "version": "9.9"}, extra=1))
    assert "gpucheck 9.9 wrote it" in caught.value.hint


def test_hostile_origin_is_cleaned() -> None:
    with pytest.raises(DocumentError) as caught:
        load_report("{", "\x1b[2Jevil")
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("report-v1.schema.json", render_json(REPORT)),
        ("evidence-v1.schema.json", render_evidence([make_evidence()])),
    ],
)
def test_what_is_written_obeys_its_schema(name: str, document: str) -> None:
    schema = json.loads(schemas()[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(document))


def test_the_schema_refuses_a_newer_version() -> None:
    schema = json.loads(schemas()["report-v1.schema.json"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(altered(schema_version=2)), schema)


@pytest.mark.parametrize("hidden", ["\U000e0041", "\u202e", "\x7f", "\ufeff"])
def test_hidden_characters_are_written_as_escapes_and_read_back(hidden: str) -> None:
    cards = [make_evidence(label=f"card{hidden}1")]
    text = render_evidence(cards)
    assert hidden not in text
    assert load_evidence(text) == cards
