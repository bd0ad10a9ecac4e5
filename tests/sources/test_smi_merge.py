import pytest

from gpucheck.sources.nvidia_smi import parse

MIB = 1 << 20

XML = """<nvidia_smi_log><attached_gpus>2</attached_gpus>
<gpu id="00000000:01:00.0"><product_name>NVIDIA GeForce RTX 3080</product_name>
  <pci><pci_device_id>220610DE</pci_device_id></pci><fb_memory_usage><total>10240 MiB</total></fb_memory_usage>
  <ecc_mode><current_ecc>N/A</current_ecc></ecc_mode></gpu>
<gpu id="00000000:02:00.0"><product_name>NVIDIA GeForce RTX 3090</product_name>
  <fb_memory_usage><total>24576 MiB</total></fb_memory_usage></gpu></nvidia_smi_log>
"""


def test_sections_of_one_file_make_one_card_each() -> None:
    csv = "index, pci.bus_id, compute_cap\n0, 00000000:01:00.0, 8.6\n1, 00000000:02:00.0, 8.6\n"
    table = """|   1  NVIDIA GeForce RTX 3090  Off | 00000000:02:00.0 Off | N/A |
| 0% 1C P8 1W / 350W | 1MiB / 24576MiB | 0% |
"""
    listing = "GPU 00000000:01:00.0\n    VBIOS Version : 94.02.27.00.14\n"
    parsed = parse(XML + csv + table + listing, "all.txt")
    first, second = (card.facts for card in parsed.cards)
    assert first.route == second.route == "nvidia-smi -q -x"
    assert (first.compute_capability, first.vbios_version) == ("8.6", "94.02.27.00.14")
    assert second.power_limit_watts == 350.0
    assert parsed.notes == ()


def test_a_contradiction_is_told() -> None:
    parsed = parse(XML + "pci.bus_id, memory.total [MiB]\n00000000:01:00.0, 20480 MiB\n", "all.txt")
    assert len(parsed.cards) == 2
    assert parsed.cards[0].facts.memory_total_bytes == 10240 * MIB
    (note,) = parsed.notes
    assert "memory_total_bytes" in note
    assert "10240 MiB against 20480 MiB" in note


def test_a_contradicting_id_is_told_as_ids_are_written() -> None:
    parsed = parse(XML + "pci.bus_id, pci.device_id\n00000000:01:00.0, 0x268410DE\n", "all.txt")
    assert any("0x2206 against 0x2684" in note for note in parsed.notes)


def test_rows_join_by_index_and_by_order() -> None:
    by_index = parse(XML + "index, vbios_version\n1, 94.02.42.00.A9\n", "all.txt")
    assert by_index.cards[1].facts.vbios_version == "94.02.42.00.A9"
    by_order = parse(XML + "name, vbios_version\nNVIDIA GeForce RTX 3080, 94.02.27.00.14\nA B, 1\n", "all.txt")
    assert by_order.cards[0].facts.vbios_version == "94.02.27.00.14"
    assert len(by_order.cards) == 2


def test_a_cut_name_is_no_contradiction() -> None:
    table = "|   0  GeForce RTX 30...  Off | 00000000:01:00.0 Off | N/A |\n"
    assert parse(XML + table, "all.txt").notes == ()


def test_another_card_of_another_section_stays_another_card() -> None:
    parsed = parse(XML + "pci.bus_id, memory.total [MiB]\n00000000:03:00.0, 8192 MiB\n", "all.txt")
    assert [card.label for card in parsed.cards] == ["0000:01:00.0", "0000:02:00.0", "0000:03:00.0"]


def test_a_value_of_a_lesser_section_replaces_an_absence() -> None:
    parsed = parse(XML + "pci.bus_id, ecc.mode.current\n00000000:01:00.0, Enabled\n", "all.txt")
    assert parsed.cards[0].facts.ecc_enabled is True
    assert "ecc_enabled" not in parsed.cards[0].facts.missing


HOST = "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation Card [10de:{id}] (rev a1)\n{driver}\n"


