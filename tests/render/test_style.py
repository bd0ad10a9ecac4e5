"""Text that fits: cleaned, measured in columns, wrapped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucheck.render.style import Cell, Look, columns, cut, pad, wrap

HOSTILE = "\x1b[31mred\x07\u202eevil\u2066\r\nsecond line\x00"


def test_clean_leaves_nothing_that_moves_the_cursor() -> None:
    cleaned = Look().clean(HOSTILE)
    assert cleaned.isprintable()
    assert "\x1b" not in cleaned
    assert "\n" not in cleaned


def test_ascii_look_has_a_stand_in_for_every_character() -> None:
    assert Look(unicode=False).clean("24 GB … 5 \u00d7 6 \u2013 名") == "24 GB ... 5 x 6 - ?"


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert columns("名前") == 4
    assert columns("e\u0301") == 1


@given(st.text(max_size=300), st.integers(min_value=10, max_value=120))
def test_wrapped_lines_never_exceed_their_width(text: str, width: int) -> None:
    assert all(columns(line) <= width for line in wrap(text, width))


@given(st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), max_size=200), st.integers(10, 60))
def test_wrapping_loses_no_character(text: str, width: int) -> None:
    assert "".join(wrap(text, width)) == text


@pytest.mark.parametrize(
    ("text", "width", "expected"), [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("", 3, "")]
)
def test_cut(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected


def test_pad_counts_columns() -> None:
    assert columns(pad("名", 5)) == 5


def test_paint_only_where_asked() -> None:
    assert Look().paint("x", "red") == "x"
    assert Look(colour=True).paint("x", "red") == "\x1b[1;31mx\x1b[0m"


@given(st.lists(st.tuples(st.text(max_size=80), st.integers(6, 30), st.booleans()), min_size=1, max_size=5))
def test_the_cells_of_a_row_keep_to_their_columns(cells: list[tuple[str, int, bool]]) -> None:
    lines = Look().row(*(Cell(text, wide, right=right) for text, wide, right in cells))
    assert all(columns(line) <= sum(wide for _, wide, _ in cells) + 2 * (len(cells) - 1) for line in lines)
    told = "".join("".join(line.split()) for line in lines)
    assert sorted(told) == sorted("".join("".join(Look().clean(text).split()) for text, _, _ in cells))


def test_a_row_wraps_each_cell_beside_the_others() -> None:
    row = Look(colour=True).row(Cell("7", 4, right=True), Cell("a long name", 6), Cell("no good", 4, "red"))
    assert row == ["   7  a long  \x1b[1;31mno\x1b[0m", "      name    \x1b[1;31mgood\x1b[0m"]
