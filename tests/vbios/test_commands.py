"""The command line: showing a ROM, scanning with one, and simulated cards that have one."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.vbios import VbiosFacts
from gpucheck.pipeline import Plan
from gpucheck.render.document import load_report
from tests.cards import catalog, evidence_from, evidence_of, finding, report
from tests.vbios.rom_builder import build

GENUINE: dict[str, Any] = {"title": "A card", "silicon": {"profile": "geforce-rtx-4090"}}


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    path = tmp_path / "card.rom"
    path.write_bytes(build("ada", version=(0x18, 0x80, 0x5F), subsystem=(0x10DE, 0x167C)))
    return path


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPUCHECK_SIMULATE", raising=False)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_a_rom_is_shown(rom: Path) -> None:
    result = run("vbios", rom)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    for shown in ("95.02.18.80.5F", "10de:2684", "10de:167c", "GDDR6X Samsung, 16 Gbit", "320 W", "present"):
        assert shown in result.stdout
    assert "Not read" in result.stdout


@pytest.mark.parametrize(
    ("flash", "words"), [(True, "from its flash chip, NOT WHOLE"), (False, "as PCI shows it, NOT WHOLE")]
)
def test_a_cut_rom_is_never_called_whole(tmp_path: Path, flash: bool, words: str) -> None:
    path = tmp_path / "cut.rom"
    path.write_bytes(build("ada", flash=flash)[:20000])
    shown = " ".join(run("vbios", path).stdout.split())
    assert f"20,000 bytes: {words}" in shown
    assert "CUT OFF" in shown


@pytest.mark.parametrize("flash", [True, False])
def test_a_whole_rom_says_how_much_of_the_file_it_is(tmp_path: Path, flash: bool) -> None:
    """What follows the images may be a second copy, the card's own data, or another ROM: none of it was looked at."""
    path = tmp_path / "two.rom"
    path.write_bytes(build("ada", flash=flash) + build("ampere"))
    shown = " ".join(run("vbios", path).stdout.split())
    assert "34,304 bytes of images, all whole" in shown
    assert "whole flash chip" not in shown


