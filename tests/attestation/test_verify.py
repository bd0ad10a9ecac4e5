"""What holds, what does not, and what cannot be decided, of chains and reports that are wrong in one thing each."""

import datetime as dt
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gpucheck.model.attestation import Attestation
from gpucheck.model.base import Reason, Unavailable
from gpucheck.sources.attestation import verify
from gpucheck.sources.attestation.chain import ROOT_SHA256
from tests.attestation import forge
from tests.attestation.forge import NONCE, honest, judged, make, report, transcript

HELD = ("chain_valid", "chain_signed", "period_valid", "root_pinned", "signature_valid", "nonce_ours", "firmware_bound")


def flags(facts: Attestation) -> dict[str, bool | None]:
    return {name: getattr(facts, name) for name in HELD}


@pytest.mark.parametrize(("chip", "firmware"), [("GB202", "list"), ("GH100", "composite"), ("GB207", "list")])
def test_an_honest_die(chip: str, firmware: str) -> None:
    facts = judged(honest(chip, firmware))
    assert flags(facts) == dict.fromkeys(HELD, True)
    assert (facts.chip, facts.trouble, facts.missing) == (chip, "", {})
    assert (facts.vbios_version, facts.driver_version, facts.board_id) == ("98.00.88.00.05", "590.12", "0437")
    assert (facts.chip_sku, facts.project, facts.project_sku) == ("885", "G520", "0200")
    assert f"CN={chip} A01 GSP FMC LF" in facts.chain[0].subject
    assert facts.chain[-1].subject == facts.chain[-1].issuer
    assert facts.chain[0].not_after.year == 9999
    assert Attestation.model_validate_json(facts.model_dump_json()) == facts


@pytest.mark.parametrize(
    "form", ["from the root, in DER", "from the root, in PEM", "padded with zeros", "between texts"]
)
def test_every_form_in_which_a_chain_comes(form: str) -> None:
    die = honest()
    pem = die.pem
    pieces = [p + b"-----END CERTIFICATE-----\n" for p in pem.split(b"-----END CERTIFICATE-----\n") if p]
    chains = {
        "from the root, in DER": die.der,
        "from the root, in PEM": b"".join(reversed(pieces)),
        "padded with zeros": pem + bytes(400),
        "between texts": b"Bag Attributes\r\n" + pem.replace(b"\n", b"\r\n") + b"the end",
    }
    assert flags(judged(die, chain=chains[form])) == dict.fromkeys(HELD, True)


def test_another_root_is_not_nvidias() -> None:
    die = honest()
    facts = judged(die, root_sha256=ROOT_SHA256)
    assert flags(facts) == dict.fromkeys(HELD, True) | {"root_pinned": False}
    assert "a root that is not NVIDIA's (Example Device Identity CA)" in facts.trouble


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_chain_that_is_cut_off_decides_nothing(length: int) -> None:
    die = honest()
    short = forge.Die(die.certificates[:length], die.key, die.root)
    facts = judged(short)
    assert (facts.root_pinned, facts.chain_signed, facts.chain_valid) == (None, None, None)
    assert "ends before any root" in facts.trouble
    assert "ends before any root" in facts.missing["root_pinned"].detail


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_certificate_that_a_stranger_signed(place: int) -> None:
    facts = judged(make(swapped_key=place))
    assert (facts.chain_signed, facts.chain_valid) == (False, False)
    assert f"certificate {place + 1} " in facts.trouble
    assert "is not signed by" in facts.trouble


def test_chains_of_two_dies_put_together() -> None:
    one, other = honest(), honest("GB207")
    mixed = forge.Die((*other.certificates[:2], *one.certificates[2:]), other.key, one.root)
    facts = judged(mixed)
    assert (facts.chain_signed, facts.chip, facts.signature_valid) == (False, None, True)
    assert "name different chips (GB202, GB207)" in facts.trouble


@pytest.mark.parametrize(
    ("names", "chip"),
    [
        ({0: "GB20X A01 GSP FMC LF", 1: "GB20X A01 GSP BROM"}, "GB202"),
        ({1: "GB10X A01 GSP BROM"}, None),
        ({2: "NVIDIA GB207 Provisioner ICA 00000"}, None),
        ({0: "something else", 1: "and else"}, "GB202"),
        ({2: "NVIDIA Provisioner"}, "GB202"),
    ],
)
def test_the_chip_that_certificates_agree_on(names: dict[int, str], chip: str | None) -> None:
    facts = judged(make(names=names))
    assert (facts.chip, facts.chain_valid) == (chip, True)
    assert ("different chips" in facts.trouble) is (chip is None)


