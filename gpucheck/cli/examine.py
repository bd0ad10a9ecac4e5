"""Choosing a machine and collecting from it, for ``scan`` and ``collect``."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpucheck.cli.errors import CallError, say
from gpucheck.cli.options import SIMULATE_VARIABLE, exclusive
from gpucheck.cli.progress import Progress
from gpucheck.model.base import GpucheckError

if TYPE_CHECKING:
    from gpucheck.model.evidence import Evidence
    from gpucheck.model.vbios import VbiosFacts
    from gpucheck.pipeline import Machine, Plan

REAL_SECONDS = 120.0
SIMULATED_SECONDS = 10.0
"""Limit for each stage. A simulated card may hang on purpose, and nothing simulated takes long."""


def examine(options: dict[str, Any]) -> "tuple[Evidence, ...]":
    """Collect the evidence of every chosen card; ``options`` are those of ``machine_options`` and ``depth_options``."""
    rom = _rom(options["vbios"])
    exclusive(quick=options["quick"], deep=options["deep"], no_probe=options["no_probe"])
    scenarios = _scenarios(options["simulate"])
    machine = _simulated(scenarios, options["device"]) if scenarios else _real(options["device"])
    if rom is not None and len(machine.cards) != 1:
        raise CallError(
            f"--vbios is the ROM of one card, and there are {len(machine.cards)}.", "Choose the card with --device."
        )
    limit = options["timeout"] or (SIMULATED_SECONDS if scenarios else REAL_SECONDS)
    from gpucheck.watchdog import collect_all

    with Progress(verbose=options["verbose"]) as progress:
        found = collect_all(
            machine.cards, _plan(options), timeout_seconds=limit, on_event=progress, at_once=options["jobs"]
        )
    return found if rom is None else tuple(each.model_copy(update={"vbios": rom}) for each in found)


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
        return tuple(asked)
    named = tuple(name.strip() for name in os.environ.get(SIMULATE_VARIABLE, "").split(",") if name.strip())
    if named:
        say(f"{SIMULATE_VARIABLE} is set: simulating {', '.join(named)}; no real card is examined.")
    return named


def _simulated(names: tuple[str, ...], device: Sequence[str]) -> "Machine":
    if device:
        raise CallError("--device chooses among real cards.", "Name the scenarios that you want after --simulate.")
    from gpucheck.simulation import machine

    try:
        return machine(names)
    except GpucheckError as error:
        raise CallError(error.message, error.hint) from error


def _real(device: Sequence[str]) -> "Machine":
    from gpucheck.machine import host_machine

    found = host_machine(select=tuple(device))
    for note in found.notes:
        say(note)
    return found
