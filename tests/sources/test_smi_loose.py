import pytest

from gpucheck.sources.nvidia_smi import SourceFileError, parse

MIB = 1 << 20

RIG = """## GPU hardware

- **GPU 0:** NVIDIA GeForce RTX 3080 | 20480 MiB | driver 595.58.03 | VBIOS 94.02.27.00.14 | persistence=Disabled
  - **Power:** limit=300.00 W (default=320.00 W, max=350.00 W) | current_draw=11.60 W
  - **PCIe:** x4 lanes negotiated (GPU max x16, Gen up to 4) | bus 00000000:05:00.0
- **GPU 1:** NVIDIA GeForce RTX 5090 | 32607 MiB | driver 595.58.03 | VBIOS 98.02.2E.00.03 | persistence=Disabled

05:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [GeForce RTX 3080] [10de:2206] (rev a1)
\tSubsystem: NVIDIA Corporation GA102 [GeForce RTX 3080 20GB] [10de:146d]
\tKernel driver in use: nvidia
05:00.1 Audio device [0403]: NVIDIA Corporation GA102 High Definition Audio Controller [10de:1aef] (rev a1)
\tSubsystem: NVIDIA Corporation Device [10de:0000]
0a:00.0 VGA compatible controller [0300]: NVIDIA Corporation GB202 [GeForce RTX 5090] [10de:2b85] (rev a1)
"""


def test_a_rig_report_with_its_bus() -> None:
    first, second = parse(RIG, "rig.md").cards
    assert first.facts.route == "text"
    assert (first.facts.bdf, first.facts.memory_total_bytes) == ("0000:05:00.0", 20480 * MIB)
    assert first.facts.vbios_version == "94.02.27.00.14"
    assert (first.facts.power_limit_watts, first.facts.power_default_watts, first.facts.power_max_watts) == (
        300.0,
        320.0,
        350.0,
    )
    assert (first.facts.pcie_lanes_max, first.facts.pcie_lanes_current) == (16, 4)
    assert first.pci is not None
    assert (first.pci.device_id, first.pci.subsystem_vendor_id, first.pci.subsystem_id) == (0x2206, 0x10DE, 0x146D)
    assert (first.pci.class_code, first.pci.revision_id, first.pci.driver) == (0x030000, 0xA1, "nvidia")
    assert first.pci.name == "GA102 [GeForce RTX 3080]"
    assert second.pci is not None
    assert second.pci.device_id == 0x2B85


def test_rows_inside_log_lines_count_once_a_card() -> None:
    line = "2026-09-27T19:30:48Z HOST nproc 128 disk 40G free; NVIDIA GeForce RTX 4090, 49140 MiB, 595.71.05\n"
    (card,) = parse(line + line.replace("19:30", "19:40") + "TORCH 2.11.0 NVIDIA GeForce RTX 4090\n", "log").cards
    assert (card.facts.memory_total_bytes, card.facts.driver_version) == (49140 * MIB, "595.71.05")
    two = "- \u673a\u578b\uff1aNVIDIA GeForce RTX 3080, 20480 MiB / NVIDIA GeForce RTX 3080, 20480 MiB\uff1bCPU X\n"
    assert len(parse(two, "log").cards) == 2


@pytest.mark.parametrize(
    "text",
    [
        """- GPU: NVIDIA CMP 50HX MOD 20GB
- PCI ID: `10de:1e09`
- Subsystem: `10de:1554`
- Reported VRAM: `20480 MiB`
- Driver: NVIDIA Open `580.159.03`""",
        """PCI device: 10de:1e09
subsystem:  10de:1554
VRAM:       20480 MiB per card
driver:     NVIDIA Open 610.43.03""",
        """| Field | Value |
|---|---|
| GPU | NVIDIA CMP 50HX |
| PCI ID | 10de:1e09 |
| Subsystem | 10de:1554 |
| VRAM | 20 GiB (20480 MiB) |""",
        """memory=24Gi
gpu_pci_identity=NVIDIA Corporation X [CMP] [10de:1e09]
gpu_memory=20480 MiB
subsystem=10de:1554""",
    ],
)
def test_lists_of_keys(text: str) -> None:
    (card,) = parse(text, "list").cards
    assert card.facts.route == "text"
    assert (card.facts.vendor_id, card.facts.device_id, card.facts.subsystem_id) == (0x10DE, 0x1E09, 0x1554)
    assert card.facts.memory_total_bytes == 20480 * MIB


