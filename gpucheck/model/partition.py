"""Whether evidence is of a whole card, or of a part of one: a slice, or a virtual GPU."""

import re

from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import Evidence

VIRTUAL = "a virtual GPU"
"""What ``partition`` says of one."""
_VIRTUAL = re.compile(r"[\w)]-(?:\d{1,2}-)?\d{1,3}[ABCQ](?:ME)?$")
"""Profiles of virtual GPUs end so: ``NVIDIA A40-48Q``, ``GRID T4-2B``, ``GRID A100-3-20C``."""
_SLICE = re.compile(r"\bMIG \d+(c\.\d+)?g\.\d+gb\b", re.IGNORECASE)
"""CUDA names a slice so, whatever NVML says: ``NVIDIA A100-SXM4-40GB MIG 1g.5gb``."""


def partition(evidence: Evidence) -> str:
    """Why the evidence is of a part of a card (MIG, a virtual GPU), empty where it is of a whole one."""
    facts = evidence.declared
    names = [facts.name or ""] if facts else []
    if not isinstance(evidence.cuda, Unavailable):
        names.append(evidence.cuda.name)
    if (facts and (facts.virtualization or "").lower() == "vgpu") or any(map(_VIRTUAL.search, names)):
        return VIRTUAL
    if (facts and facts.mig_enabled) or any(map(_SLICE.search, names)):
        return "MIG is on: kernels see one slice"
    return ""
