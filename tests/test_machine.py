"""The bus united with the driver's list."""

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from gpucheck import child, machine
from gpucheck.machine import HostCard, NoCardError, host_machine
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import NOT_LISTED, DriverFacts, Host, PciFacts
from gpucheck.model.vbios import VbiosFacts
from gpucheck.sources import nvml
from gpucheck.sources.nvml import ListedDevice

FIRST, SECOND, THIRD = "0000:01:00.0", "0000:41:00.0", "0000:c1:00.0"
UUID = "GPU-1b01b75a-f91c-42eb-88d1-956c37d84616"
NOT_INSTALLED = Unavailable(unavailable=Reason.NOT_INSTALLED, detail="NVIDIA's driver is not installed")
TIMED_OUT = Unavailable(unavailable=Reason.TIMED_OUT, detail="NVIDIA's driver gave no answer within 10 s")


@pytest.fixture(autouse=True)
def _no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    set_container(monkeypatch, False)


def set_container(monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    host = Host(os="TestOS", container=inside)
    monkeypatch.setattr(machine, "read_host", lambda *_: host)


def add_card(root: Path, bdf: str) -> None:
    folder = root / "bus" / "pci" / "devices" / bdf
    folder.mkdir(parents=True)
    for name, text in {"vendor": "0x10de", "device": "0x2684", "class": "0x030000"}.items():
        (folder / name).write_text(text)


def find(
    tmp_path: Path, listing: machine.Listing, *on_bus: str, select: tuple[int | str, ...] = ()
) -> machine.HostMachine:
    for bdf in on_bus:
        add_card(tmp_path / "sys", bdf)
    return host_machine(tmp_path / "sys", tmp_path / "proc", select, lambda: listing)


def test_bus_and_driver_agree(tmp_path: Path) -> None:
    found = find(tmp_path, (ListedDevice(0, SECOND, None), ListedDevice(1, FIRST, UUID)), SECOND, FIRST)
    assert [(c.label, c.ordinal, c.listed, c.uuid) for c in found.cards] == [
        (FIRST, 0, True, UUID),
        (SECOND, 1, True, None),
    ]
    assert found.notes == ()


def test_a_card_that_the_driver_refuses_is_examined(tmp_path: Path) -> None:
    found = find(tmp_path, (ListedDevice(0, FIRST, UUID),), FIRST, SECOND)
    assert [c.listed for c in found.cards] == [True, False]
    assert found.notes == (f"{SECOND}: the driver does not list this card.",)
    assert isinstance(found.cards[1].sources()["pci"](), PciFacts)


def test_a_card_that_only_the_driver_sees(tmp_path: Path) -> None:
    (card,) = find(tmp_path, (ListedDevice(0, FIRST, UUID),)).cards
    section = card.sources()["pci"]()
    assert isinstance(section, Unavailable)
    assert section.unavailable == Reason.NOT_SUPPORTED


@pytest.mark.parametrize("listing", [NOT_INSTALLED, TIMED_OUT])
def test_the_bus_alone(tmp_path: Path, listing: Unavailable) -> None:
    found = find(tmp_path, listing, FIRST)
    (card,) = found.cards
    assert card.sources()["nvml"]() == listing
    assert listing.detail in found.notes[0]


@pytest.mark.parametrize("container", [False, True])
def test_a_lost_card_is_told(container: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_container(monkeypatch, container)
    found = find(tmp_path, (ListedDevice(0, FIRST, UUID), ListedDevice(1, None, None)), FIRST)
    assert "number 1" in found.notes[0]


@pytest.mark.parametrize("listing", [(), NOT_INSTALLED, TIMED_OUT])
def test_no_card(tmp_path: Path, listing: machine.Listing) -> None:
    with pytest.raises(NoCardError) as caught:
        find(tmp_path, listing)
    assert "gpucheck scan --simulate rtx-4090" in caught.value.hint
    if isinstance(listing, Unavailable):
        assert listing.detail in caught.value.message


def test_a_container_is_not_blamed_for_cards_kept_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_container(monkeypatch, True)
    found = find(tmp_path, (ListedDevice(0, SECOND, UUID),), FIRST, SECOND, THIRD)
    assert [card.bdf for card in found.cards] == [SECOND]
    assert found.notes == ("2 more on the bus, not given to this container.",)


def test_a_container_that_was_given_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_container(monkeypatch, True)
    with pytest.raises(NoCardError):
        find(tmp_path, (), FIRST)


@pytest.mark.parametrize(
    ("select", "bdfs"),
    [
        ((), [FIRST, SECOND]),
        ((1,), [SECOND]),
        (("1",), [SECOND]),
        (("41:00.0",), [SECOND]),
        (("00000000:01:00.0", 1), [FIRST, SECOND]),
        ((1, "1", SECOND), [SECOND]),
        ((UUID,), [FIRST]),
        (("gpu-1B01B75A",), [FIRST]),
    ],
)
def test_selection(tmp_path: Path, select: tuple[int | str, ...], bdfs: list[str]) -> None:
    listing = (ListedDevice(0, FIRST, UUID), ListedDevice(1, SECOND, None))
    assert [card.bdf for card in find(tmp_path, listing, select=select).cards] == bdfs


@pytest.mark.parametrize("wanted", [7, "7", "nonsense", "0000:99:00.0", "GPU-ffffffff", ""])
def test_selecting_what_is_not_there(tmp_path: Path, wanted: int | str) -> None:
    with pytest.raises(NoCardError) as caught:
        find(tmp_path, (ListedDevice(0, FIRST, UUID),), select=(wanted,))
    assert FIRST in caught.value.hint


def test_a_card_keeps_the_contract(tmp_path: Path) -> None:
    (card,) = find(tmp_path, (ListedDevice(0, FIRST, UUID),), FIRST).cards
    assert pickle.loads(pickle.dumps(card)) == card
    assert (card.simulated, list(card.sources())) == (
        None,
        ["pci", "registers", "driver", "nvml", "resource_manager", "vbios", "attestation", "integrity"],
    )
    assert card.host().os == "TestOS"
    pickle.dumps(card.sources())


def test_sources_of_a_card_read_its_own_roots(tmp_path: Path) -> None:
    folder = tmp_path / "proc" / "driver" / "nvidia"
    folder.mkdir(parents=True)
    (folder / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu\n")
    (card,) = find(tmp_path, NOT_INSTALLED, FIRST).cards
    section = card.sources()["driver"]()
    assert isinstance(section, DriverFacts)
    assert section.version == "550.54.14"
    asked = card.sources()["resource_manager"]()
    assert isinstance(asked, Unavailable)
    assert (asked.unavailable, asked.detail) == (Reason.NOT_SUPPORTED, "the driver does not hold this card")


def test_without_the_rom_the_drivers_word_for_its_version_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "proc" / "driver" / "nvidia"
    (folder / "gpus" / FIRST).mkdir(parents=True)
    (folder / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu\n")
    (folder / "gpus" / FIRST / "information").write_text("Model: \t Some card\nVideo BIOS: \t 95.02.18.80.5f\n")
    (card,) = find(tmp_path, NOT_INSTALLED, FIRST).cards
    section = card.sources()["vbios"]()
    assert isinstance(section, VbiosFacts)
    assert (section.source, section.version, section.read) == ("driver", "95.02.18.80.5F", False)
    assert section.missing["rom"].unavailable is Reason.NOT_SUPPORTED


def test_a_card_kept_from_the_process_is_not_called_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "driver" / "nvidia" / "gpus" / FIRST
    folder.mkdir(parents=True)
    (folder / "information").write_text("Device Minor: \t 4095\n")
    not_listed = Unavailable(unavailable=Reason.FAILED, detail=NOT_LISTED)
    monkeypatch.setattr(nvml, "read", lambda *_: not_listed)
    kept = HostCard(FIRST, 0, listed=False, proc_root=str(tmp_path))
    section = kept.sources()["nvml"]()
    assert isinstance(section, Unavailable)
    assert section.unavailable == Reason.NO_PERMISSION
    assert HostCard(SECOND, 0, listed=False, proc_root=str(tmp_path)).sources()["nvml"]() == not_listed


def test_a_driver_that_hangs_while_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any) -> None:
        raise TimeoutError("no answer within 10 s")

    monkeypatch.setattr(child, "call", late)
    assert machine.guarded_listing() == TIMED_OUT


def test_a_driver_that_crashes_while_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> None:
        raise ChildProcessError("signal SIGSEGV")

    monkeypatch.setattr(child, "call", die)
    listing = machine.guarded_listing()
    assert isinstance(listing, Unavailable)
    assert (listing.unavailable, "SIGSEGV" in listing.detail) == (Reason.FAILED, True)


def test_listing_for_real_leaves_the_binding_out_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    assert isinstance(machine.guarded_listing(), tuple | Unavailable)
    assert "pynvml" not in sys.modules


def test_a_card_off_the_bus_is_listed_and_examined(tmp_path: Path) -> None:
    from gpucheck.model.evidence import PciFacts
    from tests.sources.test_pci import add_card

    add_card(tmp_path / "sys", FIRST, config=b"\xff" * 64)
    found = machine.host_machine(tmp_path / "sys", tmp_path / "proc", list_nvml=lambda: ())
    assert [card.bdf for card in found.cards] == [FIRST]
    assert any(FIRST in note for note in found.notes)
    facts = found.cards[0].sources()["pci"]()
    assert isinstance(facts, PciFacts)
    assert facts.off_bus
