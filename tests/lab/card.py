"""One card of the laboratory: a scenario, what is changed in its evidence afterwards, and the truth about it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gpucheck.model.finding import Kind

T = TypeVar("T")
Table = dict[str, Any]


class Draw(random.Random):
    """Chance that is the same on every machine: seeded by text, which Python hashes with SHA-512."""

    def likely(self, share: float) -> bool:
        """True in that share of draws."""
        return self.random() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[int(self.random() * len(choices))]

    def between(self, low: float, high: float, digits: int = 4) -> float:
        """A number in between, rounded so that it prints and compares alike everywhere."""
        return round(low + (high - low) * self.random(), digits)


@dataclass(frozen=True)
class LabCard:
    """What is soldered on, what is declared, what the host does, and the truth about it.

    ``silicon``, ``declared`` and ``environment`` are the tables of a scenario file. ``changes`` are facts of the
    evidence by path, for what no scenario can say (a container, a narrow slot). ``unmeasured`` leaves the probes out.
    """

    number: int
    group: str
    """Stratum of an honest card, class of a forged one."""
    silicon: Table
    declared: Table = field(default_factory=dict)
    environment: Table = field(default_factory=dict)
    changes: tuple[tuple[str, Any], ...] = ()
    unmeasured: bool = False
    kinds: frozenset[Kind] = frozenset()
    """Any of them names a forgery rightly; none where the card is honest."""
    observable: bool = True
    """Something that can be read or measured differs from an honest card of what it claims."""
    claim: str | None = None

    @property
    def document(self) -> Table:
        """As a scenario file says it."""
        parts = {"silicon": self.silicon, "declared": self.declared, "environment": self.environment}
        return {"title": f"{self.group} {self.number}", "seed": self.number + 1, **parts}