@pytest.mark.parametrize(
    ("device", "driver", "cards"),
    [
        ("128b", "\tKernel driver in use: nouveau", 3),
        ("128b", "\tKernel driver in use: vfio-pci", 3),
        ("128b", "\tKernel driver in use: nvidia", 2),
        ("128b", "", 2),
        ("2206", "\tKernel driver in use: nouveau", 2),
    ],
)
def test_host_and_guest_in_one_file_are_two_machines(device: str, driver: str, cards: int) -> None:
    """nvidia-smi lists no card that another driver holds: the bus is the host's, and the answer is the guest's."""
    parsed = parse(XML + HOST.format(id=device, driver=driver), "both.txt")
    assert len(parsed.cards) == cards
    assert (parsed.cards[0].pci is None) == (cards == 3)
    assert any("two machines" in note for note in parsed.notes) == (cards == 3)


@pytest.mark.parametrize("order", [("128b", "2206"), ("2206", "128b")])
def test_of_two_listings_the_one_that_agrees_is_the_cards(order: tuple[str, str]) -> None:
    """Before and after a card was changed; which of them nvidia-smi goes with is told by the id alone."""
    driver = "\tKernel driver in use: nvidia"
    parsed = parse(XML + "\n".join(HOST.format(id=device, driver=driver) for device in order), "both.txt")
    stated = parsed.cards[0].pci
    assert stated is not None
    assert stated.device_id == 0x2206
    assert [card.pci.device_id for card in parsed.cards[2:] if card.pci] == [0x128B]
    assert any("two machines" in note for note in parsed.notes)


PROC = "Model: NVIDIA GeForce RTX 3080\nGPU UUID: {uuid}\nVideo BIOS: {vbios}\nBus Location: 0000:01:00.0\n"
LISTED = "GPU 00000000:01:00.0\n    GPU UUID : GPU-11111111-2222-3333-4444-555555555555\n    VBIOS Version : {vbios}\n"


@pytest.mark.parametrize(
    ("uuid", "vbios", "told"),
    [
        ("GPU-11111111-2222-3333-4444-555555555555", "94.02.27.00.14", False),
        ("GPU-11111111-2222-3333-4444-555555555555", "94.02.42.00.a9", True),
        ("GPU-99999999-2222-3333-4444-555555555555", "94.02.42.00.a9", False),
        ("GPU-11111111-2222-3333-4444-555555555555", "95.02.42.00.a9", False),
    ],
)
def test_before_and_after_a_flash_are_two_times_of_one_card(uuid: str, vbios: str, told: bool) -> None:
    """One UUID and two firmwares: an owner's log of a flash. Another UUID or die is for the check of the routes."""
    listing = "=====NVSMI LOG=====\n" + LISTED.format(vbios="94.02.27.00.14")
    (card,) = parse(listing + "\n" + PROC.format(uuid=uuid, vbios=vbios), "log.txt").cards
    assert (card.driver is None) == told
    notes = parse(listing + "\n" + PROC.format(uuid=uuid, vbios=vbios), "log.txt").notes
    assert any("two times" in note for note in notes) == told


@pytest.mark.parametrize(
    ("name", "driver", "apart"),
    [
        ("GK208B [GeForce GT 710]", "nouveau", True),
        ("GK208B [GeForce GT 710]", "nvidia", False),
        ("GA102 [GeForce RTX 3090]", "nouveau", False),
        ("Device", "vfio-pci", False),
    ],
)
def test_a_table_without_ids_is_a_guests_by_its_name(name: str, driver: str, apart: bool) -> None:
    table = """|   0  NVIDIA GeForce RTX 3090  Off | 00000000:01:00.0 Off | N/A |
| 0% 1C P8 1W / 350W | 1MiB / 24576MiB | 0% |
"""
    head = f"01:00.0 VGA compatible controller [0300]: NVIDIA Corporation {name} [10de:128b] (rev a1)\n"
    parsed = parse(f"{table}\n{head}\tKernel driver in use: {driver}\n", "both.txt")
    assert (parsed.cards[0].pci is None) == apart
    assert len(parsed.cards) == 1 + apart
