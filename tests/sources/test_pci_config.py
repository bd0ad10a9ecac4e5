"""Configuration spaces: whole ones, cut ones, dead ones, and whatever bytes hypothesis thinks of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucheck.model.base import Reason, Unavailable
from gpucheck.sources.pci_config import FULL_BYTES, HEADER_BYTES, PLAIN_BYTES, ConfigFacts, parse_config
from tests.sources.config_space import MIB, RESIZABLE, config_space

# The header and the first capabilities of an RTX 6000 Ada, as a public bug report shows them.
RTX_6000_ADA = bytes.fromhex(
    "de10b12607041000a100000300008000000000dc0c000000e00000000c000000"
    "f000000001f0000000000000de10a116000000006000000000000000ff010000"
    "de10a11600000000000000000000000000000000010000 00ced6230000000000".replace(" ", "")
    + "0168034808000000057881000 0e0e1fe".replace(" ", "")
    + "000000002300000010b41200e18d2c113f29000004694600420181100000000000000000000000000000000013080700"
    "001400001e0080010400 1f0000000000".replace(" ", "")
)


def test_a_whole_space() -> None:
    facts = parse_config(config_space())
    assert (facts.vendor_id, facts.device_id, facts.revision_id, facts.class_code) == (0x10DE, 0x2684, 0xA1, 0x030000)
    assert (facts.subsystem_vendor_id, facts.subsystem_id, facts.bridge) == (0x10DE, 0x167C, False)
    assert facts.bar_addresses == (0xF6000000, 0x7000000000, 0x7800000000)
    assert (facts.link_generation_max, facts.link_lanes_max) == (4, 16)
    assert (facts.link_generation_current, facts.link_lanes_current, facts.link_generation_target) == (1, 16, 4)
    assert facts.resizable_bytes == {0: (16 * MIB,), 1: RESIZABLE}
    assert (facts.aer_status, facts.lane_errors) == ((), ())
    assert [c.name for c in facts.capabilities][:2] == ["Power Management at 0x60", "PCI Express at 0x78"]
    assert facts.missing == {}


def test_a_real_card() -> None:
    facts = parse_config(RTX_6000_ADA)
    assert (facts.device_id, facts.subsystem_id) == (0x26B1, 0x16A1)
    assert facts.bar_addresses == (0xDC000000, 0xE000000000, 0xF000000000, 0xF000)
    assert (facts.link_generation_max, facts.link_lanes_max) == (4, 16)
    assert (facts.link_generation_current, facts.link_lanes_current, facts.link_generation_target) == (1, 8, 4)
    assert [c.offset for c in facts.capabilities] == [0x60, 0x68, 0x78]


def test_errors_and_lanes() -> None:
    facts = parse_config(config_space(uncorrectable=1 << 14 | 1 << 20, correctable=1 | 1 << 8, lane_errors=0b1010))
    assert facts.aer_status == ("CmpltTO", "UnsupReq", "RxErr", "Rollover")
    assert facts.lane_errors == (1, 3)


def test_sizes_that_do_not_fit_the_first_word() -> None:
    largest = MIB << 28
    assert parse_config(config_space(sizes=(256 * MIB, largest))).resizable_bytes[1] == (256 * MIB, largest)


@pytest.mark.parametrize("length", [HEADER_BYTES, PLAIN_BYTES])
def test_what_is_cut_off_is_a_reason_and_no_answer(length: int) -> None:
    reason = Unavailable(unavailable=Reason.NO_PERMISSION, detail="root alone")
    facts = parse_config(config_space()[:length], reason)
    assert (facts.device_id, facts.subsystem_id) == (0x2684, 0x167C)
    assert (facts.link_generation_max is None) == (length == HEADER_BYTES)
    assert facts.missing["aer_status"] == facts.missing["bar1_supported_bytes"] == reason
    assert (facts.aer_status, facts.lane_errors) == (None, None)


def test_a_card_without_a_capability_is_told_from_one_that_hides_it() -> None:
    bare = bytearray(config_space())
    bare[0x100:] = bytes(FULL_BYTES - 0x100)
    missing = parse_config(bytes(bare)).missing
    assert {missing[name].unavailable for name in ("aer_status", "bar1_supported_bytes")} == {Reason.NOT_SUPPORTED}
    assert "no resizable BAR capability" in missing["bar1_supported_bytes"].detail


@pytest.mark.parametrize("length", [16, 64, 256, 4096])
def test_off_the_bus(length: int) -> None:
    facts = parse_config(b"\xff" * length)
    assert facts.off_bus
    assert facts.device_id is facts.subsystem_id is facts.link_lanes_max is None
    assert facts.missing["config"].unavailable is Reason.FAILED


def test_no_bytes_are_not_a_dead_card() -> None:
    facts = parse_config(b"")
    assert not facts.off_bus
    assert facts.device_id is None


def test_a_bridge_names_the_bus_below_and_has_no_subsystem_in_that_place() -> None:
    space = bytearray(config_space())
    space[0x0E] = 0x81
    space[0x18:0x1B] = bytes((0, 0x41, 0x41))
    facts = parse_config(bytes(space))
    assert (facts.bridge, facts.secondary_bus, facts.subsystem_id) == (True, 0x41, None)
    assert facts.bar_addresses == (0xF6000000,), "a bridge has two; what follows them is no half of an address"


@pytest.mark.parametrize("chain", [0x60, 0x78])
def test_a_chain_that_runs_in_a_circle_ends(chain: int) -> None:
    space = bytearray(config_space())
    space[0x79] = chain
    space[0xBB0:0xBB4] = (0x100 << 20 | 1 << 16 | 0x15).to_bytes(4, "little")
    facts = parse_config(bytes(space))
    assert len({(c.offset, c.extended) for c in facts.capabilities}) == len(facts.capabilities) == 6


@given(st.binary(max_size=300))
def test_any_bytes_give_facts(data: bytes) -> None:
    assert_sane(parse_config(data))


@given(st.data())
def test_a_space_with_anything_in_it_gives_facts(data: st.DataObject) -> None:
    space = bytearray(config_space())
    for offset, value in data.draw(st.dictionaries(st.integers(0, 4095), st.integers(0, 255), max_size=12)).items():
        space[offset] = value
    interesting = st.sampled_from([0x34, 0x60, 0x61, 0x78, 0x79, 0x7A, 0x100, 0x102, 0x103, 0xBB2, 0xBB8, 0xBBC, 0xBC0])
    for offset, value in data.draw(st.dictionaries(interesting, st.integers(0, 255), max_size=6)).items():
        space[offset] = value
    assert_sane(parse_config(bytes(space[: data.draw(st.integers(0, 4200))])))


def assert_sane(facts: ConfigFacts) -> None:
    for name in ("vendor_id", "device_id", "subsystem_vendor_id", "subsystem_id"):
        assert getattr(facts, name) is None or 0 <= getattr(facts, name) <= 0xFFFF
    for name in ("link_generation_max", "link_generation_current", "link_generation_target"):
        assert getattr(facts, name) is None or 1 <= getattr(facts, name) <= 7
    assert len(facts.capabilities) <= 200
    assert all(size >= MIB for sizes in facts.resizable_bytes.values() for size in sizes)
    assert facts.length <= FULL_BYTES
    for name in ("aer_status", "lane_errors"):
        assert facts.off_bus or (getattr(facts, name) is None) == (name in facts.missing)
