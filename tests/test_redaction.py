"""What identifies a specimen, and whose machine it was in, leaves no trace in redacted evidence and reports."""

import json
import time
import uuid as uuids
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.model.base import Frozen, Reason
from gpucheck.model.evidence import Evidence, Host
from gpucheck.model.report import Report
from gpucheck.redaction import _MARK, PREFIX, digest, redacted
from gpucheck.render.document import load_report, render_json
from tests.builders import (
    BDF,
    UUID,
    make_card,
    make_driver,
    make_evidence,
    make_finding,
    make_integrity,
    make_nvml,
    make_pci,
    make_report,
    unavailable,
)
from tests.cards import evidence_of, report

SERIAL = "1325021034567"
PDI = "0xf1e2d3c4b5a69788"
KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def specimen() -> str:
    """Redacted JSON of a card that names itself in many places."""
    nvml = make_nvml(
        serial=SERIAL,
        pdi=PDI,
        raw={
            "nvmlDeviceGetSerial": SERIAL,
            "nvmlDeviceGetUUID": f"b'{UUID}'",
            "note": f"the card {UUID.lower()} with {SERIAL} at {BDF}",
            "mig": "MIG-0f4a9be1-59a1-4c5f-9d0c-6b0b2a4c1234",
            "Serial Number": "N/A",
        },
    )
    return redacted(make_evidence(nvml=nvml, driver=make_driver(raw={"GPU UUID": UUID}))).model_dump_json()


def texts(node: Any) -> Iterator[str]:
    """Every text of a document, names of fields and entries included, without the digests themselves."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from (_MARK.sub("\n", key), *texts(value))
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield _MARK.sub("\n", node)


def holds(document: Frozen, secret: str) -> bool:
    return any(secret.lower() in text.lower() for text in texts(json.loads(document.model_dump_json())))


def test_no_secret_is_left_anywhere() -> None:
    text = specimen().lower()
    for secret in (SERIAL, PDI, UUID, UUID.removeprefix("GPU-"), "59a1-4c5f-9d0c"):
        assert secret.lower() not in text


def test_what_identifies_the_model_stays() -> None:
    text = specimen()
    assert BDF in text
    assert "95.02.3C.40.0D" in text
    assert '"Serial Number":"N/A"' in text


def test_the_same_card_gives_the_same_digest_by_every_route() -> None:
    found = redacted(make_evidence())
    assert found.declared is not None
    assert found.declared.uuid == digest(UUID) == getattr(found.driver, "uuid", None)
    assert found.declared.uuid.startswith(PREFIX)
    assert len(found.declared.uuid) == len(PREFIX) + 12


def test_a_key_makes_digests_that_compare_and_another_key_does_not() -> None:
    first, again, other = (redacted(make_evidence(label=key.decode()), key) for key in (KEY, KEY, OTHER_KEY))
    assert first.declared is not None
    assert again.declared is not None
    assert other.declared is not None
    assert first.declared.uuid == again.declared.uuid == digest(UUID, KEY)
    assert other.declared.uuid not in (first.declared.uuid, digest(UUID))


def test_without_the_key_a_guessed_serial_number_cannot_be_confirmed() -> None:
    import hashlib

    assert hashlib.sha256(SERIAL.encode()).hexdigest()[:12] not in specimen()


def test_redacting_twice_changes_nothing() -> None:
    once = redacted(make_evidence(), KEY)
    assert redacted(once, OTHER_KEY) == once


def test_a_text_that_merely_begins_like_a_digest_is_no_digest() -> None:
    found = redacted(make_evidence(nvml=make_nvml(serial=f"{PREFIX}{SERIAL}")))
    assert not holds(found, SERIAL)


def test_a_short_serial_does_not_eat_other_numbers() -> None:
    found = redacted(make_evidence(nvml=make_nvml(serial="384", name="Card 384")))
    assert found.declared is not None
    assert found.declared.name == "Card 384"
    assert found.declared.serial == digest("384")


def test_a_report_is_redacted_in_its_findings_too() -> None:
    evidence = make_evidence(nvml=make_nvml(serial=SERIAL))
    finding = make_finding(message=f"UUID: {UUID} by nvml", observed=f"serial {SERIAL}", remedy=UUID[4:])
    found = redacted(make_report(make_card(evidence=evidence, findings=(finding,))), KEY)
    assert not any(holds(found, secret) for secret in (SERIAL, UUID, UUID[4:]))
    assert digest(UUID, KEY) in found.cards[0].findings[0].message


def test_a_name_of_the_words_that_a_document_must_keep_is_no_way_to_break_it() -> None:
    for word in ("nvidia", "unavailable", "simulated", "critical", "serial_number", "schema_version"):
        found = redacted(make_report(make_card(evidence=make_evidence(nvml=make_nvml(serial=word)))))
        assert load_report(render_json(found)) == found


def test_a_digest_and_what_stands_beside_it_never_make_the_secret_again() -> None:
    """Where two occurrences overlap, the rest of the second stands behind the first one's digest."""
    evidence = make_evidence(nvml=make_nvml(serial="7777777"), label="7" * 13)
    for number in range(64):
        assert "7777777" not in redacted(evidence, bytes([number]) * 32).label


