"""Knows cards again by what they stated. Pure functions over stored identities; nothing here reads the store.

A *die* is known by its PDI, else by its UUID, both made of what is fused into it. A *board* is known by its serial
number together with its part number, or, where no board states one, with its subsystem ids: these are shared by a
whole series, and alone are no identity. What is not stated, or only by a digest that need not have been made with the
same key, is unknown: then nothing is claimed. Identities of simulated and of real cards are never compared.

Two dies of one module share a serial number. A board on which two dies were seen in one scan, or in turn, or whose
model carries several dies, is *shared*: it makes no two dies one item, and another die on it is no finding.
"""

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from gpucheck.model.die_numbers import by_hand, made_up
from gpucheck.model.finding import Kind
from gpucheck.model.inventory import Identity, Notice, Sighting
from gpucheck.model.verdict import Authenticity
from gpucheck.redaction import PREFIX

REDACTED = PREFIX.rstrip(":")


@lru_cache(maxsize=1 << 14)
def key(value: str | None) -> str | None:
    """What is stored and compared: a digest of the value. One that a document hides is compared as it stands there.

    The digest has no key, for an inventory is its owner's: hidden and open forms of one value do not meet. A UUID or
    PDI that somebody made up to hide the true one is not compared: others hide theirs by the same.
    """
    if value is None or made_up(value):
        return None
    if value.startswith(REDACTED):
        return value.lower()
    return hashlib.sha256(value.strip().lower().encode("utf-8", "replace")).hexdigest()[:24]


def die_keys(identity: Identity) -> frozenset[str]:
    """Keys by which stored sightings of the same die are found. None of a virtual GPU."""
    values = () if identity.virtual else (identity.uuid, identity.pdi)
    return frozenset(found for value in values if (found := key(value)))


def same_die(one: Identity, other: Identity) -> bool | None:
    """Whether both are the same die; None where that is not known."""
    if one.simulated != other.simulated or one.virtual or other.virtual:
        return None
    if one.chip_id is not None and other.chip_id is not None and one.chip_id != other.chip_id:
        return False
    by_pdi = _same(one.pdi, other.pdi)
    return _same(one.uuid, other.uuid) if by_pdi is None else by_pdi


def same_board(one: Identity, other: Identity) -> bool | None:
    """Whether both are the same board; None where that is not known, as without a serial number."""
    if one.simulated != other.simulated:
        return None
    same = _same(one.serial, other.serial)
    if not same:
        return same
    if one.board_part_number is None and other.board_part_number is None:
        return True if _same_series(one, other) and not by_hand(str(one.serial)) else None
    return True if _same(one.board_part_number, other.board_part_number) else None


def _same_series(one: Identity, other: Identity) -> bool:
    """Whether both are boards of one maker's series. Within it a serial number is given once."""
    stated = one.subsystem_vendor_id, one.subsystem_id
    return None not in stated and stated == (other.subsystem_vendor_id, other.subsystem_id)


def _same(one: str | None, other: str | None) -> bool | None:
    if one is None or other is None:
        return None
    first, second = key(one), key(other)
    if first is None or second is None:
        return None
    if first == second:
        return True
    return None if one.startswith(REDACTED) or other.startswith(REDACTED) else False


def shared(board: Identity, seen: Iterable[Sighting]) -> bool:
    """Whether several dies belong to this board: it cannot tell them apart."""
    on_it = sorted((s for s in seen if same_board(s.identity, board)), key=_when)
    if board.several_dies or any(s.identity.several_dies for s in on_it):
        return True
    return any(_at_once(one, other) for one in on_it for other in on_it) or _in_turn(on_it)


def _at_once(one: Sighting, other: Sighting) -> bool:
    scanned = one.report == other.report and min(one.identity.together, other.identity.together) > 1
    return scanned and same_die(one.identity, other.identity) is False


def _in_turn(on_it: Sequence[Sighting]) -> bool:
    """Whether a die came back after another was seen on the same board."""
    for number, first in enumerate(on_it):
        left = False
        for later in on_it[number + 1 :]:
            same = same_die(first.identity, later.identity)
            left = left or same is False
            if left and same:
                return True
    return False


def assign(cards: Sequence[Sighting], seen: Sequence[Sighting]) -> list[int | None]:
    """The item of each card of one report among those seen before, None for a card that is new.

    Dies go first: a card that is known by its die cannot lose its item to one that shares its board's number.
    """
    items: list[int | None] = [None] * len(cards)
    for number, card in enumerate(cards):
        taken = set(items) if card.identity.twin else set()
        items[number] = _by_die(card, seen, taken)
    for number, card in enumerate(cards):
        if items[number] is None:
            items[number] = _by_board(card, [*seen, *(c for c in cards if c is not card)], set(items))
    return items


def _by_die(card: Sighting, seen: Iterable[Sighting], taken: Collection[int | None]) -> int | None:
    found = [s for s in seen if same_die(s.identity, card.identity) and s.item not in taken]
    on_its_board = [s for s in found if same_board(s.identity, card.identity)]
    return max(on_its_board or found, key=_when).item if found else None


