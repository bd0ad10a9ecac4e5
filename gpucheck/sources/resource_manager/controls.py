"""The only commands that are ever sent to the resource manager: a literal list of queries, each with its layouts.

Facts: ``ctrl0000gpu.h`` and ``ctrl2080*.h`` of NVIDIA's open kernel modules (MIT). Sizes were compiled from the headers
of branches 515 to 595; a number stands at the first branch that has it. All commands are marked there as open to
clients without privilege. Each reads what the driver knows; one could also reset counters when asked to with a flag,
so where a question has no input of its own, only zeros may be sent.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

FIRST_BRANCH = 515
"""The first branch of which the layouts are published."""

_PAIR = struct.Struct("<II")
_WORD = struct.Struct("<I")


@dataclass(frozen=True)
class Control:
    """One query. ``sizes`` holds (first branch, bytes of the parameters), oldest first."""

    name: str
    command: int
    sizes: tuple[tuple[int, int], ...]
    takes_input: bool = False
    """The question itself carries something: an index, a number of a cluster or of a card."""

    @property
    def first_branch(self) -> int:
        """The branch that introduced it."""
        return self.sizes[0][0]

    def layouts(self, branch: int | None) -> Iterator[int]:
        """Sizes to try: the branch's own, then all others from the newest; the newest first where nobody knows."""
        known = [size for since, size in self.sizes if branch is None or since <= branch]
        newest = [size for _, size in reversed(self.sizes)]
        yield from dict.fromkeys([*known[-1:], *newest])


ATTACHED_IDS = Control("attached cards", 0x201, ((515, 128),))
CARD_ADDRESS = Control("address of a card", 0x21B, ((515, 12),), takes_input=True)
CARD_NUMBERS = Control("numbers of a card", 0x205, ((515, 32),), takes_input=True)

ARCHITECTURE = Control("architecture", 0x20801701, ((515, 16),))
PCI_IDS = Control("PCI ids", 0x20801801, ((515, 16),))
UUID = Control("UUID", 0x2080014A, ((515, 268),))
CHIP_DETAILS = Control("chip details", 0x208001A4, ((525, 16),))
CARD_PROPERTY = Control(
    "property of the card",
    0x20800102,
    ((515, 500), (530, 508), (535, 516), (545, 524), (575, 532), (580, 564)),
    takes_input=True,
)
BIOS_VERSION = Control("VBIOS version", 0x20800810, ((515, 124),), takes_input=True)
BIOS_SKU = Control("SKU by the VBIOS", 0x20800808, ((515, 32), (550, 48)))
BOARD_OBJECT = Control("board object with serial number", 0x2080013F, ((515, 116), (530, 136)))
MEMORY_PROPERTY = Control(
    "property of the memory", 0x20801303, ((515, 436), (545, 444), (560, 460), (580, 1028)), takes_input=True
)
CALIBRATION = Control("failures of the memory's calibration", 0x2080130C, ((515, 24),))
CLUSTERS = Control("graphics clusters", 0x2080122A, ((515, 24),))
PROCESSORS = Control("texture processors of a cluster", 0x2080122B, ((515, 24),), takes_input=True)
ISSUE_RATES = Control("issue rates", 0x20801230, ((515, 32),))
ISSUE_RATE_LIST = Control("list of issue rates", 0x2080123C, ((575, 2044),))

ALLOWED: frozenset[Control] = frozenset(
    (
        ATTACHED_IDS,
        CARD_ADDRESS,
        CARD_NUMBERS,
        ARCHITECTURE,
        PCI_IDS,
        UUID,
        CHIP_DETAILS,
        CARD_PROPERTY,
        BIOS_VERSION,
        BIOS_SKU,
        BOARD_OBJECT,
        MEMORY_PROPERTY,
        CALIBRATION,
        CLUSTERS,
        PROCESSORS,
        ISSUE_RATES,
        ISSUE_RATE_LIST,
    )
)
"""Nothing else is sent, whatever asks for it."""


def entry_question(index: int) -> bytes:
    """The question for one entry of a list: how many, then the index, with room for the answer behind it.

    One a time: a driver that does not know one index refuses the whole list.
    """
    return _WORD.pack(1) + _PAIR.pack(index, 0)


def entry_answer(answer: bytes, index: int) -> int | None:
    """The value of the one entry that was asked for; None where the answer is to another question.

    The driver keeps marks of its own in an index's upper byte.
    """
    if len(answer) < _WORD.size + _PAIR.size or _WORD.unpack_from(answer)[0] != 1:
        return None
    told, value = _PAIR.unpack_from(answer, _WORD.size)
    return int(value) if told & 0xFFFFFF == index else None


def entries(answer: bytes) -> dict[int, int] | None:
    """All entries of a list by index; None where it states more than it holds."""
    count = _WORD.unpack_from(answer)[0] if len(answer) >= _WORD.size else 0
    if _WORD.size + count * _PAIR.size > len(answer):
        return None
    return dict(_PAIR.unpack_from(answer, _WORD.size + n * _PAIR.size) for n in range(count))


def processor_question(cluster: int) -> bytes:
    """The question for the processors of one graphics cluster, behind an empty route."""
    return bytes(16) + _WORD.pack(cluster)
