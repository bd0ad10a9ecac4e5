import pytest

from gpucheck.model.base import Reason
from gpucheck.sources.nvidia_smi import SourceFileError, parse, to_evidence

MIB = 1 << 20

HEAD = '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n'

# Driver 535 and later: power below `gpu_power_readings`, the board's number has a tag of its own.
NEW_CARD = """
<gpu id="00000000:41:00.0">
  <product_name>NVIDIA GeForce RTX 4090</product_name><product_brand>GeForce</product_brand>
  <product_architecture>Ada Lovelace</product_architecture><display_active>Disabled</display_active>
  <mig_mode><current_mig>N/A</current_mig></mig_mode><mig_devices>None</mig_devices>
  <driver_model><current_dm>N/A</current_dm></driver_model>
  <serial>N/A</serial><uuid>GPU-3022913A-4e2c-0875-d615-b8edc7876cc3</uuid>
  <vbios_version>95.02.3c.00.40</vbios_version><board_part_number>N/A</board_part_number>
  <gpu_part_number>2684-300-A1</gpu_part_number>
  <inforom_version><img_version>G002.0000.00.03</img_version><oem_object>2.0</oem_object>
    <ecc_object>6.16</ecc_object><pwr_object>N/A</pwr_object></inforom_version>
  <gpu_virtualization_mode><virtualization_mode>None</virtualization_mode></gpu_virtualization_mode>
  <pci><pci_device_id>268410DE</pci_device_id><pci_bus_id>00000000:41:00.0</pci_bus_id>
    <pci_sub_system_id>51041462</pci_sub_system_id>
    <pci_gpu_link_info><pcie_gen><max_link_gen>4</max_link_gen><current_link_gen>1</current_link_gen>
      <max_device_link_gen>4</max_device_link_gen><max_host_link_gen>5</max_host_link_gen></pcie_gen>
      <link_widths><max_link_width>16x</max_link_width><current_link_width>8x</current_link_width></link_widths>
    </pci_gpu_link_info><replay_counter>0</replay_counter></pci>
  <fb_memory_usage><total>24564 MiB</total><reserved>346 MiB</reserved><used>13 MiB</used><free>24203 MiB</free>
  </fb_memory_usage><bar1_memory_usage><total>256 MiB</total></bar1_memory_usage>
  <ecc_mode><current_ecc>Disabled</current_ecc></ecc_mode>
  <ecc_errors><volatile><sram_correctable>1</sram_correctable><sram_uncorrectable_parity>2</sram_uncorrectable_parity>
    <sram_uncorrectable_secded>3</sram_uncorrectable_secded><dram_uncorrectable>4</dram_uncorrectable></volatile>
    <aggregate><sram_correctable>5</sram_correctable><dram_correctable>6</dram_correctable></aggregate></ecc_errors>
  <remapped_rows><remapped_row_corr>1</remapped_row_corr><remapped_row_unc>2</remapped_row_unc>
    <remapped_row_pending>No</remapped_row_pending><remapped_row_failure>Yes</remapped_row_failure>
    <row_remapper_histogram>
      <row_remapper_histogram_none>4 bank(s)</row_remapper_histogram_none></row_remapper_histogram>
  </remapped_rows>
  <gpu_power_readings><current_power_limit>450.00 W</current_power_limit>
    <default_power_limit>450.00 W</default_power_limit><min_power_limit>150.00 W</min_power_limit>
    <max_power_limit>600.00 W</max_power_limit></gpu_power_readings>
  <module_power_readings><default_power_limit>2900.00 W</default_power_limit></module_power_readings>
  <max_clocks><sm_clock>3105 MHz</sm_clock><mem_clock>10501 MHz</mem_clock></max_clocks>
  <processes><process_info><pid>3646</pid><process_name>/home/ann/secret</process_name></process_info></processes>
</gpu>"""

