"""A signature holds for what was signed, and nothing else; what was changed since is named."""

import copy
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.model.canonical import digest
from gpucheck.model.strict_json import StrictJsonError, canonical, parse
from gpucheck.render.document import load_evidence, load_report, render_json
from gpucheck.signing import KIND, RefusedError, keys, sign, verify
from gpucheck.signing.keys import SigningError
from gpucheck.signing.tree import differences, tree
from tests.builders import forged_card, make_card, make_report

WHEN = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
REPORT = make_report(make_card(), forged_card())
CONTENT: dict[str, Any] = json.loads(render_json(REPORT))
PRIVATE, PUBLIC = keys.new_key()
OTHER_PRIVATE, OTHER_PUBLIC = keys.new_key()
SIGNED = sign(CONTENT, PRIVATE, WHEN)


def altered(change: str, value: Any = None) -> dict[str, Any]:
    """The signed document with the value at a pointer replaced."""
    document = copy.deepcopy(SIGNED)
    *way, last = change.strip("/").split("/")
    node: Any = document
    for step in way:
        node = node[int(step) if isinstance(node, list) else step]
    node[int(last) if isinstance(node, list) else last] = value
    return document


def refusal(document: Any, public: bytes = PUBLIC) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        verify(document, public)
    return caught.value


def test_a_signature_holds_and_says_whose_it_is() -> None:
    found = verify(SIGNED, PUBLIC)
    assert found.report == CONTENT
    assert found.key == keys.public_id(PUBLIC) != keys.public_id(OTHER_PUBLIC)
    assert found.signed_at == "2026-05-04T03:02:01+00:00"


def test_the_digest_is_that_of_the_report_wherever_it_is_shown() -> None:
    assert verify(SIGNED, PUBLIC).digest == digest(REPORT)


def test_spelling_and_order_mean_nothing() -> None:
    turned = json.dumps(dict(reversed(SIGNED.items())), indent=7, ensure_ascii=True)
    assert verify(parse(turned.encode()), PUBLIC).report == CONTENT


def test_a_signed_report_is_read_as_the_bare_one() -> None:
    text = json.dumps(SIGNED, indent=2)
    assert load_report(text) == REPORT
    assert load_evidence(text) == [card.evidence for card in REPORT.cards]


def test_another_key_is_told_from_a_change() -> None:
    assert "another key" in refusal(SIGNED, OTHER_PUBLIC).message
    forged = sign(altered("/report/cards/0/verdict/coverage", 1.0)["report"], OTHER_PRIVATE, WHEN)
    assert "another key" in refusal(forged).message
    named = copy.deepcopy(forged)
    named["signature"]["key"] = SIGNED["signature"]["key"]
    assert refusal(named).places == ("/signature",)


@pytest.mark.parametrize(
    ("change", "value", "place"),
    [
        ("/report/cards/1/verdict/authenticity", "authentic", None),
        ("/report/cards/0/evidence/nvml/serial", "1", None),
        ("/report/cards/0/evidence/nvml/raw/nvmlDeviceGetName", "another", None),
        (
            "/report/cards/0/evidence/slab_map/bytes_per_second/3",
            1.0,
            "/report/cards/0/evidence/slab_map/bytes_per_second",
        ),
        ("/report/cards/0/verdict/coverage", 1, None),
        ("/report/created_at", "2020-01-01T00:00:00Z", None),
        ("/report/cards/1/findings", [], None),
        ("/report/cards/0/evidence/nvml", None, None),
        ("/report/cards/0/evidence/nvml/raw/a~b", "new", "/report/cards/0/evidence/nvml/raw/a~0b"),
        ("/report/extra", 1, None),
        ("/extra", 1, None),
        ("/signature/extra", 1, None),
        ("/signature/algorithm", "none", None),
        ("/signature/signed_at", "2020-01-01T00:00:00+00:00", "/signature"),
        ("/signature/digest", "sha256:" + "0" * 64, "/signature"),
        ("/signature/tree/created_at", "0" * 16, "/signature"),
        ("/signature/value", "", "/signature"),
        ("/signature/value", "not base64", "/signature"),
        ("/signature/value", None, None),
        ("/signature/value", "A" * 86 + "==", "/signature"),
        ("/signature/tree", 7, "/signature"),
        ("/signature", None, None),
        ("/report", [], None),
        ("/schema_version", True, None),
    ],
)
def test_a_change_is_refused_with_its_place(change: str, value: Any, place: str | None) -> None:
    if change == "/report/cards/1/findings":
        wanted: tuple[str, ...] = tuple(f"{change}/{n}" for n in range(len(CONTENT["cards"][1]["findings"])))
        assert refusal(altered(change, value)).places in (wanted, (change,))
        return
    refused = refusal(altered(change, value))
    assert refused.places == (place or change,)
    assert (place or change) in refused.message


