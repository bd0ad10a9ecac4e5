"""What a check is: a pure function of one case, with its identity written once and its manual as its docstring."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

from gpucheck.catalog import Catalog
from gpucheck.catalog.naming import names_for
from gpucheck.model.base import Collected, Unavailable
from gpucheck.model.evidence import BUSY_PERCENT, Evidence, NvmlFacts
from gpucheck.model.finding import Confidence, Finding, Kind, Severity, Status
from gpucheck.model.match import Claim, Match
from gpucheck.model.measured import DeviceProcess
from gpucheck.model.partition import partition
from gpucheck.model.profile import Profile
from gpucheck.model.units import GIB, MIB, gib, percent

if TYPE_CHECKING:
    from gpucheck.catalog.silicon import Readings, Survey

T = TypeVar("T")

_WINDOW_BYTES = 512 * MIB
"""What a program that only draws has to hold before it counts: a desktop's parts hold less."""
_UNNAMED_BYTES, _UNNAMED_SHARE = 3 * GIB // 2, 1 / 16
"""In use without a name; less than that are the driver itself and a desktop."""
UNSTEADY = 0.3
"""Of its median time, by which a window's times may differ on a card that nobody else uses: links and memory are steady
to a few percent."""

_WORDS = {
    "memory_total_bytes": "size of memory",
    "memory_clock_max_mhz": "highest memory clock",
    "gpu_part_number": "GPU part number",
    "power_default_watts": "default power limit",
    "vbios_version": "VBIOS version",
}
"""Fields whose names do not read well."""


BY_ONE_TABLE = "By the one table that tells of it,"
"""How a message begins that rests on one source of the catalog alone."""
ONE_TABLE = "The table may err: compare it with the maker's data sheet or with a card that is known to be genuine."
"""What to do about a contradiction to what the catalog knows from one source alone."""


@dataclass(frozen=True)
class Case:
    """All that a check may look at: the evidence of one card, what it was matched to, and what it was sold as."""

    evidence: Evidence
    match: Match
    claim: Claim | None
    catalog: Catalog

    @cached_property
    def profiles(self) -> tuple[Profile, ...]:
        """The matched profile, or every candidate where nothing tells them apart. Raises ``Missing`` for none."""
        if not self.match.fitting:
            raise Missing("no profile matches what the card declares", "match")
        return self.match.fitting

    @property
    def corroborated(self) -> bool:
        """Whether more than one table, or a real card's own account, stands behind every SKU that this may be."""
        return all(profile.corroborated for profile in self.profiles)

    @cached_property
    def sku(self) -> str:
        """The SKU by name, for messages. Raises ``Missing`` for none."""
        names = self.names if self.profiles else ()
        return " or ".join(names[:3]) + (" or others" if len(names) > 3 else "")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the card may be called; none where no profile matches."""
        return names_for(self.match, self.claim)

    @property
    def declared(self) -> NvmlFacts:
        """NVML's account, live or from a file. Raises ``Missing`` where there is none."""
        facts = self.evidence.declared
        if facts is None:
            raise Missing(absence(self.evidence.nvml, "NVML was not read"), "nvml")
        return facts

    @property
    def declared_section(self) -> str:
        """Where ``declared`` comes from, for evidence paths."""
        return "nvml" if isinstance(self.evidence.nvml, NvmlFacts) else "nvidia_smi"

    def field(self, name: str) -> object:
        """Return a declared field. Raises ``Missing`` with the recorded reason where it is absent."""
        value = getattr(self.declared, name)
        if value is None:
            told = absence(self.declared.missing.get(name), f"no {_WORDS.get(name, name.replace('_', ' '))} was stated")
            raise Missing(told, f"{self.declared_section}.{name}")
        return value

    def text(self, name: str) -> str:
        """A declared field that is text."""
        return str(self.field(name))

    def number(self, name: str) -> int:
        """A declared field that is a whole number."""
        value = self.field(name)
        if not isinstance(value, int):
            raise TypeError(f"{name} is not a whole number")
        return value

    @property
    def how(self) -> str:
        """How numbers of probes came about, for a person: ``measured``, or ``simulated`` where no real card ran."""
        return "simulated" if self.evidence.simulated else "measured"

    @cached_property
    def partitioned(self) -> str:
        """Why this is a part of a card rather than a whole one (MIG, vGPU), empty where it is a whole one."""
        return partition(self.evidence)

    @cached_property
    def busy(self) -> str:
        """Who else used the card during the scan, in words; empty where nothing shows that anybody did."""
        facts = self.evidence.nvml
        told = "" if isinstance(facts, Unavailable) else others(facts)
        return told or _unsteady(self.evidence, self.how)

    @cached_property
    def silicon(self) -> "tuple[Readings, Survey] | None":
        """What was measured, and how well every known SKU fits it; ``None`` where no multiprocessors were counted."""
        from gpucheck.catalog.silicon import readings, survey

        seen = readings(self.evidence)
        return (seen, survey(seen, self.catalog.cut_to(seen.machine_code, seen.sm_count))) if seen else None


