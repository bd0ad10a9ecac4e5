"""Whatever a file holds, reading it ends soon, in little memory, and with cards or one error of ours."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpucheck.sources.file_reading import LIMIT_BYTES
from gpucheck.sources.nvidia_smi import SourceFileError, parse, read_file, to_evidence
from gpucheck.sources.one_card import File, put_together

SEEDS = (
    """<?xml version="1.0" ?><!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd"><nvidia_smi_log>
<attached_gpus>1</attached_gpus><gpu id="00000000:41:00.0"><product_name>NVIDIA GeForce RTX 4090</product_name>
<mig_devices><mig_device><index>0</index></mig_device></mig_devices><serial>N/A</serial>
<pci><pci_device_id>268410DE</pci_device_id></pci><fb_memory_usage><total>24564 MiB</total></fb_memory_usage>
</gpu></nvidia_smi_log>""",
    """==============NVSMI LOG==============
Timestamp : Thu Nov 16 08:58:34 2023
Driver Version : 535.113.01
GPU 00000000:41:00.0
    Product Name : NVIDIA GeForce RTX 4090
    PCI
        Device Id : 0x268410DE
    FB Memory Usage
        Total : 24564 MiB
""",
    "index, name, pci.bus_id, memory.total [MiB], compute_cap\n0, NVIDIA L40S, 00000000:01:00.0, 46068 MiB, 8.9\n",
    """| NVIDIA-SMI 580.95.05  Driver Version: 580.95.05  CUDA Version: 13.0 |
|   0  NVIDIA GeForce RTX 3060        Off |   00000001:01:00.0 Off |                  N/A |
|  0%   26C    P8              4W /  170W |       1MiB /  12288MiB |      0%      Default |
|  0    2   0   0  |              26MiB / 40448MiB    | 60      0 |  3   0    3    0    3 |
""",
    """- **GPU 0:** NVIDIA GeForce RTX 3080 | 20480 MiB | driver 595.58.03 | VBIOS 94.02.27.00.14
  - **PCIe:** x4 lanes negotiated (GPU max x16, Gen up to 4) | bus 00000000:05:00.0
05:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [GeForce RTX 3080] [10de:2206] (rev a1)
""",
    "GPU: NVIDIA CMP 50HX\nPCI ID: `10de:1e09`\nVRAM: 20480 MiB\nPCIe: 2.5 GT/s x16\npower_limit_range=100..250 W\n",
    "x; NVIDIA GeForce RTX 4090, 49140 MiB, 595.71.05\n1x RTX 4080S 32GB (sm89)\n",
    "05:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [10de:2204]\n\tSubsystem: X [10de:165b]\n",
    """Model: \t NVIDIA GeForce RTX 4090
