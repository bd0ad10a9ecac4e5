"""The whole story on one page: collect evidence of a card, match it, check it, judge it, report it.

A card is anything with sources and a device. Whether it is real or simulated is not known here.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from gpucheck import __version__, modes, turns
from gpucheck.catalog import Catalog
from gpucheck.catalog.naming import names_for
from gpucheck.checks import ALL_CHECKS, Case
from gpucheck.model.base import (
    NOT_REQUESTED,
    Collected,
    Frozen,
    GpucheckError,
    Keep,
    Reason,
    Unavailable,
    forget,
)
from gpucheck.model.die_numbers import blank, made_up
from gpucheck.model.evidence import MEASURED_SECTIONS, Evidence, Host, NvmlFacts, Twin
from gpucheck.model.match import Claim, Match
from gpucheck.model.measured import Telemetry
from gpucheck.model.report import CardReport, MatchSummary, Report, Rulebook, Tool
from gpucheck.model.text import in_a_sentence
from gpucheck.verdict import judge, weights_digest

if TYPE_CHECKING:
    from gpucheck.device.protocol import Device
    from gpucheck.probes.options import ProbeOptions

Section = Frozen | Unavailable
Emit = Callable[[str, Section], None]
Progress = Callable[[str, float], None]

_MOST_TWINS = 16
_Identity = Literal["uuid", "pdi"]

DEVICE_STAGES = ("cuda", *MEASURED_SECTIONS)
"""Stages that run on the device, in order; all others are sources."""


class Plan(NamedTuple):
    """How thorough a scan is to be. ``probe`` False reads the declared facts alone.

    ``turns`` is a file by which cards side by side take turns (``turns.lock_file``), waiting ``turn_seconds`` at most.
    """

    probe: bool = True
    quick: bool = False
    deep: bool = False
    seed: int | None = None
    turns: str | None = None
    turn_seconds: float = modes.LONGEST_TURN_SECONDS

    @property
    def mode(self) -> modes.Mode:
        """The mode by name."""
        return "deep" if self.deep else "quick" if self.quick else "default"


class Card(Protocol):
    """One card of a machine. Picklable, so that a child process can examine it."""

    @property
    def label(self) -> str:
        """How the card is named in a list."""

    @property
    def simulated(self) -> str | None:
        """The scenario's name, None for a real card."""

    def host(self) -> Host:
        """The machine around it."""

    def sources(self, keep: Keep = forget) -> Mapping[str, Callable[[], Section]]:
        """Readers of declared evidence by section name, in the order in which to run them.

        ``keep`` is told what a reader knows so far, for one that may hang. Without it that is lost.
        """

    def open_device(self) -> "Device":
        """The way to its silicon. Raises ``DeviceUnavailable``."""

    def telemetry(self) -> Collected[Telemetry]:
        """Its sensors and counters now."""


class Machine(Protocol):
    """The cards at hand."""

    @property
    def cards(self) -> Sequence[Card]:
        """All of them."""


def stage_names(card: Card, plan: Plan) -> tuple[str, ...]:
    """Everything that there is to run for a card, in order."""
    return (*card.sources(), *(DEVICE_STAGES if plan.probe else ()))


def run_stages(
    card: Card, plan: Plan, names: Sequence[str], emit: Emit, progress: Progress, keep: Keep = forget
) -> tuple[str, ...]:
    """Run the named stages and emit each section as soon as it is there. A stage that fails says so in its section.

    Before that a source may give ``keep`` what it knows so far.
    Returns the stages that are left where the device was lost: they want a fresh process, in which it may answer again.
    """
    sources = card.sources(keep)
    for name in names:
        if name in sources:
            progress(name, 0.0)
            emit(name, _guarded(sources[name]))
    probes = tuple(name for name in names if name not in sources)
    return _run_probes(card, plan, probes, emit, progress) if probes else ()


def _run_probes(card: Card, plan: Plan, names: tuple[str, ...], emit: Emit, progress: Progress) -> tuple[str, ...]:
    from gpucheck.probes.options import ProbeOptions

    progress(names[0], 0.0)
    try:
        device = card.open_device()
    except GpucheckError as error:
        for name in names:
            emit(name, _refused(error))
        return ()
    lends_memory = card.host().lends_memory
    try:
        for number, name in enumerate(names, 1):
            progress(name, 0.0)
            tell = _share_of(name, progress)
            options = ProbeOptions(plan.quick, plan.deep, plan.seed, lends_memory, tell, card.telemetry)
            with _told_of_interrupts(names[number - 1 :], emit):
                section, lost = _measured(plan, name, device, options)
            emit(name, section)
            if lost:
                return names[number:]
    finally:
        device.close()
    return ()


def _measured(plan: Plan, name: str, device: "Device", options: "ProbeOptions") -> tuple[Section, bool]:
    """Return a probe's section, and whether the device was lost over it."""
    from gpucheck.device.protocol import DeviceLost

    left_out = modes.left_out(plan.mode, name)
    if left_out is not None:
        return left_out, False
    try:
        return _guarded(partial(_in_turn, plan, name, device, options), passing=DeviceLost), False
    except DeviceLost as error:
        return _refused(error), True


@contextmanager
def _told_of_interrupts(names: Sequence[str], emit: Emit) -> Iterator[None]:
    """Let an interrupt through, once the stage that it hit and those that will not run any more have their reason."""
    try:
        yield
    except KeyboardInterrupt:
        for name in names:
            detail = "interrupted" if name == names[0] else f"not run: {names[0]} was interrupted"
            emit(name, Unavailable(unavailable=Reason.FAILED, detail=detail))
        raise


