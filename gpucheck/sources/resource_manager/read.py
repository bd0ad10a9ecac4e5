"""Asks the resource manager for one card's facts, on Linux. Every question has its fact or its reason.

The answers are declared: a driver that lies in the kernel lies here too. A replaced library does not reach so deep.
"""

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpucheck.model.base import Collected, Reason, Unavailable
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.sources import driver
from gpucheck.sources.resource_manager import answers, controls, values
from gpucheck.sources.resource_manager.client import Client, RefusedError, SystemTransport, Transport
from gpucheck.sources.resource_manager.controls import Control
from gpucheck.sources.resource_manager.values import Facts

RAW_BYTES = 160
"""Of an answer that are kept; beyond are fields that nothing here reads."""

_MACHINES = frozenset({"x86_64", "amd64", "aarch64", "arm64"})
"""Others number requests in another way."""
_MEMORY: tuple[tuple[int, str, Callable[[int], Facts]], ...] = (
    (0x05, "bar1_bytes", values.bar1_size),
    (0x07, "memory_bytes", values.memory_size),
    (0x0B, "memory_bus_width_bits", values.bus_width),
    (0x0C, "memory_strap", values.memory_strap),
    (0x0D, "memory_type", values.memory_type),
    (0x1A, "fbp_mask", values.memory_partitions),
    (0x1B, "l2_cache_bytes", values.l2_size),
    (0x1C, "memory_vendor", values.memory_vendor),
)
"""Index in the list of memory properties, the fact that it gives, and how."""
_FLAGS = ((0x35, "mobile"), (0x3C, "mining"))
_STRUCTURES: tuple[tuple[Control, tuple[str, ...], Callable[[bytes], Facts]], ...] = (
    (controls.ARCHITECTURE, ("chip_id", "revision"), answers.architecture),
    (controls.PCI_IDS, ("device_id", "subsystem_vendor_id", "subsystem_id"), answers.pci_ids),
    (controls.UUID, ("uuid",), answers.uuid),
    (controls.CHIP_DETAILS, ("gpu_part_number",), answers.chip_details),
    (controls.BIOS_SKU, ("chip_sku", "project", "project_sku", "board_id"), answers.bios_sku),
    (
        controls.BOARD_OBJECT,
        ("factory_part_number", "factory_build_date", "factory_memory_vendor", "factory_memory_part"),
        answers.board_object,
    ),
    (controls.CALIBRATION, ("calibration_failed",), answers.calibration),
    (controls.CLUSTERS, ("gpc_mask",), answers.clusters),
)


def read(
    proc_root: Path | str, bdf: str, dev_root: Path | str = "/dev", transport: Transport | None = None
) -> Collected[ResourceManagerFacts]:
    """Ask about the card at ``bdf``, like ``0000:01:00.0``. The roots and ``transport`` are for tests."""
    found = _node(Path(proc_root), bdf, Path(dev_root))
    if isinstance(found, Unavailable):
        return found
    with Client(transport or SystemTransport(), _branch(proc_root)) as client:
        try:
            client.connect(str(dev_root), found, bdf)
        except RefusedError as refused:
            return refused.reason
        return _Questions(client).all()


def _node(proc_root: Path, bdf: str, dev_root: Path) -> int | Unavailable:
    """Number of the card's device node, or why there is no use in asking."""
    if not sys.platform.startswith("linux"):
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="only Linux lets programs ask it")
    if platform.machine().lower() not in _MACHINES or sys.maxsize < 1 << 32:
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=f"requests of {platform.machine()} are not known")
    if (dev_root / "dxg").exists() and not (dev_root / "nvidiactl").exists():
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="under WSL the driver runs on the Windows side")
    branch = _branch(proc_root)
    if branch is not None and branch < controls.FIRST_BRANCH:
        detail = f"the queries of drivers before branch {controls.FIRST_BRANCH} are not published"
        return Unavailable(unavailable=Reason.NOT_SUPPORTED, detail=detail)
    return driver.device_minor(proc_root, bdf)


