"""Choosing a machine and collecting from it, for ``scan`` and ``collect``."""

import os
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from gpucheck.cli.errors import CallError, say
from gpucheck.cli.options import SIMULATE_VARIABLE, exclusive
from gpucheck.cli.progress import Progress
from gpucheck.model.base import GpucheckError
from gpucheck.model.text import sanitise
from gpucheck.modes import limit_seconds

if TYPE_CHECKING:
    from gpucheck.model.evidence import Evidence
    from gpucheck.model.vbios import VbiosFacts
    from gpucheck.pipeline import Machine, Plan

SIMULATED_SECONDS, SIMULATED_DEEP_SECONDS = 10.0, 40.0
"""Limit for each stage of a simulated card: it may hang on purpose, and nothing simulated takes long."""

MOST_SIMULATED = 1000
"""Cards of one kind in one scan."""


def examine(options: dict[str, Any]) -> "tuple[tuple[Evidence, ...], bool]":
    """Collect the evidence of every chosen card, and say whether that came to its end.

    ``options`` are those of ``machine_options`` and ``depth_options``. Ctrl-C ends the collection; what was had is
    returned all the same, and ``KeyboardInterrupt`` raised where that is nothing.
    """
    rom = _rom(options["vbios"])
    from gpucheck.pipeline import acquaint

    try:
        found, whole = _collected(_machine(options, alone=rom is not None), options)
    except KeyboardInterrupt:
        say("Interrupted before anything was examined.")
        raise
    found = acquaint(found)
    return (found if rom is None else tuple(each.model_copy(update={"vbios": rom}) for each in found)), whole


def files_read(options: dict[str, Any]) -> tuple[str, ...]:
    """The files that the examination reads, which no result may write over."""
    return (options["vbios"],) if options["vbios"] else ()


def _machine(options: dict[str, Any], *, alone: bool) -> "Machine":
    """The chosen cards, one where ``alone`` is wanted."""
    exclusive(quick=options["quick"], deep=options["deep"], no_probe=options["no_probe"])
    scenarios = _scenarios(options["simulate"])
    machine = _simulated(scenarios, options) if scenarios else _real(options["device"], nvattest=options["nvattest"])
    if alone and len(machine.cards) != 1:
        raise CallError(
            f"--vbios is the ROM of one card, and there are {len(machine.cards)}.", "Choose the card with --device."
        )
    return machine


def _collected(machine: "Machine", options: dict[str, Any]) -> "tuple[tuple[Evidence, ...], bool]":
    from gpucheck.watchdog import CollectionInterrupted, collect_all

    plan = _plan(options)
    simulated = any(card.simulated for card in machine.cards)
    nominal = SIMULATED_DEEP_SECONDS if plan.deep else SIMULATED_SECONDS
    limit = options["timeout"] or (nominal if simulated else partial(limit_seconds, plan.mode))
    try:
        with Progress(verbose=options["verbose"]) as progress:
            jobs = options["jobs"]
            return collect_all(machine.cards, plan, timeout_seconds=limit, on_event=progress, at_once=jobs), True
    except CollectionInterrupted as stop:
        if not any(map(something, stop.evidence)):
            raise
        say("Interrupted: this is what was examined until then.")
        return stop.evidence, False


def something(evidence: "Evidence") -> bool:
    """Whether any section was had."""
    from gpucheck.model.base import Unavailable
    from gpucheck.model.evidence import SECTIONS

    return any(not isinstance(getattr(evidence, name), Unavailable) for name in SECTIONS)


def examined(evidence: "Evidence") -> bool:
    """Whether a card of a scan that Ctrl-C ended can be kept: it said which card it is, or was asked to the end.

    One that did neither would be another card of the inventory whenever it comes again.
    """
    from gpucheck.model.base import Unavailable
    from gpucheck.model.evidence import SECTIONS
    from gpucheck.store.identity import identity_of
    from gpucheck.watchdog import INTERRUPTED

    missing = [each for name in SECTIONS if isinstance(each := getattr(evidence, name), Unavailable)]
    stated = identity_of(evidence)
    known = bool(stated.uuid or stated.pdi or stated.serial)
    return something(evidence) and (known or all(each.detail != INTERRUPTED for each in missing))


def tell_left_out(count: int) -> None:
    """Tell how many cards of a scan that Ctrl-C ended are not kept."""
    if count:
        say(f"Cards that were not examined, and are not kept: {count}. Do it again to take them in.")


def _rom(path: str | None) -> "VbiosFacts | None":
    """The ROM that the call names, read before anything is measured."""
    if path is None:
        return None
    from gpucheck.sources.vbios.origin import read_file

    return read_file(path)


def _plan(options: dict[str, Any]) -> "Plan":
    from gpucheck.pipeline import Plan

    return Plan(probe=not options["no_probe"], quick=options["quick"], deep=options["deep"], seed=options["seed"])


def _scenarios(asked: Sequence[str]) -> tuple[str, ...]:
    """Scenarios of the command line, else of the environment, which is said aloud."""
    if asked:
        return tuple(chain.from_iterable(map(_times, asked)))
    named = tuple(name.strip() for name in os.environ.get(SIMULATE_VARIABLE, "").split(",") if name.strip())
    if named:
        say(f"{SIMULATE_VARIABLE} is set: simulating {', '.join(named)}; no real card is examined.")
    return tuple(chain.from_iterable(map(_times, named)))


def _times(asked: str) -> list[str]:
    """``37:rtx-4090`` is that card 37 times, each with an identity of its own."""
    count, colon, name = asked.partition(":")
    if not (colon and count.isascii() and count.isdigit()):
        return [asked]
    if len(count) > 4 or not 1 <= int(count) <= MOST_SIMULATED:
        raise CallError(f"{sanitise(asked, 80)} asks for too many cards or none.", f"Ask for 1 to {MOST_SIMULATED}.")
    return [name] * int(count)


def _simulated(names: tuple[str, ...], options: dict[str, Any]) -> "Machine":
    if options["device"]:
        raise CallError("--device chooses among real cards.", "Name the scenarios that you want after --simulate.")
    if options["nvattest"]:
        raise CallError("--nvattest asks a real card.", "A scenario states its attestation in [declared.attestation].")
    from gpucheck.simulation import machine

    try:
        return machine(names)
    except GpucheckError as error:
        raise CallError(error.message, error.hint) from error


def _real(device: Sequence[str], *, nvattest: bool) -> "Machine":
    from gpucheck.machine import host_machine

    found = host_machine(select=tuple(device))
    for note in found.notes:
        say(note)
    return found.with_nvattest() if nvattest else found
