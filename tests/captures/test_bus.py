"""Listings of the bus and texts of the kernel driver from real machines: what is in them is found by plain means."""

import json
import re
from pathlib import Path

import pytest

from gpucheck.model.evidence import DriverFacts, Evidence, PciFacts
from gpucheck.model.finding import Status
from gpucheck.pipeline import assess
from gpucheck.sources.nvidia_smi import SourceFileError, parse, read_file, to_evidence
from gpucheck.sources.pci_config import parse_config
from tests.cards import catalog

ROOT = Path(__file__).resolve().parents[3] / "shared" / "captures"

if not (ROOT / "index.json").is_file():
    pytest.skip("no captures of real cards beside this checkout", allow_module_level=True)

INDEX = json.loads((ROOT / "index.json").read_text())
GENUINE = [entry["file"] for entry in INDEX if entry["label"] == "genuine"]
LISTINGS = sorted(name for name in GENUINE if "lspci" in name)
DRIVERS = sorted(name for name in GENUINE if name.endswith(".proc.txt"))
HEAD = re.compile(r"^(\S+:\S+\.\d) (?:VGA compatible|3D|Display) controller.*: NVIDIA.*$", re.MULTILINE)
WITHOUT_A_CARD = {
    "genuine/rtx3090_launchvbios_club734.lspci.txt": "two lines of a capability, and no function",
    "genuine/bug_Andrewp2_laniusc.proc.txt": "the driver's version, and no card",
}


def load(name: str) -> tuple[str, list[Evidence]]:
    if not (ROOT / name).is_file():
        pytest.skip("this capture is not in this copy")
    text = read_file(ROOT / name)
    if name in WITHOUT_A_CARD:
        with pytest.raises(SourceFileError):
            parse(text, name)
        pytest.skip(WITHOUT_A_CARD[name])
    return text, to_evidence(parse(text, name), name)


@pytest.mark.parametrize("name", LISTINGS)
def test_every_listing_is_read(name: str) -> None:
    text, documents = load(name)
    blocks = re.split(r"\n(?=[0-9a-f:.]+:[0-9a-f]{2}\.\d )", text)
    blocks = [block for block in blocks if HEAD.search(block)]
    assert len(documents) == len(blocks) > 0
    for document, block in zip(documents, blocks, strict=True):
        facts = document.pci
        assert isinstance(facts, PciFacts)
        assert facts.off_bus == ("(rev ff)" in block)
        assert_ids(facts, block)
        assert_link(facts, block)
        assert facts.driver == found(r"Kernel driver in use: (\S+)", block)
        sizes = re.findall(r"(?:Region \d:|Memory at|I/O ports at).*\[size=(\d+[KMG]?)\]", block)
        assert len(facts.bar_sizes_bytes) == len(sizes)


@pytest.mark.parametrize("name", [*LISTINGS, *DRIVERS])
def test_a_genuine_card_raises_nothing(name: str) -> None:
    for document in load(name)[1]:
        judged = assess(document, catalog())
        assert [f.check for f in judged.findings if f.status in (Status.FAIL, Status.ERROR)] == []
        assert judged.verdict.authenticity == "inconclusive"
        assert judged.verdict.condition == "not_examined"
        assert "contradicts the claim" in judged.verdict.explanation


@pytest.mark.parametrize("name", DRIVERS)
def test_every_text_of_the_driver_is_read(name: str) -> None:
    text, documents = load(name)
    blocks = re.split(r"^Model:", text, flags=re.MULTILINE)[1:]
    assert len(documents) == len(blocks)
    for document, block in zip(documents, blocks, strict=True):
        facts = document.driver
        assert isinstance(facts, DriverFacts)
        assert (facts.model or "Unknown") == block.split("\n", 1)[0].strip()
        place = found(r"Bus Location:\s+(\S+)", block) or ""
        assert re.split("[:.]", facts.bdf or "") == re.split("[:.]", place), "drivers of the 300 branches print a dot"
        assert facts.version == found(r"Module\s+(?:for \S+\s+)?([\d.]+) ", text)
        assert document.host.driver_version == facts.version


def test_the_sound_of_every_die_is_the_one_on_record() -> None:
    seen = set()
    for name in set(LISTINGS) - set(WITHOUT_A_CARD):
        for document in load(name)[1]:
            judged = assess(document, catalog())
            functions = next(f for f in judged.findings if f.check == "sibling-functions")
            assert functions.status is not Status.FAIL
            if functions.status is Status.PASS:
                seen.add(functions.message)
    assert len(seen) >= 12


def assert_ids(facts: PciFacts, block: str) -> None:
    dumped = re.findall(r"^([0-9a-f]{2,3}):((?: [0-9a-f]{2})+)$", block, re.MULTILINE)
    config = parse_config(b"".join(bytes.fromhex(row) for _, row in dumped))
    printed = found(r"controller.*\[10de:([0-9a-f]{4})\]", block) or found(r"NVIDIA Corporation Device (\w{4}) ", block)
    expected = int(printed, 16) if printed else config.device_id
    assert facts.device_id == expected
    assert config.device_id in (expected, None)
    subsystem = found(r"Subsystem: .*\[(\w{4}:\w{4})\]", block)
    if subsystem:
        assert (facts.subsystem_vendor_id, facts.subsystem_id) == tuple(int(part, 16) for part in subsystem.split(":"))


def assert_link(facts: PciFacts, block: str) -> None:
    """The text's own words, where it has them, and the dump's bits against them."""
    width, state = found(r"LnkCap:.*Width x(\d+)", block), found(r"LnkSta:.*Width x(\d+)", block)
    if width and state:
        assert (facts.link_lanes_max, facts.link_lanes_current) == (int(width), int(state))
        speed = {"2.5": 1, "5": 2, "8": 3, "16": 4, "32": 5}
        assert facts.link_generation_current == speed[found(r"LnkSta:.*Speed ([\d.]+)GT/s", block) or ""]
    dump = bytes.fromhex(facts.raw.get("config", ""))
    config = parse_config(dump)
    if width and config.link_lanes_max:
        assert (config.link_lanes_max, config.link_lanes_current) == (facts.link_lanes_max, facts.link_lanes_current)
        assert config.link_generation_max == facts.link_generation_max
    offered = found(r"BAR 1: current size: \w+, supported: (.*)", block)
    if offered and 1 in config.resizable_bytes:
        assert config.resizable_bytes[1] == facts.bar1_supported_bytes
        assert len(config.resizable_bytes[1]) == len(offered.split())


def found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None
