"""Cards are known again by what they stated, and no honest card is accused."""

import datetime as dt
import random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.model.evidence import Twin
from gpucheck.model.finding import Kind
from gpucheck.model.inventory import Identity, Notice, Sighting
from gpucheck.redaction import digest, redacted
from gpucheck.store.identity import identity_of
from gpucheck.store.recognition import assign, die_keys, notices, same_board, same_die, shared, until, weigh
from tests.builders import make_evidence, make_nvml, unavailable
from tests.store.given import BOARD, OTHER_BOARD, A, B

KEY = b"k" * 32
"""Of a shop's redaction."""
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def sighting(number: int, item: int = 1, report: int | None = None, day: int | None = None, **stated: Any) -> Sighting:
    """An intake with what it stated."""
    when = START + dt.timedelta(days=number if day is None else day)
    return Sighting(number, item, number if report is None else report, when, Identity(**stated))


def kinds(item: int, *seen: Sighting) -> list[Kind | None]:
    return [notice.kind for notice in notices(item, seen)]


def test_the_same_card_again_is_the_same_item_and_no_news() -> None:
    first, again = sighting(1, **A, **BOARD), sighting(2, item=0, **A, **BOARD)
    assert assign([again], [first]) == [1]
    assert kinds(1, first, again._replace(item=1)) == []


def test_another_die_on_the_same_board_is_named_with_its_date() -> None:
    first, returned = sighting(1, **A, **BOARD), sighting(11, item=0, **B, **BOARD)
    assert assign([returned], [first]) == [1]
    (notice,) = notices(1, [first, returned._replace(item=1)])
    assert notice.kind is Kind.TRANSPLANTED
    assert notice.message.startswith("Same board, another die since 2026-03-12: until 2026-03-02")
    assert A["uuid"] in notice.message


def test_the_same_die_on_another_board_is_named_with_the_item_that_the_board_was() -> None:
    die, board = sighting(1, **A, **BOARD), sighting(2, item=2, **B, **OTHER_BOARD)
    moved = sighting(3, item=0, **A, **OTHER_BOARD)
    assert assign([moved], [die, board]) == [1]
    found = notices(1, [die, board, moved._replace(item=1)])
    assert [(n.kind, n.other) for n in found] == [(Kind.TRANSPLANTED, 2)]
    assert "Same die on another board since 2026-03-04" in found[0].message
    assert "The board is item 2's." in found[0].message


@pytest.mark.parametrize(
    "changed",
    [
        {"vbios_version": "95.02.3C.40.99"},
        {"pdi": None},
        {"uuid": None},
        {"serial": None},
        {"board_part_number": None},
        {"serial": None, "board_part_number": None},
        {"subsystem_id": 0x1234, "subsystem_vendor_id": 0x1043},
        {"device_id": 0x2206},
        {"project": "G139"},
        {"uuid": A["uuid"].upper(), "pdi": A["pdi"].upper().replace("0X", "0x")},
        {"chip_id": 0x192},
    ],
    ids=str,
)
@pytest.mark.parametrize("turned", [False, True])
def test_no_alarm_for_what_an_honest_card_may_show_later(changed: dict[str, Any], turned: bool) -> None:
    plain, other = {**A, **BOARD, "vbios_version": "95.02.3C.40.0D"}, {**A, **BOARD, **changed}
    before, after = (other, plain) if turned else (plain, other)
    first, again = sighting(1, **before), sighting(2, item=0, **after)
    assert assign([again], [first]) == [1]
    assert kinds(1, first, again._replace(item=1)) == []


@pytest.mark.parametrize(
    ("uuid", "pdi"),
    [
        ("GPU-00000002-0000-0000-0000-000000000002", "0x0000000000000003"),
        ("GPU-00000000-1111-2222-3333-444444444444", "0x1111111111111111"),
        ("GPU-12345678-1234-1234-1234-123456789012", "0x0123456789ABCDEF"),
        ("GPU-AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE", "0xffffffff00000001"),
    ],
)
def test_an_identity_that_somebody_made_up_to_hide_one_is_none(uuid: str, pdi: str) -> None:
    forms: list[dict[str, Any]] = [{"uuid": uuid}, {"pdi": pdi}, {"uuid": uuid, "pdi": pdi}]
    for stated in forms:
        first, other = sighting(1, **BOARD, **stated), sighting(2, item=2, **OTHER_BOARD, **stated)
        assert assign([other], [first]) == [None], stated
        assert kinds(1, first, other) == kinds(2, first, other) == []
        assert die_keys(first.identity) == frozenset()
    known = sighting(3, **A, **BOARD), sighting(4, uuid=uuid, pdi=pdi, **BOARD)
    assert kinds(1, *known) == [], "the same board, and its die is not known to be another"