def _probe(name: str, device: "Device", options: "ProbeOptions") -> Section:
    from gpucheck.probes.registry import PROBES

    device.begin(name)
    return PROBES[name](device, options)


def _in_turn(plan: Plan, name: str, device: "Device", options: "ProbeOptions") -> Section:
    """Run a probe, alone among the cards of this scan where it shares with them what it measures."""
    if name not in modes.ALONE:
        return _probe(name, device, options)
    with turns.turn(plan.turns, plan.turn_seconds) as alone:
        section = _probe(name, device, options)
    return section if alone else _disturbed(section, plan.turn_seconds)


def _disturbed(section: Section, seconds: float) -> Section:
    known: dict[str, Unavailable] | None = getattr(section, "missing", None)
    if known is None:
        return section
    why = f"no turn came within {seconds:g} s: other cards may have shared the host's bus meanwhile"
    return section.model_copy(
        update={"missing": {**known, "alone": Unavailable(unavailable=Reason.TIMED_OUT, detail=why)}}
    )


def _share_of(name: str, progress: Progress) -> Callable[[float, str], None]:
    return lambda share, _text: progress(name, share)


def _guarded(read: Callable[[], Section], passing: type[Exception] | tuple[()] = ()) -> Section:
    try:
        return read()
    except passing:
        raise
    except GpucheckError as error:
        return _refused(error)
    except Exception as error:  # noqa: BLE001 - one source's fault must not lose the others
        return Unavailable(unavailable=Reason.FAILED, detail=f"{type(error).__name__}: {error}"[:300])


def _refused(error: GpucheckError) -> Unavailable:
    hint = f"; {in_a_sentence(error.hint)}" if error.hint else ""
    return Unavailable(unavailable=getattr(error, "reason", Reason.FAILED), detail=f"{error.message}{hint}")


def build_evidence(card: Card, host: Host, sections: Mapping[str, Section]) -> Evidence:
    """Put a card's sections together. A section that is not there was not requested."""
    from gpucheck.device.kernels import digest, families_of

    measured = [name for name in MEASURED_SECTIONS if not isinstance(sections.get(name, NOT_REQUESTED), Unavailable)]
    return Evidence.model_validate(
        {
            "collected_at": dt.datetime.now(dt.UTC).replace(microsecond=0),
            "tool_version": __version__,
            "label": card.label,
            "simulated": card.simulated,
            "host": host,
            "kernels": {family: digest(family) for name in measured for family in families_of(name)},
            **sections,
        }
    )


def collect(card: Card, plan: Plan, progress: Progress = lambda _name, _share: None) -> Evidence:
    """Collect all evidence of one card in this process."""
    sections: dict[str, Section] = {}
    left = stage_names(card, plan)
    while left:
        left = run_stages(card, plan, left, sections.__setitem__, progress)
    return build_evidence(card, card.host(), sections)


def acquaint(found: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Tell each of the cards that were looked at in one go which others state its identity."""
    stating: dict[tuple[_Identity, str], list[Evidence]] = {}
    for one in found:
        for identity in _identities(one):
            stating.setdefault(identity, []).append(one)
    return tuple(
        one.model_copy(
            update={"scanned_together": len(found), "twins": tuple(islice(_twins(one, stating), _MOST_TWINS))}
        )
        for one in found
    )


def _identities(one: Evidence) -> Iterator[tuple[_Identity, str]]:
    """What names the die. A driver's answer counts however it looks; in a text, one that is made up hides another."""
    fields: tuple[_Identity, ...] = ("uuid", "pdi")
    live = isinstance(one.nvml, NvmlFacts)
    for field in fields:
        stated = getattr(one.declared, field, None)
        if stated and not blank(stated) and (live or not made_up(stated)):
            yield field, stated.lower()


def _twins(one: Evidence, stating: Mapping[tuple[_Identity, str], Sequence[Evidence]]) -> Iterator[Twin]:
    for field, stated in _identities(one):
        for other in stating[field, stated]:
            if other.declared and one.declared and other.declared.bdf != one.declared.bdf:
                yield Twin(label=other.label, field=field)


def assess(evidence: Evidence, catalog: Catalog, claim: Claim | None = None) -> CardReport:
    """Judge one card's evidence. Pure: the same evidence and catalog give the same answer anywhere."""
    match = catalog.match(evidence)
    case = Case(evidence, match, claim, catalog)
    findings = tuple(check(case) for check in ALL_CHECKS)
    return CardReport.of(
        simulated=evidence.simulated,
        evidence=evidence,
        match=_summary(match, claim),
        findings=findings,
        verdict=judge(case, findings),
    )


def _summary(match: Match, claim: Claim | None) -> MatchSummary:
    return MatchSummary(
        profile=match.profile.id if match.profile else None,
        profile_name=names_for(match)[0] if match.profile else None,
        candidates=tuple(p.id for p in match.candidates),
        modification=match.modification.id if match.modification else None,
        modification_title=match.modification.title if match.modification else None,
        basis=match.basis,
        claim=claim.text if claim else None,
    )


def make_report(cards: Sequence[CardReport], host: Host, catalog: Catalog) -> Report:
    """Bind judged cards with the rulebook that judged them."""
    kernels: dict[str, str] = {}
    profiles: dict[str, str] = {}
    for card in cards:
        kernels |= card.evidence.kernels
        profiles |= {id_: catalog.by_id(id_).digest for id_ in card.match.candidates}
    return Report.of(
        tool=Tool(version=__version__),
        created_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        rulebook=Rulebook(weights=weights_digest(), catalog=catalog.digest, profiles=profiles, kernels=kernels),
        host=host,
        cards=tuple(cards),
    )
