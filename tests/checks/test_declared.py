"""Checks of declared facts: each contradiction alone on an honest RTX 4090, and the innocent causes beside it."""

from typing import Any

import pytest

from gpucheck.checks.memory_size import fits
from gpucheck.model.base import Reason, Unavailable
from gpucheck.model.evidence import NOT_LISTED
from gpucheck.model.finding import Kind, Status
from gpucheck.model.report import CardReport
from gpucheck.model.units import MIB
from gpucheck.pipeline import assess
from gpucheck.sources.nvidia_smi import parse, to_evidence
from tests.builders import UUID
from tests.cards import alter, catalog, evidence_of, finding, genuine, report

NOT_SUPPORTED = Unavailable(unavailable=Reason.NOT_SUPPORTED, detail="N/A")

CONTRADICTIONS: list[tuple[str, dict[str, Any]]] = [
    ("memory-size", {"nvml__memory_total_bytes": 32000 * MIB}),
    ("memory-size", {"nvml__memory_total_bytes": 12288 * MIB}),
    ("memory-size", {"nvml__memory_total_bytes": 49140 * MIB}),
    ("known-modification", {"nvml__memory_total_bytes": 49140 * MIB}),
    ("vbios-family", {"nvml__vbios_version": "94.02.42.00.A9"}),
    ("vbios-family", {"nvml__vbios_version": "70.26.33.00.01"}),
    ("gpu-part-number", {"nvml__gpu_part_number": "2204-300-A1"}),
    ("product-name", {"nvml__name": "NVIDIA GeForce RTX 3090"}),
    ("product-name", {"nvml__name": "NVIDIA RTX 6000 Ada Generation"}),
    ("architecture", {"nvml__architecture": "Ampere"}),
    ("compute-capability", {"nvml__compute_capability": "8.6"}),
    ("core-count", {"nvml__core_count": 10496}),
    ("bus-width", {"nvml__memory_bus_width_bits": 320}),
    ("memory-clock", {"nvml__memory_clock_max_mhz": 900}),
    ("brand", {"nvml__brand": "Tesla"}),
    ("pcie-link", {"pci__link_generation_max": 1, "pci__link_lanes_max": 4}),
    ("pcie-link", {"pci__link_generation_max": 2, "pci__port_link_generation_max": 4}),
    ("bar1-size", {"pci__bar1_supported_bytes": (256 * MIB, 16384 * MIB)}),
    ("source-agreement", {"pci__device_id": 0x2204}),
    ("source-agreement", {"driver__uuid": "GPU-00000000-0000-0000-0000-000000000000"}),
    ("source-agreement", {"driver__vbios_version": "95.02.00.00.00"}),
]


@pytest.mark.parametrize(("check", "changes"), CONTRADICTIONS, ids=lambda x: str(x)[:60])
def test_a_contradiction_fails_its_check(check: str, changes: dict[str, Any]) -> None:
    assert finding(genuine(), check).status is not Status.FAIL
    assert finding(alter(genuine(), **changes), check).status is Status.FAIL


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("pcie-link", {"pci__link_generation_max": 1, "pci__link_lanes_max": 4}),
        ("bar1-size", {"pci__bar1_supported_bytes": (256 * MIB, 16384 * MIB)}),
    ],
)
def test_what_the_bus_states_is_called_declared(check: str, changes: dict[str, Any]) -> None:
    for evidence in (genuine(), alter(genuine(), **changes)):
        assert finding(evidence, check).observed.endswith("(declared)")


def versions(told: str) -> dict[str, Any]:
    """One version by every route, in two spellings."""
    routes = ("nvml", "driver", "resource_manager")
    return {f"{route}__vbios_version": told for route in routes} | {"driver__vbios_version": told.upper()}