def test_identities_of_chance_are_told_apart() -> None:
    chance = random.Random(7)
    for _ in range(20_000):
        uuid = UUID(int=chance.getrandbits(128), version=4)
        assert len(die_keys(Identity(uuid=f"GPU-{uuid}", pdi=f"0x{chance.getrandbits(64):016x}"))) == 2


def test_hidden_and_open_forms_of_a_card_do_not_meet_and_accuse_nobody() -> None:
    hidden = {"uuid": digest(A["uuid"], KEY), "pdi": digest(A["pdi"], KEY), "serial": digest(BOARD["serial"], KEY)}
    first, again = sighting(1, **A, **BOARD), sighting(2, item=0, **{**A, **BOARD, **hidden})
    assert assign([again], [first]) == [None]
    assert kinds(1, first, again._replace(item=1)) == []


def test_a_digest_that_differs_may_have_been_made_with_another_key() -> None:
    stated, hidden = Identity(**A, **BOARD), Identity(uuid="redacted:0123456789ab", serial="redacted:ba9876543210")
    assert same_die(stated, hidden) is None
    assert same_board(stated, hidden) is None
    assert same_die(hidden, hidden._replace(uuid="redacted:ffffffffffff")) is None


def test_a_board_of_a_partner_states_no_serial_number_and_nothing_is_claimed_of_it() -> None:
    series = {"subsystem_vendor_id": 0x1043, "subsystem_id": 0x889F}
    first, other = sighting(1, **A, **series), sighting(2, item=0, **B, **series)
    assert assign([other], [first]) == [None]
    assert kinds(1, first, other._replace(item=2)) == kinds(2, first, other._replace(item=2)) == []


def test_a_board_without_a_part_number_is_known_by_its_serial_number_within_its_makers_series() -> None:
    series = {"serial": BOARD["serial"], "subsystem_vendor_id": 0x1043, "subsystem_id": 0x889C}
    first, returned = sighting(1, **A, **series), sighting(2, item=0, **B, **series)
    assert assign([returned], [first]) == [1]
    assert kinds(1, first, returned._replace(item=1)) == [Kind.TRANSPLANTED]
    for other in ({"subsystem_id": 0x889D}, {"subsystem_vendor_id": 0x1462}, {"subsystem_id": None},
                  {"board_part_number": BOARD["board_part_number"]}):  # fmt: skip
        stranger = sighting(2, item=0, **{**B, **series, **other})
        assert assign([stranger], [first]) == [None], other
        assert kinds(2, first, stranger._replace(item=2)) == []
    for serial in ("1234567890123", "0000000000001"):
        both = [sighting(n, item=n, **{**die, **series, "serial": serial}) for n, die in ((1, A), (2, B))]
        assert same_board(both[0].identity, both[1].identity) is None, "a maker wrote it into every board"
        assert kinds(2, *both) == []


def test_a_serial_number_alone_makes_no_two_dies_one_item() -> None:
    alone = {"serial": BOARD["serial"]}
    assert assign([sighting(2, item=0, **B, **alone)], [sighting(1, **A, **alone)]) == [None]
    assert assign([sighting(2, item=0, **alone)], [sighting(1, **A, **alone)]) == [None]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_dies_of_one_module_that_are_scanned_together_stay_two(order: tuple[int, ...]) -> None:
    pair = [sighting(1, 0, 9, 0, together=2, **A, **BOARD), sighting(2, 0, 9, 0, together=2, **B, **BOARD)]
    assert assign([pair[i] for i in order], []) == [None, None]
    known = [pair[0]._replace(item=1), pair[1]._replace(item=2)]
    assert kinds(1, *known) == kinds(2, *known) == []
    again = sighting(3, 0, **A, **BOARD)
    assert assign([again], known) == [1]
    assert kinds(1, *known, again._replace(item=1)) == []


