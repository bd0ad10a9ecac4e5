"""Files of real cards, beside the checkout. What is expected of each is found again here by plain expressions."""

import json
import re
import time
from pathlib import Path

import pytest

from gpucheck.sources.nvidia_smi import ParsedFile, SourceFileError, parse, read_file

ROOT = Path(__file__).resolve().parents[3] / "shared" / "captures"
MIB = 1 << 20

if not (ROOT / "index.json").is_file():
    pytest.skip("no captures of real cards beside this checkout", allow_module_level=True)

INDEX = json.loads((ROOT / "index.json").read_text())
LISTINGS = sorted(
    entry["file"]
    for entry in INDEX
    if entry["format"].startswith(("nvidia-smi", "multi-section")) and "lgip" not in entry["format"]
)
XML = [name for name in LISTINGS if name.endswith(".xml")]
INDENTED = [name for name in LISTINGS if name.endswith(".smi-q.txt")]
MASKED = re.compile(r"0{8}-0000-0000-0000|0{13}|^0+DE$|^0$")

# A statement in prose, a guide or a measurement: nothing in it is a row, a table or a list about one card.
SILENT = {
    "fake/fermi_true_ids_techpowerup.txt",
    "fake/gtx1050ti-1gb_is_gf116_2022.txt",
    "fake/gtx660-4096_is_gt440_2014.txt",
    "fake/gtx750ti_gpuschmoo_pr1.txt",
    "genuine/cmp100-210_qengine2.facts.txt",
    "genuine/rtx3090_launchvbios_club734.lspci.txt",
    "genuine/rtx4090_gainward_akash298.txt",
    "modified/rtx4060-laptop_crossflash_nvflashk21.txt",
    "modified/rtx4090-48gb_rebar_aikitoria14.txt",
    "modified/rtx5070ti_crossflash_nvflashk28.txt",
}
# Observable in a line of their own: memory in MiB, by file.
ALTERED = {
    "Ciender_CMP-170HX-SGLang-Q_expanded-250w-v2-20260731.txt": [40960],
    "Ciender_CMP-170HX-SGLang-Q_measured-2026-07-31.txt": [40960],
    "cmp170hx-10gb_unlocked40_identify.txt": [40960],
    "cmp170hx-8gb_unlocked64_identify.txt": [65536],
    "cmp50hx-20gb_pearlfortune1.txt": [20480],
    "cmp50hx-20gb_xrip3_4cards.txt": [20480],
    "rtx2080ti-22gb_DA00.nvidia-smi.txt": [22528],
    "rtx2080ti-22gb_dual260W.nvidia-smi.txt": [22528, 22528],
    "rtx3080-20gb_efschu_club3090-707.report.txt": [20480, 32607],
    "rtx3080-20gb_efschu_club3090-845.report.txt": [20480],
    "rtx3080-20gb_mixed_nvml.txt": [20480, 32607, 20480],
    "rtx3080-20gb_strata_dual.txt": [20480, 20480],
    "rtx4080s-32gb_windows_wsl.txt": [32768],
    "rtx4090-48gb_query_csv.txt": [49140],
    "rtx4090-48gb_vastai_host.txt": [49140],
}


def load(name: str) -> tuple[str, ParsedFile]:
    if not (ROOT / name).is_file():
        pytest.skip("this capture is not in this copy")
    text = read_file(ROOT / name)
    return text, parse(text, name)


