"""CSV: one row a card, and no cell that a spreadsheet calculates."""

import csv
import io

import pytest

from gpucheck.model.units import MIB
from gpucheck.render.csv_table import COLUMNS, guarded, render_csv
from tests.builders import TOTAL_BYTES, make_card, make_evidence, make_report
from tests.render.samples import HOSTILE, REPORTS, hostile_card

CALCULATES = tuple("=+-@|%\t\r\uff1d\uff0b\uff0d\uff20")


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(REPORTS[name]), newline=""), strict=True))


@pytest.mark.parametrize("name", REPORTS)
def test_one_row_a_card_and_every_column_in_every_row(name: str) -> None:
    text = render_csv(REPORTS[name])
    header, *body = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == list(COLUMNS)
    assert len(body) == len(REPORTS[name].cards)
    assert all(len(row) == len(COLUMNS) for row in body)


@pytest.mark.parametrize("name", REPORTS)
def test_lines_end_as_the_rfc_says_and_no_mark_comes_first(name: str) -> None:
    text = render_csv(REPORTS[name])
    assert text.startswith("card,")
    assert text.endswith("\r\n")
    assert text.count("\r\n") == text.count("\n") == text.count("\r") == len(REPORTS[name].cards) + 1


def test_an_honest_card() -> None:
    (row,) = rows("authentic")
    assert row["verdict"] == "authentic"
    assert row["simulated"] == row["claim"] == row["kinds"] == row["reason"] == row["failed_checks"] == ""
    assert row["memory_declared_bytes"] == str(TOTAL_BYTES)
    assert row["device_id"] == "10de:2684"
    assert row["profile_digest"] == "sha256:" + "ef" * 32
    assert row["created_at"] == "2026-01-02T03:04:05Z"


def test_a_forged_card_tells_the_reason_and_both_sizes() -> None:
    (row,) = rows("forged")
    assert (row["verdict"], row["kinds"]) == ("counterfeit", "capacity_forged")
    assert row["reason"].startswith("Memory that really exists: The card declares 47.99 GiB")
    assert row["failed_checks"] == "memory-capacity memory-size"
    assert row["memory_declared_bytes"] == str(49140 * MIB)
    assert row["memory_proven_bytes"] == str(24576 * MIB)


def test_what_was_not_had_is_an_empty_cell_and_not_a_zero() -> None:
    (row,) = rows("bare")
    for name in ("memory_declared_bytes", "memory_proven_bytes", "uuid", "device_id", "vbios_version", "profile"):
        assert row[name] == ""
    assert row["verdict"] == "inconclusive"
    assert row["reason"]
    assert row["open_checks"] == "memory-capacity"


def test_a_crashed_check_is_told_apart_from_a_failed_one() -> None:
    (row,) = rows("crashed")
    assert (row["crashed_checks"], row["failed_checks"]) == ("brand", "memory-faults")


def test_a_simulated_card_names_its_scenario() -> None:
    assert [row["simulated"] for row in rows("simulated")] == ["rtx-4090"]


def test_cards_that_are_named_alike_are_told_apart() -> None:
    assert len({row["card"] for row in rows("alike")}) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_calculated(text: str) -> None:
    for row in csv.reader(io.StringIO(render_csv(make_report(hostile_card(text))), newline="")):
        for cell in row:
            assert not cell.startswith(CALCULATES)
            assert cell.isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_calculated_where_semicolons_split(text: str) -> None:
    written = render_csv(make_report(hostile_card(f"a; {text}"), hostile_card(f"a;{text}")))
    for row in csv.reader(io.StringIO(written, newline=""), delimiter=";"):
        assert not any(cell.lstrip().startswith(CALCULATES) for cell in row)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("-5", "'-5"),
        ("+49 30 1", "'+49 30 1"),
        ("@x", "'@x"),
        ("\t=1", "'=1"),
        ("\r\n-1", "'-1"),
        ("\uff1d1", "'\uff1d1"),
        ("RTX 4090 - 24 GB", "RTX 4090 - 24 GB"),
        ("95.02.3C.40.0D", "95.02.3C.40.0D"),
        ("a;=1", "a;'=1"),
        (None, ""),
    ],
)
def test_guarded(text: str | None, cell: str) -> None:
    assert guarded(text) == cell


def test_a_label_with_commas_quotes_and_non_ascii_survives() -> None:
    card = make_card(evidence=make_evidence(label='bench "3", Zürich'))
    (row,) = csv.DictReader(io.StringIO(render_csv(make_report(card)), newline=""))
    assert row["card"] == 'bench "3", Zürich'
