"""A sample of the forged pairs, and whether evidence put together says what a full scan says."""

import random
from collections import defaultdict
from functools import cache

import pytest

from gpucheck.model.base import Unavailable
from gpucheck.model.finding import Status
from gpucheck.pipeline import assess
from gpucheck.verdict.weights import BY_CHECK
from tests.cards import catalog
from tests.lab.fraud_pairs import judge
from tests.lab.pairs import Pair, compose, differs_in, honest, is_hard, profiles, scan

_SEED = 3
_SKUS = 20
_SCANNED = 6
_MEASURED_ELSEWHERE = {"memory-bandwidth", "memory-speed", "memory-uniformity", "memory-residency"}
"""They hold a rate against a limit: noise falls otherwise, and buffers depend on how much memory is declared."""


@cache
def sample() -> tuple[Pair, ...]:
    """All pairs of some SKUs that were drawn two by two, each with one that is hard to tell from it."""
    alike: dict[tuple[str, int], list[str]] = defaultdict(list)
    for profile in profiles().values():
        alike[profile.die.compute_capability, max(profile.sm_counts, default=0)].append(profile.id)
    pairs = (Pair(a, b) for group in alike.values() for a in group for b in group if a < b)
    drawn = random.Random(_SEED).sample([pair for pair in pairs if is_hard(pair) and differs_in(pair)], _SKUS // 2)
    ids = dict.fromkeys(each for pair in drawn for each in (pair.silicon, pair.declared))
    return tuple(pair for a in ids for b in ids if a != b and differs_in(pair := Pair(a, b)))


def has_rates(pair: Pair) -> bool:
    """Without arithmetic rates the tensor tier is not measured, and SKUs of unknown memory are no rivals."""
    return not isinstance(honest(pair.silicon).throughput, Unavailable)


def test_no_perfect_copy_of_another_sku_is_authentic() -> None:
    pairs = [pair for pair in sample() if has_rates(pair) or differs_in(pair) != ("tensor tier",)]
    hard = [pair for pair in pairs if is_hard(pair)]
    assert len(pairs) > 250
    assert len(hard) >= 12
    found = judge(pairs, float("inf"))
    assert found.authentic == []
    assert found.verdicts.total() == len(pairs)


def test_the_lab_finds_honest_cards_authentic() -> None:
    """A judge who calls everything forged would pass the other test."""
    ids = dict.fromkeys(pair.silicon for pair in sample())
    known = [i for i in ids if profiles()[i].sm_counts and profiles()[i].memory[0].bandwidth_bytes_per_second]
    verdicts = {i: assess(compose(Pair(i, i)), catalog()).verdict for i in known}
    assert {v.authenticity.value for v in verdicts.values()} <= {"authentic", "inconclusive"}
    assert sum(v.authenticity.value == "authentic" for v in verdicts.values()) > len(known) / 2


@pytest.mark.parametrize("number", range(_SCANNED))
def test_put_together_is_what_a_full_scan_says(number: int) -> None:
    chance = random.Random(f"{_SEED}/{number}")
    hard = [pair for pair in sample() if is_hard(pair)]
    pair = chance.choice(hard if number % 2 else sample())
    together, scanned = (assess(evidence, catalog()) for evidence in (compose(pair), scan(pair)))
    assert together.verdict.authenticity == scanned.verdict.authenticity
    for one, other in zip(together.findings, scanned.findings, strict=True):
        if one.check not in _MEASURED_ELSEWHERE:
            assert (one.check, one.status) == (other.check, other.status)


def test_a_forgery_that_is_caught_by_the_oracle_alone_says_which_sku_it_is() -> None:
    pair = Pair("geforce-gtx-1650-gddr6", "geforce-gtx-1650")
    card = assess(compose(pair), catalog())
    assert card.verdict.authenticity.value != "authentic"
    found = next(f for f in card.findings if f.check == "silicon-match")
    assert found.status is not Status.PASS
    assert "GDDR6" in found.message
    assert BY_CHECK["silicon-match"].required
