"""The words in which verdicts, kinds and absences are put to a person."""

import hashlib

from gpucheck.model.base import Reason
from gpucheck.model.finding import Kind
from gpucheck.model.verdict import Authenticity, Condition
from gpucheck.render.style import Colour

KINDS: dict[Kind, str] = {
    Kind.REMARKED: "another model sold as this",
    Kind.MEMORY_ALTERED: "memory altered",
    Kind.CAPACITY_FORGED: "memory size forged",
    Kind.TRANSPLANTED: "die on a foreign board",
    Kind.FIRMWARE_ALTERED: "firmware altered",
    Kind.IDENTITY_CLONED: "identity copied",
    Kind.PAGED: "host memory posing as the card's",
}

COLOURS: dict[Authenticity, Colour] = {
    Authenticity.AUTHENTIC: "green",
    Authenticity.INCONCLUSIVE: "yellow",
    Authenticity.SUSPECT: "yellow",
    Authenticity.MODIFIED: "yellow",
    Authenticity.COUNTERFEIT: "red",
}

CONDITIONS: dict[Condition, str] = {
    Condition.GOOD: "good",
    Condition.WORN: "worn",
    Condition.DEFECTIVE: "DEFECTIVE",
    Condition.NOT_EXAMINED: "not examined",
}

REASONS: dict[Reason, str] = {
    Reason.NOT_SUPPORTED: "not supported",
    Reason.NO_PERMISSION: "no permission",
    Reason.NOT_INSTALLED: "not installed",
    Reason.TIMED_OUT: "timed out",
    Reason.FAILED: "failed",
    Reason.NOT_REQUESTED: "not asked for",
}

SECTIONS: dict[str, str] = {
    "pci": "PCI bus",
    "driver": "kernel driver",
    "vbios": "VBIOS ROM",
    "nvml": "NVML",
    "nvidia_smi": "nvidia-smi text",
    "resource_manager": "resource manager",
    "registers": "hardware registers",
    "attestation": "attestation",
    "integrity": "driver's software",
    "cuda": "CUDA driver",
    "census": "multiprocessor count",
    "throughput": "arithmetic rates",
    "fingerprint": "numeric fingerprint",
    "latency": "memory latency",
    "bandwidth": "memory bandwidth",
    "slab_map": "map of memory rates",
    "memory_walk": "memory walk",
    "host_link": "transfers over the host's bus",
    "load": "condition under load",
}


def section(name: str) -> str:
    """A section of the evidence in words."""
    return SECTIONS.get(name, name.replace("_", " "))


def combined(digests: dict[str, str]) -> str:
    """One digest for several named ones, whatever their order."""
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()


def short(digest: str) -> str:
    """The first digits of a digest, enough to tell two rulebooks apart."""
    return digest.removeprefix("sha256:")[:12]
