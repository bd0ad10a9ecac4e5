"""The kernel driver's own copy of a card's identity, from ``/proc/driver/nvidia``.

Facts of the format: ``nv-procfs.c`` in NVIDIA's open kernel modules. The texts can also come from a bug report, so the
parsers are public. UUID and VBIOS version show question marks until somebody has opened the card since the driver's
start; those mean "not yet known" and give no value.
"""

import os
import re
from pathlib import Path

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.evidence import DriverFacts
from gpucheck.model.text import sanitise
from gpucheck.sources.files import normalise_bdf, read_text

_VERSION = re.compile(r"Module(?:\s+for\s+\S+)?\s+(\d+\.\d[\d.]*)")
_BUILDER = re.compile(r"\((?!dvs-builder@)[^()@\s]{1,64}@[^()\s]{1,64}\)")
"""Who built the module, where that was not NVIDIA: a person's name and machine."""
_OLD_ADDRESS = re.compile(r"^([0-9a-fA-F]{4}:[0-9a-fA-F]{2})\.(?=[0-9a-fA-F]{2}\.)")
"""Drivers of the 300 branches write ``0000:04.00.0``."""
_RAW_LIMIT = 2048


def read(proc_root: Path | str, bdf: str) -> Collected[DriverFacts]:
    """Read what the driver holds on the card at ``bdf``; on Linux only.

    A card that the driver does not know gives the driver's version and no ``bdf``.
    """
    folder = Path(proc_root) / "driver" / "nvidia"
    version = read_text(folder / "version")
    if isinstance(version, Unavailable):
        return _no_driver(Path(proc_root), version)
    information = read_text(_card_folder(folder / "gpus", bdf) / "information")
    return parse(version, None if isinstance(information, Unavailable) else information)


def read_version(proc_root: Path | str) -> str | None:
    """Return the version of the loaded kernel driver, None where none is loaded."""
    text = read_text(Path(proc_root) / "driver" / "nvidia" / "version")
    return None if isinstance(text, Unavailable) else parse_version(text)


def refusal(proc_root: Path | str, bdf: str, dev_root: Path | str = "/dev") -> Unavailable | None:
    """Say whether a card that the driver holds is kept from this process (control groups, access rights).

    It opens the card's device node, which can take long on a dead card. None where nothing is in the way.
    """
    minor = device_minor(proc_root, bdf)
    if isinstance(minor, Unavailable):
        return None
    try:
        os.close(os.open(Path(dev_root) / f"nvidia{minor}", os.O_RDWR))
    except (PermissionError, FileNotFoundError):
        detail = "the card is not given to this process (container, control group or access rights)"
        return Unavailable(unavailable=Reason.NO_PERMISSION, detail=detail)
    except OSError:
        return None
    return None


def device_minor(proc_root: Path | str, bdf: str) -> int | Unavailable:
    """Return N of the node ``/dev/nvidiaN`` that is the card's, or why it is not known."""
    folder = Path(proc_root) / "driver" / "nvidia"
    information = read_text(_card_folder(folder / "gpus", bdf) / "information")
    if isinstance(information, Unavailable):
        if information.unavailable is Reason.NOT_SUPPORTED and (folder / "version").exists():
            return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="the driver does not hold this card")
        return _no_driver(Path(proc_root), information)
    minor = parse_information(information).get("device minor", "")
    if not minor.isdecimal() or len(minor) > 4:
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="the driver names no device node of the card")
    return int(minor)


def parse(version_text: str, information_text: str | None) -> DriverFacts:
    """Make facts of the text of ``version`` and of one card's ``information``."""
    version_text = _BUILDER.sub("(built elsewhere)", version_text[: _RAW_LIMIT * 4])
    raw = {"version": sanitise(version_text, _RAW_LIMIT)}
    known: dict[str, str] = {}
    if information_text is not None:
        raw["information"] = sanitise(information_text, _RAW_LIMIT)
        known = parse_information(information_text)
    excluded = known.get("gpu excluded", known.get("blacklisted"))
    return DriverFacts(
        version=parse_version(version_text),
        module_text=_first_line(version_text),
        model=_known(known.get("model")),
        uuid=_known(known.get("gpu uuid")),
        vbios_version=_known(known.get("video bios")),
        bdf=normalise_bdf(_OLD_ADDRESS.sub(r"\1:", known.get("bus location", ""))),
        excluded=None if excluded is None else excluded.lower() == "yes",
        firmware_version=_known(known.get("gpu firmware")),
        raw=raw,
    )


def parse_version(text: str) -> str | None:
    """Return ``570.172.08`` from the line that starts with ``NVRM version``."""
    match = _VERSION.search(_first_line(text) or "")
    return match[1].rstrip(".") if match else None


def parse_information(text: str) -> dict[str, str]:
    """Return the pairs of an ``information`` text, names in small letters, values sanitised."""
    pairs = (line.partition(":") for line in text.splitlines()[:64])
    return {sanitise(name).lower(): sanitise(value) for name, colon, value in pairs if colon}


def _first_line(text: str) -> str | None:
    lines = [line for line in text.splitlines() if line.startswith("NVRM version")]
    return sanitise(lines[0].partition(":")[2]) if lines else None


def _known(value: str | None) -> str | None:
    return None if not value or "?" in value or value.lower() in ("unknown", "n/a") else value


def _card_folder(folder: Path, bdf: str) -> Path:
    try:
        found = [entry for entry in folder.iterdir() if normalise_bdf(entry.name) == bdf]
    except OSError:
        found = []
    return found[0] if found else folder / bdf


def _no_driver(proc_root: Path, reason: Unavailable) -> Unavailable:
    if reason.unavailable is not Reason.NOT_SUPPORTED:
        return reason
    if not (proc_root / "version").exists():
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="this system has no Linux procfs")
    release = read_text(proc_root / "sys" / "kernel" / "osrelease")
    if isinstance(release, str) and "microsoft" in release.lower():
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="under WSL the driver runs on the Windows side")
    return Unavailable(
        unavailable=Reason.NOT_INSTALLED,
        detail="NVIDIA's kernel driver is not loaded; install it, or load it with `modprobe nvidia`",
    )