def test_the_second_die_comes_first_and_the_first_keeps_its_item() -> None:
    known = sighting(1, **A, **BOARD)
    pair = [sighting(2, 0, 9, together=2, **B, **BOARD), sighting(3, 0, 9, together=2, **A, **BOARD)]
    assert assign(pair, [known]) == [None, 1]


def test_dies_of_a_module_scanned_one_by_one_are_told_apart_by_the_models_name() -> None:
    module = BOARD | {"several_dies": True}
    first, other = sighting(1, **A, **module), sighting(2, item=0, **B, **module)
    assert assign([other], [first]) == [None]
    assert kinds(1, first, other._replace(item=2)) == []


@pytest.mark.parametrize("name", ["Tesla K80", "NVIDIA A16", "NVIDIA GB200", "Tesla M10", "GeForce GTX 690"])
def test_models_with_several_dies_are_known(name: str) -> None:
    assert identity_of(make_evidence(nvml=make_nvml(name=name))).several_dies


@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 4090", "NVIDIA A100-SXM4-80GB", "Quadro K1200", "Quadro M6000"])
def test_models_with_one_die_are_not_among_them(name: str) -> None:
    assert not identity_of(make_evidence(nvml=make_nvml(name=name))).several_dies


def test_dies_that_take_turns_on_a_board_are_not_claimed() -> None:
    seen = [sighting(n, **die, **BOARD) for n, die in enumerate((A, B, A), 1)]
    assert shared(seen[0].identity, seen)
    assert kinds(1, *seen) == []


def test_a_die_that_two_boards_state_in_turn_has_a_copied_identity() -> None:
    seen = [sighting(n, **A, **board) for n, board in enumerate((BOARD, OTHER_BOARD, BOARD), 1)]
    assert kinds(1, *seen) == [Kind.TRANSPLANTED, Kind.IDENTITY_CLONED]


def test_two_cards_with_one_identity_at_once_are_two_items_and_one_is_a_copy() -> None:
    pair = [sighting(n, 0, 9, 0, twin=True, together=2, **A, **b) for n, b in ((1, BOARD), (2, OTHER_BOARD))]
    assert assign(pair, []) == [None, None]
    known = [pair[0]._replace(item=1), pair[1]._replace(item=2)]
    for item, other in ((1, 2), (2, 1)):
        (notice,) = notices(item, known)
        assert (notice.kind, notice.other) == (Kind.IDENTITY_CLONED, other)
        assert f"This identity is also item {other}." in notice.message
    again = [s._replace(intake=s.intake + 10, item=0, report=10, at=s.at + dt.timedelta(1)) for s in reversed(pair)]
    assert assign(again, known) == [2, 1]


def test_one_uuid_with_another_pdi_is_another_die_with_a_copied_uuid() -> None:
    first, copy = sighting(1, **A), sighting(2, item=0, uuid=A["uuid"], pdi=B["pdi"])
    assert assign([copy], [first]) == [None]
    assert kinds(1, first, copy._replace(item=2)) == [Kind.IDENTITY_CLONED]


def test_one_uuid_in_dies_of_two_designs_is_a_copy() -> None:
    first, copy = sighting(1, chip_id=0x192, **A), sighting(2, item=0, chip_id=0x172, **A)
    assert assign([copy], [first]) == [None]
    assert kinds(1, first, copy._replace(item=2)) == [Kind.IDENTITY_CLONED]


def test_one_card_entered_twice_is_a_remark_and_no_accusation() -> None:
    assert kinds(1, sighting(1, **A), sighting(2, item=2, **A)) == [None]


def test_simulated_cards_are_never_taken_for_real_ones() -> None:
    real, made_up = sighting(1, **A, **BOARD), sighting(2, item=0, simulated=True, **A, **OTHER_BOARD)
    assert assign([made_up], [real]) == [None]
    assert kinds(1, real, made_up._replace(item=2)) == kinds(2, real, made_up._replace(item=2)) == []


@pytest.mark.parametrize("said", ["N/A", "[N/A]", "0", "0000000000000", "", "Unknown Error", "None", "[Not Supported]"])
def test_what_says_nothing_is_no_identity(said: str) -> None:
    identity = identity_of(make_evidence(nvml=make_nvml(serial=said, uuid=said, pdi=said), driver=unavailable_driver()))
    assert (identity.serial, identity.uuid, identity.pdi) == (None, None, None)


