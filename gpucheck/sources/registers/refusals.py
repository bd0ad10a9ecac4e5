"""Values that are no data: what the card answers where a register is refused, asleep, fused off or not there.

Facts: the error codes in NVIDIA's ``dev_pri_ringstation_sys.h`` and ``dev_nv_xal_ep_zb.h`` (open-gpu-kernel-modules,
MIT), of which the low byte varies; where each was met on real boards: the survey named in ``layout``.
"""

from gpucheck.model.base import Reason, Unavailable

ALL_ONES = 0xFFFFFFFF

_LOCKED = "the card has locked itself after a security fault"
_TIMEOUT = "the unit behind it did not answer the card in time"
_PROTOCOL = "the card's own register bus reports a fault"
_FUSED_OFF = "the unit behind it is fused off"
_KINDS: dict[int, tuple[Reason, str]] = {
    0xBADF02: (Reason.FAILED, _LOCKED),
    0xBADF10: (Reason.FAILED, _TIMEOUT),
    0xBADF11: (Reason.NOT_SUPPORTED, "there is no register on this chip"),
    0xBADF12: (Reason.FAILED, "the unit behind it is held in reset or has no clock"),
    0xBADF13: (Reason.NOT_SUPPORTED, _FUSED_OFF),
    0xBADF20: (Reason.NOT_SUPPORTED, _FUSED_OFF),
    0xBADF30: (Reason.FAILED, "the card's own register bus is dead"),
    0xBADF40: (Reason.NO_PERMISSION, "the card traps the read"),
    0xBADF41: (Reason.NO_PERMISSION, "the card's security processor locks it"),
    0xBADF50: (Reason.NO_PERMISSION, "the card shows it to its own firmware alone"),
    0xBADF51: (Reason.NO_PERMISSION, "the card shows it to its own firmware alone"),
    0xBAD001: (Reason.FAILED, _TIMEOUT),
    0xBAD002: (Reason.FAILED, _LOCKED),
    0xBAD00F: (Reason.FAILED, _PROTOCOL),
    0xBAD0B0: (Reason.FAILED, "the card's memory did not answer in time"),
} | dict.fromkeys(range(0xBADF14, 0xBADF18), (Reason.FAILED, _PROTOCOL))
_UNIT_IS_OFF = {0xBADF11, 0xBADF13, 0xBADF20}


def refusal(value: int, *, zero: bool = False) -> Unavailable | None:
    """Why a value is no data, None where it is. ``zero`` says that a zero is a value like any other."""
    if value == ALL_ONES:
        return Unavailable(unavailable=Reason.FAILED, detail="the card does not answer: every bit reads as one")
    if value == 0 and not zero:
        return Unavailable(unavailable=Reason.FAILED, detail="it reads as zero, which it cannot be")
    if value >> 16 not in (0xBADF, 0xBAD0):
        return None
    reason, words = _KINDS.get(value >> 8, (Reason.FAILED, "the card answers with an error"))
    return Unavailable(unavailable=reason, detail=f"{words} ({value:#010x})")


def is_absent_unit(value: int) -> bool:
    """Whether the unit behind a register is not there for good, rather than refused or asleep."""
    return value >> 8 in _UNIT_IS_OFF
