"""What one file says of one card, and what tells whether two such accounts are of the same card."""

from dataclasses import dataclass

from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import DriverFacts, Evidence, NvmlFacts, PciFacts
from gpucheck.sources.smi_merge import is_another, was_flashed

_KINDS = ("nvidia_smi", "pci", "driver")
_DRIVER = "nvidia"


@dataclass(frozen=True, slots=True)
class Account:
    """What one file says of one card, or several files alike."""

    position: int
    files: frozenset[int]
    origin: str
    evidence: Evidence
    kinds: frozenset[str]
    """Which sections it has."""

    @property
    def facts(self) -> NvmlFacts | None:
        """What nvidia-smi said."""
        section = self.evidence.nvidia_smi
        return section if isinstance(section, NvmlFacts) else None

    @property
    def bus(self) -> PciFacts | None:
        """What the bus shows."""
        section = self.evidence.pci
        return section if isinstance(section, PciFacts) else None

    @property
    def driver(self) -> DriverFacts | None:
        """What the kernel driver holds."""
        section = self.evidence.driver
        return section if isinstance(section, DriverFacts) else None

    @property
    def address(self) -> str | None:
        """Where the card is."""
        return next((each.bdf for each in (self.facts, self.bus, self.driver) if each and each.bdf), None)


def kinds(evidence: Evidence) -> frozenset[str]:
    """Which of the sections that a file may fill the evidence has."""
    return frozenset(kind for kind in _KINDS if not isinstance(getattr(evidence, kind), Unavailable))


def apart(one: Account, other: Account) -> bool:
    """Whether two accounts with one address are not of one card."""
    return bool(one.files & other.files or one.kinds & other.kinds) or bool(difference(one, other))


def difference(one: Account, other: Account) -> str:
    """What tells that two accounts are of two cards, or of two times; empty where nothing does."""
    return _told_by_driver(one, other) or _told_by_driver(other, one) or _held(one, other) or _held(other, one)


def _told_by_driver(one: Account, other: Account) -> str:
    facts, driver = one.facts, other.driver
    if facts is None or driver is None or not facts.uuid or not driver.uuid:
        return ""
    if facts.uuid.casefold() != driver.uuid.casefold():
        return "they state different UUIDs"
    versions = facts.vbios_version or "", driver.vbios_version or ""
    return "they are of two times, with another VBIOS in each" if all(versions) and was_flashed(*versions) else ""


def _held(one: Account, other: Account) -> str:
    """Whether the bus shows another card, held by another driver: nvidia-smi lists none such, so it is a guest's."""
    facts, bus = one.facts, other.bus
    if facts is None or bus is None or bus.driver in (None, _DRIVER):
        return ""
    another = is_another(facts.device_id, facts.name or "", bus)
    return f"the bus shows another card there, which {bus.driver} holds, as of another machine" if another else ""


def agree(base: Account, other: Account) -> bool:
    """Whether something that tells cards apart is the same in both, and nothing is different."""
    facts, bus, driver = base.facts, other.bus, other.driver
    if facts is None or apart(base, other):
        return False
    if bus and bus.device_id is not None:
        return bus.device_id == facts.device_id and _subsystem(bus) in (None, _subsystem(facts))
    return bool(driver and driver.uuid and facts.uuid)


def _subsystem(section: NvmlFacts | PciFacts) -> tuple[int | None, int | None] | None:
    ids = (section.subsystem_vendor_id, section.subsystem_id)
    return None if None in ids else ids


def named(account: Account) -> object:
    """What an account by the bus or the kernel driver alone names; its own position where nothing can repeat it."""
    bus, driver = account.bus, account.driver
    if account.kinds == {"pci"} and bus and bus.device_id is not None:
        return "pci", bus.vendor_id, bus.device_id
    if account.kinds == {"driver"} and driver and driver.uuid:
        return "driver", driver.uuid.casefold(), (driver.vbios_version or "").upper()
    return account.position


def same_board(one: Account, other: Account) -> bool:
    """Whether two listings of the bus may show one board; a short one does not name it."""
    boards = {_subsystem(account.bus) for account in (one, other) if account.bus}
    return len(boards - {None}) < 2


def fullness(account: Account) -> int:
    """How much of the card an account tells."""
    sections = (section for section in (account.bus, account.driver) if section)
    return sum(len(section.model_dump(exclude_defaults=True)) + len(section.raw) for section in sections)
