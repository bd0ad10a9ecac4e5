"""Sections of one file that speak of the same cards, made into one draft per card. What contradicts is noted."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from gpucheck.model.evidence import DriverFacts, PciFacts
from gpucheck.model.text import sanitise
from gpucheck.sources.smi_draft import IDENTITY, RAW_ENTRIES, Draft

MAX_CARDS = 512
MAX_NOTES = 50

_DRIVER = "nvidia"
_FAMILY = len("94.02")
"""The part of a VBIOS version that follows the die."""

Bus = TypeVar("Bus", PciFacts, DriverFacts)


class Merger:
    """Takes sections, the most trusted first, and keeps one draft per card."""

    def __init__(self) -> None:
        self.cards: list[Draft] = []
        self.notes: list[str] = []
        self._by_bus: dict[str, Draft] = {}
        self._by_uuid: dict[str, Draft] = {}

    def add(self, section: list[Draft]) -> None:
        """Merge the cards of one section into those known so far."""
        known = list(self.cards)
        taken: set[int] = set()
        for position, draft in enumerate(section):
            card = self._find(draft, known, taken)
            if card is None and len(section) == len(known) and _may_be(known[position], draft):
                card = known[position] if id(known[position]) not in taken else None
            if card is None:
                self._append(draft)
            else:
                taken.add(id(card))
                self._merge(card, draft)

    def _append(self, draft: Draft) -> None:
        if len(self.cards) < MAX_CARDS:
            self.cards.append(draft)
            self._remember(draft)

    def _remember(self, draft: Draft) -> None:
        if draft.bdf:
            self._by_bus.setdefault(draft.bdf, draft)
        if "uuid" in draft.values:
            self._by_uuid.setdefault(str(draft.values["uuid"]), draft)

    def _find(self, draft: Draft, known: list[Draft], taken: set[int]) -> Draft | None:
        if draft.bdf:
            if draft.bdf in self._by_bus:
                return self._by_bus[draft.bdf]
        elif (found := self._by_uuid.get(str(draft.values.get("uuid")))) is not None:
            return found
        free = [card for card in known if id(card) not in taken and _may_be(card, draft)] if known else []
        if draft.index is not None:
            same = [card for card in free if card.index == draft.index]
            if same:
                return same[0]
        return free[0] if len(free) == 1 and len(known) == 1 else None

    def _merge(self, card: Draft, draft: Draft) -> None:
        self._note_contradictions(card, draft)
        for name, value in draft.values.items():
            if name not in card.values:
                card.values[name] = value
                card.missing.pop(name, None)
        for name, gone in draft.missing.items():
            if name not in card.values:
                card.missing.setdefault(name, gone)
        for path, text in draft.raw.items():
            if len(card.raw) >= RAW_ENTRIES:
                break
            card.raw.setdefault(path, text)
        card.index = draft.index if card.index is None else card.index
        card.fault = card.fault or draft.fault
        card.timestamp = card.timestamp or draft.timestamp
        card.mig_instances = card.mig_instances or draft.mig_instances
        self._remember(card)

    def _note_contradictions(self, card: Draft, draft: Draft) -> None:
        for name in IDENTITY:
            first, second = card.values.get(name), draft.values.get(name)
            if first is None or second is None or first == second:
                continue
            if name == "name" and _same_name(str(first), str(second)):
                continue
            self.note(
                f"{card.label}: {card.route} and another section ({draft.route}) disagree on {name}: "
                f"{_show(name, first)} against {_show(name, second)}"
            )

    def note(self, text: str) -> None:
        """Keep a remark for the reader, once."""
        text = sanitise(text)
        if text not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(text)

    def join(self, functions: Sequence[PciFacts]) -> None:
        """Give every ``lspci`` function to its card: by bus address, or because one of each is left over.

        One with another id is not its card where a further listing agrees, or where a driver holds it that is not
        NVIDIA's: nvidia-smi lists no such card, so it is a guest's and the listing is the host's.
        """

        def put(card: Draft, function: PciFacts) -> None:
            card.pci = card.pci or function

        agreeing = {f.bdf for f in functions if f.device_id is not None and f.device_id == self._stated(f)}
        here: list[PciFacts] = []
        for each in functions:
            if self._differs(each) and (each.bdf in agreeing or each.driver not in (None, _DRIVER)):
                self.note(f"{each.bdf} is another card in an lspci listing: the file is of two machines or two times")
                self._append(Draft("text", pci=each))
            else:
                here.append(each)
        self._give(here, put)

    def _stated(self, function: PciFacts) -> object:
        """The device id that nvidia-smi states for the address."""
        card = self._by_bus.get(function.bdf)
        return card.values.get("device_id") if card else None

    def _differs(self, function: PciFacts) -> bool:
        """Whether it is another card than the one that nvidia-smi shows at the address."""
        card = self._by_bus.get(function.bdf)
        return is_another(self._stated(function), str(card.values.get("name") or "") if card else "", function)

    def join_driver(self, accounts: Sequence[DriverFacts]) -> None:
        """Give every account of the kernel driver to its card, in the same way."""

        def put(card: Draft, account: DriverFacts) -> None:
            card.driver = card.driver or account

        self._give([each for each in accounts if not self._flashed(each)], put)

    def _flashed(self, account: DriverFacts) -> bool:
        """Whether the card got other firmware for its die between two sections; the driver's is left out then."""
        card = self._by_bus.get(account.bdf or "")
        if card is None or account.uuid is None or card.values.get("uuid") != account.uuid:
            return False
        first, second = str(card.values.get("vbios_version") or ""), account.vbios_version or ""
        if not was_flashed(first, second):
            return False
        self.note(f"{card.label}: VBIOS {first} in one section and {second} in another: the file is of two times")
        return True

    def _give(self, found: Sequence[Bus], put: Callable[[Draft, Bus], None]) -> None:
        left = []
        for each in found:
            card = self._by_bus.get(each.bdf) if each.bdf else None
            if card is None:
                left.append(each)
            else:
                put(card, each)
        homeless = [card for card in self.cards if card.bdf is None]
        if len(left) == len(homeless) == 1:
            put(homeless[0], left.pop())
            self._remember(homeless[0])
        for each in left:
            card = Draft("text")
            put(card, each)
            self._append(card)


