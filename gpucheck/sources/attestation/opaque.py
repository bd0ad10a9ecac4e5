"""What the firmware adds to its signed report: versions and the numbers of board and chip.

The data is a row of fields: type and length in 2 bytes each, little-endian, then the value. Numbers of the types and
the order of the VBIOS bytes: NVIDIA's attestation-sdk (Apache-2.0). Seen in public reports of GH100, GB100 and LS10.
"""

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.text import sanitise

DRIVER_VERSION, VBIOS_VERSION, BOARD_ID, CHIP_SKU = 3, 6, 14, 15
PROJECT, PROJECT_SKU, FIRMWARE_ID, SWITCH_IDENTITY = 17, 18, 20, 22

_TEXTS = {
    "driver_version": DRIVER_VERSION,
    "chip_sku": CHIP_SKU,
    "project": PROJECT,
    "project_sku": PROJECT_SKU,
}
_TEXT_LIMIT = 40
_NOT_IN_IT = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="the firmware does not put it into its report")
_UNREADABLE = Unavailable(unavailable=Reason.FAILED, detail="the report holds it in a form that is not known")


def fields(data: bytes) -> dict[int, bytes] | None:
    """Values by type; None where the row does not fill the data. Of a type that comes twice, the first counts."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        kind, length = int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 2 : at + 4], "little")
        if at + 4 + length > len(data):
            return None
        found.setdefault(kind, data[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def facts(found: dict[int, bytes]) -> tuple[dict[str, str], dict[str, Unavailable]]:
    """Return the fields of ``Attestation`` that the report states, and why the others are missing."""
    values: dict[str, str] = {}
    missing: dict[str, Unavailable] = {}
    decoded = {name: text(found[kind]) for name, kind in _TEXTS.items() if kind in found}
    if VBIOS_VERSION in found:
        decoded["vbios_version"] = vbios_version(found[VBIOS_VERSION])
    if BOARD_ID in found:
        decoded["board_id"] = board_id(found[BOARD_ID])
    for name in (*_TEXTS, "vbios_version", "board_id"):
        value = decoded.get(name)
        if value:
            values[name] = value
        else:
            missing[name] = _UNREADABLE if name in decoded else _NOT_IN_IT
    return values, missing


def text(raw: bytes) -> str:
    """Text before the first zero byte, on one safe line; empty where it is none."""
    plain = raw.partition(b"\0")[0]
    return sanitise(plain.decode("ascii", "replace").replace("\ufffd", "?"), _TEXT_LIMIT) if plain.isascii() else ""


def vbios_version(raw: bytes) -> str:
    """``96.00.A5.00.01``: eight bytes on GPUs, a word and its suffix, little-endian; text on NVSwitch."""
    if len(raw) != 8:
        return text(raw).upper()
    word, suffix = int.from_bytes(raw[:4], "little"), raw[4]
    return ".".join(f"{byte:02X}" for byte in (*word.to_bytes(4, "big"), suffix))


def board_id(raw: bytes) -> str:
    """``04A1``: a number, little-endian, as the VBIOS writes it."""
    return f"{int.from_bytes(raw, 'little'):04X}" if 0 < len(raw) <= 8 else ""
