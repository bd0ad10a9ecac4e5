"""What a seller of an honest card sends raises no alarm, whatever the SKU and the driver; what is forged does."""

import re

import pytest

from gpucheck.model.finding import Status
from gpucheck.model.profile import Profile
from gpucheck.model.report import CardReport
from gpucheck.pipeline import assess
from gpucheck.sources.nvidia_smi import parse, to_evidence
from tests.cards import catalog

ALARM = {"suspect", "modified", "counterfeit"}


def judged(text: str, claim: str | None = None) -> CardReport:
    evidence = to_evidence(parse(text, "seller.txt"), "seller.txt")
    assert len(evidence) == 1
    return assess(evidence[0], catalog(), catalog().resolve_claim(claim) if claim else None)


def row(claim: str | None = None, /, **cells: object) -> CardReport:
    """Judge a row of ``nvidia-smi --query-gpu``; two underscores stand for a dot."""
    titles = ", ".join(name.replace("__", ".") for name in cells)
    return judged(f"{titles}\n{', '.join(map(str, cells.values()))}\n", claim)


def failed(report: CardReport) -> set[str]:
    return {f.check for f in report.findings if f.status in (Status.FAIL, Status.ERROR)}


def assert_no_alarm(report: CardReport) -> None:
    assert failed(report) == set()
    assert report.verdict.authenticity == "inconclusive"
    assert "ontradicts the claim" in report.verdict.explanation


def printed_name(profile: Profile) -> str:
    """As a driver prints it: without what only tells SKUs apart in a list."""
    if profile.nvml_names:
        return profile.nvml_names[0]
    return " ".join(re.sub(r"\b(Rev\. \d|Mac Edition|OEM|Refresh|G[FKM]\d{3}B?)\b", "", profile.name).split())


@pytest.mark.parametrize("profile", tuple(catalog().all_profiles()), ids=lambda p: p.id)
def test_an_honest_card_of_every_sku(profile: Profile) -> None:
    family = profile.die.vbios_families[0] if profile.die.vbios_families else "00.00"
    vbios = f"{family}.1F.00.0A"
    for layout in profile.memory:
        clock = round(layout.data_rate_gbps * 500) if layout.data_rate_gbps else "[N/A]"
        for size in layout.sizes_mib:
            cells = {"name": printed_name(profile), "memory__total": f"{size} MiB", "vbios_version": vbios}
            identity = {"pci__device_id": f"0x{profile.device_ids[0]:04X}10DE", "clocks__max__memory": clock}
            assert_no_alarm(row(**cells, **identity))
            if profile.retail:
                assert_no_alarm(row(**cells))


HONEST = {
    "a 2 GiB Turing on a driver that keeps its reserve from the total": {
        "name": "NVIDIA GeForce MX450", "pci__device_id": "0x1F9710DE", "memory__total": "1878 MiB"},
    "ECC takes an eighth on Fermi": {
        "name": "Tesla C2075", "pci__device_id": "0x109610DE", "memory__total": "5375 MiB"},
    "ECC and reserve together on a small Ampere (computed, no capture)": {
        "name": "NVIDIA RTX A2000", "pci__device_id": "0x253110DE", "memory__total": "5561 MiB"},
    "a revision on another die, by name alone": {
        "name": "GeForce GTX 660", "memory__total": "3023 MiB", "vbios_version": "80.04.8F.4E.13"},
    "a revision, by its own id": {
        "name": "GeForce GTX 660", "pci__device_id": "0x119510DE", "memory__total": "1536 MiB"},
    "a notebook on a driver that does not mark notebooks": {
        "name": "GeForce GTX 980", "memory__total": "8113 MiB"},
    "a variant that was never announced": {
        "name": "NVIDIA GeForce RTX 3080 Ti", "pci__device_id": "0x220510DE", "memory__total": "20480 MiB"},
    "another kind of memory on the same SKU": {
        "name": "GeForce GT 545", "pci__device_id": "0x124110DE", "memory__total": "3065 MiB",
        "clocks__max__memory": "895 MHz"},
    "a virtual GPU that says so in its name alone": {
        "name": "NVIDIA A40-8Q", "pci__device_id": "0x223510DE", "memory__total": "8192 MiB"},
    "a card in a fault state that states no memory": {
        "name": "NVIDIA GeForce RTX 4090", "pci__device_id": "0x268410DE", "memory__total": "0 MiB"},
    "a virtual GPU of a MIG slice": {
        "name": "GRID A100-3-20C", "pci__device_id": "0x20B010DE", "memory__total": "20475 MiB"},
}  # fmt: skip


