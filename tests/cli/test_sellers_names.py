"""What a report on a seller's file calls the card: what its driver prints, and no model that nothing singles out."""

import re

import pytest
from click.testing import CliRunner

from gpucheck.cli.app import cli

TABLE = """+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 570.86.10              Driver Version: 570.86.10      CUDA Version: 12.8     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|=========================================+========================+======================|
|   0  {name:<27}    Off |   00000000:01:00.0 Off |                  N/A |
| N/A   41C    P8             9W /  {watts:>3}W |      12MiB /  {total:>5}MiB |      0%      Default |
+-----------------------------------------+------------------------+----------------------+
"""


def told(name: str, total: int, claim: str | None = None, watts: int = 55) -> str:
    """The whole report on a plain table, on one line."""
    sold = ["--claim", claim] if claim else []
    text = TABLE.format(name=name, total=total, watts=watts)
    result = CliRunner().invoke(cli, ["assess", *sold, "-"], input=text)
    assert result.exit_code == 10, result.output
    return " ".join(result.stdout.split())


def row(name: str, device_id: str, total: int, claim: str | None = None) -> str:
    """The same on a row of ``--query-gpu`` with a device id."""
    text = f"name, pci.device_id, memory.total [MiB]\n{name}, {device_id}10DE, {total} MiB\n"
    sold = ["--claim", claim] if claim else []
    return " ".join(CliRunner().invoke(cli, ["assess", *sold, "-"], input=text).stdout.split())


def test_a_cut_name_stands_for_longer_names_alone() -> None:
    text = told("NVIDIA GeForce RTX 4060 ...", 8188)
    assert "claim that this is a GeForce RTX 4060 Laptop GPU." in text
    assert "4060 Ti" not in text
    assert "GeForce RTX 5080 Laptop GPU" in told("NVIDIA GeForce RTX 5080 ...", 16303, watts=175)
    assert "this is a GeForce RTX 2080 or" not in told("NVIDIA GeForce RTX 2080 ...", 8192)
    assert "RTX 3050 6 GB" not in told("NVIDIA GeForce RTX 3050 ...", 6144)


def test_more_models_than_are_named_are_told_of() -> None:
    text = told("GeForce GTX 165...", 3911)
    assert text.startswith("GeForce GTX 165...: INCONCLUSIVE")
    assert re.search(r"this is a GeForce GTX 1650 [^.]* or others\.", text)
    assert "TU106" not in text
    assert "this is a GeForce GTX 1650 Ti M" in told("GeForce GTX 165...", 3911, claim="GTX 1650 Ti Laptop")


def test_of_models_alike_under_a_cut_name_none_is_named_unless_the_claim_does() -> None:
    text = told("NVIDIA RTX PRO 6000 Blac...", 97887)
    assert text.startswith("NVIDIA RTX PRO 6000 Blac...: INCONCLUSIVE")
    assert "RTX PRO 6000 Blackwell or RTX PRO 6000 Blackwell Max-Q or RTX PRO 6000 Blackwell Server" in text
    sold = told("NVIDIA RTX PRO 6000 Blac...", 97887, claim="RTX PRO 6000 Blackwell Max-Q")
    assert "claim that this is an RTX PRO 6000 Blackwell Max-Q." in sold


def test_what_a_driver_prints_is_worth_more_than_what_a_list_says() -> None:
    text = told("NVIDIA H20", 97871)
    assert text.startswith("H20: INCONCLUSIVE")
    assert "NVL16" not in text


@pytest.mark.parametrize(
    ("name", "device_id", "total"),
    [
        ("NVIDIA GeForce RTX 4070 Laptop GPU", "0x2820", 8188),
        ("NVIDIA GeForce RTX 3070 Ti Laptop GPU", "0x24A0", 8192),
        ("NVIDIA GeForce RTX 3050 4GB Laptop GPU", "0x25AB", 4096),
        ("NVIDIA GeForce RTX 5080 Laptop GPU", "0x2C59", 16303),
        ("NVIDIA RTX A2000 Laptop GPU", "0x25B8", 4096),
        ("NVIDIA T1200 Laptop GPU", "0x1FBC", 4096),
        ("NVIDIA GeForce MX450", "0x1F97", 2048),
    ],
)
def test_a_notebook_is_called_as_its_driver_calls_it(name: str, device_id: str, total: int) -> None:
    text = row(name, device_id, total)
    called = name.removeprefix("NVIDIA ")
    assert f" {called}." in text
    assert text.startswith((f"{called}: INCONCLUSIVE", f"{name}: INCONCLUSIVE"))
    assert "Max-Q" not in text
    assert "12W" not in text


def test_a_name_that_tells_variants_apart_is_kept() -> None:
    assert "GeForce RTX 2080 Max-Q" in row("NVIDIA GeForce RTX 2080 with Max-Q Design", "0x1E90", 8192)
    assert "GeForce RTX 2080 Mobile" in row("NVIDIA GeForce RTX 2080", "0x1E90", 8192)
