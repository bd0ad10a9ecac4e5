"""An SPDM 1.1 GET_MEASUREMENTS exchange: the question with its nonce, and the signed answer. Bytes in, facts out.

Layout: DMTF DSP0274 1.1, and NVIDIA's published verifiers (attestation-sdk, Apache-2.0; nvtrust, BSD/Apache). The
question has 37 bytes: version, code E0, two parameters, a nonce of 32, the certificate slot. The answer: version, code
60, two parameters, a count of measurements and their length in 3 bytes, the measurements, the die's own nonce, opaque
data with its length in 2 bytes, and a signature of 96 bytes (r and s) over all that precedes it, question included.
Numbers are little-endian, r and s big-endian.
"""

from dataclasses import dataclass

REPORT_LIMIT_BYTES = 1 << 16
"""NVML's buffer has 8 KiB, and public reports have some 4 KiB."""
NONCE_BYTES = 32
QUESTION_BYTES = 37
SIGNATURE_BYTES = 96
SUPPORTED_VERSION = 0x11

_GET_MEASUREMENTS, _MEASUREMENTS = 0xE0, 0x60


class NoReport(Exception):  # noqa: N818 - an outcome, not an error: nothing can be said of these bytes
    """The bytes are no report that can be read; the text says why."""


@dataclass(frozen=True)
class Report:
    """An exchange whose structure holds. Nothing about it is verified yet."""

    version: int
    nonce: bytes
    """Of the question: whoever asked chose it."""
    wants_signature: bool
    slot: int
    measurements: dict[int, bytes]
    """By index from 1: type and value."""
    opaque: bytes
    signed: bytes
    """All that the signature covers."""
    signature: bytes


def parse(data: bytes) -> Report:
    """Take a report apart. Raises ``NoReport`` where the bytes end early, go on too long, or are something else."""
    if len(data) > REPORT_LIMIT_BYTES:
        raise NoReport(f"a report of {len(data):,} bytes is larger than any")
    cursor = _Cursor(data)
    version, code, asked, _ = cursor.take(4, "question")
    if code != _GET_MEASUREMENTS:
        raise NoReport("it does not begin with the question for measurements")
    if version != SUPPORTED_VERSION:
        raise NoReport(f"it is of SPDM version {version >> 4}.{version & 15}; only 1.1 can be read")
    nonce = cursor.take(NONCE_BYTES, "nonce")
    (slot,) = cursor.take(1, "certificate slot")
    answered, code, _, _ = cursor.take(4, "answer")
    if (answered, code) != (version, _MEASUREMENTS):
        raise NoReport("what follows the question is no answer with measurements")
    (count,) = cursor.take(1, "number of measurements")
    record = cursor.take(cursor.number(3, "length of the measurements"), "measurements")
    cursor.take(NONCE_BYTES, "the die's nonce")
    opaque = cursor.take(cursor.number(2, "length of the opaque data"), "opaque data")
    signed = data[: cursor.at]
    signature = cursor.take(SIGNATURE_BYTES, "signature")
    if cursor.at != len(data):
        raise NoReport(f"{len(data) - cursor.at} bytes follow the signature")
    return Report(version, nonce, bool(asked & 1), slot & 15, _blocks(record, count), opaque, signed, signature)


def _blocks(record: bytes, count: int) -> dict[int, bytes]:
    cursor, found = _Cursor(record), dict[int, bytes]()
    for _ in range(count):
        index, _ = cursor.take(2, "head of a measurement")
        found[index] = cursor.take(cursor.number(2, "length of a measurement"), "measurement")
    if cursor.at != len(record):
        raise NoReport("the measurements do not fill the room that they are given")
    return found


class _Cursor:
    """Takes bytes one after the other, and refuses to go beyond their end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int, what: str) -> bytes:
        """Return the next bytes. Raises ``NoReport``."""
        if length > len(self.data) - self.at:
            raise NoReport(f"the report ends within the {what}")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, length: int, what: str) -> int:
        return int.from_bytes(self.take(length, what), "little")
