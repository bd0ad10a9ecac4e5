"""The digest follows what a report says, not how its file is written; anyone can compute it."""

import hashlib
import json
from typing import Any

from gpucheck.model.canonical import canonical_json, digest
from gpucheck.render.document import load_report, render_json
from tests.builders import forged_card, make_card, make_evidence, make_nvml, make_report

REPORT = make_report(forged_card(), make_card(evidence=make_evidence(nvml=make_nvml(name="GeForce 名 ä"))))


def backwards(node: Any) -> Any:
    """The same JSON with every object's keys in the opposite order."""
    if isinstance(node, dict):
        return {key: backwards(node[key]) for key in reversed(node)}
    return [backwards(each) for each in node] if isinstance(node, list) else node


def test_anyone_can_compute_it_from_the_saved_report() -> None:
    saved = json.loads(render_json(REPORT))
    text = json.dumps(saved, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert digest(REPORT) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_order_and_blanks_of_the_file_do_not_count() -> None:
    rewritten = json.dumps(backwards(json.loads(render_json(REPORT))), indent=7)
    assert digest(load_report(rewritten)) == digest(REPORT)


def test_every_change_counts() -> None:
    seen = {digest(REPORT)}
    for card in (0, 1):
        content = json.loads(render_json(REPORT))
        content["cards"][card]["verdict"]["coverage"] += 1e-9
        seen.add(digest(load_report(json.dumps(content))))
    content["cards"].reverse()
    seen.add(digest(load_report(json.dumps(content))))
    assert len(seen) == 4


def test_the_form_has_sorted_keys_no_blanks_and_plain_utf_8() -> None:
    text = canonical_json(REPORT).decode("utf-8")
    assert text.startswith('{"cards":[{"evidence":{"attestation":{')
    assert "GeForce 名 ä" in text
    assert ": " not in text.replace("identity: ", "").partition('"message"')[0]
