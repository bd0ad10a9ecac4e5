"""Claims as sellers write them: makers, series, condition and other languages around a name, and never another card."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucheck.catalog import Catalog, ClaimError
from gpucheck.catalog.listing import _ALSO_IN_NAMES, _WORDS
from tests.catalog.given import PROFILES

CATALOG = Catalog(PROFILES)

SOLD = [
    ("GTX 1080 Ti Founders Edition", "GTX 1080 Ti"),
    ("RTX 2070 Founders Edition 8GB", "RTX 2070"),
    ("RTX 3080 Founder's Edition", "RTX 3080"),
    ("RTX 4090 FE", "RTX 4090"),
    ("RTX 4090 OC", "RTX 4090"),
    ("ASUS ROG Strix RTX 4090 OC 24G", "RTX 4090 24GB"),
    ("ASUS TUF-RTX4090-O24G-GAMING", "RTX 4090 24GB"),
    ("DUAL-RTX3060-O12G-V2", "RTX 3060 12GB"),
    ("MSI RTX 3080 Gaming X Trio 10G LHR", "RTX 3080 10GB"),
    ("MSI GeForce RTX 4070 Ti SUPER 16G VENTUS 3X OC", "RTX 4070 Ti SUPER"),
    ("Gigabyte RTX 3070 Eagle OC 8GB", "RTX 3070"),
    ("Gigabyte RTX 3060 Ti Windforce", "RTX 3060 Ti"),
    ("RTX 2070 Super OC", "RTX 2070 SUPER"),
    ("RTX 2070 Super Overclocked", "RTX 2070 SUPER"),
    ("Dual RTX 3060 12GB", "RTX 3060 12GB"),
    ("RTX 4070 White", "RTX 4070"),
    ("RTX 3060 Mini", "RTX 3060"),
    ("RTX 3090 Blower", "RTX 3090"),
    ("RTX 3060 LHR", "RTX 3060"),
    ("used RTX 3060", "RTX 3060"),
    ("2nd hand RTX 3060", "RTX 3060"),
    ("NVIDIA ASUS RTX 3060 12GB", "RTX 3060 12GB"),
    ("EVGA GTX 1080 Ti FTW3 Hybrid", "GTX 1080 Ti"),
    ("EVGA RTX 2080 Ti Black Edition", "RTX 2080 Ti"),
    ("ZOTAC RTX 3070 Twin Edge Laptop", "RTX 3070 Laptop"),
    ("RTX 4090 24 Go", "RTX 4090 24GB"),
    ("RTX 4090 d'occasion", "RTX 4090"),
    ("Carte graphique RTX 3060 12 Go, très bon état", "RTX 3060 12GB"),
    ("Grafikkarte RTX 3060 12 GB gebraucht, wie neu", "RTX 3060 12GB"),
    ("Grafikkarte RTX 3060 12 GB, generalüberholt, weiß", "RTX 3060 12GB"),
    ("Verkaufe RTX 2070 Super 8GB mit Rechnung und Garantie", "RTX 2070 SUPER"),
    ("RTX 3090 24GB (excellent condition!)", "RTX 3090"),
    ("七彩虹 iGame RTX4090涡轮24G", "RTX 4090 24GB"),
    ("RTX 3060 Ти 8 ГБ", "RTX 3060 Ti 8GB"),
    ("\uff32\uff34\uff38 \uff13060", "RTX 3060"),
    ("PC portable RTX 3060", "RTX 3060 Laptop"),
    ("RTX 3060 笔记本", "RTX 3060 Laptop"),
    ("笔记本电脑RTX3060", "RTX 3060 Laptop"),
    ("ASUS RTX 4090 D OC 24G", "RTX 4090 D"),
    ("MSI RTX 5090 D V2 Gaming Trio OC", "RTX 5090 D V2"),
    ("GTX TITAN Black OC", "GTX TITAN Black"),
    ("RTX 2080 Max-Q OC", "RTX 2080 Max-Q"),
    ("RTX 4090 Suprim Liquid X", "RTX 4090"),
    ("RTX 4090 Bogus Wonder", None),
]
IDS = {profile.id for profile in CATALOG.all_profiles()}
NAMES = sorted({n for p in CATALOG.all_profiles() for n in (p.name, *p.nvml_names) if n.lower() not in IDS})
SAID = [
    *("Founders Edition", "FE", "OC", "ASUS ROG Strix", "MSI Gaming X Trio", "Eagle OC", "Windforce", "Dual", "TUF"),
    *("White", "Mini", "Blower", "used", "2nd hand", "d'occasion", "gebraucht", "Ventus 2X", "Hall of Fame", "显卡"),
    *("Carte graphique", "XC3", "FTW3", "like new", "iChill X3"),
]


def meant(text: str) -> set[str]:
    return {profile.id for profile in CATALOG.resolve_claim(text).profiles}


@pytest.mark.parametrize(("text", "card"), SOLD, ids=[text for text, _ in SOLD])
def test_a_listing_means_the_card_and_no_other(text: str, card: str | None) -> None:
    if card is None:
        with pytest.raises(ClaimError):
            CATALOG.resolve_claim(text)
    else:
        assert meant(text) == meant(card)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("RTX 3090 24GB nicht gemint", "did you mean GeForce RTX 3090? Then leave out: nicht, gemint."),
        ("VB: RTX 3080 Ti defekt, Bastler", "did you mean GeForce RTX 3080 Ti? Then leave out: VB, defekt, Bastler."),
        ("RTX 4090 Bogus Wonder", "did you mean GeForce RTX 4090? Then leave out: Bogus, Wonder."),
    ],
)
def test_a_listing_with_unknown_words_is_told_which_they_are(text: str, hint: str) -> None:
    with pytest.raises(ClaimError) as caught:
        CATALOG.resolve_claim(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize("text", ["RTX 4090 Ti", "RTX 4090 Ti Bogus", "RTX 9999 Bogus"])
def test_a_part_of_a_name_is_never_to_be_left_out(text: str) -> None:
    with pytest.raises(ClaimError) as caught:
        CATALOG.resolve_claim(text)
    assert "leave out" not in caught.value.hint


def test_titan_x_was_the_name_of_two_cards() -> None:
    assert meant("Titan X") == {"geforce-gtx-titan-x", "titan-x-pascal"}
    assert meant("NVIDIA Titan X 12GB") == {"geforce-gtx-titan-x", "titan-x-pascal"}
    assert meant("Titan X Pascal") == {"titan-x-pascal"}
    assert meant("GTX Titan X") == meant("Titan X Maxwell") == {"geforce-gtx-titan-x"}
    assert meant("Titan Xp") == {"titan-xp"}


def test_the_capacity_of_a_listing_is_kept() -> None:
    assert CATALOG.resolve_claim("ASUS RTX 4090 OC 48 Go").memory_mib == 49152
    assert CATALOG.resolve_claim("ASUS RTX 4090 OC 48 Go").text == "ASUS RTX 4090 OC 48 Go"


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(SAID), min_size=1, max_size=3), st.booleans())
def test_what_sellers_add_never_makes_it_another_card(name: str, said: list[str], before: bool) -> None:
    try:
        plainly = meant(name)
    except ClaimError:
        return
    assert meant(" ".join([*said, name] if before else [name, *said])) == plainly


def test_no_word_of_sellers_tells_cards_apart() -> None:
    told = {word for name in NAMES for word in re.findall(r"[a-z0-9]+", name.lower())}
    told |= {w for p in CATALOG.all_profiles() for n in p.other_names for w in re.findall(r"[a-z0-9]+", n.lower())}
    assert not (told - {"graphics"}) & _WORDS
    assert {"black", "v2"} <= told & _ALSO_IN_NAMES
