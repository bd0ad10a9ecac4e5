"""Notebook parts from before the 30 series, sold under the name that their driver prints: the desktop card's."""

import pytest

from gpucheck.catalog.names import parse_name
from gpucheck.model.evidence import Evidence
from gpucheck.model.finding import Status
from gpucheck.model.profile import Profile
from gpucheck.model.report import CardReport
from gpucheck.pipeline import assess
from gpucheck.sources.nvidia_smi import parse, to_evidence
from tests.cards import alter, catalog, evidence_from, finding

PRINTED = [
    ("NVIDIA GeForce GTX 1050", "0x1C8D", 4096, "GTX 1050"),
    ("NVIDIA GeForce GTX 1050", "0x1C8D", 4096, "NVIDIA GeForce GTX 1050"),
    ("GeForce GTX 1050", "0x1C8D", 4096, "MSI GTX 1050 4GB"),
    ("NVIDIA GeForce GTX 1650", "0x1F91", 4096, "GTX 1650"),
    ("GeForce GTX 1060", "0x1C20", 6144, "GTX 1060 6GB"),
    ("GeForce GTX 1070", "0x1BE1", 8192, "GTX 1070"),
    ("GeForce GTX 1080", "0x1BE0", 8192, "GTX 1080"),
    ("NVIDIA GeForce RTX 2080", "0x1E90", 8192, "RTX 2080"),
    ("Quadro P2000", "0x1CBA", 4096, "Quadro P2000"),
]


def notebook(name: str, device_id: str, total: int, chassis: str = "unknown") -> Evidence:
    """What a row of ``--query-gpu`` tells; a file knows no chassis."""
    text = f"name, pci.device_id, memory.total [MiB]\n{name}, {device_id}10DE, {total} MiB\n"
    (one,) = to_evidence(parse(text, "seller.csv"), "seller.csv")
    return alter(one, host=one.host.model_copy(update={"chassis": chassis}))


def judged(evidence: Evidence, claim: str) -> CardReport:
    return assess(evidence, catalog(), catalog().resolve_claim(claim))


@pytest.mark.parametrize(("name", "device_id", "total", "claim"), PRINTED)
def test_in_a_file_it_is_left_open_and_the_buyer_is_told_what_to_look_at(
    name: str, device_id: str, total: int, claim: str
) -> None:
    report = judged(notebook(name, device_id, total), claim)
    assert [f.check for f in report.findings if f.status is Status.FAIL] == []
    assert report.verdict.authenticity == "inconclusive"
    assert "laptop part" in report.verdict.explanation
    assert "on a desktop board it would be a laptop die" in report.verdict.explanation


@pytest.mark.parametrize(("name", "device_id", "total", "claim"), PRINTED)
def test_the_chassis_decides_where_it_is_known(name: str, device_id: str, total: int, claim: str) -> None:
    laptop, desktop = (notebook(name, device_id, total, chassis) for chassis in ("laptop", "desktop"))
    assert finding(laptop, "claim", claim).status is Status.PASS
    assert finding(laptop, "laptop-die", claim).status is Status.PASS
    assert judged(laptop, claim).verdict.authenticity == "inconclusive"
    assert finding(desktop, "laptop-die", claim).status is Status.FAIL
    assert judged(desktop, claim).verdict.authenticity == "counterfeit"


def test_a_measured_card_is_not_authentic_while_the_sale_is_open() -> None:
    card = evidence_from({"title": "a notebook", "silicon": {"profile": "geforce-gtx-1650-mobile"}})
    measured = alter(card, nvml__name="NVIDIA GeForce GTX 1650")
    assert judged(measured, "GTX 1650 Laptop").verdict.authenticity == "authentic"
    assert judged(measured, "GTX 1650").verdict.authenticity == "authentic"
    somewhere = alter(measured, host=measured.host.model_copy(update={"chassis": "unknown"}))
    report = judged(somewhere, "GTX 1650")
    assert report.verdict.authenticity == "inconclusive"
    assert "but it is not proven. Sold as GTX 1650" in report.verdict.explanation


@pytest.mark.parametrize(
    ("name", "device_id", "total", "claim"),
    [
        ("NVIDIA GeForce RTX 3060 Laptop GPU", "0x2520", 6144, "RTX 3060"),
        ("NVIDIA GeForce RTX 3060", "0x2520", 6144, "RTX 3060"),
        ("NVIDIA GeForce GTX 1050", "0x1C8D", 4096, "GTX 1050 Ti"),
        ("NVIDIA GeForce GTX 1650", "0x1F91", 4096, "GTX 1650 SUPER"),
        ("NVIDIA GeForce GTX 1650 Ti", "0x1F91", 4096, "GTX 1650 Ti"),
        ("GeForce GTX 1060 with Max-Q Design", "0x1C20", 6144, "GTX 1060"),
        ("NVIDIA GeForce GTX 1050", "0x1C8D", 2048, "GTX 1050 4GB"),
    ],
)
def test_another_name_or_size_stays_a_fraud(name: str, device_id: str, total: int, claim: str) -> None:
    for chassis in ("unknown", "laptop"):
        assert judged(notebook(name, device_id, total, chassis), claim).verdict.authenticity == "counterfeit"


