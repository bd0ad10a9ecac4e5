"""What every document of ours is built from: frozen models, and absence that carries its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """An immutable record that refuses fields it does not know. Its validator is built when first needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def of(cls, **parts: Any) -> Self:
        """Put together parts that were validated on their own, without building and running the whole's validator.

        For documents of many sections of which few are there: their validator costs more than judging a card.
        """
        return cast("Self", cls.model_construct(**parts))


class Reason(StrEnum):
    """Why a fact is absent. Absence alone is never a sign of fraud, and never a pass."""

    NOT_SUPPORTED = "not_supported"
    NO_PERMISSION = "no_permission"
    NOT_INSTALLED = "not_installed"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    NOT_REQUESTED = "not_requested"


class Unavailable(Frozen):
    """A section or a field that could not be had: the reason, and what was said at the time."""

    unavailable: Reason
    detail: str = ""


@dataclass(frozen=True)
class SoFar:
    """What a source knows before its next question: what is left of its section where that is never answered."""

    section: Frozen
    question: str
    unanswered: tuple[str, ...]
    """Fields that this question and those behind it would fill."""

    def cut_short(self, why: Unavailable) -> Frozen:
        """The section with ``why`` for each field that was not answered."""
        absent = why.model_copy(update={"detail": f"{self.question}: {why.detail}"})
        known: dict[str, Unavailable] = getattr(self.section, "missing", {})
        return self.section.model_copy(update={"missing": {**dict.fromkeys(self.unanswered, absent), **known}})


Keep = Callable[[str, SoFar], None]
"""Told of a section by name what is known of it so far."""


def forget(_name: str, _known: SoFar) -> None:
    """Keep nothing."""


T = TypeVar("T")

ComputeCapability = Annotated[str, Field(pattern=r"^[0-9]{1,2}\.[0-9]$")]
"""CUDA's number of a generation's instruction set, ``8.9``."""

Collected: TypeAlias = T | Unavailable

NOT_REQUESTED = Unavailable(unavailable=Reason.NOT_REQUESTED)


class GpucheckError(Exception):
    """A failure that a person can act on: what happened, and what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
