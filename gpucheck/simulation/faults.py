"""The ways in which a simulated card's memory can be wrong, as scenario files state them.

Addresses and sizes are bytes of physical memory and multiples of 16, the width of one vector of the walk.
"""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

VECTOR_BYTES = 16
LARGEST_PERIOD_BYTES = 16 << 20
LEAST_SHARED_BYTES = 2 << 20
"""Memory that addresses share begins at the frame that drivers map; less would be met a hundred thousand times over."""
LEAST_FACTOR = 0.0001
"""Of the normal rate; less is no memory, and its times would not fit a number."""

Bytes = Annotated[int, Field(ge=VECTOR_BYTES, multiple_of=VECTOR_BYTES)]
SharedBytes = Annotated[int, Field(ge=LEAST_SHARED_BYTES, multiple_of=VECTOR_BYTES)]
Start = Annotated[int, Field(ge=0, multiple_of=VECTOR_BYTES)]
Addresses = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False, min_length=1, max_length=4096)]


Swizzle = Annotated[int, Field(ge=0, le=8191)]
"""Channel and bank bits are hashed with row bits that are not all wired, so a second way to a frame may meet its 8192
sectors of 256 bytes in another order: visit number t (from 0) reaches sector n where the first reached n xor (t times
the swizzle, modulo 8192). A frame that the end of real memory cuts keeps its order."""


class Strict(BaseModel):
    """A table of a scenario file: no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Wraparound(Strict):
    """Address lines beyond ``real_bytes`` are not wired: an address modulo ``real_bytes`` names the cell.

    With ``swizzle`` the second time round meets the sectors of a frame in another order; see ``Swizzle``.
    """

    kind: Literal["wraparound"]
    real_bytes: SharedBytes | None = None
    swizzle: Swizzle = 0


class Limbo(Strict):
    """Writes beyond ``real_bytes`` vanish; reads return what an open bus shows, all ones."""

    kind: Literal["limbo"]
    real_bytes: Bytes | None = None


class ShuffledAlias(Strict):
    """Pages of 2 MiB lie scattered over the frames below ``real_bytes``; those beyond share a frame.

    With ``swizzle`` the second page on a frame meets its sectors in another order; see ``Swizzle``.
    """

    kind: Literal["shuffled_alias"]
    real_bytes: SharedBytes | None = None
    swizzle: Swizzle = 0


class Paged(Strict):
    """Beyond ``real_bytes`` the host's memory answers: right data, at ``factor`` of the card's rate."""

    kind: Literal["paged"]
    real_bytes: Bytes | None = None
    factor: float = Field(default=0.03, ge=LEAST_FACTOR, le=1)


class Stuck(Strict):
    """Bit ``bit`` of the 64-bit word that holds each address always reads ``value``."""

    kind: Literal["stuck"]
    addresses: Addresses
    bit: int = Field(ge=0, le=63)
    value: Literal[0, 1]


class Transition(Strict):
    """Bit ``bit`` of the word cannot change to ``value`` any more once it holds the other. It starts as ``value``."""

    kind: Literal["transition"]
    addresses: Addresses
    bit: int = Field(ge=0, le=63)
    value: Literal[0, 1]


class DeadChannel(Strict):
    """Of every ``channels`` granules, the one numbered ``channel`` reads as an open bus, whatever was written."""

    kind: Literal["dead_channel"]
    channel: int = Field(ge=0)
    channels: int = Field(ge=2, le=256)
    granule_bytes: Bytes

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.channel >= self.channels:
            raise ValueError(f"channel must be below channels, {self.channels}")
        if self.granule_bytes * self.channels > LARGEST_PERIOD_BYTES:
            raise ValueError(f"granule_bytes times channels must not exceed {LARGEST_PERIOD_BYTES}")
        return self


class SlowRegion(Strict):
    """A region that is read and written at ``factor`` of the card's rate."""

    kind: Literal["slow_region"]
    start_bytes: Start
    length_bytes: Bytes
    factor: float = Field(ge=LEAST_FACTOR, le=1)


class Retention(Strict):
    """A region where a quarter of the vectors lose a bit, from 1 to 0, between a write and a later read."""

    kind: Literal["retention"]
    start_bytes: Start
    length_bytes: Bytes


Fault: TypeAlias = (
    Wraparound | Limbo | ShuffledAlias | Paged | Stuck | Transition | DeadChannel | SlowRegion | Retention
)
MemoryFault = Annotated[Fault, Field(discriminator="kind")]

FAULTS: dict[str, type[Strict]] = {
    "wraparound": Wraparound,
    "limbo": Limbo,
    "stuck": Stuck,
    "dead_channel": DeadChannel,
    "slow_region": SlowRegion,
    "shuffled_alias": ShuffledAlias,
    "paged": Paged,
    "retention": Retention,
    "transition": Transition,
}
CAPACITY_FAULTS = (Wraparound, Limbo, ShuffledAlias, Paged)


def end_bytes(fault: Fault) -> int:
    """Return the first byte behind everything that the fault names, 0 where it names no place."""
    match fault:
        case Wraparound() | Limbo() | ShuffledAlias() | Paged():
            return fault.real_bytes or 0
        case Stuck() | Transition():
            return max(fault.addresses) + 1
        case SlowRegion() | Retention():
            return fault.start_bytes + fault.length_bytes
        case DeadChannel():
            return fault.granule_bytes * fault.channels
