"""What the formats for machines share."""

import datetime as dt

import pytest

from gpucheck.model.base import Reason
from gpucheck.render.machine import distinct, identity, labels, sentence, utc
from tests.builders import make_card, make_evidence, make_finding, make_nvml, make_pci, make_report, unavailable


def test_ids_come_from_the_bus_where_no_driver_states_them() -> None:
    evidence = make_evidence(nvml=unavailable(Reason.NOT_INSTALLED), pci=make_pci(device_id=0x2704))
    told = identity(make_card(evidence=evidence))
    assert (told.device, told.subsystem, told.bdf) == ("10de:2704", "10de:165b", "0000:01:00.0")
    assert told.uuid == told.vbios == ""


def test_what_the_driver_states_goes_before_the_bus() -> None:
    evidence = make_evidence(nvml=make_nvml(device_id=0x2684), pci=make_pci(device_id=0x2704))
    assert identity(make_card(evidence=evidence)).device == "10de:2684"


def test_an_id_that_is_not_known_is_empty() -> None:
    facts = dict.fromkeys(("vendor_id", "device_id", "subsystem_vendor_id", "subsystem_id"))
    evidence = make_evidence(nvml=make_nvml(**facts), pci=unavailable(Reason.NO_PERMISSION))
    assert identity(make_card(evidence=evidence)).device == ""


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a (2)", "a (3)"]),
        (["a", "a (2)", "a"], ["a", "a (2)", "a (3)"]),
    ],
)
def test_distinct(names: list[str], expected: list[str]) -> None:
    assert distinct(names) == expected


def test_labels_that_only_hidden_characters_tell_apart_are_told_apart() -> None:
    cards = [make_card(evidence=make_evidence(label=text)) for text in ("a", "a\u200b", "\x00", "")]
    assert labels(make_report(*cards)) == ["a", "a (2)", "card", "card (2)"]


def test_a_sentence_holds_what_was_seen_and_expected_once() -> None:
    finding = make_finding("brand", title="Brand", message="Odd.", observed="1 MiB (measured)", expected="2 MiB.")
    assert sentence(finding) == "Brand: Odd. Observed: 1 MiB (measured). Expected: 2 MiB."


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05"),
        ("0001-01-01T00:00:00+10:00", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59-10:00", "9999-12-31T23:59:59"),
    ],
)
def test_every_moment_that_a_document_can_hold_is_told(moment: str, expected: str) -> None:
    assert utc(dt.datetime.fromisoformat(moment)) == expected
