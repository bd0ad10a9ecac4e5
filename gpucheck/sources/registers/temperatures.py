"""Temperatures that NVML does not tell: the hottest place of the die, and every memory chip with a sensor of its own.

GDDR6X has such sensors, plain GDDR6 has none (LACT asks for them with GDDR6X and GDDR7 alone), so who uses the readings
must know which memory the card has. Sources of the places: the table in ``layout``.
"""

from typing import Any

from gpucheck.model.base import Reason, Unavailable
from gpucheck.sources.registers.facts import Load, Session
from gpucheck.sources.registers.layout import chip_of_boot_0, places, register

_BOTH_SIDES = 1 << 22
_HOTTEST = 0x7F
"""°C; other monitoring tools take what is above for no reading either."""
_LARGEST_CODE = 0x50
_CANDIDATES = (((0, 24), (2, 26)), ((1, 25), (3, 27)))
"""For each of a partition's two channels: word and status bit, the first that is valid counts."""
_NO_SENSOR = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="no sensor of it is on record for this chip")


def temperatures(load: Load, window_bytes: int) -> dict[str, Any]:
    """Fields of ``Telemetry`` that could be read, and under ``missing`` the reasons of those that could not."""
    session = Session(load, window_bytes)
    first = session.value(0, register("boot_0"))
    if isinstance(first, Unavailable):
        return {"missing": dict.fromkeys(("hotspot_celsius", "memory_chips_celsius"), first)}
    session.chip_id = chip_of_boot_0(first)
    found: dict[str, Any] = {}
    hotspot = session.one("hotspot", "hotspot_celsius")
    if hotspot is not None:
        degrees = hotspot >> 8 & 0xFF
        if 0 < degrees <= _HOTTEST:
            found["hotspot_celsius"] = float(degrees)
        else:
            session.refuse("hotspot_celsius", f"{degrees} °C is no temperature of a die")
    if chips := _memory_chips(session):
        found["memory_chips_celsius"] = chips
    else:
        session.missing["memory_chips_celsius"] = _NO_SENSOR
    return {**found, "missing": session.missing}


def _memory_chips(session: Session) -> tuple[float, ...]:
    """One reading a chip, partition after partition; a chip without a valid reading is left out."""
    status, words = register("chip_status"), register("chip_temperature")
    starts = places(words, session.chip_id)
    return tuple(
        degrees
        for at, start in zip(places(status, session.chip_id), starts, strict=True)
        if isinstance(valid := session.value(at, status), int)
        for channel in _CANDIDATES
        for degrees in _channel(session, start, valid, channel)
    )


def _channel(session: Session, start: int, valid: int, candidates: tuple[tuple[int, int], ...]) -> tuple[float, ...]:
    row = register("chip_temperature")
    for word, bit in candidates:
        if not valid >> bit & 1:
            continue
        data = session.value(start + 4 * word, row)
        if isinstance(data, int) and _is_code(front := data >> 16 & 0xFF):
            behind = data >> 24
            both = _both_sides(session) and _is_code(behind)
            return (_celsius(front), _celsius(behind)) if both else (_celsius(front),)
    return ()


def _both_sides(session: Session) -> bool:
    row = register("partition_config")
    found = next((v for at in places(row, session.chip_id) if isinstance(v := session.value(at, row), int)), 0)
    return bool(found & _BOTH_SIDES)


def _is_code(code: int) -> bool:
    return 0 < code < 0xFF


def _celsius(code: int) -> float:
    return 2.0 * min(code, _LARGEST_CODE) - 40.0