def _unsteady(evidence: Evidence, how: str) -> str:
    """Say that somebody else was at work, where no driver names anybody: nothing else makes memory so unsteady."""
    slabs = evidence.slab_map
    if isinstance(slabs, Unavailable) or slabs.unsteadiness is None or slabs.unsteadiness <= UNSTEADY:
        return ""
    return f"the same memory took times that differ by {percent(slabs.unsteadiness)} ({how}), so others used the card"


def others(facts: NvmlFacts) -> str:
    """Say who else holds or uses a card, as the driver tells; a desktop alone is nobody."""
    if named := _programs(facts):
        held = sum(p.memory_bytes or 0 for p in named)
        numbers = ", ".join(str(p.pid) for p in named[:4]) + (", ..." if len(named) > 4 else "")
        if len(named) == 1:
            return (
                f"another program holds {gib(held)} (pid {numbers})"
                if held
                else f"another program runs (pid {numbers})"
            )
        return f"{len(named)} other programs hold {gib(held)} (pids {numbers})"
    listed = {p.pid: p.memory_bytes or 0 for p in facts.processes or ()}
    unnamed = (facts.memory_used_bytes or 0) - sum(listed.values())
    if unnamed >= max(_UNNAMED_BYTES, _UNNAMED_SHARE * (facts.memory_total_bytes or 0)):
        return f"{gib(unnamed)} of its memory are in use, by whom the driver does not tell"
    if (facts.utilization_percent or 0) >= BUSY_PERCENT:
        return f"kernels of others keep it busy {facts.utilization_percent} % of the time"
    return ""


def _programs(facts: NvmlFacts) -> list[DeviceProcess]:
    """Programs that compute alone, and those that draw with much memory; each once.

    Under WDDM every window is listed, and of none is the memory told: such say nothing.
    """
    listed = facts.processes or ()
    drawing = {one.pid for one in listed if one.graphics}
    found: dict[int, DeviceProcess] = {}
    for one in listed:
        told = one.memory_bytes is not None or (facts.driver_model != "WDDM" and one.pid not in drawing)
        if told and (one.pid not in drawing or (one.memory_bytes or 0) >= _WINDOW_BYTES):
            found.setdefault(one.pid, one)
    return sorted(found.values(), key=lambda one: -(one.memory_bytes or 0))


class Missing(Exception):  # noqa: N818 - it is not an error: the check becomes inconclusive
    """Evidence that a check needs is not there."""

    def __init__(self, why: str, path: str) -> None:
        super().__init__(why)
        self.path = path


def absence(missing: object, otherwise: str) -> str:
    """Say why something is missing: its recorded reason, or ``otherwise`` where none was recorded."""
    if isinstance(missing, Unavailable):
        reason = missing.unavailable.value.replace("_", " ")
        return f"{reason}: {missing.detail}" if missing.detail else reason
    return otherwise


def measured(section: Collected[T], name: str) -> T:
    """Return a section. Raises ``Missing`` with its reason where it is unavailable."""
    if isinstance(section, Unavailable):
        raise Missing(f"{name.replace('_', ' ')} was not measured ({absence(section, '')})", name)
    return section


def answered(case: Case, name: str) -> object:
    """Return an answer of the driver's resource manager. Raises ``Missing`` with the recorded reason without one."""
    section = case.evidence.resource_manager
    if isinstance(section, Unavailable):
        raise Missing(f"the resource manager was not asked ({absence(section, '')})", "resource_manager")
    value = getattr(section, name)
    if value is None:
        told = absence(section.missing.get(name), "no reason is recorded")
        raise Missing(f"the resource manager told no {name.replace('_', ' ')} ({told})", f"resource_manager.{name}")
    return value