def unavailable_driver() -> Any:
    from gpucheck.model.base import Reason

    return unavailable(Reason.NOT_INSTALLED)


def test_a_slice_and_a_virtual_gpu_are_no_die() -> None:
    mig = "MIG-6b0b2a4c-59a1-4c5f-9d0c-0f4a9be1c111"
    assert identity_of(make_evidence(nvml=make_nvml(uuid=mig), driver=unavailable_driver())).uuid is None
    virtual = identity_of(make_evidence(nvml=make_nvml(name="NVIDIA A40-24Q", **A)))
    assert virtual.virtual
    assert same_die(virtual, virtual) is None


def test_redacted_evidence_of_a_card_is_that_card_where_one_key_hid_it() -> None:
    evidence = make_evidence(nvml=make_nvml(**A, **BOARD))
    plain, hidden, again = (identity_of(each) for each in (evidence, *(redacted(evidence, KEY) for _ in range(2))))
    assert same_die(hidden, again)
    assert same_board(hidden, again)
    assert die_keys(hidden) == die_keys(again)
    # What is hidden and what is open have nothing in common that could be compared, and nothing is claimed.
    assert same_die(plain, hidden) is None
    assert same_board(plain, hidden) is None
    assert die_keys(plain) == die_keys(identity_of(evidence))


def test_twins_of_a_scan_are_noted() -> None:
    assert identity_of(make_evidence(twins=(Twin(label="x", field="uuid"),))).twin


MOVED, COPIED = (
    Notice(kind, 1, 1, START, "") for kind in (Kind.TRANSPLANTED, Kind.IDENTITY_CLONED)
)  # fmt: skip


@pytest.mark.parametrize(
    ("before", "found", "after"),
    [
        ("authentic", [], "authentic"),
        ("authentic", [MOVED], "modified"),
        ("authentic", [MOVED, COPIED], "modified"),
        ("authentic", [COPIED], "suspect"),
        ("inconclusive", [MOVED], "suspect"),
        ("counterfeit", [MOVED], "counterfeit"),
        ("suspect", [COPIED], "suspect"),
        ("authentic", [MOVED._replace(kind=None)], "authentic"),
    ],
)
def test_notices_make_a_verdict_worse_and_never_better(before: str, found: list[Notice], after: str) -> None:
    assert weigh(before, found) == after


pick = st.sampled_from
identities = st.builds(
    Identity,
    simulated=st.booleans(),
    uuid=pick([None, A["uuid"], B["uuid"], digest(A["uuid"], KEY)]),
    pdi=pick([None, A["pdi"], B["pdi"]]),
    serial=pick([None, BOARD["serial"], OTHER_BOARD["serial"]]),
    board_part_number=pick([None, BOARD["board_part_number"]]),
    chip_id=pick([None, 0x192]),
)


@settings(max_examples=300, deadline=None)
@given(identities, identities)
def test_comparing_is_mutual(one: Identity, other: Identity) -> None:
    assert same_die(one, other) == same_die(other, one)
    assert same_board(one, other) == same_board(other, one)


@settings(max_examples=300, deadline=None)
@given(identities, st.lists(pick(["uuid", "pdi", "serial", "board_part_number", "chip_id"]), max_size=5))
def test_a_card_that_tells_less_is_never_accused(whole: Identity, left_out: list[str]) -> None:
    nothing: dict[str, Any] = dict.fromkeys(left_out)
    less = whole._replace(**nothing)
    assert kinds(1, sighting(1)._replace(identity=whole), sighting(2)._replace(identity=less)) == []
    assert kinds(1, sighting(1)._replace(identity=less), sighting(2)._replace(identity=whole)) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(identities, st.integers(1, 3)), max_size=6), st.randoms())
def test_the_order_of_reading_changes_no_notice(stated: list[tuple[Identity, int]], random: Any) -> None:
    seen = [sighting(n, item)._replace(identity=identity) for n, (identity, item) in enumerate(stated)]
    mixed = list(seen)
    random.shuffle(mixed)
    assert notices(1, seen) == notices(1, mixed)


def test_of_two_intakes_in_one_second_only_the_later_one_is_news() -> None:
    found = [Notice(Kind.TRANSPLANTED, 1, 2, START, "")]
    assert until(found, START, 1) == []
    assert until(found, START, 2) == found
    assert until(found, START + dt.timedelta(seconds=1), 1) == found
