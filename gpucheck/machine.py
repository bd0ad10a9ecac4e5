"""The cards of this host: what the PCI bus shows, united with what NVIDIA's driver lists.

A card that the driver refuses is examined all the same, as far as the bus tells; its NVML section says why it is empty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from gpucheck import child
from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Collected, Frozen, GpucheckError, Keep, Reason, Unavailable, forget
from gpucheck.model.evidence import NOT_LISTED, Host, NvmlFacts
from gpucheck.model.measured import Telemetry
from gpucheck.model.registers import RegisterFacts
from gpucheck.model.resource_manager import ResourceManagerFacts
from gpucheck.model.vbios import VbiosFacts
from gpucheck.sources import driver, driver_integrity, nvml, pci, telemetry
from gpucheck.sources.files import normalise_bdf
from gpucheck.sources.host import read_host
from gpucheck.sources.nvml_library import PynvmlLibrary

if TYPE_CHECKING:
    from gpucheck.device.protocol import Device

LISTING_SECONDS, LISTING_SECONDS_A_CARD = 10.0, 3.0
"""A driver that starts its cards at the first question takes a second or more for each."""

Section = Frozen | Unavailable
Listing = Collected[tuple[nvml.ListedDevice, ...]]

_SIMULATE = "Without a card, try `gpucheck scan --simulate rtx-4090`."


class NoCardError(GpucheckError):
    """There is no card here that could be examined."""


@dataclass(frozen=True)
class HostCard:
    """One card of this machine. Picklable, so that a child process can examine it."""

    bdf: str
    ordinal: int
    """Its place in the list of all cards, by address, from 0."""
    uuid: str | None = None
    listed: bool = True
    """The driver lists it."""
    no_nvml: Unavailable | None = None
    """Why NVML is not worth asking; None where it is."""
    sys_root: str = "/sys"
    proc_root: str = "/proc"
    nvattest: bool = False
    """Ask a Blackwell die through NVIDIA's tool of this name."""

    @property
    def label(self) -> str:
        """Its bus address."""
        return self.bdf

    @property
    def simulated(self) -> str | None:
        """Never: this is real."""
        return None

    def host(self) -> Host:
        """The machine around it."""
        return read_host(self.sys_root, self.proc_root)

    def sources(self, keep: Keep = forget) -> dict[str, Callable[[], Section]]:
        """Readers of declared evidence, in order; NVML's tells ``keep`` what it knows so far."""
        return {
            "pci": partial(pci.read, self.sys_root, self.bdf),
            # Behind the bus, so that the card's power state is seen before anything touches it.
            "registers": self._read_registers,
            "driver": partial(driver.read, self.proc_root, self.bdf),
            "nvml": partial(self._read_nvml, keep),
            "resource_manager": self._read_resource_manager,
            "vbios": self._read_vbios,
            "attestation": self._attest,
            # Behind NVML, so that the library that answered is seen among the loaded ones.
            "integrity": partial(driver_integrity.read, self.sys_root, self.proc_root),
        }

    def open_device(self) -> "Device":
        """Open the card through CUDA. Raises ``DeviceUnavailable``."""
        from gpucheck.device.cuda import CudaDevice

        device: Device = CudaDevice.open(bdf=self.bdf, ordinal=None)
        return device

    def telemetry(self) -> Collected[Telemetry]:
        """Sensors and counters, as NVML tells them, and temperatures that only registers hold."""
        told = self.no_nvml or _sensors().read(self.bdf)
        if isinstance(told, Unavailable):
            return told
        from gpucheck.sources.registers import with_temperatures

        return with_temperatures(told, self.sys_root, self.bdf, self.proc_root)

    def _read_registers(self) -> Collected[RegisterFacts]:
        from gpucheck.sources.registers import read

        return read(self.sys_root, self.bdf, self.proc_root)

    def _read_nvml(self, keep: Keep) -> Collected[NvmlFacts]:
        if self.no_nvml:
            return self.no_nvml
        _sensors().attend(self.bdf)
        facts = nvml.read(PynvmlLibrary(), self.bdf, keep)
        if isinstance(facts, Unavailable) and facts.detail == NOT_LISTED:
            return driver.refusal(self.proc_root, self.bdf) or facts
        return facts

    def _read_resource_manager(self) -> Collected[ResourceManagerFacts]:
        from gpucheck.sources import resource_manager

        return resource_manager.read(self.proc_root, self.bdf)

    def _read_vbios(self) -> Collected[VbiosFacts]:
        """The ROM, else the version that the kernel driver or NVML states."""
        from gpucheck.sources.vbios.origin import read_window, version_alone

        found = read_window(self.sys_root, self.bdf)
        if isinstance(found, VbiosFacts):
            return found
        kernel = driver.read(self.proc_root, self.bdf)
        if not isinstance(kernel, Unavailable) and kernel.vbios_version:
            return version_alone(kernel.vbios_version, "driver", found)
        version = None if self.no_nvml else nvml.read_vbios_version(PynvmlLibrary(), self.bdf)
        return version_alone(version, "nvml", found)

    def _attest(self) -> Collected[Attestation]:
        if self.no_nvml:
            return self.no_nvml
        from gpucheck.sources.attestation.live import read

        cards = len(pci.list_display_devices(self.sys_root))
        return read(PynvmlLibrary(), self.bdf, cards, with_tool=self.nvattest)