def test_two_names_in_one_table_stay_two() -> None:
    nvml = make_nvml(raw={UUID.upper(): "one", UUID.lower(): "two"})
    found = redacted(make_evidence(nvml=nvml)).declared
    assert found is not None
    assert list(found.raw.values()) == ["one", "two"]


def test_names_of_the_host_and_its_people_go_and_the_cards_name_stays() -> None:
    evidence = make_evidence(
        host=Host(os="Linux 6.8 on bench-07"),
        driver=make_driver(module_text="NVRM version: 580.95.05 Release Build (smith@oldbox) (dvs-builder@U22-I3-B03)"),
        integrity=make_integrity(preloaded=("/home/jsmith/shim.so", "C:\\Users\\Jo\\x.dll", "/opt/jsmith-tools/a")),
        vbios=unavailable(Reason.FAILED, "BENCH-07 says no; bench-071 says nothing"),
    )
    found = redacted(evidence, KEY, names=("bench-07", "jsmith", "rtx", "GeForce", "ab"))
    shown = found.model_dump_json()
    assert not any(word in shown.lower() for word in ("smith@", "oldbox", "/jsmith/", "\\\\jo\\\\"))
    assert f"on {digest('bench-07', KEY)}" in shown
    assert "bench-071" in shown
    assert "dvs-builder@U22-I3-B03" in shown
    assert found.declared == redacted(evidence, KEY).declared
    assert found.declared is not None
    assert found.declared.name == "NVIDIA GeForce RTX 4090"


def test_a_host_name_that_a_raw_read_calls_so_is_a_secret() -> None:
    nvml = make_nvml(raw={"hostname": "intake-bench", "note": "from intake-bench"})
    assert not holds(redacted(make_evidence(nvml=nvml)), "intake-bench")


def test_the_bus_serial_number_goes_from_the_raw_configuration_space() -> None:
    """Extended capabilities: advanced error reporting at 0x100, the device's serial number at 0x148."""
    space = bytearray(4096)
    space[0x100:0x104] = (0x1480_0001 | 0x2 << 16).to_bytes(4, "little")
    space[0x148:0x154] = (0x0001_0003).to_bytes(4, "little") + bytes.fromhex("48b02d0102030405")
    found = redacted(make_evidence(pci=make_pci(raw={"config": space.hex(), "lspci": "48-b0-2d-01-02-03-04-05"})))
    shown = found.model_dump_json()
    assert "48b02d0102030405" not in shown
    assert "48-b0-2d" not in shown
    raw = getattr(found.pci, "raw", {})["config"]
    assert len(raw) == 8192
    assert bytes.fromhex(raw)[0x148:0x14C] == bytes(space[0x148:0x14C])


@pytest.mark.parametrize("config", ["", "ff" * 4096, "00" * 256, "03000110" * 1024, "not hexadecimal" * 40, "0300"])
def test_no_configuration_space_is_too_odd(config: str) -> None:
    found = redacted(make_evidence(pci=make_pci(raw={"config": config})))
    assert len(getattr(found.pci, "raw", {})["config"]) == len(config)


SERIALS = st.one_of(
    st.text("0123456789ABCDEFGHKX", min_size=6, max_size=20),
    st.text("0123456789", min_size=6, max_size=13),
    st.text("ab1", min_size=6, max_size=9),
).filter(lambda text: text.strip("0"))
SECRETS = st.tuples(
    SERIALS,
    st.uuids().map(lambda made: f"GPU-{made}"),
    st.integers(1 << 40, (1 << 64) - 1).map(hex),
    st.text("abcdefghijk0123456789-", min_size=6, max_size=12).filter(lambda name: name.strip("-0")),
)
AROUND = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
SHAPES = st.sampled_from((str, str.upper, str.lower, lambda text: text * 2, lambda text: text + text[1:]))


