"""Asking a card: which dies, in which mode, by which way, and every way of getting no answer."""

import json
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from gpucheck.cli.app import cli
from gpucheck.cli.errors import CallError
from gpucheck.machine import HostCard, HostMachine
from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import NOT_LISTED
from gpucheck.sources.attestation import live, nvattest
from gpucheck.sources.attestation.verify import verify
from gpucheck.sources.nvml_library import NvmlError, NvmlUnavailableError
from tests.attestation import forge
from tests.attestation.forge import NONCE, honest, report
from tests.attestation.test_saved import entry
from tests.sources.test_nvml import BDF, FakeLibrary

ON, OFF = SimpleNamespace(ccFeature=1), SimpleNamespace(ccFeature=0)
SINGLE, PROTECTED = SimpleNamespace(multiGpuMode=0), SimpleNamespace(multiGpuMode=1)


@pytest.fixture(autouse=True)
def _pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of our own dies stands in for NVIDIA's."""
    monkeypatch.setattr(live, "verify", partial(_verify))


def _verify(chain: bytes, data: bytes, route: Any, nonce: bytes | None) -> object:
    return verify(chain, data, route, nonce, now=forge.NOW, root_sha256=honest().root)


def buffer(content: bytes, size: int, field: str) -> dict[str, Any]:
    return {field: list(content + bytes(size - len(content))), f"{field}Size": len(content)}


def answers(
    capability: tuple[int, int] | Exception = (12, 0), state: Any = ON, settings: Any = SINGLE, **others: Any
) -> dict[tuple[Any, ...], Any]:
    die = honest()
    return {
        ("nvmlDeviceGetCudaComputeCapability",): capability,
        ("nvmlSystemGetConfComputeState",): state,
        ("nvmlSystemGetConfComputeSettings",): settings,
        ("nvmlDeviceGetConfComputeGpuCertificate",): SimpleNamespace(**buffer(die.pem, 0x1400, "attestationCertChain")),
        ("nvmlDeviceGetConfComputeGpuAttestationReport", NONCE): SimpleNamespace(
            **buffer(report(die), 0x2000, "attestationReport")
        ),
    } | {(name,): value for name, value in others.items()}


def ask(given: dict[tuple[Any, ...], Any], **options: Any) -> Attestation | Unavailable:
    library = FakeLibrary(given)
    found = live.read(library, BDF, nonce=lambda size: NONCE[:size], **options)
    assert library.opened == library.closed
    return found


def absent(found: Attestation | Unavailable) -> Unavailable:
    assert isinstance(found, Unavailable)
    return found


@pytest.mark.parametrize(("state", "settings"), [(ON, SINGLE), (OFF, PROTECTED)])
@pytest.mark.parametrize("capability", [(9, 0), (10, 0), (10, 3), (12, 0)])
def test_a_card_in_a_confidential_mode_is_asked(capability: tuple[int, int], state: Any, settings: Any) -> None:
    facts = ask(answers(capability, state, settings))
    assert isinstance(facts, Attestation)
    assert (facts.route, facts.chip, facts.chain_valid, facts.root_pinned) == ("nvml", "GB202", True, True)
    assert (facts.signature_valid, facts.nonce_ours, facts.trouble) == (True, True, "")


@pytest.mark.parametrize("capability", [(3, 5), (6, 1), (7, 5), (8, 0), (8, 6), (8, 9)])
def test_older_dies_are_told_that_they_cannot(capability: tuple[int, int]) -> None:
    found = absent(ask(answers(capability), with_tool=True))
    assert found.unavailable is Reason.NOT_SUPPORTED
    assert found.detail.startswith("this die cannot attest")


@pytest.mark.parametrize("capability", [(11, 0), (12, 1), (13, 0)])
def test_of_other_dies_nothing_is_on_record(capability: tuple[int, int]) -> None:
    assert "nothing is on record" in absent(ask(answers(capability))).detail


@pytest.mark.parametrize(
    ("number", "told"), [(8, "cannot attest"), (9, "nothing else asks a GH100"), (10, "--nvattest")]
)
def test_drivers_that_tell_the_architecture_alone(number: int, told: str) -> None:
    refused = NvmlError(13, "Function Not Found")
    found = absent(ask(answers(refused, OFF, nvmlDeviceGetArchitecture=number)))
    assert told in found.detail


