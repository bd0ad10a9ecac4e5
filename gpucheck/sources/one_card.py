"""What was sent about one card in several files: nvidia-smi's output, a listing of the bus, the kernel driver's text.

Bus addresses repeat from machine to machine, so that an address alone joins nothing: files are of one card where each
has another kind of account and nothing that names a die differs. Where several cards are at one address, only an
account that agrees with a single one of them is joined to it. That a listing of the bus shows another device id than
nvidia-smi states is no reason to keep the two apart: it is the sign of a made-up output.
"""

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from gpucheck.model.evidence import Evidence
from gpucheck.model.text import sanitise
from gpucheck.sources.account import Account, agree, apart, difference, fullness, kinds, named, same_board

MAX_NOTES = 50
_NAME_CHARS = 80
_NAMED = 3


class Together(NamedTuple):
    """The cards of all files in their order, the files that were put together, and remarks for the reader."""

    cards: tuple[Evidence, ...]
    files: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


class File(NamedTuple):
    """A file by its name, with its cards; a ``whole`` one tells all that there is to know of each, and stays alone."""

    name: str
    cards: Sequence[Evidence]
    whole: bool = False


def put_together(files: Sequence[File]) -> Together:
    """Join the accounts of each card. No two of one file are joined."""
    accounts: list[Account] = []
    for number, file in enumerate(files):
        name = sanitise(file.name, _NAME_CHARS)
        accounts += [
            Account(position, frozenset({number}), name, card, kinds(card))
            for position, card in enumerate(file.cards, len(accounts))
        ]
    places: dict[str, list[Account]] = {}
    for account in accounts:
        address = None if any(files[number].whole for number in account.files) else account.address
        places.setdefault(address or f"#{account.position}", []).append(account)
    notes: list[str] = []
    groups = [group for address, found in places.items() for group in _cards(address, found, notes)]
    groups.sort(key=lambda group: min(account.position for account in group))
    joined = dict.fromkeys(_origins(group) for group in groups if len(group) > 1)
    vouched = {pair for group in groups for base, other in _beside_base(group) if agree(base, other)
               for pair in _pairs(base, other)}  # fmt: skip
    return Together(tuple(_united(group, vouched) for group in groups), tuple(joined), tuple(notes[:MAX_NOTES]))


def _cards(address: str, accounts: list[Account], notes: list[str]) -> list[list[Account]]:
    """The accounts of one address, card by card."""
    if len({account.files for account in accounts}) < 2:
        return [[account] for account in accounts]
    if sum(account.facts is not None for account in accounts) == 1:
        accounts = _without_repeats(accounts)
    told = [kind for account in accounts for kind in account.kinds]
    by = _by_kind if len(told) == len(set(told)) else _by_agreement
    return by(address, accounts, notes)


def _without_repeats(accounts: list[Account]) -> list[Account]:
    """Beside one output of nvidia-smi: of listings of the bus that name the same card, the fullest, and so of texts."""
    found: dict[object, Account] = {}
    for account in accounts:
        key = named(account)
        held = found.get(key)
        if held is None or held.files & account.files or not same_board(held, account):
            found[key if held is None else account.position] = account
            continue
        fuller = max(held, account, key=fullness)
        found[key] = Account(
            position=held.position,
            files=held.files | account.files,
            origin=f"{held.origin} + {account.origin}" if len(held.files) < _NAMED else held.origin,
            evidence=fuller.evidence,
            kinds=held.kinds,
        )
    return list(found.values())


def _by_kind(address: str, accounts: list[Account], notes: list[str]) -> list[list[Account]]:
    """Each has a kind of its own: all are of one card where nothing forbids it."""
    groups: list[list[Account]] = []
    for account in sorted(accounts, key=lambda one: (one.facts is None, one.position)):
        home = next((group for group in groups if not any(apart(held, account) for held in group)), None)
        if home is not None:
            home.append(account)
            continue
        others = [held for group in groups for held in group if not held.files & account.files]
        notes += [
            f"{held.origin} and {account.origin} are judged apart at {address}: {why}"
            for held in others
            if (why := difference(held, account))
        ]
        groups.append([account])
    return groups


def _by_agreement(address: str, accounts: list[Account], notes: list[str]) -> list[list[Account]]:
    """Several cards had this address: each other account goes to the one that it agrees with, if that is one alone."""
    bases = [account for account in accounts if account.facts]
    others = [account for account in accounts if not account.facts]
    groups = {base.position: [base] for base in bases}
    matches = [(other, _told_apart([base for base in bases if agree(base, other)])) for other in others]
    claims: dict[tuple[int, str], int] = {}
    for other, fitting in matches:
        for base, kind in ((base, kind) for base in fitting for kind in other.kinds):
            claims[base.position, kind] = claims.get((base.position, kind), 0) + 1
    left = []
    for other, fitting in matches:
        if len(fitting) == 1 and all(claims[fitting[0].position, kind] == 1 for kind in other.kinds):
            groups[fitting[0].position].append(other)
        else:
            groups[other.position] = [other]
            left.append(other.origin)
    if bases and left:
        notes.append(_unplaced(address, left))
    return list(groups.values())


def _told_apart(bases: list[Account]) -> list[Account]:
    """Of several outputs of nvidia-smi about one die, the first."""
    stated = {base.facts.uuid for base in bases if base.facts}
    return bases[:1] if len(stated) == 1 and None not in stated else bases


def _unplaced(address: str, origins: list[str]) -> str:
    names = ", ".join(origins[:_NAMED]) + (f" and {len(origins) - _NAMED} more" if len(origins) > _NAMED else "")
    return (
        f"{names}: more than one card or listing was sent for {address}, and which belong together does not show; "
        "judged apart. Assess the files of each machine in a call of their own"
    )


def _base(group: list[Account]) -> Account:
    return next((account for account in group if account.facts), group[0])


def _beside_base(group: list[Account]) -> Iterator[tuple[Account, Account]]:
    base = _base(group)
    return ((base, other) for other in group if other is not base)


def _pairs(one: Account, other: Account) -> set[frozenset[int]]:
    return {frozenset((first, second)) for first in one.files for second in other.files}


def _united(group: list[Account], vouched: Set[frozenset[int]]) -> Evidence:
    """One card's evidence out of its accounts, named after all files that it came from.

    Two files are of one machine where they agree about this or about another card: such pairs are ``vouched`` for.
    """
    base = _base(group)
    if len(group) == 1:
        return base.evidence
    sections = {kind: getattr(account.evidence, kind) for account in group for kind in account.kinds}
    told = {name: value for name, value in _of_the_host(group) if getattr(base.evidence.host, name) is None}
    names = " + ".join(_origins(group))
    return base.evidence.model_copy(
        update={
            **sections,
            "host": base.evidence.host.model_copy(update=told),
            "label": sanitise(f"{base.address} in {names}"),
            "joined_by_address": any(vouched.isdisjoint(_pairs(*each)) for each in _beside_base(group)),
        }
    )


def _origins(group: list[Account]) -> tuple[str, ...]:
    return tuple(account.origin for account in sorted(group, key=lambda one: one.position))


def _of_the_host(group: list[Account]) -> Iterator[tuple[str, str]]:
    for name in ("driver_version", "cuda_version", "hypervisor"):
        for account in group:
            value = getattr(account.evidence.host, name)
            if value is not None:
                yield name, value
                break
