"""From registers to facts. Any values give facts or reasons; nothing is ever raised for what a card answers."""

from collections.abc import Callable
from typing import Any, Literal

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.units import KIB, MIB
from gpucheck.sources.registers.layout import Name, Register, chip_of_boot_0, chip_of_boot_42, places, register
from gpucheck.sources.registers.refusals import is_absent_unit, refusal

Load = Callable[[int], int]
"""Reads the 32 bits at an offset in bytes."""

_CLAMSHELL = 1 << 22
_PARTITIONS = ("memory_partitions", "partition_bytes")
_MASKS: tuple[Name, ...] = ("gpc_disable", "fbp_disable")
_LARGEST_MIB = 1 << 22
"""4 TiB: beyond that a size is garbage."""


class Session:
    """One pass over a card's registers: what was read, and why the rest was not."""

    def __init__(self, load: Load, window_bytes: int) -> None:
        self._load = load
        self._window_bytes = window_bytes
        self.chip_id = 0
        self.raw: dict[str, str] = {}
        self.missing: dict[str, Unavailable] = {}

    def word(self, offset: int) -> int | Unavailable:
        """The bare value at an offset, or that the window does not reach so far."""
        if offset + 4 > self._window_bytes:
            reach = f"the card's memory window of {self._window_bytes // KIB} KiB does not reach the register"
            return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=reach)
        value = self._load(offset)
        self.raw[f"{offset:#08x}"] = f"{value:#010x}"
        return value

    def value(self, offset: int, row: Register) -> int | Unavailable:
        """The value of a register at an offset, or why it is none."""
        found = self.word(offset)
        return found if isinstance(found, Unavailable) else refusal(found, zero=row.zero) or found

    def one(self, name: Name, field: str) -> int | None:
        """The value of a register that there is once; ``missing`` says why of a field that has none."""
        row = register(name)
        found: int | Unavailable = _NOT_LAID_OUT
        for offset in places(row, self.chip_id):
            found = self.value(offset, row)
        if isinstance(found, Unavailable):
            self.missing[field] = found
            return None
        return found

    def refuse(self, field: str, detail: str) -> None:
        """Note why a field has no value though its register has one."""
        self.missing[field] = Unavailable(unavailable=Reason.FAILED, detail=detail)


_NOT_LAID_OUT = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="no place of it is on record for this chip")


def collect(load: Load, window_bytes: int, source: Literal["sysfs", "simulated"]) -> Collected[RegisterFacts]:
    """Read what the table names for the chip that is there, its own number first."""
    session = Session(load, window_bytes)
    first = session.value(0, register("boot_0"))
    if isinstance(first, Unavailable):
        return first
    session.chip_id = chip_of_boot_0(first)
    facts = {**_identity(session, first), **_board(session), **_partitions(session), **_fuses(session)}
    return RegisterFacts(
        source=source,
        window_bytes=window_bytes,
        **facts,
        missing=session.missing,
        raw=dict(sorted(session.raw.items())),
    )


def _identity(session: Session, boot_0: int) -> dict[str, Any]:
    """Both registers must name one chip. Chips of before 2008 have the first alone, and the second then reads zero."""
    row = register("boot_42")
    second = session.value(row.offset, row)
    if not isinstance(second, Unavailable) and chip_of_boot_42(second) != session.chip_id:
        numbers = f"{session.chip_id:#05x} and {chip_of_boot_42(second):#05x}"
        session.refuse("chip_id", f"the two registers of the chip's number disagree: {numbers}")
        session.chip_id = 0
        return {}
    return {"chip_id": session.chip_id, "revision": f"{boot_0 & 0xFF:02X}"}


def _board(session: Session) -> dict[str, Any]:
    straps = session.one("straps", "memory_strap")
    return {"memory_bytes": _memory_bytes(session), "memory_strap": None if straps is None else straps >> 2 & 0xF}


def _memory_bytes(session: Session) -> int | None:
    if register("usable_memory").on(session.chip_id):
        size = session.one("usable_memory", "memory_bytes")
    else:
        found = session.one("memory_range", "memory_bytes")
        # With bit 30 a sixteenth of it is kept for error correction.
        kept = 16 if found is None or not found >> 30 & 1 else 15
        size = None if found is None else ((found >> 4 & 0x3F) << (found & 0xF)) * kept // 16
    if size is not None and not 0 < size <= _LARGEST_MIB:
        session.refuse("memory_bytes", f"{size} MiB is no size of a memory")
        return None
    return None if size is None else size * MIB


def _partitions(session: Session) -> dict[str, Any]:
    return {"clamshell": _clamshell(session), **_amounts(session)}


def _clamshell(session: Session) -> bool | None:
    """Of the first partition that answers: all are set up alike."""
    row, why = register("partition_config"), _NOT_LAID_OUT
    for offset in places(row, session.chip_id):
        found = session.value(offset, row)
        if not isinstance(found, Unavailable):
            return bool(found & _CLAMSHELL)
        why = found
    session.missing["clamshell"] = why
    return None


def _amounts(session: Session) -> dict[str, Any]:
    """Number and size of the partitions, where every one either tells its size or is fused off."""
    row, sizes = register("partition_amount"), []
    for offset in places(row, session.chip_id):
        bare = session.word(offset)
        if isinstance(bare, int) and is_absent_unit(bare):
            continue
        found = bare if isinstance(bare, Unavailable) else refusal(bare) or bare
        if isinstance(found, int) and found > _LARGEST_MIB:
            found = Unavailable(unavailable=Reason.FAILED, detail=f"{found} MiB is no size of a memory partition")
        if isinstance(found, Unavailable):
            session.missing |= dict.fromkeys(_PARTITIONS, found)
            return {}
        sizes.append(found)
    if not sizes:
        session.missing |= dict.fromkeys(_PARTITIONS, _NOT_LAID_OUT)
        return {}
    if len(set(sizes)) > 1:
        told = ", ".join(map(str, sizes))
        session.refuse("partition_bytes", f"the partitions differ: {told} MiB")
        return {"memory_partitions": len(sizes)}
    return {"memory_partitions": len(sizes), "partition_bytes": sizes[0] * MIB}


def _fuses(session: Session) -> dict[str, Any]:
    first = session.one("fused_device_id_a", "fused_device_ids")
    second = session.one("fused_device_id_b", "fused_device_ids")
    locked = session.one("device_id_locked", "device_id_locked")
    masks = {name: mask for name in _MASKS if (mask := session.one(name, name)) is not None}
    both = first is not None and second is not None
    ids = tuple(found & 0xFFFF for found in (first, second) if found is not None) if both else ()
    return {"fused_device_ids": ids, "device_id_locked": None if locked is None else locked == 1, "fused_off": masks}
