"""What a page of a list shows, from one look at the inventory: the items, how many have each verdict, the models."""

from collections import Counter
from itertools import chain
from typing import NamedTuple

from gpucheck.model.inventory import Item, Notice
from gpucheck.store import noticing, reading
from gpucheck.store.store import Store


class Found(NamedTuple):
    """Some of the items that were looked for, with what is noticed of each."""

    items: list[Item]
    notices: dict[int, list[Notice]]
    total: int
    """Items that were looked for."""
    tally: dict[str, int]
    """How many have each verdict, whichever verdict was looked for."""
    models: list[str]
    """What all items of the inventory declare to be."""


def search(store: Store, wanted: reading.Wanted, limit: int, offset: int = 0) -> Found:
    """Find items, newest first. All texts are searched once, and all figures are of one state of the inventory."""
    with store.reader() as connection:
        every = reading.find_standings(connection, wanted._replace(verdict=None))
        numbers = [number for number, verdict in every if wanted.verdict in (None, verdict)]
        shown = numbers[offset : offset + limit]
        return Found(
            items=list(chain.from_iterable(reading.find_items(connection, shown))),
            notices=noticing.notices_of(connection, shown),
            total=len(numbers),
            tally=Counter(verdict for _, verdict in every),
            models=reading.models(connection),
        )