# Driver 418: the board's number is titled as the GPU's, power below `power_readings`, errors by bits.
OLD_CARD = """
<gpu id="0000:02:00.0">
  <product_name>Tesla P100-PCIE-16GB</product_name><serial>0324217145110</serial>
  <gpu_part_number>900-2H400-6300-031</gpu_part_number>
  <pci><pci_device_id>15F810DE</pci_device_id><pci_sub_system_id>118F10DE</pci_sub_system_id></pci>
  <fb_memory_usage><total>16280 MiB</total></fb_memory_usage>
  <ecc_errors><volatile><double_bit><total>0</total></double_bit></volatile>
    <aggregate><single_bit><device_memory>3</device_memory><total>3</total></single_bit></aggregate></ecc_errors>
  <retired_pages><multiple_single_bit_retirement><retired_count>1</retired_count></multiple_single_bit_retirement>
    <double_bit_retirement><retired_count>2</retired_count></double_bit_retirement>
    <pending_retirement>Yes</pending_retirement></retired_pages>
  <remapped_rows>N/A</remapped_rows>
  <power_readings><power_limit>250.00 W</power_limit><default_power_limit>250.00 W</default_power_limit>
  </power_readings>
</gpu>"""


def listing(*cards: str, driver: str = "535.113.01") -> str:
    host = f"<timestamp>Thu Nov 16 08:58:34 2023</timestamp><driver_version>{driver}</driver_version>"
    return f"{HEAD}<nvidia_smi_log>{host}<cuda_version>12.2</cuda_version>{''.join(cards)}</nvidia_smi_log>"


def test_a_card_of_a_new_driver() -> None:
    parsed = parse(listing(NEW_CARD), "card.xml")
    (card,) = parsed.cards
    facts = card.facts
    assert facts.route == "nvidia-smi -q -x"
    assert card.label == facts.bdf == "0000:41:00.0"
    assert facts.name == "NVIDIA GeForce RTX 4090"
    assert facts.uuid == "GPU-3022913a-4e2c-0875-d615-b8edc7876cc3"
    assert facts.vbios_version == "95.02.3C.00.40"
    assert (facts.vendor_id, facts.device_id) == (0x10DE, 0x2684)
    assert (facts.subsystem_vendor_id, facts.subsystem_id) == (0x1462, 0x5104)
    assert facts.gpu_part_number == "2684-300-A1"
    assert facts.memory_total_bytes == 24564 * MIB
    assert facts.bar1_total_bytes == 256 * MIB
    assert (facts.pcie_generation_max, facts.pcie_generation_device_max, facts.pcie_generation_current) == (4, 4, 1)
    assert (facts.pcie_lanes_max, facts.pcie_lanes_current) == (16, 8)
    assert (facts.power_default_watts, facts.power_min_watts, facts.power_max_watts) == (450.0, 150.0, 600.0)
    assert (facts.memory_clock_max_mhz, facts.sm_clock_max_mhz) == (10501, 3105)
    assert facts.ecc_enabled is False
    assert (facts.ecc_uncorrected_volatile, facts.ecc_corrected_aggregate) == (9, 11)
    assert (facts.row_remap_correctable, facts.row_remap_uncorrectable, facts.row_remap_failure) == (1, 2, True)
    assert facts.row_remap_banks_exhausted == 4
    assert facts.virtualization is None
    assert {"serial", "board_part_number", "mig_enabled", "driver_model"} <= facts.missing.keys()
    assert parsed.host.driver_version == "535.113.01"
    assert parsed.host.cuda_version == "12.2"
    assert parsed.timestamp is not None


def test_a_card_of_an_old_driver() -> None:
    facts = parse(listing(OLD_CARD, driver="418.43"), "card.xml").cards[0].facts
    assert facts.board_part_number == "900-2H400-6300-031"
    assert facts.gpu_part_number is None
    assert facts.serial == "0324217145110"
    assert facts.bdf == "0000:02:00.0"
    assert (facts.power_limit_watts, facts.power_default_watts) == (250.0, 250.0)
    assert (facts.ecc_uncorrected_volatile, facts.ecc_corrected_aggregate) == (0, 3)
    assert (facts.retired_pages_single_bit, facts.retired_pages_double_bit, facts.retired_pages_pending) == (1, 2, True)
    assert facts.missing["row_remap_failure"].unavailable is Reason.NOT_SUPPORTED


def test_several_cards_and_privacy() -> None:
    parsed = parse(listing(NEW_CARD, OLD_CARD), "cards.xml")
    assert [card.label for card in parsed.cards] == ["0000:41:00.0", "0000:02:00.0"]
    assert not any("secret" in text or "3646" in text for card in parsed.cards for text in card.facts.raw.values())
    assert parsed.cards[0].facts.raw["fb_memory_usage/total"] == "24564 MiB"


