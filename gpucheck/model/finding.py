"""A check's recorded result."""

from enum import StrEnum
from typing import Literal

from gpucheck.model.base import Frozen


class Status(StrEnum):
    """What came of a check."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"


class Severity(StrEnum):
    """What the thing found costs the owner."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Confidence(StrEnum):
    """How sure this one observation is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Kind(StrEnum):
    """In what way a card is not what it claims to be."""

    REMARKED = "remarked"
    MEMORY_ALTERED = "memory_altered"
    CAPACITY_FORGED = "capacity_forged"
    TRANSPLANTED = "transplanted"
    FIRMWARE_ALTERED = "firmware_altered"
    IDENTITY_CLONED = "identity_cloned"
    PAGED = "paged"


class Finding(Frozen):
    """One check, one card: what was seen, what was expected, what it means, what to do."""

    check: str
    title: str
    about: Literal["authenticity", "condition"] = "authenticity"
    status: Status
    severity: Severity
    confidence: Confidence
    observed: str = ""
    expected: str = ""
    message: str
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    """Paths into the evidence, such as ``nvml.memory_total_bytes``."""
    kinds: tuple[Kind, ...] = ()
    edge: tuple[str, str] | None = None
    """The two parts of a card that the check holds against each other, such as ``memory straps`` and ``memory``."""