@dataclass(frozen=True)
class Outcome:
    """A check's bare answer."""

    status: Status
    message: str
    observed: str = ""
    expected: str = ""
    remedy: str = ""
    confidence: Confidence = Confidence.HIGH
    evidence: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    severity: Severity | None = None
    """Overrides the check's own where the case is milder or graver, and gives one to a pass that costs something."""


def not_applicable(message: str) -> Outcome:
    """The question does not arise for this card."""
    return Outcome(Status.NOT_APPLICABLE, message)


def inconclusive(message: str, observed: str = "", expected: str = "", evidence: tuple[str, ...] = ()) -> Outcome:
    """The question arises and has no answer."""
    return Outcome(Status.INCONCLUSIVE, message, observed, expected, evidence=evidence, confidence=Confidence.LOW)


def only_a_part(case: Case) -> Outcome:
    """The question is about the whole card, and only a part of it can be seen."""
    return inconclusive(f"Only a part of the card is visible ({case.partitioned}).")


def of_the_whole_card(what: str, case: Case) -> Outcome:
    """``what`` belongs to the whole card, so that nothing follows from it for a part of one."""
    return not_applicable(f"The {what} belongs to the whole card, and this is a part of one ({case.partitioned}).")


def remarked(message: str, observed: str, expected: str, remedy: str, evidence: tuple[str, ...]) -> Outcome:
    """Fail with another SKU as the likeliest cause, at medium confidence: a rate or a limit, not an impossibility."""
    return Outcome(
        Status.FAIL, message, observed, expected, remedy, Confidence.MEDIUM, evidence=evidence, kinds=(Kind.REMARKED,)
    )


def unless_busy(case: Case, failure: Outcome) -> Outcome:
    """Leave a failure open that somebody else may have caused who used the card meanwhile."""
    if failure.status is not Status.FAIL or not case.busy:
        return failure
    message = f"{failure.message} But {case.busy}, and may be the cause: scan again alone."
    return inconclusive(message, failure.observed, failure.expected, failure.evidence)


def unless_slowed(case: Case, failure: Outcome) -> Outcome:
    """The same for a rate of memory, which a laptop on battery has its driver lower."""
    if failure.status is not Status.FAIL or case.busy or not case.evidence.host.on_battery:
        return unless_busy(case, failure)
    why = "But on battery a laptop holds clocks down, which may be the cause."
    return inconclusive(f"{failure.message} {why}", failure.observed, failure.expected, failure.evidence)


Appraisal = Callable[[Case], Outcome]


@dataclass(frozen=True)
class Check:
    """A check with its identity. Calling it never raises: a crash is a finding with status ``error``."""

    id: str
    title: str
    severity: Severity
    about: Literal["authenticity", "condition"]
    appraise: Appraisal
    edge: tuple[str, str] | None = None
    """The two parts that it holds against each other; None where it is about one thing."""

    @property
    def manual(self) -> str:
        """The module's docstring: what is checked, why, how it is fooled, what a failure does not mean."""
        return sys.modules[self.appraise.__module__].__doc__ or ""

    def __call__(self, case: Case) -> Finding:
        """Appraise one case."""
        try:
            outcome = self.appraise(case)
        except Missing as missing:
            outcome = inconclusive(f"Not examined: {missing}.", evidence=(missing.path,))
        except Exception as error:  # noqa: BLE001 - a crash must reach the report and forbid a pass
            outcome = Outcome(
                Status.ERROR,
                f"The check itself failed ({type(error).__name__}: {error}); nothing follows from it.",
                remedy="Report this with the evidence file of `gpucheck collect --redact`.",
            )
        return self._finding(outcome)

    def _finding(self, outcome: Outcome) -> Finding:
        harmless = outcome.status not in (Status.FAIL, Status.ERROR)
        harm = outcome.severity or (Severity.INFO if harmless else self.severity)
        return Finding(
            check=self.id,
            title=self.title,
            about=self.about,
            status=outcome.status,
            severity=harm,
            confidence=outcome.confidence,
            observed=outcome.observed,
            expected=outcome.expected,
            message=outcome.message,
            remedy=outcome.remedy,
            evidence=outcome.evidence,
            kinds=outcome.kinds,
            edge=self.edge,
        )


def check(
    *,
    id: str,  # noqa: A002
    title: str,
    severity: Severity,
    about: Literal["authenticity", "condition"] = "authenticity",
    edge: tuple[str, str] | None = None,
) -> Callable[[Appraisal], Check]:
    """Give a function its identity as a check."""

    def wrap(function: Appraisal) -> Check:
        return Check(id, title, severity, about, function, edge)

    return wrap
