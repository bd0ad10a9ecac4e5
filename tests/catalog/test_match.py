"""Matching: which SKU the declared identity names, and which known modification it looks like."""

import time

import pytest

from gpucheck.catalog import Catalog
from tests.catalog.given import Declare, on_bus, walked


def test_a_plain_card(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(0x2684, "NVIDIA GeForce RTX 4090", 24564))
    assert match.profile is catalog.by_id("geforce-rtx-4090")
    assert (match.basis, match.modification, match.note) == ("device_id", None, "")


def test_where_bus_and_driver_differ_the_card_that_people_are_shown_is_meant(
    catalog: Catalog, declare: Declare
) -> None:
    match = catalog.match(on_bus(declare(0x2684, "NVIDIA GeForce RTX 4090"), 0x2204))
    assert match.profile is catalog.by_id("geforce-rtx-4090")


def test_where_the_driver_states_no_id_the_bus_is_asked(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(on_bus(declare(None, "NVIDIA GeForce RTX 4090"), 0x2204))
    assert match.profile is catalog.by_id("geforce-rtx-3090")


def test_a_name_that_contradicts_the_device_id_changes_nothing(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(0x1244, "NVIDIA GeForce GTX 1050 Ti", 1024))
    assert match.profile is catalog.by_id("geforce-gtx-550-ti")


def test_without_a_device_id_the_name_decides(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(None, "NVIDIA GeForce RTX 4090", 24564))
    assert match.basis == "name"
    assert match.profile is catalog.by_id("geforce-rtx-4090")


@pytest.mark.parametrize("device_id", [None, 0x4242])
def test_nothing_known_is_no_match(catalog: Catalog, declare: Declare, device_id: int | None) -> None:
    match = catalog.match(declare(device_id, "NVIDIA Graphics Device"))
    assert (match.profile, match.candidates, match.basis) == (None, (), "none")
    assert match.note


def test_an_id_without_a_profile_is_named_in_the_note(catalog: Catalog, declare: Declare) -> None:
    assert "RTX TITAN Ada" in catalog.match(declare(0x2681)).note


@pytest.mark.parametrize(
    ("subsystem", "name", "total_mib", "expected"),
    [
        ((0x10DE, 0x129E), None, None, "quadro-rtx-8000"),
        ((0x10DE, 0x12BA), None, None, "quadro-rtx-6000"),
        (None, "Quadro RTX 8000", None, "quadro-rtx-8000"),
        (None, None, 49152, "quadro-rtx-8000"),
        (None, None, 24576, "quadro-rtx-6000"),
        ((0x1028, 0x9999), "Quadro RTX 6000", 22698, "quadro-rtx-6000"),
    ],
)
def test_the_shared_id_of_the_turing_quadros(
    catalog: Catalog,
    declare: Declare,
    subsystem: tuple[int, int] | None,
    name: str | None,
    total_mib: float | None,
    expected: str,
) -> None:
    match = catalog.match(declare(0x1E30, name, total_mib, subsystem))
    assert match.profile is catalog.by_id(expected)


@pytest.mark.parametrize(("total_mib", "expected"), [(8188, "8-gb"), (7900, "8-gb"), (16380, "16-gb")])
def test_the_capacity_tells_the_4060_ti_apart(
    catalog: Catalog, declare: Declare, total_mib: float, expected: str
) -> None:
    match = catalog.match(declare(0x2803, "NVIDIA GeForce RTX 4060 Ti", total_mib))
    assert match.profile is catalog.by_id(f"geforce-rtx-4060-ti-{expected}")
    assert match.modification is None


def test_candidates_stay_where_nothing_tells_them_apart(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(0x2803, "NVIDIA GeForce RTX 4060 Ti"))
    assert match.profile is None
    assert {p.id for p in match.candidates} == {"geforce-rtx-4060-ti-8-gb", "geforce-rtx-4060-ti-16-gb"}
    assert "GeForce RTX 4060 Ti 8 GB" in match.note


def test_the_memory_clock_tells_memory_types_apart(catalog: Catalog, declare: Declare) -> None:
    gddr5 = catalog.match(declare(0x1F82, "NVIDIA GeForce GTX 1650", 4096, memory_clock_max_mhz=4001))
    gddr6 = catalog.match(declare(0x1F82, "NVIDIA GeForce GTX 1650", 4096, memory_clock_max_mhz=6001))
    assert gddr5.profile is catalog.by_id("geforce-gtx-1650")
    assert gddr6.profile is catalog.by_id("geforce-gtx-1650-gddr6")
    assert catalog.match(declare(0x1F82, "NVIDIA GeForce GTX 1650", 4096)).profile is None


def test_twins_of_one_notebook_product_are_one_answer_with_a_note(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(0x2420, "NVIDIA GeForce RTX 3080 Ti Laptop GPU", 16384))
    assert match.profile is not None
    assert match.profile.id.startswith("geforce-rtx-3080-ti-m")
    assert len(match.candidates) == 2
    assert "Max-Q" in match.note


def test_an_unlisted_subsystem_is_not_the_max_q(catalog: Catalog, declare: Declare) -> None:
    listed = catalog.match(declare(0x1E90, None, 8192, (0x1028, 0x08A1)))
    assert listed.profile is catalog.by_id("geforce-rtx-2080-max-q")
    other = catalog.match(declare(0x1E90, None, 8192, (0x1028, 0xFFFF)))
    assert other.profile is catalog.by_id("geforce-rtx-2080-mobile")


@pytest.mark.parametrize(
    ("device_id", "total_mib", "expected"),
    [
        (0x2684, 49140, "rtx-4090-48gb"),
        (0x2685, 49140, "rtx-4090-d-48gb"),
        (0x2702, 32760, "rtx-4080-super-32gb"),
        (0x1E04, 22528, "rtx-2080-ti-22gb"),
        (0x20C2, 65536, "cmp-170hx-64gb"),
        (0x2082, 40960, "cmp-170hx-40gb"),
        (0x1B07, 10240, "p102-100-10gb"),
        (0x2684, 24564, None),
        (0x26B1, 49140, None),
        (0x2684, 32768, None),
        (0x2504, 8192, None),
    ],
)
def test_a_known_modification_is_recognised_by_its_total(
    catalog: Catalog, declare: Declare, device_id: int, total_mib: float, expected: str | None
) -> None:
    match = catalog.match(declare(device_id, None, total_mib))
    assert (match.modification.id if match.modification else None) == expected
    assert match.candidates


def test_a_subsystem_may_decide_alone(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(0x2206, "NVIDIA GeForce RTX 3080", None, (0x10DE, 0x146D)))
    assert match.modification is catalog.modification("rtx-3080-20gb")


def test_a_modification_is_named_from_a_table_without_ids(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(None, "GeForce RTX 2080 Ti", 22528))
    assert match.modification is catalog.modification("rtx-2080-ti-22gb")


def test_memory_that_is_not_there_is_no_modification(catalog: Catalog, declare: Declare) -> None:
    forged = declare(0x2684, None, 49140, walk=walked(48000, 24000))
    real = declare(0x2684, None, 49140, walk=walked(48000, 48000))
    assert catalog.match(forged).modification is None
    assert catalog.match(real).modification is catalog.modification("rtx-4090-48gb")


def test_a_slice_of_a_card_is_no_modification(catalog: Catalog, declare: Declare) -> None:
    match = catalog.match(declare(0x20B5, "NVIDIA A100 80GB PCIe", 19968, mig_enabled=True))
    assert match.profile is catalog.by_id("a100-pcie-80-gb")


def test_a_warm_match_is_quick(catalog: Catalog, declare: Declare) -> None:
    evidence = declare(0x1F91, "NVIDIA GeForce GTX 1650", 4096, (0x1028, 0xFFFF))
    catalog.match(evidence)
    start = time.perf_counter()
    for _ in range(200):
        catalog.match(evidence)
    assert (time.perf_counter() - start) / 200 < 0.001