INNOCENT: list[tuple[str, dict[str, Any]]] = [
    ("memory-size", {"nvml__memory_total_bytes": 23028 * MIB}),
    ("memory-size", {"nvml__memory_total_bytes": 24217 * MIB}),
    ("vbios-family", versions("95.02.3c.40.32")),
    ("vbios-family", versions("99.99.3C.40.32")),
    ("vbios-family", versions("N/A")),
    ("gpu-part-number", {"nvml__gpu_part_number": "900-1G136-2530-000"}),
    ("product-name", {"nvml__name": "NVIDIA Graphics Device"}),
    ("product-name", {"nvml__name": "Graphics Device"}),
    ("product-name", {"nvml__name": "GeForce RTX 4090"}),
    ("product-name", {"nvml__name": "Something Nobody Has Heard Of"}),
    ("memory-clock", {"nvml__memory_clock_max_mhz": 11501}),
    ("brand", {"nvml__brand": "NVIDIA"}),
    ("pcie-link", {"pci__link_generation_max": 2, "pci__port_link_generation_max": 2}),
    ("pcie-link", {"pci__link_generation_max": 1, "pci__port_link_generation_max": None}),
    ("pcie-link", {"pci__link_generation_max": 2, "pci__port_link_generation_target": 2}),
    ("pcie-link", {"pci__link_generation_current": 1, "pci__link_lanes_current": 1, "pci__port_link_lanes_max": 1}),
    ("bar1-size", {"pci__bar1_supported_bytes": (64 * MIB, 128 * MIB, 256 * MIB)}),
    ("bar1-size", {"pci__bar1_supported_bytes": None, "nvml__bar1_total_bytes": 256 * MIB}),
    ("bar1-size", {"pci__bar1_supported_bytes": None, "nvml__bar1_total_bytes": 8192 * MIB}),
    ("subsystem", {"pci__subsystem_vendor_id": 0x10DE}),
    ("subsystem", {"pci__subsystem_vendor_id": 0xABCD}),
    ("subsystem", {"pci__subsystem_vendor_id": 0, "pci__subsystem_id": 0}),
    ("source-agreement", {"driver__uuid": None}),
    ("board-fingerprint", {"nvml__serial": None, "nvml__board_part_number": None}),
]


@pytest.mark.parametrize(("check", "changes"), INNOCENT, ids=lambda x: str(x)[:60])
def test_an_innocent_oddity_fails_nothing(check: str, changes: dict[str, Any]) -> None:
    result = report(alter(genuine(), **changes))
    assert next(f for f in result.findings if f.check == check).status is not Status.FAIL
    assert result.verdict.authenticity in ("authentic", "inconclusive")


@pytest.mark.parametrize(("model", "status"), [("RTX 4090", Status.INCONCLUSIVE), ("RTX 5050", Status.PASS)])
def test_without_a_size_of_memory_no_modification_of_it_is_ruled_out(model: str, status: Status) -> None:
    (listed,) = to_evidence(parse(f"GPU 0: NVIDIA GeForce {model} (UUID: {UUID})\n", "list.txt"), "list.txt")
    assert finding(listed, "known-modification").status is status


def test_a_known_modification_is_named_with_its_factor() -> None:
    result = report(alter(genuine(), nvml__memory_total_bytes=49140 * MIB))
    assert result.match.modification == "rtx-4090-48gb"
    assert "2 times" in next(f for f in result.findings if f.check == "memory-size").message


@pytest.mark.parametrize(
    ("sold", "status"),
    [
        ("RTX 4090", Status.PASS),
        ("RTX 3060 Ti", Status.FAIL),
        ("RTX 4090 Laptop", Status.FAIL),
        ("RTX 4090 D", Status.FAIL),
    ],
)
def test_the_claim(sold: str, status: Status) -> None:
    found = finding(genuine(), "claim", sold)
    assert found.status is status
    if status is Status.FAIL:
        assert report(genuine(), sold).verdict.authenticity == "counterfeit"
        assert Kind.REMARKED in found.kinds


def test_a_self_consistent_lesser_card_is_caught_by_the_claim_alone() -> None:
    honest = evidence_of("rtx-3060-12gb")
    assert report(honest).verdict.authenticity == "authentic"
    assert report(honest, "RTX 3060").verdict.authenticity == "authentic"
    assert report(honest, "RTX 3060 Ti").verdict.authenticity == "counterfeit"


