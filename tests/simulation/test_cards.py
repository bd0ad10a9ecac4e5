"""The two halves of a card: honest declarations agree with themselves, and neither half leaks into the other."""

from pathlib import Path

import pytest

from gpucheck.device.protocol import DeviceUnavailable
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import DriverFacts, NvmlFacts, PciFacts
from gpucheck.model.integrity import DriverIntegrity
from gpucheck.model.units import GIB, MIB
from gpucheck.pipeline import Plan, collect
from gpucheck.simulation import ScenarioError, SimulatedCard, card, names
from tests.cards import report

HONEST = [name for name in names() if card(name).scenario.title.startswith("Genuine")]
HEAD = 'title = "A card"\n[silicon]\nprofile = "{silicon}"\n[declared]\nprofile = "{declared}"\n'


def make(
    folder: Path, more: str = "", silicon: str = "geforce-rtx-3090", declared: str = "geforce-rtx-4090"
) -> SimulatedCard:
    path = folder / "mine.toml"
    path.write_text(HEAD.format(silicon=silicon, declared=declared) + more, encoding="utf-8")
    return card(str(path))


def sections(one: SimulatedCard) -> tuple[PciFacts, DriverFacts, NvmlFacts]:
    found = {name: read() for name, read in one.sources().items()}
    assert list(found) == [
        "pci",
        "registers",
        "driver",
        "nvml",
        "resource_manager",
        "vbios",
        "attestation",
        "integrity",
    ]
    pci, driver, nvml, integrity = (found[name] for name in ("pci", "driver", "nvml", "integrity"))
    assert isinstance(integrity, DriverIntegrity)
    assert isinstance(pci, PciFacts)
    assert isinstance(driver, DriverFacts)
    assert isinstance(nvml, NvmlFacts)
    return pci, driver, nvml


@pytest.mark.parametrize("name", HONEST)
def test_honest_cards_tell_one_story(name: str) -> None:
    one = card(name)
    if one.scenario.environment.windows:
        return
    pci, driver, nvml = sections(one)
    profile = one.silicon_profile
    assert one.declared_profile == profile
    assert nvml.device_id == pci.device_id
    assert nvml.device_id in profile.device_ids
    assert (pci.subsystem_vendor_id, pci.subsystem_id) == (nvml.subsystem_vendor_id, nvml.subsystem_id)
    assert not profile.nvml_names or nvml.name in profile.nvml_names
    assert (driver.uuid, driver.model) == (nvml.uuid, nvml.name)
    assert driver.vbios_version is not None
    assert driver.vbios_version.upper() == nvml.vbios_version
    assert (nvml.vbios_version or "")[:5] in profile.die.vbios_families
    assert (nvml.gpu_part_number or "").startswith(f"{nvml.device_id:04X}-")
    assert nvml.memory_bus_width_bits == one.soldered.memory_bus_width_bits
    assert 0.9 * one.soldered.memory_bytes <= (nvml.memory_total_bytes or 0) <= one.soldered.memory_bytes
    assert nvml.core_count in {one.soldered.sm_count * profile.die.cores_per_sm, None}
    if nvml.board_part_number:
        assert nvml.serial is not None
        assert len(nvml.serial) == 13
        assert nvml.board_part_number.split("-")[1][1:] == (nvml.inforom_image_version or "").split(".")[0]


def test_each_half_sees_only_itself(tmp_path: Path) -> None:
    one, device = make(tmp_path), make(tmp_path).open_device()
    _, _, nvml = sections(one)
    assert (nvml.name, nvml.compute_capability, nvml.core_count) == ("NVIDIA GeForce RTX 4090", "8.9", 16384)
    attributes = device.attributes
    assert (attributes.compute_capability, attributes.sm_count, attributes.l2_cache_bytes) == ("8.6", 82, 6 * MIB)
    assert attributes.name == nvml.name
    assert attributes.total_memory_bytes == device.memory_info().total_bytes == nvml.memory_total_bytes
    other = make(tmp_path, silicon="geforce-gtx-1060-6-gb")
    assert sections(other) == sections(one)


def test_overrides_win_and_empty_text_means_nothing_is_printed(tmp_path: Path) -> None:
    more = 'memory_bytes = 51527024640\nvbios_version = ""\nserial = "0"\n'
    more += "ecc_enabled = true\nsm_count = 142\npcie_lanes = 4\n"
    pci, driver, nvml = sections(make(tmp_path, more))
    assert nvml.memory_total_bytes == 49140 * MIB
    assert nvml.vbios_version is driver.vbios_version is None
    assert nvml.missing["vbios_version"].unavailable is Reason.NOT_SUPPORTED
    assert (nvml.serial, nvml.ecc_enabled, nvml.core_count) == ("0", True, 142 * 128)
    assert pci.link_lanes_max == nvml.pcie_lanes_current == 4


def test_more_declared_than_soldered_wraps_by_itself(tmp_path: Path) -> None:
    one = make(tmp_path, "memory_bytes = 51527024640\n")
    assert [(f.kind, getattr(f, "real_bytes", None)) for f in one.soldered.faults] == [("wraparound", 24 * GIB)]
    assert make(tmp_path).soldered.faults == ()


def test_what_the_host_withholds_carries_its_reason(tmp_path: Path) -> None:
    one = make(tmp_path, '[environment]\nmissing = ["nvml", "cuda"]\nno_permission = ["pci", "vbios"]\n')
    found = {name: read() for name, read in one.sources().items()}
    assert isinstance(found["nvml"], Unavailable)
    assert found["nvml"].unavailable is Reason.NOT_INSTALLED
    assert isinstance(found["pci"], Unavailable)
    assert found["pci"].unavailable is Reason.NO_PERMISSION
    assert isinstance(found["driver"], DriverFacts)
    with pytest.raises(DeviceUnavailable) as caught:
        one.open_device()
    assert caught.value.reason is Reason.NOT_INSTALLED


