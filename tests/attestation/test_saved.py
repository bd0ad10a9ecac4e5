"""Saved evidence: the forms in which NVIDIA's tools write it, and the command that shows it to a person."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gpucheck.cli.app import cli
from gpucheck.model.attestation import Attestation
from gpucheck.sources.attestation import saved
from tests.attestation import forge
from tests.attestation.forge import NONCE, honest, report


def entry(die: forge.Die, data: bytes | None = None, **others: Any) -> dict[str, Any]:
    written = report(die) if data is None else data
    return {
        "arch": "BLACKWELL",
        "nonce": NONCE.hex(),
        "evidence": base64.b64encode(written).decode(),
        "certificate": base64.b64encode(die.pem).decode(),
    } | others


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> forge.Die:
    """An honest die whose root stands in for NVIDIA's."""
    die = honest()

    def verify(chain: bytes, data: bytes, route: Any, nonce: bytes | None) -> object:
        from gpucheck.sources.attestation.verify import verify as plain

        return plain(chain, data, route, nonce, now=forge.NOW, root_sha256=die.root)

    monkeypatch.setattr(saved, "verify", verify)
    return die


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("form", ["list", "one", "nvattest", "service", "pem as it is", "with a mark", "lines"])
def test_the_forms_of_evidence(form: str) -> None:
    die = honest()
    one = entry(die)
    plain = {key: one[key] for key in ("evidence", "certificate")}
    documents: dict[str, Any] = {
        "list": [one],
        "one": one,
        "nvattest": {"result_code": 0, "result_message": "Ok", "evidences": [one]},
        "service": {"nonce": NONCE.hex(), "arch": "BLACKWELL", "evidence_list": [plain]},
        "pem as it is": [one | {"certificate": die.pem.decode()}],
        "with a mark": [one],
        "lines": [
            one | {"evidence": "\n".join(one["evidence"][i : i + 64] for i in range(0, len(one["evidence"]), 64))}
        ],
    }
    text = json.dumps(documents[form]).encode()
    (found,) = saved.parse(b"\xef\xbb\xbf\n" + text if form == "with a mark" else text)
    assert found.report[4:36] == found.nonce == NONCE
    assert found.architecture == "BLACKWELL"
    assert found.chain == die.pem


def test_a_report_alone_and_a_chain_alone() -> None:
    die = honest()
    data = report(die)
    for form in (data, data.hex().encode(), data.hex().upper().encode() + b"\n"):
        (found,) = saved.parse(form, die.pem)
        assert (found.report, found.chain) == (data, die.pem)
    (alone,) = saved.parse(die.pem)
    assert (alone.chain, alone.report) == (die.pem.strip(), b"")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"hello", "neither NVIDIA's JSON nor a report"),
        (b"{}", "no evidence of a card"),
        (b"[1, null, {}]", "no evidence of a card"),
        (b"[{", "no JSON"),
        (b'[{"evidence": "AAAA"}]', "entry 1 has no certificate"),
        (b'[{"evidence": 7, "certificate": "AAAA"}]', "entry 1 has no evidence"),
        (b'[{"evidence": "A?", "certificate": "AAAA"}]', "no Base64"),
        (json.dumps([{"evidence": "", "certificate": ""}] * 65).encode(), "65 cards"),
    ],
)
def test_what_is_no_evidence_is_told(tmp_path: Path, document: bytes, told: str) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(document)
    result = run("attest", path)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert told in result.stderr
    assert "evidence.json" in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert run("attest", tmp_path / "nowhere.json").exit_code == 3


def test_evidence_that_holds(tmp_path: Path, pinned: forge.Die) -> None:
    path = write(tmp_path / "evidence.json", [entry(pinned)])
    result = run("attest", path, "--nonce", NONCE.hex())
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    text = " ".join(result.stdout.split())
    held = ("evidence.json: GB202", "5 certificates", "NVIDIA's own", "yours, so it is fresh")
    for shown in (*held, "98.00.88.00.05", "SKU 885, G520 0200", "board, memory and cooler"):
        assert shown in text
    assert "Does not hold" not in text


def test_without_a_question_the_age_stays_open(tmp_path: Path, pinned: forge.Die) -> None:
    result = run("attest", write(tmp_path / "evidence.json", [entry(pinned)]))
    assert result.exit_code == 10
    assert "may be of any age" in " ".join(result.stdout.split())


@pytest.mark.parametrize("nonce", ["ab", "zz" * 32, "00" * 33, ""])
def test_a_question_of_another_size_is_a_mistake_in_the_call(tmp_path: Path, nonce: str) -> None:
    path = write(tmp_path / "evidence.json", [entry(honest())])
    result = run("attest", path, "--nonce", nonce)
    assert result.exit_code == 2
    assert "32 bytes" in result.stderr


def test_another_question_does_not_hold(tmp_path: Path, pinned: forge.Die) -> None:
    result = run("attest", write(tmp_path / "evidence.json", [entry(pinned)]), "--nonce", "11" * 32)
    assert result.exit_code == 11
    assert "ANOTHER THAN YOURS" in result.stdout


def test_a_file_that_contradicts_its_own_report(tmp_path: Path, pinned: forge.Die) -> None:
    path = write(tmp_path / "evidence.json", [entry(pinned, nonce="22" * 32)])
    result = run("attest", path)
    assert result.exit_code == 10
    assert "states another question than the report answers" in " ".join(result.stdout.split())


def test_a_root_that_is_not_nvidias(tmp_path: Path) -> None:
    result = run("attest", write(tmp_path / "evidence.json", [entry(honest())]), "--nonce", NONCE.hex())
    assert result.exit_code == 11
    assert "NOT NVIDIA'S" in result.stdout
    assert "Does not hold" in result.stdout


def test_several_cards_and_the_worst_of_them(tmp_path: Path, pinned: forge.Die) -> None:
    broken = bytearray(report(pinned))
    broken[-1] ^= 1
    path = write(tmp_path / "evidence.json", {"evidences": [entry(pinned), entry(pinned, bytes(broken))]})
    result = run("attest", path, "--nonce", NONCE.hex())
    assert result.exit_code == 11
    assert "card 1 of 2" in result.stdout
    assert "SIGNATURE WRONG" in result.stdout


def test_a_report_with_its_certificates_beside_it(tmp_path: Path, pinned: forge.Die) -> None:
    (tmp_path / "report.txt").write_text(report(pinned).hex())
    (tmp_path / "chain.pem").write_bytes(pinned.pem)
    assert run("attest", tmp_path / "report.txt", "--chain", tmp_path / "chain.pem").exit_code == 10
    alone = run("attest", tmp_path / "report.txt")
    assert alone.exit_code == 10
    assert "Not decided" in alone.stdout
    assert "Does not hold" not in alone.stdout
    assert "no certificate" in alone.stdout


def test_the_same_as_json(tmp_path: Path, pinned: forge.Die) -> None:
    path = write(tmp_path / "evidence.json", [entry(pinned)])
    result = run("attest", path, "--format", "json")
    (document,) = json.loads(result.stdout)
    facts = Attestation.model_validate(document)
    assert (facts.route, facts.chip, facts.signature_valid) == ("file", "GB202", True)


def test_a_file_is_not_written_over(tmp_path: Path) -> None:
    path = write(tmp_path / "evidence.json", [entry(honest())])
    before = path.read_bytes()
    assert run("attest", path, "-o", path).exit_code == 2
    assert path.read_bytes() == before


def test_without_the_library_the_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    result = run("attest", write(tmp_path / "evidence.json", [entry(honest())]))
    assert result.exit_code == 3
    assert "pip install" in result.stderr
