"""How thorough a scan is: what each mode leaves out, and how long a stage may take before it is given up.

The limits are no measure of how long a stage takes. They are wide enough for a slow but sound card on a slow host, a
first start of the driver included, so that only what hangs runs into them.
"""

from typing import Literal

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import MEASURED_SECTIONS, SECTIONS

Mode = Literal["quick", "default", "deep"]

LEFT_OUT: dict[Mode, dict[str, str]] = {
    "quick": {"load": "--quick keeps no card under load; a default scan does"},
    "default": {},
    "deep": {},
}
"""Stages that a mode does not run, and what to say of them."""

ALONE = frozenset({"host_link"})
"""Stages that cards side by side run one after the other: they share what is measured."""

LONGEST_TURN_SECONDS = 60.0
"""A card waits so long for its turn at most; then it measures all the same, and says so."""

_START_SECONDS = 60.0
"""Any stage may be the one that opens the card: without a persistent driver that alone can take half a minute."""
_SECONDS: dict[str, tuple[float, float, float]] = {
    # stage: quick, default, deep; beyond the start
    "census": (30, 60, 60),
    "throughput": (30, 60, 120),
    "fingerprint": (30, 30, 60),
    "latency": (30, 120, 600),
    "bandwidth": (30, 60, 120),
    "slab_map": (60, 120, 600),
    "memory_walk": (120, 240, 900),
    "host_link": (60 + LONGEST_TURN_SECONDS, 120 + LONGEST_TURN_SECONDS, 240 + LONGEST_TURN_SECONDS),
    "load": (60, 120, 300),
}
_MODES: tuple[Mode, ...] = ("quick", "default", "deep")


def left_out(mode: Mode, stage: str) -> Unavailable | None:
    """Return why a mode does not run a stage, None where it does."""
    why = LEFT_OUT[mode].get(stage)
    return None if why is None else Unavailable(unavailable=Reason.NOT_REQUESTED, detail=why)


def limit_seconds(mode: Mode, stage: str) -> float:
    """Return how long a stage may take on a real card."""
    beyond = (
        (0.0, 0.0, 0.0)
        if stage in SECTIONS and stage not in MEASURED_SECTIONS
        else _SECONDS.get(stage, (60.0, 120.0, 600.0))
    )
    return _START_SECONDS + beyond[_MODES.index(mode)]
