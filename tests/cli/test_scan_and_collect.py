"""Scanning and collecting, with simulated cards and without any card."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck import machine
from gpucheck.cli.app import cli
from gpucheck.model.base import GpucheckError
from gpucheck.redaction import PREFIX
from gpucheck.render.document import load_evidence, load_report


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPUCHECK_SIMULATE", raising=False)


def run(*arguments: str) -> Result:
    """Run ``gpucheck``."""
    return CliRunner().invoke(cli, list(arguments))


def test_a_simulated_card_is_scanned_and_says_so() -> None:
    result = run("scan", "--simulate", "rtx-4090")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "SIMULATED GeForce RTX 4090: AUTHENTIC"
    assert lines[-1].startswith("SIMULATED: No real card")
    assert max(len(line) for line in lines) <= 80
    assert result.stderr == ""


def test_a_forged_one_is_unmasked_and_several_are_told_apart() -> None:
    result = run("scan", "--simulate", "rtx-4090", "--simulate", "rtx-4090-48gb-forged", "--format", "json")
    assert result.exit_code == 13, result.output
    report = load_report(result.stdout)
    assert [card.verdict.authenticity.value for card in report.cards] == ["authentic", "counterfeit"]
    assert [card.simulated for card in report.cards] == ["rtx-4090", "rtx-4090-48gb-forged"]


def test_the_environment_simulates_as_visibly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUCHECK_SIMULATE", "rtx-4090")
    result = run("scan", "--no-probe")
    assert result.stdout.startswith("SIMULATED ")
    assert result.stderr.startswith("GPUCHECK_SIMULATE is set: simulating rtx-4090")


def test_without_probes_nothing_is_authentic() -> None:
    assert run("scan", "--simulate", "rtx-4090", "--no-probe").exit_code == 10


def test_a_claim_is_held_against_the_card() -> None:
    result = run("scan", "--simulate", "rtx-3090", "--claim", "RTX 4090")
    assert result.exit_code == 13
    assert "Sold as: RTX 4090." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--simulate", "rtx-9999"), "rtx-9999"),
        (("--simulate", "/nowhere/card.toml"), "/nowhere/card.toml"),
        (("--simulate", "rtx-4090", "--claim", "Voodoo 2"), "Voodoo 2"),
        (("--simulate", "rtx-4090", "--device", "0"), "--device"),
        (("--simulate", "rtx-4090", "--quick", "--deep"), "exclude each other"),
    ],
)
def test_a_wrong_call_is_one_clear_error(arguments: tuple[str, ...], says: str) -> None:
    result = run("scan", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert says in result.stderr
    assert len(result.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    "arguments",
    [
        *(("--timeout", seconds) for seconds in ("nan", "inf", "1e400", "0", "-1", "soon")),
        ("--seed", str(1 << 64)),
        ("--jobs", "0"),
        ("--jobs", "100000"),
    ],
    ids=" ".join,
)
def test_numbers_out_of_reason_are_refused(arguments: tuple[str, ...]) -> None:
    result = run("scan", "--simulate", "rtx-4090", *arguments)
    assert result.exit_code == 2
    assert f"Invalid value for '{arguments[0]}'" in result.stderr


def no_card(**_: object) -> None:
    raise machine.NoCardError("No NVIDIA card was found.", "Without a card, try `gpucheck scan --simulate rtx-4090`.")


@pytest.mark.parametrize("command", ["scan", "collect"])
def test_without_a_card_nothing_is_simulated(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "host_machine", no_card)
    result = run(command)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "--simulate" in result.stderr


def test_an_interrupt_leaves_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gpucheck.watchdog.collect_all", interrupt)
    result = run("scan", "--simulate", "rtx-4090", "-o", str(tmp_path / "report.json"))
    assert result.exit_code == 130
    assert "Interrupted before anything was examined." in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["scan", "collect"])
def test_ctrl_c_keeps_what_was_examined_until_then(command: str, tmp_path: Path) -> None:
    scenario = tmp_path / "slow.toml"
    scenario.write_text(
        'title = "hangs"\n[silicon]\nprofile = "geforce-rtx-4090"\n[environment]\nhang = "memory_walk"\n',
        encoding="utf-8",
    )
    target = tmp_path / "out.json"
    call = [sys.executable, "-m", "gpucheck", command, "--simulate", str(scenario), "-v", "--timeout", "60"]
    process = subprocess.Popen([*call, "-o", str(target)], stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr
    for line in process.stderr:
        if "memory_walk" in line:
            break
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted: this is what was examined until then." in told
    document = json.loads(target.read_text(encoding="utf-8"))
    evidence = document["cards"][0]["evidence"] if command == "scan" else document["cards"][0]
    assert evidence["census"]["sm_count"] == 128
    for name in ("memory_walk", "latency", "load"):
        assert evidence[name] == {"unavailable": "failed", "detail": "interrupted with Ctrl-C"}
    if command == "scan":
        assert document["cards"][0]["verdict"]["authenticity"] == "inconclusive"


def test_the_output_folder_is_checked_before_the_scan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gpucheck.watchdog.collect_all", lambda *_, **__: pytest.fail("the scan ran"))
    result = run("scan", "--simulate", "rtx-4090", "-o", str(tmp_path / "no" / "report.json"))
    assert result.exit_code == 3


def test_verbose_tells_every_stage_on_stderr() -> None:
    result = run("scan", "--simulate", "rtx-4090", "--verbose")
    assert "memory_walk: done" in result.stderr
    assert "\x1b" not in result.stderr
    assert result.stdout.startswith("SIMULATED ")


def test_a_stage_that_hangs_is_timed_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    scenario = tmp_path / "hangs.toml"
    scenario.write_text('title = "hangs"\n[silicon]\nprofile = "geforce-rtx-4090"\n[environment]\nhang = "bandwidth"\n')
    result = run("scan", "--simulate", str(scenario), "--timeout", "2")
    assert result.exit_code == 10, result.output
    assert "Timed out: memory bandwidth (no answer within 2 s)" in result.stdout


def test_collected_evidence_is_judged_elsewhere(tmp_path: Path) -> None:
    saved = tmp_path / "evidence.json"
    assert run("collect", "--simulate", "rtx-4090-48gb", "-o", str(saved)).exit_code == 0
    assert json.loads(saved.read_text())["kind"] == "evidence"
    result = run("assess", str(saved))
    assert result.exit_code == 12
    assert result.stdout.startswith("SIMULATED GeForce RTX 4090: MODIFIED (memory altered)\n")


def test_redacted_evidence_gets_the_same_verdict(tmp_path: Path) -> None:
    open_, redacted = tmp_path / "open.json", tmp_path / "redacted.json"
    run("collect", "--simulate", "rtx-4090", "-o", str(open_))
    run("collect", "--simulate", "rtx-4090", "--redact", "-o", str(redacted))
    plain = load_evidence(open_.read_text())[0].declared
    hidden = load_evidence(redacted.read_text())[0].declared
    assert plain is not None
    assert hidden is not None
    assert hidden.uuid is not None
    assert hidden.uuid.startswith(PREFIX)
    assert str(plain.uuid) not in redacted.read_text()
    assert run("assess", str(redacted)).exit_code == run("assess", str(open_)).exit_code == 0


def test_nothing_collected_is_nothing_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise GpucheckError("nothing here")

    monkeypatch.setattr("gpucheck.watchdog.collect_all", nothing)
    assert run("collect", "--simulate", "rtx-4090").exit_code == 3