def _branch(proc_root: Path | str) -> int | None:
    """``580`` of a driver 580.95.05; None where the version is not known."""
    head = (driver.read_version(proc_root) or "").partition(".")[0]
    return int(head) if head.isdecimal() and len(head) < 6 else None


class _Questions:
    """Goes through all that there is to ask and keeps answers, reasons and raw bytes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._facts: dict[str, Any] = {}
        self._missing: dict[str, Unavailable] = {}
        self._raw: dict[str, str] = {}

    def all(self) -> ResourceManagerFacts:
        """Ask everything."""
        for control, fields, parse in _STRUCTURES:
            self._structure(control, fields, parse)
        for index, field, interpret in _MEMORY:
            if (value := self._entry(controls.MEMORY_PROPERTY, index, field)) is not None:
                self._keep(interpret(value))
        for index, field in _FLAGS:
            if (value := self._entry(controls.CARD_PROPERTY, index, field)) is not None:
                self._keep(values.flag(field, value))
        self._version()
        self._processors()
        self._issue_rates()
        return ResourceManagerFacts(source="ioctl", missing=self._missing, raw=self._raw, **self._facts)

    def _structure(self, control: Control, fields: tuple[str, ...], parse: Callable[[bytes], Facts]) -> bool:
        answer = self._ask(control)
        if isinstance(answer, Unavailable):
            self._missing |= dict.fromkeys(fields, answer)
            return False
        self._keep(parse(answer))
        return True

    def _entry(self, control: Control, index: int, field: str) -> int | None:
        """The value of one entry of a list; None leaves the reason behind."""
        answer = self._ask(control, controls.entry_question(index), f".{index:02x}")
        if isinstance(answer, Unavailable):
            self._missing[field] = answer
            return None
        value = controls.entry_answer(answer, index)
        if value is None:
            self._missing[field] = values.implausible("an answer to another question")
        return value

    def _version(self) -> None:
        revision = self._entry(controls.BIOS_VERSION, 0, "vbios_version")
        partner = None if revision is None else self._entry(controls.BIOS_VERSION, 1, "vbios_version")
        if revision is not None and partner is not None:
            self._keep(values.bios_version(revision, partner))

    def _processors(self) -> None:
        """Masks of the clusters that are there; one that is missing leaves all of them out, as they belong together."""
        mask = self._facts.get("gpc_mask")
        if mask is None:
            self._missing["tpc_masks"] = self._missing["gpc_mask"]
            return
        found: list[int] = []
        for cluster in (n for n in range(32) if mask >> n & 1):
            answer = self._ask(controls.PROCESSORS, controls.processor_question(cluster), f".{cluster:02x}")
            told = answer if isinstance(answer, Unavailable) else answers.processors(answer)
            if isinstance(told, Unavailable):
                self._missing["tpc_masks"] = told
                return
            found.append(told)
        self._facts["tpc_masks"] = tuple(found)

    def _issue_rates(self) -> None:
        """The newer list where there is one, else the older structure."""
        fields = ("issue_rates",)
        if not self._structure(controls.ISSUE_RATE_LIST, fields, answers.issue_rate_list):
            self._missing.pop("issue_rates")
            self._structure(controls.ISSUE_RATES, fields, answers.issue_rates)

    def _keep(self, facts: Facts) -> None:
        for field, value in facts.items():
            if isinstance(value, Unavailable):
                self._missing[field] = value
            else:
                self._facts[field] = value

    def _ask(self, control: Control, question: bytes = b"", entry: str = "") -> bytes | Unavailable:
        try:
            answer = self._client.ask(control, question)
        except RefusedError as refused:
            return refused.reason
        self._raw[f"{control.command:08x}{entry} {control.name}"] = answer[:RAW_BYTES].rstrip(b"\0").hex()
        return answer
