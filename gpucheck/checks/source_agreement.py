"""Whether the routes to the card's identity tell the same story.

What it checks: device id, UUID, VBIOS version and memory by NVML, by the PCI bus, by the kernel driver, by its
resource manager and by CUDA. Memory may differ by a tenth: each route leaves out something else, and ECC takes a part;
and libraries that share a card out (in containers, or loaded before all others) may state less than the whole.
Why it matters: a replaced library changes what one route says and forgets the others.
How it can be fooled: by changing every route, down to the kernel; only measurement resists that.
A failure does not mean: that the card is at fault; the machine's software is what contradicts itself. Several files
that only a bus address joins may be of two machines, so that they make the card suspect at most, unless they agree
about another card.
References: NVIDIA's ``/proc`` interface; the resource manager's queries in NVIDIA's open kernel modules; known NVML
shims.
"""

from collections.abc import Collection

from gpucheck.checks.base import Case, Missing, Outcome, check
from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Confidence, Kind, Severity, Status
from gpucheck.model.partition import partition
from gpucheck.model.units import mib

_OF_A_SCAN = "Scan again from trusted boot media with NVIDIA's own driver."
_OF_FILES = "Ask for both once more, made in one go on the machine that holds the card, or scan the card yourself."


@check(id="source-agreement", title="Sources against each other", severity=Severity.CRITICAL)
def source_agreement(case: Case) -> Outcome:
    """Compare what can be read by more than one route."""
    compared = {fact: told for fact, told in _accounts(case.evidence).items() if len(told) > 1}
    if not compared:
        raise Missing("nothing could be read by more than one route", "pci")
    split = contradictions(case.evidence)
    if not split:
        return Outcome(Status.PASS, f"All routes agree on {', '.join(compared)}.", f"{len(compared)} facts compared")
    words = "; ".join(split.values())
    message = f"Two routes to the same card disagree ({words}). At least one of them is made up."
    if case.evidence.joined_by_address:
        message = f"Two files that tell of this bus address disagree ({words}): made up, or of two machines."
    return Outcome(
        Status.FAIL,
        message,
        observed=words,
        expected="one identity by every route",
        remedy=_OF_A_SCAN if isinstance(case.evidence.nvidia_smi, Unavailable) else _OF_FILES,
        confidence=Confidence.LOW if case.evidence.joined_by_address else Confidence.HIGH,
        evidence=tuple(route for fact in split for route in compared[fact]),
        kinds=_kinds(split),
    )


def _kinds(split: Collection[str]) -> tuple[Kind, ...]:
    """Another model where device id or memory differ; one die's identity for another where the UUID does."""
    kinds = {
        Kind.REMARKED: {"device id", "memory"} & set(split),
        Kind.FIRMWARE_ALTERED: set(split) == {"VBIOS version"},
        Kind.IDENTITY_CLONED: "UUID" in split,
    }
    return tuple(kind for kind, told in kinds.items() if told)


def contradictions(evidence: Evidence) -> dict[str, str]:
    """Facts that two routes tell differently, each with what the routes say, in words."""
    split = {fact: told for fact, told in _accounts(evidence).items() if len(told) > 1 and not _agree(fact, told)}
    return {
        fact: f"{fact}: " + ", ".join(f"{_say(value)} by {route}" for route, value in told.items())
        for fact, told in split.items()
    }


def _accounts(evidence: Evidence) -> dict[str, dict[str, object]]:
    accounts: dict[str, dict[str, object]] = {}

    def tell(fact: str, route: str, value: object) -> None:
        if value is not None:
            accounts.setdefault(fact, {})[route] = value

    for route in ("nvml", "nvidia_smi"):
        nvml = getattr(evidence, route)
        if not isinstance(nvml, Unavailable):
            tell("device id", route, nvml.device_id)
            tell("UUID", route, nvml.uuid)
            tell("VBIOS version", route, nvml.vbios_version)
            tell("memory", route, nvml.memory_total_bytes)
    if not isinstance(evidence.pci, Unavailable) and evidence.pci.device_id != 0xFFFF:
        tell("device id", "pci", evidence.pci.device_id)
    if not isinstance(evidence.driver, Unavailable):
        tell("UUID", "driver", evidence.driver.uuid)
        tell("VBIOS version", "driver", evidence.driver.vbios_version)
    asked = evidence.resource_manager
    if not isinstance(asked, Unavailable):
        tell("device id", "resource_manager", asked.device_id)
        tell("UUID", "resource_manager", asked.uuid)
        tell("VBIOS version", "resource_manager", asked.vbios_version)
        tell("memory", "resource_manager", None if _shared_out(evidence, asked.memory_bytes) else asked.memory_bytes)
    if not isinstance(evidence.cuda, Unavailable) and not partition(evidence):
        tell("memory", "cuda", evidence.cuda.total_memory_bytes)
    return accounts


def _shared_out(evidence: Evidence, whole_bytes: int | None) -> bool:
    """Whether libraries rightly state less than the resource manager, which always sees the whole card."""
    if partition(evidence):
        return True
    before = None if isinstance(evidence.integrity, Unavailable) else evidence.integrity.preloaded
    stated = evidence.declared.memory_total_bytes if evidence.declared else None
    return bool(evidence.host.container or before) and (whole_bytes or 0) > (stated or 0)


def _agree(fact: str, told: dict[str, object]) -> bool:
    if fact == "memory":
        sizes = [v for v in told.values() if isinstance(v, int)]
        return min(sizes) >= 0.9 * max(sizes)
    return len({str(v).casefold() for v in told.values()}) == 1


def _say(value: object) -> str:
    if isinstance(value, int):
        return f"{value:04x}" if value <= 0xFFFF else mib(value)
    text = str(value)
    # Enough to tell two apart; the whole of it identifies the specimen.
    return f"{text[:12]}\u2026" if text.startswith("GPU-") else text