def test_only_what_is_on_record_is_said_to_be_less() -> None:
    def told(name: str, device_id: str, claim: str) -> str:
        return finding(notebook(name, device_id, 4096, "desktop"), "laptop-die", claim).message

    alike = told("NVIDIA GeForce GTX 1050", "0x1C8D", "GTX 1050")
    assert alike.endswith("laptop part GeForce GTX 1050 Mobile.")
    assert told("NVIDIA GeForce GTX 1650", "0x1F91", "GTX 1650").endswith("GeForce GTX 1650 Mobile: lower power.")
    fewer = told("NVIDIA GeForce RTX 4070 Laptop GPU", "0x2820", "RTX 4070")
    assert "RTX 4070 Laptop GPU: 36 multiprocessors where that has 46, lower power." in fewer


UNMARKED = [
    profile
    for profile in catalog().all_profiles()
    if profile.form_factor == "laptop"
    and profile.nvml_names
    and not (parse_name(profile.nvml_names[0]).laptop or "Graphics Device" in profile.nvml_names[0])
]


@pytest.mark.parametrize("profile", UNMARKED, ids=lambda p: p.id)
def test_no_laptop_part_is_a_fraud_in_a_file_for_the_unmarked_name_of_its_driver(profile: Profile) -> None:
    name, total = profile.nvml_names[0], profile.memory[0].sizes_mib[0]
    report = judged(notebook(name, f"0x{profile.device_ids[0]:04X}", total), name)
    assert report.verdict.authenticity == "inconclusive"


LISTED = [
    ("GP106M [GeForce GTX 1060 Mobile] [10de:1c20]", "GTX 1060", "GeForce GTX 1060 Mobile"),
    ("GP107M [GeForce GTX 1050 Mobile] [10de:1c8d]", "GTX 1050", "GeForce GTX 1050 Mobile"),
    ("TU117M [GeForce GTX 1650 Mobile / Max-Q] [10de:1f91]", "GTX 1650", "GeForce GTX 1650"),
    ("TU117M [GeForce GTX 1650 Mobile / Max-Q] [10de:1f91]", "GTX 1650 Mobile", "GeForce GTX 1650"),
    ("TU117M [GeForce GTX 1650 Mobile / Max-Q] [10de:1f91]", "GTX 1650 Max-Q", "GeForce GTX 1650"),
    ("TU106M [GeForce RTX 2070 Mobile / Max-Q Refresh] [10de:1f14]", "RTX 2070 Mobile", "GeForce RTX 2070"),
    ("TU106M [GeForce RTX 2070 Mobile / Max-Q Refresh] [10de:1f14]", "RTX 2070 Max-Q", "GeForce RTX 2070"),
    ("GA107M [GeForce RTX 3050 Ti Mobile / Max-Q] [10de:25a0]", "RTX 3050 Ti Laptop", "GeForce RTX 3050 Ti"),
    ("GA106M [GeForce RTX 3050 Ti Mobile / Max-Q] [10de:2523]", "GeForce RTX 3050 Ti Mobile / Max-Q", "GeForce RTX"),
]


def listed(line: str, chassis: str = "unknown") -> Evidence:
    text = f"01:00.0 VGA compatible controller [0300]: NVIDIA Corporation {line} (rev a1)\n"
    (one,) = to_evidence(parse(text, "lspci.txt"), "lspci.txt")
    return alter(one, host=one.host.model_copy(update={"chassis": chassis}))


@pytest.mark.parametrize(("line", "claim", "name"), LISTED)
def test_a_listing_of_the_bus_accuses_no_notebook_that_nvidia_smi_would_not(line: str, claim: str, name: str) -> None:
    report = judged(listed(line), claim)
    assert [f.message for f in report.findings if f.status is Status.FAIL] == []
    assert report.verdict.authenticity == "inconclusive"
    assert name in report.verdict.explanation


@pytest.mark.parametrize(("line", "claim", "_name"), LISTED[:3])
def test_a_listing_made_in_a_desktop_is_judged(line: str, claim: str, _name: str) -> None:
    assert judged(listed(line, "desktop"), claim).verdict.authenticity == "counterfeit"


@pytest.mark.parametrize(
    ("line", "claim"),
    [
        ("GP106M [GeForce GTX 1060 Mobile] [10de:1c20]", "GTX 1070"),
        ("GA106M [GeForce RTX 3060 Mobile / Max-Q] [10de:2520]", "RTX 3060"),
        ("TU117M [GeForce GTX 1650 Mobile / Max-Q] [10de:1f91]", "GTX 1660 Ti Mobile"),
    ],
)
def test_a_listing_of_another_model_than_was_sold_is_no_excuse(line: str, claim: str) -> None:
    assert judged(listed(line), claim).verdict.authenticity == "counterfeit"
