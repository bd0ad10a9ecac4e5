"""Judging files: evidence, reports, nvidia-smi text, and what is none of these."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.render.document import load_report, render_evidence, render_json
from gpucheck.render.inventory.table import csv_lines
from tests.builders import UUID, forged_card, make_evidence, make_report

SMI = """==============NVSMI LOG==============

Timestamp                                 : Fri Jan  2 03:04:05 2026
Driver Version                            : 580.95.05
CUDA Version                              : 13.0

Attached GPUs                             : 1
GPU 00000000:01:00.0
    Product Name                          : NVIDIA GeForce RTX 4090
    Product Brand                         : GeForce
    VBIOS Version                         : 95.02.3C.40.0D
    PCI
        Device Id                         : 0x268410DE
        Sub System Id                     : 0x165B10DE
    FB Memory Usage
        Total                             : 24564 MiB
"""


def run(*arguments: str, **options: Any) -> Result:
    """Run ``gpucheck assess``."""
    return CliRunner().invoke(cli, ["assess", *arguments], **options)


@pytest.fixture
def genuine(tmp_path: Path) -> str:
    path = tmp_path / "genuine.json"
    path.write_text(render_evidence([make_evidence()]))
    return str(path)


@pytest.fixture
def forged(tmp_path: Path) -> str:
    path = tmp_path / "forged.json"
    path.write_text(render_json(make_report(forged_card())))
    return str(path)


@pytest.fixture
def smi(tmp_path: Path) -> str:
    path = tmp_path / "seller.txt"
    path.write_text(SMI)
    return str(path)


def test_evidence_is_judged(genuine: str) -> None:
    result = run(genuine)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("GeForce RTX 4090: AUTHENTIC\n")
    assert "A file can be edited" in result.stdout


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_evidence_is_judged_in_every_encoding_of_a_shell(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "powershell.json"
    path.write_bytes(("\r\n" + render_evidence([make_evidence()])).encode(encoding))
    result = run(str(path))
    assert result.exit_code == 0, result.output
    assert "AUTHENTIC" in result.stdout


def test_a_report_is_judged_again(forged: str) -> None:
    result = run(forged, "--format", "json")
    assert result.exit_code == 13, result.output
    assert load_report(result.stdout).cards[0].verdict.authenticity == "counterfeit"


def test_declared_facts_alone_are_never_authentic(smi: str) -> None:
    result = run(smi)
    assert result.exit_code == 10, result.output
    assert result.stdout.startswith("GeForce RTX 4090: INCONCLUSIVE\n")


@pytest.mark.parametrize("blank", ["0x00000000", "0xFFFFFFFF", "0000:0000", "ffff:ffff", "0x000010DE", "0xFFFF10DE"])
def test_a_card_whose_ids_were_blanked_out_is_matched_by_its_name(blank: str, tmp_path: Path) -> None:
    path = tmp_path / "masked.txt"
    path.write_text(SMI.replace("0x268410DE", blank).replace("0x165B10DE", blank))
    result = run("--claim", "RTX 4090", str(path))
    said = " ".join(result.stdout.split())
    assert result.exit_code == 10, result.output
    assert said.startswith("GeForce RTX 4090: INCONCLUSIVE")
    assert "Its ids were blanked out, so it was matched by its name alone." in said
    assert "no profile" not in said


def test_blanked_ids_do_not_hide_a_name_with_the_wrong_memory(tmp_path: Path) -> None:
    path = tmp_path / "masked.txt"
    path.write_text(SMI.replace("0x268410DE", "0x00000000").replace("24564", "49140"))
    assert run(str(path)).exit_code == 12


def test_stdin(smi: str) -> None:
    assert run("-", input=SMI).exit_code == 10
    assert run("-", input=render_evidence([make_evidence()])).exit_code == 0
    assert run("-", input="").exit_code == 3


def test_a_claim_is_held_against_the_card(genuine: str) -> None:
    assert run("--claim", "RTX 4090", genuine).exit_code == 0
    assert run("--claim", "RTX 3060", genuine).exit_code == 13


LISTED = "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation {} (rev a1)\n\tSubsystem: ZOTAC [19da:2476]\n"


@pytest.mark.parametrize(
    ("listed", "name", "device"),
    [
        ("GP108 [GeForce GT 1030] [10de:1d01]", "GP108 [GeForce GT 1030]", "10de:1d01"),
        ("AD102 [GeForce RTX 4090] [10de:2684]", "GeForce RTX 4090", "10de:2684"),
        ("Device [10de:ffe0]", "Unknown card", "10de:ffe0"),
    ],
)
def test_a_card_that_the_bus_alone_tells_of_is_named(listed: str, name: str, device: str, tmp_path: Path) -> None:
    path = tmp_path / "lspci.txt"
    path.write_text(LISTED.format(listed))
    result = run(str(path))
    assert result.stdout.startswith(f"{name}: INCONCLUSIVE\n")
    assert f"device {device}" in " ".join(result.stdout.split())
    page = run(str(path), "--format", "html").stdout
    assert f"device {device} (declared)" in page


def test_a_name_that_answers_for_us_is_seen_to_be_the_cards(tmp_path: Path) -> None:
    path = tmp_path / "seller.csv"
    path.write_text('name, pci.device_id\nGeForce RTX 4090: AUTHENTIC" all is well, 0xFFE010DE\n')
    said = run(str(path)).stdout
    assert said.startswith('"GeForce RTX 4090: AUTHENTIC\' all is well": INCONCLUSIVE\n')
    assert '("GeForce RTX 4090: AUTHENTIC\' all is well")' in " ".join(said.split())


def test_a_card_beside_the_one_for_sale_can_be_left_out(tmp_path: Path) -> None:
    """A machine shows its desktop on a small card, and the seller sends a listing of both."""
    small = LISTED.format("GP108 [GeForce GT 1030] [10de:1d01]").replace("01:00.0", "02:00.0")
    path = tmp_path / "lspci.txt"
    path.write_text(LISTED.format("AD102 [GeForce RTX 4090] [10de:2684]") + "\n" + small)
    result = run("--claim", "RTX 4090", str(path))
    assert result.exit_code == 13
    said = " ".join(result.stdout.split())
    assert "held against all 2 cards; if this one is not for sale, leave it out of the file." in said
    path.write_text(small)
    assert "held against all" not in run("--claim", "RTX 4090", str(path)).stdout


def test_who_sent_a_listing_of_the_bus_alone_is_asked_for_more(tmp_path: Path) -> None:
    path = tmp_path / "lspci.txt"
    path.write_text(LISTED.format("AD102 [GeForce RTX 4090] [10de:2684]"))
    assert "Ask for the output of `nvidia-smi -q -x`, which tells more." in " ".join(run(str(path)).stdout.split())


def test_an_unknown_claim_is_a_wrong_call(genuine: str) -> None:
    result = run("--claim", "Voodoo 2", genuine)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Voodoo 2" in result.stderr


@pytest.mark.parametrize(
    "content", [b"", b"   \n", bytes(range(256)) * 8, b"{", b'{"cards": 1}', b"hello", b"\x89PNG\r\n"]
)
def test_what_cannot_be_read_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    result = run(str(path))
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.startswith("gpucheck: ")
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) <= 2


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert run(str(tmp_path / "missing")).exit_code == 3
    assert run(str(tmp_path)).exit_code == 3


def test_a_newer_document_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.json"
    path.write_text(json.dumps(json.loads(render_evidence([make_evidence()])) | {"schema_version": 2}))
    result = run(str(path))
    assert result.exit_code == 3
    assert "schema version 2" in result.stderr


def test_one_bad_file_among_several_stops_no_other(genuine: str, forged: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("")
    result = run(genuine, str(bad))
    assert result.exit_code == 3
    assert "AUTHENTIC" in result.stdout
    assert "bad.txt" in result.stderr
    result = run(genuine, str(bad), forged)
    assert result.exit_code == 13
    assert result.stdout.startswith("2 cards: 1 authentic, 1 counterfeit\n")


def test_a_crash_in_one_file_stops_no_other(genuine: str, smi: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("gpucheck.sources.nvidia_smi.parse", crash)
    result = run(genuine, smi)
    assert result.exit_code == 3
    assert "internal error: RuntimeError: boom" in result.stderr
    assert "AUTHENTIC" in result.stdout


def test_output_into_a_missing_folder(genuine: str, tmp_path: Path) -> None:
    result = run(genuine, "-o", str(tmp_path / "no" / "r.json"))
    assert result.exit_code == 3
    assert "folder does not exist" in result.stderr


def test_a_file_named_json_gets_json(genuine: str, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    result = run(genuine, "-o", str(target))
    assert (result.exit_code, result.stdout) == (0, "")
    assert load_report(target.read_text()).cards[0].evidence.declared is not None


def test_serial_numbers_are_not_in_the_terminal_report(genuine: str) -> None:
    assert UUID not in run(genuine).stdout


def test_a_document_without_cards_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    path.write_text(render_evidence([]))
    result = run(str(path))
    assert result.exit_code == 3
    assert "holds no card" in result.stderr


def test_a_number_that_became_text_is_refused(tmp_path: Path, genuine: str) -> None:
    content = json.loads(Path(genuine).read_text())
    content["cards"][0]["nvml"]["memory_total_bytes"] = "24564"
    path = tmp_path / "text.json"
    path.write_text(json.dumps(content))
    result = run(str(path))
    assert result.exit_code == 3
    assert "memory_total_bytes" in result.stderr


def test_a_file_that_is_read_is_never_written_over(smi: str, genuine: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(smi)
    for target in (smi, str(link)):
        result = run(genuine, smi, "-o", target)
        assert result.exit_code == 2
        assert "must not be written over" in result.stderr
    assert Path(smi).read_text() == SMI


def test_a_read_only_target_is_left_alone(smi: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "kept"
    target.write_text("old")
    monkeypatch.setattr("os.access", lambda path, _mode: str(path) != str(target))
    result = run(smi, "-o", str(target))
    assert result.exit_code == 3
    assert "read-only" in result.stderr
    assert target.read_text() == "old"


def test_an_xml_that_is_refused_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text('<!DOCTYPE n [<!ENTITY a "b">]><nvidia_smi_log></nvidia_smi_log>')
    result = run(str(path))
    assert result.exit_code == 3
    assert result.stderr.startswith("gpucheck: bomb.xml: ")


def test_hidden_characters_leave_as_escapes(genuine: str, tmp_path: Path) -> None:
    content = json.loads(Path(genuine).read_text())
    content["cards"][0]["nvml"]["brand"] = hostile = "\x9b31m\u202eEVIL\u2028\x7f"
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps(content))
    result = run(str(path), "--format", "json")
    assert not set(hostile) - set("31mEVIL") & set(result.stdout)
    assert json.loads(result.stdout)["cards"][0]["evidence"]["nvml"]["brand"] == hostile


@pytest.mark.parametrize("redirect", ["<&-", ">&-"])
def test_a_closed_stream_is_no_fault_of_ours(smi: str, redirect: str) -> None:
    source = "-" if redirect == "<&-" else shlex.quote(smi)
    call = f"{shlex.quote(sys.executable)} -m gpucheck assess {source} {redirect}"
    result = subprocess.run(["sh", "-c", call], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 3
    assert "is closed" in result.stderr
    assert "internal error" not in result.stderr


@pytest.mark.parametrize("command", ["assess", "render"])
def test_a_pipe_is_refused_and_not_waited_for(command: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = CliRunner().invoke(cli, [command, str(pipe)])
    assert result.exit_code == 3
    assert "not a regular file" in result.stderr


LSPCI = """01:00.0 VGA compatible controller [0300]: NVIDIA Corporation Device [10de:{device}] (rev a1)
\tSubsystem: NVIDIA Corporation Device [10de:165b]
\tKernel driver in use: nvidia
"""


def said(result: Result) -> str:
    return " ".join(result.stdout.split())


def test_files_of_one_card_are_judged_together_and_named(smi: str, tmp_path: Path) -> None:
    listing = tmp_path / "lspci.txt"
    listing.write_text(LSPCI.format(device="2684"))
    honest = run(smi, str(listing))
    assert honest.exit_code == 10, honest.output
    assert said(honest).startswith(
        "GeForce RTX 4090: INCONCLUSIVE 0000:01:00.0 in seller.txt + lspci.txt, device 10de:2684"
    )
    assert "Put together, as files of one card: seller.txt, lspci.txt." in said(honest)
    listing.write_text(LSPCI.format(device="2204"))
    forged = run(str(listing), smi)
    assert forged.exit_code == 11, forged.output
    assert "2204 by pci" in said(forged)
    document = load_report(run(smi, str(listing), "--format", "json").stdout)
    assert [card.evidence.label for card in document.cards] == ["0000:01:00.0 in seller.txt + lspci.txt"]


def test_stdin_and_a_file_are_judged_together(tmp_path: Path) -> None:
    listing = tmp_path / "lspci.txt"
    listing.write_text(LSPCI.format(device="2204"))
    assert run("-", str(listing), input=SMI).exit_code == 11


def test_files_of_two_cards_with_one_address_stay_apart(smi: str, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(SMI.replace("95.02.3C.40.0D", "95.02.18.80.5F"))
    result = run(smi, str(other))
    assert result.stdout.startswith("2 cards: 2 inconclusive\n")
    assert "Put together" not in said(result)
    listing = tmp_path / "lspci.txt"
    listing.write_text(LSPCI.format(device="2684"))
    result = run(smi, str(other), str(listing))
    assert result.stdout.startswith("3 cards: 3 inconclusive\n")
    assert "lspci.txt: more than one card or listing was sent for 0000:01:00.0" in result.stderr


def test_documents_are_judged_each_by_itself(genuine: str, forged: str, smi: str, tmp_path: Path) -> None:
    listing = tmp_path / "lspci.txt"
    listing.write_text(LSPCI.format(device="2204"))
    alone = [load_report(run(path, "--format", "json").stdout).cards[0] for path in (genuine, forged)]
    document = load_report(run(genuine, forged, genuine, smi, str(listing), "--format", "json").stdout)
    assert list(document.cards[:3]) == [alone[0], alone[1], alone[0]]
    assert len(document.cards) == 4


@pytest.mark.parametrize("name", ["report.txt", "report.html", "report.xml", "report.csv", "report.prom"])
def test_a_report_for_reading_is_not_judged_again_and_says_which_is(name: str, tmp_path: Path, forged: str) -> None:
    shown = tmp_path / name
    assert CliRunner().invoke(cli, ["render", forged, "-o", str(shown)]).exit_code == 13
    result = run(str(shown))
    assert result.exit_code == 3
    assert "Ask for its report or evidence in JSON." in result.stderr


def test_the_table_of_an_inventory_is_no_output_of_nvidia_smi(tmp_path: Path) -> None:
    table = tmp_path / "inventory.csv"
    table.write_text("".join(csv_lines([])) + f"1,,GeForce RTX 4090,authentic,good,,,,,,,1,{UUID},,,,,,,,,,,,,\n")
    result = run(str(table))
    assert result.exit_code == 3
    assert "Ask for its report or evidence in JSON." in result.stderr
