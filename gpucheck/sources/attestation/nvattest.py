"""A Blackwell die's evidence outside of confidential computing, through NVIDIA's own tool ``nvattest``.

As NVIDIA documents it (Corelib, "Getting Started"): ``nvattest collect-evidence --gpu-evidence-source=corelib
--gpu-architecture=blackwell --nonce=HEX --format=json``, as root, version 1.1 or newer, with the library Corelib. It
opens an SPDM session with the card's firmware, and asks for certificates and measurements. What it prints is
verified here, so that a false tool gains nothing. It does not say which card an answer is of: of several cards none is
taken. Nobody here has seen it run; it is asked only where a person wants it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.text import sanitise
from gpucheck.sources.attestation.saved import EvidenceFileError, Saved, parse

TOOL = "nvattest"
FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where root's own programs are; the variable PATH is not asked, as anybody may have set it."""
LIMIT_SECONDS = 40.0
_OUTPUT_LIMIT = 1 << 20


def ask(nonce: bytes, cards: int, tool: str | None = None, seconds: float = LIMIT_SECONDS) -> Saved | Unavailable:
    """Return the evidence of the one card of a machine. ``tool`` is for tests."""
    refusal = _refusal(cards, tool)
    if refusal:
        return refusal
    printed = _printed(tool or _found() or TOOL, nonce, seconds)
    return printed if isinstance(printed, Unavailable) else _evidence(printed)


def _refusal(cards: int, tool: str | None) -> Unavailable | None:
    if not sys.platform.startswith("linux"):
        return _absent(Reason.NOT_SUPPORTED, "NVIDIA's tool nvattest runs on Linux only")
    if cards != 1:
        return _absent(
            Reason.NOT_SUPPORTED, f"nvattest does not say which of the {cards} NVIDIA cards here an answer is of"
        )
    if tool:
        return None
    if _found() is None:
        return _absent(Reason.NOT_INSTALLED, "NVIDIA's tool nvattest is not installed, which asks this die")
    return _absent(Reason.NO_PERMISSION, "only root may ask this die through nvattest") if os.geteuid() else None


def _found() -> str | None:
    return shutil.which(TOOL, path=FOLDERS)


def _printed(tool: str, nonce: bytes, seconds: float) -> bytes | Unavailable:
    """What the tool prints. It gets a bare environment, and is ended where it does not come to an end."""
    call = [tool, "collect-evidence", "--gpu-evidence-source=corelib", "--gpu-architecture=blackwell"]
    call += [f"--nonce={nonce.hex()}", "--format=json", "--log-level=off"]
    try:
        with tempfile.TemporaryFile() as output:
            subprocess.run(  # noqa: S603 - a fixed call of a program in root's own folders
                call,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                env={"PATH": FOLDERS, "LC_ALL": "C"},
                timeout=seconds,
                check=False,
            )
            output.seek(0)
            return output.read(_OUTPUT_LIMIT)
    except subprocess.TimeoutExpired:
        return _absent(Reason.TIMED_OUT, f"nvattest gave no answer within {seconds:g} s")
    except OSError as error:
        return _absent(Reason.FAILED, f"nvattest could not be run: {error.strerror or type(error).__name__}")


def _evidence(printed: bytes) -> Saved | Unavailable:
    text = printed[max(printed.find(b"{"), 0) :]
    try:
        refusal = _told(json.loads(text))
        found = () if refusal else parse(text)
    except (ValueError, RecursionError):
        return _absent(Reason.FAILED, "nvattest printed nothing that can be read; is its library Corelib installed?")
    except EvidenceFileError as error:
        return _absent(Reason.FAILED, f"what nvattest printed cannot be used: {error.message}")
    if refusal:
        return refusal
    if len(found) != 1:
        return _absent(Reason.NOT_SUPPORTED, f"nvattest does not say which card each of its {len(found)} answers is of")
    return found[0]


def _told(document: Any) -> Unavailable | None:
    """The tool's own refusal, None where it reports success."""
    if not isinstance(document, dict) or not document.get("result_code"):
        return None
    said, code = (sanitise(str(document.get(key)), 120) for key in ("result_message", "result_code"))
    return _absent(Reason.FAILED, f"nvattest refused: {said} (code {code})")


def _absent(reason: Reason, detail: str) -> Unavailable:
    return Unavailable(unavailable=reason, detail=detail)
