"""The model of tensor-core sums against results of real cards, and against arithmetic where nothing is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucheck.simulation.tensor import Floats, Sums

VOLTA, AMPERE, HOPPER = Sums(4, 23), Sums(8, 24), Sums(16, 25)
PUBLISHED = [
    ("V100", VOLTA, "bd85bd37b0e6b5d0", "b0d13e6d4065b8e3", 0x3F4C6B1F, 0xBF99EE40),
    ("V100", VOLTA, "3f8b3ed0b811b856", "b670b8793fb43198", 0x3ED33D31, 0xC017CDF6),
    ("A100", AMPERE, "b1433cbd372f3ec830443b0c3a07af14", "3087402f2f952ebcbd80c0f1bd8fb8db", 0x3F6A6DA4, 0x3E865E58),
    ("A2", AMPERE, "397a3a623864361cc0d4a256aced3677", "bb1e34a4beebbe184050b9282b333d7b", 0x3F3439C3, 0xC0BB4861),
    ("L40S", AMPERE, "3683b785bc6a3d2035343749a68c3ec6", "b9b238cbb4a4bc48408ab32a34393702", 0x3F7A5E72, 0x3F39F899),
    (
        "H100",
        HOPPER,
        "b571bd62399c3ba43c98b717bd1ca3cfbcf43b5db4a94027bb363c633c5e3163",
        "351bbd1f9f9abdb03f913ac6a9cd2469399eb861bc803122bd61bdb2b5adbb0d",
        0x3E2ED9A0,
        0x3F2DD9DE,
    ),
    (
        "B200",
        HOPPER,
        "bdcd3dc53418bd65a7803dbf40a5bc58b5733b75a548b9c623a03beb3eac3a64",
        "36a03cc4bc06bc4537e338413d813e70bbf8bffeb10f3cafba0534ff2b65c1b4",
        0x3E4BED81,
        0x3EE540BE,
    ),
]
"""Half factors, first and second, addend and result, as the cards gave them: Khattak and Mikaitis, "Accurate Models of
NVIDIA Tensor Cores" (arXiv 2512.07004), north-numerical-computing/MATLAB-tensor-core, folder model_validation."""


def halves(text: str) -> Floats:
    return np.frombuffer(bytes.fromhex(text), ">u2").astype(np.uint16).view(np.float16).astype(np.float32)[None]


def added(sums: Sums, first: str, second: str, addend: int) -> int:
    return int(
        sums.add(halves(first), halves(second), np.array([addend], np.uint32).view(np.float32)).view(np.uint32)[0]
    )


@pytest.mark.parametrize(("card", "sums", "first", "second", "addend", "result"), PUBLISHED)
def test_real_cards_results(card: str, sums: Sums, first: str, second: str, addend: int, result: int) -> None:
    assert added(sums, first, second, addend) == result


@pytest.mark.parametrize(("card", "sums", "first", "second", "addend", "result"), PUBLISHED)
def test_one_bit_more_or_smaller_groups_give_another_result(
    card: str, sums: Sums, first: str, second: str, addend: int, result: int
) -> None:
    assert added(Sums(sums.terms_at_once, sums.fraction_bits + 1), first, second, addend) != result
    if sums.terms_at_once > 4:
        assert added(Sums(sums.terms_at_once // 2, sums.fraction_bits), first, second, addend) != result


whole = st.integers(-15, 15)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([VOLTA, AMPERE, HOPPER, Sums(8, 24, "to_nearest")]),
    st.lists(st.tuples(whole, whole), min_size=1, max_size=16),
    whole,
)
def test_small_whole_numbers_add_up_exactly(sums: Sums, pairs: list[tuple[int, int]], addend: int) -> None:
    first, second = (np.array([row], np.float32) for row in zip(*pairs, strict=True))
    got = sums.add(first, second, np.array([addend], np.float32))
    assert got[0] == addend + sum(one * other for one, other in pairs)


def test_what_lies_below_a_float_is_cut_and_zero_stays_zero() -> None:
    tiny = np.array([[2.0**-75]], np.float32)
    assert HOPPER.add(tiny, tiny, np.zeros(1, np.float32))[0] == 0.0
    nothing = np.zeros((1, 16), np.float32)
    assert HOPPER.add(nothing, nothing, np.zeros(1, np.float32))[0] == 0.0
