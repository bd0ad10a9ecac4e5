"""Runs a card's collection in a child process, so that a dead driver costs one stage and not the whole scan.

A stage that takes too long is killed and marked; a process that dies takes only the stage that was running; whatever
arrived before is kept, also of that stage, and a new child goes on with the rest. Several cards are watched side by
side by one loop.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from gpucheck import modes, turns
from gpucheck.child import Child, Garbled, Send, describe, wait
from gpucheck.model.base import Frozen, Keep, Reason, SoFar, Unavailable, forget
from gpucheck.model.evidence import SECTIONS, Evidence, Host
from gpucheck.model.text import sanitise

if TYPE_CHECKING:
    from gpucheck.pipeline import Card, Plan

Section = Frozen | Unavailable
Left = Sequence[str] | None
RunStages = Callable[[Sequence[str], Callable[[str, Section], None], Callable[[str, float], None], Keep], Left]
"""Runs the named stages in order: ``run(names, emit, progress, keep)``. What it returns is left for a fresh process."""

Limit = float | None | Callable[[str], float]
"""Seconds that a stage may take: one for all, by stage name, or None for no child and no limit."""

INTERRUPTED = "interrupted with Ctrl-C"
"""Detail of a section that was not there yet when somebody pressed Ctrl-C."""

_HEARTBEAT_SECONDS = 0.5
_HUNG_IN_A_ROW = 3
"""So many stages one after the other, each in a new process: the driver is dead, and what is left would hang alike."""
_START_SECONDS = 5.0
"""Granted to a new child until its first message; then the stage's own clock starts."""


@dataclass(frozen=True)
class Event:
    """News of a card: a stage's progress, or its section once it is there.

    The stage is the ``number``-th, from 1, ``of`` so many; 0 where that is not known.
    """

    card: str
    stage: str
    share: float
    section: Section | None = None
    number: int = 0
    of: int = 0


OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Job:
    """What to run for one card. ``run`` must be picklable where a limit is set."""

    label: str
    names: tuple[str, ...]
    run: RunStages

    def event(self, stage: str, share: float, section: Section | None = None) -> Event:
        """News of one of its stages."""
        number = self.names.index(stage) + 1 if stage in self.names else 0
        return Event(self.label, stage, share, section, number, len(self.names) if number else 0)


class CollectionInterrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C; ``evidence`` is what was had until then, each stage that is missing with that reason."""

    def __init__(self, evidence: tuple[Evidence, ...]) -> None:
        super().__init__("interrupted")
        self.evidence = evidence


def ignore(_event: Event) -> None:
    """Do nothing with an event."""


def collect_guarded(card: "Card", plan: "Plan", *, timeout_seconds: Limit, on_event: OnEvent = ignore) -> Evidence:
    """Collect one card's evidence; a stage that hangs or crashes is marked unavailable and the others go on."""
    return collect_all([card], plan, timeout_seconds=timeout_seconds, on_event=on_event)[0]


def collect_all(
    cards: "Sequence[Card]",
    plan: "Plan",
    *,
    timeout_seconds: Limit,
    on_event: OnEvent = ignore,
    at_once: int = 8,
) -> tuple[Evidence, ...]:
    """Collect several cards, up to ``at_once`` side by side, and return their evidence in order.

    One card's failure never stops another. Ctrl-C kills what is running and raises ``CollectionInterrupted``.
    """
    if timeout_seconds is None:
        found = [run_here(_job(card, plan), on_event) for card in cards]
        return _put_together(cards, found)
    limit = timeout_seconds if callable(timeout_seconds) else _same(timeout_seconds)
    with _turns(plan, limit, len(cards), at_once) as plan:
        jobs = [_job(card, plan) for card in cards]
        had: list[dict[str, Section]] = [{} for _ in jobs]
        try:
            found = supervise(jobs, limit, on_event, at_once, had)
        except KeyboardInterrupt as stop:
            raise CollectionInterrupted(_put_together(cards, _interrupted(jobs, had))) from stop
    return _put_together(cards, found)


def _put_together(cards: "Sequence[Card]", found: Sequence[Mapping[str, Section]]) -> tuple[Evidence, ...]:
    return tuple(_evidence(card, sections) for card, sections in zip(cards, found, strict=True))


