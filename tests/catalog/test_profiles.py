"""The shipped profiles: clean, complete, and right about cards that everyone knows."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gpucheck.catalog import Catalog
from gpucheck.catalog.files import schemas
from gpucheck.model.profile import Profile
from gpucheck.model.units import KIB, MIB
from tests.catalog.given import PROFILES, ROOT

REFERENCE = ROOT.parent / "shared" / "reference"
FILES = sorted(PROFILES.rglob("*.toml"))


def test_every_file_is_clean(catalog: Catalog) -> None:
    assert catalog.validate() == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROFILES)))
def test_a_file_names_its_schema_and_follows_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first = text.partition("\n")[0]
    assert first.startswith("#:schema ")
    schema = json.loads((path.parent / first.removeprefix("#:schema ")).read_text(encoding="utf-8"))
    jsonschema: Any = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(json.dumps(tomllib.loads(text), default=str)), schema)


@pytest.mark.parametrize("name", sorted(schemas()))
def test_the_schema_is_fresh(name: str) -> None:
    stored = (PROFILES / name).read_text(encoding="utf-8")
    assert stored == schemas()[name], f"profiles/{name} is stale: `make docs` writes it"


def one(catalog: Catalog, device_id: int) -> Profile:
    (profile,) = catalog.by_device_id(device_id)
    return profile


def test_rtx_4090(catalog: Catalog) -> None:
    card = one(catalog, 0x2684)
    assert (card.id, card.name, card.die.name) == ("geforce-rtx-4090", "GeForce RTX 4090", "AD102")
    assert card.sm_counts == (128,)
    assert card.memory_sizes_bytes == (24576 * MIB,)
    assert card.bus_widths_bits == (384,)
    assert card.bandwidths_bytes_per_second == (1008e9,)
    assert card.reported_mib == (23028, 24564)
    assert card.l2_cache_bytes == 72 * MIB
    assert card.die.compute_capability == "8.9"
    assert card.die.vbios_families == ("95.02",)
    assert card.die.vbios_families_verified
    assert card.memory_clock_max_mhz == 10500
    assert "2684-300-A1" in card.gpu_part_numbers
    assert (card.pcie_generation, card.pcie_lanes, card.power_default_watts) == (4, 16, 450)


FACTS = [
    # id, device id, die, SMs, capacities, bus width, bandwidth in GB/s
    ("geforce-rtx-3090", 0x2204, "GA102", 82, (24576,), 384, 936.0),
    ("geforce-rtx-3060-12-gb", 0x2503, "GA106", 28, (12288,), 192, 360.0),
    ("geforce-rtx-3060-12-gb-ga104", 0x2487, "GA104", 28, (12288,), 192, 360.0),
    ("a100-pcie-80-gb", 0x20B5, "GA100", 108, (81920,), 5120, 1935.0),
    ("h100-sxm5-80-gb", 0x2330, "GH100", 132, (81920,), 5120, 3350.0),
    ("tesla-t4", 0x1EB8, "TU104", 40, (16384,), 256, 320.0),
    ("geforce-rtx-5090", 0x2B85, "GB202", 170, (32768,), 512, 1792.0),
    ("cmp-170hx-8-gb", 0x20C2, "GA100", 70, (8192,), 4096, 1493.0),
    ("cmp-170hx-10-gb", 0x2082, "GA100", 70, (10240,), 5120, 1555.0),
    ("quadro-rtx-8000", 0x1E30, "TU102", 72, (49152,), 384, 672.0),
    ("quadro-rtx-6000", 0x1E30, "TU102", 72, (24576,), 384, 672.0),
    ("geforce-rtx-4060-ti-8-gb", 0x2803, "AD106", 34, (8192,), 128, 288.0),
    ("geforce-rtx-4060-ti-16-gb", 0x2803, "AD106", 34, (16384,), 128, 288.0),
    ("geforce-gtx-1050-ti", 0x1C82, "GP107", 6, (4096,), 128, 112.1),
    ("geforce-gtx-550-ti", 0x1244, "GF116", 4, (1024, 1536), 192, 98.5),
    ("geforce-rtx-3070-mobile", 0x249D, "GA104", 40, (8192,), 256, 448.0),
    ("gh200-480gb", 0x2342, "GH100", 132, (98304,), 6144, 4023.0),
    ("geforce-rtx-2080-ti", 0x1E04, "TU102", 68, (11264,), 352, 616.0),
    ("geforce-rtx-3080", 0x2206, "GA102", 68, (10240,), 320, 760.0),
    ("b200", 0x2901, "GB100", 148, (184320,), 7680, 7672.32),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact[0])
def test_a_well_known_card(catalog: Catalog, fact: tuple[str, int, str, int, tuple[int, ...], int, float]) -> None:
    profile_id, device_id, die, sms, sizes, width, gigabytes = fact
    card = next(p for p in catalog.by_device_id(device_id) if p.id == profile_id)
    assert card == catalog.by_id(profile_id)
    assert card.die.name == die
    assert card.sm_counts[0] == sms
    assert card.memory_sizes_bytes == tuple(size * MIB for size in sizes)
    assert card.memory[0].bus_width_bits == width
    assert card.bandwidths_bytes_per_second[0] == pytest.approx(gigabytes * 1e9, rel=0.02)


def test_subsystems_tell_the_quadro_rtx_6000_from_the_8000(catalog: Catalog) -> None:
    assert (0x10DE, 0x129E) in catalog.by_id("quadro-rtx-8000").subsystems[0x1E30]
    assert (0x10DE, 0x129E) not in catalog.by_id("quadro-rtx-6000").subsystems[0x1E30]


def test_the_gtx_460_came_with_two_widths(catalog: Catalog) -> None:
    card = catalog.by_id("geforce-gtx-460")
    by_width = {layout.bus_width_bits: layout.sizes_mib for layout in card.memory}
    assert by_width == {192: (768,), 256: (1024, 2048)}
    assert card.l2_cache_bytes == 512 * KIB


def test_every_profile_is_found_by_id_device_id_and_name(catalog: Catalog) -> None:
    generic = {"NVIDIA Graphics Device"}
    for profile in catalog.all_profiles():
        assert profile.device_ids
        assert catalog.by_id(profile.id) is profile
        for device_id in profile.device_ids:
            assert profile in catalog.by_device_id(device_id)
        for name in (profile.name, *profile.nvml_names):
            assert name in generic or profile in catalog.by_name(name), name


def test_every_profile_says_where_it_is_from(catalog: Catalog) -> None:
    for profile in catalog.all_profiles():
        assert {"device_ids", "specification"} <= set(profile.sources), profile.id
        assert profile.digest.startswith("sha256:")


def test_every_device_id_of_the_reference_data_is_found(catalog: Catalog) -> None:
    index = REFERENCE / "device_index.json"
    if not index.is_file():
        pytest.skip(f"{index} is not here: the reference data are no part of the repository")
    entries = json.loads(index.read_text(encoding="utf-8"))
    # One notebook product is cut from two dies; here each of them has its own profile.
    split = {"2822": "geforce-rtx-3050-a-laptop-gpu-ad106"}
    for text, entry in entries.items():
        found = catalog.by_device_id(int(text, 16))
        # What was listed as a board code of 24 GiB is the A100 of 64 GiB, whose driver printed that code at first.
        expected = {split[text]} if text in split else set(entry["skus"]) - {"pg506-242"}
        assert {p.id for p in found} == expected, text
        # GK208 and GK208B are steppings of one die: pci.ids and the data sheets mix them.
        assert {p.die.name.removesuffix("B") for p in found} <= {entry["chip"].removesuffix("B")}, text
        if not found and entry["pciids_name"]:
            assert catalog.unlisted(int(text, 16)) == (entry["chip"], entry["pciids_name"])


def test_modifications_start_from_real_skus_and_change_something(catalog: Catalog) -> None:
    for profile in catalog.all_profiles():
        for known in catalog.modifications_of(profile):
            assert known.signs, known.id
            sold = {size for layout in profile.memory for size in layout.sizes_mib}
            assert not sold & set(known.memory_mib), (known.id, profile.id)


@pytest.mark.parametrize(
    ("modification_id", "profile_id", "total_mib"),
    [
        ("rtx-4090-48gb", "geforce-rtx-4090", 49140),
        ("rtx-4090-d-48gb", "geforce-rtx-4090-d", 49140),
        ("rtx-4080-super-32gb", "geforce-rtx-4080-super", 32760),
        ("rtx-3080-20gb", "geforce-rtx-3080", 20480),
        ("rtx-3070-16gb", "geforce-rtx-3070", 16384),
        ("rtx-2080-ti-22gb", "geforce-rtx-2080-ti", 22528),
        ("cmp-170hx-64gb", "cmp-170hx-8-gb", 65536),
        ("cmp-170hx-40gb", "cmp-170hx-10-gb", 40960),
        ("cmp-170hx-80gb", "cmp-170hx-10-gb", 81920),
        ("cmp-50hx-20gb", "cmp-50hx", 20480),
        ("p102-100-10gb", "p102-100", 10240),
    ],
)
def test_a_known_modification(catalog: Catalog, modification_id: str, profile_id: str, total_mib: int) -> None:
    known = catalog.modification(modification_id)
    assert known in catalog.modifications_of(catalog.by_id(profile_id))
    assert total_mib in known.memory_mib


def test_a_function_beside_the_display_belongs_to_one_die_or_a_revision_of_it(catalog: Catalog) -> None:
    owners: dict[int, set[str]] = {}
    displays: set[int] = set()
    for profile in catalog.all_profiles():
        displays |= set(profile.device_ids)
        for device in profile.die.function_ids:
            owners.setdefault(device, set()).add(profile.die.name)
            assert "audio_device_ids" in profile.die.sources or device not in profile.die.audio_device_ids
    assert not displays & owners.keys()
    assert {tuple(sorted(dies)) for dies in owners.values() if len(dies) > 1} == {
        ("GK110", "GK110B"),
        ("GK208", "GK208B"),
    }
    for device, dies in owners.items():
        assert set(catalog.dies_of_function(device)) == dies