def test_mig_instances_do_not_replace_the_totals() -> None:
    device = """<mig_device><gpu_instance_id>{}</gpu_instance_id><compute_instance_id>0</compute_instance_id>
      <device_attributes><shared><multiprocessor_count>42</multiprocessor_count></shared></device_attributes>
      <fb_memory_usage><total>19968 MiB</total></fb_memory_usage></mig_device>"""
    card = f"""<gpu id="00000000:00:04.0"><mig_mode><current_mig>Enabled</current_mig></mig_mode>
      <mig_devices>{device.format(1)}{device.format(2)}</mig_devices>
      <fb_memory_usage><total>40960 MiB</total></fb_memory_usage></gpu>"""
    facts = parse(listing(card), "mig.xml").cards[0].facts
    assert facts.mig_enabled is True
    assert facts.mig_instances == ("GI 1 CI 0: 42 SM, 19968 MiB", "GI 2 CI 0: 42 SM, 19968 MiB")
    assert facts.memory_total_bytes == 40960 * MIB


def test_absence_is_never_zero_and_never_one_thing() -> None:
    card = """<gpu id="00000000:01:00.0"><product_name>Unknown Error</product_name><serial>0</serial>
      <uuid>GPU-00000000-0000-0000-0000-000000000000</uuid>
      <gpu_part_number>000-00000-0000-000</gpu_part_number>
      <pci><pci_device_id>000000DE</pci_device_id><pci_sub_system_id>000010DE</pci_sub_system_id></pci>
      <fb_memory_usage><total>banana</total><used>[Insufficient Permissions]</used></fb_memory_usage>
      <bar1_memory_usage><total>N/A</total></bar1_memory_usage></gpu>"""
    facts = parse(listing(card), "card.xml").cards[0].facts
    reasons = {name: gone.unavailable for name, gone in facts.missing.items()}
    assert reasons["name"] is Reason.FAILED
    assert reasons["serial"] is Reason.NOT_SUPPORTED
    assert reasons["uuid"] is Reason.NO_PERMISSION
    assert reasons["device_id"] is Reason.NO_PERMISSION
    assert reasons["memory_total_bytes"] is Reason.FAILED
    assert reasons["memory_used_bytes"] is Reason.NO_PERMISSION
    assert reasons["bar1_total_bytes"] is Reason.NOT_SUPPORTED
    assert (facts.serial, facts.device_id, facts.bar1_total_bytes) == (None, None, None)
    assert (facts.subsystem_vendor_id, facts.subsystem_id) == (0x10DE, 0)
    assert facts.fault is not None


def test_a_harmless_unknown_error_is_no_fault() -> None:
    card = '<gpu id="00000000:01:00.0"><addressing_mode>Unknown Error</addressing_mode></gpu>'
    assert parse(listing(card), "card.xml").cards[0].facts.fault is None


@pytest.mark.parametrize("model", ["WDDM", "TCC", "MCDM"])
def test_a_windows_driver_model_tells_the_host(model: str) -> None:
    card = f'<gpu id="00000000:01:00.0"><driver_model><current_dm>{model}</current_dm></driver_model></gpu>'
    parsed = parse(listing(card), "card.xml")
    assert parsed.host.windows is True
    assert parsed.cards[0].facts.driver_model == model


@pytest.mark.parametrize("mode", ["Pass-Through", "Host VGPU", "VGPU"])
def test_virtualisation_is_kept(mode: str) -> None:
    inner = f"<gpu_virtualization_mode><virtualization_mode>{mode}</virtualization_mode></gpu_virtualization_mode>"
    assert parse(listing(f'<gpu id="00000000:01:00.0">{inner}</gpu>'), "x").cards[0].facts.virtualization == mode


def test_a_cut_document_gives_its_complete_cards() -> None:
    text = listing(NEW_CARD, OLD_CARD)
    parsed = parse(text[: text.index("<retired_pages>")], "cut.xml")
    assert [card.label for card in parsed.cards] == ["0000:41:00.0"]
    assert "is cut off" in parsed.notes[0]
    assert "1 complete card(s) of it were read: ask for all of it" in parsed.notes[0]


def test_a_document_cut_in_its_only_card_gives_what_stands_before_the_cut() -> None:
    text = listing(NEW_CARD)
    for rest in ("4564 MiB</total>", "</total>", "<ecc_mode>"):
        parsed = parse(text[: text.index(rest)], "cut.xml")
        facts = parsed.cards[0].facts
        assert (facts.name, facts.device_id) == ("NVIDIA GeForce RTX 4090", 0x2684)
        assert facts.memory_total_bytes == (24564 * MIB if rest == "<ecc_mode>" else None)
        assert parsed.host.driver_version == "535.113.01"
        assert "is cut off at line" in parsed.notes[0]
        assert "ask for all of it" in parsed.notes[0]


