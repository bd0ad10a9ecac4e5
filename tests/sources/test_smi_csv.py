import pytest

from gpucheck.model.base import Reason
from gpucheck.sources.nvidia_smi import SourceFileError, parse

MIB = 1 << 20


def test_a_headed_row_with_units() -> None:
    text = """index, name, pci.bus_id, pci.device_id, pci.sub_device_id, memory.total [MiB], power.max_limit, hostname
1, NVIDIA L40S, 00000000:91:00.0, 0x26B910DE, 0x185110DE, 46068 MiB, 350.00 W, ann
"""
    parsed = parse(text, "q.csv")
    facts = parsed.cards[0].facts
    assert facts.route == "nvidia-smi --query-gpu"
    assert facts.bdf == "0000:91:00.0"
    assert (facts.vendor_id, facts.device_id) == (0x10DE, 0x26B9)
    assert (facts.subsystem_vendor_id, facts.subsystem_id) == (0x10DE, 0x1851)
    assert facts.memory_total_bytes == 46068 * MIB
    assert facts.power_max_watts == 350.0
    assert "hostname" not in facts.raw


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("memory.total [MiB]", "24564", "memory_total_bytes", 24564 * MIB),
        ("memory.total [MiB]", "24564 MiB", "memory_total_bytes", 24564 * MIB),
        ("memory.total", "24564", "memory_total_bytes", 24564 * MIB),
        ("clocks.max.mem [MHz]", "10501", "memory_clock_max_mhz", 10501),
        ("clocks.max.memory [MHz]", "10501 MHz", "memory_clock_max_mhz", 10501),
        ("compute_cap", "8.9", "compute_capability", "8.9"),
        ("pcie.link.gen.gpumax", "4", "pcie_generation_device_max", 4),
        ("pcie.link.width.max", "16", "pcie_lanes_max", 16),
        ("ecc.mode.current", "Disabled", "ecc_enabled", False),
        ("mig.mode.current", "Enabled", "mig_enabled", True),
        ("retired_pages.sbe", "3", "retired_pages_single_bit", 3),
        ("retired_pages.double_bit.count", "4", "retired_pages_double_bit", 4),
        ("remapped_rows.dbe", "2", "row_remap_uncorrectable", 2),
        ("ecc.errors.uncorrected.volatile.total", "1", "ecc_uncorrected_volatile", 1),
        ("gpu_serial", "1322823110528", "serial", "1322823110528"),
        ("inforom.image", "G002.0000.00.03", "inforom_image_version", "G002.0000.00.03"),
        ("kmd_version", "610.62", "driver_version", "610.62"),
        ("gpu.power.default_limit [W]", "450.00", "power_default_watts", 450.0),
        ("driver_model.current", "WDDM", "driver_model", "WDDM"),
        ("pci.device_id", "0x1E81", "device_id", 0x1E81),
    ],
)
def test_columns_and_their_other_names(column: str, cell: str, field: str, value: object) -> None:
    facts = parse(f"gpu_name, {column}\nNVIDIA GeForce RTX 4090, {cell}\n", "q.csv").cards[0].facts
    assert getattr(facts, field) == value


def test_absent_cells_have_their_reasons() -> None:
    text = "name, serial, ecc.mode.current, vbios_version\nX1, [N/A], [Unknown Error], [Insufficient Permissions]\n"
    facts = parse(text, "q.csv").cards[0].facts
    reasons = [facts.missing[name].unavailable for name in ("serial", "ecc_enabled", "vbios_version")]
    assert reasons == [Reason.NOT_SUPPORTED, Reason.FAILED, Reason.NO_PERMISSION]
    assert facts.fault == "ecc.mode.current: Unknown Error"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators(separator: str) -> None:
    text = f"name{separator}memory.total [MiB]\nNVIDIA GeForce RTX 3080{separator}20480 MiB\n"
    assert parse(text, "q.csv").cards[0].facts.memory_total_bytes == 20480 * MIB


def test_process_rows_and_lists_of_columns_are_no_cards() -> None:
    text = """name
memory.total
pci.bus_id
timestamp, gpu_name, gpu_bus_id, pid, process_name, used_gpu_memory [MiB]
2026/06/24 10:17:41.921, NVIDIA GeForce RTX 2080 SUPER, 00000000:0C:00.0, 2140, [N/A], [N/A]
"""
    with pytest.raises(SourceFileError):
        parse(text, "q.csv")


def test_a_headless_row_is_known_by_its_cells() -> None:
    text = (
        "NVIDIA Graphics Device, 610.43.02, 40960, 8.0, 00000000:01:00.0, 250.00, 1410, 1215, 92.00.66.00.02, "
        "GPU-3022913a-4e2c-0875-d615-b8edc7876cc3"
    )
    facts = parse(text, "row").cards[0].facts
    assert facts.name == "NVIDIA Graphics Device"
    assert facts.memory_total_bytes == 40960 * MIB
    assert (facts.driver_version, facts.compute_capability) == ("610.43.02", "8.0")
    assert (facts.bdf, facts.vbios_version) == ("0000:01:00.0", "92.00.66.00.02")
    assert facts.power_limit_watts == 250.0
    assert facts.uuid is not None


@pytest.mark.parametrize(
    ("row", "total"),
    [
        ("NVIDIA GeForce RTX 4090, 49140 MiB, 595.71.05", 49140),
        ("2, NVIDIA GeForce RTX 4090, 49140, 48628", 49140),
        ("  0, NVIDIA GeForce RTX 3080, 20480 MiB", 20480),
        ("Tesla V100-SXM2-32GB, 12 MiB, 32768 MiB", 32768),
        ("NVIDIA H100 80GB HBM3, P0, 42, 45 %, 98.21 W, 81559 MiB", 81559),
        ("| 0 | NVIDIA GeForce RTX 3080 | 20480 MiB | 94.02.27.00.14 |", 20480),
        ("NVIDIA A100-SXM4-40GB, 40960 MiB, [N/A], Enabled", 40960),
        ("P102-100, 10240 MiB, 86.02.3A.00.04", 10240),
        ("0, RTX A6000, P8, 49140 MiB", 49140),
    ],
)
def test_headless_rows(row: str, total: int) -> None:
    assert parse(row, "row").cards[0].facts.memory_total_bytes == total * MIB


def test_ids_in_a_headless_row_are_device_then_subsystem() -> None:
    facts = parse("NVIDIA Graphics Device, 65536 MiB, 0x20C210DE, 0x158510DE, 92.00.67.00.01", "row").cards[0].facts
    assert (facts.device_id, facts.subsystem_id) == (0x20C2, 0x1585)


@pytest.mark.parametrize(
    "prose",
    [
        "I bought an NVIDIA GeForce RTX 4090 with 48 GB, it is great, really",
        "NVIDIA GeForce RTX 3080, the 20 GB one, 320 W",
        "NVIDIA drivers, 595.71.05",
        "karta NVIDIA GTX 1050 Ti 1 GB RAM, 2022",
        "P2P fails on 4090 48GB because it has 32GB reBAR, and for P2P to work it needs 48GB.",
        "GT 440: 10DE 0DE0",
    ],
)
def test_prose_is_no_card(prose: str) -> None:
    with pytest.raises(SourceFileError):
        parse(prose, "prose")