@pytest.mark.parametrize("state", [OFF, NvmlError(3, "Not Supported"), NvmlError(13, "Function Not Found")])
def test_what_would_be_needed_where_the_mode_is_off(state: Any) -> None:
    hopper, blackwell = (absent(ask(answers(capability, state))) for capability in ((9, 0), (12, 0)))
    assert (hopper.unavailable, blackwell.unavailable) == (Reason.NOT_SUPPORTED, Reason.NOT_REQUESTED)
    assert "confidential-computing mode only, which is off" in hopper.detail
    assert "gpucheck scan --nvattest" in blackwell.detail


@pytest.mark.parametrize(
    ("error", "reason"),
    [(NvmlError(4, "No Permission"), Reason.NO_PERMISSION), (NvmlError(999, "Unknown Error"), Reason.FAILED),
     (NvmlError(6, "Not Found"), Reason.NOT_SUPPORTED), (NvmlError(3, "Not Supported"), Reason.NOT_SUPPORTED),
     (NvmlError(10, "Timeout"), Reason.TIMED_OUT)],
)  # fmt: skip
@pytest.mark.parametrize(
    "call", ["nvmlDeviceGetConfComputeGpuCertificate", "nvmlDeviceGetConfComputeGpuAttestationReport"]
)
def test_refusals_keep_their_reason(call: str, error: NvmlError, reason: Reason) -> None:
    given = answers()
    given[(call, NONCE) if call.endswith("Report") else (call,)] = error
    found = absent(ask(given))
    assert found.unavailable is reason
    assert str(error) in found.detail


def test_a_card_that_is_not_in_the_list() -> None:
    found = absent(ask(answers(nvmlDeviceGetHandleByPciBusId=NvmlError(6, "Not Found"))))
    assert found.detail == NOT_LISTED


def test_no_library_at_all() -> None:
    library = FakeLibrary(opening=NvmlUnavailableError(Reason.NOT_INSTALLED, "no driver", "install it"))
    assert absent(live.read(library, BDF)).unavailable is Reason.NOT_INSTALLED


@pytest.mark.parametrize("size", [0, 17, 0xFFFFFFFF, -1])
def test_sizes_that_lie(size: int) -> None:
    given = answers()
    given["nvmlDeviceGetConfComputeGpuCertificate",].attestationCertChainSize = size
    given["nvmlDeviceGetConfComputeGpuAttestationReport", NONCE].attestationReportSize = size
    facts = ask(given)
    assert isinstance(facts, Attestation)
    assert facts.signature_valid is None
    assert facts.trouble


def test_answers_of_another_shape() -> None:
    found = absent(ask(answers(nvmlDeviceGetConfComputeGpuCertificate=None)))
    assert "cannot be read" in found.detail


def test_no_question_is_asked_twice() -> None:
    asked: list[bytes] = []

    class Noting(FakeLibrary):
        def call(self, function: str, *arguments: Any) -> Any:
            asked.extend(argument for argument in arguments if isinstance(argument, bytes))
            return super().call(function, *arguments)

    for _ in range(2):
        live.read(Noting(answers()), BDF)
    assert len(asked) == len(set(asked)) == 2
    assert {len(question) for question in asked} == {32}


def test_without_cryptography_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    found = absent(ask(answers()))
    assert found.unavailable is Reason.NOT_INSTALLED
    assert absent(ask(answers((8, 9)))).detail.startswith("this die cannot attest")
    assert absent(ask(answers(state=OFF), with_tool=True, tool="/bin/false")).unavailable is Reason.NOT_INSTALLED