def test_certificates_of_something_else_name_no_chip() -> None:
    facts = judged(make(names={0: "leaf", 1: "boot", 2: "authority"}, identity="OTHER:1234"))
    assert (facts.chip, facts.trouble) == (None, "")
    assert "name no chip" in facts.missing["chip"].detail


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"not_ca": (1,)}, "certificate 2"),
        ({"no_basic": (2,)}, "certificate 3"),
        ({"no_cert_sign": (3,)}, "certificate 4"),
        ({"path_length": {3: 1}}, "longer than that allows"),
        ({"leaf_is_ca": True}, "may not sign reports"),
        ({"leaf_may_sign": False}, "may not sign reports"),
    ],
)
def test_keys_that_may_not_do_what_they_did(wishes: dict[str, Any], told: str) -> None:
    facts = judged(make(**wishes))
    assert facts.chain_signed is False
    assert told in facts.trouble


def test_paths_that_are_long_enough() -> None:
    assert judged(make(path_length={1: 0, 2: 1, 3: 2, 4: 3})).chain_valid is True


def test_a_binding_extension_of_tomorrow_is_no_forgery() -> None:
    facts = judged(make(unknown_critical=0))
    assert (facts.chain_signed, facts.chain_valid, facts.signature_valid) == (None, None, True)
    assert "not known here" in facts.trouble


@pytest.mark.parametrize("clock", [dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2023, 6, 19, tzinfo=dt.UTC)])
def test_a_wrong_clock_is_told_apart_from_a_forgery(clock: dt.datetime) -> None:
    facts = judged(honest(), now=clock)
    assert flags(facts) == dict.fromkeys(HELD, True) | {"chain_valid": False, "period_valid": False}
    assert f"this machine's clock ({clock:%Y-%m-%d})" in facts.trouble


def test_a_certificate_that_ran_out() -> None:
    facts = judged(make(end=dt.datetime(2025, 1, 1, tzinfo=dt.UTC)))
    assert (facts.period_valid, facts.chain_valid, facts.chain_signed) == (False, False, True)
    assert "2023-06-20 to 2025-01-01" in facts.trouble


def test_an_old_report_answers_another_question() -> None:
    die = honest()
    facts = judged(die, report(die, nonce=bytes(32)))
    assert flags(facts) == dict.fromkeys(HELD, True) | {"nonce_ours": False}
    assert "another question" in facts.trouble


def test_without_a_question_of_ours_its_age_is_open() -> None:
    facts = judged(honest(), nonce=None)
    assert (facts.nonce_ours, facts.trouble) == (None, "")
    assert "any age" in facts.missing["nonce_ours"].detail


@pytest.mark.parametrize("place", [2, 4, 30, 36, 50, 80, -97, -60, -1])
def test_a_changed_byte_breaks_the_signature(place: int) -> None:
    die = honest()
    data = bytearray(report(die))
    data[place] ^= 0x02
    assert judged(die, bytes(data)).signature_valid in (False, None)
    assert judged(die, bytes(data)).trouble


def test_a_report_that_another_die_signed() -> None:
    facts = judged(honest(), report(honest("GB207")))
    assert flags(facts) == dict.fromkeys(HELD, True) | {"signature_valid": False}
    assert "not signed with the key of the first certificate" in facts.trouble


@pytest.mark.parametrize("signature", [bytes(96), b"\xff" * 96])
def test_signatures_of_nothing(signature: bytes) -> None:
    assert judged(honest(), transcript() + signature).signature_valid is False


def test_a_leaf_with_another_kind_of_key() -> None:
    die = make(leaf_curve=ec.SECP256R1())
    facts = judged(die, transcript() + bytes(96))
    assert facts.signature_valid is None
    assert "P-384" in facts.trouble
    assert "P-384" in facts.missing["signature_valid"].detail


@pytest.mark.parametrize("length", [0, 3, 20, 36, 40, 44, 100, 300, -1, -96, -97])
def test_a_report_that_ends_early_decides_nothing(length: int) -> None:
    die = honest()
    facts = judged(die, report(die)[:length])
    assert (facts.signature_valid, facts.nonce_ours, facts.firmware_bound) == (None, None, None)
    assert facts.trouble.startswith("the report cannot be read")
    assert facts.missing["vbios_version"].detail in facts.trouble
    assert facts.chain_valid is True


@pytest.mark.parametrize("version", [0x10, 0x12, 0x13])
def test_another_version_of_spdm_is_no_forgery(version: int) -> None:
    die = honest()
    facts = judged(die, report(die, version=version))
    assert facts.signature_valid is None
    assert f"SPDM version 1.{version & 15}" in facts.trouble