def test_keys_of_several_cards_and_split_ids() -> None:
    text = "Model: NVIDIA RTX A6000\nVideo BIOS: 94.02.5c.00.02\nBus Location: 0000:1a:00.0\n" * 2
    text = text.replace("1a:00.0", "67:00.0", 1)
    assert [card.label for card in parse(text, "proc").cards] == ["0000:67:00.0", "0000:1a:00.0"]
    split = "GPU: NVIDIA GeForce RTX 5060 Ti\nVendor ID: 10de\nDevice ID: 2d04\nSubsystem: 1462:5354 MSI\n"
    facts = parse(split, "list").cards[0].facts
    assert (facts.vendor_id, facts.device_id, facts.subsystem_vendor_id) == (0x10DE, 0x2D04, 0x1462)


def test_a_field_report_with_its_architecture() -> None:
    parsed = parse("1x RTX 4080S 32GB (sm89)\n### OS\n616.56, 13.4, Windows 11, WSL2-Docker\n", "report")
    facts = parsed.cards[0].facts
    assert (facts.memory_total_bytes, facts.compute_capability) == (32 << 30, "8.9")
    assert parsed.host.wsl is True


def test_adapters_that_a_flasher_lists() -> None:
    text = "<0> GeForce RTX 3080     (10DE,2206,1043,87B0) S:00,B:0F,D:00,F:00\n"
    facts = parse(text, "log").cards[0].facts
    assert (facts.bdf, facts.device_id, facts.subsystem_vendor_id) == ("0000:0f:00.0", 0x2206, 0x1043)


def test_the_list_of_cards_and_a_card_out_of_reach() -> None:
    listed = parse("GPU 3: Tesla V100-SXM2-32GB (UUID: GPU-3022913a-4e2c-0875-d615-b8edc7876cc3)\n", "list").cards[0]
    assert listed.facts.uuid is not None
    assert listed.label == "GPU 3"
    lost = parse("Unable to determine the device handle for GPU0000:01:00.0: GPU is lost.  Reboot the system\n", "log")
    assert lost.cards[0].facts.bdf == "0000:01:00.0"
    assert "lost" in (lost.cards[0].facts.fault or "")


@pytest.mark.parametrize(
    ("line", "device"),
    [
        ("52:00.0 VGA compatible controller: NVIDIA Corporation Device 2684 (rev a1)", 0x2684),
        ("0001:00:00.0 3D controller [0302]: NVIDIA Corporation GA100 [A100] [10de:20b2] (rev a1)", 0x20B2),
    ],
)
def test_a_text_of_the_bus_alone(line: str, device: int) -> None:
    (card,) = parse(f"{line}\n    Subsystem: NVIDIA Corporation Device 167c\n", "lspci").cards
    assert card.pci is not None
    assert (card.pci.device_id, card.pci.subsystem_id) == (device, 0x167C)
    assert not card.has_facts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", "no driver"),
        ("No devices were found", "found no card"),
        ("bash: nvidia-smi: command not found", "not installed"),
        ("GTX660 4096MB Nvidia Bulk, une puce GF106", "says nothing"),
        ("01:00.0 VGA compatible controller [0300]: Intel Corporation UHD [8086:3e92]", "says nothing"),
        ("2x RTX 3090 24GB for sale", "says nothing"),
    ],
)
def test_what_says_nothing_is_told_in_one_line(text: str, words: str) -> None:
    with pytest.raises(SourceFileError, match=words) as caught:
        parse(text, "file.txt")
    assert "\n" not in caught.value.message
    assert caught.value.hint