@pytest.mark.parametrize("name", XML)
def test_every_xml(name: str) -> None:
    text, parsed = load(name)
    blocks = re.findall(r"<gpu id=.*?</gpu>", text, re.DOTALL)
    assert len(parsed.cards) == len(blocks)
    for card, block in zip(parsed.cards, blocks, strict=True):
        own = re.sub(r"<mig_devices>.*?</mig_devices>", "", block, flags=re.DOTALL)
        facts = card.facts
        assert facts.name == found(r"<product_name>(.*?)</product_name>", own)
        assert (facts.vbios_version or "") == (found(r"<vbios_version>(.*?)</vbios_version>", own) or "").upper()
        total = found(r"<fb_memory_usage>\s*<total>(\d+) MiB", own)
        assert facts.memory_total_bytes == (int(total) * MIB if total else None)
        device = found(r"<pci_device_id>(?:0x)?(\w{4})10DE<", own)
        assert facts.device_id == (int(device, 16) if device else None)
        uuid = found(r"<uuid>(.*?)</uuid>", own)
        assert facts.uuid == (uuid if uuid and not MASKED.search(uuid) else None)
        bus = found(r'<gpu id="0000(.*?)"', own)
        assert facts.bdf == (bus or "").lower()
        default = found(r"<(?:gpu_)?power_readings>.*?<default_power_limit>([\d.]+) W", own)
        assert facts.power_default_watts == (float(default) if default else None)


@pytest.mark.parametrize("name", INDENTED)
def test_every_indented_listing(name: str) -> None:
    text, parsed = load(name)
    blocks = re.split(r"^GPU (?=[0-9A-F]{4,8}:)", text, flags=re.MULTILINE)[1:]
    assert len(parsed.cards) == len(blocks)
    for card, block in zip(parsed.cards, blocks, strict=True):
        facts = card.facts
        assert facts.name == found(r"Product Name +: (.*)", block)
        assert facts.vbios_version == (found(r"VBIOS Version +: (.*)", block) or "").upper()
        assert facts.memory_total_bytes == int(found(r"FB Memory Usage\n +Total +: (\d+)", block) or 0) * MIB
        assert facts.device_id == int(found(r"Device Id +: 0x(\w{4})10DE", block) or "0", 16)
        assert facts.uuid == found(r"GPU UUID +: (.*)", block)
        part = found(r"GPU Part Number +: (\w{4}-\w{3}-\w\d)", block)
        assert facts.gpu_part_number == part


@pytest.mark.parametrize("name", [name for name in LISTINGS if "exporter" in name])
def test_every_file_of_many_sections_is_one_card_without_contradiction(name: str) -> None:
    text, parsed = load(name)
    (card,) = parsed.cards
    assert parsed.notes == ()
    assert card.facts.name == found(r"Product Name +: (.*)", text)
    assert card.facts.compute_capability is not None
    assert card.facts.power_default_watts is not None
    assert bool(card.facts.mig_instances) is ("-mig__" in name)
    assert parsed.host.windows is ("windows" in name)


@pytest.mark.parametrize("name", sorted(entry["file"] for entry in INDEX if entry["label"] in {"genuine", "unknown"}))
def test_every_other_file_is_read_or_known_to_be_silent(name: str) -> None:
    if name in SILENT:
        with pytest.raises(SourceFileError):
            load(name)
    elif not name.endswith((".lspci.txt", ".proc.txt")):
        parsed = load(name)[1]
        assert parsed.notes == ()
        assert all(card.facts.fault is None for card in parsed.cards)


@pytest.mark.parametrize("name", sorted(entry["file"] for entry in INDEX if entry["label"] in {"modified", "fake"}))
def test_every_altered_card_is_read_where_a_line_shows_it(name: str) -> None:
    if name in SILENT:
        with pytest.raises(SourceFileError):
            load(name)
        return
    parsed = load(name)[1]
    sizes = [card.facts.memory_total_bytes for card in parsed.cards]
    if (expected := ALTERED.get(Path(name).name)) is not None:
        assert sizes == [size * MIB for size in expected]
    else:
        assert any(card.facts.mig_enabled or card.facts.mig_instances for card in parsed.cards)


@pytest.mark.slow
def test_a_thousand_files_take_a_small_part_of_five_seconds() -> None:
    texts = [(ROOT / name).read_bytes() for name in XML + INDENTED if (ROOT / name).stat().st_size < 50_000]
    start = time.perf_counter()
    for i in range(200):
        parse(texts[i % len(texts)].decode(), "file")
    assert (time.perf_counter() - start) * 5 < 10, "about 1.5 s on a quiet core"


def found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text, re.DOTALL if "\\s" in pattern or ".*?<" in pattern else 0)
    return match[1].strip() if match else None