def test_a_laptop_die_is_no_fraud_in_itself_and_is_one_when_sold_as_the_desktop_card() -> None:
    laptop = evidence_of("rtx-4090-laptop")
    assert report(laptop).verdict.authenticity == "authentic"
    desktop = alter(laptop, host=laptop.host.model_copy(update={"chassis": "desktop"}))
    assert finding(desktop, "laptop-die").status is Status.INCONCLUSIVE
    assert finding(desktop, "laptop-die", "RTX 4090").status is Status.FAIL


def test_a_laptop_name_without_its_mark_was_patched() -> None:
    laptop = alter(evidence_of("rtx-4090-laptop"), nvml__name="NVIDIA GeForce RTX 4090")
    assert finding(laptop, "product-name").status is Status.FAIL


def test_management_data_of_a_consumer_board_on_a_data_centre_card() -> None:
    a100 = evidence_of("a100-80gb")
    assert finding(a100, "board-fingerprint").status is Status.PASS
    nvml = a100.nvml
    missing = nvml.missing | {"ecc_enabled": NOT_SUPPORTED}  # type: ignore[union-attr]
    poor = alter(
        a100,
        nvml__inforom_image_version="G001.0000.01.04",
        nvml__board_part_number=None,
        nvml__ecc_enabled=None,
        nvml__missing=missing,
    )
    assert finding(poor, "board-fingerprint").status is Status.FAIL
    one_sign = alter(a100, nvml__ecc_enabled=None, nvml__missing=missing)
    assert finding(one_sign, "board-fingerprint").status is Status.INCONCLUSIVE
    swapped = alter(a100, nvml__board_part_number="900-2G133-0080-000")
    assert finding(swapped, "board-fingerprint").status is Status.FAIL


def test_a_card_that_the_driver_refuses() -> None:
    lost = Unavailable(unavailable=Reason.FAILED, detail=NOT_LISTED)
    refused = alter(genuine(), nvml=lost, pci__driver="nvidia")
    assert finding(refused, "driver-support").status is Status.FAIL
    mismatch = Unavailable(unavailable=Reason.FAILED, detail="driver and library versions differ")
    assert finding(alter(refused, nvml=mismatch), "driver-support").status is Status.NOT_APPLICABLE
    assert finding(alter(refused, pci__driver="vfio-pci"), "driver-support").status is Status.NOT_APPLICABLE
    assert finding(alter(refused, pci__revision_id=0xFF), "driver-support").status is Status.INCONCLUSIVE


def test_a_generation_that_the_driver_dropped_is_refused_rightly() -> None:
    lost = Unavailable(unavailable=Reason.FAILED, detail=NOT_LISTED)
    pascal = alter(genuine(), nvml=lost, pci__driver="nvidia", pci__device_id=0x1C82)
    newer = alter(pascal, host=pascal.host.model_copy(update={"driver_version": "590.48.01"}))
    older = alter(pascal, host=pascal.host.model_copy(update={"driver_version": "550.54.14"}))
    assert finding(newer, "driver-support").status is Status.NOT_APPLICABLE
    assert finding(older, "driver-support").status is Status.FAIL


def test_an_unknown_device_id_is_no_alarm() -> None:
    stranger = alter(
        genuine(),
        nvml__device_id=0x3FFF,
        pci__device_id=0x3FFF,
        resource_manager__device_id=0x3FFF,
        nvml__name="NVIDIA Thing 9000",
        nvml__gpu_part_number="3FFF-300-A1",
    )
    result = report(stranger)
    assert result.verdict.authenticity == "inconclusive"
    assert "no profile" in result.verdict.explanation
    assert result.match.profile is None


def test_a_shared_card_is_limited_not_spoiled() -> None:
    sliced = alter(genuine(), nvml__mig_enabled=True, nvml__core_count=2048)
    result = report(sliced)
    assert next(f for f in result.findings if f.check == "core-count").status is Status.INCONCLUSIVE
    assert result.verdict.authenticity == "inconclusive"


def test_drivers_count_stacked_memory_a_little_narrower_and_a_missing_stack_is_more() -> None:
    h200 = evidence_of("h200")
    assert finding(alter(h200, nvml__memory_bus_width_bits=5760), "bus-width").status is Status.INCONCLUSIVE
    assert finding(alter(h200, nvml__memory_bus_width_bits=5120), "bus-width").status is Status.FAIL