def test_what_was_taken_away_and_what_was_added_is_told() -> None:
    document = copy.deepcopy(SIGNED)
    del document["report"]["cards"][0]["evidence"]["nvml"]["raw"]["nvmlDeviceGetUUID"]
    document["report"]["cards"].append(document["report"]["cards"][0])
    refused = refusal(document)
    assert "/report/cards/0/evidence/nvml/raw/nvmlDeviceGetUUID (taken away)" in refused.message
    assert "/report/cards/2 (added)" in refused.message


def test_many_changes_are_counted_and_hostile_names_stay_one_line() -> None:
    document = copy.deepcopy(SIGNED)
    document["report"] |= {f"\x1b[2J\n{number}": "x" for number in range(9)}
    refused = refusal(document)
    assert refused.message.endswith("and 4 more places.")
    assert refused.message.isprintable()


def places(node: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, value in steps:
        yield f"{pointer}/{step}", value
        yield from places(value, f"{pointer}/{step}")


EVERYWHERE = [place for place in places(SIGNED) if "/tree/" not in place[0] or place[0].count("/") < 4]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(0, 3), max_size=2),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EVERYWHERE), VALUES)
def test_no_change_anywhere_goes_unseen(place: tuple[str, Any], value: Any) -> None:
    pointer, was = place
    if canonical(value) == canonical(was):
        return
    if pointer == "/kind":
        with pytest.raises(SigningError):
            verify(altered(pointer, value), PUBLIC)
        return
    refused = refusal(altered(pointer, value))
    if pointer.startswith("/report/"):
        assert refused.places
        assert all(each.startswith(pointer) or pointer.startswith(each) for each in refused.places)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab/~", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON, JSON)
def test_two_values_differ_somewhere_exactly_where_they_differ_at_all(first: Any, second: Any) -> None:
    assert bool(list(differences(first, tree(second)))) == (canonical(first) != canonical(second))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1,]",
        b"{} {}",
        b"\xff\xfe{\x00}\x00",
        b'{"a": "\xe9"}',
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "a": 2}}]',
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e400]",
        b"[18446744073709551616]",
        b"[" + b"9" * 6000 + b"]",
        b'["\\ud800"]',
        b'{"\\udfff": 1}',
        b"[" * 100 + b"]" * 100,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"'text'",
        b"[01]",
    ],
)
def test_what_two_readers_could_take_for_two_things_is_refused(data: bytes) -> None:
    with pytest.raises(StrictJsonError) as caught:
        parse(data, "a\x1bfile")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 20), st.binary(max_size=3))
def test_no_damage_to_the_file_makes_it_crash(at: int, put: bytes) -> None:
    data = json.dumps(SIGNED).encode()
    at %= len(data)
    damaged = data[:at] + put + data[at + len(put) :]
    try:
        found = verify(parse(damaged), PUBLIC)
    except (StrictJsonError, SigningError, RefusedError):
        return
    assert found.report == CONTENT


@pytest.mark.parametrize("length", range(0, 400, 37))
def test_a_truncated_file_is_refused(length: int) -> None:
    with pytest.raises((StrictJsonError, SigningError)):
        verify(parse(json.dumps(SIGNED).encode()[:length]), PUBLIC)


def test_the_canonical_form_is_utf8_sorted_and_without_blanks() -> None:
    assert canonical({"b": [1, 2.5, None], "a": "ä\n"}) == '{"a":"ä\\n","b":[1,2.5,null]}'.encode()


@pytest.mark.parametrize("pem", [b"", b"rubbish", PRIVATE, PUBLIC[:60], b"\xff" * 40], ids=range(5))
def test_what_is_no_public_key_is_told(pem: bytes) -> None:
    with pytest.raises(SigningError):
        verify(SIGNED, pem)


@pytest.mark.parametrize("pem", [b"", b"rubbish", PUBLIC, PRIVATE[:60]], ids=range(4))
def test_what_is_no_private_key_is_told(pem: bytes) -> None:
    with pytest.raises(SigningError):
        sign(CONTENT, pem, WHEN)


def test_keys_of_another_kind_and_locked_ones_are_told() -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    curve = ec.generate_private_key(ec.SECP256R1())
    private = curve.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = curve.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    locked = ed25519.Ed25519PrivateKey.generate().private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"word")
    )
    for pem, word in ((private, "another kind"), (locked, "password")):
        with pytest.raises(SigningError, match=word):
            sign(CONTENT, pem, WHEN)
    with pytest.raises(SigningError, match="another kind"):
        verify(SIGNED, public)


def test_a_newer_version_is_refused_as_that() -> None:
    with pytest.raises(SigningError, match="version 2"):
        verify(SIGNED | {"schema_version": 2}, PUBLIC)


@pytest.mark.parametrize("document", [None, [], 7, "text", {}, CONTENT, {"kind": [KIND]}])
def test_what_is_not_signed_is_told(document: Any) -> None:
    with pytest.raises(SigningError, match="no signed report"):
        verify(document, PUBLIC)
