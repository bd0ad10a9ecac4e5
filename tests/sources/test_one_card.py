"""Files that a seller sends one by one: which are of one card, and which only have its bus address."""

import time
from itertools import permutations

import pytest

from gpucheck.model.base import Unavailable
from gpucheck.model.evidence import Evidence
from gpucheck.sources.nvidia_smi import parse, to_evidence
from gpucheck.sources.one_card import File, Together, put_together
from tests.cards import finding, report

UUIDS = "GPU-6b0b2a4c-59a1-4c5f-9d0c-0f4a9be1c111", "GPU-0d2f7f38-8a51-46c9-8f15-2f6f8d1ab222"


def smi(device: str = "2684", uuid: str = UUIDS[0], bus: str = "01", vbios: str = "95.02.3C.40.0D") -> str:
    name = {"2684": "RTX 4090", "2204": "RTX 3090"}[device]
    return f"""GPU 00000000:{bus}:00.0
    Product Name : NVIDIA GeForce {name}
    GPU UUID : {uuid}
    VBIOS Version : {vbios}
    PCI
        Device Id : 0x{device}10DE
        Sub System Id : 0x165B10DE
    FB Memory Usage
        Total : 24564 MiB
"""


def lspci(device: str = "2684", bus: str = "01", driver: str = "nvidia", board: str = "10de:165b") -> str:
    return (
        f"{bus}:00.0 VGA compatible controller [0300]: NVIDIA Corporation Device [10de:{device}] (rev a1)\n"
        f"\tSubsystem: NVIDIA Corporation Device [{board}]\n\tKernel driver in use: {driver}\n"
    )


def proc(uuid: str = UUIDS[0], bus: str = "01", vbios: str = "95.02.3c.40.0d") -> str:
    return (
        f"Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 129\nGPU UUID: \t {uuid}\nVideo BIOS: \t {vbios}\n"
        f"Bus Type: \t PCIe\nBus Location: \t 0000:{bus}:00.0\n"
    )


def joined(**texts: str) -> Together:
    return put_together([File(name, to_evidence(parse(text, name), name)) for name, text in texts.items()])


def kinds(evidence: Evidence) -> str:
    """Which accounts a card has, by their first letters."""
    sections = (("s", evidence.nvidia_smi), ("p", evidence.pci), ("d", evidence.driver))
    return "".join(letter for letter, section in sections if not isinstance(section, Unavailable))


FILES = {"smi.txt": smi(), "lspci.txt": lspci(), "information": proc()}


@pytest.mark.parametrize("order", list(permutations(FILES)))
def test_files_of_one_card_are_one_card(order: tuple[str, ...]) -> None:
    found = joined(**{name: FILES[name] for name in order})
    (card,) = found.cards
    assert kinds(card) == "spd"
    assert card.label == f"0000:01:00.0 in {' + '.join(order)}"
    assert sorted(found.files[0]) == sorted(order)
    assert found.notes == ()


def test_they_are_judged_as_the_same_text_in_one_file_is() -> None:
    (apart,) = joined(**FILES).cards
    (whole,) = to_evidence(parse("\n".join(FILES.values()), "all.txt"), "all.txt")
    same = {"label": "", "collected_at": whole.collected_at}
    assert apart.model_copy(update=same) == whole.model_copy(update=same)


@pytest.mark.parametrize("board", ["10de:165b", "1462:3881"])
def test_a_listing_of_the_bus_that_contradicts_is_a_forgery_or_of_another_machine(board: str) -> None:
    (card,) = joined(**{"clean.xml": smi(), "lspci.txt": lspci("2204", board=board)}).cards
    assert report(card).verdict.authenticity == "suspect"
    split = finding(card, "source-agreement")
    assert "2204 by pci): made up, or of two machines." in split.message
    assert (split.remedy or "").startswith("Ask for both once more"), "a buyer has no card yet to boot beside"


def test_it_is_a_forgery_where_the_files_agree_about_another_card() -> None:
    files = {"clean.xml": smi() + smi("2204", UUIDS[1], "02"), "lspci.txt": lspci() + lspci("2684", "02")}
    sound, forged = joined(**files).cards
    assert (sound.joined_by_address, forged.joined_by_address) == (False, False)
    assert report(forged).verdict.authenticity == "counterfeit"
    assert "At least one of them is made up." in finding(forged, "source-agreement").message


def test_one_file_is_of_one_machine() -> None:
    (card,) = to_evidence(parse(smi() + lspci("2204"), "all.txt"), "all.txt")
    assert report(card).verdict.authenticity == "counterfeit"


def test_cards_of_one_machine_find_each_their_own() -> None:
    both = {
        "smi.txt": smi() + smi("2204", UUIDS[1], "02"),
        "lspci.txt": lspci() + lspci("2204", "02"),
        "one": proc(),
        "two": proc(UUIDS[1], "02"),
    }
    found = joined(**both)
    assert [kinds(card) for card in found.cards] == ["spd", "spd"]
    assert found.files == (("smi.txt", "lspci.txt", "one"), ("smi.txt", "lspci.txt", "two"))


