"""Keys, signed reports and redacted ones, as a shop uses them."""

import os
import stat
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.cli.key_files import read_redaction_key
from gpucheck.redaction import digest
from gpucheck.render.document import load_report, render_evidence, render_json
from tests.builders import UUID, forged_card, make_card, make_evidence, make_report

REPORT = make_report(make_card(), forged_card())


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPUCHECK_REDACT_KEY", raising=False)
    monkeypatch.delenv("GPUCHECK_SIMULATE", raising=False)


def run(*arguments: str | Path, given: bytes | None = None) -> Result:
    """Run ``gpucheck``."""
    return CliRunner().invoke(cli, list(map(str, arguments)), input=given)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with keys, a report and the same report signed."""
    (tmp_path / "report.json").write_text(render_json(REPORT))
    assert run("report", "keygen", "-o", tmp_path / "key").exit_code == 0
    assert run("report", "keygen", "--redact", "-o", tmp_path / "redaction").exit_code == 0
    signed = run("report", "sign", tmp_path / "report.json", "--key", tmp_path / "key", "-o", tmp_path / "signed.json")
    assert signed.exit_code == 0, signed.output
    return tmp_path


def verified(shop: Path, file: str = "signed.json") -> Result:
    return run("report", "verify", shop / file, "--public-key", shop / "key.pub")


def test_a_signed_report_holds_and_is_shown_and_judged_as_before(shop: Path) -> None:
    result = verified(shop)
    assert result.exit_code == 0, result.output
    assert "the signature holds" in result.stdout
    assert "not that the report is true" in result.stderr
    assert load_report((shop / "signed.json").read_text()) == REPORT
    shown, bare = run("render", shop / "signed.json"), run("render", shop / "report.json")
    assert shown.exit_code == bare.exit_code == 13
    assert "the signature was not verified here" in " ".join(shown.stdout.split())
    assert "signature" not in bare.stdout
    assert run("assess", shop / "signed.json").exit_code == run("assess", shop / "report.json").exit_code
    assert run("assess", "-", given=(shop / "signed.json").read_bytes()).exit_code > 9


def test_a_changed_one_is_refused_with_the_place(shop: Path) -> None:
    text = (shop / "signed.json").read_text()
    (shop / "signed.json").write_text(text.replace('"counterfeit"', '"authentic"'))
    result = verified(shop)
    assert result.exit_code == 11
    assert "/report/cards/1/verdict/authenticity" in result.stderr
    assert result.stdout == ""


def test_another_shops_key_is_refused(shop: Path) -> None:
    run("report", "keygen", "-o", shop / "other")
    result = run("report", "verify", shop / "signed.json", "--public-key", shop / "other.pub")
    assert result.exit_code == 11
    assert "another key" in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cut off"),
        (b"\xff\xff", "UTF-8"),
        (b'{"kind": "signed_report", "kind": "signed_report"}', '"kind" twice'),
        (b"[NaN]", "NaN"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b"[1e999]", "too large"),
        (render_json(REPORT).encode(), "no signed report"),
        (render_evidence([make_evidence()]).encode(), "no signed report"),
    ],
)
def test_what_cannot_be_verified_says_why(shop: Path, content: bytes, says: str) -> None:
    (shop / "odd.json").write_bytes(content)
    result = verified(shop, "odd.json")
    assert result.exit_code == 3
    assert says in result.stderr
    assert "internal error" not in result.stderr


def test_who_was_sent_an_unsigned_report_is_not_told_to_sign_it(shop: Path) -> None:
    assert "Ask who wrote it for the signed one" in verified(shop, "report.json").stderr


def test_a_truncated_signed_report_is_refused(shop: Path) -> None:
    data = (shop / "signed.json").read_bytes()
    for length in (1, 100, len(data) // 2, len(data) - 5):
        (shop / "cut.json").write_bytes(data[:length])
        assert verified(shop, "cut.json").exit_code == 3
    assert run("report", "verify", shop / "nothing.json", "--public-key", shop / "key.pub").exit_code == 3


def test_only_a_bare_report_is_signed(shop: Path) -> None:
    (shop / "evidence.json").write_text(render_evidence([make_evidence()]))
    (shop / "twice.json").write_text(render_json(REPORT).replace("{", '{"schema_version": 1, ', 1))
    for file, says in (("signed.json", "signed already"), ("evidence.json", "not a report"), ("twice.json", "twice")):
        result = run("report", "sign", shop / file, "--key", shop / "key")
        assert (result.exit_code, result.stdout) == (3, "")
        assert says in result.stderr


def test_signing_from_stdin_to_stdout(shop: Path) -> None:
    given = (shop / "report.json").read_bytes()
    signed = run("report", "sign", "-", "--key", shop / "key", given=given)
    result = run("report", "verify", "-", "--public-key", shop / "key.pub", given=signed.stdout_bytes)
    assert result.exit_code == 0, result.output


def test_the_key_is_never_written_over(shop: Path) -> None:
    key, public = (shop / "key").read_bytes(), (shop / "key.pub").read_bytes()
    for name in ("key", "redaction"):
        assert run("report", "keygen", "-o", shop / name).exit_code == 3
        assert run("report", "keygen", "--redact", "-o", shop / name).exit_code == 3
    (shop / "half.pub").write_text("mine")
    assert run("report", "keygen", "-o", shop / "half").exit_code == 3
    assert not (shop / "half").exists()
    (shop / "link").symlink_to(shop / "nowhere")
    assert run("report", "keygen", "-o", shop / "link").exit_code == 3
    assert not (shop / "nowhere").exists()
    assert run("report", "sign", shop / "report.json", "--key", shop / "key", "-o", shop / "key").exit_code == 2
    assert ((shop / "key").read_bytes(), (shop / "key.pub").read_bytes()) == (key, public)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX'")
def test_private_keys_are_for_their_owner_alone(shop: Path) -> None:
    assert stat.S_IMODE((shop / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((shop / "redaction").stat().st_mode) == 0o600
    (shop / "key").chmod(0o644)
    result = run("report", "sign", shop / "report.json", "--key", shop / "key")
    assert result.exit_code == 0
    assert "can be read by others" in result.stderr


def test_the_public_half_does_not_sign(shop: Path) -> None:
    (shop / "key.pub").chmod(0o644)
    result = run("report", "sign", shop / "report.json", "--key", shop / "key.pub")
    assert result.exit_code == 3
    said, hint = result.stderr.splitlines()
    assert said.endswith("That is the public half of a key; a report is signed with the private half.")
    assert "without .pub" in hint
    assert "can be read by others" not in result.stderr


def test_keys_that_are_none_say_so(shop: Path) -> None:
    (shop / "rubbish").write_text("rubbish")
    for key in ("rubbish", "key.pub", "redaction", "missing", "."):
        assert run("report", "sign", shop / "report.json", "--key", shop / key).exit_code == 3
    for key in ("rubbish", "key", "redaction", "missing", "."):
        assert run("report", "verify", shop / "signed.json", "--public-key", shop / key).exit_code == 3
    assert run("report", "keygen", "-o", "-").exit_code == 2
    assert run("report", "keygen", "-o", shop / "no" / "folder").exit_code == 3


def test_without_the_library_it_says_what_to_install(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for result in (
        verified(shop),
        run("report", "sign", shop / "report.json", "--key", shop / "key"),
        run("report", "keygen", "-o", shop / "new"),
    ):
        assert result.exit_code == 3
        assert "pip install 'cryptography>=42'" in result.stderr
    assert not (shop / "new").exists()
    assert run("render", shop / "signed.json").exit_code == 13


def test_redaction_with_the_shops_key_compares_and_without_does_not(shop: Path) -> None:
    key = read_redaction_key(str(shop / "redaction"))
    shown = [
        run("render", shop / "report.json", "--redact-key", shop / "redaction", "--format", "json"),
        run("render", shop / "signed.json", "--redact", "--redact-key", shop / "redaction", "--format", "json"),
    ]
    assert shown[0].stdout == shown[1].stdout
    assert digest(UUID, key) in shown[0].stdout
    assert UUID not in shown[0].stdout
    unkeyed = run("render", shop / "report.json", "--redact", "--format", "json")
    assert UUID not in unkeyed.stdout
    assert digest(UUID, key) not in unkeyed.stdout
    assert "cannot be compared" in unkeyed.stderr


def test_the_environment_names_the_key_and_does_not_redact_by_itself(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPUCHECK_REDACT_KEY", str(shop / "redaction"))
    expected = digest(UUID, read_redaction_key(str(shop / "redaction")))
    assert UUID in run("render", shop / "report.json", "--format", "json").stdout
    result = run("render", shop / "report.json", "--redact", "--format", "json")
    assert (expected in result.stdout, result.stderr) == (True, "")
    assert run("render", shop / "report.json", "--redact", "-o", shop / "redaction").exit_code == 2


@pytest.mark.parametrize("command", ["scan", "collect"])
def test_scan_and_collect_redact_too(shop: Path, command: str) -> None:
    call = (command, "--simulate", "rtx-4090", "--no-probe")
    json = ("--format", "json") if command == "scan" else ()
    plain = run(*call, *json)
    first, again = (run(*call, *json, "--redact", "--redact-key", shop / "redaction") for _ in "12")
    assert "GPU-" in plain.stdout
    assert "GPU-" not in first.stdout
    assert plain.exit_code == first.exit_code
    found = [line for line in first.stdout.splitlines() if "redacted:" in line]
    assert found == [line for line in again.stdout.splitlines() if "redacted:" in line] != []


@pytest.mark.parametrize(
    "content", ["", "gpucheck-redaction-key-1 abc", "0" * 64, "gpucheck-redaction-key-1 " + "g" * 64]
)
def test_a_weak_or_wrong_redaction_key_is_refused_before_anything_is_shown(shop: Path, content: str) -> None:
    (shop / "weak").write_text(content)
    (shop / "weak").chmod(0o600)
    result = run("render", shop / "report.json", "--redact-key", shop / "weak")
    assert (result.exit_code, result.stdout) == (2, "")
    assert run("render", shop / "report.json", "--redact-key", shop / "missing").exit_code == 3