@cache
def _sensors() -> telemetry.Reader:
    """One for the process, so that a reading costs no opening of the library."""
    return telemetry.Reader(PynvmlLibrary())


@dataclass(frozen=True)
class HostMachine:
    """The cards of this machine, and what is to be said about the list itself."""

    cards: tuple[HostCard, ...]
    notes: tuple[str, ...] = ()

    def with_nvattest(self) -> "HostMachine":
        """The same cards; a Blackwell die is then asked through NVIDIA's tool of this name."""
        return replace(self, cards=tuple(replace(card, nvattest=True) for card in self.cards))


def host_machine(
    sys_root: Path | str = "/sys",
    proc_root: Path | str = "/proc",
    select: Sequence[int | str] = (),
    list_nvml: Callable[[], Listing] | None = None,
) -> HostMachine:
    """Find this machine's cards; ``select`` picks by number, bus address or UUID.

    ``list_nvml`` is for tests. Raises ``NoCardError`` where there is nothing to examine.
    """
    on_bus = pci.list_display_devices(sys_root)
    listing = list_nvml() if list_nvml else guarded_listing(len(on_bus))
    cards = _unite(on_bus, listing, str(sys_root), str(proc_root))
    notes = _notes(cards, listing)
    if not isinstance(listing, Unavailable) and read_host(sys_root, proc_root).container:
        cards, kept = _given_to_container(cards)
        notes = (*_without_address(listing), *kept)
    if not cards:
        raise _no_card(listing)
    return HostMachine(_selected(cards, select), notes)


def guarded_listing(cards: int = 0) -> Listing:
    """Ask for NVML's list in a child process: a dead driver does not answer. ``cards`` are seen on the bus."""
    try:
        listing: Listing = child.call(_list_nvml, LISTING_SECONDS + LISTING_SECONDS_A_CARD * cards)
    except TimeoutError as error:
        return Unavailable(unavailable=Reason.TIMED_OUT, detail=f"NVIDIA's driver gave {error}")
    except OSError as error:  # ChildProcessError among them
        return Unavailable(unavailable=Reason.FAILED, detail=f"asking NVIDIA's driver for its cards failed: {error}")
    return listing


def _list_nvml() -> Listing:
    return nvml.list_devices(PynvmlLibrary())


def _unite(on_bus: Sequence[str], listing: Listing, sys_root: str, proc_root: str) -> tuple[HostCard, ...]:
    if isinstance(listing, Unavailable):
        reason, uuids = listing, {}
    else:
        reason, uuids = None, {d.bdf: d.uuid for d in listing if d.bdf is not None}
    return tuple(
        HostCard(bdf, ordinal, uuids.get(bdf), bdf in uuids, reason, sys_root, proc_root)
        for ordinal, bdf in enumerate(sorted({*on_bus, *uuids}, key=_address))
    )


def _given_to_container(cards: Sequence[HostCard]) -> tuple[tuple[HostCard, ...], tuple[str, ...]]:
    """Leave out what the host keeps to itself: a container sees every card on the bus and may use some."""
    given = tuple(card for card in cards if card.listed)
    kept = len(cards) - len(given)
    return given, (f"{kept} more on the bus, not given to this container.",) if kept else ()


def _address(bdf: str) -> tuple[int, ...]:
    domain, bus, rest = bdf.split(":")
    device, function = rest.split(".")
    return tuple(int(part, 16) for part in (domain, bus, device, function))


def _notes(cards: Sequence[HostCard], listing: Listing) -> tuple[str, ...]:
    if isinstance(listing, Unavailable):
        if listing.unavailable is Reason.NOT_INSTALLED:
            return (f"Only what the PCI bus tells is examined: {listing.detail}.",)
        return (f"NVML could not be asked for its cards, the PCI bus alone is examined: {listing.detail}.",)
    return (*(f"{card.bdf}: {NOT_LISTED}." for card in cards if not card.listed), *_without_address(listing))


def _without_address(listing: Sequence[nvml.ListedDevice]) -> tuple[str, ...]:
    lost = [str(device.index) for device in listing if device.bdf is None]
    return (f"The driver counts cards that it can give no address for (number {', '.join(lost)}).",) if lost else ()


def _selected(cards: tuple[HostCard, ...], select: Sequence[int | str]) -> tuple[HostCard, ...]:
    if not select:
        return cards
    chosen: dict[int, HostCard] = {}
    for wanted in select:
        found = [card for card in cards if _fits(card, wanted)]
        if not found:
            there = ", ".join(f"{card.ordinal} ({card.bdf})" for card in cards)
            raise NoCardError(f"There is no card {wanted} here.", f"Cards of this machine: {there}.")
        chosen |= {card.ordinal: card for card in found}
    return tuple(chosen.values())


def _fits(card: HostCard, wanted: int | str) -> bool:
    text = str(wanted).strip()
    if text.isdecimal():
        return card.ordinal == int(text)
    if text.lower().startswith("gpu-") and card.uuid:
        return card.uuid.lower().startswith(text.lower())
    return card.bdf == normalise_bdf(text)


def _no_card(listing: Listing) -> NoCardError:
    if isinstance(listing, Unavailable):
        return NoCardError(f"No NVIDIA card was found: {listing.detail}.", _SIMULATE)
    return NoCardError("There is no NVIDIA card that this system may use.", _SIMULATE)
