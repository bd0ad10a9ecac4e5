"""One table of exit codes, and what chooses among them."""

import pytest

from gpucheck.cli.exit_codes import MEANINGS, ExitCode, highest, of_report, of_verdict
from gpucheck.model.verdict import Authenticity, Condition
from tests.builders import forged_card, make_card, make_report, make_verdict


@pytest.mark.parametrize(
    ("authenticity", "condition", "code"),
    [
        ("authentic", "good", 0),
        ("authentic", "worn", 0),
        ("authentic", "not_examined", 0),
        ("authentic", "defective", 9),
        ("inconclusive", "good", 10),
        ("inconclusive", "defective", 10),
        ("suspect", "good", 11),
        ("modified", "defective", 12),
        ("counterfeit", "good", 13),
    ],
)
def test_verdicts(authenticity: str, condition: str, code: int) -> None:
    assert of_verdict(make_verdict(authenticity, condition=Condition(condition))) == code


def test_every_authenticity_has_a_code() -> None:
    for each in Authenticity:
        assert of_verdict(make_verdict(each.value)) in MEANINGS


def test_the_worst_card_decides() -> None:
    assert of_report(make_report(make_card(), forged_card(), make_card())) == ExitCode.COUNTERFEIT


def test_no_card_is_nothing_examined() -> None:
    assert of_report(make_report().model_copy(update={"cards": ()})) == ExitCode.NOTHING


def test_highest_of_none_is_success() -> None:
    assert highest([]) == 0


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)