def test_a_rom_of_a_module_is_not_said_to_need_a_slot(rom: Path) -> None:
    assert "no notebook: a card or a module" in " ".join(run("vbios", rom).stdout.split())


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (bytes(4096), "nothing was read from the card"), (b"\xff" * 4096, "nothing was read")],
)
def test_a_file_of_nothing_is_called_so(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "nothing.rom"
    path.write_bytes(content)
    assert words in run("vbios", path).stderr


@pytest.mark.parametrize("flash", [True, False])
def test_bytes_that_a_programmer_swapped_are_recognised(tmp_path: Path, flash: bool) -> None:
    sound = build("ada", flash=flash)
    swapped = bytearray(sound)
    swapped[::2], swapped[1::2] = sound[1::2], sound[::2]
    path = tmp_path / "swapped.rom"
    path.write_bytes(swapped + b"\xff")
    result = run("vbios", path)
    assert result.exit_code == 3
    assert "swapped in pairs" in result.stderr
    assert "conv=swab" in result.stderr


def test_the_same_as_json(rom: Path, tmp_path: Path) -> None:
    result = run("vbios", rom, "--format", "json")
    assert VbiosFacts.model_validate_json(result.stdout).device_id == 0x2684
    target = tmp_path / "out.json"
    assert run("vbios", rom, "-o", target).exit_code == 0
    assert json.loads(target.read_text())["version"] == "95.02.18.80.5F"


def test_a_rom_is_not_written_over(rom: Path) -> None:
    before = rom.read_bytes()
    assert run("vbios", rom, "-o", rom).exit_code == 2
    assert rom.read_bytes() == before


@pytest.mark.parametrize("name", ["nowhere.rom", "text.rom"])
def test_what_is_no_rom_is_told_in_two_lines(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.rom").write_text("not firmware " * 100)
    for arguments in (("vbios", tmp_path / name), ("scan", "--simulate", "rtx-4090", "--vbios", tmp_path / name)):
        result = run(*arguments)
        assert result.exit_code == 3
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 2
        assert name in result.stderr


@pytest.mark.parametrize("before", [b"", b"\xff" * 1024, b"\0" * 512])
@pytest.mark.parametrize("flash", [True, False])
def test_a_rom_among_a_sellers_files_is_told_where_to_put(tmp_path: Path, flash: bool, before: bytes) -> None:
    path = tmp_path / "seller.rom"
    path.write_bytes(before + build("ampere", flash=flash))
    result = run("assess", path)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "seller.rom is a VBIOS ROM" in result.stderr
    assert "gpucheck vbios FILE" in result.stderr
    assert "gpucheck scan --vbios FILE" in result.stderr


def test_a_scan_with_the_cards_rom(tmp_path: Path, rom: Path) -> None:
    scenario = tmp_path / "mine.toml"
    text = 'title = "x"\n[silicon]\nprofile = "geforce-rtx-4090"\n[declared]\nvbios_version = "95.02.18.80.5F"\n'
    scenario.write_text(text + "subsystem_id = 0x167c\n")
    result = run("scan", "--simulate", scenario, "--quick", "--vbios", rom, "--format", "json")
    assert result.exit_code == 0, result.output
    card = load_report(result.stdout).cards[0]
    assert isinstance(card.evidence.vbios, VbiosFacts)
    assert card.evidence.vbios.source == "file"
    assert {f.check: f.status.value for f in card.findings}["vbios-agreement"] == "pass"


def test_one_rom_does_not_belong_to_two_cards(rom: Path) -> None:
    result = run("scan", "--simulate", "rtx-4090", "--simulate", "rtx-3090", "--vbios", rom)
    assert result.exit_code == 2
    assert "--vbios" in result.stderr


def test_a_simulated_card_without_a_rom_states_its_version_alone() -> None:
    section = evidence_of("rtx-4090").vbios
    assert isinstance(section, VbiosFacts)
    assert not section.read
    assert section.version == evidence_of("rtx-4090").nvml.vbios_version  # type: ignore[union-attr]
    assert section.missing["rom"].unavailable is Reason.NO_PERMISSION


@pytest.mark.parametrize("environment", [{"missing": ["nvml"]}, {"no_permission": ["vbios"]}])
def test_a_host_can_withhold_it(environment: dict[str, Any]) -> None:
    section = evidence_from(GENUINE | {"environment": environment}).vbios
    assert isinstance(section, Unavailable)


def test_an_honest_rom_keeps_an_honest_card_authentic() -> None:
    evidence = evidence_from(GENUINE | {"declared": {"vbios": {}}})
    assert isinstance(evidence.vbios, VbiosFacts)
    assert evidence.vbios.read
    judged = report(evidence)
    assert judged.verdict.authenticity == "authentic"
    status = {f.check: f.status.value for f in judged.findings}
    assert (status["vbios-agreement"], status["vbios-integrity"]) == ("pass", "pass")


def test_an_honest_rom_of_every_model_raises_nothing() -> None:
    for profile in catalog().all_profiles():
        document = {"title": "A card", "silicon": {"profile": profile.id}, "declared": {"vbios": {}}}
        judged = report(evidence_from(document, Plan(probe=False)))
        found = [f for f in judged.findings if f.check in ("vbios-agreement", "vbios-integrity")]
        assert [(f.status.value, f.severity.value) for f in found] == [("pass", "info")] * 2, profile.id


def test_the_owners_choice_of_firmware_is_noted_and_no_alarm() -> None:
    evidence = evidence_of("cross-flashed-partner-bios")
    assert report(evidence).verdict.authenticity == "authentic"
    noted = finding(evidence, "vbios-agreement")
    assert (noted.status.value, noted.severity.value) == ("pass", "low")
    assert "of MSI" in noted.message


def test_a_rom_of_another_die_makes_a_card_suspect_by_itself() -> None:
    vbios = {"version": "94.02.26.40.99", "version_text": "94.02.26.40.99"}
    evidence = evidence_from(GENUINE | {"declared": {"vbios": vbios}})
    assert finding(evidence, "vbios-agreement").status.value == "fail"
    judged = report(evidence)
    assert judged.verdict.authenticity == "suspect"


def test_a_damaged_rom_is_no_proof_of_fraud() -> None:
    evidence = evidence_from(GENUINE | {"declared": {"vbios": {"checksum": "bad"}}})
    assert finding(evidence, "vbios-integrity").status.value == "fail"
    assert report(evidence).verdict.authenticity == "authentic"


def test_a_wrong_key_in_the_table_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "x"\n[silicon]\nprofile = "geforce-rtx-4090"\n[declared.vbios]\nchip = "300"\n')
    result = run("scan", "--simulate", path)
    assert result.exit_code == 2
    assert "declared.vbios.chip: unknown key, did you mean chip_sku?" in result.stderr
