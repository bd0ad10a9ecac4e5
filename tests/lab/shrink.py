"""A card that was judged wrongly, cut down to the fewest facts that still make it so, and saved as a scenario."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpucheck.model.base import GpucheckError
from gpucheck.pipeline import assess
from tests.cards import catalog
from tests.lab.bank import scan
from tests.lab.card import LabCard, Table
from tests.lab.score import Judged, card_of, judged

Same = Callable[[LabCard], bool]


def wrong_as(one: Judged) -> Same:
    """Whether a card is judged as wrongly as ``one`` was: the same verdict, named or not."""

    def same(card: LabCard) -> bool:
        try:
            found = judged(one.population, card, assess(scan(card), catalog()))
        except (GpucheckError, ValueError, KeyError):
            return False
        return (found.authenticity, found.named) == (one.authenticity, one.named)

    return same


def shrunk(card: LabCard, same: Same) -> LabCard:
    """Leave out one fact after the other for as long as the card is still judged so."""
    while True:
        smaller = next((each for each in _smaller(card) if same(each)), None)
        if smaller is None:
            return card
        card = smaller


def _smaller(card: LabCard) -> Iterator[LabCard]:
    for number in range(len(card.changes)):
        yield replace(card, changes=card.changes[:number] + card.changes[number + 1 :])
    for table in _without_one(card.environment):
        yield replace(card, environment=table)
    for table in _without_one(card.declared):
        yield replace(card, declared=table)
    for table in _without_one(card.silicon):
        yield replace(card, silicon=table)


def _without_one(table: Table) -> Iterator[Table]:
    """The table without one of its facts, or without one of a table in it. The profile is what it starts from."""
    for key, value in table.items():
        if key != "profile":
            yield {k: v for k, v in table.items() if k != key}
        if isinstance(value, dict):
            for inner in value:
                yield {**table, key: {k: v for k, v in value.items() if k != inner}}


def save_all(found: Sequence[Judged], seed: int, folder: Path) -> list[Path]:
    """Shrink and save each, a file a card; those that a whole scan does not judge so are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for one in found:
        card, same = card_of(one.population, seed, one.number), wrong_as(one)
        if same(card):
            path = folder / f"{one.population}-{one.number}.json"
            path.write_text(document(shrunk(card, same), one), encoding="utf-8")
            saved.append(path)
    return saved


def document(card: LabCard, one: Judged) -> str:
    """What a regression test needs: the scenario, the changes of the evidence, and what was wrong."""
    changes: list[Any] = [[path, _plain(value)] for path, value in card.changes]
    content = {
        "was": {"population": one.population, "group": one.group, "authenticity": one.authenticity},
        "scenario": card.document,
        "changes": changes,
        "unmeasured": card.unmeasured,
    }
    return json.dumps(content, indent=2) + "\n"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