def is_another(stated_id: object, name: str, function: PciFacts) -> bool:
    """Whether the bus shows another card than nvidia-smi states for the address, by id or else by name."""
    if stated_id is not None and function.device_id is not None:
        return stated_id != function.device_id
    plain = name.lower().removeprefix("nvidia ").removesuffix("...").rstrip()
    return bool(plain and function.name) and plain not in (function.name or "").lower()


def was_flashed(first: str, second: str) -> bool:
    """Whether two VBIOS versions of one die are firmware of one family, so that one may have replaced the other."""
    return first.upper() != second.upper() and first[:_FAMILY].upper() == second[:_FAMILY].upper()


def _may_be(card: Draft, draft: Draft) -> bool:
    """Whether nothing that tells cards apart forbids that both are one card."""
    if card.bdf and draft.bdf and card.bdf != draft.bdf:
        return False
    if card.index is not None and draft.index is not None and card.index != draft.index:
        return False
    first, second = card.values.get("uuid"), draft.values.get("uuid")
    return first is None or second is None or first == second or bool(card.bdf and card.bdf == draft.bdf)


def _same_name(first: str, second: str) -> bool:
    """Old tables cut names, and old drivers leave the maker's name out."""
    plain = [name.lower().removeprefix("nvidia ").removesuffix("...").rstrip() for name in (first, second)]
    return (
        plain[0].startswith(plain[1]) or plain[1].startswith(plain[0])
        if "..." in first + second
        else (plain[0] == plain[1])
    )


def _show(name: str, value: object) -> str:
    if isinstance(value, int) and name.endswith("_id"):
        return f"{value:#06x}"
    if isinstance(value, int) and name.endswith("_bytes"):
        return f"{value >> 20} MiB"
    return str(value)