def _interrupted(jobs: Sequence[Job], had: Sequence[Mapping[str, Section]]) -> list[dict[str, Section]]:
    reason = Unavailable(unavailable=Reason.FAILED, detail=INTERRUPTED)
    return [{name: sections.get(name, reason) for name in job.names} for job, sections in zip(jobs, had, strict=True)]


@contextlib.contextmanager
def _turns(plan: "Plan", limit: Callable[[str], float], cards: int, at_once: int) -> Iterator["Plan"]:
    """Let cards side by side take turns where they share what a stage measures; half of its limit may go to waiting."""
    if min(cards, at_once) < 2 or not plan.probe:
        yield plan
        return
    patience = min(modes.LONGEST_TURN_SECONDS, *(limit(stage) / 2 for stage in modes.ALONE))
    with turns.lock_file() as name:
        yield plan._replace(turns=name, turn_seconds=patience)


def supervise(
    jobs: Sequence[Job],
    limit: Callable[[str], float],
    on_event: OnEvent = ignore,
    at_once: int = 8,
    had: Sequence[dict[str, Section]] | None = None,
) -> list[dict[str, Section]]:
    """Run jobs in children and return their sections by stage, in the order of ``jobs``.

    ``had`` gets one dictionary a job, filled as sections come: what there is when this is interrupted.
    """
    watches = [_Watch(job, limit, on_event) for job in jobs]
    for watch, sections in zip(watches, had or (), strict=False):
        watch.sections = sections
    waiting = list(watches)
    running: list[_Watch] = []
    try:
        while waiting or running:
            while waiting and len(running) < max(1, at_once):
                running.append(waiting.pop(0))
            for watch in running:
                watch.step()
            running = [watch for watch in running if watch.pending]
            _sleep(running)
    finally:
        for watch in running:
            watch.stop()
    return [watch.sections for watch in watches]


def run_here(job: Job, on_event: OnEvent = ignore) -> dict[str, Section]:
    """Run a job in this process, without a limit."""
    sections: dict[str, Section] = {}

    def emit(name: str, section: Section) -> None:
        sections[name] = section
        on_event(job.event(name, 1.0, section))

    problem = "the stage gave no answer"
    names: Sequence[str] = job.names
    try:
        while names:
            left = job.run(names, emit, lambda name, share: on_event(job.event(name, share)), forget) or ()
            names = left if len(left) < len(names) else ()
    except Exception as error:  # noqa: BLE001 - what failed is told in the sections
        problem = describe(error)
    for name in job.names:
        if name not in sections:
            emit(name, _failed(problem))
    return sections