def test_a_card_without_its_root_that_is_cut_is_read_as_far_as_it_goes() -> None:
    parsed = parse(NEW_CARD[: NEW_CARD.index("<fb_memory_usage>")], "cut.xml")
    assert parsed.cards[0].facts.device_id == 0x2684
    assert "is cut off at line" in parsed.notes[0]
    second = parse(NEW_CARD + OLD_CARD[:200], "cut.xml")
    assert [card.label for card in second.cards] == ["0000:41:00.0"]
    assert "is cut off at line" in second.notes[0]


@pytest.mark.parametrize("kept", [listing(NEW_CARD)[:120], listing(NEW_CARD)[:300], listing()[:-4]])
def test_a_document_cut_before_its_first_fact_asks_for_all_of_it(kept: str) -> None:
    with pytest.raises(SourceFileError, match="is cut off at line") as caught:
        parse(kept, "half.xml")
    assert "complete card" not in caught.value.message
    assert "all of the output of `nvidia-smi -q -x`" in (caught.value.hint or "")


def test_a_document_damaged_in_its_only_card_is_refused() -> None:
    with pytest.raises(SourceFileError, match="damaged at line"):
        parse(listing(NEW_CARD.replace("</bar1_memory_usage>", "</memory_usage>")), "edited.xml")


DTD = """<!DOCTYPE nvidia_smi_log [
<!-- nvsmi_device_v12.dtd -->
<!ELEMENT nvidia_smi_log (timestamp, driver_version, cuda_version, attached_gpus, gpu*)>
<!ELEMENT gpu (product_name, product_brand)>
<!ATTLIST gpu id CDATA #REQUIRED>
<!ELEMENT product_name (#PCDATA)>
]>
"""


def test_a_document_type_inside_the_file_is_read() -> None:
    text = listing(NEW_CARD).replace(HEAD.splitlines()[1], DTD)
    assert parse(text, "dtd.xml").cards[0].facts.device_id == 0x2684


def test_an_excerpt_without_its_root_and_a_document_inside_other_text() -> None:
    assert parse(NEW_CARD, "excerpt").cards[0].facts.device_id == 0x2684
    assert parse(f"Hello, here it is:\n```\n{listing(NEW_CARD)}\n```\nBye", "mail").cards[0].facts.device_id == 0x2684


@pytest.mark.parametrize(
    "subset",
    [
        '<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">',
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY % p SYSTEM "http://localhost/p"> %p;',
        '<!ATTLIST gpu id CDATA "00000000:01:00.0">',
        '<!ATTLIST gpu id CDATA #FIXED "00000000:01:00.0">',
        '<!ATTLIST gpu id CDATA #REQUIRED><!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY % p SYSTEM "http://localhost/p"><!ATTLIST gpu id CDATA #REQUIRED>',
        '<!ENTITY pic SYSTEM "a.gif" NDATA gif>',
        "<!ATTLIST gpu " + "".join(f"a{i} CDATA #IMPLIED " for i in range(1000)) + ">",
    ],
)
def test_entities_are_refused(subset: str) -> None:
    text = f"<!DOCTYPE nvidia_smi_log [{subset}]><nvidia_smi_log>{NEW_CARD}</nvidia_smi_log>"
    with pytest.raises(SourceFileError, match="never writes"):
        parse(text, "bomb.xml")


def test_strings_of_a_card_are_made_harmless() -> None:
    card = '<gpu id="00000000:01:00.0"><product_name>RTX\u202e4090\x07 &lt;b&gt;</product_name></gpu>'
    name = parse(listing(card), "card.xml").cards[0].facts.name
    assert name is not None
    assert name.isprintable()
    assert "\u202e" not in name


def test_evidence_is_dated_as_the_file() -> None:
    parsed = parse(listing(NEW_CARD), "card.xml")
    (evidence,) = to_evidence(parsed, "card.xml")
    assert evidence.collected_at == parsed.timestamp
    assert evidence.label == "card.xml 0000:41:00.0"
    assert evidence.declared == parsed.cards[0].facts