Script = Callable[[str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write a program that stands in for NVIDIA's."""

    def written(body: str) -> str:
        path = tmp_path / "nvattest"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return written


def prints(document: Any) -> str:
    return f"cat <<'END'\n{json.dumps(document)}\nEND"


def through_tool(tool: str, cards: int = 1) -> Attestation | Unavailable:
    return ask(answers(state=OFF), with_tool=True, tool=tool, cards=cards)


def test_a_blackwell_card_through_the_tool(script: Script, tmp_path: Path) -> None:
    document = {"result_code": 0, "result_message": "Ok", "evidences": [entry(honest())]}
    noted = tmp_path / "call"
    facts = through_tool(script(f'echo "$@" > {noted}; echo "some remark"\n{prints(document)}'))
    assert isinstance(facts, Attestation)
    assert (facts.route, facts.chip, facts.signature_valid, facts.nonce_ours) == ("library", "GB202", True, True)
    assert noted.read_text().split() == [
        "collect-evidence",
        "--gpu-evidence-source=corelib",
        "--gpu-architecture=blackwell",
        f"--nonce={NONCE.hex()}",
        "--format=json",
        "--log-level=off",
    ]


def test_a_tool_that_replays_gains_nothing(script: Script) -> None:
    old = entry(honest(), report(honest(), nonce=bytes(32)))
    facts = through_tool(script(prints({"evidences": [old]})))
    assert isinstance(facts, Attestation)
    assert facts.nonce_ours is False


@pytest.mark.parametrize(
    ("body", "reason", "told"),
    [
        (prints({"result_code": 607, "result_message": "Corelib init failed", "evidences": None}), Reason.FAILED,
         "Corelib init failed (code 607)"),
        ("echo oops", Reason.FAILED, "nothing that can be read"),
        ("exit 1", Reason.FAILED, "nothing that can be read"),
        (prints({"evidences": []}), Reason.FAILED, "no evidence of a card"),
        (prints({"evidences": [entry(honest())] * 2}), Reason.NOT_SUPPORTED, "which card each of its 2 answers"),
        ("yes '{' | head -c 3000000", Reason.FAILED, "nothing that can be read"),
    ],
)  # fmt: skip
def test_what_a_tool_may_print(script: Script, body: str, reason: Reason, told: str) -> None:
    found = absent(through_tool(script(body)))
    assert found.unavailable is reason
    assert told in found.detail


def test_a_tool_that_hangs_is_ended(script: Script) -> None:
    found = nvattest.ask(NONCE, 1, script("exec sleep 30"), seconds=0.2)
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.TIMED_OUT


def test_a_tool_that_cannot_be_run(tmp_path: Path) -> None:
    found = nvattest.ask(NONCE, 1, str(tmp_path / "nowhere"))
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.FAILED


@pytest.mark.parametrize("cards", [0, 2, 8])
def test_of_several_cards_the_tool_names_none(script: Script, cards: int) -> None:
    found = absent(through_tool(script(prints({"evidences": [entry(honest())]})), cards))
    assert found.unavailable is Reason.NOT_SUPPORTED
    assert f"which of the {cards} NVIDIA cards" in found.detail


@pytest.mark.parametrize(("installed", "user", "reason"), [
    (None, 0, Reason.NOT_INSTALLED), ("/usr/bin/nvattest", 1000, Reason.NO_PERMISSION),
])  # fmt: skip
def test_what_the_tool_needs(monkeypatch: pytest.MonkeyPatch, installed: str | None, user: int, reason: Reason) -> None:
    monkeypatch.setattr(nvattest, "_found", lambda: installed)
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert absent(ask(answers(state=OFF), with_tool=True)).unavailable is reason


def test_the_tool_is_not_run_unless_wanted_nor_for_a_hopper(script: Script, tmp_path: Path) -> None:
    tool = script(f"touch {tmp_path / 'ran'}")
    absent(ask(answers(state=OFF), tool=tool))
    absent(ask(answers((9, 0), OFF), with_tool=True, tool=tool))
    absent(ask(answers((8, 9), OFF), with_tool=True, tool=tool))
    assert not (tmp_path / "ran").exists()


def test_the_command_line_hands_the_wish_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def collect_all(cards: Any, *_: object, **__: object) -> None:
        seen.append([card.nvattest for card in cards])
        raise CallError("enough", "")

    monkeypatch.setattr("gpucheck.watchdog.collect_all", collect_all)
    monkeypatch.setattr("gpucheck.machine.host_machine", lambda select: HostMachine((HostCard(BDF, 0),)))
    for options in ([], ["--nvattest"]):
        CliRunner().invoke(cli, ["scan", *options])
    assert seen == [[False], [True]]
    refused = CliRunner().invoke(cli, ["scan", "--simulate", "rtx-5090", "--nvattest"])
    assert refused.exit_code == 2


def test_a_card_of_this_machine_has_the_stage() -> None:
    why = Unavailable(unavailable=Reason.NOT_INSTALLED, detail="no driver")
    card = HostCard(BDF, 0, no_nvml=why)
    names = list(card.sources())
    assert names.index("nvml") < names.index("attestation")
    assert card.sources()["attestation"]() == why