@dataclass
class _Watch:
    """One job under watch: its pending stages, and the child that works on them."""

    job: Job
    limit: Callable[[str], float]
    on_event: OnEvent
    pending: list[str] = field(default_factory=list)
    sections: dict[str, Section] = field(default_factory=dict)
    child: Child | None = None
    stage: str = ""
    so_far: SoFar | None = None
    """What the running stage has."""
    deadline: float = 0.0
    heard: bool = False
    hung: int = 0
    """Stages in a row that gave no answer in time."""
    begun: int = 0
    """How many stages were pending when the child began: one that settled none does not get a successor."""

    def __post_init__(self) -> None:
        self.pending = list(self.job.names)

    def step(self) -> None:
        """Start a child where there is none, take its messages, and end it where it is late, dead or done."""
        if self.pending and self.child is None:
            self._start()
        child = self.child
        if child is None:
            return
        for message in child.receive():
            self._take(message)
        if not self.pending:
            self.stop()
        elif self.child is child and child.at_end:
            self._give_up(_failed(f"the process examining the card died: {child.obituary()}"))
        elif time.monotonic() >= self.deadline:
            self._time_out()

    def stop(self) -> None:
        """End the child, if there is one."""
        if self.child is not None:
            child, self.child = self.child, None
            child.kill()

    def _start(self) -> None:
        self._enter(self.pending[0])
        self.deadline += _START_SECONDS
        self.heard, self.begun = False, len(self.pending)
        try:
            self.child = Child(partial(_work, self.job.run, tuple(self.pending)))
        except Exception as error:  # noqa: BLE001 - a card that cannot be sent to a child is a failure of that card
            for name in tuple(self.pending):
                self._settle(name, _failed(f"no process could be started: {describe(error)}"))

    def _take(self, message: Any) -> None:
        kind, name, value = _opened(message)
        if kind == "problem":
            self._give_up(_failed(value))
        elif kind == "anew" and len(self.pending) < self.begun:
            self.stop()
        elif name not in self.pending:
            return
        elif kind == "so far":
            self.so_far = value if name == self.stage else None
        elif kind == "section":
            self.hung = 0
            self._settle(name, value)
        else:
            if name != self.stage or not self.heard:
                self._enter(name)
            self.on_event(self.job.event(name, value))
        self.heard = True

    def _enter(self, name: str) -> None:
        self.stage, self.so_far = name, None
        self.deadline = time.monotonic() + self.limit(name)

    def _settle(self, name: str, section: Section) -> None:
        self.pending.remove(name)
        self.sections[name] = section
        self.on_event(self.job.event(name, 1.0, section))
        if self.pending:
            self._enter(self.pending[0])

    def _time_out(self) -> None:
        """Write the running stage off, and the rest with it where nothing has answered for some stages."""
        late = f"no answer within {self.limit(self.stage):g} s"
        self.hung += 1
        self._give_up(Unavailable(unavailable=Reason.TIMED_OUT, detail=late))
        if self.hung < _HUNG_IN_A_ROW:
            return
        why = f"not tried: the {_HUNG_IN_A_ROW} stages before it gave no answer, each in a process of its own"
        for name in tuple(self.pending):
            self._settle(name, Unavailable(unavailable=Reason.TIMED_OUT, detail=why))

    def _give_up(self, section: Unavailable) -> None:
        """Write the running stage off; the next step starts a new child for what is left."""
        self.stop()
        if self.pending:
            left = self.so_far.cut_short(section) if self.so_far else section
            self._settle(self.stage if self.stage in self.pending else self.pending[0], left)


def _work(run: RunStages, names: tuple[str, ...], send: Send) -> None:
    """In the child: run the stages and send what comes."""
    problem = "the stage gave no answer"
    try:
        left = run(
            names,
            lambda name, section: send(("section", name, section)),
            lambda name, share: send(("progress", name, share)),
            lambda name, known: send(("so far", name, known)),
        )
        if left:
            send(("anew", "", None))
            return
    except Exception as error:  # noqa: BLE001 - it is told to the parent
        problem = describe(error)
    send(("problem", "", problem))


def _opened(message: Any) -> tuple[str, str, Any]:
    if isinstance(message, Garbled):
        return "problem", "", message.problem
    kind, name, value = message
    return kind, name, value


def _sleep(watches: Sequence[_Watch]) -> None:
    children = [watch.child for watch in watches if watch.child is not None]
    if children and len(children) == len(watches):
        wait(children, min(_HEARTBEAT_SECONDS, min(w.deadline for w in watches) - time.monotonic()))


def _job(card: "Card", plan: "Plan") -> Job:
    from gpucheck.pipeline import run_stages, stage_names

    try:
        return Job(card.label, stage_names(card, plan), partial(run_stages, card, plan))
    except Exception as error:  # noqa: BLE001 - one broken card must not stop the others
        return Job("unknown card", SECTIONS, partial(_refuse, describe(error)))


def _refuse(problem: str, names: Sequence[str], emit: Callable[[str, Section], None], *_: Any) -> None:
    for name in names:
        emit(name, _failed(problem))


def _evidence(card: "Card", sections: Mapping[str, Section]) -> Evidence:
    from gpucheck.pipeline import build_evidence

    host = Host()
    with contextlib.suppress(Exception):
        host = card.host()
    try:
        return build_evidence(card, host, sections)
    except Exception as error:  # noqa: BLE001 - a malformed section must not lose the card
        return build_evidence(card, host, dict.fromkeys(sections, _failed(f"evidence is malformed: {describe(error)}")))


def _failed(detail: str) -> Unavailable:
    return Unavailable(unavailable=Reason.FAILED, detail=sanitise(detail))


def _same(seconds: float) -> Callable[[str], float]:
    return lambda _name: seconds