def test_a_probe_can_be_withheld_alone(tmp_path: Path) -> None:
    device = make(tmp_path, '[environment]\nno_permission = ["census"]\n').open_device()
    with pytest.raises(DeviceUnavailable):
        device.begin("census")
    device.begin("bandwidth")


def test_hosts(tmp_path: Path) -> None:
    guest = make(tmp_path, "[environment]\nvirtualized = true\n")
    assert guest.host().hypervisor == "KVM"
    assert sections(guest)[0].bar1_supported_bytes is None
    windows = make(tmp_path, '[environment]\nwindows = true\ndriver_version = "535.54"\n')
    found = {name: read() for name, read in windows.sources().items()}
    assert isinstance(found["pci"], Unavailable)
    assert found["pci"].unavailable is Reason.NOT_SUPPORTED
    assert isinstance(found["nvml"], NvmlFacts)
    assert (found["nvml"].driver_model, found["nvml"].cuda_version) == ("WDDM", "12.2")
    assert card("rtx-4090-laptop").host().chassis == "laptop"
    assert card("rtx-3070-laptop-on-desktop-board").host().chassis == "desktop"


def test_memory_in_use_is_not_free(tmp_path: Path) -> None:
    one = make(tmp_path, f"[environment]\ndisplay_in_use_bytes = {2 * GIB}\n")
    info = one.open_device().memory_info()
    assert info.total_bytes - info.free_bytes >= 2 * GIB


def test_a_hanging_stage_never_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ForeverError(Exception):
        pass

    def sleep(_seconds: float) -> None:
        raise ForeverError

    monkeypatch.setattr("time.sleep", sleep)
    one = make(tmp_path, '[environment]\nhang = "nvml"\n')
    one.sources()["pci"]()
    with pytest.raises(ForeverError):
        one.sources()["nvml"]()
    device = make(tmp_path, '[environment]\nhang = "memory_walk"\n').open_device()
    with pytest.raises(ForeverError):
        device.begin("memory_walk")


@pytest.mark.parametrize("withheld", ["nvml", "driver"])
def test_a_slice_is_no_fraud_where_nvml_does_not_tell_of_it(withheld: str, tmp_path: Path) -> None:
    slice_ = f'[environment]\nmig = true\nmissing = ["{withheld}"]\n'
    part = make(tmp_path, slice_, silicon="a100-sxm4-80-gb", declared="a100-sxm4-80-gb")
    result = report(collect(part, Plan(quick=True)))
    assert result.verdict.authenticity == "inconclusive"
    assert [f.check for f in result.findings if f.status == "fail"] == []


def test_what_cannot_be_cut_has_no_slices(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"environment\.mig: GeForce RTX 4090 has no MIG"):
        make(tmp_path, "[environment]\nmig = true\n")


BUS = "[declared.pci]\n"


def test_the_bus_of_an_honest_card_shows_the_functions_of_its_die(tmp_path: Path) -> None:
    ada, turing = sections(make(tmp_path))[0], sections(card("rtx-2080-ti"))[0]
    assert [f"{s.device_id:04x}" for s in ada.siblings] == ["22ba"]
    assert [f"{s.device_id:04x}" for s in turing.siblings] == ["10f7", "1ad6", "1ad7"]
    assert sections(card("h100-80gb"))[0].siblings == ()
    assert (ada.live_subsystem_vendor_id, ada.live_subsystem_id) == (ada.subsystem_vendor_id, ada.subsystem_id)


def test_a_scenario_says_what_the_bus_shows(tmp_path: Path) -> None:
    more = BUS + "audio_device_id = 0x1aef\nlive_subsystem_id = 0x4043\n"
    pci, _, nvml = sections(make(tmp_path, more))
    assert [s.device_id for s in pci.siblings] == [0x1AEF]
    assert (pci.live_subsystem_id, pci.subsystem_id) == (0x4043, nvml.subsystem_id)
    assert sections(make(tmp_path, BUS + "audio_device_id = 0\n"))[0].siblings == ()


def test_a_card_off_the_bus_answers_nobody(tmp_path: Path) -> None:
    lost = make(tmp_path, BUS + "off_bus = true\n")
    found = {name: read() for name, read in lost.sources().items()}
    pci = found["pci"]
    assert isinstance(pci, PciFacts)
    assert (pci.off_bus, pci.revision_id, pci.live_device_id) == (True, 0xFF, None)
    assert isinstance(found["nvml"], Unavailable)
    with pytest.raises(DeviceUnavailable, match="lost"):
        lost.open_device()


def test_a_library_in_nvmls_place_states_another_card_and_the_rest_of_the_machine_does_not(tmp_path: Path) -> None:
    lying = make(tmp_path, '[declared.library]\nprofile = "rtx-a6000"\n')
    pci, driver, nvml = sections(lying)
    assert (pci.device_id, driver.model) == (0x2684, "NVIDIA GeForce RTX 4090")
    assert (nvml.name, nvml.device_id, nvml.bdf) == ("NVIDIA RTX A6000", 0x2230, pci.bdf)
    assert driver.uuid != nvml.uuid
    assert lying.open_device().attributes.name == driver.model


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (BUS + "audio_device = 1\n", "did you mean audio_device_id"),
        (BUS + "audio_device_id = 70000\n", "declared.pci.audio_device_id"),
        ('[declared.library]\nroute = "replaced"\n', "declared.library.profile"),
        ('[declared.library]\nprofile = "nonsense"\n', "declared.library.profile"),
    ],
)
def test_mistakes_in_these_tables_are_named(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        make(tmp_path, more)
