"""``validate`` catches each kind of fault, in one line that names the file and the SKU."""

from pathlib import Path

import pytest

from gpucheck.catalog import Catalog
from tests.catalog.given import PROFILES

DIE = """
[die]
name = "AD102"
architecture = "Ada"
compute_capability = "8.9"
sm_count_max = 144
cores_per_sm = 128
vbios_families = ["95.02"]
"""
SKU = """
[[sku]]
id = "geforce-rtx-4090"
name = "GeForce RTX 4090"
nvml_names = ["NVIDIA GeForce RTX 4090"]
sku_class = "geforce"
form_factor = "desktop"
device_ids = [0x2684]
sm_counts = [128]
memory = [{ sizes_mib = [24576], type = "GDDR6X", bus_width_bits = 384, data_rate_gbps = 21.0 }]
reported_mib = [24564]
"""
TWIN = SKU.replace('id = "geforce-rtx-4090"', 'id = "geforce-rtx-4090-oem"')
MODIFICATION = """
[[modification]]
id = "rtx-4090-48gb"
title = "RTX 4090 rebuilt to 48 GB"
base_profiles = ["geforce-rtx-4090"]
kind = "memory_altered"
memory_mib = [49140]
method = "Doubled."
"""


def lint(tmp_path: Path, text: str, name: str = "ad102.toml") -> list[str]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return Catalog(PROFILES).validate([path])


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    assert lint(tmp_path, DIE + SKU) == []
    assert lint(tmp_path, MODIFICATION) == []


FAULTS = [
    ("sm_counts = [128]", "sm_counts = [145]", "145 SMs, but AD102 has 144"),
    ("sm_counts = [128]", 'sm_counts = ["many"]', "sm_counts.0"),
    ("sm_counts = [128]", "sm_count = 128", "sm_count: Extra inputs"),
    ("[24576]", "[]", "sizes_mib"),
    ("[24576]", "[24575]", "24575 MiB do not divide over 12 channels"),
    ("[24576]", "[24576, 12288]", "not ascending"),
    ("bus_width_bits = 384", "bus_width_bits = 390", "390 bit is no multiple of 32"),
    ('"GDDR6X"', '"GDDR9000"', "memory.0.type"),
    ("reported_mib = [24564]", "reported_mib = [49140]", "more than the largest capacity"),
    ("[0x2684]", "[9860]", "not written as 0x2684"),
    ("[0x2684]", "[0x2684, 0x26AF]", "not written as 0x26af"),
    ("[0x2684]", "[0x12684]", "device_ids.0"),
    ("[0x2684]", "[0x2704]", "lies in the block of AD103, not of AD102"),
    ("[0x2684]", "[0x4242]", "lies in the block of no die"),
    ('name = "GeForce RTX 4090"', 'name = "GeForce RTX\u200b 4090"', "invisible character: U+200B"),
    ('name = "GeForce RTX 4090"', 'name = "GeForce RTX 4090 "', "a blank at its edge"),
    ('name = "GeForce RTX 4090"', 'name = "GeForce\\u202e RTX 4090"', "invisible character: U+202E"),
    ('id = "geforce-rtx-4090"', "id = 'geforce-rtx-4090'", 'not written as "geforce-rtx-4090"'),
    ('id = "geforce-rtx-4090"', 'id = "GeForce RTX"', "id: String should match"),
    ("sm_counts", 'subsystems = { 0x2704 = ["10de:129e"] }\nsm_counts', "which is none of its device ids"),
    ("sm_counts", 'subsystems = { 0x2684 = ["10de129e"] }\nsm_counts', "vendor:device"),
    ("sm_counts", 'subsystems = { 0xzz = ["10de:129e"] }\nsm_counts', "subsystems"),
    ('"desktop"', '"toaster"', "form_factor"),
    ("[[sku]]", "  [[sku]]", "every SKU starts with a line [[sku]]"),
]


@pytest.mark.parametrize(("good", "bad", "message"), FAULTS, ids=[message for _, _, message in FAULTS])
def test_a_planted_fault_is_found(tmp_path: Path, good: str, bad: str, message: str) -> None:
    text = DIE + SKU.replace(good, bad, 1)
    assert text != DIE + SKU
    problems = lint(tmp_path, text)
    assert any(message in problem for problem in problems), problems
    assert all("ad102.toml" in problem and "\n" not in problem for problem in problems)


def test_the_sku_is_named(tmp_path: Path) -> None:
    (problem,) = lint(tmp_path, DIE + SKU.replace("[128]", "[145]"))
    assert ": geforce-rtx-4090: " in problem


def test_a_reason_lets_an_uneven_capacity_pass(tmp_path: Path) -> None:
    text = SKU.replace("[24576]", "[24575]").replace("384,", '384, uneven = "two densities",')
    assert lint(tmp_path, DIE + text.replace("24564", "24563")) == []


