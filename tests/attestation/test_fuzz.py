"""Whatever the bytes are: facts or a reason, soon, and never more than what was signed."""

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Unavailable
from gpucheck.render.attestation import render_attestation
from gpucheck.render.style import Look
from gpucheck.sources.attestation import firmware_id, opaque, saved
from gpucheck.sources.attestation.nvattest import _evidence
from tests.attestation.forge import honest, judged, report

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
NEEDED = ("chain_signed", "root_pinned", "signature_valid", "nonce_ours")


@cache
def sound() -> bytes:
    return report(honest())


def hold(chain: bytes, data: bytes) -> Attestation:
    """Verify, and check what must hold for any input."""
    facts = judged(honest(), data, chain=chain)
    assert Attestation.model_validate_json(facts.model_dump_json()) == facts
    assert len(facts.trouble) <= 1000
    assert sum(map(len, facts.raw.values())) <= 1 << 18
    page = render_attestation(facts, "a.json", Look())
    assert all(line.isprintable() for line in page.splitlines())
    for field in NEEDED:
        assert getattr(facts, field) is not None or field in facts.missing or facts.trouble
    return facts


edits = st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=6)


def edited(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    return bytes(changed)


@settings(QUIET, max_examples=200)
@given(edits)
def test_an_edited_report_never_holds(changes: list[tuple[int, int]]) -> None:
    data = edited(sound(), changes)
    facts = hold(honest().pem, data)
    assert facts.signature_valid is not True or data == sound()


@settings(QUIET, max_examples=300)
@given(edits)
def test_an_edited_chain_never_holds_for_another_key(changes: list[tuple[int, int]]) -> None:
    chain = edited(honest().der, changes)
    facts = hold(chain, sound())
    if all(getattr(facts, field) for field in NEEDED):
        assert [c.sha256 for c in facts.chain] == [c.sha256 for c in judged(honest()).chain]


@settings(QUIET, max_examples=100)
@given(edits)
def test_an_edited_text_of_a_chain(changes: list[tuple[int, int]]) -> None:
    hold(edited(honest().pem, changes), sound())


@settings(QUIET, max_examples=100)
@given(st.integers(0, 1 << 13), st.integers(0, 1 << 13))
def test_bytes_that_end_anywhere(chain: int, data: int) -> None:
    facts = hold(honest().der[:chain], sound()[:data])
    assert facts.signature_valid is not True or data >= len(sound())


@settings(QUIET, max_examples=150)
@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_any_bytes(chain: bytes, data: bytes) -> None:
    facts = hold(chain, data)
    assert not any(getattr(facts, field) for field in ("chain_signed", "root_pinned", "signature_valid"))
    hold(b"\x30\x82" + len(chain).to_bytes(2, "big") + chain, b"\x11\xe0\x01\xff" + data)
    firmware_id.digests(data)
    opaque.facts(opaque.fields(data) or {})


@settings(QUIET, max_examples=150)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda t: b'{"evidences": [' + t.encode() + b"]}"))
def test_any_file(data: bytes) -> None:
    told: list[str] = []
    for prefix in (b"", b"[", b"{", b'[{"evidence": "'):
        try:
            found = saved.parse(prefix + data)
        except saved.EvidenceFileError as error:
            told.append(error.message)
            continue
        assert all(isinstance(each.report, bytes) for each in found)
        assert isinstance(_evidence(prefix + data), saved.Saved | Unavailable)
    assert all(message.isprintable() for message in told)


@settings(QUIET, max_examples=100)
@given(st.recursive(st.none() | st.text(max_size=10) | st.integers(), lambda inner: st.lists(inner, max_size=4)
       | st.dictionaries(st.sampled_from(["evidence", "certificate", "nonce", "evidences", "evidence_list", "arch",
                                          "result_code"]), inner, max_size=5), max_leaves=15))  # fmt: skip
def test_any_document(document: object) -> None:
    import json

    text = json.dumps(document).encode()
    with suppress(saved.EvidenceFileError):
        assert saved.parse(text)
    assert isinstance(_evidence(text), saved.Saved | Unavailable)


def test_the_worst_that_was_thought_of() -> None:
    nested = bytes.fromhex("3082ffff") * 8 + bytes(1 << 15)
    assert firmware_id.digests(b"\x30\x80" * 4000) == ()
    assert firmware_id.digests(nested) == ()
    assert hold(b"\x30\x82\x00\x00" * 20, b"").chain == ()
    assert hold(b"-----BEGIN CERTIFICATE-----" * 2000, b"").chain == ()
    many = sound()[:41] + b"\xff" + b"\xff\xff\xff" + bytes(1000)
    assert hold(honest().pem, many).signature_valid is None
    with pytest.raises(saved.EvidenceFileError):
        saved.parse(b"[" * 200_000 + b"]" * 200_000)