GPU UUID: \t GPU-6b0b2a4c-59a1-4c5f-9d0c-0f4a9be1c111
Bus Location: \t 0000:41:00.0
""",
    "<0> GeForce RTX 3080     (10DE,2206,1043,87B0) S:00,B:0F,D:00,F:00\n",
    "    MIG Mode\n        Current : Enabled\n    MIG Device\n        Index : 0\n",
)
STRUCTURE = (
    "\n",
    "\t",
    "    ",
    ",",
    "|",
    ":",
    " : ",
    "<",
    ">",
    "</gpu>",
    '<gpu id="',
    "<!ENTITY a 'b'>",
    "&a;",
    "<![CDATA[",
)
VALUES = ("N/A", "ERR!", "9" * 40, "MiB", "0x", "-1", "1e999", "GPU 00000000:01:00.0", "name, uuid")
NOISE = ("\x1b[", "\0", "\ud800", "\u202e")
PIECES = st.sampled_from(STRUCTURE + VALUES + NOISE)


def read(text: str) -> None:
    """Read ``text`` as far as it goes: cards whose sections and evidence hold, or our error."""
    try:
        parsed = parse(text, "file.txt")
    except SourceFileError:
        return
    assert parsed.cards
    for evidence in to_evidence(parsed, "file.txt"):
        assert evidence.model_validate_json(evidence.model_dump_json()) == evidence
    for card in parsed.cards:
        assert card.label.isprintable()
        assert len(card.facts.raw) <= 600
        assert all(text.isprintable() and len(text) <= 512 for text in card.facts.raw.values())


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    read(text)


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map("".join))
def test_any_mixture_of_pieces(text: str) -> None:
    read(text)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 30), PIECES), max_size=6))
def test_any_mutation_of_a_real_form(text: str, edits: list[tuple[int, int, str]]) -> None:
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]
    read(text)


@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.integers(0, 700))
def test_any_cut_and_any_pair_of_sections(first: str, second: str, cut: int) -> None:
    read(first[:cut])
    read(first + second[:cut])


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SEEDS), st.integers(0, 700), PIECES), min_size=2, max_size=5))
def test_any_files_of_one_call(files: list[tuple[str, int, str]]) -> None:
    sent = []
    for number, (text, at, piece) in enumerate(files):
        with suppress(SourceFileError):
            changed = text[:at] + piece + text[at:]
            sent.append(File(f"{number}{piece}", to_evidence(parse(changed, "x"), "x")))
    found = put_together(sent)
    assert len(found.cards) <= sum(len(file.cards) for file in sent)
    for evidence in found.cards:
        assert evidence.model_validate_json(evidence.model_dump_json()) == evidence
        assert evidence.label.isprintable()


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    try:
        text = read_file(path)
    except SourceFileError:
        return
    read(text)


CARD = '<nvidia_smi_log><gpu id="0000:01:00.0">'
BOMBS = {
    "laughs": '<!DOCTYPE nvidia_smi_log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + CARD + "&b;" * 1000,
    "quadratic": '<!DOCTYPE nvidia_smi_log [<!ENTITY a "' + "a" * 1_000_000 + '">]>' + CARD + "&a;" * 100_000,
    "declared attributes": "<!DOCTYPE nvidia_smi_log [<!ATTLIST a "
    + "".join(f"b{i} CDATA #IMPLIED " for i in range(300_000))
    + ">]>"
    + CARD
    + "<a/>" * 290_000,
    "cut": CARD + "<product_name>x</product_name>" + "<a>1</a>" * 200_000,
    "deep": CARD + "<a>" * 3_000_000,
    "wide": CARD + "<a>1</a>" * 2_000_000,
    "attributes": "<nvidia_smi_log " + " ".join(f'a{i}=""' for i in range(1_000_000)) + ">",
    "long text": CARD + "<product_name>" + "A" * 10_000_000 + "</product_name></gpu></nvidia_smi_log>",
    "roots": "<nvidia_smi_log>" * 1_000_000,
    "angles": CARD + "<" * 10_000_000,
    "lines": "\n" * 10_000_000,
    "rows": "NVIDIA GeForce RTX 4090, 24564 MiB\n" * 400_000,
    "headers": "name, memory.total [MiB]\n" * 400_000,
    "listing": "GPU 0000:01:00.0\n" + "    Product Name : x\n" * 500_000,
    "table": "|   0  NVIDIA GeForce RTX 2080 Ti     Off |   00000000:01:00.0 Off |    N/A |\n" * 150_000,
    "blanks": (" " * 290 + "|\n") * 20_000,
    "wide names": ("|   0  " + "x" * 20 + " " * 260 + "|\n") * 20_000,
    "pipes": ("|" * 290 + "\n") * 40_000,
    "bus": "05:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [10de:2206]\n" * 150_000,
    "embedded": ("x; NVIDIA GeForce RTX 4090, 24564 MiB, a" * 14 + "\n") * 20_000,
    "names": ("NVIDIA RTX A MiB" * 30 + "\n") * 20_000,
    "escapes": "\x1b]" * 5_000_000,
    "quotes": ">" * 10_000_000,
    "digits": "GPU 0000:01:00.0\n    FB Memory Usage\n        Total : " + "9" * 5_000_000 + " MiB\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_large_hostile_texts_end_soon(name: str) -> None:
    start = time.perf_counter()
    read(BOMBS[name][:LIMIT_BYTES])
    assert time.perf_counter() - start < 10, "generous: a loaded machine takes several times as long as a quiet one"
