"""Takes out of a card's evidence what can tell it from others.

Facts: a virtual GPU states an identifier of its own, and MIG instances have UUIDs that begin with ``MIG-``, as NVIDIA's
documentation of ``nvidia-smi`` and of vGPU says. Boards of the named models carry two or four dies under one serial
number, by NVIDIA's product briefs; the superchip modules GB200 and GB300 share theirs, too.
"""

import re

from gpucheck.model.die_numbers import blank
from gpucheck.model.evidence import Evidence, PciFacts
from gpucheck.model.inventory import Identity
from gpucheck.model.partition import VIRTUAL, partition
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.text import sanitise
from gpucheck.model.vbios import VbiosFacts

LONGEST = 120
_SAYS_NOTHING = re.compile(r"^(\W*|\[?n/?a\]?|unknown.*|\[?not supported\]?|none|mig-.*)$", re.IGNORECASE)
_SEVERAL_DIES = re.compile(
    r"\b(K80|K10|K1|K2|K340|K520|M10|M60|A16|GB200|GB300|S1070|S2050|S2070|S2090|GTX 690|GTX 590|GTX 295|"
    r"TITAN Z|Plex)\b|superchip",
    re.IGNORECASE,
)


def identity_of(evidence: Evidence) -> Identity:
    """The identity that a card states, from NVML or else from the kernel driver's and the bus' own copies."""
    declared, bus = evidence.declared, evidence.pci if isinstance(evidence.pci, PciFacts) else None
    name = (declared.name if declared else None) or ""
    return Identity(
        simulated=evidence.simulated is not None,
        uuid=_told((declared.uuid if declared else None) or getattr(evidence.driver, "uuid", None)),
        pdi=_told(declared.pdi if declared else None),
        serial=_told(declared.serial if declared else None),
        board_part_number=_told(declared.board_part_number if declared else None),
        project=_told(_project(evidence)),
        vbios_version=_told(declared.vbios_version if declared else None),
        device_id=_number("device_id", declared, bus),
        subsystem_vendor_id=_number("subsystem_vendor_id", declared, bus),
        subsystem_id=_number("subsystem_id", declared, bus),
        chip_id=_chip_id(evidence),
        virtual=partition(evidence) == VIRTUAL,
        several_dies=bool(_SEVERAL_DIES.search(name)),
        twin=bool(evidence.twins),
        together=evidence.scanned_together,
    )


def _told(text: str | None) -> str | None:
    """The text on one line; None where it says nothing, such as all zeros."""
    clean = sanitise(text or "", LONGEST)
    return None if blank(clean.replace(" ", "")) or _SAYS_NOTHING.match(clean) else clean


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _number(name: str, *sections: object) -> int | None:
    return _first(*(getattr(section, name, None) for section in sections))


def _project(evidence: Evidence) -> str | None:
    if isinstance(evidence.vbios, VbiosFacts) and (told := getattr(evidence.vbios, "project", None)):
        return str(told)
    answers = evidence.resource_manager
    return answers.project if isinstance(answers, ResourceManagerFacts) else None


def _chip_id(evidence: Evidence) -> int | None:
    read, asked = evidence.registers, evidence.resource_manager
    return _first(
        read.chip_id if isinstance(read, RegisterFacts) else None,
        asked.chip_id if isinstance(asked, ResourceManagerFacts) else None,
    )