def test_bytes_beyond_the_signature_are_not_passed_over() -> None:
    die = honest()
    facts = judged(die, report(die) + b"\0")
    assert facts.signature_valid is None
    assert "1 bytes follow the signature" in facts.trouble


def test_a_question_that_wanted_no_signature() -> None:
    die = honest()
    facts = judged(die, report(die, asked=0))
    assert facts.signature_valid is None
    assert "no signature was asked for" in facts.trouble


@pytest.mark.parametrize("form", ["list", "composite"])
def test_other_firmware_than_the_certificate_names(form: str) -> None:
    die = honest(firmware=form)
    facts = judged(die, report(die, fields={forge.FWID: bytes(48)}))
    assert flags(facts) == dict.fromkeys(HELD, True) | {"firmware_bound": False}
    assert "other firmware" in facts.trouble


def test_firmware_that_states_no_digest_is_older_not_false() -> None:
    die = honest()
    facts = judged(die, report(die, fields={forge.FWID: None}))
    assert (facts.firmware_bound, facts.trouble) == (None, "")
    assert facts.missing["firmware_bound"].unavailable is Reason.NOT_SUPPORTED
    assert judged(make(firmware=None)).firmware_bound is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({forge.VBIOS: b"96.10.55.00.01"}, ("vbios_version", "96.10.55.00.01")),
        ({forge.VBIOS: bytes.fromhex("00a5009601000000")}, ("vbios_version", "96.00.A5.00.01")),
        ({forge.PROJECT: b"1010\0\0\0"}, ("project", "1010")),
        ({forge.PROJECT: b"\x1b[2J"}, ("project", "[2J")),
        ({forge.PROJECT: b""}, ("project", None)),
        ({forge.CHIP_SKU: b"\xff\xfe"}, ("chip_sku", None)),
        ({forge.DRIVER: b"5" * 300}, ("driver_version", "5" * 39 + "…")),
        ({forge.DRIVER: None}, ("driver_version", None)),
        ({forge.BOARD: b""}, ("board_id", None)),
    ],
)
def test_what_the_firmware_states(fields: dict[int, bytes | None], expected: tuple[str, str | None]) -> None:
    die = honest()
    facts = judged(die, report(die, fields=fields))
    name, value = expected
    assert getattr(facts, name) == value
    assert (name in facts.missing) is (value is None)
    assert facts.signature_valid is True


def test_the_raw_reads_stay() -> None:
    die = honest()
    data = report(die)
    raw = judged(die, data).raw
    assert (bytes.fromhex(raw["report"]), bytes.fromhex(raw["nonce"])) == (data, NONCE)
    assert len([key for key in raw if key.startswith("certificate ")]) == 6
    assert raw["certificate identity"] == "NVIDIA:GB202:48B02D0011223344"


@pytest.mark.parametrize(
    "chain",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nAAAA",
        b"\x30\x82\xff\xff" + bytes(10),
        b"x" * (1 << 17),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" * 11,
    ],
)
def test_what_is_no_chain_is_told(chain: bytes) -> None:
    facts = judged(honest(), chain=chain)
    assert (facts.chain, facts.chain_valid, facts.root_pinned, facts.signature_valid) == ((), None, None, None)
    assert facts.trouble.startswith("the certificates cannot be read")
    assert facts.missing["chain_valid"].unavailable is Reason.FAILED
    assert facts.nonce_ours is True


def test_names_in_certificates_are_hostile() -> None:
    facts = judged(make(names={0: "GB202 A01 \x1b[31m\u202eevil"}))
    text = facts.model_dump_json() + "".join(c.subject for c in facts.chain)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    found = verify(b"", b"", "nvml")
    assert isinstance(found, Unavailable)
    assert found.unavailable is Reason.NOT_INSTALLED
    assert "pip install 'cryptography>=42'" in found.detail


def test_a_library_that_is_too_old_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptography.x509.Certificate", object)
    assert isinstance(verify(honest().pem, report(honest()), "nvml"), Unavailable)


def test_reading_a_card_without_certificates_imports_no_cryptography() -> None:
    import subprocess

    code = (
        "import sys\n"
        "import gpucheck.machine, gpucheck.cli.app, gpucheck.sources.attestation.live\n"
        "import gpucheck.simulation, gpucheck.checks, gpucheck.cli.attest\n"
        "assert not [m for m in sys.modules if m.startswith('cryptography')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