def _by_board(card: Sighting, seen: Sequence[Sighting], taken: Collection[int | None]) -> int | None:
    if shared(card.identity, [*seen, card]):
        return None
    found = [s for s in seen if s.item and same_board(s.identity, card.identity) and s.item not in taken]
    return max(found, key=_when).item if found else None


def notices(item: int, seen: Sequence[Sighting]) -> list[Notice]:
    """What the sightings say of an item, in order of time. ``seen`` holds its own and those that share an identity."""
    ordered = sorted(seen, key=_when)
    own = [s for s in ordered if s.item == item]
    found: list[Notice] = []
    for sighting in own:
        earlier = [s for s in ordered if _when(s) < _when(sighting)]
        found += [*_another_die(sighting, earlier, ordered), *_another_board(sighting, earlier, ordered)]
    return [*found, *_other_items(item, own, ordered)]


def _another_die(now: Sighting, earlier: Sequence[Sighting], seen: Sequence[Sighting]) -> list[Notice]:
    """The same board with a die that it did not have before."""
    on_board = [s for s in earlier if s.item == now.item and same_board(s.identity, now.identity)]
    known = [s for s in on_board if same_die(s.identity, now.identity) is not None]
    if not known or same_die(known[-1].identity, now.identity) or shared(now.identity, seen):
        return []
    text = f"Same board, another die since {day(now.at)}: until {day(known[-1].at)} it carried {_die(known[-1])}."
    return [Notice(Kind.TRANSPLANTED, now.item, now.intake, now.at, text)]


def _another_board(now: Sighting, earlier: Sequence[Sighting], seen: Sequence[Sighting]) -> list[Notice]:
    """The same die on a board on which it was not before."""
    same = [s for s in earlier if same_die(s.identity, now.identity)]
    known = [s for s in same if same_board(s.identity, now.identity) is not None]
    copied = any(s.identity.twin and same_die(s.identity, now.identity) for s in seen)
    if copied or not known or same_board(known[-1].identity, now.identity):
        return []  # of a copy it is told elsewhere: it was never moved
    was = known[-1]
    before = f"until {day(was.at)} it was on the one with serial number {was.identity.serial}"
    if any(same_board(s.identity, now.identity) for s in same):
        text = f"Two boards state this die in turn, the other one again on {day(now.at)}: {before}."
        text += " Its identity was copied, or the die was moved twice."
        return [Notice(Kind.IDENTITY_CLONED, now.item, now.intake, now.at, text)]
    text = f"Same die on another board since {day(now.at)}: {before}."
    other = next((s.item for s in seen if s.item != now.item and same_board(s.identity, now.identity)), None)
    text += f" The board is item {other}'s." if other is not None else ""
    return [Notice(Kind.TRANSPLANTED, now.item, now.intake, now.at, text, other)]


def _other_items(item: int, own: Sequence[Sighting], seen: Sequence[Sighting]) -> list[Notice]:
    """Other items that state an identity of this one, each once."""
    found: dict[int, Notice] = {}
    for now in own:
        for other in seen:
            if other.item == item or now.identity.simulated != other.identity.simulated:
                continue
            notice = _also(now, other)
            if notice and (other.item not in found or found[other.item].kind is None):
                found[other.item] = notice
    return list(found.values())


def _also(now: Sighting, other: Sighting) -> Notice | None:
    if not die_keys(now.identity) & die_keys(other.identity):
        return None
    since = max(now, other, key=_when)
    text = f"This identity is also item {other.item}."
    if same_die(now.identity, other.identity) is False:
        why = "The same UUID or PDI belongs to two dies that differ otherwise: one of them copies it."
    elif now.report == other.report and now.identity.twin and other.identity.twin:
        why = "Both were seen at once: one of them copies it."
    else:
        return Notice(
            None, now.item, now.intake, since.at, f"{text} It may be the same card, entered twice.", other.item
        )
    return Notice(Kind.IDENTITY_CLONED, now.item, now.intake, since.at, f"{text} {why}", other.item)


def weigh(authenticity: str, found: Iterable[Notice]) -> str:
    """An intake's authenticity with the inventory's notices counted in. They only ever make it worse.

    Another die or board on an authentic card makes it modified; a copied identity makes it suspect, for which of the
    two is the copy cannot be told. What was inconclusive becomes suspect.
    """
    kinds = {notice.kind for notice in found} - {None}
    if not kinds or authenticity not in (Authenticity.AUTHENTIC, Authenticity.INCONCLUSIVE):
        return authenticity
    moved = authenticity == Authenticity.AUTHENTIC and Kind.TRANSPLANTED in kinds
    return Authenticity.MODIFIED.value if moved else Authenticity.SUSPECT.value


def until(found: Iterable[Notice], when: dt.datetime, intake: int) -> list[Notice]:
    """The notices that held when an intake was made. Of two in one second the numbers tell which came first."""
    return [notice for notice in found if (notice.since, notice.intake) <= (when, intake)]


def day(when: dt.datetime) -> str:
    """A date as people and machines read it."""
    return when.astimezone(dt.UTC).date().isoformat()


def _die(sighting: Sighting) -> str:
    identity = sighting.identity
    return f"the one with {'PDI' if not identity.uuid else 'UUID'} {identity.uuid or identity.pdi}"


def _when(sighting: Sighting) -> tuple[dt.datetime, int]:
    return sighting.at, sighting.intake