@st.composite
def planted(draw: st.DrawFn) -> tuple[tuple[str, ...], Report]:
    """A report with secrets in their own fields, and mentioned anywhere else."""
    secrets = draw(SECRETS)
    serial, uuid, pdi, host = secrets

    def told() -> str:
        shaped: str = draw(SHAPES)(draw(st.sampled_from(secrets)))
        return draw(AROUND) + shaped + draw(AROUND)

    nvml = make_nvml(
        serial=serial,
        uuid=uuid,
        pdi=pdi,
        name=told(),
        mig_instances=(told(),),
        raw={"hostname": host, told(): told(), "nvmlDeviceGetSerial": f"b'{serial}'"},
        missing={"brand": unavailable(Reason.FAILED, told())},
    )
    evidence = make_evidence(
        nvml=nvml,
        label=told(),
        driver=make_driver(uuid=uuid, module_text=told(), raw={told(): told()}),
        integrity=make_integrity(preloaded=(told(),)),
        registers=unavailable(Reason.NO_PERMISSION, told()),
    )
    findings = (make_finding(message=told(), observed=told(), expected=told(), evidence=(told(),)),)
    return secrets, make_report(make_card(evidence=evidence, findings=findings), make_card())


@settings(max_examples=200, deadline=None)
@given(planted())
def test_no_secret_survives_anywhere(case: tuple[tuple[str, ...], Report]) -> None:
    secrets, whole = case
    found = redacted(whole, KEY)
    for secret in (*secrets, secrets[1][4:], secrets[1][4:].replace("-", ""), secrets[2][2:]):
        assert not holds(found, secret), secret
    assert load_report(render_json(found)) == found
    assert redacted(found, KEY) == found


@settings(max_examples=50, deadline=None)
@given(SECRETS)
def test_the_ways_in_which_raw_reads_write_a_value_are_known(secrets: tuple[str, ...]) -> None:
    serial, uuid, pdi, _host = secrets
    ways = (
        serial.encode().hex(),
        uuids.UUID(uuid[4:]).hex,
        str(int(pdi, 16)),
        int(pdi, 16).to_bytes(8, "little").hex(),
    )
    nvml = make_nvml(serial=serial, uuid=uuid, pdi=pdi, raw={"answer": " ".join(ways)})
    found = redacted(make_evidence(nvml=nvml))
    for way in ways[:3] if len(pdi) < 18 else ways:
        assert not holds(found, way)


def test_every_letter_of_a_serial_number_counts_also_those_without_a_small_form() -> None:
    nvml = make_nvml(serial="S\u0130\u1e9e\u03a3-77A", name="card S\u0130\u1e9e\u03a3-77A here")
    found = redacted(make_evidence(nvml=nvml)).declared
    assert found is not None
    assert found.name == f"card {found.serial} here"


def test_a_report_of_a_whole_bench_is_redacted_without_waiting() -> None:
    """Time grows with the texts, hardly with the number of secrets: 200 cards state some 2,500 spellings of theirs."""

    def card(number: int) -> Evidence:
        serial, uuid = f"13250210{number:05}", f"GPU-{uuids.uuid5(uuids.NAMESPACE_OID, str(number))}"
        nvml = make_nvml(serial=serial, uuid=uuid, pdi=hex(0xF1E2D3C4B5A60000 + number), raw={"x": "0123 " * 800})
        return make_evidence(nvml=nvml, driver=make_driver(uuid=uuid))

    whole = make_report(*(make_card(evidence=card(number)) for number in range(200)))
    started = time.process_time()
    found = redacted(whole, KEY)
    assert time.process_time() - started < 3
    assert not holds(found, "1325021000199")


@pytest.mark.parametrize("scenario", ["rtx-4090", "rtx-4090-48gb-forged", "rtx-5090", "replaced-nvml-library"])
def test_the_verdict_stays_the_same(scenario: str) -> None:
    evidence: Evidence = evidence_of(scenario)
    assert report(redacted(evidence)).verdict == report(evidence).verdict
