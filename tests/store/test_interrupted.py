"""Ctrl-C in a scan whose cards are kept: those that were examined stay, those that were not leave nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from click.testing import CliRunner, Result

from gpucheck import watchdog
from gpucheck.cli.app import cli
from gpucheck.cli.examine import examined
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.inventory import Item
from gpucheck.store.store import open_store
from tests.builders import make_driver, make_evidence, make_nvml

CUT = Unavailable(unavailable=Reason.FAILED, detail=watchdog.INTERRUPTED)
CARDS = ("--simulate", "5:rtx-4090", "--jobs", "1", "--no-probe")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], None]:
    """Has Ctrl-C pressed as soon as so many cards have their section of a name."""

    def after(cards: int, stage: str) -> None:
        plain = watchdog.collect_all

        def collect_all(*arguments: Any, on_event: watchdog.OnEvent, **options: Any) -> Any:
            seen: list[str] = []

            def press(event: watchdog.Event) -> None:
                on_event(event)
                seen.extend([event.card] if event.section is not None and event.stage == stage else [])
                if len(seen) == cards:
                    raise KeyboardInterrupt

            return plain(*arguments, on_event=press, **options)

        monkeypatch.setattr(watchdog, "collect_all", collect_all)

    return after


def items() -> list[Item]:
    return open_store(make=False).items()[0]


@pytest.mark.parametrize("call", [("scan", "--save"), ("inventory", "intake")])
@pytest.mark.parametrize(("cards", "stage", "kept"), [(2, "nvml", 2), (2, "pci", 1), (5, "vbios", 5)])
def test_cards_that_were_not_examined_are_not_kept(
    call: tuple[str, ...],
    cards: int,
    stage: str,
    kept: int,
    interrupt: Callable[[int, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context():
        interrupt(cards, stage)
        result = run(*call, *CARDS)
    assert result.exit_code == 130, result.output
    told = f"Cards that were not examined, and are not kept: {5 - kept}. Do it again to take them in"
    assert (told in result.stderr) is (kept < 5)
    assert len({item.last.identity.uuid for item in items()}) == len(items()) == kept


def test_taken_in_again_there_are_as_many_items_as_cards(
    interrupt: Callable[[int, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = watchdog.collect_all
    interrupt(2, "nvml")
    run("inventory", "intake", *CARDS)
    monkeypatch.setattr(watchdog, "collect_all", plain)
    run("inventory", "intake", *CARDS)
    assert len(items()) == 5


def test_labels_are_of_the_cards_that_are_kept(interrupt: Callable[[int, str], None], tmp_path: Path) -> None:
    interrupt(2, "nvml")
    run("inventory", "intake", *CARDS, "--labels", str(tmp_path / "labels.pdf"))
    document = pypdfium2.PdfDocument(tmp_path / "labels.pdf")
    assert len(document) == 2
    document.close()


@pytest.mark.parametrize("call", [("scan", "--save"), ("inventory", "intake", "--labels", "labels.pdf")])
def test_where_none_was_examined_none_is_kept(
    call: tuple[str, ...], interrupt: Callable[[int, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    interrupt(1, "pci")
    result = run(*call, *CARDS)
    assert result.exit_code == 130
    assert "not kept: 5" in result.stderr
    assert "internal error" not in result.stderr
    assert not (tmp_path / "data" / "gpucheck" / "inventory.sqlite").exists(), "none was there before"
    assert not Path("labels.pdf").exists()


@pytest.mark.parametrize(
    ("evidence", "kept"),
    [
        (make_evidence(), True),
        (make_evidence(load=CUT), True),
        (make_evidence(nvml=make_nvml(uuid=None), driver=make_driver(uuid=None)), True),
        (make_evidence(nvml=make_nvml(uuid=None), driver=make_driver(uuid=None), load=CUT), False),
        (make_evidence(nvml=CUT, driver=CUT, load=CUT), False),
        (make_evidence(nvml=CUT, load=CUT, driver=make_driver(uuid="GPU-aaaaaaaa-59a1-4c5f-9d0c-0f4a9be1c111")), True),
    ],
)
def test_a_card_counts_as_examined_where_it_said_which_it_is_or_was_asked_to_the_end(
    evidence: Evidence, kept: bool
) -> None:
    assert examined(evidence) is kept