@pytest.mark.parametrize("cells", HONEST.values(), ids=HONEST.keys())
def test_an_honest_oddity(cells: dict[str, str]) -> None:
    assert_no_alarm(row(**cells))


def test_a_generic_name_that_a_table_cut_off_names_no_card() -> None:
    report = judged(
        "|   0  NVIDIA Graphics...  Off  | 00000000:01:00.0 Off |                    0 |\n"
        "| N/A   29C    P0    43W / 400W |      0MiB / 40960MiB |      0%      Default |\n"
    )
    assert_no_alarm(report)
    assert report.match.candidates == ()


FORGED = {
    "half of a 2 GiB Turing": {
        "name": "NVIDIA GeForce MX450", "pci__device_id": "0x1F9710DE", "memory__total": "1024 MiB"},
    "a channel less on a Fermi with ECC": {
        "name": "Tesla C2075", "pci__device_id": "0x109610DE", "memory__total": "5120 MiB"},
    "an eighth less on a Kepler, where no source shows ECC to take as much": {
        "name": "Tesla K40c", "pci__device_id": "0x102410DE", "memory__total": "10752 MiB"},
    "a channel less on a small Ampere with ECC": {
        "name": "NVIDIA RTX A2000", "pci__device_id": "0x253110DE", "memory__total": "5120 MiB"},
    "doubled memory that no list knows, by name alone": {
        "name": "GeForce GTX 660", "memory__total": "6144 MiB"},
    "doubled memory of a notebook that the driver does not mark, by name alone": {
        "name": "Quadro M1200", "memory__total": "8192 MiB"},
    "more memory than the whole card in a virtual GPU": {
        "name": "NVIDIA A40-8Q", "pci__device_id": "0x223510DE", "memory__total": "98304 MiB"},
}  # fmt: skip


@pytest.mark.parametrize("cells", FORGED.values(), ids=FORGED.keys())
def test_a_forged_total_beside_it(cells: dict[str, str]) -> None:
    report = row(**cells)
    assert "memory-size" in failed(report)
    assert report.verdict.authenticity in ALARM


@pytest.mark.parametrize("part", ["1E07-300A-A1", "2204-300-A1"])
def test_a_part_number_of_another_id_in_any_of_its_forms(part: str) -> None:
    report = judged(
        "GPU 00000000:01:00.0\n    Product Name : NVIDIA GeForce RTX 4090\n"
        f"    GPU Part Number : {part}\n    PCI\n        Device Id : 0x268410DE\n"
    )
    assert "gpu-part-number" in failed(report)


@pytest.mark.parametrize(
    ("name", "total", "sold", "alarm"),
    [
        ("NVIDIA GeForce RTX 2070", 8192, "RTX 2070 laptop", False),
        ("NVIDIA GeForce RTX 2070", 8192, "RTX 2070", False),
        ("NVIDIA GeForce RTX 2070", 8192, "RTX 2070 SUPER", True),
        ("Quadro RTX 6000", 24576, "Quadro RTX 6000 Passive", False),
        ("GeForce GTX 570", 1280, "GTX 570 Rev. 2", False),
        ("NVIDIA GeForce RTX 3070 Laptop GPU", 8192, "RTX 3070", True),
        ("NVIDIA GeForce RTX 3070", 8192, "RTX 3070 laptop", True),
    ],
)
def test_a_claim_against_a_name_that_several_cards_share(name: str, total: int, sold: str, alarm: bool) -> None:
    report = row(sold, name=name, memory__total=f"{total} MiB")
    assert (report.verdict.authenticity in ALARM) == alarm


@pytest.mark.parametrize(
    ("name", "device_id"),
    [
        ("NVIDIA GeForce RTX 4060 Laptop GPU", "0x288210DE"),
        ("NVIDIA RTX A4000 Laptop GPU", "0x24B010DE"),
        ("NVIDIA GeForce RTX 5090 D V2", "0x2B8710DE"),
    ],
)
def test_a_name_of_a_near_relative_is_another_name(name: str, device_id: str) -> None:
    report = row(name=name, pci__device_id=device_id)
    assert report.match.basis == "device_id"
    assert "product-name" in failed(report)
    assert report.verdict.authenticity in ALARM