def test_a_slice_larger_than_the_card_ever_was() -> None:
    a100 = evidence_of("a100-80gb")
    assert (
        finding(alter(a100, nvml__mig_enabled=True, nvml__mig_instances=("7g.80gb",)), "memory-size").status
        is Status.PASS
    )
    assert (
        finding(alter(a100, nvml__mig_enabled=True, nvml__mig_instances=("1g.96gb",)), "memory-size").status
        is Status.FAIL
    )


@pytest.mark.parametrize(("profile", "mib", "fitting"), [("tesla-k10", 3583, True), ("tesla-k10", 3072, False)])
def test_ecc_takes_an_eighth_of_a_k10(profile: str, mib: int, fitting: bool) -> None:
    assert fits(catalog().by_id(profile), mib * MIB) is fitting


def test_a_card_without_its_power_cable_is_open_and_not_suspect() -> None:
    from gpucheck.model.base import NOT_REQUESTED
    from gpucheck.model.evidence import MEASURED_SECTIONS, NOT_LISTED

    unlisted = Unavailable(unavailable=Reason.FAILED, detail=NOT_LISTED)
    dark = alter(genuine(), nvml=unlisted, cuda=unlisted, **dict.fromkeys(MEASURED_SECTIONS, NOT_REQUESTED))
    assert finding(dark, "driver-support").status is Status.FAIL
    assert report(dark).verdict.authenticity == "inconclusive"


def stated(name: str, total: int, claim: str | None = None) -> CardReport:
    """A row of a plain table that a seller sent."""
    (one,) = to_evidence(parse(f"name, memory.total [MiB]\n{name}, {total} MiB\n", "seller.csv"), "seller.csv")
    return assess(one, catalog(), catalog().resolve_claim(claim) if claim else None)


@pytest.mark.parametrize(
    ("name", "total"),
    [("NVIDIA A800-SXM4-80GB", 2000), ("NVIDIA A800-SXM4-80GB", 40000), ("Quadro M4000", 1500), ("Tesla T4", 4096)],
)
def test_in_a_file_less_than_half_of_a_professional_card_may_be_a_quota(name: str, total: int) -> None:
    result = stated(name, total)
    assert result.verdict.authenticity == "inconclusive"
    assert "memory quota of a container or a scheduler" in result.verdict.explanation


def test_a_quota_is_no_lie_about_the_size_that_the_card_was_sold_with() -> None:
    assert stated("NVIDIA A800-SXM4-80GB", 2000, "A800 80GB").verdict.authenticity == "inconclusive"
    assert stated("NVIDIA A800-SXM4-80GB", 40960, "A800 80GB").verdict.authenticity == "counterfeit"


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("NVIDIA A800-SXM4-80GB", 49152),
        ("NVIDIA A800-SXM4-80GB", 40960),
        ("Quadro M4000", 6144),
        ("NVIDIA A800-SXM4-80GB", 163840),
        ("GeForce GTX 1050 Ti", 1024),
        ("NVIDIA GeForce RTX 4090", 8192),
        ("NVIDIA TITAN RTX", 8192),
    ],
)
def test_what_no_quota_explains_is_an_alteration_still(name: str, total: int) -> None:
    result = stated(name, total)
    assert result.verdict.authenticity == "suspect"
    assert Kind.MEMORY_ALTERED in result.verdict.kinds


def test_a_live_card_is_asked_for_its_preloaded_libraries_not_excused_by_its_size() -> None:
    a100 = alter(evidence_of("a100-80gb"), nvml__memory_total_bytes=2000 * MIB)
    assert finding(a100, "memory-size").status is Status.FAIL


@pytest.mark.parametrize(("total", "words"), [(4194304, "171 times"), (262144, "11 times"), (65536, "2.7 times")])
def test_a_factor_is_a_plain_number(total: int, words: str) -> None:
    message = finding(alter(genuine(), nvml__memory_total_bytes=total * MIB), "memory-size").message
    assert f"{words} its 24,576 MiB" in message
