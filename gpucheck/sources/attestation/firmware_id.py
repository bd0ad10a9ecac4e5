"""The digest of the firmware that a leaf's certificate was made for (DICE, TCG's "FWID").

Two forms are in use: GH100 has extension 2.23.133.5.4.1, a sequence that ends in algorithm and digest; GB100 has
2.23.133.5.4.1.1, a sequence in which context tag 6 holds a list of them. Facts: TCG's DICE Attestation Architecture;
NVIDIA's attestation-sdk and nvtrust, which compare it with field 20 of the report. The reader here knows as much of DER
as that takes, and finds nothing in what is malformed.
"""

from collections.abc import Iterator

EXTENSIONS = ("2.23.133.5.4.1", "2.23.133.5.4.1.1")
DIGEST_BYTES = 48

_SEQUENCE, _OBJECT, _OCTETS, _LIST = 0x30, 0x06, 0x04, 0xA6
_SHA384 = bytes.fromhex("608648016503040202")
_DEEPEST = 8


def digests(extension: bytes) -> tuple[bytes, ...]:
    """Every SHA-384 digest that an extension names as firmware, in order; empty where there is none."""
    return tuple(_find(extension, 0))


def _find(data: bytes, depth: int) -> Iterator[bytes]:
    """Search sequences within sequences for pairs of algorithm and digest."""
    if depth > _DEEPEST:
        return
    for tag, value in _elements(data):
        if tag not in (_SEQUENCE, _LIST):
            continue
        inner = list(_elements(value))
        if _is_digest(inner):
            yield inner[1][1]
        else:
            yield from _find(value, depth + 1)


def _is_digest(inner: list[tuple[int, bytes]]) -> bool:
    return (
        len(inner) == 2
        and inner[0] == (_OBJECT, _SHA384)
        and inner[1][0] == _OCTETS
        and len(inner[1][1]) == DIGEST_BYTES
    )


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each element in a row; the row ends where one does not fit."""
    at = 0
    while at + 2 <= len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length >= 0x80:
            width = length & 0x7F
            length = int.from_bytes(data[at : at + width], "big") if 1 <= width <= 4 else len(data)
            at += width
        if at + length > len(data):
            return
        yield tag, data[at : at + length]
        at += length
