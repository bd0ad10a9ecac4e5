"""Looking cards up: by id, name, VBIOS family and vendor, and how little of the files that takes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpucheck.catalog import Catalog, ClaimError, ProfileError
from gpucheck.model.base import GpucheckError
from tests.catalog.given import PROFILES


def test_an_unknown_device_id_is_no_profile(catalog: Catalog) -> None:
    assert catalog.by_device_id(0xFFFF) == ()
    assert catalog.by_device_id(0x2681) == ()
    assert catalog.unlisted(0x2681) == ("AD102", "RTX TITAN Ada")
    assert catalog.unlisted(0x2684) is None


def test_an_unknown_profile_id_is_an_error_that_says_so(catalog: Catalog) -> None:
    with pytest.raises(ProfileError, match="no profile 'geforce-rtx-9090'") as caught:
        catalog.by_id("geforce-rtx-9090")
    assert isinstance(caught.value, GpucheckError)
    assert isinstance(caught.value, KeyError)


def test_a_part_of_an_id_is_not_the_id(catalog: Catalog) -> None:
    with pytest.raises(ProfileError):
        catalog.by_id("geforce-rtx-40")


def ids(profiles: tuple[object, ...]) -> set[str]:
    return {getattr(profile, "id", "") for profile in profiles}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA GeForce RTX 4090", {"geforce-rtx-4090"}),
        ("GeForce RTX 4090", {"geforce-rtx-4090"}),
        ("geforce  rtx4090", {"geforce-rtx-4090"}),
        ("NVIDIA GeForce RTX 4090 D", {"geforce-rtx-4090-d"}),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", {"geforce-rtx-4090-max-q", "geforce-rtx-4090-mobile"}),
        ("NVIDIA GeForce RTX 3080", {"geforce-rtx-3080", "geforce-rtx-3080-12-gb"}),
        ("NVIDIA A100-SXM4-80GB", {"a100-sxm4-80-gb"}),
        ("NVIDIA A100 80GB PCIe", {"a100-pcie-80-gb"}),
        ("Tesla V100-SXM2-16GB", {"tesla-v100-sxm2-16-gb"}),
        ("NVIDIA H100 80GB HBM3", {"h100-sxm5-80-gb"}),
        ("Quadro P2000", {"quadro-p2000"}),
        ("NVIDIA Graphics Device", set()),
        ("Graphics Device", set()),
        ("", set()),
        ("GeForce RTX 9090", set()),
    ],
)
def test_a_driver_name(catalog: Catalog, name: str, expected: set[str]) -> None:
    found = ids(catalog.by_name(name))
    assert found == expected or (name == "Quadro P2000" and expected <= found)


def test_a_name_that_a_table_cut_off_is_the_start_of_a_longer_one(catalog: Catalog) -> None:
    found = ids(catalog.by_name("GeForce RTX 208..."))
    assert {"geforce-rtx-2080-max-q", "geforce-rtx-2080-ti", "geforce-rtx-2080-super"} <= found
    assert not {"geforce-rtx-2070", "geforce-rtx-3080"} & found
    # Its 16 letters fit where the 18 of the cut name do.
    assert "geforce-rtx-2080" not in found


@pytest.mark.parametrize("width", [18, 27])
def test_a_driver_name_is_among_those_that_its_cut_form_may_be(catalog: Catalog, width: int) -> None:
    for profile in catalog.all_profiles():
        for name in (n for n in profile.nvml_names if len(n) > width and "Graphics Device" not in n):
            cut = f"{name[: width - 3]}..."
            assert cut == "NVIDIA GeForce ..." or profile in catalog.by_name(cut), name


def test_a_name_cut_shorter_than_a_table_does_is_a_prefix(catalog: Catalog) -> None:
    assert ids(catalog.by_name("NVIDIA GeForce RTX 5090 D V2 Extra Wide ...")) == set()
    assert "geforce-rtx-5090-d-v2" in ids(catalog.by_name("NVIDIA GeForce RTX 5090 D V2..."))


@pytest.mark.parametrize(
    ("family", "dies"),
    [
        ("95.02", {"AD102"}),
        ("94.04", {"GA104"}),
        ("90.16", {"TU116"}),
        ("80.28", {"GK208", "GK208B"}),
        ("12.34", set()),
    ],
)
def test_dies_of_a_vbios_family(catalog: Catalog, family: str, dies: set[str]) -> None:
    assert set(catalog.dies_of_vbios_family(family)) == dies


def test_subsystem_vendors(catalog: Catalog) -> None:
    assert catalog.subsystem_vendor(0x1043) == "ASUS"
    assert catalog.subsystem_vendor(0xDEAD) is None


def test_an_unknown_modification_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(ProfileError, match="no modification"):
        catalog.modification("rtx-9090-96gb")


def test_only_the_files_of_a_card_are_parsed() -> None:
    fresh = Catalog(PROFILES)
    fresh.by_device_id(0x2684)
    assert list(fresh.files_parsed) == ["ad102.toml"]
    fresh.by_id("geforce-rtx-3090")
    assert list(fresh.files_parsed) == ["ad102.toml", "ga102.toml"]


def test_a_fault_in_another_die_does_not_hinder(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "ad102.toml").write_bytes((PROFILES / "ada" / "ad102.toml").read_bytes())
    (tmp_path / "ada" / "ad103.toml").write_text("[[sku]]\nid = ", encoding="utf-8")
    assert ids(Catalog(tmp_path).by_device_id(0x2684)) == {"geforce-rtx-4090"}


def test_a_broken_profile_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    text = (PROFILES / "ada" / "ad102.toml").read_text(encoding="utf-8").replace("sm_counts = [128]", "sm_counts = 128")
    (tmp_path / "ada" / "ad102.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"ad102\.toml, sku \d+: sm_counts") as caught:
        Catalog(tmp_path).by_device_id(0x2684)
    assert "\n" not in caught.value.message


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no profiles here"):
        Catalog(tmp_path).by_device_id(0x2684)


def test_a_cold_lookup_is_quick() -> None:
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        Catalog(PROFILES).by_device_id(0x2684)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.02


def test_importing_the_catalog_is_light() -> None:
    code = "import sys, gpucheck.catalog; print([m for m in ('numpy', 'click', 'pynvml', 'cupy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CLAIMS = [
    ("RTX 3060 Ti", {"geforce-rtx-3060-ti", "geforce-rtx-3060-ti-ga103", "geforce-rtx-3060-ti-gddr6x"}),
    ("rtx3060ti", {"geforce-rtx-3060-ti", "geforce-rtx-3060-ti-ga103", "geforce-rtx-3060-ti-gddr6x"}),
    ("NVIDIA GeForce RTX 3060 Ti", {"geforce-rtx-3060-ti", "geforce-rtx-3060-ti-ga103", "geforce-rtx-3060-ti-gddr6x"}),
    ("4090", {"geforce-rtx-4090"}),
    ("rtx_4090", {"geforce-rtx-4090"}),
    ("GeForce-RTX-4090", {"geforce-rtx-4090"}),
    ("geforce-rtx-4090", {"geforce-rtx-4090"}),
    ("RTX 4090 D", {"geforce-rtx-4090-d"}),
    ("4090D", {"geforce-rtx-4090-d"}),
    ("4080S", {"geforce-rtx-4080-super"}),
    ("RTX 4080 Super", {"geforce-rtx-4080-super"}),
    ("RTX 4080", {"geforce-rtx-4080"}),
    ("L40S", {"l40s"}),
    ("RTX 4090 Laptop", {"geforce-rtx-4090-max-q", "geforce-rtx-4090-mobile"}),
    ("GeForce RTX 4090 Mobile", {"geforce-rtx-4090-max-q", "geforce-rtx-4090-mobile"}),
    ("RTX 2080 Max-Q", {"geforce-rtx-2080-max-q"}),
    ("RTX 2080", {"geforce-rtx-2080"}),
    ("RTX 3080", {"geforce-rtx-3080", "geforce-rtx-3080-12-gb"}),
    ("RTX 3080 12GB", {"geforce-rtx-3080-12-gb"}),
    ("RTX 3080 12 GB", {"geforce-rtx-3080-12-gb"}),
    ("RTX 3080 10G", {"geforce-rtx-3080"}),
    ("RTX 3080 Ti", {"geforce-rtx-3080-ti"}),
    ("RTX 3080 Ti 20GB", {"geforce-rtx-3080-ti-20-gb"}),
    ("2080 Ti", {"geforce-rtx-2080-ti"}),
    ("A100 80GB", {"a100-pcie-80-gb", "a100-sxm4-80-gb"}),
    ("A100 SXM 80GB", {"a100-sxm4-80-gb"}),
    ("H100 PCIe", {"h100-pcie-80-gb"}),
    ("H100 NVL", {"h100-nvl-94-gb"}),
    ("H200", {"h200-sxm-141-gb", "h200-nvl"}),
    ("H800 NVL", {"h800-nvl-94gb-h800l"}),
    ("NVIDIA H800 NVL", {"h800-nvl-94gb-h800l"}),
    ("Quadro RTX 6000", {"quadro-rtx-6000", "quadro-rtx-6000-passive"}),
    ("RTX 6000 Ada", {"rtx-6000-ada-generation"}),
    ("RTX A6000", {"rtx-a6000"}),
    ("GTX 980M", {"geforce-gtx-980m"}),
    ("Quadro M2200", {"quadro-m2200-mobile"}),
    ("GTX 980", {"geforce-gtx-980"}),
    ("4060 Ti 16GB", {"geforce-rtx-4060-ti-16-gb"}),
    ("GH200 480GB", {"gh200-480gb"}),
    ("Tesla T4", {"tesla-t4"}),
    ("T4", {"tesla-t4"}),
    ("Titan V", {"titan-v"}),
    ("GTX 1080 Ti", {"geforce-gtx-1080-ti"}),
    ("CMP 170HX", {"cmp-170hx-8-gb", "cmp-170hx-10-gb"}),
    ("V100 SXM2 16GB", {"tesla-v100-sxm2-16-gb"}),
    (
        "RTX PRO 6000 Blackwell",
        {"rtx-pro-6000-blackwell", "rtx-pro-6000-blackwell-max-q", "rtx-pro-6000-blackwell-server"},
    ),
]


@pytest.mark.parametrize(("text", "expected"), CLAIMS, ids=[text for text, _ in CLAIMS])
def test_a_claim_means_the_right_cards(catalog: Catalog, text: str, expected: set[str]) -> None:
    assert ids(catalog.resolve_claim(text).profiles) == expected


def test_the_capacity_of_a_claim_is_kept_even_where_no_card_has_it(catalog: Catalog) -> None:
    claim = catalog.resolve_claim("RTX 4090 48GB")
    assert ids(claim.profiles) == {"geforce-rtx-4090"}
    assert claim.memory_mib == 49152
    assert catalog.resolve_claim("RTX 4090").memory_mib is None
    assert catalog.resolve_claim("RTX 3080 12GB").memory_mib == 12288


def test_the_memory_of_the_cpu_in_a_name_claims_nothing(catalog: Catalog) -> None:
    assert catalog.resolve_claim("GH200 480GB").memory_mib is None


@pytest.mark.parametrize(
    "text", ["RTX 4095", "bogus", "", "   ", "Graphics Device", "GeForce", "\x1b[31m", "24GB", "x" * 9999]
)
def test_a_claim_that_names_nothing_is_an_error(catalog: Catalog, text: str) -> None:
    with pytest.raises(ClaimError) as caught:
        catalog.resolve_claim(text)
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 400


def test_a_misspelt_claim_gets_close_names(catalog: Catalog) -> None:
    with pytest.raises(ClaimError) as caught:
        catalog.resolve_claim("GeForce RTX 309O")
    assert "GeForce RTX 3090" in caught.value.hint
    assert caught.value.hint.count(",") <= 4
