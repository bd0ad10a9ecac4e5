"""Traces of known alterations of the driver. Most are an owner's convenience; none proves anything about a card.

Sources: keylase/nvidia-patch (``patch.sh`` keeps what it replaces below ``/opt/nvidia``), amoghmunikote/cmpunlocker,
tinygrad/open-gpu-kernel-modules and its successors (peer-to-peer), DualCoder/vgpu_unlock and mbilker/vgpu_unlock-rs.
"""

import re
from pathlib import Path

from gpucheck.sources.files import text_or

ENCODER = "NVENC session limit lifted (nvidia-patch)"
CAPTURE = "frame capture enabled (nvidia-patch)"
PEER_TO_PEER = "peer-to-peer access forced on"
CMP_UNLOCK = "CMP mining limits lifted (cmpunlocker)"
VGPU_UNLOCK = "virtual GPUs unlocked by feigning another model (vgpu_unlock)"

_FOLDERS = (
    (ENCODER, ("opt/nvidia/libnvidia-encode-backup",)),
    (CAPTURE, ("opt/nvidia/libnvidia-fbc-backup",)),
    (VGPU_UNLOCK, ("opt/vgpu_unlock", "opt/vgpu_unlock-rs", "etc/vgpu_unlock")),
)
_RELEASE = re.compile(r"[\w.+-]{1,128}")


def find_patches(proc: Path, base: Path) -> tuple[str, ...]:
    """Names of the alterations of which something is left on this machine."""
    found = [name for name, folders in _FOLDERS if any(_exists(base / folder) for folder in folders)]
    release = text_or(proc / "sys" / "kernel" / "osrelease")
    if _RELEASE.fullmatch(release) and _exists(base / "lib" / "modules" / release / "updates" / "cmpunlocker"):
        found.append(CMP_UNLOCK)
    driver = proc / "driver" / "nvidia"
    if "p2p" in text_or(driver / "version").lower() or "forcep2p" in text_or(driver / "params").lower():
        found.append(PEER_TO_PEER)
    return tuple(found)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
