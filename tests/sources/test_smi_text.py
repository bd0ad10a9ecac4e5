import pytest

from gpucheck.sources.nvidia_smi import SourceFileError, parse

MIB = 1 << 20

LISTING = """
==============NVSMI LOG==============

Timestamp                                 : Thu Nov 16 08:58:34 2023
Driver Version                            : 535.113.01
CUDA Version                              : 12.2

Attached GPUs                             : 2
GPU 00000000:41:00.0
    Product Name                          : NVIDIA GeForce RTX 4090
    Product Architecture                  : Ada Lovelace
    Driver Model
        Current                           : N/A
        Pending                           : N/A
    Serial Number                         : N/A
    GPU UUID                              : GPU-3022913a-4e2c-0875-d615-b8edc7876cc3
    VBIOS Version                         : 95.02.3c.00.40
    Board Part Number                     : N/A
    GPU Part Number                       : 2684-300-A1
    Inforom Version
        Image Version                     : G002.0000.00.03
        ECC Object                        : 6.16
    GPU Virtualization Mode
        Virtualization Mode               : Pass-Through
    PCI
        Device Id                         : 0x268410DE
        Bus Id                            : 00000000:41:00.0
        Sub System Id                     : 0x51041462
        GPU Link Info
            PCIe Generation
                Max                       : 4
                Current                   : 1
                Device Max                : 4
                Host Max                  : 5
            Link Width
                Max                       : 16x
                Current                   : 8x
        Replays Since Reset               : 7
    FB Memory Usage
        Total                             : 49140 MiB
        Reserved                          : 346 MiB
    BAR1 Memory Usage
        Total                             : 32768 MiB
    ECC Mode
        Current                           : Disabled
    ECC Errors
        Volatile
            SRAM Correctable              : N/A
            SRAM Uncorrectable            : N/A
        Aggregate
            SRAM Uncorrectable            : 1
            DRAM Uncorrectable            : 2
    Retired Pages
        Single Bit ECC                    : 0
        Double Bit ECC                    : 3
        Pending Page Blacklist            : No
    Remapped Rows
        Correctable Error                 : 0
        Uncorrectable Error               : 5
        Pending                           : Yes
        Remapping Failure Occurred        : No
        Bank Remap Availability Histogram
            Max                           : 190 bank(s)
            None                          : 2 bank(s)
    GPU Power Readings
        Current Power Limit               : 450.00 W
        Default Power Limit               : 450.00 W
        Max Power Limit                   : 600.00 W
    Max Clocks
        SM                                : 3105 MHz
        Memory                            : 10501 MHz
    Processes
        GPU instance ID                   : N/A
        Process ID                        : 3646
            Type                          : G
            Name                          : /home/ann/secret

GPU 00000000:62:00.0
    Product Name                          : NVIDIA GeForce GT 1030
    FB Memory Usage
        Total                             : 2048 MiB
"""


def test_a_whole_listing() -> None:
    parsed = parse(LISTING, "q.txt")
    first, second = (card.facts for card in parsed.cards)
    assert first.route == "nvidia-smi -q"
    assert (first.bdf, second.bdf) == ("0000:41:00.0", "0000:62:00.0")
    assert (first.device_id, first.subsystem_vendor_id, first.subsystem_id) == (0x2684, 0x1462, 0x5104)
    assert (first.memory_total_bytes, second.memory_total_bytes) == (49140 * MIB, 2048 * MIB)
    assert first.bar1_total_bytes == 32768 * MIB
    assert (first.pcie_generation_device_max, first.pcie_lanes_current, first.pcie_replay_count) == (4, 8, 7)
    assert (first.retired_pages_double_bit, first.retired_pages_pending) == (3, False)
    assert (first.row_remap_uncorrectable, first.row_remap_pending) == (5, True)
    assert first.row_remap_banks_exhausted == 2
    assert first.ecc_uncorrected_aggregate == 3
    assert "ecc_uncorrected_volatile" in first.missing
    assert (first.power_default_watts, first.power_max_watts) == (450.0, 600.0)
    assert (first.memory_clock_max_mhz, first.sm_clock_max_mhz) == (10501, 3105)
    assert first.virtualization == "Pass-Through"
    assert first.vbios_version == "95.02.3C.00.40"
    assert not any("secret" in text or "3646" in text for text in first.raw.values())
    assert parsed.host.driver_version == second.driver_version == "535.113.01"


def test_windows_line_ends_tabs_colours_and_quote_marks_change_nothing() -> None:
    plain = parse(LISTING, "q.txt")
    for text in (
        LISTING.replace("\n", "\r\n"),
        LISTING.replace("    ", "\t"),
        LISTING.replace("GPU 0", "\x1b[1;32mGPU 0").replace("\n    FB", "\x1b[0m\n    FB"),
        "".join(f"> {line}\n" for line in LISTING.splitlines()),
        LISTING.replace("    ", "\xa0\xa0\xa0\xa0"),
    ):
        assert [card.facts for card in parse(text, "q.txt").cards] == [card.facts for card in plain.cards]


def test_driver_610_renames_its_versions_and_moves_its_limits() -> None:
    text = """==============NVSMI LOG==============
Driver Version                 : 610.62 [Deprecated; will be removed in CUDA 14.0. Use KMD Version instead]
CUDA Version                   : 13.3 [Deprecated; will be removed in CUDA 14.0. Use CUDA UMD Version instead]
KMD Version                    : 610.62
CUDA UMD Version               : 13.3
Attached GPUs                  : 1
GPU 00000000:0C:00.0
    Driver Model
        Current                : WDDM
    GPU Power Readings
        GPU Ceiling Power Limit
            Current Power Limit : 250.00 W
            Default Power Limit : 250.00 W
        Min Power Limit        : 105.00 W
    Module Power Readings
        Default Power Limit    : N/A
"""
    parsed = parse(text, "q.txt")
    facts = parsed.cards[0].facts
    assert (facts.driver_version, facts.cuda_version) == ("610.62", "13.3")
    assert (facts.power_limit_watts, facts.power_default_watts, facts.power_min_watts) == (250.0, 250.0, 105.0)
    assert parsed.host.windows is True


def test_an_excerpt_of_one_section() -> None:
    text = """Attached GPUs : 1
GPU 00000000:26:00.0
    FB Memory Usage
        Total : 6144 MiB
..
    BAR1 Memory Usage
        Total : 8192 MiB
"""
    facts = parse(text, "q.txt").cards[0].facts
    assert (facts.memory_total_bytes, facts.bar1_total_bytes) == (6144 * MIB, 8192 * MIB)


def test_an_excerpt_without_a_head() -> None:
    text = """    MIG Mode
        Current                  : Enabled
    MIG Device
        GPU Instance ID          : 0
        Compute Instance ID      : 0
        Device Attributes
            Shared
                Multiprocessor count : 70
        Shared FB Memory Usage
            Total                : 64912 MiB
"""
    facts = parse(text, "q.txt").cards[0].facts
    assert facts.mig_enabled is True
    assert facts.mig_instances == ("GI 0 CI 0: 70 SM, 64912 MiB",)
    assert facts.memory_total_bytes is None


@pytest.mark.parametrize(
    "text",
    ["Serial Number : 12345\nUUID : 1-2-3\n", "Name : x\nTotal : 3 MiB\n", "Attached GPUs : 0\n", "PCI\n  Bus\n"],
)
def test_other_lists_are_no_card(text: str) -> None:
    with pytest.raises(SourceFileError):
        parse(text, "q.txt")
