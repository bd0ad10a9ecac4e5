"""Bytes of a ROM, read within their bounds."""

from dataclasses import dataclass

from gpucheck.model.base import GpucheckError, Reason, Unavailable
from gpucheck.model.text import sanitise

LIMIT_BYTES = 16 << 20
"""The largest flash chip on any card is 2 MiB; eight times that is no VBIOS."""

_TEXT_LIMIT = 120


class VbiosError(GpucheckError):
    """Bytes that hold no VBIOS of NVIDIA's."""

    reason = Reason.FAILED


class Unreadable(Exception):  # noqa: N818 - not an error: one fact stays unknown, with its reason
    """A structure that is not there, that lies outside of the file, or whose layout is not known."""

    def __init__(self, detail: str, reason: Reason = Reason.NOT_SUPPORTED) -> None:
        super().__init__(detail)
        self.absence = Unavailable(unavailable=reason, detail=sanitise(detail, 200))


@dataclass(frozen=True)
class Rom:
    """Little-endian reads; outside of the bytes they raise ``Unreadable``."""

    data: bytes

    def __len__(self) -> int:
        return len(self.data)

    def block(self, at: int, length: int) -> bytes:
        """Return ``length`` bytes."""
        if at < 0 or length < 0 or at + length > len(self.data):
            raise Unreadable(f"it would lie at {at:#x}, outside of the {len(self.data)} bytes that there are")
        return self.data[at : at + length]

    def number(self, at: int, width: int) -> int:
        """Return an unsigned number of ``width`` bytes."""
        return int.from_bytes(self.block(at, width), "little")

    def u8(self, at: int) -> int:
        """One byte."""
        return self.number(at, 1)

    def u16(self, at: int) -> int:
        """Two bytes."""
        return self.number(at, 2)

    def u32(self, at: int) -> int:
        """Four bytes."""
        return self.number(at, 4)

    def has(self, magic: bytes, at: int) -> bool:
        """Whether ``magic`` stands there."""
        return at >= 0 and self.data.startswith(magic, at)


def text(raw: bytes) -> str | None:
    """Return what stands before the first zero byte as one clean line of ASCII, None where that is nothing."""
    plain = raw.partition(b"\0")[0].decode("ascii", "replace").replace("\ufffd", "?")
    return sanitise(plain, _TEXT_LIMIT) or None