@pytest.mark.parametrize(
    ("texts", "expected", "says"),
    [
        ({"a": smi(), "b": smi(uuid=UUIDS[1])}, ["s", "s"], ""),
        ({"a": smi(), "b": smi()}, ["s", "s"], ""),
        ({"a": lspci(), "b": lspci("2204")}, ["p", "p"], ""),
        ({"a": smi(), "b": lspci(bus="02")}, ["s", "p"], ""),
        (
            {"a": smi(), "b": proc(UUIDS[1])},
            ["s", "d"],
            "a and b are judged apart at 0000:01:00.0: they state different",
        ),
        ({"a": smi(), "b": proc(vbios="95.02.18.80.5f")}, ["s", "d"], "they are of two times"),
        (
            {"a": smi(), "b": lspci("2204", driver="vfio-pci")},
            ["s", "p"],
            "which vfio-pci holds, as of another machine",
        ),
        ({"a": smi("2204", UUIDS[1]), "b": smi(), "c": lspci("1e07")}, ["s", "s", "p"], "c: more than one card"),
        ({"a": smi(), "b": smi(uuid=UUIDS[1]), "c": lspci()}, ["s", "s", "p"], "c: more than one card"),
        ({"a": smi(), "b": lspci("2204"), "c": lspci("1e07")}, ["s", "p", "p"], "b, c: more than one card"),
        ({"a": smi() + "\n" + lspci("2204", driver="vfio-pci"), "b": "x\n" + proc()}, ["sd", "p"], ""),
    ],
)
def test_files_of_different_machines_stay_apart(texts: dict[str, str], expected: list[str], says: str) -> None:
    """Their bus address is the same, as it is in most machines."""
    found = joined(**texts)
    assert [kinds(card) for card in found.cards] == expected
    assert bool(found.notes) == bool(says)
    assert says in "".join(found.notes)


def test_two_sellers_files_find_each_other_by_what_tells_them_apart() -> None:
    files = {"a": smi(), "b": smi("2204", UUIDS[1]), "a bus": lspci(), "b bus": lspci("2204"), "b proc": proc(UUIDS[1])}
    found = joined(**files)
    assert [kinds(card) for card in found.cards] == ["sp", "spd"]
    assert found.files == (("a", "a bus"), ("b", "b bus", "b proc"))
    assert found.notes == ()


def test_boards_tell_two_cards_of_one_model_apart() -> None:
    other = smi(uuid=UUIDS[1]).replace("165B10DE", "51041462")
    found = joined(a=smi(), b=other, c=lspci(board="1462:5104"))
    assert [kinds(card) for card in found.cards] == ["s", "sp"]


@pytest.mark.parametrize("device", ["2684", "2204"])
def test_of_two_listings_alike_beside_one_output_the_fuller_counts(device: str) -> None:
    full = lspci(device) + "\t\tLnkCap:\tPort #0, Speed 16GT/s, Width x16\n"
    short = full.split("\n")[0]
    for texts in ({"b": short, "c": full}, {"b": full, "c": short}):
        found = joined(a=smi(), **texts, d=proc(), e=proc())
        (card,) = found.cards
        assert card.label == "0000:01:00.0 in a + b + c + d + e"
        assert getattr(card.pci, "link_generation_max", None) == 4
        assert (report(card).verdict.authenticity == "suspect") == (device == "2204")


def test_of_two_listings_that_differ_the_one_that_agrees_is_the_cards() -> None:
    found = joined(a=smi(), b=lspci("2204"), c=lspci())
    assert [kinds(card) for card in found.cards] == ["sp", "p"]
    assert found.files == (("a", "c"),)
    boards = joined(a=smi(), b=lspci(), c=lspci(board="1462:5104"))
    assert [kinds(card) for card in boards.cards] == ["sp", "p"]


def test_a_listing_with_a_blanked_id_contradicts_nothing() -> None:
    (card,) = joined(a=smi(), b=lspci("0000")).cards
    assert kinds(card) == "sp"
    assert report(card).verdict.authenticity == "inconclusive"


def test_two_outputs_about_one_die_and_a_listing() -> None:
    found = joined(a=smi(), b=smi(), c=lspci())
    assert [kinds(card) for card in found.cards] == ["sp", "s"]


def test_a_whole_document_stays_alone() -> None:
    document = File("evidence.json", to_evidence(parse(smi(), "x"), "x"), whole=True)
    listing = File("lspci.txt", to_evidence(parse(lspci(), "y"), "y"))
    found = put_together([document, listing, document])
    assert [kinds(card) for card in found.cards] == ["s", "p", "s"]
    assert [card.label for card in found.cards] == ["x 0000:01:00.0", "y 0000:01:00.0", "x 0000:01:00.0"]
    assert found.files == ()


def test_hostile_names_are_made_harmless() -> None:
    found = joined(**{"a\u202e\x1b[2J" * 200: smi(), "b\n" * 500: lspci()})
    assert found.cards[0].label.isprintable()
    assert all(name.isprintable() and len(name) <= 80 for names in found.files for name in names)


def test_hundreds_of_files_with_one_address_end_soon() -> None:
    cards, listings = to_evidence(parse(smi(), "s"), "s"), to_evidence(parse(lspci(), "p"), "p")
    files = [File(f"s{n}", cards) for n in range(400)] + [File(f"p{n}", listings) for n in range(400)]
    start = time.process_time()
    found = put_together(files)
    assert time.process_time() - start < 10
    assert len(found.cards) == 800
    assert len(found.notes) == 1