def test_a_fault_of_the_die_is_found(tmp_path: Path) -> None:
    (problem,) = lint(tmp_path, DIE.replace('"8.9"', '"new"') + SKU)
    assert "die: compute_capability" in problem


def test_an_id_may_stand_once(tmp_path: Path) -> None:
    (problem,) = lint(tmp_path, DIE + SKU + SKU.replace("0x2684", "0x2685"))
    assert "geforce-rtx-4090: the id is taken already" in problem


def test_two_skus_of_one_device_id_need_a_difference(tmp_path: Path) -> None:
    (problem,) = lint(tmp_path, DIE + SKU + TWIN)
    assert "nothing tells it from geforce-rtx-4090 on 0x2684" in problem


@pytest.mark.parametrize(
    "twin",
    [
        TWIN.replace("[24576]", "[49152]").replace("[24564]", "[49140]"),
        TWIN.replace('nvml_names = ["NVIDIA GeForce RTX 4090"]', 'nvml_names = ["NVIDIA GeForce RTX 4090 OEM"]'),
        TWIN.replace("sm_counts", 'subsystems = { 0x2684 = ["10de:129e"] }\nsm_counts'),
        TWIN.replace("sm_counts", 'shared_id = "a sticker"\nsm_counts'),
    ],
    ids=["capacity", "name", "subsystem", "reason"],
)
def test_a_difference_suffices(tmp_path: Path, twin: str) -> None:
    assert lint(tmp_path, DIE + SKU + twin) == []


def test_two_dies_never_share_a_device_id(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(DIE + SKU, encoding="utf-8")
    other = DIE.replace("AD102", "AD999") + TWIN.replace("[24576]", "[49152]")
    (tmp_path / "two.toml").write_text(other, encoding="utf-8")
    problems = Catalog(PROFILES).validate([tmp_path])
    assert any("nothing tells it from" in problem for problem in problems)


def test_a_modification_needs_a_base_that_exists(tmp_path: Path) -> None:
    (problem,) = lint(tmp_path, MODIFICATION.replace('"geforce-rtx-4090"', '"geforce-rtx-9090"'))
    assert "there is no profile 'geforce-rtx-9090'" in problem


def test_a_modification_follows_its_model(tmp_path: Path) -> None:
    (problem,) = lint(tmp_path, MODIFICATION.replace('"memory_altered"', '"magic"'))
    assert "rtx-4090-48gb: kind" in problem
    (problem,) = lint(tmp_path, MODIFICATION + MODIFICATION)
    assert "the id is taken already" in problem
    (problem,) = lint(tmp_path, MODIFICATION.replace('["geforce-rtx-4090"]', "['geforce-rtx-4090']"))
    assert 'not written as "geforce-rtx-4090"' in problem
    (problem,) = lint(tmp_path, MODIFICATION.replace("[[mod", "  [[mod"))
    assert "starts with a line [[modification]]" in problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[sku]]\nid = ", "not valid TOML"),
        ("a = " + "[" * 100_000, "not valid TOML"),
        ("a = " + "9" * 10_000, "not valid TOML"),
        ("hello = 1", "neither a die with its SKUs nor modifications"),
        ("", "neither a die with its SKUs nor modifications"),
        ("sku = 3", "die"),
        (DIE + "[sku]\nid = 1", "[[sku]] tables"),
        (DIE + "sku = [1]", "die: sku"),
        ("modification = 3", "[[modification]] tables"),
        ("modification = [3]", "valid dictionary"),
        (DIE + SKU + "[surprise]\nx = 1", "unknown table 'surprise'"),
        ('[vendor.0x10DE]\nbrand = "x"\nrole = "y"', "vendor"),
        ("[unlisted.AD102]\n0x26AF = 1", "unlisted"),
        ("vendor = 1", "vendor"),
        ("unlisted = [1]", "unlisted"),
    ],
)
def test_an_odd_file_is_told_in_clear_lines(tmp_path: Path, text: str, message: str) -> None:
    problems = lint(tmp_path, text)
    assert problems
    assert any(message in problem for problem in problems), problems
    assert all(len(problem) < 2000 and "\n" not in problem for problem in problems)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    (tmp_path / "huge.toml").write_bytes(b"#" * (3 << 20))
    (tmp_path / "empty").mkdir()
    paths = [tmp_path / name for name in ("latin.toml", "huge.toml", "missing.toml", "empty")]
    problems = Catalog(PROFILES).validate([*paths, Path("/dev/zero")])
    assert {problem.partition(": ")[2] for problem in problems} == {
        "no *.toml file in this folder",
        "not UTF-8 at byte 8",
        "larger than 2 MiB, so no profile file",
        "no such file",
        "not a regular file",
    }
