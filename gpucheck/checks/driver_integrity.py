"""Whether the driver's software is the driver's, or something stands between it and this program.

What it checks: which files answer as NVML and CUDA, whether their version is the kernel module's, what is loaded before
them, whether NVML and the kernel driver call the card the same, and traces of known alterations; on Windows the driver
package and test signing.
Why it matters: every declared fact comes through this software; a library put before NVML can state any card.
How it can be fooled: by altering the kernel module itself and keeping its name and version.
A failure does not mean: that the card is at fault. It takes a strange library and answers that contradict the kernel
driver or the bus. Modules built on the machine, without a signature or from NVIDIA's published source, are what most
distributions ship; lifting the limit on encoder sessions or forcing peer-to-peer access is an owner's business.
References: ``ld.so(8)``; the kernel's page on tainted kernels; keylase/nvidia-patch; open-gpu-kernel-modules and forks.
"""

from gpucheck.catalog.names import GENERIC, squash_name
from gpucheck.checks.base import Case, Outcome, check, inconclusive, measured, not_applicable
from gpucheck.checks.source_agreement import contradictions
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.finding import Kind, Severity, Status
from gpucheck.model.integrity import DriverIntegrity, DriverLibrary

_OURS = ("nvml", "nvidia", "cuda", "vgpu")
_ANYBODYS = ("~", "/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108 - read as a sign, never written
_MOVED = "/compat"
"""NVIDIA's own package of a newer CUDA library on an older kernel module lies in such a folder."""


@check(id="driver-integrity", title="Driver's software", severity=Severity.CRITICAL)
def driver_integrity(case: Case) -> Outcome:
    """Weigh what stands before the driver together with what it answers."""
    section = case.evidence.integrity
    if isinstance(section, Unavailable) and section.unavailable is Reason.NOT_REQUESTED:
        return not_applicable("Only the machine itself shows where its driver's software comes from.")
    facts = measured(section, "integrity")
    if facts.module_version is None and not facts.libraries:
        return not_applicable("No software of NVIDIA's is installed.")
    strange = [*put_before(facts), *_foreign(facts), *_windows(facts)]
    split = contradictions(case.evidence) | _names(case)
    if split and (strange or _unusual(facts)):
        return _replaced(strange or _unusual(facts), split)
    remarks = [*strange, *_names(case).values(), *facts.patches]
    if strange or _names(case) or any("vgpu_unlock" in patch or "cmpunlocker" in patch for patch in facts.patches):
        return inconclusive(
            f"What the driver states may not be what the card stated: {'; '.join(remarks)}.",
            "; ".join(remarks),
            "NVIDIA's own software alone",
            ("integrity",),
        )
    told = "; ".join([*_module(facts), *facts.patches])
    return Outcome(Status.PASS, f"Nothing stands before the driver's libraries{': ' if told else ''}{told}.", told)


def _replaced(strange: list[str], split: dict[str, str]) -> Outcome:
    return Outcome(
        Status.FAIL,
        f"Something stands in for the driver's library ({'; '.join(strange)}), and what it answers contradicts what "
        f"kernel and bus say of the {', '.join(split)}.",
        observed="; ".join(split.values()),
        expected="one identity by every route",
        remedy="Scan again from trusted boot media with NVIDIA's own driver.",
        evidence=("integrity", "nvml"),
        kinds=(Kind.REMARKED,),
    )


def _names(case: Case) -> dict[str, str]:
    """What NVML and the kernel driver call the card, where that differs; both look it up in one table.

    A generic name says nothing, nor does one that a table cut off or one of a part of a card.
    """
    stated, driver = case.evidence.declared, case.evidence.driver
    if stated is None or isinstance(driver, Unavailable) or case.partitioned or not (stated.name and driver.model):
        return {}
    names = {squash_name(name) for name in (stated.name, driver.model)}
    if len(names) == 1 or names & GENERIC or "..." in stated.name:
        return {}
    return {"name": f"name: {stated.name} by {case.declared_section}, {driver.model} by driver"}


def put_before(facts: DriverIntegrity) -> list[str]:
    """Say which preloaded libraries are named like the driver's own, or like those that hand out parts of a card."""
    named = [path for path in facts.preloaded if any(word in path.lower() for word in _OURS)]
    return [f"{path} is loaded before all libraries" for path in named]


def _foreign(facts: DriverIntegrity) -> list[str]:
    found = []
    for library in facts.libraries:
        if library.loaded and library.path.startswith(_ANYBODYS):
            found.append(f"{library.name} is {library.path}, where anybody may put files")
        elif _other_version(facts, library):
            found.append(f"{library.name} is of version {library.version}, the kernel module of {facts.module_version}")
    return found


def _unusual(facts: DriverIntegrity) -> list[str]:
    """What many honest machines have, and what means something only beside a contradiction."""
    found = [f"{path} is loaded before all libraries" for path in facts.preloaded]
    for library in facts.libraries:
        if library.version is None and facts.module_version and library.path.endswith(".so.1"):
            found.append(f"{library.path} is a file of its own and no link to the driver's")
        elif library.path.startswith(_ANYBODYS):
            found.append(f"{library.name} is {library.path}, where anybody may put files")
        elif library.version and facts.module_version and library.version != facts.module_version:
            found.append(f"{library.path} is not of the kernel module's version {facts.module_version}")
    return found


def _other_version(facts: DriverIntegrity, library: DriverLibrary) -> bool:
    """Of the file that answers; one that merely lies about may be left from an older driver."""
    if not library.loaded or library.version is None or facts.module_version is None or _MOVED in library.path:
        return False
    return library.version != facts.module_version


def _windows(facts: DriverIntegrity) -> list[str]:
    found = ["Windows lets in drivers without a trusted signature (test signing)"] if facts.test_signing else []
    if facts.driver_provider and "nvidia" not in facts.driver_provider.lower():
        found.append(f"the driver package is from {facts.driver_provider}")
    return found


def _module(facts: DriverIntegrity) -> list[str]:
    """What is usual and worth knowing."""
    taint = facts.module_taint or ""
    told = []
    if facts.module_builder == "another":
        told.append("the kernel module was built outside of NVIDIA")
    if "E" in taint:
        told.append("the kernel module carries no signature that this kernel knows")
    if "F" in taint:
        told.append("the kernel module was loaded by force")
    if facts.driver_provider and facts.driver_catalog is None:
        told.append("no signature file of the driver package was found")
    return told
